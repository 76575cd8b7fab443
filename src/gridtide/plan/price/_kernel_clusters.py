"""The pass that tells where the gap lies, vehicle by vehicle."""

from __future__ import annotations

from numba import njit

from gridtide.plan.price._kernel_costs import own_cost
from gridtide.plan.price._kernel_stay import value_back
from gridtide.plan.price._kernel_sweep import see_prices
from gridtide.plan.price._kernel_value import value_at
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
