"""Following releases: one look a second at each release that somebody streams, shared by all its streams."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from orchestrator.api.listing import Releases
from orchestrator.domain.errors import NotFound, SluiceError
from orchestrator.domain.journal import Event, ReleaseState
from orchestrator.rows import Row
from orchestrator.settings import ApiSettings

SLOWEST_SECONDS = 10.0
"""Between two looks while Temporal does not answer."""
log = structlog.get_logger("sluice.api")


class Watch:
    """One release that is followed: its newest state, and a bell that rings at each change."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.streams = 0
        self.over = row.state.done
        """Nothing will change any more."""
        self._bell = asyncio.Event()

    @property
    def state(self) -> ReleaseState:
        """The state last read."""
        return self.row.state

    def ring(self) -> None:
        """Wake every stream."""
        self._bell.set()
        self._bell = asyncio.Event()

    async def changed(self) -> None:
        """Wait for the next change, or the end."""
        await self._bell.wait()


class Watches:
    """All releases that are followed in this process."""

    def __init__(self, releases: Releases, settings: ApiSettings) -> None:
        self._releases = releases
        self._settings = settings
        self._watches: dict[str, Watch] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self.stopping = False

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return sum(watch.streams for watch in self._watches.values())

    @asynccontextmanager
    async def following(self, row: Row) -> AsyncIterator[Watch]:
        """Follow the release until the block ends; the last one to leave switches off the light."""
        watch = self._watches.get(row.run_id)
        if watch is None:
            watch = self._watches[row.run_id] = Watch(row)
            if not watch.over:
                self._looking[row.run_id] = asyncio.create_task(self._look(row.run_id, watch))
        watch.streams += 1
        try:
            yield watch
        finally:
            watch.streams -= 1
            if watch.streams == 0:
                self._watches.pop(row.run_id, None)
                task = self._looking.pop(row.run_id, None)
                if task is not None:
                    task.cancel()

    def stop(self) -> None:
        """End every stream, and begin no other."""
        self.stopping = True
        for watch in self._watches.values():
            watch.ring()

    async def _look(self, run_id: str, watch: Watch) -> None:
        wait = self._settings.poll
        while not watch.over:
            await asyncio.sleep(wait)
            try:
                async with asyncio.timeout(self._settings.temporal_seconds):
                    row = await self._releases.again(watch.row)
            except NotFound:  # past its retention
                watch.over = True
                watch.ring()
                return
            except (SluiceError, TimeoutError) as error:
                wait = min(wait * 2, SLOWEST_SECONDS)
                log.warning("cannot follow a release", run_id=run_id, error=str(error))
                continue
            wait = self._settings.poll
            if row.state != watch.state:
                watch.row, watch.over = row, row.state.done
                watch.ring()


def event_id(state: ReleaseState, event: Event) -> str:
    """Return the event's offset: microseconds since the release began, and a mark that tells twins apart.

    It needs no counter, so every process gives an event the same id, also when older ones were dropped.
    """
    micro = round((event.at - state.started_at).total_seconds() * 1_000_000)
    mark = hashlib.sha256(f"{event.kind}\n{event.text}".encode()).hexdigest()[:8]
    return f"{micro}-{mark}"


def events_after(state: ReleaseState, last: str | None) -> tuple[Event, ...]:
    """Return the events after that id, oldest first; all of them without one. One that was dropped counts by time."""
    if last is None:
        return state.events
    ids = [event_id(state, event) for event in state.events]
    if last in ids:
        return state.events[len(ids) - ids[::-1].index(last) :]
    try:
        seen = int(last.partition("-")[0])
    except ValueError:
        return state.events
    return tuple(e for e, i in zip(state.events, ids, strict=True) if int(i.rpartition("-")[0]) > seen)
