"""SIGKILL: no goodbye, no flush, no graceful anything."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.release import Command, Outcome, Phase
from tests.workflows.stage import Stage, aws_worker, minutes, restore_worker, workflow_worker


@asynccontextmanager
async def worker_process(stage: Stage) -> AsyncIterator[None]:
    address = stage.client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.workflows.killed_worker", address, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert (await process.stdout.readline()).strip() == b"ready"
        yield
    finally:
        process.kill()
        await process.wait()


async def test_killed_worker_is_replaced_by_one_that_knows_nothing(unstaffed: Stage) -> None:
    """Scenario 27: killed in a bake; another process reads the history, goes on, and writes nothing twice."""
    stage = unstaffed
    async with aws_worker(stage), restore_worker(stage):
        async with worker_process(stage):
            request, handle = await stage.baking()
            await stage.order(request, Command.PAUSE)
            await stage.reach(request, Phase.PAUSED)
        async with workflow_worker(stage.environment, cached=0):
            for _ in range(3):  # the server believes in the dead one for ten seconds; the same key is the same command
                with suppress(Unavailable):
                    await stage.order(request, Command.RESUME, key="once")
                    break
            await stage.forward(handle, minutes(6))
            await stage.reach(request, Phase.BAKING, step=1)
            assert (await stage.finish(handle)).outcome is Outcome.PROMOTED
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1 + 50 % to version 2", "version 2"]
