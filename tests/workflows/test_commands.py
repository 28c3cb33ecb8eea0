"""Approve, reject, pause, resume, skip, promote: what each does, and what it is refused for."""

import asyncio

import pytest

from orchestrator.domain.errors import IllegalCommand
from orchestrator.domain.journal import EventKind
from orchestrator.domain.plan import Approval, Bake, Shift
from orchestrator.domain.release import Cause, Command, Outcome, Phase
from tests.fakes.aws import Profile
from tests.workflows.stage import Stage, minutes, plan, replayed, steps, told

FIRST = Shift(weight=10, bake=Bake(duration=minutes(5)))
APPROVED = plan(FIRST, Approval(), Shift(weight=50, bake=Bake(duration=minutes(5))), *steps(final=minutes(0)))


async def awaiting_approval(stage: Stage):
    request = stage.request(plan=APPROVED)
    handle = await stage.start_still(request)
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(8))
    await stage.reach(request, Phase.AWAITING_APPROVAL, step=1)
    return request, handle


@replayed
async def test_approval_lets_the_release_go_on(stage: Stage) -> None:
    """Traffic stays at the weight before, until somebody answers."""
    request, handle = await awaiting_approval(stage)
    assert stage.writes() == ["version 1 + 10 % to version 2"]
    await stage.order(request, Command.APPROVE, step=1)
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED
    assert "approve by bob: because" in told(state, EventKind.COMMAND)


async def test_rejection_rolls_back_and_names_who(stage: Stage) -> None:
    """A rejection is an abort at that step."""
    request, handle = await awaiting_approval(stage)
    await stage.order(request, Command.REJECT, step=1)
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert state.sentence.startswith("rejected by bob: because")


async def test_canary_is_watched_while_an_approval_is_awaited(stage: Stage) -> None:
    """It turns bad in that time, and nobody needs to answer any more."""
    request, handle = await awaiting_approval(stage)
    stage.load.profiles["2"] = Profile(error_share=0.5)
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT)
    assert state.step == 1
    assert request.release_id == state.release_id


async def test_promotion_at_an_approval_answers_it(stage: Stage) -> None:
    """Promote skips the rest: approval and weights."""
    request, handle = await awaiting_approval(stage)
    await stage.order(request, Command.PROMOTE, step=1)
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 2"]
    assert [s.status for s in state.steps] == ["done", "done", "skipped", "done"]


async def test_promotion_ends_a_pause_and_writes_no_weight_in_between(stage: Stage) -> None:
    """A pause that came during the approval holds before the next step; promote jumps over that step."""
    request, handle = await awaiting_approval(stage)
    await stage.order(request, Command.PAUSE)
    await stage.order(request, Command.APPROVE, step=1)
    await stage.reach(request, Phase.PAUSED)
    await stage.order(request, Command.PROMOTE, step=1)
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 2"]


@replayed
async def test_pause_holds_and_resume_goes_on(stage: Stage) -> None:
    """Time passes in which the bake would have ended."""
    request, handle = await stage.baking()
    paused = await stage.order(request, Command.PAUSE)
    assert paused.paused_by == "bob: because"
    await stage.reach(request, Phase.PAUSED)
    await stage.forward(handle, minutes(8))
    assert stage.writes() == ["version 1 + 10 % to version 2"]
    await stage.order(request, Command.RESUME)
    await stage.forward(handle, minutes(3))
    state = await stage.reach(request, Phase.BAKING, step=1)
    assert state.paused_by is None
    assert stage.writes()[-1] == "version 1 + 50 % to version 2"
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


async def test_canary_is_watched_during_a_pause(stage: Stage) -> None:
    """During a pause the watch goes on and may still roll back."""
    request, handle = await stage.baking()
    await stage.order(request, Command.PAUSE)
    await stage.reach(request, Phase.PAUSED)
    stage.load.profiles["2"] = Profile(error_share=0.5)
    state = await stage.finish(handle)
    assert (state.outcome, state.cause, state.paused_by) == (Outcome.ROLLED_BACK, Cause.VERDICT, None)


async def test_pause_while_a_version_is_published_can_be_taken_back(stage: Stage) -> None:
    """The main loop is busy for minutes; the state knows of the pause at once all the same."""
    hang = stage.aws.faults.hang("publish_version")
    request = stage.request()
    handle = await stage.start_still(request)
    await hang.reached.wait()
    await stage.order(request, Command.PAUSE)
    assert (await stage.service.get(request.release_id)).paused_by == "bob: because"
    with pytest.raises(IllegalCommand, match="paused already, by bob"):
        await stage.order(request, Command.PAUSE)
    await stage.order(request, Command.RESUME)
    hang.release()
    await stage.reach(request, Phase.BAKING)
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


async def test_pause_while_the_weight_is_written_holds_after_it(stage: Stage) -> None:
    """A write that is under way is finished, and the bake does not begin."""
    hang = stage.aws.faults.hang("update_alias")
    request = stage.request()
    handle = await stage.start_still(request)
    await hang.reached.wait()
    await stage.order(request, Command.PAUSE)
    with pytest.raises(IllegalCommand, match="no wait to skip"):
        await stage.order(request, Command.SKIP, step=0)
    with pytest.raises(IllegalCommand, match="cannot be promoted now"):
        await stage.order(request, Command.PROMOTE, step=0)
    hang.release()
    state = await stage.reach(request, Phase.PAUSED)
    assert (state.weight, state.step) == (10, 0)
    await stage.order(request, Command.ABORT)
    await handle.result()


