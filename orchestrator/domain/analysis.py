"""Checks, what they measure, and the verdict: one ordered scale, folded by `worst`."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from orchestrator.domain.comparison import ComparisonSettings
from orchestrator.domain.traffic import Frozen


class Verdict(StrEnum):
    """What one check says of one window. No data is never PASS."""

    PASS = "PASS"
    INCONCLUSIVE = "INCONCLUSIVE"
    """Too little data, or data that speaks for neither side."""
    ERROR = "ERROR"
    """The numbers could not be read."""
    FAIL = "FAIL"
    """The numbers are bad."""


_ORDER = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.FAIL)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict; INCONCLUSIVE where there is none, since nothing was measured."""
    return max(verdicts, key=_ORDER.index, default=Verdict.INCONCLUSIVE)


class _CheckBase(Frozen):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    on_failure: Literal["rollback", "pause", "notify"] = "rollback"
    on_inconclusive: Literal["hold", "advance", "rollback"] = "hold"
    """What happens when a bake has waited its `max_hold` and this check still cannot tell."""
    mode: Literal["enforce", "observe"] = "enforce"
    """`observe` judges and shows, and never acts."""


class Compare(_CheckBase):
    """Canary against stable in the same periods, by the always-valid test of `orchestrator.domain.comparison`."""

    kind: Literal["compare"] = "compare"
    min_samples: Annotated[int, Field(ge=1)] = 30
    """Canary invocations in complete periods below which the check is inconclusive."""
    slow_above: Annotated[float, Field(gt=0)] | None = None
    """An invocation that takes longer than this many milliseconds is slow, and slow ones are compared too; None
    freezes the stable version's p90 of the last hour when the release starts."""
    latency: bool = True
    """Whether slow invocations are compared at all."""
    slow_from: Literal["counts", "percentiles"] = "counts"
    """`counts` asks CloudWatch how many were slow (`TC`), which keeps the guarantee exact; `percentiles` interpolates
    it from p50, p75, p90, p95 and p99, for where counts by version are not answered."""
    settings: ComparisonSettings = ComparisonSettings()


Metric = Literal[
    "error_rate", "slow_share", "duration_average", "duration_p50", "duration_p90", "duration_p95", "duration_p99"
]


class Limit(_CheckBase):
    """A number of the canary that must stay at or below `maximum`.

    `error_rate` and `slow_share` are percentages (0-100) of the canary's invocations since the step's weight was
    confirmed; `slow_share` counts those above `slower_than` milliseconds. Durations are milliseconds: the mean over
    periods, weighted by invocations.
    """

    kind: Literal["limit"] = "limit"
    metric: Metric
    maximum: Annotated[float, Field(ge=0)]
    min_samples: Annotated[int, Field(ge=1)] = 50
    slower_than: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _slow_needs_its_threshold(self) -> Self:
        if (self.metric == "slow_share") != (self.slower_than is not None):
            raise ValueError("`slower_than` (milliseconds) goes with metric slow_share, and only with it")
        return self

    @property
    def unit(self) -> str:
        """Unit of the value, as printed behind it."""
        return " ms" if self.metric.startswith("duration") else " %"


class Alarms(_CheckBase):
    """CloudWatch alarms by name, composite ones included.

    An alarm that was red at the start and was overridden is judged on new transitions only. One in INSUFFICIENT_DATA
    is INCONCLUSIVE (`hold`) unless the check says otherwise: an alarm that treats missing data as good is OK by itself.
    """

    kind: Literal["alarm"] = "alarm"
    names: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    on_insufficient_data: Literal["ignore", "hold", "fail"] = "hold"


PLACEHOLDER = re.compile(r"\{\{\s*(\w*)\s*\}\}")
PLACEHOLDERS = ("function", "alias", "version", "stable", "account", "region")
"""What a query may name: the canary is `version`. Their values are made of letters, digits, `-` and `_` alone."""


def _names_what_exists(text: str) -> str:
    for name in PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            raise ValueError(f"there is no `{{{{{name}}}}}` to fill in; there is {', '.join(PLACEHOLDERS)}")
    return text


QueryText = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_names_what_exists)]
"""A query in the provider's own language, with `{{placeholders}}`."""


