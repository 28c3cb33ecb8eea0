"""A release as a stream of Server-Sent Events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from orchestrator.api import problems
from orchestrator.api.bodies import summary
from orchestrator.api.parts import By, Given, Ref
from orchestrator.api.problems import ProblemError, documented
from orchestrator.api.watching import Watch, event_id, events_after

router = APIRouter(prefix="/v1", tags=["releases"])
RETRY_MILLISECONDS = 2000
"""How long a client waits before it comes back."""
LONGEST_SECONDS = 3600.0
"""A stream ends after this, or with the credential that opened it; the client comes back with a fresh one."""


async def _followed(ref: Ref, parts: Given, by: By) -> AsyncIterator[Watch]:
    """Find the release before the answer begins: a stream that has begun cannot tell of a missing role any more."""
    row = await parts.desk.find(by, ref)
    if parts.watches.stopping or parts.watches.streams >= parts.settings.api.max_streams:
        raise ProblemError(
            problems.UNAVAILABLE, "no more streams here: come back in some seconds", headers={"Retry-After": "5"}
        )
    async with AsyncExitStack() as stack:
        parts.telemetry.streams.inc()
        stack.callback(parts.telemetry.streams.dec)
        yield await stack.enter_async_context(parts.watches.following(row))


@router.get(
    "/releases/{ref}/events",
    response_class=EventSourceResponse,
    summary="Follow a release",
    responses=documented(problems.NOT_FOUND, problems.UNAVAILABLE),
)
async def events(
    watch: Annotated[Watch, Depends(_followed)],
    parts: Given,
    by: By,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Server-Sent Events until the release ends. A client that comes back says `Last-Event-ID`.

    `journal` is an event of the journal, with its offset as id; `state` the release without its events, whenever it has
    changed; `end` says that the release has ended, and so does the stream.
    """
    until = asyncio.get_running_loop().time() + _seconds(by.who.until)
    yield ServerSentEvent(retry=RETRY_MILLISECONDS, comment="following")
    last, shown = last_event_id, None
    while True:
        state = watch.state
        for event in events_after(state, last):
            last = event_id(state, event)
            yield ServerSentEvent(event="journal", id=last, data=event)
        bare = state.model_copy(update={"events": ()})
        if bare != shown:
            shown = bare
            yield ServerSentEvent(event="state", data=bare)
        if watch.state is not state:  # it has changed while this one was sent
            continue
        if watch.over:
            yield ServerSentEvent(event="end", data=summary(state))
            return
        if parts.watches.stopping or not await _rung(watch, until):
            yield ServerSentEvent(comment="come back")
            return


async def _rung(watch: Watch, until: float) -> bool:
    """Wait for a change; False when the stream's time is over."""
    try:
        async with asyncio.timeout_at(until):
            await watch.changed()
    except TimeoutError:
        return False
    return True


def _seconds(until: datetime | None) -> float:
    if until is None:
        return LONGEST_SECONDS
    return min(LONGEST_SECONDS, max(0, (until - datetime.now(UTC)).total_seconds()))
