"""The mathematics of the verdict: e-processes on two streams of counts.

An e-process is a running product that starts at 1 and has mean at most 1 while its null hypothesis holds; by Ville's
inequality it ever reaches 1/alpha with probability at most alpha, however often one looks. Two of them live here:

- the *alarm*, against "the canary fails at most ``rho`` times as often as the baseline, plus ``delta``";
- the *proof*, against "the canary fails at least ``rho`` times as often as the baseline, plus ``delta``".

Everything is in natural logarithms and closed form. Pure; knows nothing of releases, periods or AWS; imported by
``comparison_*`` only.

**Source:** J. Ville, *Etude critique de la notion de collectif* (1939); A. Wald, *Sequential Analysis* (1947);
P. Grunwald, R. de Heide and W. Koolen, *Safe Testing* (JRSS B, 2024); A. Ramdas et al., *Game-theoretic statistics and
safe anytime-valid inference* (Statistical Science, 2023). The derivation is in ``docs/explanation/verdict.md``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p

LOG_ZERO = -1e18
"""Stands for log 0 and stays below any sum of real terms; finite, because JSON has no infinity."""

RATIOS = (1.4, 2.0, 4.0, 10.0, 50.0, 1e4)
"""Alternatives of the alarm, as multiples of ``rho``; from "barely worse" to "only the canary fails"."""

RATIO_WEIGHTS = (0.04, 0.08, 0.20, 0.28, 0.25, 0.15)
"""Prior weight of each alternative. Five other grids were within 4 % of this one in failed requests served."""

FRACTIONS = (0.0, 0.2, 0.4, 0.6, 0.8)
"""Alternatives of the proof: the canary fails this fraction as often as the tolerated rate."""

LOG_RATIO_WEIGHTS = tuple(log(weight) for weight in RATIO_WEIGHTS)
LOG_FRACTION_WEIGHTS = (-log(2 * len(FRACTIONS)),) * (2 * len(FRACTIONS))
_BISECTIONS = 40


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and failures of both versions over the same stretch of time.

    Whole numbers, except after ``divided``. "Failures" are whatever is counted: errors, or slow requests.
    """

    canary: float = 0
    canary_bad: float = 0
    baseline: float = 0
    baseline_bad: float = 0

    @property
    def comparable(self) -> bool:
        """Whether both versions served requests; otherwise the stretch carries no evidence either way."""
        return self.canary > 0 and self.baseline > 0

    def plus(self, other: "Counts") -> "Counts":
        """Add, field by field."""
        return Counts(
            self.canary + other.canary,
            self.canary_bad + other.canary_bad,
            self.baseline + other.baseline,
            self.baseline_bad + other.baseline_bad,
        )

    def minus(self, other: "Counts") -> "Counts":
        """Subtract, field by field."""
        return Counts(
            self.canary - other.canary,
            self.canary_bad - other.canary_bad,
            self.baseline - other.baseline,
            self.baseline_bad - other.baseline_bad,
        )

    def divided(self, cluster: int) -> "Counts":
        """Count ``cluster`` failures as one; exact for clusters up to that size (Bernoulli's inequality)."""
        if cluster == 1:
            return self
        return Counts(
            self.canary / cluster, self.canary_bad / cluster, self.baseline / cluster, self.baseline_bad / cluster
        )


def log_add(first: float, second: float) -> float:
    """Return log(exp(first) + exp(second)) without overflow."""
    high, low = (first, second) if first >= second else (second, first)
    return high + log1p(exp(low - high))


def log_sum(values: Iterable[float]) -> float:
    """Return log(sum(exp(v))) without overflow; ``LOG_ZERO`` for no values."""
    terms = list(values)
    high = max(terms, default=LOG_ZERO)
    return high + log(sum(exp(term - high) for term in terms)) if terms else LOG_ZERO


def alarm_terms(counts: Counts, ratio: float, rho: float) -> tuple[float, float]:
    """Return ``(value, slope)`` of one alternative: log e = value - delta * slope.

    With S0 = n rho + N and S1 = n rho ratio + N the factor is a^x b^X exp(-n delta (a - 1)), b = S0/S1, a = ratio b.
    Since n rho (a - 1) + N (b - 1) = 0, its mean is 1 at the boundary *for every baseline rate* (Poisson), and at
    most 1 for Bernoulli counts and for any errors at all that a fair coin routed (``rho`` >= 1; Hoeffding 1963).

    Args:
        counts: both arms ``comparable``.
        ratio: alternative as a multiple of ``rho``, above 1.
        rho: tolerated ratio, at least 1.
    """
    n, x, big_n, big_x = counts.canary, counts.canary_bad, counts.baseline, counts.baseline_bad
    # Written without differences of nearly equal numbers: one canary request among a billion must keep its digits.
    gain = big_n * (ratio - 1) / (n * rho * ratio + big_n)
    log_b = -log1p(n * rho * (ratio - 1) / (n * rho + big_n))
    return x * log1p(gain) + big_x * log_b, n * gain


