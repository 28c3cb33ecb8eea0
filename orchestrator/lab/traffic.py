"""Steady traffic on an alias, as a function's callers would make it."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2

_TOO_MANY = 429
BASKET = {"items": [{"price": 12.5, "quantity": 2}, {"price": 3.0}]}


@dataclass
class TrafficCount:
    """What happened so far."""

    ok: Counter[str] = field(default_factory=Counter)
    """Answers without an error, by executed version."""
    errors: Counter[str] = field(default_factory=Counter)
    """Answers with a function error, by executed version."""
    throttled: int = 0
    refused: int = 0
    """Answers with another HTTP error, and calls that got no answer."""
    skipped: int = 0
    """Calls not made because too many were under way."""
    latencies: list[float] = field(default_factory=list)
    """Seconds, of the last 10,000 answers."""

    @property
    def total(self) -> int:
        """Answered invocations."""
        return self.ok.total() + self.errors.total()

    def share(self, version: str) -> float:
        """Part of the answers that a version gave, 0..1; 0 when there are none."""
        return (self.ok[version] + self.errors[version]) / self.total if self.total else 0.0


class Traffic:
    """Invokes a function at a rate until stopped; open loop: a slow answer does not slow the callers down.

    Use as an async context manager, or `start` and `stop`.
    """

    def __init__(
        self,
        url: str,
        function: str = "checkout",
        qualifier: str = "live",
        *,
        rate: float = 20.0,
        concurrency: int = 32,
        events: Sequence[Any] = (BASKET,),
    ) -> None:
        """Describe the traffic.

        Args:
            url: the lab's AWS endpoint.
            function: name.
            qualifier: alias or version.
            rate: requests per second, above 0; may be changed while running.
            concurrency: calls under way at once; further ones are skipped and counted.
            events: payloads, sent in turn; may be changed while running.
        """
        self.rate = rate
        self.count = TrafficCount()
        self._target = f"{url}/2015-03-31/functions/{function}/invocations?Qualifier={qualifier}"
        self.events = events
        self._concurrency = concurrency
        self._under_way: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._client = httpx2.AsyncClient(timeout=900, limits=limits, trust_env=False, verify=False)

    @property
    def events(self) -> Sequence[Any]:
        """Payloads, sent in turn; may be set while running."""
        return self._events

    @events.setter
    def events(self, events: Sequence[Any]) -> None:
        self._events = tuple(events)
        self._bodies = [json.dumps(event).encode() for event in self._events]

    async def __aenter__(self) -> Self:
        """Start."""
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def start(self) -> None:
        """Begin to call; returns at once."""
        self._running = asyncio.create_task(self._call_on())

    async def stop(self) -> TrafficCount:
        """Make no further calls, wait for those under way, return the final count."""
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
        await asyncio.gather(*self._under_way)
        await self._client.aclose()
        return self.count

    async def _call_on(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        number = 0
        while True:
            # Late wake-ups are caught up, so that the rate holds on a busy machine.
            while due <= clock():
                self._launch(self._bodies[number % len(self._bodies)])
                number += 1
                due += 1.0 / self.rate
            await asyncio.sleep(max(0.0, due - clock()))

    def _launch(self, body: bytes) -> None:
        if len(self._under_way) >= self._concurrency:
            self.count.skipped += 1
            return
        task = asyncio.create_task(self._one(body))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _one(self, body: bytes) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            answer = await self._client.post(self._target, content=body)
        except httpx2.HTTPError:
            self.count.refused += 1
            return
        version = answer.headers.get("x-amz-executed-version", "")
        if answer.status_code == _TOO_MANY:
            self.count.throttled += 1
        elif answer.is_error:
            self.count.refused += 1
        elif "x-amz-function-error" in answer.headers:
            self.count.errors[version] += 1
        else:
            self.count.ok[version] += 1
        self.count.latencies.append(clock() - began)
        del self.count.latencies[:-10_000]
