"""Losses between plug and battery, and what one step's energy costs, part by part.

Power at the plug and into the cells, both positive when charging, are tied by lines: the least of
them tells what is stored (less than nothing is what is taken), and the greatest of their inverses
the power at the plug.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price.stays import (
    DRAW,
    DRAW_FROM,
    DRAW_OFFSET,
    GAIN,
    GAIN_FROM,
    GAIN_OFFSET,
    Stay,
)
from gridtide.plan.problem import Floats


# To hand over all arrays of the stays costs a call more than what these do.
@njit(cache=True, nogil=True)
def stored_kw(law: Floats, i: int, stay: Stay, kw: float) -> float:
    """Power into the cells of stay ``i`` at a power at the plug."""
    if law.shape[0] == 0:
        return float(kw * (stay.gain if kw > 0.0 else stay.draw))
    flow = np.inf
    slope, offset = (GAIN, GAIN_OFFSET) if kw > 0.0 else (DRAW, DRAW_OFFSET)
    for j in range(law.shape[2]):
        flow = min(flow, law[i, slope, j] * kw + law[i, offset, j])
    return float(flow)


@njit(cache=True, nogil=True)
def plug_kw(law: Floats, i: int, stay: Stay, flow: float) -> float:
    """Power at the plug that moves a power into the cells of stay ``i``."""
    if law.shape[0] == 0:
        return float(flow / (stay.gain if flow > 0.0 else stay.draw))
    kw = -np.inf
    slope, offset = (GAIN, GAIN_OFFSET) if flow > 0.0 else (DRAW, DRAW_OFFSET)
    for j in range(law.shape[2]):
        kw = max(kw, (flow - law[i, offset, j]) / law[i, slope, j])
    return float(kw)


@njit(cache=True, nogil=True, inline="always")
def lay_step(
    law: Floats,
    i: int,
    buy: float,
    worth: float,
    least_kw: float,
    most_kw: float,
    rate: Floats,
    width: Floats,
) -> None:
    """Fill what a kWh into the cells costs, and how many kW go there, in each part of a step.

    Parts come in the order of the power, from ``least_kw`` up to ``most_kw`` at the plug, P of
    discharging, which earns ``worth``, and P of charging. What would cost less further on is
    pooled: the convex hull.
    """
    parts = law.shape[2]
    for j in range(parts):
        end = law[i, GAIN_FROM, j + 1] if j + 1 < parts else np.inf
        kw = min(end, most_kw) - max(law[i, GAIN_FROM, j], least_kw)
        rate[parts + j] = buy / law[i, GAIN, j]
        width[parts + j] = max(kw, 0.0) * law[i, GAIN, j]
        end = law[i, DRAW_FROM, j + 1] if j + 1 < parts else np.inf
        kw = min(end, -least_kw) - max(law[i, DRAW_FROM, j], -most_kw)
        rate[parts - 1 - j] = worth / law[i, DRAW, j]
        width[parts - 1 - j] = max(kw, 0.0) * law[i, DRAW, j]
    pool(rate, width)


@njit(cache=True, nogil=True)
def pool(rate: Floats, width: Floats) -> None:
    """Make rates rise: neighbours out of order share the mean of both (pool adjacent violators)."""
    for last in range(1, rate.size):
        first = last
        while first > 0 and rate[first - 1] > rate[first]:
            before = rate[first - 1]
            while first > 0 and rate[first - 1] == before:
                first -= 1
            total = cost = 0.0
            for m in range(first, last + 1):
                total += width[m]
                cost += width[m] * rate[m]
            # Parts of no width only have to stand in order.
            mean = cost / total if total > 0.0 else before
            rate[first : last + 1] = mean


@njit(cache=True, nogil=True, inline="always")
def step_cost(stay: Stay, buy: float, sell: float, kw: float) -> float:
    """Cost of an hour at a power at the plug, its wear included."""
    return float(kw * (buy if kw > 0.0 else sell - stay.wear))
