"""From CloudTrail's event to the release that runs: durable, told once, and nobody there is no trouble."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Actor, Command, Order, Phase
from orchestrator.domain.traffic import whole
from orchestrator.intake import Intake
from orchestrator.intake_events import delivery_of
from tests.intake.cloudtrail import BOB, asked, body
from tests.intake.test_events import MemoryQueue, read
from tests.intake.world import HELD, World, working

LONG = "{kind: all_at_once, final_bake: 10m}"


def told(world: World, version: str, **fields: Any) -> str:
    """CloudTrail's event of a change of the target, in some seconds."""
    target, soon = world.target, datetime.now(UTC) + timedelta(seconds=5)
    parameters = asked(target.function, target.alias, version)
    return body(parameters, **{"account": target.account, "region": target.region, "at": soon} | fields)


async def baking(world: World) -> ReleaseState:
    world.write(strategy=LONG)
    answer = await world.github(world.deployment())
    return await world.until(answer.json()["release_id"], lambda s: s.phase is Phase.FINAL_BAKE)


def news(state: ReleaseState) -> list[str]:
    return [event.text for event in state.events if "outside Sluice" in event.text]


async def end(world: World, state: ReleaseState, command: Command) -> None:
    order = Order(command=command, actor=Actor(name="anna"), release_id=state.release_id)
    await world.releases.command(order, key=uuid.uuid4().hex)
    await world.ended(state.release_id)


async def test_an_event_reaches_the_release_of_exactly_that_target_once(world: World) -> None:
    """Twice under its id, and once more under another of EventBridge's: the call was one."""
    release = await baking(world)
    event = told(world, "7", number="b-1-" + uuid.uuid4().hex, eventID="c-1")
    again = json.dumps(json.loads(event) | {"id": "b-2-" + uuid.uuid4().hex})
    elsewhere = told(world, "7", region="us-east-2")
    queue = MemoryQueue(event, event, again, elsewhere)
    await read(queue, partial(Intake(world.client, world.settings, lambda: None).receive, source="sqs"), rounds=3)
    assert queue.messages == {}
    state = await world.until(release.release_id, lambda s: any("as wished: going on" in e.text for e in s.events))
    first, second, other = (delivery_of(each, datetime.now(UTC)).workflow_id for each in (event, again, elsewhere))
    texts = [(await world.client.get_workflow_handle(each).result())["sentences"] for each in (first, second, other)]
    sentence = f"told release {release.release_id}: {news(state)[0]}"
    assert texts == [[sentence], [sentence], [f"no release runs on {world.target}: there is nobody to tell"]]
    assert len(news(await world.releases.get(release.release_id))) == 1
    await end(world, release, Command.ABORT)


async def test_a_moved_alias_is_drift_with_the_name_of_who_moved_it(world: World) -> None:
    """From the queue to the sentence, without any rule of the release file."""
    release = await baking(world)
    world.aws.move(world.target, whole("7"))
    receive = partial(Intake(world.client, world.settings, lambda: None).receive, source="sqs")
    await read(MemoryQueue(told(world, "7")), receive, rounds=1)
    state = await world.until(release.release_id, lambda s: s.drifted)
    assert f"CloudTrail names {BOB} at " in state.sentence
    await end(world, release, Command.ADOPT)
    assert world.aws.routing(world.target) == whole("7")


async def test_an_event_that_no_worker_takes_yet_is_told_when_one_comes(idle: World) -> None:
    """The intake is durable, and the message is deleted."""
    async with working(idle):
        idle.write(strategy=HELD)
        answer = await idle.github(idle.deployment())
        release_id = answer.json()["release_id"]
        await idle.until(release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
    queue = MemoryQueue(told(idle, "7"))
    await read(queue, partial(Intake(idle.client, idle.settings, lambda: None).receive, source="sqs"), rounds=1)
    assert queue.messages == {}
    await asyncio.sleep(0.3)
    assert news(await idle.releases.get(release_id)) == []
    async with working(idle):
        state = await idle.until(release_id, lambda s: bool(news(s)))
        assert BOB in news(state)[0]
        await end(idle, state, Command.ABORT)
        await idle.quiet()
