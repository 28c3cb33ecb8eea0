"""Case 16: a region is whatever AWS has; the European Sovereign Cloud's begins with four letters."""

from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from orchestrator.cli import session
from orchestrator.domain.intake import Delivery
from orchestrator.domain.release import Target
from orchestrator.intake_cloudtrail import ALIAS_CHANGED, changed
from orchestrator.releasefile.document import Document
from orchestrator.releasefile.loading import check
from orchestrator.releasefile.schema import json_schema

FILE = """\
targets:
  checkout: {account: "123456789012", region: eusc-de-east-1, function: checkout, alias: live, strategy: careful}
strategies:
  careful: {kind: canary, weights: [10, 50], bake: 5m}
"""


def target(region: str) -> Target:
    return Target(account="123456789012", region=region, function="checkout", alias="live")


def test_case_16_region_with_four_letters():
    """The release file is good as it stands."""
    _, problems = check(FILE, "sluice.yaml", session.plugins())
    assert problems == ()
    Draft202012Validator(json_schema(session.plugins())).validate(Document(FILE, "sluice.yaml").data)


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1", "ap-southeast-12"])
def test_case_16_letters_digits_and_dashes_are_a_region(region):
    """The client library knows the rest."""
    assert target(region).region == region


@pytest.mark.parametrize(
    "region", ["", "local", "eu_west-1", "eu/west-1", "-eu-west", "eu--west-1", "eu-west-", "EU-west-1"]
)
def test_case_16_what_no_region_looks_like_is_refused(region):
    """At least one dash, and between dashes letters and digits: it becomes part of a host name and of an id."""
    with pytest.raises(ValidationError):
        target(region)


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("arn:aws-eusc:lambda:eusc-de-east-1:210987654321:function:checkout", "210987654321/eusc-de-east-1"),
        ("checkout-eu:live", "123456789012/eu-west-1"),
    ],
)
def test_case_16_the_region_in_an_arn_is_read_and_a_qualified_name_is_no_region(named, place):
    """A name with a dash, and its alias behind it, look like a region only as long as no account follows."""
    detail = {
        "eventName": "UpdateAlias20150331",
        "eventTime": "2026-11-20T10:00:00Z",
        "awsRegion": "eu-west-1",
        "recipientAccountId": "123456789012",
        "requestParameters": {"functionName": named, "name": "live", "functionVersion": "7"},
    }
    delivery = Delivery(
        provider="eventbridge", event=ALIAS_CHANGED, id="d", payload={"detail": detail}, received_at=datetime.now(UTC)
    )
    found = changed(delivery)
    assert found is not None
    assert found.intake is not None
    (change,) = found.intake.changes
    assert change.target.place == place
    assert change.target.function == named.split(":")[-1 if named.startswith("arn") else 0]
