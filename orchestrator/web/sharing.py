"""One look for many readers: what was read a moment ago is given to everybody who asks again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

KEPT_SECONDS = 2.0
"""An answer, also a refusal, is given so long; then somebody looks again."""


class SharedLooks:
    """Answers by key. Two who ask at the same time wait for the same answer."""

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        self._kept_seconds = kept_seconds
        self._looks: dict[Hashable, tuple[float, asyncio.Future[Any]]] = {}

    async def get(self, key: Hashable, look: Callable[[], Awaitable[Any]]) -> Any:
        """Return what `look` gives, or gave to somebody a moment ago. Raises what it raises."""
        now = time.monotonic()
        self._looks = {k: v for k, v in self._looks.items() if now - v[0] < self._kept_seconds}
        if key not in self._looks:
            looking = asyncio.ensure_future(look())
            looking.add_done_callback(_look_away)
            self._looks[key] = now, looking
        # Whoever leaves must not end the look of the others.
        return await asyncio.shield(self._looks[key][1])


def _look_away(look: "asyncio.Future[Any]") -> None:
    """Take the error of a look that nobody waits for any more, so that asyncio does not report it."""
    if not look.cancelled():
        look.exception()
