"""No data, unreadable data, and data that blames the environment: the release holds, and says so."""

from typing import Literal

import pytest

from orchestrator.domain.analysis import Alarms, Compare, Limit
from orchestrator.domain.errors import AccessDenied, Unavailable
from orchestrator.domain.journal import EventKind
from orchestrator.domain.plan import Bake, Limits, Promote, Shift
from orchestrator.domain.release import Cause, Command, Outcome, Phase
from tests.fakes.aws import Profile
from tests.workflows.stage import Stage, minutes, plan, told

BAKE = Bake(duration=minutes(3), max_hold=minutes(2))
STEPS = (Shift(weight=10, bake=BAKE), Promote(bake=Bake(duration=minutes(0))))
ERRORS = Limit(name="limit", metric="error_rate", maximum=5)


def inconclusive(action: Literal["hold", "advance", "rollback"]) -> Compare:
    return Compare(name="errors", latency=False, on_inconclusive=action)


@pytest.mark.parametrize(
    ("action", "outcome", "cause"),
    [("advance", Outcome.PROMOTED, None), ("rollback", Outcome.ROLLED_BACK, Cause.VERDICT)],
)
async def test_canary_without_invocations_follows_the_policy_after_its_hold(
    stage: Stage, action: Literal["advance", "rollback"], outcome: Outcome, cause: Cause | None
) -> None:
    """Scenario 13: silence is not a pass; the check says what happens when the hold is over."""
    stage.load.profiles["2"] = Profile(silent=True)
    state = await stage.release(plan=plan(*STEPS, checks=(inconclusive(action),)))
    assert (state.outcome, state.cause) == (outcome, cause)
    assert state.ended_at - state.started_at >= BAKE.duration + BAKE.max_hold


async def test_canary_without_invocations_is_held_and_then_rolled_back_at_the_limit(stage: Stage) -> None:
    """Scenario 13: by default it holds, tells, and does not stay split for ever."""
    stage.load.profiles["2"] = Profile(silent=True)
    request = stage.request(plan=plan(*STEPS, limits=Limits(hold=minutes(10))))
    handle = await stage.start_still(request)
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(7))
    state = await stage.until(request, lambda s: bool(told(s, EventKind.HOLDING)))
    assert state.sentence.startswith("holding: still undecided at the end of the hold")
    assert "no evidence is not a pass" in state.sentence
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DEADLINE)
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]


async def test_hold_ends_when_evidence_arrives(stage: Stage) -> None:
    """Scenario 14: 8 invocations of 30 needed pass nothing and fail nothing; later ones decide."""
    stage.load.per_period = 16
    handle = await stage.start_still(request := stage.request(plan=plan(*STEPS)))
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(7))
    state = await stage.until(request, lambda s: bool(told(s, EventKind.HOLDING)))
    assert "too little data" in state.sentence
    stage.load.per_period = 600
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


@pytest.mark.parametrize("error", [Unavailable("GetMetricData answered PartialData"), AccessDenied("Forbidden")])
async def test_unreadable_numbers_hold_and_never_pass(stage: Stage, error: Exception) -> None:
    """Scenario 17: retried, told after a few looks, and gone on with when they can be read again."""
    stage.aws.faults.refuse("metric_data", error, times=None)
    handle = await stage.start_still(request := stage.request(plan=plan(*STEPS)))
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(5))
    state = await stage.until(request, lambda s: bool(told(s, EventKind.HOLDING)))
    assert (state.weight, state.outcome) == (10, None)
    assert str(error) in state.sentence
    stage.aws.faults.clear()
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


async def test_both_versions_over_the_limit_blame_the_environment(stage: Stage) -> None:
    """Scenario 43: going back would help nobody, so the release holds."""
    stage.load.profiles.update({"1": Profile(error_share=0.3), "2": Profile(error_share=0.3)})
    handle = await stage.start_still(request := stage.request(plan=plan(*STEPS, checks=(ERRORS,))))
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(7))
    state = await stage.until(request, lambda s: bool(told(s, EventKind.HOLDING)))
    assert "environment: stable is over the limit too" in state.sentence
    assert state.outcome is None
    await stage.order(request, Command.ABORT)
    await handle.result()


async def test_check_that_pauses_waits_for_a_person(stage: Stage) -> None:
    """`on_failure: pause`: nobody is rolled back by it, and a skip goes on."""
    pausing = ERRORS.model_copy(update={"on_failure": "pause"})
    stage.load.profiles["2"] = Profile(error_share=0.3)
    handle = await stage.start_still(request := stage.request(plan=plan(*STEPS, checks=(pausing,))))
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(3))
    state = await stage.reach(request, Phase.PAUSED)
    assert (state.paused_by or "").startswith("check: limit: error_rate 30 %, limit 5 %")
    await stage.order(request, Command.SKIP, step=0)
    assert (await handle.result()).outcome is Outcome.PROMOTED


async def test_overridden_red_alarm_counts_on_a_new_transition_only(stage: Stage) -> None:
    """Scenario 20: it is red from before the release; who overrode it stands in the journal."""
    cloudwatch = stage.aws.cloudwatch(stage.target)
    cloudwatch.set_alarm("pager", "ALARM", reason="old")
    checks = (Alarms(name="pager", names=("pager",)),)
    refused = await stage.release(plan=plan(*STEPS, checks=checks))
    assert (refused.outcome, refused.cause) == (Outcome.REJECTED, Cause.PREFLIGHT)
    request = stage.request(plan=plan(*STEPS, checks=checks), override_red_alarms=True)
    handle = await stage.start_still(request)
    state = await stage.reach(request, Phase.BAKING)
    assert [e.actor for e in state.events if "was red at the start; overridden" in e.text] == ["anna"]
    await stage.forward(handle, minutes(1))
    cloudwatch.set_alarm("pager", "OK")
    await stage.forward(handle, minutes(1))
    cloudwatch.set_alarm("pager", "ALARM", reason="new")
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT)
    assert "pager (new)" in state.sentence


@pytest.mark.parametrize(
    ("choice", "outcome"), [("ignore", Outcome.PROMOTED), ("fail", Outcome.ROLLED_BACK), ("hold", None)]
)
async def test_alarm_without_data_is_what_was_chosen(
    stage: Stage, choice: Literal["ignore", "hold", "fail"], outcome: Outcome | None
) -> None:
    """Scenario 21: three choices, and none of them by accident."""
    stage.aws.cloudwatch(stage.target).set_alarm("pager", "INSUFFICIENT_DATA")
    check = Alarms(name="pager", names=("pager",), on_insufficient_data=choice)
    handle = await stage.start_still(request := stage.request(plan=plan(*STEPS, checks=(check,))))
    await stage.until(request, lambda s: s.phase in (Phase.BAKING, Phase.DONE))
    if outcome is not None:
        assert (await stage.finish(handle)).outcome is outcome
        return
    await stage.forward(handle, minutes(7))
    state = await stage.until(request, lambda s: bool(told(s, EventKind.HOLDING)))
    assert "alarm without data: pager" in state.sentence
    await stage.order(request, Command.ABORT)
    await handle.result()
