"""Bakes and holds: waiting at a weight while somebody watches. A watch goes on in every wait that has traffic split."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.journal import EventKind, cut
    from orchestrator.domain.plan import Bake, Promote, Shift
    from orchestrator.domain.release import Cause, Phase
    from orchestrator.domain.work import Watch, Watched, WatchMode
    from workflows import calls
    from workflows.ground import Ground
    from workflows.intent import LONGEST_TOLD, Back, told
    from workflows.looking import mind, mind_within
    from workflows.waits import drop, within

MARGIN = timedelta(minutes=10)
"""What a watch lives longer than the wait that it guards, so that the wait ends first."""


async def bake(ground: Ground, index: int, span: Bake, *, final: bool) -> None:
    """Return when the step may end. Raises Back when the verdict, a command or a limit says so."""
    mode: WatchMode = "bake"
    phase = Phase.FINAL_BAKE if final else Phase.BAKING
    hold_limit = ground.request.plan.limits.hold
    # a bake ends by what it reads, never by the clock alone: workers may have been away for hours
    budget = span.duration + span.max_hold + hold_limit
    _announce(ground, phase, span)
    while True:
        watch = _watch(ground, index, span, mode, budget if mode == "bake" else hold_limit)
        watched = await mind(ground, watch, lambda: _interrupted(ground, index))
        ground.intent.check()
        action = _acted(ground, watched) if watched else None
        if _left(ground, index):
            return
        if ground.intent.paused_by is not None:
            await clear_to_go(ground)
            if _left(ground, index):
                return
            _announce(ground, phase, span)
        elif action == "advance":
            return
        elif watched is not None and action == "hold":
            mode = "hold"
            text = f"holding: {watched.sentence}; everything rolls back after {_spoken(hold_limit)}"
            ground.log.enter(phase, text, until=ground.until(hold_limit))


async def clear_to_go(ground: Ground) -> None:
    """Hold here while the release is paused. Raises Back; call before every step."""
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
    if not await hold(ground, lambda: ground.intent.paused_by is None, limit):
        raise Back(Cause.DEADLINE, f"paused for {_spoken(limit)} by {who} and never resumed")
    ground.log.enter(before, "resumed", paused_by=None)


async def hold(ground: Ground, done: Callable[[], bool], limit: timedelta, *, writing: bool = False) -> bool:
    """Wait until `done()`; False when `limit` came first. What the canary has served stays watched all the while.

    Raises Back when the watch says so, whatever else came in the same moment, or a command; and when somebody has moved
    the alias, unless this release is `writing` it, which finds that out by itself.
    """
    guard = _guard(ground, limit + MARGIN)
    summary = "nothing stays split for ever"

    def over() -> bool:
        return done() or ground.intent.must_return or (guard is not None and guard.done())

    try:
        in_time = await (within(limit, over, summary) if writing else mind_within(ground, limit, over, summary))
        ground.intent.check()
        if guard is not None and guard.done():
            watched = await guard
            _note(ground, watched)
            raise Back(Cause.VERDICT, watched.sentence)
    finally:
        if guard is not None:
            drop(guard)
    return in_time


def _acted(ground: Ground, watched: Watched) -> str:
    """Note what a watch has found and take it up. Raises Back for a rollback, which nothing outranks but an abort."""
    _note(ground, watched)
    if watched.action == "rollback":
        raise Back(Cause.VERDICT, watched.sentence)
    if watched.action == "pause":
        ground.intent.paused_by = cut(f"check: {watched.sentence}", LONGEST_TOLD)
    return watched.action


def _left(ground: Ground, index: int) -> bool:
    """Whether a command ends the wait of step `index`; it is then noted."""
    order = ground.intent.skipped.get(index) or ground.intent.promote
    if order is None or not _leaving(ground, index):
        return False
    ground.log.note(EventKind.WAITING, f"the wait was ended by {told(order)}", actor=order.actor.name)
    return True


def _interrupted(ground: Ground, index: int) -> bool:
    intent = ground.intent
    return intent.must_return or intent.paused_by is not None or _leaving(ground, index)


def _leaving(ground: Ground, index: int) -> bool:
    promoted = ground.intent.promote is not None and index < len(ground.plan.steps) - 1
    return promoted or index in ground.intent.skipped


def _guard(ground: Ground, limit: timedelta) -> workflow.ActivityHandle[Watched] | None:
    """Start the watch of a wait; None before the canary has served anything."""
    if not ground.windows:
        return None
    index = ground.windows[-1].step
    step = ground.plan.steps[index]
    span = step.bake if isinstance(step, Shift | Promote) else Bake(duration=timedelta(0))
    return _watch(ground, index, span, "guard", limit)


def _watch(
    ground: Ground, index: int, span: Bake, mode: WatchMode, limit: timedelta
) -> workflow.ActivityHandle[Watched]:
    plan = ground.plan
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
    return calls.bake(watch, limit)


def _announce(ground: Ground, phase: Phase, span: Bake) -> None:
    since = workflow.now().timestamp() - ground.windows[-1].start
    left = max(timedelta(0), span.duration - timedelta(seconds=since))
    until = "for" if span.advance == "on_time" else "until proven, at most"
    text = f"baking at {ground.log.state.weight:g} % {until} {_spoken(span.duration)}"
    ground.log.enter(phase, text, until=ground.until(left))


def _note(ground: Ground, watched: Watched) -> None:
    kind = EventKind.HOLDING if watched.action in ("hold", "pause") else EventKind.JUDGED
    # where no check applies, as at 100 %, what was judged last is still what people ask for
    measured = watched.measurements or ground.log.state.measurements
    ground.log.note(kind, watched.sentence, measurements=measured)


def _spoken(span: timedelta) -> str:
    """Return e.g. `5 min`, `24 h`, `45 s`."""
    seconds = span.total_seconds()
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
