"""First weight and ramp of strategy ``auto``: as few requests at risk as the evidence needs, and no fewer."""

from math import ceil, isfinite

FIRST_STEP_INVOCATIONS = 30.0
"""Canary requests per minute that the first weight aims at: a total failure is proven within the first of them."""

LOWEST_WEIGHT = 1.0
HIGHEST_FIRST_WEIGHT = 10.0
FACTOR = 5.0


def first_weight(requests_per_minute: float) -> float:
    """Return the percentage of traffic that gives the canary about 30 requests per minute, in [1, 10].

    Rounded up to a tenth of a percent, since fewer requests would prove nothing in time. No traffic gives 10.

    Raises:
        ValueError: the rate is negative or not finite.
    """
    if not isfinite(requests_per_minute) or requests_per_minute < 0:
        raise ValueError(f"requests_per_minute must be finite and at least 0, not {requests_per_minute}")
    if requests_per_minute * HIGHEST_FIRST_WEIGHT / 100 <= FIRST_STEP_INVOCATIONS:
        return HIGHEST_FIRST_WEIGHT
    exact = 100 * FIRST_STEP_INVOCATIONS / requests_per_minute
    return max(LOWEST_WEIGHT, min(HIGHEST_FIRST_WEIGHT, ceil(round(10 * exact, 6)) / 10))


def auto_weights(requests_per_second: float) -> tuple[float, ...]:
    """Return the ramp in percent, rising, ending at 100: the first weight, times 5 up to 10, then 50 and 100.

    At 100 requests per second and above: 1, 5, 10, 50, 100. At 5 and below: 10, 50, 100.

    Raises:
        ValueError: the rate is negative or not finite.
    """
    weights = [first_weight(60 * requests_per_second)]
    while weights[-1] < HIGHEST_FIRST_WEIGHT:
        weights.append(min(HIGHEST_FIRST_WEIGHT, FACTOR * weights[-1]))
    return (*weights, 50.0, 100.0)


LONGEST_RAMP = auto_weights(100.0)
"""The ramp of the busiest alias: 1, 5, 10, 50 and 100 %."""
