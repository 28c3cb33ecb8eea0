"""Which command fits which state, and why not."""

from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Command, Order, Phase

NEEDS_STEP = frozenset({Command.APPROVE, Command.REJECT, Command.SKIP, Command.PROMOTE})
"""Commands that move a release forward, or judge one step: they are void against any other step."""

RESOLVES = frozenset({Command.ADOPT, Command.RESTORE})
MAX_COMMANDS = 200
"""Accepted commands of one release. Each leaves some 17 events in the history, of which a server takes 10,000 to 50,000
(Source: measured, 911 commands made 15,342 events); a server may also bound the updates of one run (2,000)."""
ALWAYS = frozenset({Command.ABORT, Command.REJECT}) | RESOLVES
"""Commands that lead a release to its end: they are taken however many came before."""
_WAITS = frozenset({Phase.BAKING, Phase.FINAL_BAKE, Phase.PAUSED, Phase.AWAITING_APPROVAL})


def refusal(state: ReleaseState, order: Order) -> str | None:
    """Say in one sentence why `order` does not fit `state`; None when it does.

    Abort fits every state but the end: it outranks all, and repeating it is harmless.
    """
    if order.release_id != state.release_id:
        return f"release {order.release_id} has ended; {state.target} is now held by release {state.release_id}"
    if state.done:
        return f"release {state.release_id} has ended ({state.outcome}); nothing is left to {order.command}"
    if order.command is Command.ABORT:
        return None
    if order.command in RESOLVES:
        return None if state.drifted else f"the alias is as Sluice left it: there is nothing to {order.command}"
    return _one_way(state) or _step_refusal(state, order) or _phase_refusal(state, order)


def overflow(taken: int, order: Order) -> str | None:
    """Say in one sentence why `order` is one too many after `taken` accepted commands; None when it is not.

    A script that pauses and resumes for ever would otherwise fill the history, and nobody could end the release.
    """
    if taken < MAX_COMMANDS or order.command in ALWAYS:
        return None
    return (
        f"release {order.release_id} has taken {taken} commands, the most that one may: it goes on by itself, and only "
        "abort, reject, adopt and restore are taken now"
    )


def _one_way(state: ReleaseState) -> str | None:
    """Say why nothing that moves forward, or holds, fits the phase."""
    if state.phase is Phase.ROLLING_BACK:
        return f"the release is rolling back already ({state.sentence}); only abort, adopt and restore fit now"
    if state.phase is Phase.QUEUED:
        return f"release {state.release_id} waits for {state.target} and has not begun; only abort fits (withdraws it)"
    return None


def _step_refusal(state: ReleaseState, order: Order) -> str | None:
    if order.step is None:
        return f"say which step: `{order.command}` needs one ({_where(state)})" if order.command in NEEDS_STEP else None
    if order.step != state.step:
        return f"step {order.step + 1} is not the current one: {_where(state)}"
    return None


def _phase_refusal(state: ReleaseState, order: Order) -> str | None:
    where = _where(state)
    approval = state.step is not None and state.steps[state.step].kind == "approval"
    waiting = state.phase in _WAITS
    obstacles: dict[Command, tuple[tuple[bool, str], ...]] = {
        Command.APPROVE: ((not approval, f"no approval is awaited: {where}"),),
        Command.REJECT: ((not approval, f"no approval is awaited: {where}"),),
        Command.PAUSE: ((state.paused_by is not None, f"the release is paused already, by {state.paused_by}"),),
        Command.RESUME: ((state.paused_by is None, f"the release is not paused: {where}"),),
        Command.SKIP: (
            (not waiting, f"there is no wait to skip: {where}"),
            (approval, "an approval cannot be skipped: approve it, or promote to skip the rest"),
        ),
        Command.PROMOTE: (
            (not waiting, f"the release cannot be promoted now: {where}"),
            (state.phase is Phase.FINAL_BAKE, "the canary serves everything already; skip ends the final bake"),
        ),
    }
    return next((why for hit, why in obstacles.get(order.command, ()) if hit), None)


def _where(state: ReleaseState) -> str:
    if state.step is None:
        return f"the release is {state.phase.replace('_', ' ').lower()}"
    step = state.steps[state.step]
    return f"the release is at step {state.step + 1} of {len(state.steps)} ({step.label})"
