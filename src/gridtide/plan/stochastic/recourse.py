"""The second stage: a bid stands, a day has come, and the fleet makes the best of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._accounts import Schedule, judge, net_kw
from gridtide.plan._layout import Layout
from gridtide.plan.linear._solver import Deadline
from gridtide.plan.problem import Floats
from gridtide.plan.stochastic._stack import lay_out_day, minimise, stack
from gridtide.plan.stochastic.bid import Bid, Places, find_places
from gridtide.plan.stochastic.scenarios import Scenarios


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a bid comes to on one day.

    Parameters
    ----------
    cost
        All that the day costs, bid and imbalance settled [currency].
    lower_bound
        No schedule for this bid costs less; ``-inf`` where only the plan as a whole has a bound
        [currency].
    position_kw
        What was bought day ahead, positive is bought, shape (T,).
    net_kw
        What flowed, base load included, shape (T,).
    imbalance_cost
        What missing the bid costs above the day-ahead price [currency].
    schedule
        The schedule, judged by plain formulas; its own objective has all but the imbalance.
    """

    cost: float
    lower_bound: float
    position_kw: Floats
    net_kw: Floats
    imbalance_cost: float
    schedule: Schedule


def recourse(scenarios: Scenarios, bid: Bid, *, time_limit_s: float = 60.0) -> tuple[Outcome, ...]:
    """Settle a bid on every day, each with the best schedule once the day is known.

    Parameters
    ----------
    scenarios
        The days; they need not be those that the bid was made for.
    bid
        The bid; it buys what its curve says at the price of the day.
    time_limit_s
        Wall time for each day [s]; a day that takes longer leaves its vehicles at rest.

    Returns
    -------
    One outcome per day. Later knowledge is perfect: this is what a bid is worth at best.
    """
    return tuple(
        _best_of(scenarios.only(s), bid.at(price), time_limit_s)
        for s, price in enumerate(scenarios.price_per_kwh)
    )


def foresee(scenarios: Scenarios, *, time_limit_s: float = 60.0) -> tuple[Outcome, ...]:
    """Plan every day as if it alone had been known when the bid was made: perfect foresight."""
    return tuple(_best_of(scenarios.only(s), None, time_limit_s) for s in range(len(scenarios)))


def _best_of(day: Scenarios, position_kw: Floats | None, time_limit_s: float) -> Outcome:
    laid, places = (lay_out_day(day.problems[0]),), find_places(day, "quantity")
    stacked = stack(day, laid, places, fixed_kw=position_kw)
    found = minimise(stacked, laid, Deadline(time_limit_s))
    if found is None:
        x = np.zeros(len(stacked.linear.cost))
        bound = stacked.linear.bound(stacked.linear.cost, np.zeros(len(stacked.linear.row_lower)))
    else:
        x, bound = found.x, found.bound
    position = x[stacked.position] if position_kw is None else position_kw
    power = laid[0].power_kw(x[stacked.columns[0]])
    return settle(day, 0, laid[0].layout, power, position, bound + stacked.offset)


def follow_schedule(day: Scenarios, power_kw: Floats, bid: Bid) -> Outcome:
    """Settle a schedule that somebody else made, of the one day given.

    Parameters
    ----------
    day
        One day.
    power_kw
        Power at each plug, positive is charging, shape (n, T).
    bid
        What had been bid.
    """
    layout = lay_out_day(day.problems[0]).layout
    return settle(day, 0, layout, power_kw, bid.at(day.price_per_kwh[0]), -np.inf)


def settle(
    scenarios: Scenarios,
    s: int,
    layout: Layout,
    power_kw: Floats,
    quantity_kw: Floats,
    bound: float,
) -> Outcome:
    """Follow a day's powers through the batteries and price them beside the bid.

    Parameters
    ----------
    scenarios, s, layout
        Which day.
    power_kw
        Power at each plug, shape (n, T).
    quantity_kw
        What was bought in each period, shape (P,).
    bound
        What the day cannot cost less than; ``-inf`` where that is not known.
    """
    schedule = judge(layout, power_kw)
    meters = layout.problem.meters
    net = schedule.power_kw.sum(axis=0)
    if len(meters):
        net = (layout.base_kw + net_kw(layout, schedule.power_kw))[meters].sum(axis=0)
    position = quantity_kw[scenarios.period]
    missing, left = np.maximum(net - position, 0.0), np.maximum(position - net, 0.0)
    spread = scenarios.shortage_spread_per_kwh[s] * missing
    spread = spread + scenarios.surplus_spread_per_kwh[s] * left
    imbalance = float(spread @ layout.problem.step_h)
    cost = schedule.objective + imbalance
    return Outcome(
        cost=cost,
        lower_bound=min(bound, cost),
        position_kw=position,
        net_kw=net,
        imbalance_cost=imbalance,
        schedule=schedule,
    )


def costs(outcomes: tuple[Outcome, ...]) -> Floats:
    """Cost of each day [currency], shape (S,)."""
    return np.array([outcome.cost for outcome in outcomes])


def bought(scenarios: Scenarios, places: Places, outcomes: tuple[Outcome, ...]) -> Floats:
    """Return for each decision the mean of what its days bought [kW], made to fall with price."""
    quantity = np.zeros((len(scenarios), scenarios.periods))
    for s, outcome in enumerate(outcomes):
        quantity[s, scenarios.period] = outcome.position_kw
    share = np.broadcast_to(scenarios.weight[:, None], quantity.shape).ravel()
    place = places.place.ravel()
    total = np.bincount(place, weights=share * quantity.ravel(), minlength=places.count)
    mean: Floats = total / np.bincount(place, weights=share, minlength=places.count)
    return mean
