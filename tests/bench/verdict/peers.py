"""How others decide, on the same minutes. Each rule returns the minute (from 1) whose data first roll back.

All of them read the canary's minutes as soon as these are visible; minutes without requests are treated as each
product documents. Flagger's halting of the ramp is not credited: everything runs on the same clock.
"""

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from tests.bench.verdict.kayenta import fails
from tests.bench.verdict.ours import NEVER
from tests.bench.verdict.traces import CLOCK, Minutes

Rule = Callable[[Minutes], np.ndarray]
STEPS = ((0, 5), (5, 10))
"""First and last-plus-one minute of the steps that have a baseline."""


def _first(bad: np.ndarray) -> np.ndarray:
    """Return the first minute (from 1) that is true, per trace."""
    return np.where(bad.any(axis=0), bad.argmax(axis=0) + 1, NEVER)


def alarm(breaching: np.ndarray, valid: np.ndarray, needed: int, window: int, *, skip_missing: bool) -> np.ndarray:
    """Evaluate a CloudWatch alarm: ``needed`` of the last ``window`` datapoints breach.

    Args:
        breaching: per minute and trace.
        valid: whether the minute has a datapoint.
        needed: datapoints to alarm.
        window: evaluation periods.
        skip_missing: look further back for datapoints (``missing``), or take none as fine (``notBreaching``).

    **Source:** AWS, *Configuring how CloudWatch alarms treat missing data*.
    """
    fired = np.zeros(breaching.shape, dtype=bool)
    recent = [np.zeros(breaching.shape[1], dtype=bool) for _ in range(window)]
    for index in range(len(breaching)):
        keep = ~valid[index] & skip_missing
        shifted = [breaching[index] & valid[index], *recent[:-1]]
        recent = [np.where(keep, old, new) for old, new in zip(recent, shifted, strict=True)]
        fired[index] = sum(slot.astype(int) for slot in recent) >= needed
    return _first(fired)


def any_error(needed: int) -> Rule:
    """Errors > 0 on the new version, ``needed`` of ``needed`` (AWS workshop and SAM pattern: 2; common default: 1)."""
    return lambda m: alarm(m.x > 0, m.n > 0, needed, needed, skip_missing=True)


def error_rate(limit: float) -> Rule:
    """Error rate above ``limit``, 2 of 3, missing data not breaching (AWS template: 5 %)."""
    return lambda m: alarm(m.x > limit * m.n, m.n > 0, 2, 3, skip_missing=False)


def argo(m: Minutes) -> np.ndarray:
    """Success rate >= 95 %, failureLimit 3, measured each minute; five measurements in a row without data are an error.

    **Source:** Argo Rollouts, ``analysis/analysis.go`` and the analysis example of its documentation.
    """
    failed = np.cumsum((m.n > 0) & (m.n - m.x < 0.95 * m.n), axis=0) > 3
    silent = np.zeros(m.n.shape, dtype=bool)
    run = np.zeros(m.n.shape[1])
    for index in range(len(m.n)):
        run = np.where(m.n[index] > 0, 0, run + 1)
        silent[index] = run > 4
    return _first(failed | silent)


def flagger(m: Minutes) -> np.ndarray:
    """Success rate of at least 99 % each minute, threshold 5; a minute without values is a failed check.

    **Source:** Flagger, ``pkg/controller/scheduler_metrics.go`` and the metrics page of its documentation.
    """
    return _first(np.cumsum((m.n == 0) | (m.n - m.x < 0.99 * m.n), axis=0) >= 5)


def kayenta(m: Minutes) -> np.ndarray:
    """Judge the error rate at the end of each step on all minutes so far ("growing"), as a critical metric.

    Given its points without lag: with fewer than five on each side the judge cannot reject at all.
    """
    found = np.full(m.n.shape[1], NEVER)
    for _, end in STEPS:
        part = slice(0, end)
        bad = fails(m.n[part], m.x[part], m.big_n[part], m.big_x[part])
        found = np.where((found == NEVER) & bad, end, found)
    return found


def naive_z(m: Minutes) -> np.ndarray:
    """One-sided two-proportion z-test on the counts of the step so far, p < 1 %, at every minute."""
    fired = np.zeros(m.n.shape, dtype=bool)
    for begin, end in STEPS:
        n, x, big_n, big_x = (np.cumsum(a[begin:end], axis=0) for a in (m.n, m.x, m.big_n, m.big_x))
        pooled = (x + big_x) / np.maximum(n + big_n, 1)
        variance = pooled * (1 - pooled) * (1 / np.maximum(n, 1) + 1 / np.maximum(big_n, 1))
        z = (x / np.maximum(n, 1) - big_x / np.maximum(big_n, 1)) / np.sqrt(np.maximum(variance, 1e-300))
        fired[begin:end] = (n > 0) & (big_n > 0) & (variance > 0) & (z > stats.norm.isf(0.01))
    return _first(fired)


def lindon_malek(m: Minutes, strength: float = 100.0, alpha: float = 0.01) -> np.ndarray:
    """Dirichlet mixture on which version an error came from, two-sided; steps multiply.

    **Source:** M. Lindon and A. Malek, *Anytime-valid inference for multinomial count data* (NeurIPS 2022).
    """
    fired = np.zeros(m.n.shape, dtype=bool)
    held = np.zeros(m.n.shape[1])
    for begin, end in STEPS:
        share = CLOCK[begin] / 100
        x, big_x = np.cumsum(m.x[begin:end], axis=0), np.cumsum(m.big_x[begin:end], axis=0)
        mixture = special.betaln(strength * share + x, strength * (1 - share) + big_x)
        mixture -= special.betaln(strength * share, strength * (1 - share))
        value = held + mixture - x * np.log(share) - big_x * np.log(1 - share)
        fired[begin:end] = (value >= -np.log(alpha)) & (x > share * (x + big_x))
        held = value[-1]
    return _first(fired)


def told_both_rates(m: Minutes, effect: np.ndarray, alpha: float = 0.01) -> np.ndarray:
    """Wald's sequential probability ratio test on the canary, told the true rates of every minute: the limit.

    Minutes at 100 % count as well, since it needs no baseline.
    """
    p0 = np.clip(m.p_baseline, 1e-300, 1 - 1e-12)
    p1 = np.clip(1 - (1 - m.p_baseline) * (1 - effect), 1e-300, 1 - 1e-12)
    value = np.cumsum(m.x * np.log(p1 / p0) + (m.n - m.x) * np.log((1 - p1) / (1 - p0)), axis=0)
    return _first(value >= -np.log(alpha))


RULES: dict[str, Rule] = {
    "CodeDeploy, any error, 2 of 2 (AWS workshop)": any_error(2),
    "CodeDeploy, any error, 1 of 1": any_error(1),
    "CodeDeploy, error rate > 1 %, 2 of 3": error_rate(0.01),
    "CodeDeploy, error rate > 5 %, 2 of 3 (AWS template)": error_rate(0.05),
    "Argo Rollouts, success >= 95 %, limit 3": argo,
    "Flagger, success >= 99 %, threshold 5": flagger,
    "Kayenta, error rate critical, each step": kayenta,
    "z-test each minute, p < 1 %": naive_z,
    "Lindon-Malek, k = 100": lindon_malek,
}
