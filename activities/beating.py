"""Telling Temporal that an activity is alive, so that another worker takes over soon where its worker has died."""

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
    """Send heartbeats as long as the activity runs; they carry nothing, and end with it."""

    @wraps(run)
    async def alive(*args: P.args, **kwargs: P.kwargs) -> T:
        beats = asyncio.create_task(_beat())
        try:
            return await run(*args, **kwargs)
        finally:
            beats.cancel()

    return alive


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(BEAT_SECONDS)
