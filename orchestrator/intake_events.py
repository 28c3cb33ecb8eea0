"""`sluice events`: EventBridge events from an SQS queue. A message is deleted only once its intake is durable."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from orchestrator.domain.errors import InvalidSpec, Unavailable
from orchestrator.domain.intake import Delivery
from orchestrator.intake import Intake, Receipt
from orchestrator.intake_cloudtrail import ALIAS_CHANGED
from orchestrator.settings import Settings

WAIT_SECONDS = 20
"""Long poll: the longest that SQS offers."""
PAUSE = 5.0
"""Seconds after a call of the queue that failed."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds after Temporal has not taken an event: doubled each time, short again once it has taken one."""
TRIES = 6
"""How often a received event is offered, about a minute at first: then the rest of the batch has its turn, since one
event alone may be what cannot be taken now (a release that does not answer)."""
_KINDS = {
    ("aws.ecr", "ECR Image Action"): "ecr.push",
    ("aws.s3", "Object Created"): "s3.object_created",
    ("aws.lambda", "AWS API Call via CloudTrail"): ALIAS_CHANGED,
}

log = structlog.get_logger("sluice.events")


class Queue(Protocol):
    """The part of an SQS client that is used."""

    async def receive_message(self, **arguments: Any) -> dict[str, Any]:
        """Return up to ten messages."""
        ...

    async def delete_message(self, **arguments: Any) -> object:
        """Delete one message by its receipt."""
        ...


class NotAnEvent(Exception):
    """The message is not one of EventBridge, and never will be."""


def delivery_of(body: str, now: datetime) -> Delivery:
    """Return the event in a message as a delivery; its id is EventBridge's. Raises NotAnEvent."""
    try:
        event = json.loads(body)
        kind = _KINDS.get((event["source"], event["detail-type"]), str(event["detail-type"]))
        fields = {"provider": "eventbridge", "event": kind, "id": event["id"], "payload": event, "received_at": now}
        return Delivery.model_validate(fields)
    except (ValueError, KeyError, TypeError, ValidationError):
        raise NotAnEvent from None


async def consume(
    queue: Queue, queue_url: str, receive: Callable[[Delivery], Awaitable[Receipt]], stop: asyncio.Event
) -> None:
    """Take messages until `stop` is set. What Temporal has not taken, and what is not understood, stays in the queue.

    SQS delivers at least once; the same event starts one intake. The queue's redrive policy moves what is never taken
    to its dead-letter queue, and counts receives: while Temporal is away, what was received is offered again after a
    growing pause, and nothing more is received. Returns soon after `stop`, also from a pause.
    """
    patience = _Patience(stop)
    while not stop.is_set():
        try:
            found = await queue.receive_message(
                QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS
            )
        except Exception as error:  # noqa: BLE001  the client's own errors; the queue keeps its messages
            log.warning("queue not read", error=type(error).__name__)
            await _pause(stop, PAUSE)
            continue
        for message in found.get("Messages", ()):
            if await patience.taken(message, receive):
                await _delete(queue, queue_url, message)


class _Patience:
    """Offers an event to Temporal several times; how long it waits is kept from one event to the next."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._wait = FIRST_PAUSE

    async def taken(self, message: dict[str, Any], receive: Callable[[Delivery], Awaitable[Receipt]]) -> bool:
        for _ in range(TRIES):
            if self._stop.is_set() and self._wait > FIRST_PAUSE:  # away: a stop is not to wait for it
                return False
            try:
                taken = await _taken(message, receive)
            except Unavailable as error:
                log.warning("not taken", message_id=message.get("MessageId"), reason=str(error), again_in=self._wait)
                await _pause(self._stop, self._wait)
                self._wait = min(self._wait * 2, LONGEST_PAUSE)
            else:
                self._wait = FIRST_PAUSE if taken else self._wait
                return taken
        return False


async def _delete(queue: Queue, queue_url: str, message: dict[str, Any]) -> None:
    """A message that stays comes again, and its event starts nothing: no failure here is worth the loop."""
    try:
        await queue.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    except Exception as error:  # noqa: BLE001  the client's own errors
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
        log.warning(
            "message not deleted; it comes again and starts nothing",
            message_id=message.get("MessageId"),
            error=code or type(error).__name__,
        )


async def _taken(message: dict[str, Any], receive: Callable[[Delivery], Awaitable[Receipt]]) -> bool:
    try:
        receipt = await receive(delivery_of(message["Body"], datetime.now(UTC)))
    except NotAnEvent:
        log.warning("message is no event of EventBridge", message_id=message.get("MessageId"))
        return False
    except InvalidSpec as error:
        log.warning("event cannot be followed", message_id=message.get("MessageId"), reason=str(error))
        return False
    releases = [release_id for release_id, _ in receipt.releases]
    log.info("event", delivery=receipt.delivery, releases=releases, changes=receipt.changes, ignored=receipt.ignored)
    return True


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def events() -> None:
    """Read EventBridge events from the queue of the settings until SIGTERM or Ctrl-C."""
    from orchestrator.aws import aws_clients  # noqa: PLC0415
    from orchestrator.cli import session  # noqa: PLC0415  the kinds of probes and gates are looked up there
    from orchestrator.temporal import connect_temporal  # noqa: PLC0415

    settings = Settings()
    if not settings.events.queue_url:
        raise InvalidSpec("there is no queue to read: set SLUICE_EVENTS__QUEUE_URL")
    intake = Intake.of(await connect_temporal(settings.temporal), settings, session.plugins())
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    aws = aws_clients(settings.aws)
    try:
        queue = await aws.client("sqs", settings.events.account, settings.events.region)
        rules = f"by the rules of {settings.api.release_file}"
        if settings.api.release_file is None:
            rules = "only for changes of aliases, since SLUICE_API__RELEASE_FILE names no rules"
        print(f"taking events from {settings.events.queue_url} {rules}", flush=True)  # noqa: T201
        receive = partial(intake.receive, source="sqs")
        reading = asyncio.create_task(consume(queue, settings.events.queue_url, receive, stop))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        reading.cancel()  # a long poll may have 20 s to go; what it holds comes back to the queue
        with suppress(asyncio.CancelledError):
            await reading
    finally:
        await aws.aclose()
