"""Questions to metric providers: what a check's queries say of both versions at one moment."""

import asyncio
import re

from pydantic import ValidationError

from activities.metrics import Answer, MetricPorts, MetricProvider
from orchestrator.domain.analysis import PLACEHOLDER, Query, QueryReading
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.release import Target
from orchestrator.registry import Registry

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
"""What is filled in means itself in every query language: no quote, escape or operator is among it."""


class Querying:
    """Providers from `registry` (the package `activities.metrics`), asked through `ports`."""

    def __init__(self, registry: Registry, ports: MetricPorts) -> None:
        self._registry = registry
        self._ports = ports

    async def read(self, check: Query, target: Target, *, canary: str, stable: str, at: int) -> QueryReading:
        """Ask all queries of the check at once, for epoch second `at`. Raises SluiceError when any has no answer."""
        provider: MetricProvider = self._registry[check.provider]
        options = _options(provider, check)
        names = target.model_dump() | {"version": canary, "stable": stable}

        async def ask(text: str | None) -> Answer:
            if text is None:
                return Answer(value=None)
            return await provider.value(options, filled(text, names), at, self._ports)

        value, baseline, samples = await asyncio.gather(*map(ask, _texts(check)))
        answers = (value, baseline, samples)
        return QueryReading(
            at=at,
            value=value.value,
            baseline=baseline.value,
            samples=samples.value,
            query=filled(check.query, names),
            warnings=tuple(dict.fromkeys(w for a in answers for w in a.warnings)),
            infos=tuple(dict.fromkeys(i for a in answers for i in a.infos)),
        )


def filled(text: str, names: dict[str, str]) -> str:
    """Return the query with its placeholders filled in. Raises InvalidSpec for a value that could change its sense."""

    def value(found: re.Match[str]) -> str:
        known = names.get(found[1], "")
        if not _PLAIN.fullmatch(known):
            raise InvalidSpec(f"`{found[0]}` cannot be filled in: {known!r} is not made of letters, digits, - and _")
        return known

    return PLACEHOLDER.sub(value, text)


def _texts(check: Query) -> tuple[str | None, str | None, str | None]:
    return check.query, check.baseline_query, check.samples_query


def _options(provider: MetricProvider, check: Query) -> object:
    try:
        return provider.Options.model_validate(check.options)
    except ValidationError as error:
        raise InvalidSpec(f"options of check {check.name} ({check.provider}) are wrong: {error}") from error
