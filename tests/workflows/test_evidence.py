"""How evidence moves a release: steps that end on proof, weights by traffic, and checks that only observe."""

from datetime import timedelta

import pytest

from orchestrator.domain.analysis import Compare, Limit, Verdict
from orchestrator.domain.errors import AccessDenied
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.plan import Bake, Limits, Plan, Promote, Sampling, Shift, Step
from orchestrator.domain.release import Cause, Outcome
from orchestrator.strategies import auto
from tests.fakes.aws import Profile
from tests.workflows.stage import Stage, minutes, plan, steps, told


def on_evidence(*weights: float, minimum: float = 0, maximum: float = 30) -> tuple[Step, ...]:
    """Shifts that end on proof, between so many minutes."""
    bake = Bake(duration=minutes(maximum), minimum=minutes(minimum), max_hold=timedelta(0), advance="on_evidence")
    return (*(Shift(weight=w, bake=bake) for w in weights), Promote(bake=Bake(duration=timedelta(0))))


def lengths(state: ReleaseState) -> list[float]:
    """Minutes at each weight below 100 %."""
    assert all(w.end is not None for w in state.windows)
    return [(w.end - w.start) / 60 for w in state.windows if w.weight < 100]


async def test_a_step_ends_as_soon_as_its_proof_is_there(stage: Stage) -> None:
    """60 invocations a minute without a failure prove a step at 10 % within minutes, not at the maximum of 30."""
    state = await stage.release(plan=plan(*on_evidence(10, 50)))
    assert state.outcome is Outcome.PROMOTED, state.sentence
    assert all(2 <= length < 15 for length in lengths(state)), lengths(state)
    assert all("proven: " in text for text in told(state, EventKind.JUDGED))


async def test_a_step_that_is_proven_lasts_its_minimum(stage: Stage) -> None:
    state = await stage.release(plan=plan(*on_evidence(10, minimum=20)))
    assert state.outcome is Outcome.PROMOTED, state.sentence
    (length,) = lengths(state)
    assert 20 <= length < 22


@pytest.mark.parametrize(
    ("wish", "outcome"), [("advance", Outcome.PROMOTED), ("rollback", Outcome.ROLLED_BACK), ("hold", None)]
)
async def test_an_unproven_step_ends_at_its_maximum_as_the_check_wishes(stage: Stage, wish, outcome) -> None:
    """Two invocations a minute prove nothing in thirteen."""
    stage.load.per_period = 20
    check = Compare(name="errors", latency=False, on_inconclusive=wish)
    what = plan(*on_evidence(10, maximum=10), checks=(check,), limits=Limits(hold=minutes(3)))
    state = await stage.release(plan=what)
    (length,) = lengths(state)
    if outcome is None:
        assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DEADLINE)
        assert "still undecided" in told(state, EventKind.HOLDING)[0]
        assert 12 < length < 15
    else:
        assert state.outcome is outcome, state.sentence
        assert 10 <= length < 12


async def test_a_step_on_time_waits_for_no_proof(stage: Stage) -> None:
    state = await stage.release(plan=plan(*steps(10, bake=minutes(8), final=minutes(0))))
    assert state.outcome is Outcome.PROMOTED
    (length,) = lengths(state)
    assert 8 <= length < 10


# Weights by traffic


def sized_plan(**options: object) -> Plan:
    spec = auto.Spec(final_bake=timedelta(0), **options)
    check = Compare(name="errors", latency=False)
    sampling = Sampling(period=minutes(1), lag=minutes(1), interval=minutes(1))
    return Plan(strategy="auto", steps=auto.plan(spec), checks=(check,), sampling=sampling, sizing=auto.sizing(spec))


def shown(state: ReleaseState) -> list[str]:
    return [step.label for step in state.steps]


def serve_before(stage: Stage, per_minute: int) -> None:
    """Let the alias have had so much traffic in the hour before."""
    now = int(stage.clock.now().timestamp()) // 60 * 60
    for at in range(now - 3600, now, 60):
        stage.aws.cloudwatch(stage.target).serve(
            stage.target.function, stage.target.alias, "1", at, invocations=per_minute
        )


async def test_auto_takes_its_first_weight_from_the_traffic_of_the_alias(stage: Stage) -> None:
    """1000 a minute: 3 % are 30 of them; then times five up to 10 %. The history has the steps, so a replay agrees."""
    serve_before(stage, 1000)
    request = stage.request(plan=sized_plan())
    assert shown(await stage.service.submit(request)) == ["1 %", "5 %", "10 %", "50 %", "100 %"]
    state = await stage.finish(stage.handle(request))
    assert state.outcome is Outcome.PROMOTED, state.sentence
    assert shown(state) == ["3 %", "10 %", "50 %", "100 %"]
    assert all(step.status == "done" for step in state.steps)
    assert [w.weight for w in state.windows] == [3, 10, 50, 100]
    assert "sized to 1,000 requests a minute: 3, 10, 50 and 100 %" in told(state, EventKind.PREPARED)


async def test_auto_without_traffic_begins_at_10_per_cent(stage: Stage) -> None:
    state = await stage.release(plan=sized_plan(maximum=minutes(10), minimum=minutes(1)))
    assert shown(state) == ["10 %", "50 %", "100 %"]
    assert "sized to 0 requests a minute: 10, 50 and 100 %" in told(state, EventKind.PREPARED)


async def test_auto_begins_at_its_smallest_weight_where_the_traffic_cannot_be_read(stage: Stage) -> None:
    stage.aws.faults.refuse("metric_data", AccessDenied("no GetMetricData"))
    request, handle = await stage.baking(stage.request(plan=sized_plan()))
    state = await stage.service.get(request.release_id)
    assert shown(state) == ["1 %", "5 %", "10 %", "50 %", "100 %"]
    assert state.weight == 1
    assert any("the first weight stays at its smallest" in text for text in told(state, EventKind.WARNING))
    await handle.cancel()
    await stage.finish(handle)


# Observing


async def test_a_check_that_observes_judges_and_shows_and_never_acts(stage: Stage) -> None:
    """A fifth of the canary's invocations fail: seen, told, and promoted all the same."""
    stage.load.profiles["2"] = Profile(error_share=0.2)
    checks = (
        Compare(name="errors", latency=False, mode="observe"),
        Limit(name="rate", metric="error_rate", maximum=1, mode="observe"),
    )
    request, handle = await stage.baking(stage.request(plan=plan(*steps(10), checks=checks)))
    await stage.forward(handle, minutes(4))
    state = await stage.service.get(request.release_id)
    assert {(m.check, m.verdict, m.mode) for m in state.measurements} == {
        ("errors", Verdict.FAIL, "observe"),
        ("rate", Verdict.FAIL, "observe"),
    }
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 2"]


async def test_a_check_that_observes_does_not_hold_what_it_cannot_read(stage: Stage) -> None:
    stage.aws.faults.refuse("metric_data", AccessDenied("no GetMetricData"))
    check = Compare(name="errors", latency=False, mode="observe")
    state = await stage.release(plan=plan(*steps(10, bake=minutes(8), final=minutes(0)), checks=(check,)))
    assert state.outcome is Outcome.PROMOTED, state.sentence
    assert told(state, EventKind.HOLDING) == []
