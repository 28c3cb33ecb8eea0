"""Follow a release until it ends: redrawn on a terminal, one line per event anywhere else."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import TYPE_CHECKING, Any

from orchestrator.cli import session
from orchestrator.cli.awaited import Awaited, awaited
from orchestrator.cli.client import ServerClient
from orchestrator.cli.exits import Exit
from orchestrator.cli.output import Format, is_ascii, is_screen, say, show, show_data
from orchestrator.cli.problems import TokenEnded
from orchestrator.cli.render import render_event, render_line, render_release
from orchestrator.cli.text import styled
from orchestrator.domain.errors import SluiceError, TransientError
from orchestrator.domain.journal import Event, ReleaseState
from orchestrator.domain.release import Outcome

if TYPE_CHECKING:
    from rich.text import Text

    from orchestrator.cli.client import ReleaseClient

POLL_SECONDS = 2.0
PATIENCE_SECONDS = 300.0
"""How long Sluice may be out of reach before watching it gives up."""

Show = Callable[[ReleaseState], None]
END = awaited("done")


async def watch(
    client: "ReleaseClient",
    state: ReleaseState,
    form: Format,
    *,
    seconds: float | None = None,
    every: float | None = None,
    until: Awaited = END,
) -> Exit:
    """Show the release until it is as awaited, or has ended, or for `seconds`, or the credential ends; return which.

    Leaving it never ends the release. It is read `every` so many seconds; None for the usual pace.
    """
    try:
        with _view(form) as show_state:
            found = _seen(client, state, POLL_SECONDS if every is None else every)
            state, why = await _until(found, state, show_state, seconds, until)
    except (asyncio.CancelledError, SluiceError):
        say(
            f"left: release {state.release_id} of {state.target} goes on; `sluice get {state.release_id} -w` shows it "
            f"again, `sluice abort {state.release_id}` ends it"
        )
        raise
    if form in {"json", "yaml"}:
        show_data(state, form)
    elif form == "text" and not is_screen():
        show([render_line(state)])
    code = until.exit_of(state)
    if not state.done and code is not Exit.OK:
        say(f"{why}: release {state.release_id} of {state.target} goes on")
    elif code is Exit.REFUSED and state.outcome is Outcome.PROMOTED:
        say(f"release {state.release_id} of {state.target} was promoted, and `{until.words}` was never seen on its way")
    return code


async def _until(
    found: AsyncGenerator[ReleaseState, None],
    state: ReleaseState,
    show_state: Show,
    seconds: float | None,
    until: Awaited,
) -> tuple[ReleaseState, str]:
    """Return the newest state, and why it is not awaited any longer."""
    why = "the time to wait is over"
    try:
        async with asyncio.timeout(seconds), aclosing(found):
            async for state in found:  # noqa: PLR1704  the newest counts, also when the time is over
                show_state(state)
                if until.reached(state):
                    break
    except TimeoutError:
        pass
    except TokenEnded as error:
        why = f"{error}; `sluice wait {state.release_id}` there waits on"
    return state, why


async def _seen(client: "ReleaseClient", state: ReleaseState, every: float) -> AsyncGenerator[ReleaseState, None]:
    """Yield the release as it is known, and then whenever it has changed, until its end."""
    yield state
    if not state.done:
        async with aclosing(changes(client, state, every)) as found:
            async for newer in found:
                yield newer


async def changes(
    client: "ReleaseClient", state: ReleaseState, every: float = POLL_SECONDS
) -> AsyncGenerator[ReleaseState, None]:
    """Yield the release again and again until it has ended, its last state last.

    A server streams them; otherwise it is read `every` so many seconds. What may pass is told, and raised only after
    PATIENCE_SECONDS.
    """
    if isinstance(client, ServerClient):
        async for newer in client.follow(state, say):
            yield newer
        return
    reached = time.monotonic()
    while not state.done:
        await asyncio.sleep(every)
        try:
            state = await client.get(state.release_id)
        except TransientError as error:
            if time.monotonic() - reached > PATIENCE_SECONDS:
                raise
            say(f"{error}; still waiting")
            continue
        reached = time.monotonic()
        yield state


def _view(form: Format) -> AbstractContextManager[Show]:
    if form == "jsonl":
        return nullcontext(_Changes())
    if form != "text":
        return nullcontext(lambda _: None)
    return _Screen() if is_screen() else nullcontext(_Lines())


class _Changes:
    """One document per line, whenever it has changed."""

    def __init__(self) -> None:
        self._last: ReleaseState | None = None

    def __call__(self, state: ReleaseState) -> None:
        if state != self._last:
            show_data(state, "jsonl")
        self._last = state


class _Lines:
    """Each event once, as it comes."""

    def __init__(self) -> None:
        self._last: Event | None = None

    def __call__(self, state: ReleaseState) -> None:
        for event in events_after(self._last, state.events):
            show(render_event(event, session.now()))
            self._last = event


def events_after(last: Event | None, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """Return the events that are new. The oldest are dropped from the state, so `last` itself may be gone."""
    if last is None:
        return events
    if last in events:
        return events[len(events) - events[::-1].index(last) :]
    return tuple(event for event in events if event.at > last.at)


class _Screen:
    """Rich's live display, redrawn every second so that the countdowns move."""

    def __init__(self) -> None:
        self._state: ReleaseState | None = None
        self._live: Any = None
        self._ascii = is_ascii()  # asked before rich stands in for stdout

    def __enter__(self) -> Show:
        from rich.console import Console  # noqa: PLC0415  lines do without rich
        from rich.live import Live  # noqa: PLC0415

        self._live = Live(console=Console(highlight=False), get_renderable=self._drawn, refresh_per_second=1)
        self._live.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _show(self, state: ReleaseState) -> None:
        self._state = state
        self._live.refresh()

    def _drawn(self) -> "Text":
        if self._state is None:
            return styled([])
        size = self._live.console.size
        return styled(render_release(self._state, session.now(), size.width, size.height), to_ascii=self._ascii)
