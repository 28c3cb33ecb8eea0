"""Abort and cancellation: from every state, before everything else, until it has been read back."""

import asyncio

import pytest

from orchestrator.domain.analysis import Alarms
from orchestrator.domain.errors import Throttled
from orchestrator.domain.plan import Approval, Bake, Promote, Shift
from orchestrator.domain.release import Cause, Command, Outcome, Phase
from orchestrator.domain.traffic import whole
from tests.fakes.aws import Profile
from tests.workflows.stage import Stage, aws_worker, minutes, plan, replayed, restore_worker, steps, workflow_worker

APPROVED = plan(Shift(weight=10, bake=Bake(duration=minutes(5))), Approval(), Promote(bake=Bake(duration=minutes(5))))


@replayed
async def test_abort_in_a_bake_clears_the_weights_at_once(stage: Stage) -> None:
    """One command, one write, and the alias is read back."""
    request, handle = await stage.baking()
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert state.sentence == "bob: because; version 1 serves 100 % again, read back"
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]


async def test_abort_before_preflight_has_ended_writes_nothing(stage: Stage) -> None:
    """There is no stable version on record yet, and nothing to return to it from."""
    hang = stage.aws.faults.hang("get_alias")
    request = stage.request()
    handle = await stage.start_still(request)
    await hang.reached.wait()
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    hang.release()
    assert (state.outcome, state.cause) == (Outcome.REJECTED, Cause.ABORT)
    assert stage.writes() == []
    assert stage.routing == whole("1")


async def test_abort_while_a_version_is_published_only_reads_the_alias(stage: Stage) -> None:
    """Nothing serves the canary: the alias is left alone, and the outcome says so."""
    hang = stage.aws.faults.hang("publish_version")
    request = stage.request()
    handle = await stage.start_still(request)
    await hang.reached.wait()
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    hang.release()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert state.sentence.endswith(f"alias {stage.target} was never changed: version 1 serves 100 %")
    assert stage.writes() == []


@pytest.mark.parametrize("weight", [10.0, 100.0])
async def test_restore_does_not_wait_for_a_write_that_hangs_and_fences_it_off(stage: Stage, weight: float) -> None:
    """The write that lands after the rollback carries an old revision, so AWS refuses it."""
    hang = stage.aws.faults.hang("update_alias", when=lambda a: a["routing"].share_of("2") == weight)
    request = stage.request(plan=plan(*steps(10, bake=minutes(3))))
    handle = await stage.start(request)
    await hang.reached.wait()
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    assert state.outcome is Outcome.ROLLED_BACK
    late = stage.aws.journal.of("update_alias")[0 if weight == 10 else 1]
    hang.release()
    while late.outcome == "under way":
        await asyncio.sleep(0.01)
    assert (late.outcome, late.applied) == ("Stale", False)
    assert stage.routing == whole("1")


async def test_abort_of_a_promotion_whose_reply_is_lost_returns_to_stable(stage: Stage) -> None:
    """Promoted or not cannot be known, and does not matter."""
    promoting = lambda a: a["routing"].primary == "2"  # noqa: E731
    hang = stage.aws.faults.hang("update_alias", applied_first=True, when=promoting)
    request = stage.request(plan=plan(*steps(10, bake=minutes(3))))
    handle = await stage.start(request)
    await hang.reached.wait()
    assert stage.routing == whole("2")
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    hang.release()
    assert (state.outcome, state.weight) == (Outcome.ROLLED_BACK, 0)
    assert stage.writes()[-2:] == ["version 2", "version 1"]


async def test_abort_at_an_approval_does_not_wait_for_the_answer(stage: Stage) -> None:
    """A person who does not answer cannot hold up one who stops."""
    request = stage.request(plan=APPROVED)
    handle = await stage.start_still(request)
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(8))
    await stage.reach(request, Phase.AWAITING_APPROVAL)
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)


async def test_abort_ends_a_pause(stage: Stage) -> None:
    """A pause holds the way forward, never the way back."""
    request, handle = await stage.baking()
    await stage.order(request, Command.PAUSE)
    await stage.reach(request, Phase.PAUSED)
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    assert (state.outcome, state.cause, state.paused_by) == (Outcome.ROLLED_BACK, Cause.ABORT, None)


