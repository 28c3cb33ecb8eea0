"""Our rule over many traces at once; ``test_agreement.py`` holds it to ``decide``."""

from dataclasses import dataclass

import numpy as np

from orchestrator.domain.comparison import ComparisonSettings
from orchestrator.domain.significance import FRACTIONS, LOG_FRACTION_WEIGHTS, LOG_RATIO_WEIGHTS, LOG_ZERO, RATIOS
from tests.bench.verdict.traces import Cells, Minutes, minute

PI = np.array(LOG_RATIO_WEIGHTS)[:, None]
R = np.array(RATIOS)[:, None]
K = np.array(FRACTIONS)[:, None]
AFTER_FULL = 5
"""Minutes charged at a weight of 100 %, as on the common clock."""
NEVER = 10**6
LONGEST_STEP = 30.0
"""Minutes after which an unproven step goes on, if the data could have shown a failure and are not suspicious."""


def alarm_terms(n, x, big_n, big_x, rho):
    """Return value and slope per alternative, shape (6, traces); all arms comparable."""
    gain = big_n * (R - 1) / (n * rho * R + big_n)
    log_b = -np.log1p(n * rho * (R - 1) / (n * rho + big_n))
    return x * np.log1p(gain) + big_x * log_b, n * gain


def proof_terms(n, x, big_n, big_x, rho):
    """Return values and slopes, shape (10, traces): relative bets, then absolute ones."""
    s1 = n * K * rho + big_n
    log_b = np.log1p(n * rho * (1 - K) / s1)
    log_k = np.where(K > 0, np.log(np.maximum(K, 1e-300)), LOG_ZERO)
    values = np.vstack([x * (log_k + log_b) + big_x * log_b, x * log_k])
    return values, np.vstack([n * big_n * (1 - K) / s1, n * (1 - K)])


class AlarmBatch:
    """The alarm of each trace."""

    def __init__(self, traces: int, settings: ComparisonSettings) -> None:
        self.settings = settings
        self.looks = np.zeros(traces)
        self.wealth = np.full((len(RATIOS), traces), LOG_ZERO)
        self.value = np.zeros(traces)
        self.peak = np.zeros(traces)

    def fold(self, n, x, big_n, big_x) -> None:
        """Add one minute per trace; those without requests on both versions stay as they are."""
        seen = (n > 0) & (big_n > 0)
        if not seen.any():
            return
        first = self.settings.first_mass
        self.looks[seen] += 1
        looks = self.looks[seen]
        mass = np.where(looks == 1, first, (1 - first) / np.maximum(looks * (looks - 1), 1))
        value, slope = alarm_terms(n[seen], x[seen], big_n[seen], big_x[seen], self.settings.rho)
        wealth = np.logaddexp(self.wealth[:, seen], np.log(mass)) + value - self.settings.delta * slope
        self.wealth[:, seen] = wealth
        self.value[seen] = np.logaddexp(np.logaddexp.reduce(PI + wealth), np.log((1 - first) / looks))
        self.peak = np.maximum(self.peak, self.value)


class StepBatch:
    """What each trace saw since its weight last changed: the proof, and whether silence would mean anything."""

    def __init__(self, traces: int, settings: ComparisonSettings) -> None:
        self.settings = settings
        self.values, self.slopes = np.zeros((10, traces)), np.zeros((10, traces))
        self.blind = np.zeros((len(RATIOS), traces))
        self.requests, self.minutes = np.zeros(traces), np.zeros(traces)
        self.compared = np.zeros(traces)

    def reset(self, which: np.ndarray) -> None:
        """Forget the traces whose weight changed."""
        for array in (self.values, self.slopes, self.blind):
            array[:, which] = 0
        for array in (self.requests, self.minutes, self.compared):
            array[which] = 0

    def fold(self, n, x, big_n, big_x, which) -> None:
        """Add one minute for the traces in ``which``."""
        self.requests[which] += (n + big_n)[which]
        self.minutes[which] += 1
        seen = which & (n > 0) & (big_n > 0)
        if not seen.any():
            return
        n, x, big_n, big_x = n[seen], x[seen], big_n[seen], big_x[seen]
        values, slopes = proof_terms(n, x, big_n, big_x, self.settings.accept_rho)
        self.values[:, seen] += values
        self.slopes[:, seen] += slopes
        value, slope = alarm_terms(n, n, big_n, 0, self.settings.rho)
        self.blind[:, seen] += value - self.settings.delta * slope
        self.compared[seen] += 1

    def log_accept(self, next_weight: np.ndarray) -> np.ndarray:
        """Return log E of the proof at the margin that the budget allows; weights in percent."""
        rate = self.requests / np.maximum(self.minutes * 60, 1)
        exposed = np.maximum(rate * next_weight / 100 * self.settings.reaction_seconds, 1e-300)
        margin = np.clip(self.settings.risk_budget / exposed, self.settings.accept_floor, 0.5)
        return LOG_FRACTION_WEIGHTS[0] + np.logaddexp.reduce(self.values + margin * self.slopes)

    def evidence(self) -> np.ndarray:
        """Return whether a total failure would have been proven."""
        would = np.log(self.settings.first_mass) + np.logaddexp.reduce(PI + self.blind)
        return (self.compared > 0) & (would >= -np.log(self.settings.alpha))


