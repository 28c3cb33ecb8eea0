"""The activity `read_alias`: is the alias as the release has left it? Asked when somebody tells that it was moved."""

from temporalio import activity

from activities.errors import translated
from activities.ports import Aws
from activities.traffic import drift
from orchestrator.domain.drift import GONE
from orchestrator.domain.errors import Drift, MissingTarget
from orchestrator.domain.traffic import Reading, read_against
from orchestrator.domain.work import AliasRead, ReadAlias


class Looking:
    """Reads aliases through `aws`."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    @activity.defn(name="read_alias")
    @translated
    async def read_alias(self, work: ReadAlias) -> AliasRead:
        """Read and write nothing; a second run reads again. Raises Drift for a foreign routing and for no alias."""
        target = work.target
        try:
            found = (await self._aws.functions(target).get_alias(target.function, target.alias)).routing
        except MissingTarget:
            raise Drift(
                f"alias {target} was deleted by somebody else, wished {work.intent}: create it again on version "
                f"{work.stable}, or run `sluice adopt` to end the release",
                expected=str(work.intent),
                found=GONE,
            ) from None
        reading = read_against(found, work.intent, work.stable, work.canary)
        promoted = work.intent.primary == work.canary  # after that no write comes that would correct anything
        if reading is Reading.FOREIGN or (reading is Reading.OURS and promoted):
            raise drift(target, found, work.intent)
        return AliasRead(routing=found, reading=reading)