async def test_skip_ends_this_wait_and_no_other(stage: Stage) -> None:
    """The next step bakes as planned."""
    request, handle = await stage.baking()
    await stage.order(request, Command.SKIP, step=0)
    state = await stage.reach(request, Phase.BAKING, step=1)
    assert "the wait was ended by bob: because" in told(state, EventKind.WAITING)
    with pytest.raises(IllegalCommand, match=r"step 1 is not the current one.*step 2 of 3 \(50 %\)"):
        await stage.order(request, Command.SKIP, step=0)
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


async def test_skip_ends_a_pause_too(stage: Stage) -> None:
    """Who ends the wait does not want to hold."""
    request, _ = await stage.baking()
    await stage.order(request, Command.PAUSE)
    await stage.reach(request, Phase.PAUSED)
    await stage.order(request, Command.SKIP, step=0)
    await stage.reach(request, Phase.BAKING, step=1)
    await stage.order(request, Command.ABORT)


async def test_promotion_in_a_bake_skips_the_rest(stage: Stage) -> None:
    """The final bake is not skipped with it: the canary serves everything then, unproven."""
    request, handle = await stage.baking()
    await stage.order(request, Command.PROMOTE, step=0)
    state = await stage.reach(request, Phase.FINAL_BAKE, step=2)
    assert [s.status for s in state.steps] == ["done", "skipped", "current"]
    with pytest.raises(IllegalCommand, match="serves everything already"):
        await stage.order(request, Command.PROMOTE, step=2)
    await stage.order(request, Command.SKIP, step=2)
    assert (await handle.result()).outcome is Outcome.PROMOTED
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 2"]


async def test_two_promotions_at_once_promote_once(stage: Stage) -> None:
    """Two people press the button; one of them is told that it was pressed."""
    request, handle = await stage.baking()
    answers = await asyncio.gather(
        *(stage.order(request, Command.PROMOTE, step=0) for _ in range(2)), return_exceptions=True
    )
    refused = [a for a in answers if isinstance(a, IllegalCommand)]
    assert len(refused) == 1
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 2"]
    assert len(told(state, EventKind.COMMAND)) == 1


async def test_first_answer_to_an_approval_stands(stage: Stage) -> None:
    """An approval cannot overtake a rejection that was taken before it."""
    request, handle = await awaiting_approval(stage)
    answers = await asyncio.gather(
        stage.order(request, Command.REJECT, step=1),
        stage.order(request, Command.APPROVE, step=1),
        return_exceptions=True,
    )
    assert sum(isinstance(a, IllegalCommand) for a in answers) == 1
    state = await stage.finish(handle)
    rejected = not isinstance(answers[0], IllegalCommand)
    assert state.outcome is (Outcome.ROLLED_BACK if rejected else Outcome.PROMOTED)


async def test_same_key_twice_is_one_event(stage: Stage) -> None:
    """A client that has lost the answer sends the command again."""
    request, handle = await stage.baking()
    first = await stage.order(request, Command.PAUSE, key="once")
    second = await stage.order(request, Command.PAUSE, key="once")
    assert first == second
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    assert told(state, EventKind.COMMAND) == ["pause by bob: because", "abort by bob: because"]


async def test_commands_that_move_on_need_their_step(stage: Stage) -> None:
    """Whoever has looked at another step means another thing."""
    request, _ = await stage.baking()
    refusals = {
        Command.SKIP: "say which step",
        Command.PROMOTE: "say which step",
        Command.APPROVE: "say which step",
        Command.RESUME: "is not paused",
        Command.ADOPT: "there is nothing to adopt",
        Command.RESTORE: "there is nothing to restore",
    }
    for command, why in refusals.items():
        with pytest.raises(IllegalCommand, match=why):
            await stage.order(request, command)
    with pytest.raises(IllegalCommand, match="no approval is awaited"):
        await stage.order(request, Command.APPROVE, step=0)
    await stage.order(request, Command.ABORT)


async def test_ended_release_takes_no_command(stage: Stage) -> None:
    """The answer says how it has ended."""
    request, handle = await stage.baking()
    await stage.order(request, Command.ABORT)
    await handle.result()
    for command in Command:
        with pytest.raises(IllegalCommand, match="has ended"):
            await stage.order(request, command, step=0)


async def test_command_for_an_earlier_release_never_hits_the_present_one(stage: Stage) -> None:
    """Both have the same workflow id; the command is bound to the run."""
    old, handle = await stage.baking()
    await stage.order(old, Command.ABORT)
    await handle.result()
    new, _ = await stage.baking()
    with pytest.raises(IllegalCommand, match=f"release {old.release_id} has ended"):
        await stage.order(old, Command.ABORT)
    assert (await stage.service.get(new.release_id)).phase is Phase.BAKING
    await stage.order(new, Command.ABORT)
