"""What a release tolerates, and how sure the verdict must be: every setting of the comparison with its reason."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ComparisonSettings(BaseModel):
    """Settings of ``decide``. All shares and rates are fractions of 1, all times seconds, unless said otherwise.

    **Source:** defaults were measured; see ``docs/verdict-benchmark.md`` and ``docs/explanation/verdict.md``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    alpha: float = Field(default=0.01, gt=0, le=0.5)
    """Largest probability, over the whole release and any number of looks, of rolling back a release that is within the
    margins. In (0, 0.5]. Default 1 %: one needless rollback in a hundred good releases at worst, measured far less.
    Several enforced comparisons in one plan get equal parts of it each."""

    beta: float = Field(default=0.05, gt=0, le=0.5)
    """Largest probability, per step, of advancing on proof a release that is worse than the acceptance margin. In
    (0, 0.5]. Default 5 %: a wrong advance is still watched, so it may be likelier than a wrong rollback."""

    rho: float = Field(default=1.1, ge=1, le=100)
    """Tolerated ratio of error rates, canary to baseline. At least 1: below it, random routing no longer guarantees
    alpha. Default 1.1: ten percent more errors than before is not worth waking anyone."""

    delta: float = Field(default=0.0005, ge=0, lt=1)
    """Tolerated excess of the error rate on top of ``rho``. In [0, 1). Default 0.05 percentage points: below what a
    typical availability objective of 99.9 % can notice."""

    slow_rho: float = Field(default=1.25, ge=1, le=100)
    """Tolerated ratio of the shares of slow requests. At least 1. Default 1.25: they move more than errors."""

    slow_delta: float = Field(default=0.02, ge=0, lt=1)
    """Tolerated excess of the share of slow requests. In [0, 1). Default 2 percentage points, with the slow threshold
    at the baseline's 90th percentile."""

    latency_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of alpha spent on latency, the rest on errors. In [0, 1); 0 ignores slow counts. Without slow counts in the
    data errors keep all of it. Default 0.2: errors are the graver fault and deserve the earlier alarm."""

    cluster: int = Field(default=1, ge=1, le=1000)
    """Largest number of failures with one cause that stay on one version (a poisoned sandbox, retries that stick).
    Default 1: Lambda draws the version anew for each invocation. Source: AWS, *Lambda alias routing configuration*."""

    first_mass: float = Field(default=0.7, gt=0, le=1)
    """Prior probability that a regression is there from the first period. In (0, 1]. Default 0.7: most are; the rest
    keeps the alarm alert to those that begin later, at a cost of 0.36 nat."""

    warmup_periods: int = Field(default=1, ge=0, le=1000)
    """Periods after each weight change ignored for latency only. Default 1: cold starts make a good canary slow."""

    accept_rho: float = Field(default=1.5, ge=1, le=100)
    """Ratio of error rates that the proof for an advance must refute. At least ``rho``: between the two the release is
    neither bad enough to go back nor good enough to be proven. Default 1.5."""

    accept_floor: float = Field(default=0.0005, gt=0, le=0.5)
    """Smallest excess of the error rate that the proof must refute. In (0, 0.5]. Default 0.05 percentage points: less
    cannot be proven in reasonable time."""

    risk_budget: float = Field(default=25, gt=0, le=1e9)
    """Extra failed requests that the next step may cost before it would be caught. Default 25, which reproduces steps
    of about five minutes at any traffic."""

    reaction_seconds: float = Field(default=300, gt=0, le=86_400)
    """Time in which a regression of the next step would be seen and undone: metric lag plus decision. Default 300."""

    hold_at: float = Field(default=10, ge=1, le=1e9)
    """Evidence (current E) from which the release is suspicious and does not advance. At least 1. Default 10: by Ville
    at most one good release in ten is ever held by it."""

    min_periods: int = Field(default=1, ge=1, le=1000)
    """Complete periods that must be visible at the current weight before an advance. Default 1."""

    split_tolerance: float = Field(default=0.25, ge=0, le=10)
    """Deviation of the odds of reaching the canary from the weight that is still taken as routed by it. Default 0.25
    (8.2 % to 12.2 % at a weight of 10 %): large samples make harmless differences significant."""

    @property
    def shares(self) -> Mapping[str, float]:
        """Share of alpha by stream; sums to 1. Averages of e-processes are e-processes under any dependence."""
        return {"errors": 1 - self.latency_share, "latency": self.latency_share}

    @model_validator(mode="after")
    def _margins_do_not_overlap(self) -> Self:
        if self.accept_rho < self.rho:
            raise ValueError(f"accept_rho {self.accept_rho:g} is below rho {self.rho:g}: a release could be both")
        if self.hold_at > 1 / self.alpha:
            raise ValueError(f"hold_at {self.hold_at:g} is above 1/alpha {1 / self.alpha:g}: it would never hold")
        return self