class Query(_CheckBase):
    """A number that a metric provider gives, which must stay within `minimum` and `maximum` (both included).

    It is asked for the newest complete period. No answer, and an answer that is no number, are no evidence.
    """

    kind: Literal["query"] = "query"
    provider: str
    """The metric provider: a file in `activities/metrics`, and the `kind` of the check in a release file."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The provider's own options, validated at submission."""
    query: QueryText
    """What gives the canary's number."""
    baseline_query: QueryText | None = None
    """What gives the stable version's number: where that is out of bounds too, the environment is to blame."""
    samples_query: QueryText | None = None
    """What gives the number of invocations behind it."""
    minimum: float | None = None
    """Below it the check fails."""
    maximum: float | None = None
    """Above it the check fails."""
    min_samples: Annotated[float, Field(gt=0)] | None = None
    """Below it, by `samples_query`, the check is inconclusive."""
    unit: Annotated[str, Field(max_length=16)] = ""
    """Printed behind the number, e.g. ` ms`."""

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.minimum is None and self.maximum is None:
            raise ValueError("give `minimum`, `maximum` or both: without a bound nothing could fail")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"`minimum` {self.minimum:g} is above `maximum` {self.maximum:g}")
        if self.min_samples is not None and self.samples_query is None:
            raise ValueError("`min_samples` needs a `samples_query` that counts them")
        return self


Check = Annotated[Compare | Limit | Alarms | Query, Field(discriminator="kind")]


class Measurement(Frozen):
    """One check applied to one window, with everything that explains its verdict."""

    check: str
    kind: str
    verdict: Verdict
    sentence: str
    on_failure: Literal["rollback", "pause", "notify"] = "rollback"
    on_inconclusive: Literal["hold", "advance", "rollback"] = "hold"
    mode: Literal["enforce", "observe"] = "enforce"
    value: float | None = None
    """Finite, as JSON needs it: an infinite number is None here, and told in the sentence."""
    baseline: float | None = None
    limit: float | None = None
    unit: str = ""
    samples: int = 0
    baseline_samples: int = 0
    window_start: int | None = None
    """Seconds since the epoch, inclusive."""
    window_end: int | None = None
    """Seconds since the epoch, exclusive."""
    proven: bool = False
    """A comparison that has proven the canary acceptable for the next weight."""
    query: str = ""


class ArmReading(Frozen):
    """One version's numbers in one period. Absent invocations are no reading at all, never a zero."""

    invocations: int
    errors: int = 0
    slow: dict[str, int] = Field(default_factory=dict)
    """Invocations slower than a threshold, by the threshold's name; one that was not counted is absent."""
    durations: dict[str, float] = Field(default_factory=dict)
    """Milliseconds by statistic: average, p50, p90, p95, p99."""


class Observation(Frozen):
    """Both versions in one closed period."""

    start: int
    """Seconds since the epoch; the period is [start, start + seconds)."""
    seconds: int
    weight: float
    """Canary weight in force during the whole period."""
    step: int
    since_change: int
    """0 for the first whole period after a weight change."""
    complete: bool
    """Whether every invocation of the period must have ended and been reported by now."""
    canary: ArmReading | None = None
    baseline: ArmReading | None = None


class Window(Frozen):
    """A span in which one weight was in force, read back. `end` is None while it lasts."""

    step: int
    weight: float
    start: float
    end: float | None = None


class QueryReading(Frozen):
    """What a metric provider answered. A number that is None was not there, or was NaN: no evidence.

    An infinite number is above, or below, every bound. It stays within the look: JSON has no infinity.
    """

    at: int
    """Epoch seconds for which it was asked: the end of a complete period."""
    value: float | None
    baseline: float | None = None
    samples: float | None = None
    query: str = ""
    """As it was asked for the canary."""
    warnings: tuple[str, ...] = ()
    """Why the numbers may be incomplete: they are no evidence for a pass then."""
    infos: tuple[str, ...] = ()
    """What else the provider said beside the numbers."""


class AlarmReading(Frozen):
    """A CloudWatch alarm's state. `since` is when it last really changed (StateTransitionedTimestamp)."""

    name: str
    state: Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
    since: float
    reason: str = ""
