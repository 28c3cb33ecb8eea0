"""From CloudTrail's record to the change of an alias, offline; and what is none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.cli.exits import Exit
from orchestrator.cli.main import main
from orchestrator.domain.drift import AliasChange
from orchestrator.domain.intake import Delivery
from orchestrator.domain.release import Target
from orchestrator.intake_cloudtrail import changed
from orchestrator.intake_events import delivery_of
from orchestrator.intake_mapping import Mapped
from tests.intake.cloudtrail import BOB, ROLE, SERVICE, asked, event, weights

NOW = datetime(2026, 3, 4, 14, 5, tzinfo=UTC)
TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
UNSAID = "the event does not say which alias was changed, when, or to what"


def found(told: dict[str, Any]) -> Mapped:
    mapped = changed(delivery_of(json.dumps(told), NOW))
    assert mapped is not None
    return mapped


def the_change(told: dict[str, Any]) -> AliasChange:
    mapped = found(told)
    assert mapped.intake is not None, mapped.ignored
    assert (mapped.intake.orders, mapped.intake.submissions) == ((), ())
    (change,) = mapped.intake.changes
    return change


def test_a_record_becomes_a_change() -> None:
    """Its id is CloudTrail's, by which two events about one call are the same; the intake's is EventBridge's."""
    told = event(number="b-1", eventID="c-1")
    assert the_change(told) == AliasChange(
        id="c-1",
        target=TARGET,
        event="UpdateAlias20150331",
        by=BOB,
        at=datetime(2026, 3, 4, 14, 2, 11, tzinfo=UTC),
        version="7",
    )
    assert delivery_of(json.dumps(told), NOW).workflow_id == "hook/eventbridge/b-1"


@pytest.mark.parametrize(
    "name",
    [
        "checkout",
        "checkout:live",
        "function:checkout",
        "123456789012:function:checkout",
        "arn:aws:lambda:eu-west-1:123456789012:function:checkout",
        "arn:aws:lambda:eu-west-1:123456789012:function:checkout:live",
    ],
)
def test_a_function_may_be_named_in_every_form_that_lambda_takes(name: str) -> None:
    assert the_change(event(asked(name))).target == TARGET


def test_the_owner_of_the_function_counts_and_not_the_account_of_the_caller() -> None:
    other = "arn:aws:lambda:us-east-2:210987654321:function:checkout"
    target = the_change(event(asked(other))).target
    assert target.place == "210987654321/us-east-2"


@pytest.mark.parametrize(
    ("identity", "by"),
    [
        (ROLE, "arn:aws:sts::123456789012:assumed-role/Admin/carol"),
        (SERVICE, "codedeploy.amazonaws.com"),
        (
            ROLE | {"invokedBy": "cloudformation.amazonaws.com"},
            "arn:aws:sts::123456789012:assumed-role/Admin/carol through cloudformation.amazonaws.com",
        ),
        ({"type": "IdentityCenterUser", "accountId": "1"}, "somebody whom CloudTrail does not name"),
        ({"type": "SAMLUser", "principalId": "x:y", "userName": "dave"}, "dave"),
        (None, "somebody whom CloudTrail does not name"),
    ],
)
def test_whoever_has_called_is_named_as_well_as_can_be(identity: object, by: str) -> None:
    assert the_change(event(userIdentity=identity)).by == by


@pytest.mark.parametrize(
    ("parameters", "answer", "version", "percent"),
    [
        (asked(), None, "7", None),
        (asked(routingConfig=weights(v8=0.07)), None, "7", {"8": 7.0}),
        (asked(routingConfig={"additionalVersionWeights": {}}), None, "7", {}),
        (asked(routingConfig={}), None, "7", {}),
        (asked(version=None, routingConfig=weights(v8=0.07)), None, None, {"8": 7.0}),
        (asked(version=None, routingConfig=weights(v8=0.07)), {"functionVersion": "6"}, "6", {"8": 7.0}),
        (asked(), {"functionVersion": "7"}, "7", {}),
        (asked(), {"functionVersion": "7", "routingConfig": weights(v8=0.5)}, "7", {"8": 50.0}),
    ],
)
def test_what_was_sent_counts_and_the_answer_fills_in_the_rest(
    parameters: dict[str, Any], answer: dict[str, Any] | None, version: str | None, percent: dict[str, float] | None
) -> None:
    """UpdateAlias keeps what is left out, so without an answer it is not known."""
    change = the_change(event(parameters, responseElements=answer))
    assert (change.version, change.weights) == (version, percent)


def test_creations_and_deletions_are_changes_too() -> None:
    created = the_change(event(name="CreateAlias20150331"))
    assert (created.version, created.weights) == ("7", {})
    deleted = the_change(event(asked(version=None), name="DeleteAlias20150331"))
    assert deleted.sentence == f"alias checkout:live deleted by {BOB} at 14:02:11Z outside Sluice"


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (event(name="PublishVersion20150331"), "`PublishVersion20150331` changes no alias"),
        (event(readOnly=True), "the call has only read"),
        (
            event(errorCode="PreconditionFailedException", errorMessage="The RevisionId provided does not match"),
            "the call failed (PreconditionFailedException), so the alias is as it was",
        ),
        (event(asked(version=None, description="new")), "it changes neither the version nor the weights"),
        (event({}), UNSAID),
        (event(requestParameters=None), UNSAID),
        (event(requestParameters="HIDDEN"), UNSAID),
        (event(asked("a b")), UNSAID),
        (event(asked(alias="$LATEST")), UNSAID),
        (event(eventTime="yesterday"), UNSAID),
        (event(eventTime=None), UNSAID),
        (event(asked(routingConfig=weights(v8=0.1, v9=0.1))), UNSAID),
        (event(asked(routingConfig={"additionalVersionWeights": {"8": "much"}})), UNSAID),
        (event(account="x"), UNSAID),
        (event() | {"detail": None}, "it is no record of CloudTrail"),
        (event() | {"detail": []}, "it is no record of CloudTrail"),
    ],
)
def test_what_is_no_change_is_ignored_with_a_reason(told: dict[str, Any], why: str) -> None:
    assert found(told) == Mapped(None, why)


def test_other_deliveries_are_not_its_business() -> None:
    delivery = Delivery(provider="github", event="lambda.alias_changed", id="d", payload={}, received_at=NOW)
    assert changed(delivery) is None


def test_the_command_says_what_a_record_would_do(tmp_path, capsys) -> None:
    (tmp_path / "sluice.yaml").write_text(
        'targets: {it: {account: "123456789012", region: eu-west-1, function: f, alias: live, strategy: all_at_once}}'
    )
    (tmp_path / "event.json").write_text(json.dumps(event()))
    words = ["--provider", "eventbridge", "--event", "lambda.alias_changed", "--file", str(tmp_path / "sluice.yaml")]
    assert main(["webhook", "test", str(tmp_path / "event.json"), *words]) == Exit.OK
    assert capsys.readouterr().out == (
        f"change    alias checkout:live moved by {BOB} at 14:02:11Z outside Sluice: version 7\n"
        "told      the release that runs on checkout:live\n"
    )
