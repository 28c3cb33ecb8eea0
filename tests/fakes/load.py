"""Callers of an alias: metrics that follow the weights in force, so that a release is judged on what it routed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.domain.traffic import Routing
from tests.fakes.function import FakeFunction
from tests.fakes.metrics import Served


@dataclass(frozen=True)
class Profile:
    """How a version behaves under load."""

    error_share: float = 0
    """Part of invocations that fail, 0-1."""
    duration: float = 50
    """Milliseconds of an ordinary invocation."""
    slow_share: float = 0
    """Part of invocations that take `slow_duration`, 0-1."""
    slow_duration: float = 1000
    silent: bool = False
    """Whether nothing is ever measured: no invocations reach it."""


class Load:
    """`per_period` invocations of the alias in every period of `period` seconds, split by the routing at its start.

    Shares are rounded to whole invocations, so equal runs give equal numbers.
    """

    def __init__(
        self,
        function: FakeFunction,
        alias: str,
        *,
        per_period: int,
        period: int = 60,
        profiles: Mapping[str, Profile] | None = None,
    ) -> None:
        self.per_period = per_period
        self.period = period
        self.profiles = dict(profiles or {})
        """By version; others behave like `Profile()`. May be changed while the load runs."""
        self._function = function
        self._alias = alias

    def __call__(self, start: int, end: int) -> Iterable[Served]:
        first = -(-start // self.period) * self.period
        for at in range(first, end, self.period):
            routing = self._routing(at)
            if routing is not None:
                for version in sorted(routing.versions):
                    yield from self._served(version, at, round(self.per_period * routing.share_of(version) / 100))

    def _routing(self, at: int) -> Routing | None:
        found = None
        for since, routing in self._function.aliases[self._alias].history:
            if since.timestamp() > at:
                break
            found = routing
        return found

    def _served(self, version: str, at: int, count: int) -> Iterable[Served]:
        profile = self.profiles.get(version, Profile())
        if not count or profile.silent:
            return
        slow = round(count * profile.slow_share)
        yield Served(
            function=self._function.name,
            resource=f"{self._function.name}:{self._alias}",
            version=version,
            start=at,
            invocations=count,
            errors=round(count * profile.error_share),
            durations={profile.duration: count - slow, profile.slow_duration: slow},
        )
