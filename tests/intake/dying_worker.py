"""A worker that dies when it has started a release and before anything is recorded of it: `python -m ... ADDRESS`."""

import asyncio
import os
import sys

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from activities.catalog import local_activities
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import ReleaseRequest
from orchestrator.intake_releases import IntakeReleases
from orchestrator.temporal import WORKFLOW_QUEUE, sandbox
from orchestrator.worker import WORKFLOWS


class Dying(IntakeReleases):
    async def submit(self, request: ReleaseRequest) -> ReleaseState:
        """Start the release, say so, and be gone as by SIGKILL."""
        await super().submit(request)
        print("started", flush=True)
        os._exit(9)


async def main(address: str) -> None:
    """Serve until a release has been started."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with Worker(
        client,
        task_queue=WORKFLOW_QUEUE,
        workflows=WORKFLOWS,
        activities=local_activities(Dying(client)),
        workflow_runner=sandbox(),
        disable_eager_activity_execution=True,
        max_cached_workflows=0,
    ):
        print("ready", flush=True)
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
