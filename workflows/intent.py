"""What operators, the clock and Temporal want of a running release. Handlers set it; only the main loop acts on it."""

from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.errors import IllegalCommand
    from orchestrator.domain.release import Cause, Command, Order

COMMAND_UPDATE = "command"
"""Name of the update that takes a command, the same for a release and for what waits to be one."""
LONGEST_TOLD = 200
"""Characters of an order as it is told; people's reasons may be of any length."""


class Back(Exception):
    """Leave the way forward: everything returns to stable, for this cause."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.sentence = sentence


class Refused(Exception):
    """Nothing was written to the alias and nothing will be."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.sentence = sentence


@dataclass
class Intent:
    """The commands that are in force. A later one never weakens an abort."""

    abort: str | None = None
    """Sentence: who wants everything back, and why."""
    expired: str | None = None
    """Sentence: which limit of the whole release has passed."""
    paused_by: str | None = None
    approvals: dict[int, Order] = field(default_factory=dict)
    skipped: dict[int, Order] = field(default_factory=dict)
    promote: Order | None = None
    taken: int = 0
    """How many commands were accepted; they share the history with everything else that the release does."""
    resolution: Order | None = None
    """`adopt`, `restore` or one more `abort` while the way back is blocked."""

    def settled(self, order: Order) -> Order | None:
        """Return the order that has decided the same question before: the first one stands."""
        match order.command:
            case Command.APPROVE | Command.REJECT:
                return self.approvals.get(_step(order))
            case Command.SKIP:
                return self.skipped.get(_step(order))
            case Command.PROMOTE:
                return self.promote
            case _:
                return None

    def take(self, order: Order) -> None:
        """Note one accepted command. A command that moves on ends a pause, and a later pause stands again."""
        self.taken += 1
        match order.command:
            case Command.ABORT:
                self.abort = self.abort or told(order)
                self.resolution = order
            case Command.ADOPT | Command.RESTORE:
                self.resolution = order
            case Command.APPROVE | Command.REJECT:
                self.approvals[_step(order)] = order
            case Command.PAUSE:
                self.paused_by = told(order)
            case Command.RESUME:
                self.paused_by = None
            case Command.SKIP:
                self.skipped[_step(order)], self.paused_by = order, None
            case Command.PROMOTE:
                self.promote, self.paused_by = order, None

    @property
    def must_return(self) -> bool:
        """Whether the way forward is closed."""
        return self.abort is not None or self.expired is not None

    def check(self) -> None:
        """Raise Back when the way forward is closed. Call before every write and after every wait."""
        if self.abort is not None:
            raise Back(Cause.ABORT, self.abort)
        if self.expired is not None:
            raise Back(Cause.DEADLINE, self.expired)


def refuse(why: str | None) -> None:
    """Raise what an update's validator answers with, unless there is no reason to."""
    if why is not None:
        raise ApplicationError(why, type=IllegalCommand.__name__, non_retryable=True)


def told(order: Order) -> str:
    """Return e.g. `anna: wrong build`."""
    text = f"{order.actor.name}: {order.reason}" if order.reason else order.actor.name
    return text[:LONGEST_TOLD]


def brief(order: Order) -> Order:
    """Return `order` as the journal keeps it; the history has its whole reason."""
    return order.model_copy(update={"reason": order.reason[:LONGEST_TOLD]})


def _step(order: Order) -> int:
    return -1 if order.step is None else order.step
