"""What operators, the clock and Temporal want of a running release. Handlers set it; only the main loop acts on it."""

from dataclasses import dataclass, field

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.release import Cause, Command, Order


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
    resolution: Order | None = None
    """`adopt`, `restore` or one more `abort` while the way back is blocked."""

    def take(self, order: Order) -> None:
        """Note one accepted command."""
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
                self.skipped[_step(order)] = order
            case Command.PROMOTE:
                self.promote = order

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


def told(order: Order) -> str:
    """Return e.g. `anna: wrong build`."""
    return f"{order.actor.name}: {order.reason}" if order.reason else order.actor.name


def _step(order: Order) -> int:
    return -1 if order.step is None else order.step
