"""Clients of AWS: how they are made, whose credentials they carry, and what they do when nobody answers."""

import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from activities.aws import session as room
from activities.aws.budget import Budget
from activities.aws.session import AwsClients, AwsSettings
from orchestrator.domain.errors import AccessDenied, InvariantError, Throttled, TimedOut, Unavailable
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import whole
from tests.fakes.wire import Reply, WireAws

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
OTHER = TARGET.model_copy(update={"region": "us-east-1"})
ALIAS = {"FunctionVersion": "1", "RevisionId": "r1", "Name": "live"}
ROLE = "arn:aws:iam::123456789012:role/sluice"


@pytest.fixture
async def wire():
    async with WireAws() as wire:
        yield wire


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
async def connect(wire, credentials):
    """Makes clients that are closed at the end."""
    made = []

    def make(**settings):
        made.append(AwsClients(AwsSettings(endpoint_url=wire.url, **settings)))
        return made[-1]

    yield make
    for clients in made:
        await clients.aclose()


async def test_one_client_for_each_service_account_and_region(connect, wire):
    """Twenty calls at once in one region make one client; another region has its own."""
    clients = connect(control_rate=1000)
    for _ in range(21):
        wire.answer(ALIAS)
    await asyncio.gather(*(clients.functions(TARGET).get_alias("checkout", "live") for _ in range(20)))
    await clients.functions(OTHER).get_alias("checkout", "live")
    assert sorted(clients._clients) == [("lambda", "123456789012", r) for r in ("eu-west-1", "us-east-1")]


