"""What a schedule of one vehicle costs beside the limits: energy, wear, holding, what is missing.

Each cost stands here twice: added to V(e), the cost of all that is still to come, and of a
schedule that is given.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_law import stored_kw
from gridtide.plan.price._kernel_value import steepen_above, steepen_below
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats


@njit(cache=True, nogil=True, inline="always")
def bands_of(stays: Stays, i: int) -> int:
    """Bands of the energy missing; who wanted nothing beyond its arrival has but the first."""
    return int(stays.short_price.size) if stays.each[i].wanted_kwh > 0.0 else 1


@njit(cache=True, nogil=True, inline="always")
def due_cost(
    stays: Stays, i: int, slope: Floats, length: Floats, head: int, tail: int, lo: float, v: float
) -> tuple[int, float]:
    """Add what energy missing on departure costs: first bands first."""
    due, bands = stays.each[i].due_kwh, bands_of(stays, i)
    if due == -np.inf:
        return tail, v
    width, before = stays.each[i].wanted_kwh / bands, 0.0
    for m in range(bands):
        at, price = due - m * width, stays.short_price[m]
        tail, v = steepen_below(slope, length, head, tail, lo, v, at, price - before)
        before = price
    for m in range(stays.beyond_kwh.size):
        at = due - stays.beyond_kwh[m]
        tail, v = steepen_below(slope, length, head, tail, lo, v, at, stays.beyond_price[m])
    return tail, v


@njit(cache=True, nogil=True, inline="always")
def floor_of(stays: Stays, i: int, k: int) -> float:
    """Least energy wanted at the end of step ``k``."""
    if stays.floor_kwh.size == 0:
        return float(stays.each[i].min_kwh)
    return float(stays.floor_kwh[stays.each[i].start + k - stays.each[i].arrive])


@njit(cache=True, nogil=True)
def node_cost(
    stays: Stays,
    i: int,
    k: int,
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    v: float,
) -> tuple[int, float]:
    """Add what holding energy at the end of step ``k`` costs, and being outside the window."""
    hours = stays.step_h[k]
    if stays.together.shape[0] > 0:
        price = hours * stays.together[0, k]
        v += price * lo
        for j in range(head, tail):
            slope[j] += price
        price = hours * stays.kept_price
        for m in range(1, stays.together.shape[0], 2):
            low, high = stays.together[m, k], stays.together[m + 1, k]
            tail, v = steepen_below(slope, length, head, tail, lo, v, low, price)
            tail, v = steepen_above(slope, length, head, tail, lo, v, high, price)
    if stays.band_price.shape[2] > 0:
        row = k if stays.band_price.shape[1] > 1 else 0
        at = k if stays.band_base.shape[1] > 1 else 0
        before = stays.band_price[i, row, 0]
        v += hours * (stays.band_base[i, at] + before * (lo - stays.band_edge[i, 0]))
        for j in range(head, tail):
            slope[j] += hours * before
        for m in range(1, stays.band_price.shape[2]):
            price, edge = stays.band_price[i, row, m], stays.band_edge[i, m]
            more = hours * (price - before)
            tail, v = steepen_above(slope, length, head, tail, lo, v, edge, more)
            before = price
    if stays.recover_price > 0.0:
        price, floor = hours * stays.recover_price, floor_of(stays, i, k)
        if stays.each[i].low_kwh < floor:
            tail, v = steepen_below(slope, length, head, tail, lo, v, floor, price)
        if stays.each[i].high_kwh > stays.each[i].max_kwh:
            tail, v = steepen_above(slope, length, head, tail, lo, v, stays.each[i].max_kwh, price)
    return tail, v


@njit(cache=True, nogil=True)
def short_cost(stays: Stays, i: int, energy: float) -> float:
    """Cost of the energy missing on departure [currency]."""
    missing = stays.each[i].due_kwh - energy
    if missing <= 0.0:
        return 0.0
    bands = bands_of(stays, i)
    width = stays.each[i].wanted_kwh / bands
    cost = 0.0
    for m in range(stays.beyond_kwh.size):
        cost += stays.beyond_price[m] * max(missing - stays.beyond_kwh[m], 0.0)
    if bands == 1:
        return float(cost + stays.short_price[0] * missing)
    for m in range(bands):
        part = missing if m == bands - 1 else min(missing, width)
        cost += stays.short_price[m] * part
        missing -= part
        if missing <= 0.0:
            break
    return cost


@njit(cache=True, nogil=True)
def held_cost(stays: Stays, i: int, k: int, energy: float) -> float:
    """Cost of holding ``energy`` at the end of step ``k``, the way back to the window included."""
    cost = 0.0
    if stays.band_price.shape[2] > 0:
        row = k if stays.band_price.shape[1] > 1 else 0
        at = k if stays.band_base.shape[1] > 1 else 0
        before = stays.band_price[i, row, 0]
        cost = stays.band_base[i, at] + before * (energy - stays.band_edge[i, 0])
        for m in range(1, stays.band_price.shape[2]):
            price = stays.band_price[i, row, m]
            cost += (price - before) * max(0.0, energy - stays.band_edge[i, m])
            before = price
    if stays.recover_price > 0.0:
        # Who began within the window does not leave it but by rounding.
        stay, floor = stays.each[i], floor_of(stays, i, k)
        below = max(0.0, floor - energy) if stay.low_kwh < floor else 0.0
        above = max(0.0, energy - stay.max_kwh) if stay.high_kwh > stay.max_kwh else 0.0
        cost += stays.recover_price * (below + above)
    if stays.together.shape[0] > 0:
        cost += stays.together[0, k] * energy
        for m in range(1, stays.together.shape[0], 2):
            away = max(stays.together[m, k] - energy, energy - stays.together[m + 1, k], 0.0)
            cost += stays.kept_price * away
    return float(cost * stays.step_h[k])


@njit(cache=True, nogil=True)
def own_cost(
    stays: Stays, first: int, last: int, buy: Floats, sell: Floats, power: Floats
) -> float:
    """Cost of a schedule at these prices, with wear, holding, shortfall and end value."""
    each, step_h, cost = stays.each, stays.step_h, 0.0
    energy, origin = each[first].held_kwh, each[first].start
    costly = stays.band_price.shape[2] > 0 or stays.recover_price > 0.0
    costly |= stays.together.shape[0] > 0
    changes = stays.planned_kw.size > 0
    for i in range(first, last + 1):
        stay = each[i]
        if i > first:
            energy -= stay.driven_kwh
            missing = max(0.0, stay.low_kwh - energy)
            cost += stays.drive_price * missing
            energy += missing
        begin, arrive, wear = stay.start - origin, stay.arrive, stay.wear
        for q in range(stay.steps):
            p, hours = begin + q, step_h[arrive + q]
            energy += hours * stored_kw(stays, i, power[p])
            cost += hours * power[p] * (buy[p] if power[p] > 0.0 else sell[p] - wear)
            if changes and not np.isnan(stays.planned_kw[stay.start + q]):
                away = abs(power[p] - stays.planned_kw[stay.start + q])
                cost += hours * stays.change_price * away
            if costly:
                cost += held_cost(stays, i, arrive + q, energy)
        cost += short_cost(stays, i, energy) - stay.end_price * min(energy, stay.end_level_kwh)
    return float(cost)
