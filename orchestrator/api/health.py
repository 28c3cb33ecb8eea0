"""Whether the process lives, whether it can do its work, and what it counts."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.api.listing import Filters, Releases
from orchestrator.domain.release import Outcome, Phase
from orchestrator.telemetry import Telemetry
from orchestrator.temporal import WORKFLOW_QUEUE

CHECK_SECONDS = 2.0
KEPT_SECONDS = 1.0
"""An answer is kept for so long, because anybody may ask."""
POLLED_SECONDS = 120.0
"""A worker that has not asked for work for so long is gone: one poll lasts 60 s."""
SAMPLED_SECONDS = 15.0


class Readiness(BaseModel):
    """Whether requests should be sent here."""

    status: Literal["ready", "not-ready"]
    temporal: str
    worker: str


class Health:
    """Looks at Temporal for `/readyz` and `/metrics`, no more often than it must."""

    def __init__(self, client: Client, releases: Releases, telemetry: Telemetry) -> None:
        self._client = client
        self._releases = releases
        self._telemetry = telemetry
        self._checked = self._sampled = -1e9
        self._last = Readiness(status="not-ready", temporal="not asked yet", worker="not asked yet")
        self._checking = asyncio.Lock()
        self._sampling = asyncio.Lock()
        self.stopping = False

    async def readiness(self) -> Readiness:
        """Return whether Temporal answers and a worker asks it for releases."""
        if self.stopping:
            return Readiness(status="not-ready", temporal="stopping", worker="stopping")
        async with self._checking:
            if time.monotonic() - self._checked > KEPT_SECONDS:
                temporal = await self._temporal()
                worker = await self._worker() if temporal == "ok" else "not asked: Temporal does not answer"
                ready = temporal == worker == "ok"
                self._last = Readiness(status="ready" if ready else "not-ready", temporal=temporal, worker=worker)
                self._checked = time.monotonic()
        return self._last

    async def _temporal(self) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                alive = await self._client.service_client.check_health()
        except (RPCError, TimeoutError):
            return "does not answer"
        return "ok" if alive else "is not serving"

    async def _worker(self) -> str:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=WORKFLOW_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                answer = await self._client.workflow_service.describe_task_queue(request)
        except (RPCError, TimeoutError):
            return "not known: Temporal did not tell"
        now = datetime.now(UTC).timestamp()
        alive = any(now - poller.last_access_time.ToSeconds() < POLLED_SECONDS for poller in answer.pollers)
        return "ok" if alive else "no worker serves releases: start one with `sluice worker`"

    async def sample(self) -> None:
        """Count releases by phase and outcome for the metrics; keeps the last numbers when Temporal does not answer."""
        async with self._sampling:
            if time.monotonic() - self._sampled < SAMPLED_SECONDS:
                return
            self._sampled = time.monotonic()
            running, ended = self._telemetry.running, self._telemetry.ended
            gauges = {running.labels(p): Filters(phase=p, running=True) for p in Phase if p is not Phase.DONE}
            # one that drains has its outcome, and runs
            gauges |= {ended.labels(o): Filters(outcome=o, running=False) for o in Outcome}
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    counts = await asyncio.gather(*map(self._count, gauges.values()))
            except (RPCError, TimeoutError):
                return
            for gauge, count in zip(gauges, counts, strict=True):
                gauge.set(count)

    async def _count(self, wished: Filters) -> int:
        return await self._releases.count(wished.query("Release"))
