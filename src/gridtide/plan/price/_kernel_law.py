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
    Stays,
)
from gridtide.plan.problem import Floats


@njit(cache=True, nogil=True)
def stored_kw(stays: Stays, i: int, kw: float) -> float:
    """Power into the cells of stay ``i`` at a power at the plug."""
    flow = kw * (stays.each[i].gain if kw > 0.0 else stays.each[i].draw)
    if stays.law.shape[0] > 0:
        # No call of the function below: LLVM makes vector code of loops over this one as it stands.
        flow = np.inf
        slope, offset = (GAIN, GAIN_OFFSET) if kw > 0.0 else (DRAW, DRAW_OFFSET)
        for j in range(stays.law.shape[2]):
            flow = min(flow, stays.law[i, slope, j] * kw + stays.law[i, offset, j])
    return float(flow)


@njit(cache=True, nogil=True)
def plug_kw(stays: Stays, i: int, flow: float) -> float:
    """Power at the plug that moves a power into the cells of stay ``i``."""
    kw = flow / (stays.each[i].gain if flow > 0.0 else stays.each[i].draw)
    if stays.law.shape[0] > 0:
        kw = -np.inf
        slope, offset = (GAIN, GAIN_OFFSET) if flow > 0.0 else (DRAW, DRAW_OFFSET)
        for j in range(stays.law.shape[2]):
            kw = max(kw, (flow - stays.law[i, offset, j]) / stays.law[i, slope, j])
    return float(kw)


@njit(cache=True, nogil=True)
def flow_in_parts(law: Floats, i: int, kw: float) -> float:
    """Power into the cells with losses in parts.

    Where one is wanted for a step, to hand over all arrays of the stays would cost more than this.
    """
    flow = np.inf
    slope, offset = (GAIN, GAIN_OFFSET) if kw > 0.0 else (DRAW, DRAW_OFFSET)
    for j in range(law.shape[2]):
        flow = min(flow, law[i, slope, j] * kw + law[i, offset, j])
    return float(flow)


@njit(cache=True, nogil=True, inline="always")
def lay_step(
    law: Floats,
    i: int,
    buy: float,
    worth: float,
    least_kw: float,
    most_kw: float,
    planned_kw: float,
    change: float,
    rate: Floats,
    width: Floats,
) -> None:
    """Fill what a kWh into the cells costs, and how many kW go there, in each part of a step.

    Parts come in the order of the power, from ``least_kw`` up to ``most_kw`` at the plug, P of
    discharging, which earns ``worth``, and P of charging; one is cut where the power is that
    planned before, to differ from which costs ``change``. What would cost less further on is
    pooled: the convex hull. ``rate`` and ``width`` have 2·P + 1 places.
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
    rate[2 * parts], width[2 * parts] = rate[2 * parts - 1], 0.0
    if change > 0.0 and not np.isnan(planned_kw):
        least = flow_in_parts(law, i, least_kw)
        price_change(law, i, change, flow_in_parts(law, i, planned_kw) - least, rate, width)
    pool(rate, width)


@njit(cache=True, nogil=True)
def price_change(
    law: Floats, i: int, change: float, planned: float, rate: Floats, width: Floats
) -> None:
    """Make parts dearer beyond the power planned before, cheaper up to it, and cut one there.

    ``planned`` is what goes into the cells then beyond the least, ``change`` the price of a kWh
    at the plug.
    """
    parts, end, moved = law.shape[2], 0.0, 1
    for m in range(2 * parts):
        end += width[m]
    for m in range(2 * parts - 1, -1, -1):
        per = 1.0 / (law[i, GAIN, m - parts] if m >= parts else law[i, DRAW, parts - 1 - m])
        more, kw, whole = rate[m], width[m], end
        end -= kw
        if planned <= end and moved:
            rate[m + 1], width[m + 1] = more + change * per, kw
            continue
        if moved:
            rate[m + 1], width[m + 1] = more + change * per, max(whole - planned, 0.0)
            kw, moved = min(kw, max(planned - end, 0.0)), 0
        rate[m], width[m] = more - change * per, kw
    if moved:
        rate[0], width[0] = rate[1], 0.0


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
