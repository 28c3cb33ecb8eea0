"""A release that aborts another to take its place: the audit has that abort, once, as its own actor's."""

import asyncio

from orchestrator.audit import Audit, AuditEntry
from orchestrator.domain.release import Actor, Command, Order, Outcome
from tests.intake.test_busy import QUICK, holding, send, submission
from tests.intake.world import PATIENCE, World


async def aborts(world: World, holder: str) -> list[AuditEntry]:
    """What the audit has of aborts of that release, once it lists any."""
    query = f"WorkflowType = 'Audit' AND SluiceTarget = '{world.target}'"
    async with asyncio.timeout(PATIENCE):
        while True:
            found, _ = await Audit(world.client).page(query, limit=100, token=b"")
            if of_it := [entry for entry in found if (entry.release, entry.action) == (holder, "abort")]:
                return of_it
            await asyncio.sleep(0.05)


async def test_the_abort_of_a_superseded_release_is_in_the_audit_once(world: World) -> None:
    holder = await holding(world)
    world.function.change_code("third")
    newer = submission(world, QUICK, "supersede")
    await (await send(world, newer)).result()
    assert (await world.ended(newer.request.release_id)).outcome is Outcome.PROMOTED
    (entry,) = await aborts(world, holder)
    assert entry.model_dump(exclude={"at"}) == {
        "principal": "test:bob",
        "method": "supersede",
        "action": "abort",
        "target": f"{world.target.place}/{world.target}",
        "release": holder,
        "step": None,
        "reason": f"superseded by release {newer.request.release_id}: newer build",
        "source_address": "",
        "request_id": f"supersede/{newer.request.release_id}/{holder}",
        "outcome": "accepted",
        "why": "",
    }
    again = Order(command=Command.ABORT, actor=Actor(name="bob", source="test"), release_id=holder, reason="again")
    await world.releases.record_superseding(again, world.target, key=entry.request_id)
    assert await aborts(world, holder) == [entry]


async def test_nobody_is_said_to_abort_what_was_not_in_the_way(world: World) -> None:
    first, second = submission(world, QUICK, "supersede"), submission(world, QUICK, "supersede", late=1)
    await (await send(world, first)).result()
    await world.ended(first.request.release_id)
    world.function.change_code("third")
    await (await send(world, second)).result()
    assert (await world.ended(second.request.release_id)).outcome is Outcome.PROMOTED
    query = f"WorkflowType = 'Audit' AND SluiceTarget = '{world.target}'"
    assert await Audit(world.client).page(query, limit=100, token=b"") == ([], b"")
