"""The way back: all traffic to the recorded stable version, until it has been read back."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, RetryState
from temporalio.exceptions import TimeoutError as TemporalTimeout

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.drift import GONE, AliasChange
    from orchestrator.domain.journal import EventKind
    from orchestrator.domain.release import Cause, Command, Order, Outcome, Phase
    from orchestrator.domain.traffic import whole
    from orchestrator.domain.work import Cool, Restored
    from workflows import calls
    from workflows.ground import Ground
    from workflows.intent import told
    from workflows.waits import within

ALERT_AFTER = (timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
"""A restore that takes longer than this is told; the last span repeats."""

TRY_AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
"""Waits after an answer that Temporal takes for final (no permission, version gone): people may have mended it."""


async def unwind(ground: Ground, cause: Cause, sentence: str) -> tuple[Outcome, Cause, str]:
    """Return everything to stable and say how the release ended.

    It ends only with the alias read back, or with a person's decision (`adopt`), or past the limit with FAILED.
    """
    ground.close_window()
    ground.notes.wish(whole(ground.stable))
    ground.log.note(EventKind.ROLLING_BACK, f"rolling back ({cause}): {sentence}", windows=ground.windows)
    ground.log.enter(Phase.ROLLING_BACK, f"rolling back: {sentence}", cause=cause, paused_by=None)
    deadline = workflow.now() + ground.request.plan.limits.drift
    waits = list(TRY_AGAIN)
    force = False
    while True:
        ground.intent.resolution = None
        try:
            restored = await _restore(ground, force=force, stopped=cause is Cause.DRIFT)
        except ActivityError as error:
            if not ground.touched:
                return (
                    Outcome.REJECTED,
                    cause,
                    f"{sentence}; nothing was written, and meanwhile: {blamed(ground, error)}",
                )
            order = await _decision(ground, error, deadline, waits.pop(0) if len(waits) > 1 else waits[0])
            if order is not None and order.command is Command.ADOPT:
                return Outcome.FAILED, _kind(error), f"{blamed(ground, error)}. Adopted as it is by {told(order)}"
            if order is None and workflow.now() >= deadline:
                return Outcome.FAILED, _kind(error), f"{blamed(ground, error)} (nobody adopted or restored it in time)"
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
        ground.log.note(EventKind.WARNING, f"provisioned concurrency of version {ground.canary} stays: {said(error)}")


async def _restore(ground: Ground, *, force: bool, stopped: bool) -> Restored:
    handle = calls.restore(ground.restoration(force=force, stopped=stopped))
    spans = list(ALERT_AFTER)
    while not await within(spans.pop(0) if len(spans) > 1 else spans[0], handle.done, "the restore takes too long"):
        text = f"alias {ground.request.target} could not be restored yet; still trying"
        ground.log.note(EventKind.FAILING, text)
        ground.log.enter(Phase.ROLLING_BACK, text)
    return await handle


async def _decision(ground: Ground, error: ActivityError, deadline: datetime, wait: timedelta) -> Order | None:
    """Wait for a person; None when it is time to try again by oneself (or the deadline has come)."""
    ground.notes.found = _found(error)
    if _kind(error) is Cause.DRIFT:
        kind, limit, text = EventKind.DRIFT, deadline - workflow.now(), blamed(ground, error)
    else:
        kind, limit = EventKind.FAILING, wait
        text = (
            f"{blamed(ground, error)}. Sluice tries on; `sluice adopt` leaves the alias as it is and ends the release"
        )
    if ground.log.state.sentence != text:
        ground.log.note(kind, text)
        ground.log.enter(Phase.ROLLING_BACK, text, drifted=True, until=deadline)
    await within(limit, lambda: ground.intent.resolution is not None, "somebody must adopt or restore")
    return ground.intent.resolution


def _ended(ground: Ground, restored: Restored, sentence: str) -> str:
    if not restored.wrote:
        return f"{sentence}; alias {ground.request.target} was never changed: {restored.alias.routing} serves 100 %"
    return f"{sentence}; {restored.alias.routing} serves 100 % again, read back"


def reason_of(ground: Ground, error: ActivityError) -> tuple[Cause, str]:
    """Say why an activity ended the way forward."""
    late = isinstance(error.cause, TemporalTimeout) or error.retry_state is RetryState.TIMEOUT
    if late:
        return Cause.DEADLINE, f"`{error.activity_type}` did not end in its time: {said(error)}"
    return _kind(error), blamed(ground, error)


def blamed(ground: Ground, error: ActivityError) -> str:
    """Return the sentence of the innermost cause, and who has moved the alias where that was told."""
    found = _found(error)
    change = ground.notes.culprit(found) if found is not None else None
    return said(error) if change is None else named(said(error), change)


def named(sentence: str, change: AliasChange) -> str:
    """Return the sentence with who has done that, and when."""
    return f"{sentence}. CloudTrail names {change.who_and_when}"


def said(error: ActivityError) -> str:
    """Return the sentence of the innermost cause."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return cause.message if isinstance(cause, ApplicationError) else str(cause)


def _found(error: ActivityError) -> str | None:
    """What the alias was found at when that is the trouble, in the words of a routing."""
    if not isinstance(error.cause, ApplicationError) or error.cause.type not in ("Drift", "MissingTarget"):
        return None
    evidence = error.cause.details[0] if error.cause.type == "Drift" and error.cause.details else {}
    return str(evidence.get("found", GONE))


def _kind(error: ActivityError) -> Cause:
    drift = isinstance(error.cause, ApplicationError) and error.cause.type == "Drift"
    return Cause.DRIFT if drift else Cause.ERROR
