"""The buttons of a release: which commands fit its state, what they need, and the line that does the same. Pure."""

import shlex
from dataclasses import dataclass

from orchestrator.api.roles import NEEDED, Principal, full_name
from orchestrator.domain.commands import NEEDS_STEP, refusal
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Actor, Command, Order, Outcome, Phase
from orchestrator.settings import Role

ROLLBACK = "rollback"
ASKS = frozenset({Command.REJECT, Command.SKIP, Command.PROMOTE, Command.ADOPT, Command.RESTORE, ROLLBACK})
"""Commands that ask for a reason first. Abort never does: it is the safe way."""
_LABELS = {
    Command.APPROVE: "Approve",
    Command.REJECT: "Reject and roll back",
    Command.PAUSE: "Pause",
    Command.RESUME: "Resume",
    Command.SKIP: "Skip this wait",
    Command.PROMOTE: "Promote to 100 %",
    Command.ABORT: "Abort",
    Command.ADOPT: "Adopt the alias as it is",
    Command.RESTORE: "Restore v{stable}",
    ROLLBACK: "Roll back to v{stable}",
}
_STOP_COUNTING = "Stop counting"
"""What an abort does once everything is back: it ends the drain."""
_BAKE = (Command.SKIP, Command.PAUSE, Command.PROMOTE, Command.ABORT)
_BY_PHASE: dict[Phase, tuple[Command, ...]] = {
    Phase.AWAITING_APPROVAL: (Command.APPROVE, Command.REJECT, Command.ABORT),
    Phase.SHIFTING: (Command.PAUSE, Command.ABORT),
    Phase.BAKING: _BAKE,
    Phase.PAUSED: _BAKE,
    Phase.PROMOTING: (Command.PAUSE, Command.ABORT),
    Phase.FINAL_BAKE: _BAKE,
    Phase.ROLLING_BACK: (),
}
"""What is shown of what fits; abort alone in any phase that is not named. A paused release is told apart before: this
`PAUSED` waits for a gate."""
_LEADING = frozenset({Command.APPROVE, Command.RESUME, Command.RESTORE})


@dataclass(frozen=True)
class Offer:
    """One button."""

    command: str
    label: str
    step: int | None
    """Index from 0 of the step that the page shows; sent along, so that nobody approves what has changed meanwhile."""
    asks: bool
    """Whether a reason is asked for."""
    lacking: Role | None
    """The role that the reader does not have; None where the button works."""
    line: str
    """The command line that does the same."""
    leading: bool
    """Whether it is the one that the release waits for."""


def offers(state: ReleaseState, who: Principal, later: ReleaseState | None = None) -> tuple[Offer, ...]:
    """Return the buttons in the order in which they are shown; none where nothing fits.

    `later` is the newest release of the target where that is another one: what it has changed since cannot be taken
    back from here.
    """
    if state.done:
        unchanged = later is None or later.outcome in {Outcome.ROLLED_BACK, Outcome.REJECTED}
        fits = state.outcome is Outcome.PROMOTED and state.stable is not None and unchanged
        return (_offer(ROLLBACK, state, who),) if fits else ()
    fitting = [command for command in _wished(state) if refusal(state, _order(command, state)) is None]
    return tuple(_offer(command, state, who) for command in fitting)


def _wished(state: ReleaseState) -> tuple[Command, ...]:
    if state.drifted:
        return (Command.RESTORE, Command.ADOPT)
    if state.paused_by:
        return (Command.RESUME, Command.ABORT)
    if _counts(state):
        return (Command.ABORT,)
    return _BY_PHASE.get(state.phase, (Command.ABORT,))


def _counts(state: ReleaseState) -> bool:
    """Whether everything is back, and only what the canary still handles is counted."""
    return state.phase is Phase.ROLLING_BACK and state.outcome is not None


def _order(command: Command, state: ReleaseState) -> Order:
    return Order(command=command, actor=Actor(name="-"), release_id=state.release_id, step=state.step)


def _offer(command: str, state: ReleaseState, who: Principal) -> Offer:
    role: Role = "operate" if command == ROLLBACK else NEEDED[Command(command)]
    asks = command in ASKS
    return Offer(
        command=str(command),
        label=_STOP_COUNTING if _counts(state) else _LABELS[command].format(stable=state.stable),
        step=state.step if command not in {Command.ABORT, ROLLBACK} else None,
        asks=asks,
        lacking=None if who.may(role, full_name(state.target)) else role,
        line=_line(command, state, asks=asks),
        leading=command in _LEADING,
    )


def _line(command: str, state: ReleaseState, *, asks: bool) -> str:
    words = ["sluice", str(command), state.release_id]
    if command in NEEDS_STEP and state.step is not None:
        words += ["--step", str(state.step + 1)]
    return shlex.join(words) + (' --reason "..."' if asks or command == Command.ABORT else "")
