"""The journal of a release, line by line."""

import json
from contextlib import aclosing
from typing import Annotated, Literal

from cyclopts import Parameter

from orchestrator.cli import session
from orchestrator.cli.exits import Exit
from orchestrator.cli.look import Ref
from orchestrator.cli.output import is_ascii, say, show
from orchestrator.cli.problems import TokenEnded
from orchestrator.cli.render import render_event
from orchestrator.cli.text import line
from orchestrator.cli.watch import changes, events_after
from orchestrator.domain.journal import Event

Form = Literal["text", "jsonl"]


async def logs(
    ref: Ref,
    /,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="", help="Stay until it ends.")] = False,
    output: Annotated[Form, Parameter(name=["--output", "-o"], help="`jsonl` prints one event to a line.")] = "text",
) -> Exit:
    """Show what happened in a release, oldest first; ends with 0, however the release ended.

    With 5 where the token of a CI job ends while it is followed: the release goes on.
    The oldest events of a long release are dropped; Temporal's history keeps them.
    """
    async with session.connected() as client:
        state = await client.get(ref)
        _show(state.events, output)
        if not follow or state.done:
            return Exit.OK
        last = state.events[-1] if state.events else None
        try:
            async with aclosing(changes(client, state)) as found:
                async for newer in found:
                    events = events_after(last, newer.events)
                    _show(events, output)
                    last = events[-1] if events else last
        except TokenEnded as error:
            there = f"`sluice logs -f {state.release_id}` there shows it again"
            say(f"{error}; {there}: release {state.release_id} of {state.target} goes on")
            return Exit.TIMED_OUT
        except BaseException as error:
            if not isinstance(error, Exception):  # Ctrl-C
                say(f"left: release {state.release_id} of {state.target} goes on")
            raise
    return Exit.OK


def _show(events: tuple[Event, ...], output: Form) -> None:
    for event in events:
        if output == "text":
            show(render_event(event, session.now()))
        else:
            show([line(json.dumps(event.model_dump(mode="json"), ensure_ascii=is_ascii()))])
