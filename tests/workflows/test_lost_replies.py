"""Lost answers, late writes, crashes and retries: each write takes effect once, and no step is skipped."""

import asyncio

import pytest

from orchestrator.domain.analysis import Alarms
from orchestrator.domain.errors import Throttled, TimedOut
from orchestrator.domain.journal import EventKind
from orchestrator.domain.release import Cause, Command, Outcome, Phase
from orchestrator.domain.traffic import whole
from tests.fakes.aws import Profile
from tests.workflows.stage import (
    Stage,
    aws_worker,
    minutes,
    plan,
    replayed,
    restore_worker,
    steps,
    told,
    workflow_worker,
)

GOOD = ["version 1 + 10 % to version 2", "version 1 + 50 % to version 2", "version 2"]


@replayed
async def test_lost_answer_of_every_write_changes_nothing(stage: Stage) -> None:
    """Scenario 5: 412 and a reading that equals the intent is success, without a second event."""
    stage.aws.faults.lose_reply("update_alias", times=None, when=every_first(stage))
    state = await stage.release()
    assert state.outcome is Outcome.PROMOTED
    assert stage.writes() == GOOD
    assert [c.outcome for c in stage.aws.journal.of("update_alias")] == ["TimedOut", "Stale"] * 3
    assert len(told(state, EventKind.SHIFTED)) == 2


@pytest.mark.parametrize("after", [0, 1, 2, 5])
async def test_write_that_is_applied_late_is_taken_or_refused_but_never_doubled(stage: Stage, after: int) -> None:
    """It lands before, between or after the calls of the next attempt."""
    stage.aws.faults.apply_later("update_alias", after_calls=after)
    state = await stage.release(plan=plan(*steps(10)))
    assert state.outcome is Outcome.PROMOTED
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 2"]


async def test_late_write_cannot_undo_a_rollback(stage: Stage) -> None:
    """The alias looked right when the way back began, so the restore wrote all the same."""
    late = stage.aws.faults.apply_later("update_alias")
    stage.aws.faults.refuse("update_alias", Throttled("429"), times=None, when=lambda a: a["routing"] != whole("1"))
    request = stage.request()
    handle = await stage.start_still(request)
    await stage.until(request, lambda _: bool(stage.aws.journal.of("update_alias")))
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    assert state.outcome is Outcome.ROLLED_BACK
    late.apply()
    assert late.outcomes == ["Stale"]
    assert stage.routing == whole("1")


async def test_lost_answer_of_the_restore_changes_nothing(stage: Stage) -> None:
    """Twice over: stable serves everything in the end, read back."""
    stage.load.profiles["2"] = Profile(error_share=0.5)
    stage.aws.faults.lose_reply("update_alias", times=2, when=lambda a: a["routing"] == whole("1"))
    state = await stage.release()
    assert state.outcome is Outcome.ROLLED_BACK
    assert stage.routing == whole("1")


async def test_control_plane_in_trouble_for_minutes_holds_and_is_told(stage: Stage) -> None:
    """Scenario 26: trouble with AWS alone never turns a release back before the limit of a hold."""
    request, handle = await stage.baking()
    stage.aws.faults.refuse("update_alias", Throttled("429", retry_after=minutes(1)), times=4)
    await stage.order(request, Command.SKIP, step=0)
    await stage.forward(handle, minutes(3))
    state = await stage.until(request, lambda s: bool(told(s, EventKind.HOLDING)))
    assert (state.phase, state.weight) == (Phase.SHIFTING, 10)
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED
    assert stage.writes() == GOOD


async def test_alarms_are_watched_while_a_write_is_not_confirmed(stage: Stage) -> None:
    """No window is open then, but what the canary has done before may still show."""
    cloudwatch = stage.aws.cloudwatch(stage.target)
    cloudwatch.set_alarm("pager", "OK")
    request, handle = await stage.baking(stage.request(plan=plan(checks=(Alarms(name="pager", names=("pager",)),))))
    throttled = Throttled("429", retry_after=minutes(2))
    stage.aws.faults.refuse("update_alias", throttled, times=None, when=at(50))
    await stage.order(request, Command.SKIP, step=0)
    await stage.reach(request, Phase.SHIFTING, step=1)
    cloudwatch.set_alarm("pager", "ALARM", reason="too many errors")
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT)
    assert "too many errors" in state.sentence
    assert stage.routing == whole("1")


