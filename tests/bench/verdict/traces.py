"""Synthetic releases: minutes of Poisson traffic, routed by a coin, failing with rates that may wander.

Everything is an array over traces, grouped into cells (one combination of base rate, noise and effect each).
"""

from dataclasses import dataclass

import numpy as np

RATES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Requests per second over both versions."""
BASES = (0.0, 0.001, 0.01)
"""Normal error rate of both versions."""
EFFECTS = (0.0, 0.005, 0.01, 0.05, 0.5, 1.0)
"""Probability of a further, independent failure on the canary; 0 is a good release."""
NOISES = ("iid", "shared")
"""``shared``: each minute's base rate times a gamma variable of coefficient of variation 1, and in 3 % of the minutes
five percentage points more, on both versions alike."""

CLOCK = (10.0,) * 5 + (50.0,) * 5 + (100.0,) * 5
"""Weight in percent of each of the 15 minutes of the common schedule."""


@dataclass(frozen=True)
class Cells:
    """Parameters of each trace; arrays of one length. Trace i belongs to cell ``cell[i]``."""

    requests_per_second: float
    cell: np.ndarray
    base: np.ndarray
    effect: np.ndarray
    shared: np.ndarray
    lag: np.ndarray
    """Minutes, 1 to 3, between the end of a minute and its visibility."""

    @property
    def size(self) -> int:
        return len(self.cell)


@dataclass(frozen=True)
class Minutes:
    """Counts, shape (minutes, traces): canary n, x; baseline N, X; and the true rates of both."""

    n: np.ndarray
    x: np.ndarray
    big_n: np.ndarray
    big_x: np.ndarray
    p_canary: np.ndarray
    p_baseline: np.ndarray


def cells(requests_per_second: float, traces: int, rng: np.random.Generator) -> Cells:
    """Lay out every base rate, noise and effect at one traffic, ``traces`` each."""
    grid = [(base, effect, noise == "shared") for base in BASES for noise in NOISES for effect in EFFECTS]
    base, effect, shared = (np.repeat(np.array(column), traces) for column in zip(*grid, strict=True))
    cell = np.repeat(np.arange(len(grid)), traces)
    return Cells(requests_per_second, cell, base, effect, shared, rng.integers(1, 4, len(cell)))


def rates(design: Cells, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one minute's true failure rates: canary, baseline."""
    multiplier = np.where(design.shared, rng.gamma(1.0, 1.0, design.size), 1.0)
    incident = design.shared & (rng.random(design.size) < 0.03)
    baseline = np.minimum(1.0, design.base * multiplier + 0.05 * incident)
    return 1 - (1 - baseline) * (1 - design.effect), baseline


def minute(design: Cells, weight: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw one minute at a canary weight (fraction of 1) per trace: n, x, N, X, p_canary, p_baseline."""
    p_canary, p_baseline = rates(design, rng)
    total = rng.poisson(60 * design.requests_per_second, design.size)
    n = rng.binomial(total, weight)
    return n, rng.binomial(n, p_canary), total - n, rng.binomial(total - n, p_baseline), p_canary, p_baseline


def on_the_clock(design: Cells, rng: np.random.Generator) -> Minutes:
    """Draw the 15 minutes of the common schedule."""
    drawn = [minute(design, np.full(design.size, weight / 100), rng) for weight in CLOCK]
    return Minutes(*(np.array(column) for column in zip(*drawn, strict=True)))
