"""EventBridge events over SQS: taken at least once, started once, deleted only when durable."""

import asyncio
import json
import uuid
from functools import partial
from typing import Any

import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.release import Outcome
from orchestrator.intake import Intake
from orchestrator.intake_events import NotAnEvent, consume, delivery_of
from orchestrator.releasefile.loading import check
from tests.intake.world import World

RULE = """
targets:
  it: {{account: "{account}", region: eu-west-1, function: {name}, alias: live, strategy: {strategy}, checks: []}}
webhooks:
  builds:
    provider: eventbridge
    event: s3.object_created
    when: {{detail.bucket.name: builds, detail.object.key: "*.zip"}}
    target: it
    artifact: {{s3: "s3://{{detail.bucket.name}}/{{detail.object.key}}"}}
"""


class MemoryQueue:
    """Gives every message until it is deleted, as SQS may."""

    def __init__(self, *bodies: str) -> None:
        self.messages = {str(number): body for number, body in enumerate(bodies)}
        self.received = 0
        self.failing = 0

    async def receive_message(self, **arguments: Any) -> dict[str, Any]:
        self.received += 1
        await asyncio.sleep(0.01)
        if self.failing:
            self.failing -= 1
            raise ConnectionError
        return {"Messages": [{"ReceiptHandle": k, "Body": v, "MessageId": k} for k, v in self.messages.items()]}

    async def delete_message(self, **arguments: Any) -> None:
        del self.messages[arguments["ReceiptHandle"]]


def created(number: str = "", key: str = "checkout.zip") -> str:
    return json.dumps(
        {
            "id": number or str(uuid.uuid4()),
            "source": "aws.s3",
            "detail-type": "Object Created",
            "account": "123456789012",
            "detail": {"bucket": {"name": "builds"}, "object": {"key": key, "version-id": "v"}},
        }
    )


async def read(queue: MemoryQueue, receive: Any, *, rounds: int) -> None:
    stop = asyncio.Event()
    reading = asyncio.create_task(consume(queue, "http://queue", receive, stop))
    while queue.received < rounds:
        await asyncio.sleep(0.01)
    stop.set()
    await reading


def intake(world: World) -> Intake:
    names = {"name": world.target.function, "account": world.target.account}
    file, problems = check(RULE.format(strategy="{kind: all_at_once, final_bake: 0s}", **names))
    assert file is not None, problems
    return Intake(world.client, world.settings, lambda: file)


async def test_an_object_starts_a_release_once_however_often_it_is_told(world: World) -> None:
    event, real, releases = created(), intake(world), set()
    queue = MemoryQueue(event, event)

    async def receive(delivery):
        receipt = await real.receive(delivery, "sqs")
        releases.update(release_id for release_id, _ in receipt.releases)
        return receipt

    await read(queue, receive, rounds=3)
    assert queue.messages == {}
    (release_id,) = releases
    assert (await world.ended(release_id)).outcome is Outcome.PROMOTED
    assert await world.count() == 1


async def test_a_message_stays_until_temporal_has_taken_it(world: World) -> None:
    """And is taken later: nothing is lost by an outage."""
    real, away = intake(world), 2
    releases: list[str] = []
    queue = MemoryQueue(created())

    async def receive(delivery):
        nonlocal away
        if away:
            away -= 1
            assert queue.messages
            raise Unavailable("away")
        receipt = await real.receive(delivery, "sqs")
        releases.append(receipt.releases[0][0])
        return receipt

    await read(queue, receive, rounds=4)
    assert queue.messages == {}
    (release_id,) = releases
    assert (await world.ended(release_id)).outcome is Outcome.PROMOTED


async def test_what_is_no_event_is_left_to_the_dead_letter_queue(world: World) -> None:
    """What is one, and not for us, is deleted."""
    queue = MemoryQueue(created(key="notes.txt"), "no json", json.dumps({"id": 1}))
    await read(queue, partial(intake(world).receive, source="sqs"), rounds=2)
    assert list(queue.messages.values()) == ["no json", json.dumps({"id": 1})]


def test_an_event_is_a_delivery_by_its_own_id() -> None:
    from datetime import UTC, datetime

    delivery = delivery_of(created("e-1"), datetime.now(UTC))
    assert (delivery.event, delivery.workflow_id) == ("s3.object_created", "hook/eventbridge/e-1")
    with pytest.raises(NotAnEvent):
        delivery_of("{}", datetime.now(UTC))
