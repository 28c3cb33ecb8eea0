"""What the verdict reads and says: counts of both versions per period in, a judgement with its evidence out."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestrator.domain.significance import Counts

COUNT_LIMIT = 10**15
"""Largest count of one period; beyond it a float no longer holds every whole number."""


class InvalidPeriods(ValueError):
    """The counts cannot be judged; the message names the value and the limit."""


class Decision(StrEnum):
    """What the evidence says; what to do with INCONCLUSIVE is the caller's policy."""

    ROLLBACK = "rollback"
    """Worse than the margins allow, at confidence 1 - alpha. Final: the caller latches it."""
    ADVANCE = "advance"
    """Proven: the next step costs at most the risk budget, at confidence 1 - beta. Never from time alone."""
    WAIT = "wait"
    """Neither yet."""
    INCONCLUSIVE = "inconclusive"
    """Neither, and the longest time in a step is over."""


class Arm(BaseModel):
    """Counts of one version in one period (or over several).

    Raises:
        pydantic.ValidationError: a ValueError; a count is negative, fractional, not a number or above its limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    invocations: int = Field(ge=0, le=COUNT_LIMIT)
    """Requests served."""
    errors: int = Field(ge=0, le=COUNT_LIMIT)
    """Of these, failed."""
    slow: int | None = Field(default=None, ge=0, le=COUNT_LIMIT)
    """Of these, slower than a threshold frozen before the release began; ``None`` when not counted."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        for name, part in (("errors", self.errors), ("slow", self.slow or 0)):
            if part > self.invocations:
                raise ValueError(f"{name} {part} is above invocations {self.invocations}")
        return self


class Period(BaseModel):
    """Both versions over one closed period in which the weight did not change.

    The length is the caller's: 60 s with CloudWatch, 1 to 5 s with a faster feed. Leave out the period in which the
    weight changed: its requests were routed by two weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int = Field(ge=0, le=COUNT_LIMIT)
    """First second, since the Unix epoch."""
    seconds: int = Field(ge=1, le=86_400)
    """Length in seconds."""
    weight: float = Field(ge=0, le=100, allow_inf_nan=False)
    """Canary's percentage of the alias's traffic while it lasted."""
    since_weight_change: int = Field(ge=0, le=COUNT_LIMIT)
    """Whole periods between the weight change and this one; 0 is the first after it."""
    canary: Arm | None = None
    """Counts of the canary version; ``None`` when it has no data."""
    baseline: Arm | None = None
    """Counts of the stable version; ``None`` when it has no data."""
    complete: bool = True
    """Whether the metric lag has passed. An incomplete period can accuse the canary; it cannot clear it."""

    @property
    def end(self) -> int:
        """First second after the period."""
        return self.start + self.seconds

    @property
    def errors(self) -> Counts:
        """Requests and errors; an arm without data served none."""
        canary, baseline = self.canary or _NOTHING, self.baseline or _NOTHING
        return Counts(canary.invocations, canary.errors, baseline.invocations, baseline.errors)

    @property
    def latency(self) -> Counts | None:
        """Requests and slow requests; ``None`` unless both versions were counted."""
        canary, baseline = self.canary, self.baseline
        if canary is None or baseline is None or canary.slow is None or baseline.slow is None:
            return None
        return Counts(canary.invocations, canary.slow, baseline.invocations, baseline.slow)


_NOTHING = Arm(invocations=0, errors=0)


class StepView(BaseModel):
    """Where the release stands when it is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(ge=0)
    """Position in the plan, from 0."""
    weight: float = Field(ge=0, le=100, allow_inf_nan=False)
    """Canary's percentage now."""
    next_weight: float | None = Field(default=None, ge=0, le=100, allow_inf_nan=False)
    """Percentage after an advance; ``None`` for the last step, judged as if 100 followed."""
    periods_visible: int = Field(ge=0)
    """Complete periods at the current weight whose metric lag has passed."""
    seconds_in_step: float = Field(ge=0, allow_inf_nan=False)
    """Seconds since the weight was confirmed."""
    limit_seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Seconds in a step after which waiting becomes INCONCLUSIVE; ``None`` for no limit."""


class Samples(BaseModel):
    """How much was compared at the current weight, in complete periods."""

    model_config = ConfigDict(frozen=True)

    periods: int
    """Periods in which both versions served requests."""
    seconds: int
    """Their total length."""
    canary: int
    """Requests on the canary version in them."""
    baseline: int
    """Requests on the stable version in them."""


class Judgement(BaseModel):
    """The verdict with all that led to it. Numbers are finite, so it survives JSON unchanged."""

    model_config = ConfigDict(frozen=True)

    decision: Decision
    sentence: str
    """The verdict in one line for a person."""
    e_value: float
    """Largest combined evidence against the canary so far, at least 1, capped at 1e300. Rolls back at 1/alpha."""
    p_value: float
    """1 / ``e_value``: how often a release within the margins would ever look this bad. In (0, 1]."""
    e_current: float
    """Combined evidence now; may fall again. Suspicious from ``hold_at``."""
    e_errors: float
    """Evidence from errors alone, now."""
    e_latency: float
    """Evidence from slow requests alone, now; 1 without slow counts."""
    e_accept: float
    """Evidence, at the current weight, that the next step costs at most the risk budget. Proves it at 1/beta."""
    accept_margin: float
    """Excess error rate over ``accept_rho`` times the baseline that the budget allows in the next step. (0, 0.5]."""
    accept_bound: float
    """Upper bound of that excess at confidence 1 - beta; ADVANCE needs it at or below ``accept_margin``. In [0, 1]."""
    excess_low: float
    """Lower bound of canary minus baseline error rate over the release, at confidence 1 - alpha at any time. [0, 1]."""
    excess_high: float
    """Upper bound of the same at confidence 1 - beta. Below ``excess_low`` only if the rates changed over time."""
    canary: Arm
    """Counts of the canary version over all compared periods of the release."""
    baseline: Arm
    """Counts of the stable version over the same periods."""
    samples: Samples
    evidence: bool
    """Whether the canary served enough at the current weight that its total failure would have been proven."""
    suspicious: bool
    """Whether ``e_current`` has reached ``hold_at``."""
    hold: bool
    """Whether the data themselves forbid an advance (requests not split as the weight says)."""
    warnings: tuple[str, ...]
    """What a person should know about the data; empty when all is well."""


def read_periods(rows: Iterable[Mapping[str, Any]]) -> tuple[Period, ...]:
    """Build periods from plain data, such as JSON.

    Raises:
        InvalidPeriods: a value is refused; the message names its place, the value and the limit.
    """
    periods = []
    for number, row in enumerate(rows):
        try:
            periods.append(Period.model_validate(row))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise InvalidPeriods(f"period {number}: {place}: {first['msg']} (got {first['input']!r})") from None
    return tuple(periods)
