"""Reserve seen by the price solver: its worth split between power and energy, as prices.

A vehicle's share is the least of several terms, each linear in its powers: what power leaves free
in the steps of a call, and what energy leaves free at its nodes. Any weights w ≥ 0 with sum 1 give
Σ w·term ≥ least term, so that pricing the terms instead of the least gives a **valid lower bound**
of the cost for any weights, and needs nothing but the plain oracle with other prices:

    power term of a step    adds to the price of p in that step
    energy term of a node   adds to the worth of every kWh stored before it

The best weights put all on what binds. They are found by fictitious play [1]_: schedules answer
the weights so far, weights answer the schedules so far; the bound rises towards the optimum of the
rows, and the mean schedule is one that holds reserve. The same play shares a block's price out
among its steps, as the offer is the least of the steps' sums.

Not seen here: limits (whose prices are the price solver's to add), several blocks held by one
vehicle in one step and direction (each is bounded for itself, which is still a bound), and the
must-charge curve where missing energy is cheap: the promise is taken as kept.

References
----------
.. [1] J. Robinson: An Iterative Method of Solving a Game, 1951, doi:10.2307/1969530.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gridtide.plan._calls import (
    call_cost_per_kwh,
    energy_per_kwh,
    hours_counted,
    may_serve,
    must_charge_kwh,
)
from gridtide.plan._layout import Layout
from gridtide.plan.blocks import Reserve, last_nodes
from gridtide.plan.problem import Floats, Ints


@dataclass(slots=True)
class Terms:
    """What bounds the shares of one block, and the weights on it.

    Of S starts (a vehicle, a step of the block) with J steps and J + 1 nodes at most.

    Parameters
    ----------
    reserve
        The block.
    pair
        Pair of the vehicle and the step of each start, shape (S,).
    lasts
        Steps of the call, shape (S,).
    per_kw
        Energy that a kW needs [kWh/kW], shape (S,).
    cost
        Of being called [currency/kW], shape (S,).
    room_kw
        Power that is free at rest: discharging (up) or charging (down), shape (S,).
    bound_kwh
        Energy to keep (up) or most energy (down) at each node, ``nan`` beyond, shape (S, J + 1).
    weight
        On the J power terms, then the J + 1 energy terms, shape (S, 2·J + 1).
    step_weight
        Share of the block's price in each of its steps, shape (B,).
    """

    reserve: Reserve
    pair: Ints
    lasts: Ints
    per_kw: Floats
    cost: Floats
    room_kw: Floats
    bound_kwh: Floats
    weight: Floats
    step_weight: Floats = field(default_factory=lambda: np.zeros(0))


def lay_terms(layout: Layout, reserve: Reserve) -> Terms:
    """Lay out the terms of one block, with equal weights on those that there are."""
    problem = layout.problem
    pairs = np.flatnonzero(may_serve(layout, reserve)[layout.vehicle, layout.step])
    v, t = layout.vehicle[pairs], layout.step[pairs]
    lasts = last_nodes(problem.step_h, reserve.duration_h)[t] - t
    longest = int(lasts.max(initial=1))
    node = t[:, None] + np.arange(longest + 1)
    beyond = np.arange(longest + 1) > lasts[:, None]
    up = reserve.direction == "up"
    bound = _keep(layout)[v] if up else _most(layout)[v]
    bound = np.take_along_axis(bound, np.minimum(node, problem.steps), axis=1)
    bound = np.where(beyond, np.nan, bound)
    there = np.concatenate((~beyond[:, 1:], np.isfinite(bound)), axis=1)
    cost = call_cost_per_kwh(layout, reserve, v, t) * layout.hours[pairs]
    count = reserve.to_step - reserve.from_step
    return Terms(
        reserve=reserve,
        pair=pairs,
        lasts=lasts,
        per_kw=hours_counted(layout, reserve, v, t) * energy_per_kwh(layout, reserve)[v],
        cost=cost * reserve.activation_share,
        room_kw=(problem.max_discharge_kw if up else problem.max_charge_kw)[v],
        bound_kwh=bound,
        weight=there / there.sum(axis=1, keepdims=True),
        step_weight=problem.step_h[reserve.from_step : reserve.to_step]
        / reserve.hours(problem.step_h)
        if count
        else np.zeros(0),
    )


def _keep(layout: Layout) -> Floats:
    """Energy that must stay aboard, -inf where nothing must, shape (n, T + 1)."""
    problem = layout.problem
    due = np.where(layout.last >= 0, layout.within_reach_kwh, -np.inf)
    must = must_charge_kwh(layout, due)
    gives = (problem.max_discharge_kw > 0)[:, None]
    return np.maximum(must, np.where(gives, problem.min_kwh[:, None], -np.inf))


def _most(layout: Layout) -> Floats:
    problem = layout.problem
    high = np.maximum(problem.max_kwh, problem.arrival_kwh)
    return np.broadcast_to(high[:, None], (len(problem), problem.steps + 1))


def worth_per_kw(layout: Layout, terms: Terms) -> Floats:
    """Worth of a kW held from each start, expected cost of calls off [currency/kW], shape (S,)."""
    reserve = terms.reserve
    price = reserve.price_per_kw_h * reserve.hours(layout.problem.step_h) * terms.step_weight
    return np.maximum(price[layout.step[terms.pair] - reserve.from_step] - terms.cost, 0.0)


def reserve_prices(layout: Layout, blocks: list[Terms]) -> tuple[Floats, Floats, Floats]:
    """Turn weights into what the oracle needs.

    Parameters
    ----------
    layout
        The laid-out problem.
    blocks
        Terms of each block with their weights.

    Returns
    -------
    tuple
        What to add to the price of charging and to that earned by discharging [currency/kWh],
        shape (N,), and to each vehicle's cost [currency], shape (n,).
    """
    on_power = np.zeros(len(layout.vehicle))
    constant = np.zeros(len(layout.problem))
    stored = np.zeros((len(layout.problem), layout.problem.steps + 1))
    for terms in blocks:
        _price_block(layout, terms, on_power, stored, constant)
    v, t = layout.vehicle, layout.step
    constant += stored_on_arrival(layout, stored)
    later = np.cumsum(stored[:, ::-1], axis=1)[:, ::-1]
    per_kwh = later[v, t + 1]
    power = on_power / layout.hours
    return power + layout.gain[v] * per_kwh, power + layout.draw[v] * per_kwh, constant


def stored_on_arrival(layout: Layout, stored: Floats) -> Floats:
    """Price of the energy that each vehicle brings, shape (n,)."""
    return np.asarray(
        stored.sum(axis=1) * np.where(layout.last >= 0, layout.problem.arrival_kwh, 0)
    )


def _price_block(
    layout: Layout, terms: Terms, on_power: Floats, stored: Floats, constant: Floats
) -> None:
    """Add one block's prices of power [currency/kW] and energy [currency/kWh], and constants."""
    worth, sign = worth_per_kw(layout, terms), terms.reserve.sign
    v, t = layout.vehicle[terms.pair], layout.step[terms.pair]
    longest = terms.bound_kwh.shape[1] - 1
    for j in range(longest):
        each = worth * terms.weight[:, j]
        at = np.flatnonzero(each)
        np.add.at(on_power, terms.pair[at] + j, sign * each[at])
        np.add.at(constant, v, -each * terms.room_kw)
    for j in range(longest + 1):
        each = worth * terms.weight[:, longest + j] / terms.per_kw
        at = np.flatnonzero(each)
        np.add.at(stored, (v[at], t[at] + j), sign * each[at])
        np.add.at(constant, v[at], -sign * each[at] * terms.bound_kwh[at, j])


