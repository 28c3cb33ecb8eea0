"""Somebody else moves the alias: it is never overwritten, never taken for ours, and always told."""

from collections.abc import Callable

import pytest

from orchestrator.domain.errors import AccessDenied
from orchestrator.domain.journal import EventKind
from orchestrator.domain.plan import Bake, Limits, Promote, Shift
from orchestrator.domain.release import Cause, Command, Outcome, Phase, ReleaseRequest
from orchestrator.domain.traffic import Routing, split, whole
from tests.workflows.stage import Handle, Stage, minutes, plan, replayed, steps, told

THIRD = split("1", "3", 20)


def add_third_version(stage: Stage) -> None:
    stage.function.publish_now()  # 2: what the release will find published
    stage.function.change_code("third")
    stage.function.publish_now()
    stage.function.change_code("fourth")


async def drifted(stage: Stage, routing: Routing = THIRD, **limits: object) -> tuple[ReleaseRequest, Handle]:
    """A release of version 4 in its bake, whose alias somebody moves, at the moment it wants to write again."""
    add_third_version(stage)
    request = stage.request(plan=plan(*steps(10, 50), limits=Limits(**limits)))
    request, handle = await stage.baking(request)
    stage.aws.move(stage.target, routing)
    await stage.order(request, Command.SKIP, step=0)
    await stage.until(request, lambda s: s.drifted)
    return request, handle


async def test_foreign_change_in_a_bake_stops_the_release_and_names_what_was_found(stage: Stage) -> None:
    """Scenario 4: the next write gets 412; nothing is overwritten and nothing rolled back blindly."""
    request, handle = await drifted(stage)
    state = await stage.service.get(request.release_id)
    assert (state.phase, state.cause) == (Phase.ROLLING_BACK, Cause.DRIFT)
    assert "was moved by somebody else: found version 1 + 20 % to version 3" in state.sentence
    assert told(state, EventKind.DRIFT) == [state.sentence]
    assert stage.routing == THIRD
    assert stage.writes() == ["version 1 + 10 % to version 4"]
    await stage.order(request, Command.ADOPT)
    await handle.result()


async def test_canary_that_somebody_took_all_traffic_from_is_found_when_the_bake_would_be_held(stage: Stage) -> None:
    """Scenario 4: there is no next write while nothing is measured."""
    add_third_version(stage)
    bake = Bake(duration=minutes(2), max_hold=minutes(1))
    parts = (Shift(weight=10, bake=bake), Promote(bake=Bake(duration=minutes(0))))
    request, handle = await stage.baking(stage.request(plan=plan(*parts)))
    stage.aws.move(stage.target, whole("3"))
    await stage.forward(handle, minutes(4))
    state = await stage.until(request, lambda s: s.drifted)
    assert "found version 3" in state.sentence
    await stage.order(request, Command.ADOPT)
    assert (await handle.result()).outcome is Outcome.FAILED
    assert stage.routing == whole("3")


async def test_adopted_drift_ends_the_release_and_leaves_the_alias(stage: Stage) -> None:
    """A person has decided; the outcome says that the alias is not in a state of Sluice's."""
    request, handle = await drifted(stage)
    await stage.order(request, Command.ADOPT)
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.FAILED, Cause.DRIFT)
    assert state.sentence.endswith("Adopted as it is by bob: because")
    assert stage.routing == THIRD


@replayed
async def test_restored_drift_goes_back_to_the_recorded_version(stage: Stage) -> None:
    """A person has decided that the foreign change is to be overwritten."""
    request, handle = await drifted(stage)
    await stage.order(request, Command.RESTORE)
    state = await handle.result()
    assert (state.outcome, state.cause, state.drifted) == (Outcome.ROLLED_BACK, Cause.DRIFT, False)
    assert stage.routing == whole("1")


async def test_drift_that_nobody_decides_fails_at_its_limit(stage: Stage) -> None:
    """The lock on the target is given up; somebody is to be paged."""
    _, handle = await drifted(stage, drift=minutes(30))
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.FAILED, Cause.DRIFT)
    assert state.sentence.endswith("(nobody adopted or restored it in time)")
    assert stage.routing == THIRD


