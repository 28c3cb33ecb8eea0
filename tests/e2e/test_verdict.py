"""The verdict on real functions under real traffic: five releases at once, each on a function of its own.

Chance decides which version serves a call, and whether a call of `fails_some` fails. Each docstring says how often a
sound tree fails its test by chance alone: never more than once in 10,000 runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.domain.analysis import Compare
from orchestrator.domain.comparison import ComparisonSettings
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.plan import Bake, Limits, Plan, Promote, Shift
from orchestrator.domain.release import Cause, Configuration, Outcome, Phase, Target
from orchestrator.domain.traffic import Routing, whole
from orchestrator.lab.samples import Variant
from orchestrator.lab.traffic import Traffic, TrafficCount
from orchestrator.lab.whole import LAB_SAMPLING, WholeLab, request

pytestmark = pytest.mark.timeout(120)

RATE = 30
"""Calls a second of each function: three of them reach a canary at 10 %."""
BEFORE_SECONDS = 3
"""Traffic before the release begins, for the stable version's p90."""
DECIDED_SECONDS = 30
"""How long a bad version bakes at most before it would be let through."""
RARELY = ComparisonSettings(alpha=5e-5, hold_at=1 / 5e-5)
"""The comparison's promise as arithmetic: at most one needless rollback in 20,000 runs, and no hold before it."""
PACES = tuple({"pace": 2 + number / 2} for number in range(9))
"""Calls of 16 to 48 ms on the stable version, so that its p90 lies amid a spread and not on a cliff."""

Watcher = Callable[[Traffic, Callable[[], Awaitable[ReleaseState]]], Awaitable[None]]


@dataclass
class Scene:
    """One release, and what came of it."""

    stable: Variant
    canary: Variant
    plan: Plan
    rate: float = RATE
    events: Sequence[Any] = ({},)
    while_it_runs: Watcher | None = None


@dataclass(frozen=True)
class Ending:
    """What one scene came to."""

    state: ReleaseState
    count: TrafficCount
    routing: Routing
    sentences: tuple[str, ...]
    """Everything that was shown as its state, in order."""

    @property
    def heaviest(self) -> float:
        """The largest weight that the canary ever had."""
        return max((window.weight for window in self.state.windows), default=0)


def a_plan(*weights: float, bake: float, check: Compare, max_hold: float = 60, hold: float = 60) -> Plan:
    """Times in seconds; the final bake is short, since a comparison has nothing to say at 100 %."""
    span = Bake(duration=timedelta(seconds=bake), max_hold=timedelta(seconds=max_hold))
    return Plan(
        strategy="canary",
        steps=(*(Shift(weight=w, bake=span) for w in weights), Promote(bake=Bake(duration=timedelta(0)))),
        checks=(check,),
        sampling=LAB_SAMPLING,
        limits=Limits(hold=timedelta(seconds=hold)),
    )


async def incident(callers: Traffic, read: Callable[[], Awaitable[ReleaseState]]) -> None:
    """Once the canary takes traffic, let eight of ten calls fail for five seconds, whatever version serves them."""
    while not ((state := await read()).phase is Phase.BAKING or state.done):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    calm, callers.events = callers.events, ({"outage": 0.8},)
    await asyncio.sleep(5)
    callers.events = calm


SCENES = {
    "fails": Scene("v1", "fails_some", a_plan(10, bake=DECIDED_SECONDS, check=Compare(name="errors", latency=False))),
    "fails_as_before": Scene(
        "fails_rarely",
        "fails_rarely",
        a_plan(10, 50, bake=8, check=Compare(name="errors", latency=False, min_samples=10, settings=RARELY)),
    ),
    "slow": Scene("v1", "slow", a_plan(10, bake=DECIDED_SECONDS, check=Compare(name="errors")), events=PACES),
    "incident": Scene(
        "v1",
        "v2",
        a_plan(10, bake=10, check=Compare(name="errors", latency=False, min_samples=10, settings=RARELY)),
        while_it_runs=incident,
    ),
    "silent": Scene("v1", "v2", a_plan(10, bake=2, max_hold=2, hold=5, check=Compare(name="errors")), rate=0),
}


