"""Equal steps at equal intervals."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from orchestrator.domain.plan import Bake, Shift, Step, hundredths
from orchestrator.strategies import (
    Approvals,
    Duration,
    PositiveDuration,
    SpecModel,
    Strategy,
    approvals_fit,
    fault,
    promotion,
)


class Spec(SpecModel):
    """Options of `kind: linear`."""

    step: Annotated[float, Field(ge=1, lt=100)] = 10
    """Per cent by which each shift raises the traffic, from 1 to below 100."""
    every: PositiveDuration = timedelta(minutes=10)
    """How long to stay at each weight."""
    final_bake: Duration = timedelta(minutes=10)
    """How long to watch at 100 % before the release ends."""
    advance: Literal["on_time", "on_evidence"] = "on_time"
    """`on_time`: after `every`; `on_evidence`: as soon as the comparison has proven the new version acceptable."""
    minimum: Duration = timedelta(0)
    """With `on_evidence`: the least time at each weight."""
    max_hold: Duration = timedelta(minutes=30)
    """How much longer than `every` a step waits for enough data before `on_inconclusive` applies."""
    approvals: Approvals = ()
    """Weights before which a person must approve; 100 is the promotion."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.minimum > self.every:
            raise fault("`every` is shorter than `minimum`", "minimum")
        approvals_fit(self.approvals, _weights(self.step))
        return self


def _weights(step: float) -> tuple[float, ...]:
    # Multiplied, not added up, so that ten times 0.1 reaches 1 exactly.
    count = int(100 / step)
    weights = (hundredths(i * step) for i in range(1, count + 1))
    return tuple(w for w in weights if w < 100)


def plan(spec: Spec) -> tuple[Step, ...]:
    """Return a shift per `step` below 100 %, each after its approval if one is asked, then the promotion."""
    asked = {a.before: a.step() for a in spec.approvals}
    bake = Bake(duration=spec.every, minimum=spec.minimum, max_hold=spec.max_hold, advance=spec.advance)
    steps: list[Step] = []
    for weight in _weights(spec.step):
        if weight in asked:
            steps.append(asked[weight])
        steps.append(Shift(weight=weight, bake=bake))
    if 100 in asked:
        steps.append(asked[100])
    return (*steps, promotion(spec.final_bake, spec.max_hold))


PLUGIN = Strategy(Spec, plan)
