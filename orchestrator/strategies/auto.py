"""Weights by traffic, steps by proof: as few requests at risk as the evidence needs, and no fewer."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from orchestrator.domain.comparison_weights import LONGEST_RAMP
from orchestrator.domain.plan import Bake, Shift, Sizing, Step
from orchestrator.domain.sizing import ramp
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

SURE_WEIGHTS = (10.0, 50.0)
"""Weights that every ramp has, whatever the traffic."""


class Spec(SpecModel):
    """Options of `kind: auto`.

    **Source:** the defaults of `minimum` and `maximum` are those with which the verdict was measured, see
    `docs/verdict-benchmark.md`.
    """

    requests_per_minute: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Traffic of the alias, to fix the weights at submission; without it, that of the hour before the release."""
    minimum: Duration = timedelta(minutes=1)
    """The least time at each weight."""
    maximum: PositiveDuration = timedelta(minutes=30)
    """The most time at each weight; unproven by then, the check's `on_inconclusive` applies."""
    final_bake: Duration = timedelta(minutes=10)
    """How long to watch at 100 % before the release ends."""
    max_hold: Duration = timedelta(minutes=30)
    """How much longer than the final bake to wait for enough data before `on_inconclusive` applies."""
    approvals: Approvals = ()
    """Weights before which a person must approve: 10, 50, or 100 for the promotion."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.minimum > self.maximum:
            raise fault("`maximum` is shorter than `minimum`", "maximum")
        approvals_fit(self.approvals, SURE_WEIGHTS)
        return self


def plan(spec: Spec) -> tuple[Step, ...]:
    """Return a shift per weight, then the promotion: for the traffic given, else for the busiest alias there is."""
    asked = {a.before: a.step() for a in spec.approvals}
    # the maximum is the end of the wait: nothing comes on top of it
    bake = Bake(duration=spec.maximum, minimum=spec.minimum, max_hold=timedelta(0), advance="on_evidence")
    steps: list[Step] = []
    for weight in LONGEST_RAMP[:-1] if spec.requests_per_minute is None else ramp(spec.requests_per_minute):
        if weight in asked:
            steps.append(asked[weight])
        steps.append(Shift(weight=weight, bake=bake))
    if 100 in asked:
        steps.append(asked[100])
    return (*steps, promotion(spec.final_bake, spec.max_hold))


def sizing(spec: Spec) -> Sizing | None:
    """Return how the weights are found when the release starts; None where the traffic is given."""
    return Sizing() if spec.requests_per_minute is None else None


PLUGIN = Strategy(Spec, plan, sizing)
