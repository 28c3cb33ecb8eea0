"""The ordered steps of a release, fixed at submission with every duration, weight, check and gate resolved."""

from datetime import timedelta
from math import floor
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from orchestrator.domain.analysis import Check, Compare
from orchestrator.domain.comparison_weights import LONGEST_RAMP
from orchestrator.domain.traffic import Frozen, Percent


def hundredths(weight: float) -> float:
    """Round a weight (0-100) down to what is written to the alias: its read-back must agree, and nobody gets more.

    Raises ValueError where nothing is left.
    """
    rounded = floor(round(weight * 100, 6)) / 100
    if not rounded:
        raise ValueError(f"a weight of {weight} % is too small: the smallest is 0.01 %")
    return rounded


Weight = Annotated[Percent, Field(gt=0, lt=100), AfterValidator(hundredths)]
Positive = Annotated[timedelta, Field(gt=timedelta(0))]
NotNegative = Annotated[timedelta, Field(ge=timedelta(0))]


MAX_STEPS = 200
"""Steps of one plan: what a memo holds beside all else. Kept at the door, not by `Plan`: the plan of a release that is
under way must always be read."""


class Bake(Frozen):
    """A durable wait at one weight while samples accumulate and are judged.

    With `advance: on_time` the step ends after `duration` unless something speaks against it or there is too little
    data; with `on_evidence` it ends as soon as the comparison has proven the canary acceptable, not before `minimum`.
    """

    duration: NotNegative
    minimum: NotNegative = timedelta(0)
    max_hold: NotNegative = timedelta(minutes=30)
    """How long past `duration` a bake waits for enough data before the check's `on_inconclusive` applies."""
    advance: Literal["on_time", "on_evidence"] = "on_time"


class Shift(Frozen):
    """Send `weight` per cent to the canary, read it back, and bake."""

    kind: Literal["shift"] = "shift"
    weight: Weight
    bake: Bake


class Approval(Frozen):
    """Wait for a named person's approval of this release at this step."""

    kind: Literal["approval"] = "approval"
    who: tuple[str, ...] = ()
    """Whom to ask, for people to read; who may approve is decided by roles."""
    timeout: Positive = timedelta(hours=24)


class Gate(Frozen):
    """Ask the named gate until it is open; closed and unreachable are the same."""

    kind: Literal["gate"] = "gate"
    gate: "Plugin"
    timeout: Positive = timedelta(hours=24)
    interval: Positive = timedelta(seconds=10)


class Promote(Frozen):
    """Make the canary the new stable version in one write, read it back, and bake at 100 %."""

    kind: Literal["promote"] = "promote"
    bake: Bake


class Plugin(Frozen):
    """A plug-in's name, its kind (the file that implements it) and that file's own options, validated at submission."""

    name: str
    kind: str
    options: dict[str, Any] = Field(default_factory=dict)


Step = Annotated[Shift | Approval | Gate | Promote, Field(discriminator="kind")]


class Sampling(Frozen):
    """The clock of the metrics: what a period is, and how late its numbers may arrive.

    Lambda's metrics have one-minute resolution and arrive one to three minutes late
    (Source: AWS Lambda developer guide, "Types of metrics"; the lag is not documented).
    """

    period: Positive = timedelta(seconds=60)
    lag: NotNegative = timedelta(seconds=120)
    """How long after its end a period is taken as complete."""
    interval: Positive = timedelta(seconds=20)
    """Time between two looks."""


class Sizing(Frozen):
    """The first weights wait for the traffic that the alias has when the release starts.

    The plan's steps are then those of the busiest alias. `preflight` reads the traffic, `orchestrator.domain.sizing`
    makes the steps to measure, and these are performed; where the traffic cannot be read, the steps stay as they are.
    """

    window: Positive = timedelta(hours=1)
    """How far back the invocations of the alias are counted."""


class Limits(Frozen):
    """Every wait ends: nothing stays split for ever."""

    hold: Positive = timedelta(hours=24)
    """A pause, or a hold for lack of data, that lasts longer is rolled back."""
    drift: Positive = timedelta(hours=24)
    """A moved alias that nobody adopts or restores for so long ends the release as FAILED."""
    deadline: Positive = timedelta(hours=72)
    """The whole release; past it, roll back."""
    drain: NotNegative = timedelta(0)
    """After a rollback, how long it is counted what the canary still handles; the target stays held meanwhile."""


class Plan(Frozen):
    """Steps in order, with what is watched at each. Weights ascend, and the last step promotes."""

    strategy: str
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    checks: tuple[Check, ...] = (Compare(name="errors"),)
    probes: tuple[Plugin, ...] = ()
    sampling: Sampling = Sampling()
    limits: Limits = Limits()
    sizing: Sizing | None = None
    """How the first weights are found when the release starts; None where all of them are fixed."""

    @model_validator(mode="after")
    def _weights_ascend_to_a_promotion(self) -> Self:
        weights = [s.weight for s in self.steps if isinstance(s, Shift)]
        if weights != sorted(set(weights)):
            raise ValueError(f"weights must ascend, got {', '.join(f'{w:g}' for w in weights)}")
        if not isinstance(self.steps[-1], Promote) or sum(isinstance(s, Promote) for s in self.steps) != 1:
            raise ValueError("the last step, and no other, must promote the canary to 100 %")
        if self.sizing is not None and len(weights) < len(LONGEST_RAMP) - 1:
            raise ValueError("a plan with sizing needs the shifts of the busiest alias: 1, 5, 10 and 50 %")
        names = [c.name for c in self.checks]
        if len(names) != len(set(names)):
            raise ValueError(f"every check needs a name of its own, got {', '.join(names)}")
        return self

    @property
    def splits(self) -> bool:
        """Whether any step serves both versions at once; such a plan cannot change role or dead-letter queue."""
        return any(isinstance(s, Shift) for s in self.steps)

    def weight_after(self, step: int) -> float:
        """Percentage of traffic that the canary takes once step `step` (from 0) has been performed."""
        done = self.steps[: step + 1]
        if any(isinstance(s, Promote) for s in done):
            return 100.0
        return max((s.weight for s in done if isinstance(s, Shift)), default=0.0)

    def next_weight(self, step: int) -> float | None:
        """Weight of the first step after `step` that raises it; 100 for the promotion, None past it."""
        for s in self.steps[step + 1 :]:
            if isinstance(s, Shift):
                return s.weight
            if isinstance(s, Promote):
                return 100.0
        return None


Gate.model_rebuild()
