"""SQS event source mappings, polled by the gateway so that each batch draws its version on the alias.

The emulator's own loop knows only an alias' primary; it keeps the mapping, disabled, and we poll. Mappings of other
sources stay with the emulator and do not draw.
"""

import asyncio
import json
from contextlib import suppress

from orchestrator.lab.gateway.invocations import run
from orchestrator.lab.gateway.operations import split_reference
from orchestrator.lab.gateway.wire import AwsError, Call, Document, Reply, json_reply
from orchestrator.lab.gateway.world import World

_IDLE_SECONDS = 0.25
_MAPPINGS = "/2015-03-31/event-source-mappings"


async def create_mapping(world: World, call: Call) -> Reply:
    """CreateEventSourceMapping: 202; a queue is polled from now on."""
    wanted = call.document()
    name, _ = split_reference(str(wanted.get("FunctionName", "")))
    world.function(name)
    if ":sqs:" not in str(wanted.get("EventSourceArn", "")):
        return await world.upstream.forward(call)
    enabled = wanted.get("Enabled", True)
    kept = await world.upstream.lambda_call("POST", _MAPPINGS, {**wanted, "Enabled": False})
    mapping = kept.document()
    if enabled:
        _poll(world, mapping)
    return json_reply(_shown(world, mapping), 202)


async def read_mappings(world: World, call: Call) -> Reply:
    """GetEventSourceMapping and ListEventSourceMappings, with the state that the gateway's polling gives."""
    reply = await world.upstream.forward(call)
    document = reply.document()
    if reply.status != 200:
        return reply
    if "EventSourceMappings" in document:
        shown = [_shown(world, mapping) for mapping in document["EventSourceMappings"]]
        return json_reply({**document, "EventSourceMappings": shown})
    return json_reply(_shown(world, document))


async def update_mapping(world: World, call: Call) -> Reply:
    """UpdateEventSourceMapping: other target, batch size, or enabled and disabled."""
    wanted = call.document()
    current = (await world.upstream.lambda_call("GET", f"{_MAPPINGS}/{call.resource}")).document()
    if ":sqs:" not in str(current.get("EventSourceArn", "")):
        return await world.upstream.forward(call)
    enabled = wanted.get("Enabled", current["UUID"] in world.mapped_queues)
    mapping = (
        await world.upstream.lambda_call("PUT", f"{_MAPPINGS}/{call.resource}", {**wanted, "Enabled": False})
    ).document()
    _stop(world, mapping["UUID"])
    if enabled:
        _poll(world, mapping)
    return json_reply(_shown(world, mapping), 202)


async def delete_mapping(world: World, call: Call) -> Reply:
    """DeleteEventSourceMapping: 202; polling ends."""
    _stop(world, call.resource)
    return await world.upstream.forward(call)


def _shown(world: World, mapping: Document) -> Document:
    if ":sqs:" not in str(mapping.get("EventSourceArn", "")):
        return mapping
    return {**mapping, "State": "Enabled" if mapping["UUID"] in world.mapped_queues else "Disabled"}


def _poll(world: World, mapping: Document) -> None:
    world.mapped_queues[mapping["UUID"]] = world.spawn(_poll_queue(world, mapping))


def _stop(world: World, uuid: str) -> None:
    task = world.mapped_queues.pop(uuid, None)
    if task:
        task.cancel()


async def _poll_queue(world: World, mapping: Document) -> None:
    queue_arn = str(mapping["EventSourceArn"])
    name, qualifier = split_reference(str(mapping["FunctionArn"]))
    found = await world.upstream.queue("GetQueueUrl", {"QueueName": queue_arn.rpartition(":")[2]})
    queue = {"QueueUrl": found["QueueUrl"]}
    while name in world.functions:
        wanted = {
            **queue,
            "MaxNumberOfMessages": min(int(mapping.get("BatchSize", 10)), 10),
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        messages = (await world.upstream.queue("ReceiveMessage", wanted)).get("Messages") or []
        if not messages:
            await asyncio.sleep(_IDLE_SECONDS)
            continue
        records = [_record(message, queue_arn, world.region) for message in messages]
        try:
            outcome = await run(world, world.functions[name], qualifier, {"Records": records})
        except (AwsError, KeyError):
            await asyncio.sleep(_IDLE_SECONDS)
            continue
        # A failed batch is not deleted: its messages come back after the queue's visibility timeout.
        if outcome.error:
            continue
        failed = _failed_ids(mapping, outcome.payload)
        for message in messages:
            if message["MessageId"] not in failed:
                with suppress(AwsError):
                    await world.upstream.queue("DeleteMessage", {**queue, "ReceiptHandle": message["ReceiptHandle"]})


def _failed_ids(mapping: Document, payload: bytes) -> set[str]:
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return set()
    answer = json.loads(payload)
    failures = answer.get("batchItemFailures", []) if isinstance(answer, dict) else []
    return {str(failure.get("itemIdentifier")) for failure in failures}


def _record(message: Document, queue_arn: str, region: str) -> Document:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": message.get("MessageAttributes", {}),
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


HANDLERS = {
    "CreateEventSourceMapping": create_mapping,
    "GetEventSourceMapping": read_mappings,
    "ListEventSourceMappings": read_mappings,
    "UpdateEventSourceMapping": update_mapping,
    "DeleteEventSourceMapping": delete_mapping,
}
