"""The way back: all traffic to the recorded stable version, until it has been read back."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as TemporalTimeout

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.journal import EventKind
    from orchestrator.domain.release import Cause, Command, Order, Outcome, Phase
    from orchestrator.domain.work import Cool, Restored
    from workflows import calls
    from workflows.ground import Ground
    from workflows.intent import told

ALERT_AFTER = (timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
"""A restore that takes longer than this is told; the last span repeats."""

TRY_AGAIN = timedelta(minutes=1)
"""After an answer that Temporal takes for final (no permission, alias gone): people may have mended it."""


async def unwind(ground: Ground, cause: Cause, sentence: str) -> tuple[Outcome, Cause, str]:
    """Return everything to stable and say how the release ended.

    It ends only with the alias read back, or with a person's decision (`adopt`), or past the limit with FAILED.
    """
    ground.close_window()
    ground.log.note(EventKind.ROLLING_BACK, f"rolling back ({cause}): {sentence}", windows=ground.windows)
    ground.log.enter(Phase.ROLLING_BACK, f"rolling back: {sentence}", cause=cause, paused_by=None)
    deadline = workflow.now() + ground.request.plan.limits.drift
    force = False
    while True:
        ground.intent.resolution = None
        try:
            restored = await _restore(ground, force=force)
        except ActivityError as error:
            blocked = _reason(error)
            if isinstance(error.cause, ApplicationError) and error.cause.type == "Drift" and not ground.touched:
                return Outcome.REJECTED, cause, f"{sentence}; nothing was written, and meanwhile: {blocked}"
            order = await _decision(ground, error, blocked, deadline)
            if order is None and workflow.now() >= deadline:
                return Outcome.FAILED, Cause.DRIFT, f"{blocked} (nobody adopted or restored it in time)"
            if order is not None and order.command is Command.ADOPT:
                return Outcome.FAILED, Cause.DRIFT, f"{blocked} Adopted as it is by {told(order)}"
            force = order is not None and order.command is Command.RESTORE
            continue
        ground.log.state = ground.log.state.model_copy(update={"weight": 0.0, "drifted": False})
        return Outcome.ROLLED_BACK, cause, _ended(ground, restored, sentence)


async def give_back(ground: Ground) -> None:
    """Remove what the release added to the canary; a failure is told and harms nobody but the bill."""
    if not ground.warmed:
        return
    try:
        await calls.cool(Cool(target=ground.request.target, version=ground.canary))
    except ActivityError as error:
        ground.log.note(
            EventKind.WARNING, f"provisioned concurrency of version {ground.canary} stays: {_reason(error)}"
        )


async def _restore(ground: Ground, *, force: bool) -> Restored:
    handle = calls.restore(ground.restoration(force=force))
    spans = list(ALERT_AFTER)
    while not handle.done():
        span = spans.pop(0) if len(spans) > 1 else spans[0]
        try:
            await workflow.wait_condition(handle.done, timeout=span, timeout_summary="restore takes too long")
        except TimeoutError:
            text = f"alias {ground.request.target} could not be restored yet; still trying"
            ground.log.note(EventKind.FAILING, text)
            ground.log.enter(Phase.ROLLING_BACK, text)
    return await handle


async def _decision(ground: Ground, error: ActivityError, blocked: str, deadline: datetime) -> Order | None:
    """Wait for a person; None when it is time to try again by oneself (or the deadline has come)."""
    drift = isinstance(error.cause, ApplicationError) and error.cause.type == "Drift"
    kind = EventKind.DRIFT if drift else EventKind.FAILING
    if not ground.log.state.drifted:
        ground.log.note(kind, blocked)
    limit = deadline - workflow.now() if drift else TRY_AGAIN
    until = ground.until(limit)
    if not ground.log.state.drifted or ground.log.state.sentence != blocked:
        ground.log.enter(Phase.ROLLING_BACK, blocked, drifted=True, until=until)
    try:
        await workflow.wait_condition(lambda: ground.intent.resolution is not None, timeout=limit)
    except TimeoutError:
        return None
    return ground.intent.resolution


def _ended(ground: Ground, restored: Restored, sentence: str) -> str:
    if not restored.wrote:
        return f"{sentence}; alias {ground.request.target} was never changed: {restored.alias.routing} serves 100 %"
    return f"{sentence}; {restored.alias.routing} serves 100 % again, read back"


def reason_of(error: ActivityError) -> tuple[Cause, str]:
    """Say why an activity ended the way forward."""
    kind = error.cause.type if isinstance(error.cause, ApplicationError) else None
    if kind == "Drift":
        return Cause.DRIFT, _reason(error)
    if isinstance(error.cause, TemporalTimeout):
        last = f": {error.cause.cause}" if error.cause.cause else ""
        return Cause.DEADLINE, f"`{error.activity_type}` did not end in its time{last}"
    return Cause.ERROR, _reason(error)


def _reason(error: ActivityError) -> str:
    """Return the sentence of the innermost cause."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause)
