"""Metric providers: one file answers queries in one language. A new file here is a new kind of check.

A plug-in module has `PLUGIN` with `Options` (a frozen model, every field with a description) and `value`. Bounds,
and asking for both versions, are the same for every provider (`orchestrator.domain.analysis.Query`). `cloudwatch` is no
plug-in: the comparison itself rests on its counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from orchestrator.domain.traffic import Frozen


@dataclass(frozen=True)
class MetricPorts:
    """All that a provider may use of the outside world; `environment` holds addresses and tokens by name."""

    http: httpx2.AsyncClient
    environment: Mapping[str, str]


class Answer(Frozen):
    """One number, or None where there is none: no series, or NaN. An infinite number is one."""

    value: float | None
    warnings: tuple[str, ...] = ()
    """Why the number may be incomplete: it is no evidence for a pass then."""
    infos: tuple[str, ...] = ()
    """What else the provider said beside the number."""


class MetricProvider(Protocol):
    """What a provider's `PLUGIN` fulfils."""

    Options: type[Frozen]

    async def value(self, options: Any, query: str, at: int, ports: MetricPorts) -> Answer:
        """Return the value of `query` at `at` (epoch seconds). `options` is an instance of `Options`.

        Raises SluiceError whenever the provider gave no answer; no error is ever taken for a number.
        """
        ...
