"""The lower bound that prices prove, by weak duality.

See :mod:`gridtide.plan.certificate` for the sum that is taken here. Each term is a least value
over one variable alone of a piecewise linear or quadratic function, taken at its bends and ends,
so that it is exact and any prices whatever give a valid bound. Three things make it closer than
the sum as stated there, all of them valid as well: what a battery or a limit can reach at all
narrows its range; where standby loses energy, the plug is at rest or loses all of it; and where
the battery tapers, each pair's row takes the better of two prices, nothing or what makes charging
neutral.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Floats, Problem
from gridtide.plan.stored_plan import Prices
from gridtide.plan.verify._limits import (
    Flows,
    Room,
    demand_rates,
    energy_rate,
    left_beyond,
    load_reference,
    meter_prices,
    peaks,
    periods,
    square_price,
    square_rate,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Prices as they are seen below limits.

    Parameters
    ----------
    limit
        By limit, those of all limits above it included, shape (m, T).
    phase
        Likewise on L1, L2, L3, shape (m, 3, T); None without phase limits.
    stored
        Likewise on the energy held at the end of each step [currency/kWh/h], shape (m, T); None
        where no limit bounds what is held together.
    """

    limit: Floats
    phase: Floats | None
    stored: Floats | None


def no_prices(problem: Problem) -> Prices:
    """Return prices of nothing, which prove a bound too, if a weak one."""
    shape = (len(problem.limit_names), problem.steps)
    return Prices(limit_price=np.zeros(shape), peak_price=np.zeros(shape))


def seen_below(problem: Problem, prices: Prices) -> Seen:
    """Add the prices of limits down the tree."""
    limit = prices.limit_price + np.maximum(prices.peak_price, 0.0)
    phase = None if prices.phase_price is None else prices.phase_price.copy()
    stored = None if prices.stored_price is None else prices.stored_price.copy()
    for child, parent in enumerate(problem.limit_parent):
        if parent >= 0:
            limit[child] += limit[parent]
            for more in (phase, stored):
                if more is not None:
                    more[child] += more[parent]
    return Seen(limit=limit, phase=phase, stored=stored)


def limits_bound(
    problem: Problem, prices: Prices, room: Room, flows: Flows, relief_price: float = 0.0
) -> float:
    """Return the least that net powers, phases and peaks can cost at these prices.

    ``relief_price`` is what base load that is left beyond limits costs beside.
    """
    low = np.maximum(room.lower_kw, flows.least_kw)
    high = np.minimum(room.upper_kw, flows.most_kw)
    bound = _net_bound(problem, prices.limit_price, room, low, high, relief_price)
    bound += _peak_bound(problem, np.maximum(prices.peak_price, 0.0), room, low, high)
    if prices.phase_price is not None and len(flows.phase_kw):
        low = np.maximum(room.phase_lower_kw, flows.phase_least_kw)
        high = np.minimum(room.phase_upper_kw, flows.phase_most_kw)
        ends = np.minimum(-prices.phase_price * low, -prices.phase_price * high)
        bound += float(np.sum(problem.step_h * ends))
    return bound


def _net_bound(
    problem: Problem, price: Floats, room: Room, low: Floats, high: Floats, relief_price: float
) -> float:
    """Least of energy cost and square of load less what the price gives for net power."""
    base, square = room.base_kw, square_price(problem)
    at = [low, high, np.clip(-base, low, high)]
    if relief_price > 0:
        at += [
            np.clip(limit - base, low, high) for limit in (problem.import_kw, -problem.export_kw)
        ]
    if np.any(square > 0):
        # Where the slope of the square meets what is left of the price, importing or exporting.
        reliefs = (0.0, relief_price, -relief_price)
        for energy, relief in itertools.product(meter_prices(problem), reliefs):
            with np.errstate(divide="ignore", invalid="ignore"):
                level = (price - energy - relief) / (2.0 * square) - base + load_reference(problem)
            at.append(np.clip(np.where(square > 0, level, low), low, high))
    best = np.full(low.shape, np.inf)
    for net in at:
        cost = energy_rate(problem, base + net) + square_rate(problem, base + net) - price * net
        cost += relief_price * left_beyond(problem, room, net)
        best = np.minimum(best, cost)
    return float(np.sum(problem.step_h * best))


def _peak_bound(problem: Problem, price: Floats, room: Room, low: Floats, high: Floats) -> float:
    """Least of the demand charge left by the prices, over the peaks that can be."""
    rate, period = demand_rates(problem), periods(problem)
    given = np.zeros(rate.shape)
    for q in np.unique(period):
        given[:, q] = np.sum((problem.step_h * price)[:, period == q], axis=1)
    left = rate - given
    least, most = peaks(problem, room.base_kw + low), peaks(problem, room.base_kw + high)
    bound = float(np.sum(np.minimum(left * least, left * most)))
    return bound + float(np.sum(problem.step_h * price * room.base_kw))
