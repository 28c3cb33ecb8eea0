"""Which periods a look reads, what it makes of them, and when the next look is."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import analysis
from activities.analysis import PROVIDER_ERRORS, Analysis
from activities.metrics.cloudwatch import Wanted, observe
from orchestrator.domain.analysis import Alarms, Compare, Limit, Observation, Verdict, Window
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.plan import Bake, Plan, Promote, Sampling, Shift
from orchestrator.domain.release import Actor, Latest, ReleaseRequest, Target
from orchestrator.domain.traffic import split, whole
from orchestrator.domain.work import BakeProgress, Watch, Watched
from tests.fakes.aws import FakeAws
from tests.fakes.clock import START, FakeClock

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
T0 = int(START.timestamp())
SAMPLING = Sampling(period=timedelta(seconds=60), lag=timedelta(seconds=120), interval=timedelta(seconds=20))
LIMIT = Limit(name="limit", metric="error_rate", maximum=5)
BAKE = Bake(duration=timedelta(minutes=5), max_hold=timedelta(minutes=10))


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws(self.clock)
        self.aws.add_function(TARGET, versions=2)
        self.aws.move(TARGET, split("1", "2", 10))  # as the release has left it
        self.cloudwatch = self.aws.cloudwatch(TARGET)
        self.clock.advance(3600)

    def serve(self, minute: int, *, errors: int = 0, version: str = "2", invocations: int = 100) -> None:
        start = T0 + 60 * minute
        self.cloudwatch.serve("checkout", "live", version, start, invocations=invocations, errors=errors)

    async def observed(self, *windows: Window, now: float, settle: float = 3) -> dict[int, Observation]:
        """By minute."""
        found = await observe(
            self.cloudwatch,
            TARGET,
            arms={"canary": "2", "baseline": "1"},
            windows=windows,
            wanted=Wanted((Compare(name="errors", latency=False),), None),
            sampling=SAMPLING,
            settle=settle,
            now=T0 + now,
        )
        return {(o.start - T0) // 60: o for o in found}

    async def look(self, before: BakeProgress | None = None, **changes: Any) -> Watched:
        environment = ActivityEnvironment()
        if before is not None:
            environment.info = environment.info.__class__(
                **{**environment.info.__dict__, "heartbeat_details": [before.model_dump(mode="json")]}
            )
        self.progress: list[BakeProgress] = []
        environment.on_heartbeat = lambda *details: self.progress.append(details[0])
        looking = Analysis(self.aws, self.clock, None)
        return await environment.run(looking.bake, watch(**changes))


def watch(checks: tuple[Any, ...] = (LIMIT,), **changes: Any) -> Watch:
    steps = (Shift(weight=10, bake=BAKE), Promote(bake=BAKE))
    request = ReleaseRequest(
        release_id="r1",
        target=TARGET,
        artifact=Latest(),
        plan=Plan(strategy="canary", steps=steps, checks=checks, sampling=SAMPLING),
        actor=Actor(name="anna"),
        submitted_at=START,
    )
    base = {"request": request, "stable": "1", "canary": "2", "step": 0, "bake": BAKE}
    return Watch(**(base | {"windows": (Window(step=0, weight=10, start=T0),)} | changes))


@pytest.fixture
def world() -> World:
    return World()


def window(start: float, end: float | None = None, *, step: int = 0, weight: float = 10) -> Window:
    return Window(step=step, weight=weight, start=T0 + start, end=None if end is None else T0 + end)


@pytest.mark.parametrize(("now", "last"), [(179, None), (180, 0), (239, 0), (240, 1)])
async def test_a_period_is_read_the_lag_after_its_end(world: World, now: float, last: int | None) -> None:
    """Numbers that arrive late are not taken for few."""
    found = await world.observed(window(0), now=now)
    assert max(found, default=None) == last


@pytest.mark.parametrize(
    ("settle", "now", "complete"), [(3, 183, True), (3, 182, False), (300, 480, True), (300, 479, False)]
)
async def test_a_period_is_complete_once_its_longest_invocation_has_been_reported(
    world: World, settle: float, now: float, complete: bool
) -> None:
    """Scenario 16: a point is stamped with the start of its invocation, and published after its end."""
    found = await world.observed(window(0), now=now, settle=settle)
    assert found[0].complete is complete


@pytest.mark.parametrize(
    ("sent", "confirmed", "kept"),
    [
        (130, 131, {0: 10, 1: 10, 3: 50, 4: 50}),  # within a period: that one goes
        (120, 120.5, {0: 10, 1: 10, 3: 50, 4: 50}),  # sent on an edge: the period before is whole
        (119.9, 120.1, {0: 10, 3: 50, 4: 50}),  # across an edge: both sides go
        (119, 120, {0: 10, 2: 50, 3: 50, 4: 50}),  # confirmed on an edge: the period after is whole
        (110, 250, {0: 10}),  # it took minutes: all of them go
    ],
)
async def test_a_period_in_which_the_weight_changed_is_dropped(
    world: World, sent: float, confirmed: float, kept: dict[int, float]
) -> None:
    """Whatever the write and its reading straddle belongs to neither weight."""
    found = await world.observed(window(0, sent), window(confirmed, step=1, weight=50), now=420)
    assert {minute: o.weight for minute, o in found.items() if minute < 5} == kept
    assert all(o.since_change == minute - (3 if confirmed > 120 else 2) for minute, o in found.items() if o.step == 1)


async def test_errors_without_a_point_are_none_where_there_were_invocations(world: World) -> None:
    """Scenario 18: AWS may send no point for zero; without invocations there is no reading at all."""
    world.cloudwatch.zero_errors = False
    world.serve(0)
    found = await world.observed(window(0), now=300)
    assert found[0].canary is not None
    assert (found[0].canary.invocations, found[0].canary.errors) == (100, 0)
    assert found[0].baseline is None
    assert found[1].canary is None


async def test_numbers_that_arrive_late_are_read_again(world: World) -> None:
    """Every look reads from the first weight on."""
    world.serve(0)
    assert (await world.observed(window(0), now=300))[0].canary.errors == 0
    world.serve(0, errors=60, invocations=60)
    late = (await world.observed(window(0), now=360))[0].canary
    assert (late.invocations, late.errors) == (160, 60)


async def test_look_without_a_decision_asks_for_the_next_one(world: World) -> None:
    """It is benign, costs no event, and people can read what it has measured."""
    with pytest.raises(ApplicationError) as error:
        await world.look(windows=(window(3600 - 60),))
    assert (error.value.type, error.value.non_retryable) == ("StillBaking", False)
    assert error.value.next_retry_delay == timedelta(seconds=20)
    assert world.progress[0].looks == 1
    assert world.progress[0].measurements[0].verdict == "INCONCLUSIVE"


async def test_next_look_comes_no_later_than_the_step_may_end(world: World) -> None:
    """A bake of five minutes takes five, whatever the interval."""
    with pytest.raises(ApplicationError) as error:
        await world.look(windows=(window(3600 - 295),))
    assert error.value.next_retry_delay == timedelta(seconds=5)


@pytest.mark.parametrize(("errors", "action"), [(0, "advance"), (50, "rollback")])
async def test_look_ends_the_step_or_the_release(world: World, errors: int, action: str) -> None:
    """Both with the numbers that say so."""
    world.serve(50, errors=errors)
    watched = await world.look(windows=(window(3600 - 900),))
    assert watched.action == action
    assert watched.measurements[0].value == errors


@pytest.mark.parametrize("mode", ["guard", "hold"])
async def test_guard_and_hold_wait_on_where_a_bake_would_be_held(world: World, mode: str) -> None:
    """The guard advances nothing either."""
    for changes in ({}, {"mode": mode}):
        late = {"windows": (window(3600 - 2000),), **changes}
        if changes:
            with pytest.raises(ApplicationError, match="still undecided" if mode == "hold" else "no data"):
                await world.look(**late)
        else:
            assert (await world.look(**late)).action == "hold"
    if mode == "guard":
        world.serve(50)
        with pytest.raises(ApplicationError):
            await world.look(windows=(window(3600 - 900),), mode=mode)


async def test_alias_that_somebody_moved_is_found_when_the_step_would_be_held(world: World) -> None:
    """No invocations because the canary has no traffic any more; waiting for a day would not bring any."""
    world.aws.function(TARGET).change_code("second")
    world.aws.function(TARGET).publish_now()
    late = {"windows": (window(3600 - 2000),)}
    for found in (split("1", "2", 10), split("1", "2", 30)):
        world.aws.move(TARGET, found)
        assert (await world.look(**late)).action == "hold"
    world.aws.move(TARGET, whole("3"))
    with pytest.raises(ApplicationError, match="found version 3") as error:
        await world.look(**late)
    assert error.value.type == "Drift"


async def test_numbers_that_cannot_be_read_a_few_times_in_a_row_are_held_and_told(world: World) -> None:
    """Scenario 17: never a pass, and the count goes from look to look."""
    world.aws.faults.refuse("metric_data", Unavailable("PartialData"), times=None)
    recent = {"windows": (window(3600 - 250),)}
    with pytest.raises(ApplicationError, match="PartialData"):
        await world.look(BakeProgress(provider_errors=PROVIDER_ERRORS - 2), **recent)
    assert world.progress[0].provider_errors == PROVIDER_ERRORS - 1
    watched = await world.look(world.progress[0], **recent)
    assert watched.action == "hold"


async def test_alarms_that_do_not_answer_cost_no_verdict_of_the_numbers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary fails and DescribeAlarms hangs: the look ends in time, with the rollback that the numbers ask for."""
    monkeypatch.setattr(analysis, "ALARM_SECONDS", 0.2)
    for minute in range(60, 63):
        world.serve(minute, errors=50)
        world.serve(minute, version="1")
    world.clock.advance(60 * 10)
    world.aws.faults.hang("alarms")
    watched = await world.look(checks=(LIMIT, Alarms(name="pager", names=("pager",))))
    assert watched.action == "rollback"
    assert [m.verdict for m in watched.measurements] == [Verdict.FAIL, Verdict.ERROR]
    assert "were not read within 0.2 s" in watched.measurements[1].sentence
