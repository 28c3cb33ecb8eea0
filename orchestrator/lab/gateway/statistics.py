"""CloudWatch's statistics over the values of one period.

Source: CloudWatch user guide, "CloudWatch statistics definitions".
"""

import math
import re
from collections.abc import Callable, Sequence

from orchestrator.lab.gateway.wire import AwsError

Statistic = Callable[[Sequence[float]], float | None]
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_RANGE = re.compile(r"(?P<kind>TC|TM|TS|PR)\((?P<low>[\d.]*)(?P<p1>%?):(?P<high>[\d.]*)(?P<p2>%?)\)")
_PLAIN: dict[str, Statistic] = {
    "Sum": math.fsum,
    "Average": lambda values: math.fsum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda values: float(len(values)),
}


def statistic(name: str) -> Statistic:
    """The function behind a statistic's name: plain ones, `pNN`, and `TC TM TS PR` over `(a:b)` or `(a%:b%)`.

    Ranges leave out the lower bound and include the upper one; either may be missing. `PR` gives percent, 0..100.

    Raises:
        AwsError: `InvalidParameterValue` for any other name.
    """
    if name in _PLAIN:
        return _PLAIN[name]
    found = _PERCENTILE.fullmatch(name)
    if found:
        share = float(found[1]) / 100
        return lambda values: percentile(values, share)
    bounds = _RANGE.fullmatch(name)
    if bounds and (bounds["low"] or bounds["high"]):
        return _ranged(bounds)
    raise AwsError("InvalidParameterValue", f"The value {name} for parameter Stat is not supported.")


def percentile(values: Sequence[float], share: float) -> float:
    """Linear interpolation between the nearest ranks; `share` in 0..1."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _ranged(bounds: re.Match[str]) -> Statistic:
    kind = bounds["kind"]
    low = float(bounds["low"]) if bounds["low"] else None
    high = float(bounds["high"]) if bounds["high"] else None
    by_rank = bool(bounds["p1"] or bounds["p2"])

    def evaluate(values: Sequence[float]) -> float | None:
        below, above = low, high
        if by_rank:
            below = None if low is None else percentile(values, low / 100)
            above = None if high is None else percentile(values, high / 100)
        kept = [value for value in values if (below is None or value > below) and (above is None or value <= above)]
        if kind == "PR":
            return 100.0 * len(kept) / len(values)
        if kind == "TC":
            return float(len(kept))
        if kind == "TS":
            return math.fsum(kept)
        return math.fsum(kept) / len(kept) if kept else None

    return evaluate
