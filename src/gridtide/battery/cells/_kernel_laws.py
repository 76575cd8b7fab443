"""Compiled law of a loss whose final extent and curvature change with the stress."""

from __future__ import annotations

from math import atanh, isfinite, tanh

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]

# Closer to its extent than this a sigmoid has no inverse in float64, and nothing to gain either.
SATURATED = 1.0 - 1e-15


@njit(cache=True, error_model="numpy")
def sigmoid_step(y: float, dx: float, extent: float, k: float, p: float) -> float:
    """Go on by dx along ``y = extent·tanh((k·x)^p / 2)`` from the x at which y stands on it."""
    if dx <= 0.0 or k <= 0.0 or y >= extent * SATURATED:
        return y
    x = (2.0 * atanh(y / extent)) ** (1.0 / p) / k
    after = extent * tanh((k * (x + dx)) ** p / 2.0)
    if not isfinite(after) or after < y:
        return y
    return after


@njit(cache=True, error_model="numpy")
def follow_sigmoid(
    y: Floats, days: Floats, dx: Floats, extent: Floats, k: float, p: Floats, stops: Floats
) -> Floats:
    """Losses at the times ``stops`` [d] while the days repeat; shape (vehicles, stops).

    ``y`` (vehicles,) holds the losses at the beginning; the other arrays are (vehicles, days),
    ``days`` is (days,). A stop within a day takes its share of that day.
    """
    vehicles, period = dx.shape
    out = np.empty((vehicles, stops.size))
    for v in range(vehicles):
        loss, now, d = y[v], 0.0, 0
        for s in range(stops.size):
            while now + days[d] <= stops[s] + 1e-9:
                loss = sigmoid_step(loss, dx[v, d], extent[v, d], k, p[v, d])
                now += days[d]
                d = d + 1 if d + 1 < period else 0
            share = max((stops[s] - now) / days[d], 0.0)
            out[v, s] = sigmoid_step(loss, share * dx[v, d], extent[v, d], k, p[v, d])
    return out
