"""The state of one lab's AWS, shared by all rules of the gateway."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from orchestrator.lab.gateway.alarms import AlarmBook
from orchestrator.lab.gateway.execution import Lanes
from orchestrator.lab.gateway.functions import Function
from orchestrator.lab.gateway.metrics import MetricStore
from orchestrator.lab.gateway.settings import LabSettings
from orchestrator.lab.gateway.upstream import Upstream
from orchestrator.lab.gateway.wire import not_found

ACCOUNT = "000000000000"


class World:
    """Functions, metrics and alarms of one account in one region, and what runs in the background for them."""

    def __init__(self, upstream: Upstream, region: str, settings: LabSettings, seed: int | None) -> None:
        """Begin empty.

        Args:
            upstream: the emulator that keeps and executes code.
            region: name in ARNs.
            settings: lags, durations and budgets.
            seed: of the draws; None differs on every start.
        """
        self.upstream = upstream
        self.region = region
        self.settings = settings
        self.chance = random.Random(seed)  # noqa: S311 - a draw of traffic, no secret
        self.functions: dict[str, Function] = {}
        self.retired_numbers: dict[str, int] = {}
        """Last version number of deleted functions: numbers are never reused (lambda.md 1.4)."""
        self.lanes: dict[str, Lanes] = {}
        self.metrics = MetricStore()
        self.alarms = AlarmBook(self.arn("cloudwatch", "alarm:"))
        self.mapped_queues: dict[str, asyncio.Task[None]] = {}
        self._background: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def arn(self, service: str, resource: str) -> str:
        """ARN in this account and region."""
        return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{resource}"

    def function(self, name: str) -> Function:
        """A function by plain name.

        Raises:
            AwsError: `ResourceNotFoundException`.
        """
        if name not in self.functions:
            raise not_found(f"Function not found: {self.arn('lambda', f'function:{name}')}")
        return self.functions[name]

    async def after(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        """Do something later without waiting for it, or at once when there is no delay."""
        if seconds <= 0:
            await action()
            return

        async def later() -> None:
            await asyncio.sleep(seconds)
            await action()

        self.spawn(later())

    def spawn(self, work: Awaitable[None]) -> "asyncio.Task[None]":
        """Run in the background until `clear`."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def clear(self, seed: int | None = None) -> None:
        """Forget everything, here and in the emulator; the draws begin anew at the seed."""
        await self.end_background()
        self.functions.clear()
        self.retired_numbers.clear()
        self.mapped_queues.clear()
        self.lanes.clear()
        self.metrics.clear()
        self.alarms.clear()
        self.chance.seed(seed)
        await self.upstream.reset()

    async def end_background(self) -> None:
        """Stop all that runs in the background."""
        waiting = list(self._background)
        for task in waiting:
            task.cancel()
        for task in waiting:
            with suppress(asyncio.CancelledError, Exception):
                await task
