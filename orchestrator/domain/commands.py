"""Which command fits which state, and why not."""

from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Command, Order, Phase

NEEDS_STEP = frozenset({Command.APPROVE, Command.REJECT, Command.SKIP, Command.PROMOTE})
"""Commands that move a release forward, or judge one step: they are void against any other step."""

RESOLVES = frozenset({Command.ADOPT, Command.RESTORE})
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
    if state.phase is Phase.ROLLING_BACK:
        return f"the release is rolling back already ({state.sentence}); only abort, adopt and restore fit now"
    return _step_refusal(state, order) or _phase_refusal(state, order)


def _step_refusal(state: ReleaseState, order: Order) -> str | None:
    if order.step is None:
        return f"say which step: `{order.command}` needs one ({_where(state)})" if order.command in NEEDS_STEP else None
    if order.step != state.step:
        return f"step {order.step + 1} is not the current one: {_where(state)}"
    return None


def _phase_refusal(state: ReleaseState, order: Order) -> str | None:
    step = state.steps[state.step] if state.step is not None else None
    match order.command:
        case Command.APPROVE | Command.REJECT:
            if step is None or step.kind != "approval":
                return f"no approval is awaited: {_where(state)}"
        case Command.PAUSE:
            if state.paused_by:
                return f"the release is paused already, by {state.paused_by}"
        case Command.RESUME:
            if not state.paused_by:
                return f"the release is not paused: {_where(state)}"
        case Command.SKIP:
            if state.phase not in _WAITS:
                return f"there is no wait to skip: {_where(state)}"
            if step is not None and step.kind == "approval":
                return "an approval cannot be skipped: approve it, or promote to skip the rest"
        case Command.PROMOTE:
            if state.phase not in _WAITS:
                return f"the release cannot be promoted now: {_where(state)}"
            if state.phase is Phase.FINAL_BAKE:
                return "the canary serves everything already; skip ends the final bake"
        case _:
            pass
    return None


def _where(state: ReleaseState) -> str:
    if state.step is None:
        return f"the release is {state.phase.replace('_', ' ').lower()}"
    step = state.steps[state.step]
    return f"the release is at step {state.step + 1} of {len(state.steps)} ({step.label})"
