"""Writing the alias on the way forward: send, read back, and hold where AWS does not let us."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.analysis import Window
    from orchestrator.domain.errors import InvariantError
    from orchestrator.domain.journal import EventKind
    from orchestrator.domain.release import Cause
    from orchestrator.domain.traffic import Routing
    from orchestrator.domain.work import Shifted, ShiftTo
    from workflows import calls
    from workflows.baking import MARGIN, hold
    from workflows.ground import Ground
    from workflows.intent import Back
    from workflows.waits import drop, within

PATIENCE = timedelta(minutes=2)
"""A write that is not confirmed after this is told and watched over: it may take as long as AWS is out of order."""
CORRECTIONS = 10


async def write(ground: Ground, intent: Routing, index: int, weight: float) -> Shifted:
    """Bring the alias to `intent` and return what was read back. Raises Back or ActivityError.

    The activity never chooses a revision by itself: where somebody changed the alias without moving it away from us,
    this loop writes again with the new one, unless the way forward has been closed meanwhile.
    """
    ground.close_window()
    ground.promoting = ground.promoting or intent.primary == ground.canary
    ground.notes.wish(intent)
    for _ in range(CORRECTIONS):
        ground.intent.check()
        ground.touched = True
        shifted = await _sent(ground, intent)
        ground.found(shifted.alias.revision)
        if shifted.confirmed:
            ground.windows = (*ground.windows, Window(step=index, weight=weight, start=shifted.at))
            return shifted
        ground.log.note(
            EventKind.CORRECTED,
            f"somebody changed the alias to {shifted.alias.routing} meanwhile; writing {intent} again",
        )
    raise InvariantError(f"the alias was changed by others {CORRECTIONS} times in a row")


async def _sent(ground: Ground, intent: Routing) -> Shifted:
    """Send one write and return what it found. Trouble with AWS alone never turns the release back before a limit."""
    limit = ground.request.plan.limits.hold
    order = ShiftTo(
        target=ground.request.target,
        stable=ground.stable,
        canary=ground.canary,
        intent=intent,
        revision=ground.revision,
        runtime_version=ground.published.runtime_version if ground.published else None,
        written=ground.log.state.weight,
        past=ground.past,
    )
    shift = calls.shift(order, PATIENCE + limit + MARGIN)
    try:
        if not await within(PATIENCE, lambda: shift.done() or ground.intent.must_return, "the write takes too long"):
            text = f"AWS has not confirmed {intent} yet; trying on, and everything rolls back after {limit}"
            ground.log.note(EventKind.HOLDING, text)
            ground.log.enter(ground.log.state.phase, text, until=ground.until(limit))
            if not await hold(ground, shift.done, limit, writing=True):
                raise Back(Cause.DEADLINE, f"AWS did not confirm {intent} within {limit}")
        ground.intent.check()
        return await shift
    finally:
        drop(shift)