def shares_kw(layout: Layout, terms: Terms, power: Floats, energy: Floats) -> tuple[Floats, Ints]:
    """Share of each start in a schedule, and which term it is the least of, both shape (S,)."""
    v, t, sign = layout.vehicle[terms.pair], layout.step[terms.pair], terms.reserve.sign
    longest = terms.bound_kwh.shape[1] - 1
    values = np.full((len(v), 2 * longest + 1), np.inf)
    for j in range(longest + 1):
        on = np.flatnonzero(terms.lasts > j)
        values[on, j] = terms.room_kw[on] - sign * power[v[on], t[on] + j]
        on = np.flatnonzero((terms.lasts >= j) & np.isfinite(terms.bound_kwh[:, j]))
        free = sign * (terms.bound_kwh[on, j] - energy[v[on], t[on] + j])
        values[on, longest + j] = free / terms.per_kw[on]
    least = values.argmin(axis=1)
    return values[np.arange(len(v)), least], least


def answer_schedule(
    layout: Layout, blocks: list[Terms], power: Floats, energy: Floats, step: float
) -> Floats:
    """Move the weights towards what binds in a schedule; return each block's offer [kW].

    Parameters
    ----------
    layout
        The laid-out problem.
    blocks
        Terms of each block; their weights are changed.
    power, energy
        A schedule, the mean so far, shape (n, T) and (n, T + 1).
    step
        How far towards the answer, 0 to 1.
    """
    offers = np.zeros(len(blocks))
    for b, terms in enumerate(blocks):
        share, least = shares_kw(layout, terms, power, energy)
        terms.weight *= 1.0 - step
        terms.weight[np.arange(len(least)), least] += step
        place = layout.step[terms.pair] - terms.reserve.from_step
        sums = np.zeros(len(terms.step_weight))
        np.add.at(sums, place, np.maximum(share, 0.0))
        terms.step_weight *= 1.0 - step
        terms.step_weight[sums.argmin()] += step
        offers[b] = sums.min()
    return offers
