"""Where things lie in the pictures of a page: traffic, steps in time, and a check's numbers on one scale. Pure."""

from datetime import datetime
from typing import NamedTuple

from orchestrator.domain.analysis import Measurement
from orchestrator.domain.journal import ReleaseState, StepState
from orchestrator.domain.release import Outcome
from orchestrator.figures import number

THINNEST = 1.5
"""Per cent of the width: a small share is drawn too, and so is what a large one leaves."""
HEADROOM = 1.15
"""Above the largest number, so that its bar does not touch the edge."""


class Traffic(NamedTuple):
    """The bar of one alias. Widths and places are per cent of the whole."""

    stable: str | None
    canary: str | None
    stable_share: float
    canary_share: float
    split: float
    """Where the canary's part begins."""
    observed: float | None
    """Where it would begin by the invocations that were measured."""
    told: str


class Leg(NamedTuple):
    """One step of the rail. `ended` is None while it lasts; both times are None for one that was never begun."""

    step: StepState
    began: datetime | None
    ended: datetime | None


class Scale(NamedTuple):
    """A check's numbers as places on one axis that begins at 0, in per cent of its length; None where there is none."""

    canary: float
    baseline: float | None
    limit: float | None
    told: str


def reading_of(state: ReleaseState) -> str:
    """Say what the weight rests on; somebody else may have moved the alias since."""
    if state.drifted or state.outcome is Outcome.FAILED:
        return "as Sluice last read the alias: it may serve something else by now"
    return "read back from the alias"


def traffic_of(state: ReleaseState) -> Traffic | None:
    """Return the split as it was last read back; None before any version is known."""
    if state.stable is None and state.canary is None:
        return None
    weight, seen = state.weight, state.observed_weight
    split = 100 - weight
    if 0 < weight < 100:
        split = min(max(split, THINNEST), 100 - THINNEST)
    shares = [f"v{state.stable} takes {number(100 - weight)} %"] if state.stable else []
    shares += [f"v{state.canary} takes {number(weight)} %"] if state.canary else []
    shares += [reading_of(state)]
    shares += [f"{number(seen)} % observed"] if seen is not None else []
    return Traffic(
        stable=state.stable,
        canary=state.canary,
        stable_share=100 - weight,
        canary_share=weight,
        split=split,
        observed=None if seen is None else 100 - seen,
        told=", ".join(shares),
    )


def rail_of(state: ReleaseState) -> tuple[Leg, ...]:
    """Return every step with its times, in order."""
    begins = [step.started_at for step in state.steps]
    ends = [next((b for b in begins[i + 1 :] if b is not None), state.ended_at) for i in range(len(begins))]
    return tuple(
        Leg(step, step.started_at, end if step.started_at else None)
        for step, end in zip(state.steps, ends, strict=True)
    )


def scale_of(m: Measurement) -> Scale | None:
    """Return the picture of a check; None where there is nothing to compare the canary's number with."""
    others = [v for v in (m.baseline, m.limit) if v is not None]
    if m.value is None or not others or min(m.value, *others) < 0 or not max(m.value, *others):
        return None
    longest = max(m.value, *others) * HEADROOM
    told = [f"canary {number(m.value)}{m.unit}"]
    told += [f"baseline {number(m.baseline)}{m.unit}"] if m.baseline is not None else []
    told += [f"limit {number(m.limit)}{m.unit}"] if m.limit is not None else []
    return Scale(
        canary=100 * m.value / longest,
        baseline=None if m.baseline is None else 100 * m.baseline / longest,
        limit=None if m.limit is None else 100 * m.limit / longest,
        told=", ".join(told),
    )
