"""The activity `note_change`: a change of an alias, told to the release that runs there."""

from typing import Protocol

from temporalio import activity

from activities.errors import translated
from orchestrator.domain.drift import AliasChange


class Told(Protocol):
    """Whoever can tell a running release. Raises only errors of `orchestrator.domain.errors`."""

    async def tell(self, change: AliasChange) -> str:
        """Return what became of it, in one sentence; no release running there is no error. Raises Unavailable."""
        ...


class Noting:
    """Tells releases through `releases`; runs on the queue `sluice-intake`."""

    def __init__(self, releases: Told) -> None:
        self._releases = releases

    @activity.defn(name="note_change")
    @translated
    async def note_change(self, change: AliasChange) -> str:
        """Tell the release of exactly that target. A second run tells the same, and the release takes it once."""
        return await self._releases.tell(change)
