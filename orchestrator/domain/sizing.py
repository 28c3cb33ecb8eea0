"""Weights made to measure: the steps of a plan with `sizing`, once the traffic of the alias is known. Pure."""

from collections.abc import Sequence

from orchestrator.domain.comparison_weights import auto_weights
from orchestrator.domain.plan import Promote, Shift, Step


def ramp(requests_per_minute: float) -> tuple[float, ...]:
    """Return the weights in per cent before the promotion, two to four, rising; the last two are 10 and 50.

    The first gives the canary about 30 requests per minute, within 1 and 10 %. No traffic gives (10, 50).

    Raises:
        ValueError: the rate is negative or not finite.
    """
    return auto_weights(requests_per_minute / 60)[:-1]


def sized(steps: Sequence[Step], requests_per_minute: float) -> tuple[Step, ...]:
    """Return the steps for an alias with that traffic; `steps` are those of the busiest one.

    The first shifts are left out as far as the ramp is shorter, and the others take its weights. Approvals and gates
    before a shift that is left out are asked before the next one: what guards a small weight guards a larger one too.

    Raises:
        ValueError: the rate is negative or not finite, or the plan has fewer shifts than the ramp.
    """
    weights = list(ramp(requests_per_minute))
    surplus = sum(isinstance(s, Shift) for s in steps) - len(weights)
    if surplus < 0:
        raise ValueError(f"a plan with sizing needs {len(weights)} shifts, and has {len(weights) + surplus}")
    result: list[Step] = []
    guards: list[Step] = []
    for step in steps:
        if isinstance(step, Shift) and surplus:
            surplus -= 1
            continue
        if isinstance(step, Shift):
            result += [*guards, step.model_copy(update={"weight": weights.pop(0)})]
            guards = []
        elif isinstance(step, Promote):
            result += [*guards, step]
        elif step not in guards:
            guards.append(step)
    return tuple(result)
