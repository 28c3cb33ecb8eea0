"""A small share first, then larger ones: any ascending weights, each with a bake of its own."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchestrator.domain.plan import Bake, Shift, Step
from orchestrator.strategies import (
    Approvals,
    Duration,
    SpecModel,
    Strategy,
    WrittenWeight,
    approvals_fit,
    check_weight,
    fault,
    promotion,
)


class Weighted(SpecModel):
    """One weight, with a bake of its own."""

    weight: WrittenWeight
    """Per cent of traffic to the new version, above 0 and below 100."""
    bake: Duration | None = None
    """How long to stay here; without it, the strategy's `bake`."""
    minimum: Duration | None = None
    """With `on_evidence`: the least time here; without it, the strategy's `minimum`."""


def _number_is_weight(value: object) -> object:
    if isinstance(value, (dict, Weighted)):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fault("must be a number (per cent of traffic), or a mapping with `weight` and `bake`")
    return {"weight": check_weight(value)}


def _ascending(weights: tuple[Weighted, ...]) -> tuple[Weighted, ...]:
    for i, (before, after) in enumerate(pairwise(weights), start=1):
        if after.weight <= before.weight:
            raise fault(f"weights must ascend, but {after.weight:g} comes after {before.weight:g}", i)
    return weights


_Written = Annotated[
    Weighted,
    BeforeValidator(_number_is_weight, json_schema_input_type=WrittenWeight | Weighted),
]


class Spec(SpecModel):
    """Options of `kind: canary`."""

    weights: Annotated[tuple[_Written, ...], Field(min_length=1), AfterValidator(_ascending)] = (
        Weighted(weight=10),
        Weighted(weight=50),
    )
    """Ascending shares of traffic in per cent, e.g. `[10, 50]`, or `{weight, bake}` each."""
    bake: Duration = timedelta(minutes=10)
    """How long to stay at each weight."""
    final_bake: Duration = timedelta(minutes=10)
    """How long to watch at 100 % before the release ends."""
    advance: Literal["on_time", "on_evidence"] = "on_time"
    """`on_time`: after the bake; `on_evidence`: as soon as the comparison has proven the new version acceptable."""
    minimum: Duration = timedelta(0)
    """With `on_evidence`: the least time at each weight."""
    max_hold: Duration = timedelta(minutes=30)
    """How much longer than its bake a step waits for enough data before `on_inconclusive` applies."""
    approvals: Approvals = ()
    """Weights before which a person must approve; 100 is the promotion."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        for i, written in enumerate(self.weights):
            bake = self.bake if written.bake is None else written.bake
            minimum = self.minimum if written.minimum is None else written.minimum
            if minimum > bake:
                own = written.bake is not None or written.minimum is not None
                at = ("weights", i) if own else ("minimum",)
                raise fault(f"the bake at {written.weight:g} % is shorter than `minimum`", *at)
        approvals_fit(self.approvals, tuple(w.weight for w in self.weights))
        return self


def plan(spec: Spec) -> tuple[Step, ...]:
    """Return a shift per weight, each after its approval if one is asked, then the promotion."""
    asked = {a.before: a.step() for a in spec.approvals}
    steps: list[Step] = []
    for written in spec.weights:
        if written.weight in asked:
            steps.append(asked[written.weight])
        bake = Bake(
            duration=spec.bake if written.bake is None else written.bake,
            minimum=spec.minimum if written.minimum is None else written.minimum,
            max_hold=spec.max_hold,
            advance=spec.advance,
        )
        steps.append(Shift(weight=written.weight, bake=bake))
    if 100 in asked:
        steps.append(asked[100])
    return (*steps, promotion(spec.final_bake, spec.max_hold))


PLUGIN = Strategy(Spec, plan)