async def test_abort_of_a_drifted_release_looks_again(stage: Stage) -> None:
    """Somebody has brought the alias back by hand; one more abort finds that."""
    request, handle = await drifted(stage)
    await stage.order(request, Command.ABORT)
    await stage.until(request, lambda s: s.drifted and s.events[-1].kind is EventKind.COMMAND)
    assert stage.routing == THIRD
    stage.aws.move(stage.target, whole("1"))
    await stage.order(request, Command.ABORT)
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK


@pytest.mark.parametrize("weight", [10.0, 80.0])
async def test_as_much_or_more_of_the_canary_is_corrected(stage: Stage, weight: float) -> None:
    """Both versions are ours, and nobody has stopped anything: read again, write with the new revision, and tell."""
    request, handle = await stage.baking()
    stage.aws.move(stage.target, split("1", "2", weight))
    await stage.order(request, Command.SKIP, step=0)
    state = await stage.reach(request, Phase.BAKING, step=1)
    (text,) = told(state, EventKind.CORRECTED)
    assert text.startswith(f"somebody changed the alias to version 1 + {weight:g} % to version 2 meanwhile; writing")
    assert stage.routing == split("1", "2", 50)
    await stage.order(request, Command.ABORT)
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK


async def test_alias_that_somebody_else_promoted_is_not_taken_back(stage: Stage) -> None:
    """Sluice has sent no promotion, so the canary at 100 % is a foreign change like any other."""
    request, handle = await stage.baking()
    stage.aws.move(stage.target, whole("2"))
    await stage.order(request, Command.ABORT)
    await stage.until(request, lambda s: s.drifted)
    assert stage.routing == whole("2")
    await stage.order(request, Command.RESTORE)
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK


async def test_rollback_overtaken_by_a_change_of_weights_writes_again(stage: Stage) -> None:
    """Scenario 45: 412, and the canary still gets traffic with the same primary version: the new revision is taken."""
    request, handle = await stage.baking()
    meddle_at_the_next(stage, lambda: stage.aws.move(stage.target, split("1", "2", 30)))
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    assert state.outcome is Outcome.ROLLED_BACK
    assert [c.outcome for c in stage.aws.journal.of("update_alias")] == ["answered", "Stale", "answered"]
    assert stage.routing == whole("1")


async def test_rollback_overtaken_by_a_third_version_stops(stage: Stage) -> None:
    """Scenario 45: 412, and another version is primary: stop and alert."""
    add_third_version(stage)
    request, handle = await stage.baking()
    meddle_at_the_next(stage, lambda: stage.aws.move(stage.target, whole("3")))
    await stage.order(request, Command.ABORT)
    state = await stage.until(request, lambda s: s.drifted)
    assert "found version 3" in state.sentence
    assert stage.routing == whole("3")
    await stage.order(request, Command.ADOPT)
    assert (await handle.result()).outcome is Outcome.FAILED


async def test_rollback_without_permission_is_told_and_tried_again(stage: Stage) -> None:
    """What AWS refuses for good may be mended by people; until then the state says what is missing."""
    request, handle = await stage.baking()
    stage.aws.faults.refuse("update_alias", AccessDenied("could not update alias: not allowed"), times=2)
    await stage.order(request, Command.ABORT)
    state = await stage.until(request, lambda s: s.drifted)
    (text,) = told(state, EventKind.FAILING)
    assert text.startswith("could not update alias: not allowed. Sluice tries on; `sluice adopt` leaves the alias")
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert len(told(state, EventKind.FAILING)) == 1


async def test_drift_before_the_first_write_is_only_told(stage: Stage) -> None:
    """Nothing of ours is on the alias, so nothing is to be adopted or restored."""
    hang = stage.aws.faults.hang("publish_version")
    request = stage.request()
    handle = await stage.start_still(request)
    await hang.reached.wait()
    stage.function.publish_now()
    stage.aws.move(stage.target, whole("2"))
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    hang.release()
    assert (state.outcome, state.cause) == (Outcome.REJECTED, Cause.ABORT)
    assert "nothing was written, and meanwhile: alias" in state.sentence
    assert stage.routing == whole("2")


def meddle_at_the_next(stage: Stage, meddle: Callable[[], None]) -> None:
    """Let somebody else write between the next reading of the alias and the write that follows it."""
    done = False

    def once(_: object) -> bool:
        nonlocal done
        if not done:
            done = True
            meddle()
        return False

    stage.aws.faults.refuse("update_alias", AccessDenied("never raised"), when=once)
