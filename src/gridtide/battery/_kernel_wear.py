"""Compiled life of a battery used up along many series: rainflow cycles and storage."""

from __future__ import annotations

from math import floor

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery._kernel_rainflow import Closed, Stack, count

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True, error_model="numpy")
def between(x: float, steps: int, grid: Floats) -> float:
    """Interpolate a grid over 0..1 of so many steps."""
    place = min(max(x, 0.0), 1.0) * steps
    i = min(floor(place), steps - 1)
    value: float = grid[i] + (place - i) * (grid[i + 1] - grid[i])
    return value


@njit(cache=True, error_model="numpy")
def use_up(
    soc: Floats,
    time_h: Floats,
    temperature_c: Floats,
    first: Ints,
    cycle: Floats,
    storage: Floats,
    coldest_c: float,
    step_c: float,
    by_use: Floats,
    by_time: Floats,
) -> None:
    """Fill the shares of life used up by cycles and by time, one for each series.

    Series ``v`` are the points ``first[v]:first[v + 1]``. ``cycle`` holds the share of life of a
    full cycle over its depth, ``storage`` that of an hour, shape (temperatures, states of
    charge); both are interpolated. Between two points the mean of their rates holds.
    """
    longest = 0
    for v in range(by_use.size):
        longest = max(longest, first[v + 1] - first[v])
    room = longest + 3
    stack = Stack(np.empty(room), np.empty(room, np.int64), np.zeros(4))
    places = np.empty((2, room), np.int64)
    out = Closed(np.empty(room), np.empty(room), np.empty(room), places[0], places[1])
    depths, levels, heats = cycle.size - 1, storage.shape[1] - 1, storage.shape[0] - 1
    for v in range(by_use.size):
        a, b = first[v], first[v + 1]
        n = count(soc[a:b], True, stack, out)
        total = 0.0
        for c in range(n):
            total += out.weight[c] * between(out.size[c], depths, cycle)
        by_use[v] = total
        total, before = 0.0, 0.0
        for k in range(a, b):
            y = min(max((temperature_c[k] - coldest_c) / step_c, 0.0), float(heats))
            j = min(floor(y), heats - 1)
            cold, warm = (
                between(soc[k], levels, storage[j]),
                between(soc[k], levels, storage[j + 1]),
            )
            rate = cold + (y - j) * (warm - cold)
            if k > a:
                total += 0.5 * (before + rate) * (time_h[k] - time_h[k - 1])
            before = rate
        by_time[v] = total


@njit(cache=True, error_model="numpy")
def convex_below(x: Floats, y: Floats) -> Floats:
    """Return the largest convex function below the points, at the points."""
    hull = np.empty(x.size, dtype=np.int64)
    top = 0
    for k in range(x.size):
        while top >= 2:
            i, j = hull[top - 2], hull[top - 1]
            if (y[j] - y[i]) * (x[k] - x[i]) < (y[k] - y[i]) * (x[j] - x[i]):
                break
            top -= 1
        hull[top] = k
        top += 1
    at = hull[:top]
    return np.interp(x, x[at], y[at])


@njit(cache=True, error_model="numpy")
def hold_each(
    storage: Floats,
    coldest_c: float,
    step_c: float,
    temperature_c: Floats,
    low: Floats,
    high: Floats,
    base: Floats,
    slopes: Floats,
) -> None:
    """Fill value at ``low`` and slopes up to ``high`` of the convex curve below storage's cost.

    ``storage`` as in :func:`use_up`; one temperature and one window for each row of ``slopes``.
    """
    levels, heats, pieces = storage.shape[1] - 1, storage.shape[0] - 1, slopes.shape[1]
    points = 4 * pieces + 1
    cost = np.empty(points)
    for i in range(base.size):
        y = min(max((temperature_c[i] - coldest_c) / step_c, 0.0), float(heats))
        j = min(floor(y), heats - 1)
        width = max(high[i] - low[i], 1e-6)
        soc = low[i] + width * np.arange(points) / (points - 1)
        for k in range(points):
            cold = between(soc[k], levels, storage[j])
            cost[k] = cold + (y - j) * (between(soc[k], levels, storage[j + 1]) - cold)
        convex = convex_below(soc, cost)
        base[i] = convex[0]
        for m in range(pieces):
            slopes[i, m] = (convex[4 * m + 4] - convex[4 * m]) * pieces / width
