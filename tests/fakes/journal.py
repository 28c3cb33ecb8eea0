"""Every call that a fake received, in order, and the one place where a call meets its faults."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from activities.ports import Clock
from tests.fakes.faults import Faults

T = TypeVar("T")


@dataclass
class Call:
    """One call. `applied` says whether it took effect, `outcome` what its caller saw."""

    at: datetime
    operation: str
    arguments: Mapping[str, Any]
    urgent: bool = False
    applied: bool = False
    outcome: str = "under way"
    """`under way`, `answered`, or the class of the error raised."""


class Journal:
    """Calls, oldest first."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self.calls: list[Call] = []
        self._clock = clock
        self._faults = faults

    def __iter__(self) -> Iterator[Call]:
        return iter(self.calls)

    def of(self, operation: str, **arguments: Any) -> list[Call]:
        """Calls of one operation whose arguments include these."""
        return [c for c in self.calls if c.operation == operation and arguments.items() <= dict(c.arguments).items()]

    def clear(self) -> None:
        self.calls.clear()

    async def perform(
        self, operation: str, arguments: Mapping[str, Any], apply: Callable[[], T], *, urgent: bool = False
    ) -> T:
        """Write the call down and run `apply` under the faults that wait for it."""
        call = Call(self._clock.now(), operation, arguments, urgent)
        self.calls.append(call)

        def tracked() -> T:
            answer = apply()
            call.applied = True
            return answer

        try:
            answer = await self._faults.around(operation, arguments, tracked)
        except BaseException as error:
            call.outcome = type(error).__name__
            raise
        call.outcome = "answered"
        return answer
