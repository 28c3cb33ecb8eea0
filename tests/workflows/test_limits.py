"""Every wait ends, and one release holds a target."""

import asyncio
from datetime import timedelta

import pytest

from orchestrator.domain.errors import Conflict
from orchestrator.domain.plan import Approval, Bake, Limits, Promote, Shift
from orchestrator.domain.release import Cause, Command, Outcome, Phase
from tests.workflows.stage import Stage, minutes, plan, steps

SHORT = Bake(duration=minutes(3))
DONE = Promote(bake=Bake(duration=minutes(0)))


async def test_approval_that_nobody_gives_rolls_back(stage: Stage) -> None:
    """Scenario 44: traffic does not stay split for ever."""
    state = await stage.release(plan=plan(Shift(weight=10, bake=SHORT), Approval(timeout=minutes(9)), DONE))
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DEADLINE)
    assert state.sentence.startswith("nobody approved step 2 in time")
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]


async def test_approval_before_any_traffic_that_nobody_gives_writes_nothing(stage: Stage) -> None:
    """It is the first step: there is nothing to return from."""
    state = await stage.release(plan=plan(Approval(timeout=timedelta(hours=24)), DONE))
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DEADLINE)
    assert stage.writes() == []


async def test_pause_that_nobody_ends_rolls_back(stage: Stage) -> None:
    """Who paused is named."""
    request, handle = await stage.baking(stage.request(plan=plan(limits=Limits(hold=minutes(9)))))
    await stage.order(request, Command.PAUSE)
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DEADLINE)
    assert state.sentence.startswith("paused for 9 min by bob: because and never resumed")


async def test_deadline_of_the_release_rolls_back_in_a_bake(stage: Stage) -> None:
    """Whatever the release is doing when it comes."""
    bakes = steps(10, 50, bake=minutes(60))
    state = await stage.release(plan=plan(*bakes, limits=Limits(deadline=minutes(7))))
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DEADLINE)
    assert "did not end within its deadline" in state.sentence
    assert state.ended_at - state.started_at < minutes(8)


async def test_deadline_in_a_pause_rolls_back(stage: Stage) -> None:
    """The shorter of two limits counts."""
    request, handle = await stage.baking(stage.request(plan=plan(limits=Limits(deadline=minutes(5)))))
    await stage.order(request, Command.PAUSE)
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DEADLINE)


async def test_second_release_of_one_target_is_refused_with_the_first_named(stage: Stage) -> None:
    """Scenario 32: the workflow id is the lock."""
    request, handle = await stage.baking()
    with pytest.raises(Conflict, match=f"release {request.release_id} holds {stage.target}"):
        await stage.service.submit(stage.request())
    await stage.order(request, Command.ABORT)
    await handle.result()


async def test_same_submission_twice_is_one_release(stage: Stage) -> None:
    """Scenario 32: also when both arrive at once."""
    first, again = (stage.request(idempotency_key="build-7") for _ in range(2))
    with stage.environment.with_time_skipping_disabled():
        one, two = await asyncio.gather(stage.service.submit(first), stage.service.submit(again))
    assert one.release_id == two.release_id
    request = first if one.release_id == first.release_id else again
    await stage.reach(request, Phase.BAKING)
    await stage.order(request, Command.ABORT)
    await stage.handle(request).result()
