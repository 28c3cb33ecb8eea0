"""A failed DeleteMessage costs nothing: the same event again starts nothing."""

import asyncio
import json
from typing import Any

from botocore.exceptions import ClientError

from orchestrator.domain.intake import Delivery
from orchestrator.intake import Receipt
from orchestrator.intake_events import consume

REPLY = {
    "Error": {"Code": "ReceiptHandleIsInvalid", "Message": "The receipt handle has expired"},
    "ResponseMetadata": {"HTTPStatusCode": 400},
}


class ForgetfulQueue:
    """Gives two messages each time; the first deletion fails."""

    def __init__(self) -> None:
        self.received = 0
        self.asked: list[str] = []

    async def receive_message(self, **arguments: Any) -> dict[str, Any]:
        self.received += 1
        await asyncio.sleep(0)
        body = json.dumps({"id": "a", "source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {}})
        return {"Messages": [{"MessageId": each, "ReceiptHandle": each, "Body": body} for each in ("1", "2")]}

    async def delete_message(self, **arguments: Any) -> None:
        self.asked.append(arguments["ReceiptHandle"])
        if len(self.asked) == 1:
            raise ClientError(REPLY, "DeleteMessage")


async def test_case_13_delete_message_fails_and_the_loop_goes_on() -> None:
    """The rest of the batch is looked at, and the next batch is received."""
    queue, stop = ForgetfulQueue(), asyncio.Event()

    async def receive(delivery: Delivery) -> Receipt:
        return Receipt(delivery=delivery.id)

    reading = asyncio.create_task(consume(queue, "http://queue", receive, stop))
    async with asyncio.timeout(5):
        while queue.received < 2 and not reading.done():
            await asyncio.sleep(0.01)
    stop.set()
    await reading
    assert queue.asked[:2] == ["1", "2"]
    assert queue.received >= 2
