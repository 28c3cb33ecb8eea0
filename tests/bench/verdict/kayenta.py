"""Kayenta's judge for one critical metric (error rate, direction "increase"), over many traces at once.

**Source:** Kayenta, ``MannWhitneyClassifier.scala`` (tolerance 0.25 and confidence 0.98 are fixed there),
``MannWhitney`` (R's ``wilcox.test``: normal approximation, tie and continuity correction), ``NetflixACAJudge.scala``.
"""

import numpy as np
from scipy import stats

TOLERANCE = 0.25
Z = float(stats.norm.isf(0.01))


def fails(n: np.ndarray, x: np.ndarray, big_n: np.ndarray, big_x: np.ndarray) -> np.ndarray:
    """Say per trace whether the canary fails; arrays of shape (minutes, traces), one point per minute with requests.

    No point on either side is "Nodata", which fails a critical metric.
    """
    canary = 100 * np.where(n > 0, x / np.maximum(n, 1), np.nan)
    baseline = 100 * np.where(big_n > 0, big_x / np.maximum(big_n, 1), np.nan)
    has_canary, has_baseline = ~np.isnan(canary), ~np.isnan(baseline)
    size, big_size = has_canary.sum(axis=0), has_baseline.sum(axis=0)
    nodata = (size == 0) | (big_size == 0)
    estimate = _shift(canary, baseline)
    lower_is_beyond = _statistic(canary, baseline, TOLERANCE * np.abs(estimate)) > Z
    canary_mean = np.nansum(canary, axis=0) / np.maximum(size, 1)
    baseline_mean = np.nansum(baseline, axis=0) / np.maximum(big_size, 1)
    larger = (canary_mean >= baseline_mean) | (baseline_mean == 0) | (canary_mean == 0)
    return nodata | (lower_is_beyond & larger)


def _shift(canary: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Return the Hodges-Lehmann shift: the median of all differences, 0 without data."""
    differences = (canary[:, None, :] - baseline[None, :, :]).reshape(-1, canary.shape[1])
    ordered = np.sort(differences, axis=0)  # NaN sorts last
    count = (~np.isnan(differences)).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2
    columns = np.arange(canary.shape[1])
    middle = (ordered[low, columns] + ordered[np.minimum(high, len(ordered) - 1), columns]) / 2
    return np.nan_to_num(middle)


def _statistic(canary: np.ndarray, baseline: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the rank-sum z of "canary - shift" against the baseline; the interval lies beyond where it exceeds Z."""
    moved = canary - shift
    above = (moved[:, None, :] > baseline[None, :, :]).sum(axis=(0, 1))
    ties = (moved[:, None, :] == baseline[None, :, :]).sum(axis=(0, 1))
    size, big_size = (~np.isnan(canary)).sum(axis=0), (~np.isnan(baseline)).sum(axis=0)
    total = size + big_size
    pooled = np.concatenate([moved, baseline])
    alike = (pooled[:, None, :] == pooled[None, :, :]).sum(axis=0)
    tie_term = np.where(alike > 0, alike.astype(float) ** 2 - 1, 0).sum(axis=0)
    spread = (total + 1) - tie_term / np.maximum(total * (total - 1), 1)
    sigma = np.sqrt(np.maximum(size * big_size / 12 * spread, 0))
    distance = above + 0.5 * ties - size * big_size / 2
    corrected = distance - 0.5 * np.sign(distance)
    return np.where(sigma > 0, corrected / np.maximum(sigma, 1e-12), 0.0)
