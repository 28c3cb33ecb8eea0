"""What a release has written to its alias, and what it was told that others have."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.drift import MAX_CHANGES, AliasChange
    from orchestrator.domain.journal import ReleaseState
    from orchestrator.domain.traffic import Routing

SKEW = timedelta(seconds=30)
"""How far CloudTrail's clock, which tells whole seconds, and Temporal's may be apart."""
CHANGE_UPDATE = "alias_changed"
"""Name of the update that tells a release of a change of its alias."""


@dataclass
class Notes:
    """The handler adds to it; what waits looks at the alias when there is something `unseen`."""

    wished: tuple[tuple[datetime, Routing], ...] = ()
    """Every routing that this release has sent, each with the time right before; the last is the one in force."""
    foreign: tuple[AliasChange, ...] = ()
    """Changes that it has not made itself, oldest first."""
    seen: int = 0
    """How many of them the alias has been looked at for."""
    found: str | None = None
    """What blocks the way back: what the alias was last found at, in the words of a routing."""

    @property
    def unseen(self) -> bool:
        """Whether somebody tells of a change that the alias has not been read after."""
        return len(self.foreign) > self.seen

    def wish(self, routing: Routing) -> None:
        """Note what is about to be written."""
        self.wished = (*self.wished, (workflow.now(), routing))

    def refusal(self, change: AliasChange, state: ReleaseState, since: datetime) -> str | None:
        """Say why a change is of no use to the release that has begun at `since`; None when it is to be taken."""
        release = f"release {state.release_id}"
        if state.done:
            return f"{release} has ended ({state.outcome})"
        if change.at < since.replace(microsecond=0):  # CloudTrail tells whole seconds
            return f"it is older than {release}, which has read the alias since"
        if self._is_own(change):
            return f"{release} has written that itself"
        if len(self.foreign) >= MAX_CHANGES:
            return f"{release} has been told of {MAX_CHANGES} changes already; it reads the alias before it writes"
        return None

    def _is_own(self, change: AliasChange) -> bool:
        """Whether the change is a write of this release: it leads to what was wished at that time."""
        ends = [at for at, _ in self.wished[1:]]
        return any(
            change.leads_to(str(routing)) and begun - SKEW <= change.at and (end is None or change.at <= end + SKEW)
            for (begun, routing), end in zip(self.wished, [*ends, None], strict=False)
        )

    def culprit(self, found: str) -> AliasChange | None:
        """Return the newest change after which the alias may read `found`."""
        return next((change for change in reversed(self.foreign) if change.leads_to(found)), None)
