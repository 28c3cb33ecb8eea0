"""One API call: its turn in the budget, its client, its errors."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from activities.errors import translating

Connect = Callable[[], Awaitable[Any]]
"""Gives the client of one service, account and region; made at the first call."""
Answer = Mapping[str, Any]
"""A parsed answer, by API name."""
Turn = Callable[[str], Awaitable[None]]
"""Waits until an operation (its method name on the client) may be called."""
TOKENS = ("NextToken", "NextToken")
"""Names of the position in requests and answers of CloudWatch."""


async def no_limit(operation: str) -> None:
    """Let an operation pass at once."""


class Calls:
    """Calls operations of one client; raises only domain errors."""

    def __init__(self, connect: Connect, turn: Turn = no_limit) -> None:
        self._connect = connect
        self._turn = turn

    async def __call__(self, operation: str, doing: str, **arguments: Any) -> Answer:
        """Return the answer of `operation`, e.g. `update_alias`; `doing` completes "could not ..."."""
        with translating(doing):
            answer: Answer = await (await self.method(operation))(**arguments)
            return answer

    async def method(self, operation: str) -> Callable[..., Awaitable[Any]]:
        """Return the client's method when its turn has come; its errors are those of the library."""
        client = await self._connect()
        await self._turn(operation)
        method: Callable[..., Awaitable[Any]] = getattr(client, operation)
        return method

    async def or_none(self, operation: str, doing: str, *, absent: tuple[str, ...], **arguments: Any) -> Answer | None:
        """Like a call, but one of the error codes `absent` gives None."""
        with translating(doing), _silent(absent):
            answer: Answer = await (await self.method(operation))(**arguments)
            return answer
        return None

    async def pages(
        self, operation: str, doing: str, *, names: tuple[str, str] = ("Marker", "NextMarker"), **arguments: Any
    ) -> AsyncIterator[Answer]:
        """Yield every page in order; `names` are those of the position in request and answer."""
        asked, told = names
        position: dict[str, str] = {}
        while True:
            page = await self(operation, doing, **arguments, **position)
            yield page
            following = page.get(told)
            if not following or following == position.get(asked):
                return
            position = {asked: following}


@contextmanager
def _silent(codes: tuple[str, ...]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        answer = getattr(error, "response", None)
        if isinstance(answer, Mapping) and answer.get("Error", {}).get("Code") in codes:
            return
        raise
