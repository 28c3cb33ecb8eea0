"""Faults on demand, the journal of calls, and the control plane's budget."""

import asyncio
import contextlib
import time

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from orchestrator.lab.admin import LabAdmin, LabAdminError
from orchestrator.lab.gateway import Gateway
from orchestrator.lab.processes import claim_port
from tests.lab.calls import ECHO, call, make, refused, until

TWICE = 2  # aiohttp repeats a PUT once by itself
WEIGHTS = {"AdditionalVersionWeights": {"2": 0.5}}


@pytest.fixture
async def live(functions, admin):
    await make(functions, ECHO % 1, ECHO % 2, alias="live")
    await admin.clear_calls()
    return {"FunctionName": "f", "Name": "live"}


async def weights(functions):
    shown = await functions.get_alias(FunctionName="f", Name="live")
    return shown.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})


async def test_an_operation_fails_as_often_as_asked_and_is_not_applied(functions, live, admin):
    await admin.inject("UpdateAlias", "fail", code="ServiceException", status=503, count=2)
    for _ in range(2):
        with refused("ServiceException", 503):
            await functions.update_alias(**live, RoutingConfig=WEIGHTS)
    assert await weights(functions) == {}
    await functions.update_alias(**live, RoutingConfig=WEIGHTS)
    assert await weights(functions) == {"2": 0.5}


async def test_a_throttle_carries_the_reason_of_the_control_plane(functions, live, admin):
    await admin.inject("GetAlias", "throttle", count=1)
    with refused("TooManyRequestsException", 429) as caught:
        await functions.get_alias(**live)
    assert caught.value.response["Reason"] == "CallerRateLimitExceeded"


async def test_a_fault_for_some_time_ends_by_itself(functions, live, admin):
    await admin.inject("GetAlias", "fail", seconds=0.3)
    with refused("ServiceException", 500):
        await functions.get_alias(**live)

    async def healed():
        try:
            await functions.get_alias(**live)
        except ClientError:
            return False
        return True

    await until(healed)


async def test_a_fault_can_be_bound_to_one_function(functions, live, admin):
    await make(functions, ECHO % 1, name="g", alias="live")
    await admin.inject("GetAlias", "fail", function="g")
    await functions.get_alias(**live)
    with refused("ServiceException", 500):
        await functions.get_alias(FunctionName="g", Name="live")
    await admin.clear_faults()
    await functions.get_alias(FunctionName="g", Name="live")


async def test_a_lost_reply_is_applied(functions, live, admin):
    await admin.inject("UpdateAlias", "lose_reply", count=TWICE)
    with pytest.raises(HTTPClientError):
        await functions.update_alias(**live, RoutingConfig=WEIGHTS)
    assert await weights(functions) == {"2": 0.5}


async def test_a_withheld_answer_is_applied_at_once_and_dropped_late(functions, live, admin):
    await admin.inject("UpdateAlias", "withhold", delay=0.4, count=TWICE)
    began = time.monotonic()
    sent = asyncio.create_task(functions.update_alias(**live, RoutingConfig=WEIGHTS))

    async def applied():
        return await weights(functions) == {"2": 0.5}

    await until(applied)
    assert not sent.done()
    with pytest.raises(HTTPClientError):
        await sent
    assert time.monotonic() - began >= 0.4


async def test_the_transport_s_own_repeat_after_a_lost_reply_meets_its_first_attempt(functions, live, admin):
    revision = (await functions.get_alias(**live))["RevisionId"]
    await admin.inject("UpdateAlias", "lose_reply", count=1)
    with refused("PreconditionFailedException", 412):
        await functions.update_alias(**live, RoutingConfig=WEIGHTS, RevisionId=revision)
    assert await weights(functions) == {"2": 0.5}
    assert [call.status for call in await admin.calls("UpdateAlias")] == [None, 412]


