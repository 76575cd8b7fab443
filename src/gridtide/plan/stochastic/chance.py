"""Levels and tails of what differs from day to day."""

from __future__ import annotations

import math

import numpy as np

from gridtide.plan.problem import Floats

TINY = 1e-12


def chance_level(values: Floats, weight: Floats, confidence: float = 0.9) -> Floats:
    """Return the largest level that is reached with the probability asked for.

    With ``confidence=0.9`` the level that an offer of reserve may have: on nine days of ten at
    least as much is there (P90).

    Parameters
    ----------
    values
        What is there on each day, shape (S, ...).
    weight
        Probability of each day, shape (S,).
    confidence
        Probability that the level is reached, in (0, 1].

    Returns
    -------
    Shape (...).

    Raises
    ------
    ValueError
        If the confidence is outside (0, 1].
    """
    if not 0 < confidence <= 1:
        raise ValueError(f"a confidence is above 0 and at most 1, got {confidence}")
    order = np.argsort(-values, axis=0, kind="stable")
    reached = np.cumsum(weight[order], axis=0)
    at = np.argmax(reached >= confidence * weight.sum() - TINY, axis=0)
    ranked = np.take_along_axis(values, order, axis=0)
    level: Floats = np.take_along_axis(ranked, at[None, ...], axis=0)[0]
    return level


def sure_level(values: Floats, confidence: float = 0.9, surety: float = 0.95) -> Floats:
    """Return a level that S equally likely days prove to be reached often enough.

    ``chance_level`` of a sample is too high about as often as too low. The k-th smallest of S
    independent days is at most the true level with probability P(B >= k), B binomial with S
    and ``1 - confidence``, whatever the distribution [1]_. The largest k that is sure enough is
    taken; the result is ``-inf`` where there are too few days for any.

    Parameters
    ----------
    values
        Shape (S, ...).
    confidence
        Probability that the level is reached.
    surety
        Probability, over samples, that this is so.

    References
    ----------
    .. [1] H. A. David, H. N. Nagaraja: Order Statistics, 2003, section 7.1,
       doi:10.1002/0471722162.
    """
    count, below = len(values), 1.0 - confidence
    chance = [math.comb(count, j) * below**j * confidence ** (count - j) for j in range(count + 1)]
    at_least = np.cumsum(chance[::-1])[::-1]
    sure = np.flatnonzero(at_least[1:] >= surety)
    if len(sure) == 0:
        return np.full(values.shape[1:], -np.inf)
    level: Floats = np.sort(values, axis=0)[sure[-1]]
    return level


def conditional_value_at_risk(cost: Floats, weight: Floats, level: float) -> float:
    """Return the mean cost of the dearest ``1 - level`` of the days, by weight.

    Parameters
    ----------
    cost
        Of each day, shape (S,).
    weight
        Probability of each day, together 1, shape (S,).
    level
        Share of days that is left out, in [0, 1).
    """
    order = np.argsort(-cost, kind="stable")
    before = np.cumsum(weight[order]) - weight[order]
    tail = 1.0 - level
    counted = np.clip(tail - before, 0.0, weight[order])
    return float(counted @ cost[order] / tail)