def crossing(minutes: Minutes, settings: ComparisonSettings) -> np.ndarray:
    """Return the minute (from 1) whose data first roll back, ``NEVER`` if none does."""
    alarm = AlarmBatch(minutes.n.shape[1], settings)
    found = np.full(minutes.n.shape[1], NEVER)
    for index in range(len(minutes.n)):
        alarm.fold(minutes.n[index], minutes.x[index], minutes.big_n[index], minutes.big_x[index])
        fired = (found == NEVER) & (alarm.peak >= -np.log(settings.alpha))
        found[fired] = index + 1
    return found


@dataclass
class Gated:
    """A release whose steps wait for proof. Arrays over traces; ``history`` has one (n, x, N, X, step) per minute."""

    failed: np.ndarray
    rolled_back: np.ndarray
    """Minute of the rollback, ``NEVER`` if none."""
    full_at: np.ndarray
    """Minutes until 100 %, ``NEVER`` if not reached."""
    history: list[tuple[np.ndarray, ...]]


def gated(
    design: Cells,
    weights: tuple[float, ...],
    settings: ComparisonSettings,
    rng: np.random.Generator,
    horizon: int,
    *,
    longest_step: float = LONGEST_STEP,
) -> Gated:
    """Run the ramp ``weights`` (percent, the last one 100), advancing on proof.

    At the longest hold the caller's policy is ``advance`` where the data could have shown a failure and are not
    suspicious, else ``hold``.
    """
    size, ramp = design.size, np.array(weights)
    alarm, here = AlarmBatch(size, settings), StepBatch(size, settings)
    step, began, seen_step = np.zeros(size, int), np.zeros(size, int), np.zeros(size, int)
    outcome = Gated(np.zeros(size), np.full(size, NEVER), np.full(size, NEVER), [])
    running = np.ones(size, dtype=bool)
    for t in range(1, horizon + 1):
        n, x, big_n, big_x, _, _ = minute(design, ramp[step] / 100, rng)
        outcome.failed[running] += x[running]
        outcome.history.append((n, x, big_n, big_x, step.copy()))
        seen = _seen(outcome.history, t - design.lag)
        visible = (t > design.lag) & running
        changed = visible & (seen[4] != seen_step)
        here.reset(changed)
        seen_step = np.where(visible, seen[4], seen_step)
        alarm.fold(*(np.where(visible, counts, 0) for counts in seen[:4]))
        here.fold(*seen[:4], visible)
        fired = running & (alarm.peak >= -np.log(settings.alpha))
        outcome.rolled_back[fired] = t
        running &= ~fired & (t < outcome.full_at + AFTER_FULL)
        on = _advances(alarm, here, settings, ramp[np.minimum(step + 1, len(ramp) - 1)], (t - began) / longest_step)
        on &= running & (step < len(ramp) - 1) & (seen_step == step)
        step, began = step + on, np.where(on, t, began)
        outcome.full_at[on & (step == len(ramp) - 1)] = t
        if not running.any():
            break
    return outcome


def _advances(alarm: AlarmBatch, here: StepBatch, settings: ComparisonSettings, following, time_used):
    calm = alarm.value < np.log(settings.hold_at)
    proven = (here.log_accept(following) >= -np.log(settings.beta)) & (here.compared > 0)
    overdue = (time_used >= 1) & here.evidence()
    return calm & (proven | overdue)


def _seen(history, at: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return each trace's minute ``at`` (from 1); the first one where there is none yet."""
    result = tuple(column.copy() for column in history[0])
    for back in range(max(0, int(at.min()) - 1), max(0, int(at.max()))):
        chosen = at == back + 1
        for target, source in zip(result, history[back], strict=True):
            target[chosen] = source[chosen]
    return result
