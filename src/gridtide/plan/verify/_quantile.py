"""What is there with a stated probability of vehicles that are each there or not, bounded anew.

Two lower bounds of the quantile of Σ share·ξ, ξ 1 at its chance and else 0, each independent; the
larger counts: the exact distribution on a grid of ``CELLS`` cells of the sum, every share rounded
down to whole cells, and Chernoff's bound (doi:10.1214/aoms/1177729330). Over a block each distinct
step gets an equal part of the allowed probability (Bonferroni).
"""

from __future__ import annotations

import numpy as np

from gridtide.plan.problem import Floats, Ints

CELLS = 8192


def there_kw(
    stay: Ints, step: Ints, share_kw: Floats, chance: Floats, confidence: float
) -> dict[int, float]:
    """Bound what is there in each step in which there are shares, at a confidence for all.

    Parameters
    ----------
    stay, step, share_kw, chance
        Of each share, shape (S,).
    confidence
        Below 1, that the capacity is there in all steps together.
    """
    of_step = {int(k): np.flatnonzero(step == k) for k in np.unique(step)}
    alike = {
        (stay[at].tobytes(), share_kw[at].tobytes(), chance[at].tobytes())
        for at in of_step.values()
    }
    part = 1.0 - (1.0 - confidence) / max(len(alike), 1)
    return {k: surely_kw(share_kw[at], chance[at], part) for k, at in of_step.items()}


def surely_kw(share_kw: Floats, chance: Floats, confidence: float) -> float:
    """Bound what is there in one step at a confidence [kW]."""
    sure = chance >= 1.0
    share, a = share_kw[~sure], np.clip(chance[~sure], 0.0, 1.0)
    there = float(share_kw[sure].sum())
    if len(share) == 0:
        return there
    return there + max(_by_grid(share, a, confidence), _by_chernoff(share, a, confidence))


def _by_grid(share: Floats, a: Floats, confidence: float) -> float:
    """Convolve vehicle by vehicle; where each is less than a cell there is nothing to gain."""
    width = float(share.sum()) / CELLS
    cells = np.floor(share / width + 1e-9).astype(np.int64)
    chance = a[cells > 0]
    mass = np.ones(1)
    for count, likely in zip(cells[cells > 0], chance, strict=True):
        there = np.concatenate((np.zeros(count), likely * mass))
        there[: len(mass)] += (1.0 - likely) * mass
        mass = there
    below = np.concatenate(([0.0], np.cumsum(mass)[:-1]))
    # The largest sum that is reached with the confidence: P(less) <= 1 - confidence.
    return float(np.flatnonzero(below <= 1.0 - confidence + 1e-12)[-1]) * width


def _by_chernoff(share: Floats, a: Floats, confidence: float) -> float:
    """P(S <= x) <= exp(s·x)·E exp(-s·S): for each s the x at which that is what is allowed."""
    spread = max(float(np.sqrt(np.sum(a * (1.0 - a) * share**2))), 1e-12)
    best = 0.0
    for s in np.geomspace(0.05, 50.0, 60) / spread:
        mean = float(np.sum(np.log1p(a * np.expm1(-s * share))))
        best = max(best, (np.log(1.0 - confidence) - mean) / s)
    return best
