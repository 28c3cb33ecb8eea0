"""Gates: the two kinds there are, and the activity that waits for one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities import gates
from activities.gates.freeze import FreezeOptions
from activities.gating import Gating
from orchestrator.domain.plan import Gate, Plugin
from orchestrator.domain.release import Target
from orchestrator.domain.work import AskGate
from orchestrator.registry import Registry
from tests.activities.loopback import listening
from tests.fakes.clock import FakeClock

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
XMAS = {"from": "2026-12-20T00:00:00+01:00", "until": "2027-01-04T08:00:00+01:00", "reason": "Christmas"}
WEEKEND = {"days": ["fri"], "from": "16:00", "until": "08:00", "zone": "Europe/Berlin", "reason": "weekend"}


class World:
    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.clock = FakeClock()
        self.activities = Gating(Registry(gates, "gate"), http, self.clock)
        self.beats: list[str] = []

    async def opened(self, kind: str, **options: Any) -> str:
        environment = ActivityEnvironment()
        environment.on_heartbeat = self.beats.append
        gate = Gate(gate=Plugin(name="mine", kind=kind, options=options), interval=timedelta(seconds=7))
        work = AskGate(release_id="r1", target=TARGET, step=2, version="42", gate=gate)
        return (await environment.run(self.activities.ask_gate, work)).sentence

    async def closed(self, kind: str, **options: Any) -> str:
        """Return why the gate is closed, having checked how that is raised."""
        with pytest.raises(ApplicationError) as caught:
            await self.opened(kind, **options)
        error = caught.value
        assert (error.type, error.non_retryable, error.category) == (
            "GateClosed",
            False,
            ApplicationErrorCategory.BENIGN,
        )
        assert error.next_retry_delay == timedelta(seconds=7)
        assert self.beats == [error.message]
        return error.message

    async def at(self, moment: str, *windows: Any) -> str | None:
        """Return the sentence of a freeze that is closed at `moment`; None when it is open."""
        now = datetime.fromisoformat(moment).astimezone(UTC)
        self.clock = FakeClock(now)
        self.activities._ports = gates.GatePorts(http=self.activities._ports.http, clock=self.clock)
        self.beats.clear()
        try:
            await self.opened("freeze", windows=list(windows))
        except ApplicationError as error:
            return error.message
        return None


@pytest.fixture
async def world():
    async with httpx2.AsyncClient(trust_env=False) as http:
        yield World(http)


@pytest.fixture
async def server():
    async with listening() as loopback:
        yield loopback


async def test_a_webhook_is_asked_with_everything_that_it_may_decide_by(world, server):
    assert await world.opened("webhook", url=f"{server.url}/ask", headers={"X-Team": "shop"}) == "gate mine is open"
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers["x-team"]) == ("POST", "/ask", "shop")
    assert asked.json == {
        "release_id": "r1",
        "target": {"account": "123456789012", "region": "eu-west-1", "function": "checkout", "alias": "live"},
        "step": 2,
        "version": "42",
        "gate": "mine",
    }
    assert world.beats == []


@pytest.mark.parametrize("body", ["", "not json", "[]", '{"open": true, "reason": "all green"}', "{}"])
async def test_status_200_opens(world, server, body):
    server.body = body
    assert (await world.opened("webhook", url=server.url)).startswith("gate mine is open")


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (200, '{"open": false, "reason": "load test until 14:00"}', "gate mine is closed: load test until 14:00"),
        (202, '{"open": false}', "gate mine is closed, without a reason"),
        (403, "", "gate mine is closed, without a reason"),
        (409, '{"reason": "another deploy"}', "gate mine is closed: another deploy"),
        (423, "", "gate mine is closed, without a reason"),
        (200, '{"open": "yes"}', 'gate mine answered `open` as "yes", which is not true'),
        (200, '{"open": null}', "gate mine answered `open` as null, which is not true"),
        (202, "", "gate mine answered with status 202, which does not open it, without a reason"),
        (302, "", "gate mine answered with status 302, which does not open it, without a reason"),
        (500, '{"open": true}', "gate mine answered with status 500, which does not open it, without a reason"),
    ],
)
async def test_everything_else_is_closed_and_told_why(world, server, status, body, sentence):
    server.status, server.body, server.headers = status, body, {"Location": "/open"}
    assert await world.closed("webhook", url=server.url) == sentence


async def test_a_webhook_that_cannot_be_reached_is_closed_and_its_path_stays_secret(world):
    sentence = await world.closed("webhook", url="http://127.0.0.1:1/hooks/s3cr3t")
    assert sentence.startswith("gate mine could not be reached at 127.0.0.1, which keeps it closed: ")
    assert "s3cr3t" not in sentence


async def test_a_webhook_that_hangs_is_closed(world, server):
    server.seconds = 0.3
    sentence = await world.closed("webhook", url=server.url, max_seconds=0.05)
    assert sentence == "gate mine gave no answer within 0.05 s, which keeps it closed"


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ("oracle", {}, "UnknownPlugin"),
        ("webhook", {}, "InvalidSpec"),
        ("webhook", {"url": "http://a b\n"}, "InvalidSpec"),
        ("freeze", {"windows": []}, "InvalidSpec"),
    ],
)
async def test_a_gate_that_can_never_be_asked_is_not_retried(world, kind, options, error):
    with pytest.raises(ApplicationError) as caught:
        await world.opened(kind, **options)
    assert (caught.value.type, caught.value.non_retryable) == (error, True)


async def test_a_freeze_by_dates_is_closed_from_its_first_moment_to_its_last(world):
    assert await world.at("2026-12-19T23:59:59+01:00", XMAS) is None
    assert await world.at("2026-12-20T00:00:00+01:00", XMAS) == (
        "gate mine is closed until 2027-01-04 08:00+01:00: Christmas"
    )
    assert await world.at("2027-01-04T07:59:59+01:00", XMAS) is not None
    assert await world.at("2027-01-04T08:00:00+01:00", XMAS) is None


@pytest.mark.parametrize(
    ("moment", "closed"),
    [
        ("2026-01-09T15:59:00+01:00", False),
        ("2026-01-09T16:00:00+01:00", True),
        ("2026-01-10T07:59:00+01:00", True),
        ("2026-01-10T08:00:00+01:00", False),
        ("2026-01-08T17:00:00+01:00", False),
        ("2026-07-10T15:30:00+02:00", False),
        ("2026-07-10T16:30:00+02:00", True),
    ],
)
async def test_a_weekly_freeze_follows_local_time_past_midnight_and_in_summer(world, moment, closed):
    assert (await world.at(moment, WEEKEND) is not None) is closed


async def test_a_weekly_freeze_within_a_day(world):
    lunch = {"days": ["mon", "tue"], "from": "11:00", "until": "13:00"}
    assert await world.at("2026-01-05T12:00:00+00:00", lunch) == "gate mine is closed until 2026-01-05 13:00+00:00"
    assert await world.at("2026-01-05T13:00:00+00:00", lunch) is None
    assert await world.at("2026-01-07T12:00:00+00:00", lunch) is None


async def test_windows_that_touch_are_told_as_one(world):
    saturday = {"days": ["sat", "sun"], "from": "00:00", "until": "00:00", "zone": "Europe/Berlin"}
    sentence = await world.at("2026-01-09T17:00:00+01:00", WEEKEND, saturday)
    assert sentence == "gate mine is closed until 2026-01-12 00:00+01:00: weekend"


async def test_a_freeze_without_an_end_is_told_too(world):
    always = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "until": "00:00"}
    assert await world.at("2026-01-09T17:00:00+01:00", always) == "gate mine is closed and no end is in sight"


@pytest.mark.parametrize(
    "window",
    [
        {**XMAS, "until": "2026-12-20T00:00:00+01:00"},
        {**XMAS, "from": "2026-12-20T00:00:00"},
        {**WEEKEND, "zone": "Europe/Atlantis"},
        {**WEEKEND, "zone": "../etc/passwd"},
        {**WEEKEND, "from": "16:00+01:00"},
        {**WEEKEND, "days": []},
        {**WEEKEND, "days": ["friday"]},
        {},
    ],
)
def test_windows_that_mean_nothing_are_refused(window):
    with pytest.raises(ValidationError):
        FreezeOptions.model_validate({"windows": [window]})