async def test_abort_in_the_final_bake_returns_to_the_recorded_version(stage: Stage) -> None:
    """Scenario 30: also when versions with numbers in between exist."""
    stage.function.publish_now()
    stage.function.change_code("third")
    stage.aws.cloudwatch(stage.target).set_alarm("pager", "OK")
    checks = (Alarms(name="pager", names=("pager",)),)
    request = stage.request(plan=plan(*steps(final=minutes(60)), checks=checks))
    handle = await stage.start_still(request)
    await stage.reach(request, Phase.FINAL_BAKE)
    assert stage.routing == whole("3")
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    assert (state.outcome, state.stable, state.canary) == (Outcome.ROLLED_BACK, "1", "3")
    assert stage.writes() == ["version 3", "version 1"]


async def test_abort_while_rolling_back_is_taken_and_changes_nothing(stage: Stage) -> None:
    """Abort outranks all and fits every state but the end."""
    request, handle = await stage.baking()
    hang = stage.aws.faults.hang("update_alias")
    await stage.order(request, Command.ABORT)
    await hang.reached.wait()
    again = await stage.order(request, Command.ABORT)
    assert again.phase is Phase.ROLLING_BACK
    hang.release()
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]


@replayed
async def test_cancel_through_temporal_is_an_abort(stage: Stage) -> None:
    """Scenario 29: the weights are cleared, and the workflow completes with its outcome."""
    _, handle = await stage.baking()
    await handle.cancel(reason="wrong build")
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert state.sentence.startswith("wrong build")
    assert stage.routing == whole("1")


async def test_cancel_of_a_release_that_no_worker_has_seen_writes_nothing(unstaffed: Stage) -> None:
    """It comes with the very first task, and the release still ends with an outcome."""
    stage = unstaffed
    handle = await stage.start(stage.request())
    await handle.cancel()
    async with workflow_worker(stage.environment), aws_worker(stage), restore_worker(stage):
        state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.REJECTED, Cause.ABORT)
    assert len(stage.aws.journal.of("update_alias")) == 0


async def test_way_back_needs_no_worker_but_its_own(unstaffed: Stage) -> None:
    """The workers that watch and write are gone, in the middle of a look; nobody waits for them."""
    stage = unstaffed
    async with workflow_worker(stage.environment), restore_worker(stage):
        async with aws_worker(stage):
            request, handle = await stage.baking()
        await stage.order(request, Command.ABORT)
        state = await handle.result()
    assert state.outcome is Outcome.ROLLED_BACK
    assert stage.routing == whole("1")


async def test_second_cancel_while_rolling_back_changes_nothing(stage: Stage) -> None:
    """Scenario 29: the restore is neither cut short nor repeated."""
    _, handle = await stage.baking()
    hang = stage.aws.faults.hang("update_alias")
    await handle.cancel()
    await hang.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.1)
    assert (await handle.describe()).close_time is None
    hang.release()
    state = await handle.result()
    assert state.outcome is Outcome.ROLLED_BACK
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]


async def test_cancel_during_a_rollback_by_verdict_does_not_cut_it_short(stage: Stage) -> None:
    """The first cancel that comes in the middle of the way back."""
    hang = stage.aws.faults.hang("update_alias", when=lambda a: a["routing"] == whole("1"))
    stage.load.profiles["2"] = Profile(error_share=0.5)
    handle = await stage.start(stage.request())
    await hang.reached.wait()
    await handle.cancel()
    hang.release()
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT)
    assert stage.routing == whole("1")


async def test_restore_goes_first_and_throttling_never_turns_a_release_back(stage: Stage) -> None:
    """Scenario 26: 20 s of refused control calls are waited for; the way back is marked urgent."""
    throttled = Throttled("could not update alias: AWS answered UpdateAlias with TooManyRequestsException")
    request, handle = await stage.baking()
    stage.aws.faults.refuse("update_alias", throttled, times=8)
    await stage.forward(handle, minutes(8))
    await stage.reach(request, Phase.BAKING, step=1)
    assert stage.writes()[-1] == "version 1 + 50 % to version 2"
    await stage.order(request, Command.ABORT)
    await handle.result()
    assert [c.urgent for c in stage.aws.journal.of("update_alias") if c.applied] == [False, False, True]
