"""Passes that tell vehicles apart: where the gap lies, and net powers of some of them."""

from __future__ import annotations

from numba import njit

from gridtide.plan.price._kernel_stay import own_cost, value_back
from gridtide.plan.price._kernel_sweep import see_prices
from gridtide.plan.price._kernel_value import value_at
from gridtide.plan.price.rows import Rows
from gridtide.plan.price.stays import Stays, Work
from gridtide.plan.problem import Floats, Ints


@njit(cache=True, nogil=True)
def vehicle_gaps(
    stays: Stays,
    members: Ints,
    plug_price: Floats,
    work: Work,
    seen: Floats,
    above: Floats,
    power: Floats,
    gap: Floats,
) -> None:
    """Fill what schedules cost at the prices ``above``, less the least cost at those ``seen``."""
    slope, length, up, down, buy, sell = work[:6]
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        see_prices(stays, first, last, seen, plug_price, buy, sell)
        none = buy[:0]
        head, tail, lo, v = value_back(
            stays, first, last, buy, sell, none, none, up, down, slope, length
        )
        least = value_at(slope, length, head, tail, lo, v, stays.each[first].held_kwh)
        see_prices(stays, first, last, above, plug_price, buy, sell)
        begin, end = stays.each[first].start, stays.each[last].start + stays.each[last].steps
        gap[u] = own_cost(stays, first, last, buy, sell, power[begin:end]) - least


@njit(cache=True, nogil=True)
def add_net(
    stays: Stays, which: Ints, rows: Rows, power: Floats, net: Floats, share: float
) -> None:
    """Add a share of the powers of the stays ``which`` to the rows above them."""
    for i in which:
        stay = stays.each[i]
        for m in range(rows.path[stay.path], rows.path[stay.path + 1]):
            j, weight = rows.row[m], share * rows.weight[m]
            for q in range(stay.steps):
                net[j, stay.arrive + q] += weight * power[stay.start + q]
