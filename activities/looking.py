"""The activity `read_alias`: is the alias as the release has left it? Asked when somebody tells that it was moved."""

from temporalio import activity

from activities.errors import translated
from activities.ports import Aws
from activities.traffic import drift
from orchestrator.domain.drift import GONE
from orchestrator.domain.errors import Drift, MissingTarget, Unavailable
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
            alias = await self._aws.functions(target).get_alias(target.function, target.alias)
        except MissingTarget:
            raise Drift(
                f"alias {target} was deleted by somebody else, wished {work.intent}: create it again on version "
                f"{work.stable}, or run `sluice adopt` to end the release",
                expected=str(work.intent),
                found=GONE,
            ) from None
        if alias.revision in work.past:
            raise Unavailable(f"alias {target} still reads as before the last write; it is read again")
        found, written = alias.routing, work.intent.share_of(work.canary)
        reading = read_against(found, work.intent, work.stable, work.canary, written=written)
        if reading is Reading.FOREIGN:
            raise drift(target, found, work.intent)
        return AliasRead(routing=found, reading=reading)
