"""Taking the news that somebody has moved the alias: told in the journal, then looked at. News is never believed."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.drift import AliasChange
    from orchestrator.domain.errors import InvariantError
    from orchestrator.domain.journal import EventKind
    from orchestrator.domain.release import Cause
    from orchestrator.domain.traffic import Reading, Routing
    from orchestrator.domain.work import AliasRead, ReadAlias
    from workflows import calls
    from workflows.ground import Ground
    from workflows.intent import Back
    from workflows.unwinding import named, reason_of
    from workflows.waits import drop, race, within

T = TypeVar("T")


def take(ground: Ground, change: AliasChange) -> str:
    """Note the change in the journal, which wakes the wait that the release is in; return what came of it.

    Where the release waits for a person to settle a drift already, its sentence gets the name.
    """
    notes, log = ground.notes, ground.log
    found = notes.found if log.state.drifted else None
    culprit = change if found and notes.culprit(found) is None and change.leads_to(found) else None
    notes.foreign = (*notes.foreign, change)
    data = {"event": change.event, "id": change.id}
    log.note(EventKind.WARNING, change.sentence, actor=change.by, data=data)
    if culprit is not None:
        log.enter(log.state.phase, named(log.state.sentence, culprit), until=log.state.waiting_until)
    else:
        log.publish()
    return f"told release {ground.request.release_id}: {change.sentence}"


async def mind(ground: Ground, handle: workflow.ActivityHandle[T], stop: Callable[[], bool]) -> T | None:
    """As `race`, and the alias is looked at whenever there is news of it while neither has come. Raises Back."""
    try:
        while not (handle.done() or stop()):
            await workflow.wait_condition(lambda: handle.done() or stop() or ground.has_news)
            await look(ground, lambda: handle.done() or stop())
        return await handle if handle.done() else None
    finally:
        if not handle.done():
            drop(handle)


async def mind_within(ground: Ground, limit: timedelta, done: Callable[[], bool], summary: str) -> bool:
    """As `within`, and the alias is looked at whenever there is news of it before `done()`. Raises Back."""
    end = ground.until(limit)
    while True:
        left = max(end - workflow.now(), timedelta(0))
        in_time = await within(left, lambda: done() or ground.has_news, summary)
        if done() or not in_time:
            return in_time
        await look(ground, done)


async def look(ground: Ground, urgent: Callable[[], bool]) -> None:
    """Read the alias if there is news of it that nobody has looked into, unless something `urgent` comes first.

    Raises Back when it was moved away; then nothing is overwritten. An alias that cannot be read is told and is no
    reason to go back: each write is guarded by its revision all the same.
    """
    while ground.has_news and not urgent():
        count = len(ground.notes.foreign)
        try:
            read = await race(calls.read_alias(_question(ground)), urgent)
        except ActivityError as error:
            if urgent():
                return
            cause, sentence = reason_of(ground, error)
            if cause is Cause.DRIFT:
                raise Back(cause, sentence) from None
            text = f"the alias could not be looked at after that: {sentence}"
        else:
            if read is None:
                return
            text = _found(ground, read)
        ground.notes.seen = count
        ground.log.note(EventKind.WARNING, text)
        ground.log.publish()


async def look_at_the_end(ground: Ground) -> None:
    """Read the alias before a release is called promoted: the last reading may be an hour old.

    Raises Back when it was moved away. Where it cannot be read, the journal says so: it was read back when promoted.
    """
    if ground.has_news:
        await look(ground, lambda: ground.intent.must_return)
        return
    try:
        await race(calls.read_alias(_question(ground)), lambda: ground.intent.must_return)
    except ActivityError as error:
        cause, sentence = reason_of(ground, error)
        if cause is Cause.DRIFT:
            raise Back(cause, sentence) from None
        ground.log.note(EventKind.WARNING, f"the alias could not be read at the end: {sentence}")


def _question(ground: Ground) -> ReadAlias:
    return ReadAlias(
        target=ground.request.target,
        stable=ground.stable,
        canary=ground.canary,
        intent=_intent(ground),
        past=ground.past,
    )


def _intent(ground: Ground) -> Routing:
    """What the alias is to route to now: what was written last, or what was found at the start."""
    if ground.notes.wished:
        return ground.notes.wished[-1][1]
    if ground.report.alias is None:
        raise InvariantError("an alias is looked at that was neither found nor written")
    return ground.report.alias.routing


def _found(ground: Ground, read: AliasRead) -> str:
    text = f"alias {ground.request.target} was looked at and routes to {read.routing}"
    match read.reading:
        case Reading.INTENDED:
            return f"{text}, as wished: going on"
        case Reading.SETTLING:
            return f"{text}: Lambda is still preparing provisioned concurrency; going on"
        case _:
            return (
                f"{text} instead of {_intent(ground)}: nothing but stable and canary, so the release goes on, and its "
                "next write corrects that"
            )
