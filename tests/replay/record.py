"""Record the histories that later versions of the workflow must replay: `python -m tests.replay.record`.

Recording again replaces them, and with them the proof that releases begun before a change can go on after it. So do
that only with a change of the workflow that is guarded by `workflow.patched`, and keep the old ones under another
name for as long as releases of that age may run. A new course alone: `python -m tests.replay.record NAME`.
"""

import asyncio
import gzip
import sys
from collections.abc import Collection
from pathlib import Path

from tests.replay.courses import COURSES
from tests.workflows.stage import aws_worker, new_stage, restore_worker, server, workflow_worker

HISTORIES = Path(__file__).parent / "histories"


async def record(names: Collection[str]) -> None:
    """Play the courses on a real server, all of them unless some are named, and write their histories down."""
    async with server() as environment:
        for name in names or COURSES:
            course = COURSES[name]
            stage = new_stage(environment)
            async with workflow_worker(environment), aws_worker(stage), restore_worker(stage):
                handle = await course(stage)
                history = await handle.fetch_history()
            packed = gzip.compress(history.to_json().encode(), mtime=0)
            (HISTORIES / f"{name}.json.gz").write_bytes(packed)
            print(f"{name}: {len(history.events)} events, {len(packed)} bytes")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:]))
