"""Case 25: a canary that somebody stops by hand stays stopped."""

import pytest

from orchestrator.domain.plan import Bake, Promote, Shift
from orchestrator.domain.release import Cause, Command, Outcome
from orchestrator.domain.traffic import split, whole
from tests.workflows.stage import Stage, minutes, plan, steps


async def test_case_25_a_canary_that_is_taken_off_by_hand_is_not_opened_again(stage: Stage) -> None:
    """All traffic was put back: the release writes nothing forward and ends as rolled back, with its cause."""
    request, handle = await stage.baking(stage.request(plan=plan(*steps(10, 50), checks=())))
    stage.aws.move(stage.target, whole("1"))
    await stage.forward(handle, minutes(6))
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DRIFT)
    assert "found version 1, wished version 1 + 50 % to version 2" in state.sentence
    assert "version 1 + 50 % to version 2" not in stage.writes()
    assert stage.routing == whole("1")
    assert request.release_id == state.release_id


@pytest.mark.parametrize("command", [Command.ADOPT, Command.RESTORE])
async def test_case_25_a_weight_that_is_lowered_by_hand_waits_for_a_person(stage: Stage, command: Command) -> None:
    """Somebody has left the canary one per cent: that stands until somebody settles it."""
    request, handle = await stage.baking(stage.request(plan=plan(*steps(10, 50), checks=())))
    stage.aws.move(stage.target, split("1", "2", 1))
    await stage.order(request, Command.SKIP, step=0)
    state = await stage.until(request, lambda s: s.drifted)
    assert "found version 1 + 1 % to version 2" in state.sentence
    assert stage.routing == split("1", "2", 1)
    await stage.order(request, command)
    state = await handle.result()
    adopted = command is Command.ADOPT
    assert state.outcome is (Outcome.FAILED if adopted else Outcome.ROLLED_BACK)
    assert stage.routing == (split("1", "2", 1) if adopted else whole("1"))


async def test_case_25_a_stop_by_hand_is_found_when_the_bake_would_be_held(stage: Stage) -> None:
    """Nothing is measured any more, and no write follows that could find out why."""
    bake = Bake(duration=minutes(2), max_hold=minutes(1))
    parts = (Shift(weight=10, bake=bake), Promote(bake=Bake(duration=minutes(0))))
    _, handle = await stage.baking(stage.request(plan=plan(*parts)))
    stage.aws.move(stage.target, whole("1"))
    await stage.forward(handle, minutes(4))
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DRIFT)
    assert "found version 1, wished version 1 + 10 % to version 2" in state.sentence


async def test_a_hotfix_in_the_final_bake_is_never_told_as_promoted(stage: Stage) -> None:
    """I10: every end reads the alias; nothing but that reading tells of the hotfix."""
    request, handle = await stage.baking(stage.request(plan=plan(*steps(10), checks=())))
    await stage.order(request, Command.PROMOTE, step=0)
    await stage.until(request, lambda s: s.weight == 100)
    stage.function.change_code("hotfix")
    stage.function.publish_now()
    stage.aws.move(stage.target, whole("3"))
    await stage.forward(handle, minutes(6))
    state = await stage.until(request, lambda s: s.drifted)
    assert "found version 3" in state.sentence
    assert stage.routing == whole("3")
    await stage.order(request, Command.ADOPT)
    assert (await handle.result()).outcome is Outcome.FAILED
