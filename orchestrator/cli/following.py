"""A release as it changes, from the API's event stream, across any number of broken connections."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.cli.client import Tell
from orchestrator.cli.documents import read
from orchestrator.cli.transport import Transport, wait_before
from orchestrator.domain.errors import TransientError
from orchestrator.domain.journal import Event, ReleaseState

PATIENCE_SECONDS = 300.0
"""How long Sluice may be out of reach before following it gives up."""
SHORT_SECONDS = 5.0
"""A stream that lasts less is a failure, whatever it has told."""
SETTLE_SECONDS = 0.05
"""Events and the state that they led to come one after the other: they are shown together."""


class Message(NamedTuple):
    """One Server-Sent Event."""

    event: str
    id: str
    data: Any


@dataclass
class _Picture:
    """What the stream has told so far."""

    bare: ReleaseState | None = None
    events: list[Event] = field(default_factory=list)
    last: str = ""
    over: bool = False

    def take(self, message: Message) -> None:
        if message.event == "journal":
            self.events.append(read(Event, message.data))
            self.last = message.id or self.last
        elif message.event == "state":
            self.bare = read(ReleaseState, message.data)
        elif message.event == "end":
            self.over = True

    def state(self) -> ReleaseState | None:
        return self.bare.model_copy(update={"events": tuple(self.events)}) if self.bare else None


async def follow(
    asked: Transport, release_id: str, final: Callable[[], Awaitable[ReleaseState]], tell: Tell
) -> AsyncIterator[ReleaseState]:
    """Yield the release whenever it has changed; the last one is what `final` reads after the end.

    Each reconnection goes on after the last event that came. Raises what `Transport.stream` raises; what may pass only
    after PATIENCE_SECONDS.
    """
    picture, reached, short = _Picture(), time.monotonic(), 0
    while True:
        began, heard = time.monotonic(), False
        try:
            async with aclosing(_bursts(asked, release_id, picture.last)) as bursts:
                async for burst in bursts:
                    reached, heard = time.monotonic(), True
                    for message in burst:
                        picture.take(message)
                    if picture.over:
                        break
                    if (state := picture.state()) is not None:
                        yield state
            if picture.over:
                yield await final()
                return
        except TransientError as error:
            if time.monotonic() - reached > PATIENCE_SECONDS:
                raise
            tell(f"{error}; still waiting")
        # A stream that ends at once (its credential does, or the server) is asked for less and less often.
        short = 1 if heard and time.monotonic() - began > SHORT_SECONDS else short + 1
        await asyncio.sleep(wait_before(short))


async def _bursts(asked: Transport, release_id: str, last: str) -> AsyncGenerator[list[Message], None]:
    """Yield messages in groups as they arrive, until the stream ends."""
    arrived: asyncio.Queue[Message | None] = asyncio.Queue()
    reading = asyncio.create_task(_read(asked, release_id, last, arrived))
    try:
        while (message := await arrived.get()) is not None:
            await asyncio.sleep(SETTLE_SECONDS)
            burst = [message]
            while not arrived.empty() and (further := arrived.get_nowait()) is not None:
                burst.append(further)
            yield burst
            if reading.done() and arrived.empty():
                break
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read(asked: Transport, release_id: str, last: str, arrived: "asyncio.Queue[Message | None]") -> None:
    headers = {"Last-Event-ID": last} if last else {}
    try:
        async with asked.stream(f"/v1/releases/{release_id}/events", headers) as answer:
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                    continue
                if "data" in fields:
                    await arrived.put(
                        Message(fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]))
                    )
                fields = {}
    finally:
        await arrived.put(None)
