"""Run every rule over every cell and keep, per cell: false or true rollbacks, misses, failed requests served."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from orchestrator.domain.comparison import ComparisonSettings, auto_weights
from tests.bench.verdict.ours import NEVER, crossing, gated
from tests.bench.verdict.peers import RULES, told_both_rates
from tests.bench.verdict.traces import BASES, CLOCK, EFFECTS, NOISES, RATES, cells, on_the_clock

SEED = 20_260_801
TIMED, STRICT = "Sluice timed", "Sluice timed, no margin (rho 1, delta 0)"
GATED, AUTO = "Sluice gated", "Sluice auto"
LIMIT, FLOOR = "limit: SPRT told both rates", "floor: first possible look"
KAYENTA = "Kayenta, error rate critical, each step"
SETTINGS = ComparisonSettings()
WEIGHTS = (10.0, 50.0, 100.0)
HORIZON = {GATED: 70, AUTO: 160}
SHAPE = (len(RATES), len(BASES), len(NOISES), len(EFFECTS))


@dataclass
class Results:
    """Arrays of shape (traffic, base rate, noise, effect), by rule."""

    traces: int
    rolled_back: dict[str, np.ndarray] = field(default_factory=dict)
    """Share of traces rolled back."""
    missed: dict[str, np.ndarray] = field(default_factory=dict)
    """Share of traces that reached 100 %."""
    failed: dict[str, np.ndarray] = field(default_factory=dict)
    """Mean failed canary requests served."""
    minutes_to_full: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """Per traffic: minutes to 100 % of the good releases that got there."""

    def note(self, rule: str, traffic: int, rolled_back, missed, failed) -> None:
        """Average the traces of each cell of one traffic."""
        for table, values in ((self.rolled_back, rolled_back), (self.missed, missed), (self.failed, failed)):
            averages = np.asarray(values, dtype=float).reshape(-1, self.traces).mean(axis=1)
            table.setdefault(rule, np.zeros(SHAPE))[traffic] = averages.reshape(SHAPE[1:])


def run(traces: int, tell: Callable[[str], None]) -> Results:
    """Run the whole study with ``traces`` per cell; ``tell`` hears of progress."""
    results = Results(traces)
    for traffic, requests_per_second in enumerate(RATES):
        tell(f"{requests_per_second:g} requests/s: common clock")
        _common_clock(results, traffic)
        for number, (rule, weights) in enumerate(((GATED, WEIGHTS), (AUTO, auto_weights(requests_per_second)))):
            tell(f"{requests_per_second:g} requests/s: {rule}, weights {', '.join(f'{w:g}' for w in weights)}")
            rng = np.random.default_rng([SEED, traffic, 1 + number])
            design = cells(requests_per_second, traces, rng)
            outcome = gated(design, weights, SETTINGS, rng, HORIZON[rule])
            reached = outcome.full_at != NEVER
            results.note(rule, traffic, outcome.rolled_back != NEVER, reached, outcome.failed)
            good = reached & (design.effect == 0)
            results.minutes_to_full.setdefault(rule, []).append(outcome.full_at[good])
    return results


def _common_clock(results: Results, traffic: int) -> None:
    """Judge the same traces, on the same weights and clock, by every rule that has no clock of its own."""
    rng = np.random.default_rng([SEED, traffic, 0])
    design = cells(RATES[traffic], results.traces, rng)
    minutes = on_the_clock(design, rng)
    found = {name: rule(minutes) for name, rule in RULES.items()}
    found[TIMED] = crossing(minutes, SETTINGS)
    found[STRICT] = crossing(minutes, SETTINGS.model_copy(update={"rho": 1.0, "delta": 0.0}))
    found[LIMIT] = told_both_rates(minutes, design.effect)
    found[FLOOR] = np.ones(design.size, int)
    served = np.cumsum(minutes.x, axis=0)
    for name, first in found.items():
        stops = first + (0 if name == KAYENTA else design.lag)
        last = np.minimum(stops, len(CLOCK))
        failed = served[last - 1, np.arange(design.size)]
        missed = stops > CLOCK.index(100.0)
        results.note(name, traffic, stops <= len(CLOCK), missed, failed)