def proof_terms(counts: Counts, rho: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return values and slopes of all alternatives of the proof: log e = value + delta * slope.

    First the relative bets (the mirror of the alarm with r = k rho), then the absolute ones (a = k, b = 1), which
    need no failures on the baseline to learn from. Both have mean at most 1 where p_C >= rho p_B + delta.
    """
    n, x, big_n, big_x = counts.canary, counts.canary_bad, counts.baseline, counts.baseline_bad
    values: list[float] = []
    slopes: list[float] = []
    for k in FRACTIONS:
        s1 = n * k * rho + big_n
        log_b = log1p(n * rho * (1 - k) / s1)
        log_k = log(k) if k else LOG_ZERO
        values.append(x * (log_k + log_b) + big_x * log_b)
        slopes.append(n * big_n * (1 - k) / s1)
    for k in FRACTIONS:
        values.append(x * log(k) if k else x * LOG_ZERO)
        slopes.append(n * (1 - k))
    return tuple(values), tuple(slopes)


@dataclass(frozen=True, slots=True)
class Alarm:
    """State of the alarm after ``looks`` comparable stretches: log wealth per alternative, of the starts spent so far.

    The prior over the stretch in which the regression begins (mass ``first_mass`` on the first, the rest falling as
    1/(t (t - 1))) keeps the alarm awake after a long healthy time, for a cost of log(1/first_mass).
    """

    looks: int = 0
    wealth: tuple[float, ...] = (LOG_ZERO,) * len(RATIOS)

    def folded(self, terms: Sequence[tuple[float, float]], delta: float, first_mass: float) -> "Alarm":
        """Return the state after one more stretch whose ``alarm_terms`` per alternative are given."""
        looks = self.looks + 1
        mass = first_mass if looks == 1 else (1 - first_mass) / (looks * (looks - 1))
        log_mass = log(mass) if mass > 0 else LOG_ZERO
        wealth = tuple(
            log_add(held, log_mass) + value - delta * slope
            for held, (value, slope) in zip(self.wealth, terms, strict=True)
        )
        return Alarm(looks, wealth)

    def log_value(self, first_mass: float) -> float:
        """Return log E; 0 before the first stretch."""
        if self.looks == 0:
            return 0.0
        unspent = (1 - first_mass) / self.looks
        spent = log_sum(weight + held for weight, held in zip(LOG_RATIO_WEIGHTS, self.wealth, strict=True))
        return log_add(spent, log(unspent)) if unspent > 0 else spent


@dataclass(frozen=True, slots=True)
class Sums:
    """A mixture without starts: sums of values and slopes, so that E is known for every delta at once."""

    values: tuple[float, ...]
    slopes: tuple[float, ...]

    @classmethod
    def alarms(cls) -> "Sums":
        """Nothing seen yet, alternatives of the alarm."""
        return cls((0.0,) * len(RATIOS), (0.0,) * len(RATIOS))

    @classmethod
    def proofs(cls) -> "Sums":
        """Nothing seen yet, alternatives of the proof."""
        return cls((0.0,) * len(LOG_FRACTION_WEIGHTS), (0.0,) * len(LOG_FRACTION_WEIGHTS))

    def with_alarm(self, counts: Counts, rho: float) -> "Sums":
        """Add one stretch to sums begun by ``alarms``."""
        terms = [alarm_terms(counts, ratio, rho) for ratio in RATIOS]
        return self._plus([value for value, _ in terms], [slope for _, slope in terms])

    def with_proof(self, counts: Counts, rho: float) -> "Sums":
        """Add one stretch to sums begun by ``proofs``."""
        return self._plus(*proof_terms(counts, rho))

    def log_alarm(self, delta: float) -> float:
        """Return log E against "at most rho times the baseline plus delta"; falls as ``delta`` grows."""
        return self._log_mixture(LOG_RATIO_WEIGHTS, -delta)

    def log_proof(self, delta: float) -> float:
        """Return log E against "at least rho times the baseline plus delta"; rises as ``delta`` grows."""
        return self._log_mixture(LOG_FRACTION_WEIGHTS, delta)

    def lower_bound(self, error: float) -> float:
        """Return the largest delta in [0, 1] that the alarm refutes at ``error``; 0 when it refutes none."""
        return _crossing(lambda delta: self.log_alarm(delta) >= -log(error), below=True)

    def upper_bound(self, error: float) -> float:
        """Return the smallest delta in [0, 1] that the proof refutes at ``error``; 1 when it refutes none."""
        return _crossing(lambda delta: self.log_proof(delta) < -log(error), below=False)

    def _plus(self, values: Sequence[float], slopes: Sequence[float]) -> "Sums":
        return Sums(
            tuple(held + new for held, new in zip(self.values, values, strict=True)),
            tuple(held + new for held, new in zip(self.slopes, slopes, strict=True)),
        )

    def _log_mixture(self, log_weights: Sequence[float], delta: float) -> float:
        return log_sum(w + v + delta * s for w, v, s in zip(log_weights, self.values, self.slopes, strict=True))


def _crossing(holds: Callable[[float], bool], *, below: bool) -> float:
    """Bisect [0, 1] for the point where ``holds`` stops, rounded to the side that claims less."""
    if not holds(0.0):
        return 0.0
    if holds(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low if below else high


def log_share_tail(hits: float, total: float, share: float) -> float:
    """Bound log P(a binomial count lies at least as far out as ``hits``), on the side of ``share`` where it lies.

    Chernoff's bound exp(-total KL(hits/total || share)): never below the exact tail, so safe for any sample size.

    Args:
        hits: observed count, 0 to ``total``.
        total: trials; 0 gives 0 (no evidence).
        share: probability in [0, 1].

    **Source:** H. Chernoff, *A measure of asymptotic efficiency* (Annals of Mathematical Statistics, 1952).
    """
    if total <= 0:
        return 0.0
    seen = hits / total
    divergence = 0.0
    for part, expected in ((seen, share), (1 - seen, 1 - share)):
        if part > 0:
            divergence += part * log(part / expected) if expected > 0 else inf
    return max(LOG_ZERO, -total * max(0.0, divergence))
