"""Rows and columns of reserve: what each vehicle holds free, so that the sum can be offered.

For each block b, vehicle i and step k a share r ≥ 0 that a call from the start of step k takes
from the vehicle for the whole duration τ, n steps; R is the block's offer. With p = c - d, of
all blocks of a direction together:

    offer       conf·R ≤ Σ_i a_i·r_ik                     every step k of the block
    power       Σ_b r ≤ p_j + Pd    (up: p_j if V1G)      steps j = k..k+n-1
                Σ_b r ≤ Pc - p_j    (down)
    energy      Σ_b r·(τ + drift)/η_d ≤ e_j - min         nodes j = k..k+n
                Σ_b r·(τ + drift)/η_d ≤ e_j - m_j + short  (m: the must-charge curve)
                Σ_b r·(τ + drift)·η_c ≤ max - e_j
    limits      Y_j + Σ r ≤ upper,  Y_j - Σ r ≥ lower     every limit, steps j = k..k+n-1
    taper       η_c·(c + Σ r) + slope·(e_j + η_c·τ·Σ r) ≤ full + slope·taper_from
    refill      a recovery below the import limits after every call, see ``_refill``
    opposite    share·R ≤ Σ_i o_ik,  o a share of the other direction's power and limits
    committed   R + broken ≥ committed
    sold with   R = R of the block that is sold with it

``a`` is the availability and ``conf`` the confidence: whatever is there with that probability
has at least conf times it as its mean (Markov), so the row never cuts off what can be offered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._calls import (
    availability,
    call_cost_per_kwh,
    energy_per_kwh,
    followed,
    hours_counted,
    may_serve,
    must_charge_kwh,
)
from gridtide.plan._layout import Layout, taper_line
from gridtide.plan.blocks import Reserve, last_nodes, pairs_sold
from gridtide.plan.linear._linear import Builder
from gridtide.plan.linear._refill import Held, Places, add_refill, joined
from gridtide.plan.problem import Floats, Ints

NONE: Ints = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveColumns:
    """Where reserve stands in the linear problem.

    Parameters
    ----------
    offer
        Column of each block's offer, shape (blocks,).
    share, pair
        Columns of each block's shares, and the pairs they start from.
    recovery, recovery_pair
        Columns of the recovery after calls upwards, and their pairs.
    all
        All columns that reserve has added.
    """

    offer: Ints
    share: tuple[Ints, ...]
    pair: tuple[Ints, ...]
    recovery: Ints
    recovery_pair: Ints
    all: Ints


def add_reserves(
    layout: Layout,
    build: Builder,
    *,
    charge: Ints,
    discharge: Ints,
    energy: Ints,
    net: Ints,
    short: Ints,
    short_vehicle: Ints,
    start: Ints,
) -> ReserveColumns:
    """Add the columns and rows of all blocks of reserve.

    Parameters
    ----------
    layout, build
        What is planned, and where its rows are collected.
    charge, discharge, energy
        Columns of each pair, -1 where it cannot discharge, shape (N,).
    net
        Columns of the net power of limits, -1 where it cannot bind, shape (m, T).
    short, short_vehicle
        Columns of shortfall and their vehicles.
    start
        Columns of the energy that stays begin with, -1 where it is given, shape (n,).
    """
    first = build.column_count
    problem = layout.problem
    if not problem.reserves:
        return ReserveColumns(
            offer=NONE, share=(), pair=(), recovery=NONE, recovery_pair=NONE, all=NONE
        )
    short_of = np.full(len(problem), -1)
    short_of[short_vehicle] = short
    plan = Places(
        layout=layout, build=build, charge=charge, discharge=discharge, energy=energy, net=net,
        short_of=short_of, start=start,
    )  # fmt: skip
    offers = [_block(plan, reserve) for reserve in problem.reserves]
    recovery = NONE, NONE
    for direction in ("up", "down"):
        held = [h for _, parts in offers for way, h in parts if way == direction]
        if held and sum(len(h.column) for h in held):
            _hold(plan, direction, joined(held))
            if direction == "up":
                recovery = add_refill(plan, held)
    columns = np.array([offer for offer, _ in offers])
    for one, other in pairs_sold(problem.reserves):
        row = build.rows(1, 0.0, 0.0)
        build.entries(np.repeat(row, 2), columns[[one, other]], np.array([1.0, -1.0]))
    own = [parts[0][1] for _, parts in offers]
    return ReserveColumns(
        offer=columns,
        share=tuple(held.column for held in own),
        pair=tuple(held.pair for held in own),
        recovery=recovery[0],
        recovery_pair=recovery[1],
        all=np.arange(first, build.column_count),
    )


def _block(plan: Places, reserve: Reserve) -> tuple[int, list[tuple[str, Held]]]:
    """Add the offer and the shares of one block; return its column and what is held for it."""
    layout, build, problem = plan.layout, plan.build, plan.layout.problem
    pairs = np.flatnonzero(may_serve(layout, reserve)[layout.vehicle, layout.step])
    v, t = layout.vehicle[pairs], layout.step[pairs]
    most = problem.max_charge_kw[v] + problem.max_discharge_kw[v]
    hours = reserve.hours(problem.step_h)
    cost = call_cost_per_kwh(layout, reserve, v, t) * layout.hours[pairs] * reserve.activation_share
    share = build.columns(len(pairs), 0.0, most, cost)
    chance = availability(problem)[v, t] if reserve.confidence < 1 else np.ones(len(pairs))
    steps = np.arange(reserve.from_step, reserve.to_step)
    able = np.zeros(len(steps))
    np.add.at(able, t - reserve.from_step, chance * most)
    cap = min(reserve.most_kw, float(able.min(initial=np.inf)) / reserve.confidence)
    offer = build.columns(1, 0.0, cap, -reserve.price_per_kw_h * hours)
    rows = build.rows(len(steps), 0.0, np.inf)
    build.entries(rows[t - reserve.from_step], share, chance)
    build.entries(rows, np.repeat(offer, len(steps)), -reserve.confidence)
    _commit(plan, reserve, int(offer[0]))
    lasts = last_nodes(problem.step_h, reserve.duration_h)[t] - t
    counted = hours_counted(layout, reserve, v, t) * energy_per_kwh(layout, reserve)[v]
    held = Held(column=share, pair=pairs, lasts=lasts, energy=counted)
    return int(offer[0]), [(reserve.direction, held), *_margin(plan, reserve, offer, pairs)]


def _commit(plan: Places, reserve: Reserve, offer: int) -> None:
    if reserve.committed_kw <= 0:
        return
    price = reserve.penalty_per_kw_h * reserve.hours(plan.layout.problem.step_h)
    broken = plan.build.columns(1, 0.0, reserve.committed_kw, price)
    row = plan.build.rows(1, reserve.committed_kw, np.inf)
    plan.build.entries(np.repeat(row, 2), np.array([offer, int(broken[0])]), 1.0)


def _margin(plan: Places, reserve: Reserve, offer: Ints, pairs: Ints) -> list[tuple[str, Held]]:
    """Hold power in the other direction while the block lasts, without energy."""
    if reserve.opposite_share <= 0:
        return []
    layout, build, problem = plan.layout, plan.build, plan.layout.problem
    v, place = layout.vehicle[pairs], layout.step[pairs] - reserve.from_step
    most = problem.max_charge_kw[v] + problem.max_discharge_kw[v]
    free = build.columns(len(pairs), 0.0, most)
    rows = build.rows(reserve.to_step - reserve.from_step, 0.0, np.inf)
    build.entries(rows[place], free, 1.0)
    build.entries(rows, np.repeat(offer, len(rows)), -reserve.opposite_share)
    nothing, one = np.zeros(len(pairs)), np.ones(len(pairs), dtype=np.int64)
    other = "down" if reserve.direction == "up" else "up"
    return [(other, Held(column=free, pair=pairs, lasts=one, energy=nothing))]


def _hold(plan: Places, direction: str, held: Held) -> None:
    """Add the rows of one direction, by offset from the step that a call starts in."""
    longest = np.zeros(len(plan.layout.vehicle), dtype=np.int64)
    np.maximum.at(longest, held.pair, np.where(held.energy > 0, held.lasts, 0))
    for offset in range(int(held.lasts.max()) + 1):
        at = np.flatnonzero(held.lasts > offset)
        starts, place = np.unique(held.pair[at], return_inverse=True)
        _power_rows(plan, direction, held.column[at], starts + offset, place)
        _limit_rows(plan, direction, held, at, offset)
        if direction == "down":
            _taper_rows(plan, held, at, starts + offset, place)
        at = np.flatnonzero((longest[held.pair] >= offset) & (held.energy > 0))
        _energy_rows(plan, direction, held, at, offset)


def _power_rows(plan: Places, direction: str, columns: Ints, pairs: Ints, place: Ints) -> None:
    build, problem = plan.build, plan.layout.problem
    v = plan.layout.vehicle[pairs]
    up = direction == "up"
    rows = build.rows(
        len(pairs), -np.inf, (problem.max_discharge_kw if up else problem.max_charge_kw)[v]
    )
    build.entries(rows[place], columns, 1.0)
    plan.power(rows, pairs, -1.0 if up else 1.0)


def _energy_rows(plan: Places, direction: str, held: Held, at: Ints, offset: int) -> None:
    """Keep the energy of a call at one node: ``offset`` steps after its start."""
    layout, problem = plan.layout, plan.layout.problem
    starts, place = np.unique(held.pair[at], return_inverse=True)
    v, node = layout.vehicle[starts], layout.step[starts] + offset
    taken, columns = held.energy[at], held.column[at]
    if direction == "down":
        high = np.maximum(problem.max_kwh, problem.arrival_kwh)[v]
        _store_rows(plan, 1.0, starts, offset, high, columns, place, taken)
        return
    gives = problem.max_discharge_kw[v] > 0
    low = problem.min_kwh[v]
    _store_rows(plan, -1.0, starts, offset, -low, columns, place, taken, where=gives)
    due = np.where(layout.last >= 0, layout.within_reach_kwh, -np.inf)
    due[followed(problem)] = -np.inf
    must = must_charge_kwh(layout, due)[v, node]
    binds = must > np.where(gives, low, 0.0) + 1e-9
    rows = _store_rows(plan, -1.0, starts, offset, -must, columns, place, taken, where=binds)
    short = plan.short_of[v]
    soft = binds & (short >= 0)
    plan.build.entries(rows[soft], short[soft], -_stretch(layout)[v[soft]])


def _store_rows(
    plan: Places, sign: float, starts: Ints, offset: int, upper: Floats, columns: Ints,
    place: Ints, taken: Floats, where: np.ndarray | None = None,
) -> Ints:  # fmt: skip
    """Add ``sign·e + Σ taken·r ≤ upper`` where asked for; return the rows, -1 elsewhere."""
    layout, build = plan.layout, plan.build
    where = np.ones(len(starts), dtype=bool) if where is None else where
    v, begins = layout.vehicle[starts], layout.first[starts] & (offset == 0)
    energy = np.where(begins, plan.start[v], plan.energy[starts + offset - 1])
    fixed = energy < 0
    known = np.where(fixed, sign * layout.problem.arrival_kwh[v], 0.0)
    rows = np.full(len(starts), -1)
    rows[where] = build.rows(int(where.sum()), -np.inf, (upper - known)[where])
    moving = where & ~fixed
    build.entries(rows[moving], energy[moving], sign)
    inside = where[place]
    build.entries(rows[place][inside], columns[inside], taken[inside])
    return rows


def _stretch(layout: Layout) -> Floats:
    """How much the must-charge curve falls per kWh of shortfall, at most: more with a taper."""
    problem = layout.problem
    if problem.taper_from_kwh is None:
        return np.ones(len(problem))
    slope = taper_line(problem, np.maximum(problem.max_kwh, problem.arrival_kwh))[1]
    return np.asarray(np.exp(np.log1p(problem.step_h[:, None] * slope[None, :]).sum(axis=0)))


def _limit_rows(plan: Places, direction: str, held: Held, at: Ints, offset: int) -> None:
    """Leave room below every limit for all shares called from a step, ``offset`` steps later."""
    layout, build = plan.layout, plan.build
    v, start = layout.vehicle[held.pair[at]], layout.step[held.pair[at]]
    up = direction == "up"
    tight = layout.lower_kw > layout.least_kw if up else layout.upper_kw < layout.most_kw
    for j in np.flatnonzero(tight.any(axis=1)):
        mine = np.flatnonzero(layout.below[j][v] & tight[j, start + offset])
        starts, row = np.unique(start[mine], return_inverse=True)
        step = starts + offset
        room = -layout.lower_kw[j, step] if up else layout.upper_kw[j, step]
        rows = build.rows(len(step), -np.inf, room)
        build.entries(rows, plan.net[j, step], -1.0 if up else 1.0)
        build.entries(rows[row], held.column[at][mine], 1.0)


def _taper_rows(plan: Places, held: Held, at: Ints, pairs: Ints, place: Ints) -> None:
    layout, build, problem = plan.layout, plan.build, plan.layout.problem
    if problem.taper_from_kwh is None:
        return
    full, slope = taper_line(problem, np.maximum(problem.max_kwh, problem.arrival_kwh))
    v = layout.vehicle[pairs]
    bent = slope[v] > 0
    v = v[bent]
    rows = np.full(len(pairs), -1)
    rows[bent] = build.rows(len(v), -np.inf, full[v] + slope[v] * problem.taper_from_kwh[v])
    build.entries(rows[bent], plan.charge[pairs[bent]], layout.gain[v])
    build.entries(rows[bent], plan.energy[pairs[bent]], slope[v])
    inside = np.flatnonzero(bent[place])
    i = layout.vehicle[held.pair[at[inside]]]
    weight = layout.gain[i] + slope[i] * held.energy[at[inside]]
    build.entries(rows[place[inside]], held.column[at[inside]], weight)
