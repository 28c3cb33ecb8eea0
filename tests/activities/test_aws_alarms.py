"""Scenario 42: alarms of many releases, as they are asked for on the wire."""

import asyncio
import socket
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence

import pytest

from activities.aws.alarms import AlarmReads
from activities.aws.calls import Calls
from activities.aws.session import AwsClients, AwsSettings
from orchestrator.domain.errors import InvariantError, Throttled
from orchestrator.domain.release import Target
from orchestrator.lab.admin import LabAdmin
from orchestrator.lab.gateway import Gateway
from orchestrator.lab.processes import claim_port

ALLOWED = 9
"""DescribeAlarms a second, account and region. Source: CloudWatch quotas."""
TARGET = Target(account="000000000000", region="us-east-1", function="checkout", alias="live")


@pytest.fixture
async def endpoint() -> AsyncIterator[Gateway]:
    """The lab's CloudWatch; it needs nothing behind it."""
    place: socket.socket = claim_port(0, "the test")
    gateway = Gateway("http://127.0.0.1:1", place, faults_allowed=True)
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest.fixture
async def admin(endpoint: Gateway) -> AsyncIterator[LabAdmin]:
    async with LabAdmin(endpoint.url) as admin:
        yield admin


@pytest.fixture
async def aws(endpoint: Gateway, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsClients]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    clients = AwsClients(AwsSettings(endpoint_url=endpoint.url))
    yield clients
    await clients.aclose()


def most_in_a_second(times: Sequence[float]) -> int:
    """The largest number in any span of one second."""
    ordered = sorted(times)
    return max((bisect_left(ordered, at + 1) - i for i, at in enumerate(ordered)), default=0)


async def test_300_looks_at_once_are_a_few_calls_and_each_learns_of_its_own_alarms(
    aws: AwsClients, admin: LabAdmin
) -> None:
    """300 releases with three alarms each: 900 names, at most 100 a call; a call for each look would take 37 s."""
    for number in range(300):
        await admin.set_alarm(f"errors-{number}", "ALARM" if number % 7 == 0 else "OK")

    async def look(number: int) -> None:
        target = TARGET.model_copy(update={"function": f"f{number}"})
        found = await aws.cloudwatch(target).alarms([f"missing-{number}", f"errors-{number}", f"late-{number}"])
        wished = (f"errors-{number}", "ALARM" if number % 7 == 0 else "OK")
        assert [(alarm.name, alarm.state) for alarm in found] == [wished]

    async with asyncio.timeout(15):
        await asyncio.gather(*map(look, range(300)))
    calls = await admin.calls("DescribeAlarms")
    assert {name for call in calls for name in call.params["AlarmNames"]} >= {f"late-{n}" for n in range(300)}
    assert all(len(call.params["AlarmNames"]) <= 100 for call in calls)
    assert len(calls) == 9


async def test_looks_that_never_come_together_stay_below_the_limit_all_the_same(
    aws: AwsClients, admin: LabAdmin
) -> None:
    """Every look is a call of its own, as soon as the one before it is answered, for four seconds."""
    await admin.set_alarm("errors", "OK")

    async def looks() -> None:
        while True:
            await aws.cloudwatch(TARGET).alarms(["errors"])

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(looks(), 4)
    times = [call.time for call in await admin.calls("DescribeAlarms")]
    assert len(times) > 20
    assert most_in_a_second(times) <= ALLOWED


async def test_300_looks_of_many_alarms_stay_below_the_limit(aws: AwsClients, admin: LabAdmin) -> None:
    """2,400 names are 24 calls, which take three seconds."""
    names = [[f"a-{number}-{each}" for each in range(8)] for number in range(300)]
    async with asyncio.timeout(30):
        await asyncio.gather(*(aws.cloudwatch(TARGET).alarms(each) for each in names))
    times = [call.time for call in await admin.calls("DescribeAlarms")]
    assert len(times) == 24
    assert most_in_a_second(times) <= ALLOWED
    assert max(times) - min(times) > 2


async def test_a_refused_call_is_told_to_everybody_in_it_and_to_nobody_after_it(
    aws: AwsClients, admin: LabAdmin
) -> None:
    await admin.set_alarm("errors", "OK")
    await admin.inject("DescribeAlarms", "throttle", count=1)
    port = aws.cloudwatch(TARGET)
    told = await asyncio.gather(port.alarms(["errors"]), port.alarms(["errors", "slow"]), return_exceptions=True)
    assert [type(each) for each in told] == [Throttled, Throttled]
    assert [alarm.state for alarm in await port.alarms(["errors"])] == ["OK"]


async def test_a_look_that_is_given_up_takes_nothing_from_the_others(aws: AwsClients, admin: LabAdmin) -> None:
    await admin.set_alarm("errors", "OK")
    await admin.inject("DescribeAlarms", "late", delay=0.3, count=1)
    port = aws.cloudwatch(TARGET)
    given_up = asyncio.ensure_future(port.alarms(["errors"]))
    other = asyncio.ensure_future(port.alarms(["errors"]))
    await asyncio.sleep(0.1)
    given_up.cancel()
    assert [alarm.name for alarm in await other] == ["errors"]
    assert given_up.cancelled() or given_up.cancelling()


async def test_an_answer_is_never_older_than_its_question(aws: AwsClients, admin: LabAdmin) -> None:
    """What is asked while a call is out is asked again."""
    await admin.set_alarm("errors", "OK")
    await admin.inject("DescribeAlarms", "late", delay=0.3, count=1)
    port = aws.cloudwatch(TARGET)
    first = asyncio.ensure_future(port.alarms(["errors"]))
    await asyncio.sleep(0.1)
    second = asyncio.ensure_future(port.alarms(["errors"]))
    await asyncio.gather(first, second)
    assert len(await admin.calls("DescribeAlarms")) == 2


async def test_a_name_that_no_alarm_can_have_is_missing_and_spoils_no_call(aws: AwsClients, admin: LabAdmin) -> None:
    """AWS refuses a whole call for it, and with it other releases' alarms."""
    await admin.set_alarm("errors", "OK")
    found = await aws.cloudwatch(TARGET).alarms(["", "x" * 256, "a\nb", "errors"])
    assert [alarm.name for alarm in found] == ["errors"]
    assert [call.params["AlarmNames"] for call in await admin.calls("DescribeAlarms")] == [["errors"]]


async def test_whoever_waits_when_the_clients_are_closed_is_not_left_waiting(aws: AwsClients, admin: LabAdmin) -> None:
    await admin.inject("DescribeAlarms", "hang", delay=5)
    port = aws.cloudwatch(TARGET)
    waiting = [asyncio.ensure_future(port.alarms([name])) for name in ("errors", "slow")]
    await asyncio.sleep(0.2)
    late = asyncio.ensure_future(port.alarms(["late"]))
    await asyncio.sleep(0)
    await aws.aclose()
    async with asyncio.timeout(2):
        told = await asyncio.gather(*waiting, late, return_exceptions=True)
    assert [type(each) for each in told] == [asyncio.CancelledError] * 3
    with pytest.raises(InvariantError, match="closed"):
        await port.alarms(["errors"])


async def test_a_mistake_of_ours_reaches_whoever_asked() -> None:
    """Nobody waits for ever for an answer that cannot be read."""

    class Client:
        async def describe_alarms(self, **_: object) -> dict[str, object]:
            return {"MetricAlarms": [{"StateValue": "OK"}]}

    async def connect() -> Client:
        return Client()

    with pytest.raises(KeyError, match="AlarmName"):
        await AlarmReads(Calls(connect)).read(["errors"])