async def test_a_hanging_call_is_dropped_without_being_applied(functions, live, admin):
    await admin.inject("UpdateAlias", "hang", delay=0.2, count=TWICE)
    began = time.monotonic()
    with pytest.raises(HTTPClientError):
        await functions.update_alias(**live, RoutingConfig=WEIGHTS)
    assert time.monotonic() - began >= 0.2
    assert await weights(functions) == {}


async def test_a_late_answer_comes_after_its_delay(functions, live, admin):
    await admin.inject("GetAlias", "late", delay=0.2, count=1)
    began = time.monotonic()
    await functions.get_alias(**live)
    assert time.monotonic() - began >= 0.2


async def test_a_late_application_happens_although_the_caller_has_gone(functions, live, admin):
    await admin.inject("UpdateAlias", "late_apply", delay=0.5, count=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await functions.update_alias(**live, RoutingConfig=WEIGHTS)
    assert await weights(functions) == {}

    async def applied():
        return await weights(functions) == {"2": 0.5}

    await until(applied)


async def test_a_hanging_call_does_not_hold_up_the_end_of_its_lab(running_lab):
    place = claim_port(0, "the test")
    gateway = Gateway("http://127.0.0.1:1", place, faults_allowed=True)
    await gateway.start()
    async with LabAdmin(gateway.url) as admin:
        await admin.inject("GetAccountSettings", "hang", delay=60)
        hanging = asyncio.create_task(asyncio.open_connection("127.0.0.1", gateway.port))
        reader, writer = await hanging
        writer.write(b"GET /2016-08-19/account-settings HTTP/1.1\r\nhost: lab\r\n\r\n")
        await writer.drain()
    began = time.monotonic()
    await gateway.stop()
    assert time.monotonic() - began < 3
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


async def test_a_lab_started_without_faults_refuses_them():
    gateway = Gateway("http://127.0.0.1:1", claim_port(0, "the test"))
    await gateway.start()
    async with LabAdmin(gateway.url) as admin:
        with pytest.raises(LabAdminError, match="without faults"):
            await admin.inject("UpdateAlias", "fail")
    await gateway.stop()


async def test_the_journal_tells_each_control_plane_call_in_order(functions, live, admin):
    revision = (await functions.get_alias(**live))["RevisionId"]
    await functions.update_alias(**live, RoutingConfig=WEIGHTS, RevisionId=revision)
    with refused("PreconditionFailedException", 412):
        await functions.update_alias(**live, RoutingConfig={"AdditionalVersionWeights": {}}, RevisionId=revision)
    await call(functions, "live")
    await admin.inject("PublishVersion", "lose_reply", count=1)
    with pytest.raises(HTTPClientError):
        await functions.publish_version(FunctionName="f")
    seen = [(c.operation, c.function, c.alias, c.status, c.error, c.fault) for c in await admin.calls()]
    assert seen == [
        ("GetAlias", "f", "live", 200, None, None),
        ("UpdateAlias", "f", "live", 200, None, None),
        ("UpdateAlias", "f", "live", 412, "PreconditionFailedException", None),
        ("PublishVersion", "f", "", None, None, "lose_reply"),
    ]
    first, *_ = await admin.calls("UpdateAlias", "f")
    assert first.params == {"RoutingConfig": WEIGHTS, "RevisionId": revision}


async def test_all_control_operations_share_one_budget_and_get_function_has_its_own(functions, live, admin):
    await admin.configure(control_plane_rate=15, get_function_rate=100)
    for _ in range(15):
        await functions.get_alias(**live)
    with refused("TooManyRequestsException", 429) as caught:
        for _ in range(25):
            await functions.get_alias(**live)
    assert caught.value.response["Reason"] == "CallerRateLimitExceeded"
    for _ in range(20):
        await functions.get_function(FunctionName="f")
    await call(functions, "live")


async def test_settings_that_make_no_sense_are_refused(admin):
    with pytest.raises(LabAdminError, match="metric_lag"):
        await admin.configure(metric_lag=-1)
    with pytest.raises(LabAdminError, match="weather"):
        await admin.configure(weather="fine")
