"""Cost of a schedule and the lower bound that prices prove, on the limits' side."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_stay import own_cost, value_back
from gridtide.plan.price._kernel_sweep import CENTRE, FLAT, add_plug_prices
from gridtide.plan.price._kernel_value import value_at
from gridtide.plan.price.rows import Book, Rows
from gridtide.plan.price.stays import Stays, segments
from gridtide.plan.problem import Floats


def limit_prices(book: Book, rows: Rows, net_kw: Floats, step_h: Floats) -> tuple[Floats, Floats]:
    """Prices of the moment on each limit: those of its net power, and those of its peaks.

    Returns
    -------
    tuple
        Both [currency/kWh], shape (m, T); peak prices add up to the rate of their period at most.
    """
    price = rows.limit[:, FLAT] + rows.square[:, None] * (net_kw - rows.limit[:, CENTRE])
    peak = np.zeros_like(price)
    for k, kind in enumerate(book.kind):
        j = book.owner[k]
        mult, pull, at, least, most = rows.term[k]
        part = np.clip(mult + pull * (net_kw[j] - at), least, most)
        if kind.startswith("demand"):
            rate, total = book.rate[j, int(kind.split()[1])], float(np.sum(part * step_h))
            peak[j] += part * (min(1.0, rate / total) if total > 0 else 1.0)
        else:
            price[j] += part
    return price, peak


def seen_prices(price: Floats, rows: Rows) -> Floats:
    """Add the prices of all limits above, shape (m, T)."""
    seen = price.copy()
    for j, above in enumerate(rows.parent):
        if above >= 0:
            seen[j] += seen[above]
    return seen


def rows_bound(book: Book, price: Floats, peak: Floats, step_h: Floats) -> float:
    """Least that the limits' side can cost at these prices."""
    lower, upper = book.lower_kw, book.upper_kw
    candidates = [lower, upper]
    for meter_price in _meter_sides(book):
        if book.square.any():
            width = np.where(book.square > 0, book.square, np.inf)[:, None]
            candidates.append(np.clip(book.centre_kw + (price - meter_price) / width, lower, upper))
    if np.any(book.meter_row >= 0):
        candidates.append(np.clip(-book.base_kw, lower, upper))
    least = np.min([limit_cost(book, net) - price * net for net in candidates], axis=0)
    total = float(np.sum(least * step_h))
    for q in range(book.rate.shape[1]):
        inside = book.period == q
        weight = peak[:, inside] * step_h[inside]
        spare = book.rate[:, q] - weight.sum(axis=1)
        total += float(np.sum(spare * book.peak_kw[:, q]))
        total += float(np.sum(weight * book.base_kw[:, inside]))
    return total


def _meter_sides(book: Book) -> list[Floats]:
    sides = []
    for given in (book.price_in, book.price_out):
        side = np.zeros_like(book.base_kw)
        metered = book.meter_row >= 0
        side[metered] = given[book.meter_row[metered]]
        sides.append(side)
    return sides


def limit_cost(book: Book, net_kw: Floats) -> Floats:
    """Energy cost and squares of each limit at the vehicles' net power [currency/h], (m, T)."""
    price_in, price_out = _meter_sides(book)
    site = net_kw + book.base_kw
    cost: Floats = price_in * np.maximum(site, 0.0) - price_out * np.maximum(-site, 0.0)
    return cost + 0.5 * book.square[:, None] * (net_kw - book.centre_kw) ** 2


def rows_cost(book: Book, net_kw: Floats, step_h: Floats) -> float:
    """What the limits' side costs: energy at the meters, squares, demand charges."""
    total = float(np.sum(limit_cost(book, net_kw) * step_h))
    site = net_kw + book.base_kw
    for q in range(book.rate.shape[1]):
        highest = site[:, book.period == q].max(axis=1, initial=0.0)
        total += float(np.sum(book.rate[:, q] * np.maximum(highest, book.peak_kw[:, q])))
    return total


def violation_kw(book: Book, net_kw: Floats) -> Floats:
    """How far each limit is exceeded at worst [kW], shape (m,)."""
    over = np.maximum(net_kw - book.upper_kw, book.lower_kw - net_kw)
    worst: Floats = np.maximum(over.max(axis=1, initial=0.0), 0.0)
    return worst


@njit(cache=True, nogil=True)
def values(stays, members, seen, plug_price, work):  # type: ignore[no-untyped-def]
    """Least cost of the vehicles ``members`` at the prices seen below each limit."""
    slope, length, up, down, link, buy, sell = work[:7]
    total = 0.0
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        for i in range(first, last + 1):
            stay = stays.each[i]
            at = stay.start - stays.each[first].start
            for q in range(stay.steps):
                buy[at + q] = seen[stay.limit, stay.arrive + q] if stay.limit >= 0 else 0.0
            add_plug_prices(stay, plug_price, at, buy, sell)
        head, tail, lo, v = value_back(stays, first, last, buy, sell, up, down, link, slope, length)
        total += value_at(slope, length, head, tail, lo, v, stays.each[first].held_kwh)
    return total


@njit(cache=True, nogil=True)
def own_costs(stays, members, power, plug_price, work):  # type: ignore[no-untyped-def]
    """What schedules cost beside the limits: wear, holding, shortfall, energy at each plug."""
    buy, sell = work[5], work[6]
    total = 0.0
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        begin = stays.each[first].start
        end = stays.each[last].start + stays.each[last].steps
        for i in range(first, last + 1):
            stay = stays.each[i]
            at = stay.start - begin
            buy[at : at + stay.steps] = 0.0
            add_plug_prices(stay, plug_price, at, buy, sell)
        total += own_cost(stays, first, last, buy, sell, power[begin:end])
    return total


def new_work(stays: Stays) -> tuple[Floats, ...]:
    """Memory for one thread."""
    size = segments(stays)
    return tuple(np.zeros(size) for _ in range(9))
