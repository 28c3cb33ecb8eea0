"""Case 15: a reading of the alias that comes late is nobody's change."""

import time

from orchestrator.domain.journal import EventKind
from orchestrator.domain.release import Command, Outcome, Phase
from orchestrator.domain.traffic import AliasState, split
from tests.workflows.stage import Stage, told


async def test_case_15_three_seconds_of_an_old_reading_blame_nobody(stage: Stage) -> None:
    """The write is known by its revision: the old one is waited out, and the release goes on."""
    request, handle = await stage.baking()
    old = stage.aws.alias(stage.target)
    functions = type(stage.aws.functions(stage.target))
    fresh, until = functions.get_alias, time.monotonic() + 3

    async def late(port: object, function: str, alias: str) -> AliasState:
        found = await fresh(port, function, alias)
        return AliasState(routing=old.routing, revision=old.revision) if time.monotonic() < until else found

    functions.get_alias = late
    try:
        await stage.order(request, Command.SKIP, step=0)
        state = await stage.reach(request, Phase.BAKING, step=1)
    finally:
        functions.get_alias = fresh
    assert told(state, EventKind.CORRECTED) == []
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1 + 50 % to version 2"]
    assert stage.routing == split("1", "2", 50)
    await stage.order(request, Command.ABORT)
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK
