"""The way back reaches its end though nobody listens any more, and stops with its worker."""

import asyncio

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment

from activities.beating import beating


class Writing:
    """A write that takes until it is let through."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.through = asyncio.Event()
        self.written = False

    @beating
    async def write(self) -> str:
        self.begun.set()
        await self.through.wait()
        self.written = True
        return "written"


@pytest.mark.parametrize("reason", ["not_found", "timed_out", "cancel_requested"])
async def test_a_write_goes_on_when_only_the_server_has_stopped_listening(reason: str) -> None:
    """E.g. somebody terminates the release in Temporal while its alias is half way back."""
    environment, writing, beats = ActivityEnvironment(), Writing(), 0

    def beat(*_: object) -> None:
        nonlocal beats
        beats += 1

    environment.on_heartbeat = beat
    running = asyncio.create_task(environment.run(writing.write))
    await writing.begun.wait()
    environment.cancel(ActivityCancellationDetails(**{reason: True}))
    await asyncio.sleep(0.05)
    assert not running.done()
    writing.through.set()
    assert await running == "written"
    assert beats == 1


async def test_a_write_stops_with_its_worker() -> None:
    environment, writing = ActivityEnvironment(), Writing()
    running = asyncio.create_task(environment.run(writing.write))
    await writing.begun.wait()
    environment.cancel(ActivityCancellationDetails(worker_shutdown=True))
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert not writing.written
