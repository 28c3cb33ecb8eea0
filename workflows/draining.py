"""After the way back: counting what the canary still handles, where the plan has a time for it.

The alias has been read back, so the outcome stands and is published before anything is waited for.
"""

from datetime import UTC, datetime, timedelta
from math import ceil

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.journal import EventKind
    from orchestrator.domain.plan import Sampling
    from orchestrator.domain.release import Cause, Outcome, Phase
    from orchestrator.domain.work import Drain, Drained
    from workflows import calls
    from workflows.ground import Ground
    from workflows.unwinding import said
    from workflows.waits import race, within


async def drain(ground: Ground, cause: Cause, sentence: str) -> None:
    """Publish that everything is back, wait for the plan's drain time, and note what was counted in it.

    An abort ends it early. Whatever fails here is told and changes nothing.
    """
    span = ground.plan.limits.drain
    if not span or not ground.windows:
        return
    work = _work(ground, span)
    until = datetime.fromtimestamp(work.end, UTC) + ground.plan.sampling.lag
    counting = f"counting until {until:%H:%M:%S} UTC what version {ground.canary} still handles"
    ending = {"outcome": Outcome.ROLLED_BACK, "cause": cause}
    ground.log.enter(Phase.ROLLING_BACK, f"{sentence}; {counting}", until=until, **ending)
    ground.intent.resolution, aborted = None, ground.intent.abort

    def over() -> bool:
        return ground.intent.resolution is not None or ground.intent.abort != aborted

    drained = None
    try:
        if not await within(until - workflow.now(), over, counting):
            drained = await race(calls.drain(work), over)
    except ActivityError as error:
        ground.log.note(EventKind.WARNING, f"what version {ground.canary} still handles is unknown: {said(error)}")
    else:
        _note(ground, drained)


def _note(ground: Ground, drained: Drained | None) -> None:
    if drained is None:
        ground.log.note(EventKind.WAITING, f"an abort ended the count of what version {ground.canary} still handles")
        return
    kind = EventKind.PROBED if drained.quiet else EventKind.WARNING
    ground.log.note(kind, drained.sentence, data=drained.model_dump(exclude={"sentence"}))


def _work(ground: Ground, span: timedelta) -> Drain:
    """Order the count: whole periods from now on, as many as the span takes."""
    period = _seconds(ground.plan.sampling)
    start = ceil(workflow.now().timestamp() / period) * period
    return Drain(
        target=ground.request.target,
        version=ground.canary,
        start=start,
        end=start + ceil(span.total_seconds() / period) * period,
        period=period,
    )


def _seconds(sampling: Sampling) -> int:
    return max(1, round(sampling.period.total_seconds()))
