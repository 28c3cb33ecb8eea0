"""Commands that only look: get, list and wait."""

import asyncio
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from orchestrator.cli import session
from orchestrator.cli import watch as watching
from orchestrator.cli.awaited import awaited
from orchestrator.cli.exits import Exit
from orchestrator.cli.output import (
    ListFormat,
    ListOutput,
    Output,
    is_ascii,
    is_screen,
    say,
    screen_width,
    show,
    show_data,
)
from orchestrator.cli.render import render_line, render_release
from orchestrator.cli.tables import ListedRelease, render_list, render_wide_list
from orchestrator.cli.text import styled

if TYPE_CHECKING:
    from orchestrator.cli.client import ReleaseClient
    from orchestrator.domain.journal import ReleaseState

Ref = Annotated[str, Parameter(help="Release id, or a target as FUNCTION:ALIAS for its newest release.")]
Watch = Annotated[bool, Parameter(name=["--watch", "-w"], negative="", help="Stay, and show what changes.")]


async def get(ref: Ref, /, *, watch: Watch = False, output: Output = "text") -> Exit:
    """Show one release.

    With --watch until it ends; the exit code then says how. Ctrl-C leaves the release running.
    """
    async with session.connected() as client:
        state = await client.get(ref)
        if watch:
            return await watching.watch(client, state, output)
    if output == "text":
        show(render_release(state, session.now(), screen_width()))
    else:
        show_data(state, output)
    return Exit.OK


async def list_(
    *,
    watch: Watch = False,
    running: Annotated[bool, Parameter(negative="", help="Only releases that have not ended.")] = False,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=1000), help="At most so many.")] = 50,
    output: ListOutput = "text",
) -> Exit:
    """List releases, newest first."""
    async with session.connected() as client:
        if watch:
            await _watch_list(client, output, limit=limit, running=running)
        states = await client.list(limit=limit, running=running)
    if output == "text":
        show(render_list(states, session.now(), screen_width()))
    elif output == "wide":
        show(render_wide_list(states, session.now()))
    else:
        show_data([ListedRelease.of(state) for state in states], output)
    return Exit.OK


async def wait(
    ref: Ref,
    /,
    *,
    for_: Annotated[
        str,
        Parameter(
            name="--for",
            help="What to wait for: done, started, baking, promoted, approval, paused, step=N (from 1, as shown) or "
            "weight=N (percent).",
        ),
    ] = "done",
    timeout: Annotated[str | None, Parameter(help="How long to wait, e.g. 30m; for ever without it.")] = None,
    output: Output = "text",
) -> Exit:
    """Wait until a release has ended, or is where --for says; the exit code says which.

    It ends with 0 where that is reached. A release that ends otherwise gives the code of how it ended, and one that is
    promoted without ever having waited for an approval, or been paused, gives 6.
    """
    limit = session.duration_option("--timeout", timeout)
    until = awaited(for_)
    async with session.connected() as client:
        seconds = None if limit is None else limit.total_seconds()
        state = await client.get(ref)
        until.check(state)
        return await watching.watch(client, state, output, seconds=seconds, until=until)


async def _watch_list(client: "ReleaseClient", output: ListFormat, *, limit: int, running: bool) -> None:
    """Show the list until Ctrl-C: redrawn on a terminal, one line per changed release anywhere else."""
    seen: dict[str, ReleaseState] = {}
    try:
        lines = output in {"text", "wide"}
        if lines and is_screen():
            await _redraw_list(client, limit=limit, running=running)
        while True:
            for state in await client.list(limit=limit, running=running):
                if seen.get(state.release_id) != state:
                    show([render_line(state)]) if lines else show_data(ListedRelease.of(state), "jsonl")
                seen[state.release_id] = state
            await asyncio.sleep(watching.POLL_SECONDS)
    except asyncio.CancelledError:
        say("left: every release goes on")
        raise


async def _redraw_list(client: "ReleaseClient", *, limit: int, running: bool) -> None:
    from rich.console import Console  # noqa: PLC0415  lines do without rich
    from rich.live import Live  # noqa: PLC0415

    to_ascii = is_ascii()  # asked before rich stands in for stdout
    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            states = await client.list(limit=limit, running=running)
            lines = render_list(states, session.now(), live.console.width)
            live.update(styled(lines, to_ascii=to_ascii), refresh=True)
            await asyncio.sleep(watching.POLL_SECONDS)
