"""Slow invocations from percentiles: near the truth, and never against the canary."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.percentiles import RANKS, slow_count

TYPICAL = {"p50": 20.0, "p75": 30.0, "p90": 50.0, "p95": 70.0, "p99": 110.0}


@pytest.mark.parametrize(
    ("threshold", "down", "up"),
    [
        (50, 100, 100),  # at p90 exactly
        (60, 75, 75),  # half way from p90 to p95
        (100, 20, 20),
        (110, 0, 10),  # at and beyond p99 nobody knows
        (500, 0, 10),
        (19, 500, 1000),  # nor below p50
    ],
)
def test_a_share_is_interpolated_between_its_neighbours(threshold, down, up):
    assert slow_count(TYPICAL, 1000, threshold, rounded="down") == down
    assert slow_count(TYPICAL, 1000, threshold, rounded="up") == up


def test_fractions_go_in_favour_of_the_canary():
    """3 invocations at the p90: 0.3 of one is none for the canary and one for the stable version."""
    assert slow_count(TYPICAL, 3, 50, rounded="down") == 0
    assert slow_count(TYPICAL, 3, 50, rounded="up") == 1


def test_equal_percentiles_are_no_division_by_zero():
    same = dict.fromkeys(RANKS, 20.0)
    assert slow_count(same, 100, 20, rounded="down") == 0
    assert slow_count(same, 100, 19.9, rounded="up") == 100
    steep = {"p50": 20.0, "p75": 20.0, "p90": 20.0, "p95": 90.0, "p99": 90.0}
    assert slow_count(steep, 100, 20, rounded="down") == 10


def test_what_is_not_there_counts_nothing():
    """No percentile or no sample is no evidence; one percentile alone bounds what it can."""
    assert slow_count({}, 100, 20, rounded="up") is None
    assert slow_count(TYPICAL, 0, 20, rounded="up") is None
    assert slow_count({"average": 20.0}, 100, 20, rounded="up") is None
    assert slow_count({"p90": 50.0}, 100, 60, rounded="down") == 0
    assert slow_count({"p90": 50.0}, 100, 40, rounded="down") == 10


values = st.lists(st.floats(min_value=0.01, max_value=1e6), min_size=5, max_size=5).map(sorted)


@given(values=values, samples=st.integers(1, 10**6), threshold=st.floats(min_value=0.01, max_value=1e6))
def test_counts_stay_in_range_and_in_order(values, samples, threshold):
    durations = dict(zip(RANKS, values, strict=True))
    down = slow_count(durations, samples, threshold, rounded="down")
    up = slow_count(durations, samples, threshold, rounded="up")
    assert 0 <= down <= up <= samples
    assert slow_count(durations, samples, threshold * 1.5, rounded="down") <= down


@pytest.mark.parametrize("slower", [1.0, 1.2, 1.5, 2.0])
def test_the_estimate_is_within_two_percentage_points_for_smooth_durations(slower):
    """Lognormal durations with a sigma of 0.6, threshold at the stable version's p90, canary slower by a factor."""
    rng = np.random.default_rng(11)
    found = 40 * slower * np.exp(0.6 * rng.standard_normal(200_000))
    durations = {name: float(np.quantile(found, rank)) for name, rank in RANKS.items()}
    threshold = 40 * math.exp(0.6 * 1.2816)
    estimate = slow_count(durations, len(found), threshold, rounded="down") / len(found)
    assert estimate == pytest.approx(float((found > threshold).mean()), abs=0.02)
