"""How many requests a second one account and region may receive from this process."""

import asyncio

from aiolimiter import AsyncLimiter

CONTROL_LIMIT = 15
"""Requests per second that all Lambda control operations of an account and region share; AWS does not raise it.

Source: Lambda quotas, "Control plane API requests".
"""
FUNCTION_READS = 90
"""Requests per second for GetFunction, which has a limit of 100 of its own. Source: Lambda quotas."""
ALARM_READS = 8
"""Requests per second for DescribeAlarms, of AWS's 9. Source: CloudWatch quotas."""


class Budget:
    """Token buckets of one account and region. Restores never wait behind everyday calls.

    Everyday calls get `rate` requests per second of the total (`rate` + `reserve`), and none while a restore waits.
    """

    def __init__(self, rate: float, reserve: float) -> None:
        self._everyday = _bucket(rate, burst=2)
        self._total = _bucket(rate + reserve, burst=1)
        self._function_reads = _bucket(FUNCTION_READS, burst=10)
        self._alarm_reads = _bucket(ALARM_READS, burst=1)
        self._restores = 0
        self._calm = asyncio.Event()
        self._calm.set()
        self._line = asyncio.Lock()
        self._moves = 0
        self._no_moves = asyncio.Event()
        self._no_moves.set()

    async def everyday(self) -> None:
        """Wait for a turn of an ordinary control call; those that move an alias stand before it."""
        async with self._line:
            await self._no_moves.wait()
            await self._turn()

    async def moving(self) -> None:
        """Wait for a turn of a call that reads or writes an alias: a step under way goes before one that begins."""
        self._moves += 1
        self._no_moves.clear()
        try:
            await self._turn()
        finally:
            self._moves -= 1
            if not self._moves:
                self._no_moves.set()

    async def _turn(self) -> None:
        await self._everyday.acquire()
        await self._calm.wait()
        await self._total.acquire()

    async def urgent(self) -> None:
        """Wait for a turn of a restore: only other restores stand before it."""
        self._restores += 1
        self._calm.clear()
        try:
            await self._total.acquire()
        finally:
            self._restores -= 1
            if not self._restores:
                self._calm.set()

    async def function_read(self) -> None:
        """Wait for a turn of GetFunction."""
        await self._function_reads.acquire()

    async def alarm_read(self) -> None:
        """Wait for a turn of DescribeAlarms."""
        await self._alarm_reads.acquire()


def _bucket(rate: float, burst: int) -> AsyncLimiter:
    """Return a bucket that lets `burst` requests pass at once: in no second more than rate + burst pass."""
    return AsyncLimiter(burst, burst / rate)
