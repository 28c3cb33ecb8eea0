"""Waiting for AWS to finish something: a poll that knows every answer, and heartbeats while a call is out.

AWS's own waiters know only Active, Pending and Failed; anything else makes them spin until their timeout.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from orchestrator.domain.errors import TimedOut

T = TypeVar("T")

Sleep = Callable[[float], Awaitable[None]]
"""Wait so many seconds; `asyncio.sleep`, or a test's own."""
Tell = Callable[[str], None]
"""Say in one sentence what is waited for; in an activity, its heartbeat."""

FIRST_PAUSE = 0.2
"""Seconds before the second look."""
LONGEST_PAUSE = 2.0
"""Seconds that a pause grows to. Lambda's reads other than GetFunction share 15 requests/s with all control calls."""
BEAT = 5.0
"""Seconds between two heartbeats while one call is out."""


async def until(
    read: Callable[[], Awaitable[T]],
    done: Callable[[T], bool],
    told: Callable[[T], str],
    *,
    within: timedelta,
    sleep: Sleep,
    tell: Tell,
) -> T:
    """Return the first reading for which `done` is true; `told` puts the others into words.

    `done` raises what must end the wait early. Raises TimedOut once the pauses add up to `within`.
    """
    waited, pause = 0.0, FIRST_PAUSE
    while True:
        reading = await read()
        if done(reading):
            return reading
        sentence = told(reading)
        if waited >= within.total_seconds():
            raise TimedOut(f"{sentence}, still so after {within.total_seconds():g} s")
        tell(sentence)
        await sleep(pause)
        waited, pause = waited + pause, min(pause * 1.5, LONGEST_PAUSE)


async def beating(call: Awaitable[T], sentence: str, tell: Tell) -> T:
    """Return the answer of `call`, telling `sentence` at once and every `BEAT` seconds until it is there."""

    async def beat() -> None:
        while True:
            tell(sentence)
            await asyncio.sleep(BEAT)

    beats = asyncio.ensure_future(beat())
    try:
        return await call
    finally:
        beats.cancel()
