"""Bakes and holds: waiting at a weight while somebody watches. A watch goes on in every wait that has traffic split."""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.journal import EventKind
    from orchestrator.domain.plan import Bake, Promote, Shift
    from orchestrator.domain.release import Cause, Phase
    from orchestrator.domain.work import Watch, Watched
    from workflows import calls
    from workflows.ground import Ground
    from workflows.intent import Back, told
    from workflows.waits import drop, race

MARGIN = timedelta(minutes=10)
"""Beyond the times of the plan: for lag, for workers that were away, for the last look."""


async def bake(ground: Ground, index: int, span: Bake, *, final: bool) -> None:
    """Return when the step may end. Raises Back when the verdict, a command or a limit says so."""
    mode: Literal["bake", "hold"] = "bake"
    phase = Phase.FINAL_BAKE if final else Phase.BAKING
    while True:
        _announce(ground, phase, mode, span)
        limit = span.duration + span.max_hold + MARGIN if mode == "bake" else ground.request.plan.limits.hold
        watched = await race(_watch(ground, index, span, mode, limit), lambda: _interrupted(ground, index))
        if await _may_leave(ground, index):
            return
        if watched is None:
            continue
        _note(ground, watched)
        if watched.action == "advance":
            return
        if watched.action == "rollback":
            raise Back(Cause.VERDICT, watched.sentence)
        if watched.action == "pause":
            ground.intent.paused_by = f"check: {watched.sentence}"
            if await _may_leave(ground, index):
                return
        mode = "hold" if watched.action == "hold" else mode


async def clear_to_go(ground: Ground, index: int) -> None:
    """Hold here while the release is paused. Raises Back; call before every step and every write."""
    ground.intent.check()
    if ground.intent.paused_by is None:
        return
    before = ground.log.state.phase
    who = ground.intent.paused_by
    limit = ground.request.plan.limits.hold
    ground.log.enter(
        Phase.PAUSED,
        f"paused by {who}; the watch goes on, and everything rolls back after {_spoken(limit)}",
        until=ground.until(limit),
        paused_by=who,
    )
    resumed = await hold(ground, lambda: ground.intent.paused_by is None or _leaving(ground, index), limit)
    ground.intent.check()
    if not resumed:
        raise Back(Cause.DEADLINE, f"paused for {_spoken(limit)} by {who} and never resumed")
    ground.intent.paused_by = None
    ground.log.enter(before, "resumed", paused_by=None)


async def hold(ground: Ground, done: Callable[[], bool], limit: timedelta) -> bool:
    """Wait until `done()`; False when `limit` came first. Traffic that is split stays watched all the while.

    Raises Back when the watch says so, or a command.
    """
    guard = None
    if ground.splitting:
        step = ground.request.plan.steps[ground.windows[-1].step]
        span = step.bake if isinstance(step, Shift | Promote) else Bake(duration=timedelta(0))
        guard = _watch(ground, ground.windows[-1].step, span, "guard", limit + MARGIN)
    try:
        await workflow.wait_condition(
            lambda: done() or ground.intent.must_return or (guard is not None and guard.done()), timeout=limit
        )
    except TimeoutError:
        return False
    finally:
        if guard is not None and not guard.done():
            drop(guard)
    ground.intent.check()
    if guard is not None and guard.done() and not done():
        watched = await guard
        _note(ground, watched)
        raise Back(Cause.VERDICT, watched.sentence)
    return True


async def _may_leave(ground: Ground, index: int) -> bool:
    """Act on what interrupted a bake. True when the step's wait is to end at once."""
    ground.intent.check()
    if not _leaving(ground, index):
        await clear_to_go(ground, index)
    skip = ground.intent.skipped.get(index)
    order = skip or ground.intent.promote
    if order is None:
        return False
    ground.log.note(EventKind.WAITING, f"the wait was ended by {told(order)}", actor=order.actor.name)
    return True


def _interrupted(ground: Ground, index: int) -> bool:
    intent = ground.intent
    return intent.must_return or intent.paused_by is not None or _leaving(ground, index)


def _leaving(ground: Ground, index: int) -> bool:
    promoted = ground.intent.promote is not None and index < len(ground.request.plan.steps) - 1
    return promoted or index in ground.intent.skipped


def _watch(
    ground: Ground, index: int, span: Bake, mode: Literal["bake", "hold", "guard"], limit: timedelta
) -> workflow.ActivityHandle[Watched]:
    plan = ground.request.plan
    watch = Watch(
        request=ground.request,
        stable=ground.stable,
        canary=ground.canary,
        step=index,
        bake=span,
        final=isinstance(plan.steps[index], Promote),
        windows=ground.windows,
        mode=mode,
        settle=ground.settle,
        red_alarms=ground.report.red_alarms,
        slow_above=ground.report.slow_above,
        next_weight=plan.next_weight(index),
    )
    return calls.bake(watch, plan, limit)


def _announce(ground: Ground, phase: Phase, mode: str, span: Bake) -> None:
    weight = ground.log.state.weight
    if mode == "hold":
        limit = ground.request.plan.limits.hold
        text = f"holding at {weight:g} %: too little evidence to go on; everything rolls back after {_spoken(limit)}"
        ground.log.enter(phase, text, until=ground.until(limit))
        return
    ground.log.enter(phase, f"baking at {weight:g} % for {_spoken(span.duration)}", until=ground.until(span.duration))


def _note(ground: Ground, watched: Watched) -> None:
    kind = EventKind.HOLDING if watched.action in ("hold", "pause") else EventKind.JUDGED
    ground.log.note(kind, watched.sentence, measurements=watched.measurements)


def _spoken(span: timedelta) -> str:
    """Return e.g. `5 min`, `24 h`, `45 s`."""
    seconds = span.total_seconds()
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
