"""Faults on demand: what a network and a busy service do to one call, chosen by operation and arguments."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from orchestrator.domain.errors import SluiceError, TimedOut

T = TypeVar("T")
Apply = Callable[[], Any]
When = Callable[[Mapping[str, Any]], bool]


class Fault(Protocol):
    """What happens instead of a plain call; `apply` does the work of the call, at most once."""

    async def strike(self, apply: Apply) -> Any: ...


@dataclass
class Refuse:
    """Raise and apply nothing."""

    error: Exception

    async def strike(self, apply: Apply) -> Any:
        raise self.error


@dataclass
class LoseReply:
    """Apply, then raise: the caller cannot know that its call took effect."""

    error: Exception

    async def strike(self, apply: Apply) -> Any:
        apply()
        raise self.error


@dataclass
class Hold:
    """Hang until `release()`; `reached` is set as soon as a call hangs. A cancelled call never applies."""

    applied_first: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _free: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let every call that hangs here go on, and later ones pass."""
        self._free.set()

    async def strike(self, apply: Apply) -> Any:
        answer = apply() if self.applied_first else None
        self.reached.set()
        await self._free.wait()
        return answer if self.applied_first else apply()


@dataclass
class Late:
    """Raise at once and apply later: at `apply()`, or by itself after `after_calls` further calls of any operation."""

    error: Exception
    after_calls: int | None = None
    outcomes: list[str] = field(default_factory=list)
    """`applied`, or the class of the error that AWS would have answered, one for each late call."""
    _waiting: list[Apply] = field(default_factory=list)
    _left: int = 0

    def apply(self) -> None:
        """Apply what is still on its way. Rules hold at this moment: a revision may be stale by now."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            try:
                one()
            except SluiceError as error:
                self.outcomes.append(type(error).__name__)
            else:
                self.outcomes.append("applied")

    def count_down(self) -> None:
        """Note that another call begins."""
        if self._waiting and self.after_calls is not None:
            self._left -= 1
            if self._left < 0:
                self.apply()

    async def strike(self, apply: Apply) -> Any:
        self._waiting.append(apply)
        self._left = self.after_calls or 0
        raise self.error


@dataclass
class _Rule:
    operation: str
    fault: Fault
    times: int | None
    when: When


class Faults:
    """The faults of one fake, oldest rule first; `operation` is a method name of a port, `*` any of them."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._late: list[Late] = []

    def refuse(self, operation: str, error: Exception, *, times: int | None = 1, when: When | None = None) -> None:
        """The next `times` calls (None: all) raise before they apply."""
        self._add(operation, Refuse(error), times, when)

    def lose_reply(
        self, operation: str, error: Exception | None = None, *, times: int | None = 1, when: When | None = None
    ) -> None:
        """The next `times` calls apply and then raise, TimedOut unless another error is given."""
        self._add(operation, LoseReply(error or _no_answer(operation)), times, when)

    def hang(
        self, operation: str, *, applied_first: bool = False, times: int | None = 1, when: When | None = None
    ) -> Hold:
        """The next `times` calls hang until the returned hold is released."""
        hold = Hold(applied_first)
        self._add(operation, hold, times, when)
        return hold

    def apply_later(
        self,
        operation: str,
        error: Exception | None = None,
        *,
        after_calls: int | None = None,
        times: int | None = 1,
        when: When | None = None,
    ) -> Late:
        """The next `times` calls raise (TimedOut) and take effect later, when the returned value says."""
        late = Late(error or _no_answer(operation), after_calls)
        self._late.append(late)
        self._add(operation, late, times, when)
        return late

    def clear(self) -> None:
        """Forget every rule; late calls that are under way stay so."""
        self._rules.clear()

    async def around(self, operation: str, arguments: Mapping[str, Any], apply: Callable[[], T]) -> T:
        """Run one call under the first rule that fits it."""
        for late in self._late:
            late.count_down()
        await asyncio.sleep(0)  # a real call always lets others run
        fault = self._take(operation, arguments)
        if fault is None:
            return apply()
        answer: T = await fault.strike(apply)
        return answer

    def _add(self, operation: str, fault: Fault, times: int | None, when: When | None) -> None:
        self._rules.append(_Rule(operation, fault, times, when or (lambda _: True)))

    def _take(self, operation: str, arguments: Mapping[str, Any]) -> Fault | None:
        for rule in self._rules:
            if rule.operation in (operation, "*") and rule.when(arguments):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self._rules.remove(rule)
                return rule.fault
        return None


def _no_answer(operation: str) -> TimedOut:
    return TimedOut(f"no answer to {operation} in time")
