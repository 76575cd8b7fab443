"""The exact optimum of every vehicle on its own at given prices."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_costs import own_cost
from gridtide.plan.price._kernel_stay import go_forward, value_back
from gridtide.plan.price._kernel_value import value_at
from gridtide.plan.price.stays import Stays, segments
from gridtide.plan.problem import Floats


def best_schedules(
    stays: Stays, buy: Floats, sell: Floats, *, costs: bool = True
) -> tuple[Floats, Floats, Floats]:
    """Solve every vehicle at its prices.

    Parameters
    ----------
    stays
        The vehicles.
    buy, sell
        Price of charging, and paid for discharging [currency/kWh], shape (N,).
    costs
        Follow the schedules to their costs; False takes the least cost for it, which it is but
        where burning energy would pay.

    Returns
    -------
    tuple
        Least cost of each vehicle (a valid bound also where burning would pay), cost of its
        schedule, both shape (v,), and powers at the plug [kW], shape (N,).
    """
    value, cost = np.zeros((2, len(stays.vehicle) - 1))
    power = np.zeros(stays.each["steps"].sum())
    _solve_all(stays, buy, sell, value, cost, power, segments(stays), costs)
    return value, cost, power


@njit(cache=True, nogil=True)
def _solve_all(
    stays: Stays,
    buy: Floats,
    sell: Floats,
    value: Floats,
    cost: Floats,
    power: Floats,
    size: int,
    costs: bool,
) -> None:
    slope, length = np.empty(size), np.empty(size)
    up, down = np.empty(size), np.empty(size)
    for u in range(len(stays.vehicle) - 1):
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        begin = stays.each[first].start
        end = stays.each[last].start + stays.each[last].steps
        b, s, p = buy[begin:end], sell[begin:end], power[begin:end]
        head, tail, lo, v = value_back(
            stays, first, last, b, s, b[:0], b[:0], up, down, slope, length
        )
        value[u] = value_at(slope, length, head, tail, lo, v, stays.each[first].held_kwh)
        go_forward(stays, first, last, b[:0], b[:0], up, down, p)
        cost[u] = value[u]
        if costs:
            cost[u] = own_cost(stays, first, last, b, s, p)
