"""Whose credentials and what they may do, on the wire: sessions, paths, pages and every decision."""

from urllib.parse import parse_qs

import pytest

from activities.aws.session import AwsClients, AwsSettings
from orchestrator.domain.errors import AccessDenied, NotReleasable, Throttled
from orchestrator.domain.release import Target
from tests.fakes.wire import WireAws

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
SESSION = "arn:aws:sts::123456789012:assumed-role/sluice/i-0abc"
ROLE = "arn:aws:iam::123456789012:role/ci/sluice"
XML = '<{0}Response xmlns="https://example.com/"><{0}Result>{1}</{0}Result></{0}Response>'
REFUSED = "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>no</Message></Error></ErrorResponse>"


@pytest.fixture
async def wire():
    async with WireAws() as wire:
        yield wire


@pytest.fixture
async def port(wire, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    clients = AwsClients(AwsSettings(endpoint_url=wire.url))
    yield clients.permissions(TARGET)
    await clients.aclose()


def identity(wire, arn):
    wire.answer(XML.format("GetCallerIdentity", f"<Arn>{arn}</Arn><Account>123456789012</Account>"))


def results(wire, *decided, marker=""):
    members = "".join(
        f"<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>"
        for action, decision in decided
    )
    more = f"<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>" if marker else ""
    wire.answer(XML.format("SimulatePrincipalPolicy", f"<EvaluationResults>{members}</EvaluationResults>{more}"))


def sent(wire):
    return [{name: values[0] for name, values in parse_qs(r.body.decode()).items()} for r in wire.requests]


async def test_a_session_is_simulated_as_its_role_with_the_path(wire, port):
    """A session's ARN leaves the path out, and IAM knows no role without it."""
    identity(wire, SESSION)
    wire.answer(XML.format("GetRole", f"<Role><Arn>{ROLE}</Arn></Role>"))
    results(wire, ("lambda:UpdateAlias", "allowed"), ("lambda:GetAlias", "implicitDeny"), marker="m1")
    results(wire, ("lambda:PublishVersion", "explicitDeny"))
    actions = ["lambda:PublishVersion", "lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetPolicy"]
    found = await port.simulated(actions, "arn:aws:lambda:eu-west-1:123456789012:function:checkout")
    assert list(found.items()) == [
        ("lambda:PublishVersion", "denied"),
        ("lambda:GetAlias", "not_allowed"),
        ("lambda:UpdateAlias", "allowed"),
        ("lambda:GetPolicy", "not_allowed"),
    ]
    _, role, first, second = sent(wire)
    assert role["RoleName"] == "sluice"
    assert first["PolicySourceArn"] == ROLE
    assert first["ResourceArns.member.1"].endswith(":function:checkout")
    assert [first[f"ActionNames.member.{i}"] for i in (1, 2, 3, 4)] == actions
    assert ("Marker" in first, second["Marker"]) == (False, "m1")


async def test_a_role_that_may_not_read_itself_is_taken_without_a_path(wire, port):
    identity(wire, SESSION.replace("arn:aws:", "arn:aws-cn:"))
    wire.answer(REFUSED.format("AccessDenied"), status=403)
    results(wire, ("lambda:GetAlias", "allowed"))
    assert await port.simulated(["lambda:GetAlias"], "*") == {"lambda:GetAlias": "allowed"}
    assert sent(wire)[-1]["PolicySourceArn"] == "arn:aws-cn:iam::123456789012:role/sluice"


async def test_a_user_is_simulated_as_it_is(wire, port):
    user = "arn:aws:iam::123456789012:user/people/anna"
    identity(wire, user)
    results(wire, ("lambda:GetAlias", "allowed"))
    await port.simulated(["lambda:GetAlias"], "*")
    assert [each["Action"] for each in sent(wire)] == ["GetCallerIdentity", "SimulatePrincipalPolicy"]
    assert sent(wire)[-1]["PolicySourceArn"] == user


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("AccessDenied", 403, AccessDenied), ("InvalidInput", 400, NotReleasable), ("Throttling", 400, Throttled)],
)
async def test_what_cannot_be_simulated_is_an_error_of_ours(wire, port, code, status, error):
    """InvalidInput is what IAM answers about the root user."""
    identity(wire, "arn:aws:iam::123456789012:root")
    wire.answer(REFUSED.format(code), status=status)
    with pytest.raises(error, match="could not simulate the permissions of arn:aws:iam::123456789012:root"):
        await port.simulated(["lambda:GetAlias"], "*")