async def test_a_caller_that_goes_away_leaves_no_half_made_client(connect, wire):
    """Cancelling the first caller while its client is made does not spoil the next."""
    clients = connect()
    first = asyncio.ensure_future(clients.functions(TARGET).get_alias("checkout", "live"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    wire.answer(ALIAS)
    assert (await clients.functions(TARGET).get_alias("checkout", "live")).revision == "r1"


async def test_nothing_is_repeated_behind_our_back(connect, wire):
    """Temporal owns the retries: one call is one request, whatever comes back."""
    clients = connect()
    wire.refuse(500, "ServiceException")
    wire.refuse(429, "TooManyRequestsException", Reason="CallerRateLimitExceeded", headers={"Retry-After": "3"})
    with pytest.raises(Unavailable):
        await clients.functions(TARGET).get_alias("checkout", "live")
    with pytest.raises(Throttled, match="CallerRateLimitExceeded"):
        await clients.functions(TARGET).get_alias("checkout", "live")
    assert len(wire.requests) == 2


async def test_a_throttle_carries_the_wish_of_the_service(connect, wire):
    """The header is Lambda's `retryAfterSeconds`."""
    wire.replies.append(Reply({"message": "slow"}, 429, "TooManyRequestsException", {"Retry-After": "3"}))
    with pytest.raises(Throttled) as seen:
        await connect().functions(TARGET).get_alias("checkout", "live")
    assert seen.value.retry_after == timedelta(seconds=3)


async def test_silence_is_a_timeout(connect, wire):
    """A control call ends after the read timeout; whether it took effect is unknown."""
    wire.answer(hang=True)
    with pytest.raises(TimedOut, match="it may have taken effect"):
        await connect(read_timeout=0.1).functions(TARGET).get_alias("checkout", "live")


async def test_a_broken_connection_may_have_taken_effect(connect, wire):
    """The request was sent, so this is no mere Unavailable; and it is not sent again."""
    wire.answer(drop=True)
    with pytest.raises(TimedOut):
        await connect().functions(TARGET).update_alias("checkout", "live", whole("1"), revision="r1")
    assert len(wire.requests) == 1


async def test_nobody_there_is_unavailable(credentials):
    """A refused connection never took effect."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clients = AwsClients(AwsSettings(endpoint_url=f"http://127.0.0.1:{port}"))
    with pytest.raises(Unavailable):
        await clients.functions(TARGET).get_alias("checkout", "live")
    await clients.aclose()


async def test_an_invocation_has_a_limit_of_its_own(connect, wire):
    """The read timeout of control calls does not cut an invocation short; its argument does."""
    functions = connect(read_timeout=0.05).functions(TARGET)
    wire.answer(hang=True)
    started = time.monotonic()
    with pytest.raises(TimedOut, match="invoke checkout:2"):
        await functions.invoke("checkout", "2", b"{}", timeout=0.3)
    assert 0.25 <= time.monotonic() - started < 3


async def test_without_credentials_access_is_denied(wire, monkeypatch, tmp_path):
    """Said in a sentence, without waiting for a metadata service."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    clients = AwsClients(AwsSettings(endpoint_url=wire.url))
    with pytest.raises(AccessDenied, match="no AWS credentials"):
        await clients.functions(TARGET).get_alias("checkout", "live")
    await clients.aclose()


async def test_after_closing_nothing_is_called(connect, wire):
    """Closing twice is closing once."""
    clients = connect()
    wire.answer(ALIAS)
    await clients.functions(TARGET).get_alias("checkout", "live")
    await clients.aclose()
    await clients.aclose()
    with pytest.raises(InvariantError, match="closed"):
        await clients.functions(TARGET).get_alias("checkout", "live")


async def test_connections_are_kept_alive(connect, wire, monkeypatch):
    """A long invocation is silent; translators of addresses forget silent connections."""
    sockets = []
    original = room._kept_alive

    def spy(address):
        sockets.append(original(address))
        return sockets[-1]

    monkeypatch.setattr(room, "_kept_alive", spy)
    wire.answer(ALIAS)
    await connect().functions(TARGET).get_alias("checkout", "live")
    assert [s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for s in sockets] == [1]


def assumed(key, expires):
    return (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken>"
        f"<Expiration>{expires.isoformat()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )


async def test_a_role_is_assumed_once_with_its_external_id(connect, wire):
    """All clients of the account share the credentials; the calls are signed by them."""
    clients = connect(roles={"123456789012": ROLE}, external_id="ours", control_rate=1000)
    wire.answer(assumed("FIRSTKEY", datetime.now(UTC) + timedelta(hours=1)))
    for _ in range(5):
        wire.answer(ALIAS)
    await asyncio.gather(*(clients.functions(TARGET).get_alias("checkout", "live") for _ in range(5)))
    sts, *calls = wire.requests
    assert b"ExternalId=ours" in sts.body
    assert b"RoleSessionName=sluice" in sts.body
    assert "testing" in sts.headers["Authorization"]
    assert len(calls) == 5
    assert all("FIRSTKEY" in call.headers["Authorization"] for call in calls)


async def test_credentials_are_renewed_before_they_end(connect, wire):
    """Ten minutes before the end the next call fetches new ones."""
    clients = connect(roles={"123456789012": ROLE})
    wire.answer(assumed("OLDKEY", datetime.now(UTC) + timedelta(minutes=9)))
    wire.answer(ALIAS)
    wire.answer(assumed("NEWKEY", datetime.now(UTC) + timedelta(hours=1)))
    wire.answer(ALIAS)
    for _ in range(2):
        await clients.functions(TARGET).get_alias("checkout", "live")
    keys = [r.headers["Authorization"].partition("Credential=")[2].partition("/")[0] for r in wire.requests]
    assert keys == ["testing", "OLDKEY", "testing", "NEWKEY"]


async def test_a_refused_role_is_access_denied_and_nothing_else_is_tried(connect, wire):
    """Falling back to the environment's credentials could release in the wrong account."""
    clients = connect(roles={"123456789012": ROLE})
    body = '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
    wire.answer(body + "<Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>", status=403)
    with pytest.raises(AccessDenied, match="AssumeRole"):
        await clients.functions(TARGET).get_alias("checkout", "live")
    assert len(wire.requests) == 1


def test_a_role_of_another_account_is_refused():
    """A mistyped setting must not release elsewhere."""
    with pytest.raises(ValueError, match="does not belong to account 111111111111"):
        AwsSettings(roles={"111111111111": ROLE})


async def test_a_restore_does_not_wait_behind_everyday_calls(connect, wire):
    """Thirty reads are queued at 10 a second; a restore among them is answered at once."""
    clients = connect(control_rate=10, restore_reserve=5)
    for _ in range(31):
        wire.answer(ALIAS)
    await clients.functions(TARGET).get_alias("checkout", "live")
    queued = [asyncio.ensure_future(clients.functions(TARGET).get_alias("checkout", "live")) for _ in range(30)]
    await asyncio.sleep(0.05)
    started = time.monotonic()
    await clients.urgent(TARGET).get_alias("checkout", "live")
    assert time.monotonic() - started < 0.5
    assert sum(one.done() for one in queued) < 15
    for one in queued:
        one.cancel()
    await asyncio.gather(*queued, return_exceptions=True)


async def test_all_ports_of_a_place_share_one_budget(connect, wire):
    """Two releases in one account and region do not get twice the rate."""
    clients = connect(control_rate=20, restore_reserve=2)
    for _ in range(12):
        wire.answer(ALIAS)
    await clients.functions(TARGET).get_alias("checkout", "live")
    started = time.monotonic()
    ports = [clients.functions(TARGET) for _ in range(11)]
    await asyncio.gather(*(port.get_alias("checkout", "live") for port in ports))
    assert time.monotonic() - started > 0.35


async def test_everyday_calls_stand_still_while_restores_wait():
    """The whole rate belongs to the restores, and everyday calls go on afterwards."""
    budget = Budget(rate=40, reserve=10)
    order = []

    async def take(kind, turn):
        await turn()
        order.append(kind)

    restores = [asyncio.ensure_future(take("restore", budget.urgent)) for _ in range(6)]
    await asyncio.sleep(0)
    everyday = [asyncio.ensure_future(take("everyday", budget.everyday)) for _ in range(2)]
    await asyncio.gather(*restores, *everyday)
    assert order == ["restore"] * 6 + ["everyday"] * 2


async def test_a_restore_that_gives_up_frees_the_others():
    """A cancelled restore does not hold everyday calls for ever."""
    budget = Budget(rate=1, reserve=1)
    await budget.urgent()
    waiting = asyncio.ensure_future(budget.urgent())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(budget.everyday(), 2)