async def play(lab: WholeLab, name: str, scene: Scene) -> Ending:
    target = await lab.add_function(f"verdict-{name.replace('_', '-')}", scene.stable)
    await lab.upload(target.function, scene.canary)
    callers = lab.callers(target, scene.rate or 1, scene.events)
    if scene.rate:
        callers.start()
        await asyncio.sleep(BEFORE_SECONDS)
    try:
        state, sentences = await release(lab, target, name, scene, callers)
    finally:
        count = await callers.stop()
    return Ending(state, count, (await lab.alias(target)).routing, sentences)


async def release(
    lab: WholeLab, target: Target, name: str, scene: Scene, callers: Traffic
) -> tuple[ReleaseState, tuple[str, ...]]:
    order = request(target, scene.plan, actor="test", reason=name)
    if scene.stable == scene.canary:  # the same code is a new version only with another configuration
        order = order.model_copy(update={"configuration": Configuration(description="the same code again")})
    await lab.service.submit(order)

    async def read() -> ReleaseState:
        return await lab.service.get(order.release_id)

    beside = asyncio.create_task(scene.while_it_runs(callers, read)) if scene.while_it_runs else None
    sentences: list[str] = []
    while not (state := await read()).done:
        if state.sentence not in sentences:
            sentences.append(state.sentence)
        await asyncio.sleep(0.2)
    if beside:
        await beside
    return state, tuple(sentences)


@pytest.fixture(scope="module")
async def endings(lab: WholeLab) -> dict[str, Ending]:
    """All five at once: they share the machine, and nothing else."""
    async with asyncio.TaskGroup() as group:
        playing = {name: group.create_task(play(lab, name, scene)) for name, scene in SCENES.items()}
    return {name: task.result() for name, task in playing.items()}


async def test_a_version_that_fails_a_fifth_goes_back_at_10_per_cent_with_fewer_than_15_failures(endings):
    """Simulated 200,000 times with a second more of lag than there is.

    30 calls/s, 3 of them on the canary: five failures until it is judged, on average, and 15 or more in 5 of 100,000
    runs; not judged within the 30 s of the bake in 2 of 100,000.
    """
    found = endings["fails"]
    assert (found.state.outcome, found.state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT), found.state.sentence
    assert "canary requests failed against 0 of" in found.state.sentence
    assert found.heaviest == 10
    assert 0 < found.count.errors.total() < 15
    assert found.routing.same_as(whole("1"))


async def test_a_version_that_fails_as_often_as_the_stable_one_is_promoted(endings):
    """Both fail one call in twenty. A needless rollback has a probability of at most alpha, here 5 in 100,000."""
    found = endings["fails_as_before"]
    assert found.state.outcome is Outcome.PROMOTED, found.state.sentence
    assert found.count.errors["1"] > 0
    assert found.routing.same_as(whole("2"))


async def test_a_version_that_takes_twice_as_long_goes_back(endings):
    """Four in five of its calls are above the stable version's p90, which one in ten of that version's own calls is.

    Each second brings 1.4 nat of evidence, give or take 0.9, and 8 are needed: after 30 s there are 42, seven standard
    deviations more. No call fails, so nothing but latency can have spoken.
    """
    found = endings["slow"]
    assert (found.state.outcome, found.state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT), found.state.sentence
    assert found.state.sentence.startswith("errors: latency: ")
    assert found.heaviest == 10
    assert found.count.errors.total() == 0
    assert found.routing.same_as(whole("1"))


async def test_an_incident_of_both_versions_rolls_nothing_back(endings):
    """Random routing: whatever the pattern of failures, a needless rollback has a probability of at most 5 in 100,000.

    That the canary has a part in the incident at all fails once in 160,000 runs: 15 of its calls, eight of ten fail.
    """
    found = endings["incident"]
    assert found.state.outcome is Outcome.PROMOTED, found.state.sentence
    assert found.count.errors["1"] > 50
    assert found.count.errors["2"] > 0
    assert found.routing.same_as(whole("2"))


async def test_a_function_without_traffic_is_held_and_told_and_goes_back_at_the_limit(endings):
    """No chance is involved: without an invocation there is nothing to draw."""
    found = endings["silent"]
    assert (found.state.outcome, found.state.cause) == (Outcome.ROLLED_BACK, Cause.DEADLINE), found.state.sentence
    (held,) = [event.text for event in found.state.events if event.kind is EventKind.HOLDING]
    assert "no invocation of the canary was measured yet: no evidence is not a pass" in held
    assert any(s.startswith("holding: ") and "everything rolls back after 5 s" in s for s in found.sentences)
    assert found.routing.same_as(whole("1"))
