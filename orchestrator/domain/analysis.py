"""Checks, what they measure, and the verdict: one ordered scale, folded by `worst`."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

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

    An alarm that was red at the start and was overridden is judged on new transitions only.
    """

    kind: Literal["alarm"] = "alarm"
    names: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    on_insufficient_data: Literal["ignore", "hold", "fail"] = "ignore"


Check = Annotated[Compare | Limit | Alarms, Field(discriminator="kind")]


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
    """Invocations slower than a threshold, by threshold in milliseconds as text."""
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


class AlarmReading(Frozen):
    """A CloudWatch alarm's state. `since` is when it last really changed (StateTransitionedTimestamp)."""

    name: str
    state: Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
    since: float
    reason: str = ""
