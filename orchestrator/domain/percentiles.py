"""How many of a period's invocations were slow, where only percentiles are known. Pure."""

from collections.abc import Mapping
from itertools import pairwise
from math import ceil, floor
from typing import Literal

RANKS = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""Percentiles that are read, with their rank: dense where a threshold at the baseline's p90 lies."""


def slow_count(
    durations: Mapping[str, float], samples: int, threshold: float, *, rounded: Literal["up", "down"]
) -> int | None:
    """Return how many of `samples` invocations took longer than `threshold` milliseconds, in [0, samples].

    The share is interpolated linearly between the two percentiles around the threshold. Below the lowest and above the
    highest it is not known: `rounded` then takes the end of the range, and a fraction is rounded the same way. Rounding
    the canary down and the stable version up errs against raising an alarm.

    Returns:
        None where not one percentile is there, or no sample.

    **Source:** measured on lognormal durations in `tests/domain/test_percentiles.py`: within two percentage points at
    the stable version's p90. The comparison's guarantee is exact for counts only.
    """
    known = sorted((value, rank) for name, rank in RANKS.items() if (value := durations.get(name)) is not None)
    if not known or samples <= 0:
        return None
    count = samples * (1 - _rank_of(threshold, known, up=rounded == "up"))
    exact = round(count, 6)  # 1 - 0.9 is not a tenth
    return ceil(exact) if rounded == "up" else floor(exact)


def _rank_of(threshold: float, known: list[tuple[float, float]], *, up: bool) -> float:
    """Return the share of invocations at or below the threshold."""
    if threshold < known[0][0]:
        return 0.0 if up else known[0][1]
    if threshold >= known[-1][0]:
        return known[-1][1] if up else 1.0
    for (low, rank_low), (high, rank_high) in pairwise(known):
        if low <= threshold < high:
            return rank_low + (rank_high - rank_low) * (threshold - low) / (high - low)
    raise AssertionError("the threshold lies between the lowest and the highest percentile")
