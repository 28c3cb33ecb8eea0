"""Work that must reach its end, on a worker that says it is alive: where it is not, another takes over soon."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from temporalio import activity

P = ParamSpec("P")
T = TypeVar("T")
BEAT_SECONDS = 1.0
"""Time between two heartbeats; several fit into the heartbeat timeout that `workflows.calls` sets."""


def beating(run: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Send heartbeats as long as the activity runs; they carry nothing, and end with it.

    A heartbeat is also how an activity hears that nobody waits for it any more: that its workflow was terminated, or
    that another attempt has begun. The way back goes on all the same, for the alias would stay split. It stops only
    with its worker.
    """

    @wraps(run)
    async def alive(*args: P.args, **kwargs: P.kwargs) -> T:
        beats = asyncio.create_task(_beat())
        work = asyncio.ensure_future(run(*args, **kwargs))
        try:
            while True:
                try:
                    return await asyncio.shield(work)
                except asyncio.CancelledError:
                    if work.done() or not _unheard():
                        work.cancel()
                        raise
        finally:
            beats.cancel()

    return alive


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(BEAT_SECONDS)


def _unheard() -> bool:
    """Whether only the server has stopped listening, and the worker goes on."""
    told = activity.cancellation_details()
    if told is None or told.worker_shutdown or activity.is_worker_shutdown():
        return False
    return told.not_found or told.timed_out or told.cancel_requested
