"""Commands to a running release. Each is bound to the step that the release is at, unless --step names one."""

import asyncio
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from orchestrator.cli import session
from orchestrator.cli.exits import Exit
from orchestrator.cli.look import Ref
from orchestrator.cli.output import Format, Output, ask, can_ask, is_terminal, say, show, show_data
from orchestrator.cli.reason import Reason
from orchestrator.cli.render import render_line
from orchestrator.cli.watch import watch
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Command, Order

if TYPE_CHECKING:
    from orchestrator.cli.client import ReleaseClient


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What every command to a running release takes."""

    reason: Reason = ""
    step: Annotated[
        int | None,
        Parameter(validator=Number(gte=1), help="Step number as shown, from 1; else the current one."),
    ] = None
    key: Annotated[str, Parameter(help="The same key sends the same command only once; made up without it.")] = ""
    output: Output = "text"


NONE = Options()

_BOUND = {Command.APPROVE, Command.REJECT, Command.SKIP, Command.PROMOTE, Command.PAUSE, Command.RESUME}


async def approve(ref: Ref, /, *, options: Options = NONE) -> Exit:
    """Approve the step that waits for it."""
    return await _send(Command.APPROVE, ref, options)


async def reject(ref: Ref, /, *, options: Options = NONE) -> Exit:
    """Refuse the approval; the release is rolled back."""
    return await _send(Command.REJECT, ref, options)


async def pause(ref: Ref, /, *, options: Options = NONE) -> Exit:
    """Hold at the present weight; the checks go on and may still roll back."""
    return await _send(Command.PAUSE, ref, options)


async def resume(ref: Ref, /, *, options: Options = NONE) -> Exit:
    """Go on after a pause."""
    return await _send(Command.RESUME, ref, options)


def skip(ref: Ref, /, *, options: Options = NONE) -> Exit:
    """End the present wait and go to the next step. A terminal is asked for a missing reason."""
    return asyncio.run(_send(Command.SKIP, ref, _with_reason(options)))


def promote(ref: Ref, /, *, options: Options = NONE) -> Exit:
    """Skip every remaining step: all traffic to the new version. A terminal is asked for a missing reason."""
    return asyncio.run(_send(Command.PROMOTE, ref, _with_reason(options)))


async def abort(
    ref: Ref,
    /,
    *,
    options: Options = NONE,
    wait: Annotated[bool, Parameter(negative="", help="Stay until it ends, as on a terminal.")] = False,
) -> Exit:
    """End the release and send all traffic back to the stable version; right at any step, and never asked back.

    On a terminal, or with --wait, it is followed until it has ended; the exit code then says how.
    """
    async with session.connected() as client:
        state = await _sent(client, Command.ABORT, ref, options)
        say(f"the abort of release {state.release_id} of {state.target} was taken")
        if wait or is_terminal():
            return await watch(client, state, options.output)
    _show(state, options.output)
    return Exit.OK


async def adopt(ref: Ref, /, *, options: Options = NONE) -> Exit:
    """After a drift: accept the alias as somebody else left it."""
    return await _send(Command.ADOPT, ref, options)


async def restore(ref: Ref, /, *, options: Options = NONE) -> Exit:
    """After a drift: put the stable version back, over what somebody else did."""
    return await _send(Command.RESTORE, ref, options)


async def rollback(ref: Ref, /, *, reason: Reason = "", output: Output = "text") -> Exit:
    """After the end: go back to the version before, as a release of its own."""
    async with session.connected() as client:
        _show(await client.rollback(ref, actor=session.actor(), reason=reason), output)
    return Exit.OK


async def _send(command: Command, ref: str, options: Options) -> Exit:
    async with session.connected() as client:
        _show(await _sent(client, command, ref, options), options.output)
    return Exit.OK


async def _sent(client: "ReleaseClient", command: Command, ref: str, options: Options) -> ReleaseState:
    state = await client.get(ref)
    at = state.step if command in _BOUND else None
    order = Order(
        command=command,
        actor=session.actor(),
        release_id=state.release_id,
        reason=options.reason,
        step=at if options.step is None else options.step - 1,
    )
    return await client.command(order, key=options.key or uuid.uuid4().hex)


def _with_reason(options: Options) -> Options:
    """Ask for the reason, before anything is reached: Ctrl-C then sends nothing."""
    if options.reason or not can_ask():
        return options
    return replace(options, reason=ask("reason, for the journal (Ctrl-C sends nothing): "))


def _show(state: ReleaseState, output: Format) -> None:
    if output == "text":
        show([render_line(state)])
    else:
        show_data(state, output)