async def test_worker_that_dies_after_the_write_and_before_telling_is_replaced(unstaffed: Stage) -> None:
    """Scenario 27: the next worker finds the write done; no step is skipped or applied twice."""
    stage = unstaffed
    hangs = [stage.aws.faults.hang("update_alias", applied_first=True, when=at(w)) for w in (10, 50, 100)]
    async with workflow_worker(stage.environment, cached=0), restore_worker(stage):
        handle = await stage.start(stage.request())
        for hang in hangs:
            async with aws_worker(stage):
                await hang.reached.wait()
        async with aws_worker(stage):
            state = await handle.result()
    assert state.outcome is Outcome.PROMOTED
    assert stage.writes() == GOOD


async def test_worker_that_dies_before_the_restore_has_told_is_replaced(unstaffed: Stage) -> None:
    """The next one writes once more, because it cannot know; stable serves everything."""
    stage = unstaffed
    hang = stage.aws.faults.hang("update_alias", applied_first=True, when=lambda a: a["routing"] == whole("1"))
    async with workflow_worker(stage.environment, cached=0), aws_worker(stage):
        async with restore_worker(stage):
            request, handle = await stage.baking()
            await stage.order(request, Command.ABORT)
            await hang.reached.wait()
        async with restore_worker(stage):
            state = await handle.result()
    assert state.outcome is Outcome.ROLLED_BACK
    assert stage.routing == whole("1")


async def test_workers_that_were_away_for_two_hours_read_all_of_it_before_a_step(unstaffed: Stage) -> None:
    """Scenario 28: the canary was bad in the middle of the gap and is good again; it is not promoted."""
    stage = unstaffed
    async with workflow_worker(stage.environment), restore_worker(stage):
        async with aws_worker(stage):
            _, handle = await stage.baking()
        stage.clock.ahead = minutes(120)
        since = int(stage.clock.last.timestamp()) // 60 * 60
        for at_minute in range(20, 40):
            stage.aws.cloudwatch(stage.target).serve(
                stage.target.function, "live", "2", since + at_minute * 60, invocations=60, errors=40
            )
        async with aws_worker(stage):
            state = await stage.finish(handle)
    assert state.outcome is Outcome.ROLLED_BACK
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]
    gap = stage.aws.journal.of("metric_data")[-1].arguments
    assert gap["end"] - gap["start"] > 115 * 60


async def test_workers_that_were_away_do_not_turn_a_good_release_back(unstaffed: Stage) -> None:
    """Scenario 28: more time has passed than the bake and its hold have together."""
    stage = unstaffed
    async with workflow_worker(stage.environment), restore_worker(stage):
        async with aws_worker(stage):
            request, handle = await stage.baking()
        stage.clock.ahead = minutes(120)
        async with aws_worker(stage):
            await stage.forward(handle, minutes(2))
            state = await stage.reach(request, Phase.BAKING, step=1)
            assert state.outcome is None
            await stage.order(request, Command.ABORT)
            await handle.result()


async def test_hanging_read_is_given_up_and_tried_again(stage: Stage) -> None:
    """An attempt that was given up for dead may still answer later; nobody listens."""
    stage.aws.faults.refuse("get_alias", TimedOut("no answer"), times=3)
    state = await stage.release(plan=plan(*steps(10)))
    assert state.outcome is Outcome.PROMOTED
    await asyncio.sleep(0)


def at(weight: float):
    return lambda arguments: arguments["routing"].share_of("2") == weight


def every_first(stage: Stage):
    """The first write of each routing."""
    seen: set[str] = set()

    def fits(arguments) -> bool:
        new = str(arguments["routing"]) not in seen
        seen.add(str(arguments["routing"]))
        return new

    return fits
