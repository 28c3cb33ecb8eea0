"""While Temporal is away no event uses up its receives."""

import asyncio
import time
from typing import Any

import pytest

from orchestrator import intake_events
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.intake import Delivery
from orchestrator.intake import Receipt
from orchestrator.intake_events import consume

MESSAGE = {
    "MessageId": "1",
    "ReceiptHandle": "r",
    "Attributes": {"ApproximateReceiveCount": "5"},
    "Body": '{"id":"a","source":"aws.ecr","detail-type":"ECR Image Action","detail":{}}',
}


class PersistentQueue:
    """Gives a batch back at once until it is deleted, as a short visibility timeout does."""

    def __init__(self, batch: int = 1) -> None:
        self.received: list[float] = []
        self.batch = [MESSAGE] * batch

    async def receive_message(self, **arguments: Any) -> dict[str, Any]:
        self.received.append(time.monotonic())
        await asyncio.sleep(0)
        return {"Messages": self.batch}

    async def delete_message(self, **arguments: Any) -> None:
        self.batch = self.batch[1:]


async def test_case_12_sqs_receives_burn_no_more_while_temporal_is_away() -> None:
    """One receive, then a pause; the rest of the batch is not offered to a Temporal that is away; `stop` ends it."""
    queue, stop, offered = PersistentQueue(batch=3), asyncio.Event(), 0

    async def away(delivery: Delivery) -> Receipt:
        nonlocal offered
        offered += 1
        raise Unavailable("away")

    reading = asyncio.create_task(consume(queue, "http://queue", away, stop))
    await asyncio.sleep(0.3)
    stop.set()
    async with asyncio.timeout(1):
        await reading
    assert len(queue.received) == 1
    assert offered == 1


async def test_case_12_sqs_receives_burn_slower_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause grows up to its bound, and is short again once Temporal has answered."""
    pauses: list[float] = []
    queue, stop = PersistentQueue(batch=9), asyncio.Event()
    refusals = 8

    async def paused(stop: asyncio.Event, seconds: float) -> None:
        pauses.append(seconds)

    async def receive(delivery: Delivery) -> Receipt:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise Unavailable("away")
        if len(pauses) == 8:
            refusals = 1
        else:
            stop.set()
        return Receipt(delivery=delivery.id)

    monkeypatch.setattr(intake_events, "_pause", paused)
    async with asyncio.timeout(5):
        await consume(queue, "http://queue", receive, stop)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 1]
    assert len(queue.received) == 1
