"""The PermissionsPort of the fake."""

from collections.abc import Mapping, Sequence

from activities.ports import Decision
from tests.fakes.journal import Journal
from tests.fakes.lambda_port import Region


class FakePermissions:
    """Everything is allowed but what `Region.decisions` names."""

    def __init__(self, region: Region, journal: Journal) -> None:
        self._region = region
        self._journal = journal

    async def caller(self) -> str:
        return await self._journal.perform(
            "caller", {}, lambda: f"arn:aws:sts::{self._region.account}:assumed-role/sluice/test"
        )

    async def simulated(self, actions: Sequence[str], resource: str) -> Mapping[str, Decision]:
        def decided() -> dict[str, Decision]:
            return {action: self._region.decisions.get((action, resource), "allowed") for action in actions}

        return await self._journal.perform("simulated", {"actions": tuple(actions), "resource": resource}, decided)
