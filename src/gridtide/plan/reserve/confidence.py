"""What is there with a stated probability, of vehicles that are each there or not.

Vehicles are independent. In one step the capacity is S = Σ share·ξ with ξ 1 at probability a, else
0. Two lower bounds of its quantile hold for any fleet, and the larger one counts:

- the exact distribution on a grid, every share rounded down to it (close for small fleets);
- Chernoff [1]_: P(S ≤ x) ≤ min over s ≥ 0 of exp(s·x + Σ log(1 - a + a·exp(-s·share)))
  (close for large fleets).

No normal approximation is made. Over a block the smallest step counts. Without scenarios each
distinct step gets an equal part of the allowed probability (Bonferroni), which holds however the
steps hang together. With a random stream, scenarios are drawn of vehicles that are there in all
of the block's steps or in none, and the order statistic of the smallest step is taken: an
estimate, not a bound.

References
----------
.. [1] H. Chernoff: A Measure of Asymptotic Efficiency for Tests of a Hypothesis Based on the sum
   of Observations, 1952, doi:10.1214/aoms/1177729330.
"""

from __future__ import annotations

import numpy as np

from gridtide.plan.problem import Floats

CELLS = 8192
SCENARIOS = 4000
CHUNKS = 20


def surely_there_kw(share_kw: Floats, chance: Floats, confidence: float) -> float:
    """Capacity that is there in one step with at least a probability [kW].

    Parameters
    ----------
    share_kw, chance
        Of each vehicle, shape (n,).
    confidence
        The probability, 0.5 to below 1.
    """
    used = share_kw > 1e-12
    share, a = share_kw[used], np.clip(chance[used], 0.0, 1.0)
    certain = float(share[a >= 1.0].sum())
    share, a = share[a < 1.0], a[a < 1.0]
    if len(share) == 0:
        return certain
    return certain + max(_on_grid(share, a, confidence), _chernoff(share, a, confidence))


def _on_grid(share: Floats, a: Floats, confidence: float) -> float:
    width = float(share.sum()) / CELLS
    cells = np.floor(share / width + 1e-9).astype(np.int64)
    # Compiled, and needed by few plans: imported only here.
    from gridtide.plan.reserve._kernel_convolve import convolve

    mass = convolve(cells, a, int(cells.sum()) + 1)
    below = np.cumsum(mass) - mass
    # The largest sum that is reached with the confidence: P(S < k) <= 1 - confidence.
    k = int(np.searchsorted(below, 1.0 - confidence + 1e-12, side="right")) - 1
    return k * width


def _chernoff(share: Floats, a: Floats, confidence: float) -> float:
    """Largest x with exp(s·x)·E exp(-s·S) ≤ 1 - confidence for some s; every s is valid."""
    scale = float(np.sqrt(np.sum(a * (1 - a) * share**2)))
    allowed = np.log(1.0 - confidence)
    best = 0.0
    for s in np.geomspace(0.05, 50.0, 60) / max(scale, 1e-12):
        log_mean = float(np.log1p(a * np.expm1(-s * share)).sum())
        best = max(best, (allowed - log_mean) / s)
    return best


def block_quantile_kw(
    share_kw: Floats, chance: Floats, confidence: float, seed: int | None = None
) -> float:
    """Capacity that is there in all steps of a block with at least a probability [kW].

    Parameters
    ----------
    share_kw, chance
        Of each vehicle in each step, shape (n, B).
    confidence
        The probability, 0.5 to below 1.
    seed
        Of scenarios, the same for the same seed; None for the bound that needs none.
    """
    if seed is None:
        distinct = np.unique(np.concatenate((share_kw, chance)), axis=1)
        count = len(share_kw)
        part = 1.0 - (1.0 - confidence) / distinct.shape[1]
        return min(surely_there_kw(step[:count], step[count:], part) for step in distinct.T)
    stream = np.random.default_rng(seed)
    least = np.concatenate([_least(share_kw, chance, stream) for _ in range(CHUNKS)])
    return float(np.sort(least)[int(np.floor((1.0 - confidence) * len(least) + 1e-9))])


def _least(share_kw: Floats, chance: Floats, stream: np.random.Generator) -> Floats:
    """Draw some scenarios of the smallest step of a block [kW]."""
    drawn = stream.random((SCENARIOS // CHUNKS, len(share_kw)))
    least = np.full(len(drawn), np.inf)
    for k in range(share_kw.shape[1]):
        least = np.minimum(least, (drawn < chance[:, k]) @ share_kw[:, k])
    return least
