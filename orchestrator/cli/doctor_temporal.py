"""What `sluice doctor` looks at where Temporal is asked directly."""

import time
from collections.abc import AsyncIterator

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.cli.doctor import Finding
from orchestrator.domain.errors import SluiceError
from orchestrator.settings import Settings
from orchestrator.temporal import WORKFLOW_QUEUE, connect_temporal
from workflows.logbook import SEARCH_ATTRIBUTES

POLLED_SECONDS = 120.0
"""A worker that has not asked for work for so long is gone: one poll lasts 60 s."""


async def temporal_findings(chosen: Settings) -> AsyncIterator[Finding]:
    """Yield what Temporal tells of itself, of the worker, and of the namespace."""
    place = f"{chosen.temporal.address}, namespace {chosen.temporal.namespace}"
    try:
        client = await connect_temporal(chosen.temporal)
    except SluiceError as error:
        yield Finding(False, "temporal", str(error))
        return
    yield Finding(True, "temporal", f"{place} answers")
    for look in (_worker, _attributes):
        try:
            yield await look(client)
        except RPCError as error:
            yield Finding(False, look.__name__.strip("_"), f"Temporal did not tell: {error.message}")
    yield Finding(None, "clock", "not compared: Temporal tells no time, a server (SLUICE_URL) does")


async def _worker(client: Client) -> Finding:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=WORKFLOW_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request)
    alive = any(time.time() - poller.last_access_time.ToSeconds() < POLLED_SECONDS for poller in answer.pollers)
    return Finding(alive, "worker", "polls" if alive else "no worker serves releases: start one with `sluice worker`")


async def _attributes(client: Client) -> Finding:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    lacking = [key.name for key in SEARCH_ATTRIBUTES if key.name not in known]
    if lacking:
        words = f"{', '.join(lacking)} missing: docs/reference/settings.md has the command that makes them"
        return Finding(False, "search attributes", words)
    return Finding(True, "search attributes", f"all {len(SEARCH_ATTRIBUTES)} present")
