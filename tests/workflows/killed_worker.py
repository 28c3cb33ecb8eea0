"""A worker of workflows in a process of its own, to be killed: `python -m tests.workflows.killed_worker ADDRESS`."""

import asyncio
import sys

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from orchestrator.temporal import WORKFLOW_QUEUE, sandbox
from workflows.release import ReleaseWorkflow


async def main(address: str) -> None:
    """Serve until killed, and say when ready. It keeps nothing in memory, so nobody waits for a sticky queue."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with Worker(
        client,
        task_queue=WORKFLOW_QUEUE,
        workflows=[ReleaseWorkflow],
        workflow_runner=sandbox(),
        max_cached_workflows=0,
        disable_eager_activity_execution=True,
    ):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
