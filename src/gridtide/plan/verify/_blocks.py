"""What a block of reserve means for stays: who may serve, what a called kWh takes and costs."""

from __future__ import annotations

import numpy as np

from gridtide.plan.blocks import Reserve
from gridtide.plan.problem import Bools, Floats, Ints, Problem
from gridtide.plan.verify._limits import meter_prices
from gridtide.plan.verify._stay_costs import carbon_price
from gridtide.plan.verify._stays import Energies, Stays, taper_line

SAME_H = 1e-9
"""Of a length of time."""
SAME_KWH = 1e-6


def clock_h(problem: Problem) -> Floats:
    """Time of each node since the start, shape (T + 1,)."""
    return np.concatenate(([0.0], np.cumsum(problem.step_h)))


def over_at(problem: Problem, block: Reserve) -> Ints:
    """Node at which a call from the start of each step is over, T at the latest, shape (T,)."""
    clock = clock_h(problem)
    node = np.searchsorted(clock, clock[:-1] + block.duration_h - SAME_H)
    return np.minimum(node, problem.steps).astype(np.int64)


def hours_of(problem: Problem, block: Reserve) -> float:
    """Length of a block [h]."""
    return float(np.sum(problem.step_h[block.from_step : block.to_step]))


def may_serve(stays: Stays, block: Reserve, energies: Energies, row: Ints, step: Ints) -> Bools:
    """Whether some stays may have a share of a call from some steps, shape of both.

    Who is plugged in from the call's start to its end, below the block's limit, and there with
    the confidence that is asked. A stay that begins outside its window on that side has none,
    nor one with a floor of its own an upward one.
    """
    problem, stay = stays.problem, stays.first + row
    here = (problem.arrive[stay] <= step) & (step >= block.from_step) & (step < block.to_step)
    here &= over_at(problem, block)[step] <= np.minimum(problem.depart[stay], problem.steps)
    if block.direction == "up":
        here &= ~_held_up(stays, energies)[row]
    else:
        here &= energies.arrival[row] <= problem.max_kwh[stay] + SAME_KWH
    if block.limit:
        here &= _below(problem, block.limit)[problem.limit[stay]]
    chance = chance_of(problem, stay, step)
    return here & (chance >= 1.0 if block.confidence >= 1.0 else chance > 0.0)


def _held_up(stays: Stays, energies: Energies) -> Bools:
    """Stays that want more energy than their window's lower end at any time, shape (r,)."""
    problem = stays.problem
    low = stays.own(problem.min_kwh)
    held = energies.arrival < low - SAME_KWH
    if problem.floor_kwh is not None:
        floor = problem.floor_kwh[stays.first + stays.row, stays.step]
        above = stays.table(floor - low[stays.row]).max(axis=1) > SAME_KWH
        held = held | above
    return held


def _below(problem: Problem, limit: str) -> Bools:
    """Which limits are that limit or below it, and last, for vehicles without, False."""
    below = np.zeros(len(problem.limit_names) + 1, dtype=bool)
    below[problem.limit_names.index(limit)] = True
    for child, parent in enumerate(problem.limit_parent):
        if parent >= 0:
            below[child] |= below[parent]
    return below


def chance_of(problem: Problem, stay: Ints, step: Ints) -> Floats:
    """Probability that stays are there in steps, shape of both."""
    given = problem.availability
    if given is None:
        return np.ones(len(stay))
    chance: Floats = given[stay] if given.ndim == 1 else given[stay, step]
    return chance


def uncertain(problem: Problem, block: Reserve) -> bool:
    """Whether a block counts vehicles by their availability."""
    return block.confidence < 1.0 and problem.availability is not None


def drift_kwh(stays: Stays, block: Reserve, row: Ints, step: Ints, share_kw: Floats) -> Floats:
    """Energy that the mean activation has moved from the block's start to a step, by share.

    Up: 1/η_d per kWh called, of a vehicle that only charges η_c. Down: η_c, and 1/η_d where
    calls last several steps and may undo discharging.
    """
    if block.activation_share <= 0:
        return np.zeros(len(row))
    problem, stay = stays.problem, stays.first + row
    clock, over = clock_h(problem), over_at(problem, block)
    since = np.clip(problem.arrive[stay], block.from_step, problem.steps)
    passed = np.maximum(clock[step] - clock[since], 0.0)
    of_block = np.arange(block.from_step, block.to_step)
    drawn = problem.max_discharge_kw[stay] > 0
    if block.direction == "down":
        drawn &= bool(np.any(over[of_block] - of_block > 1))
    losses = stays.losses
    per_kwh = np.where(drawn, losses.draw.max(axis=1)[row], losses.gain.max(axis=1)[row])
    moved: Floats = share_kw * block.activation_share * passed * per_kwh
    return moved


def call_price(stays: Stays, block: Reserve, row: Ints, step: Ints, wear: Floats) -> Floats:
    """Price of a kWh called: upwards wear and the loss of its refill, downwards nothing.

    As if all of it were discharged; of a vehicle that only charges nothing either. The wear of a
    stay is shape (r,).
    """
    problem = stays.problem
    if block.direction == "down":
        return np.zeros(len(row))
    worn = wear
    if problem.wear_depth_price_per_kwh is not None:
        worn = wear + stays.own(problem.wear_depth_price_per_kwh).mean(axis=1)
    lost = stays.losses.draw.max(axis=1) / stays.losses.gain.min(axis=1) - 1.0
    bought = np.maximum(_import_price(problem)[problem.limit[stays.first + row], step], 0.0)
    gives = stays.own(problem.max_discharge_kw)[row] > 0
    return np.where(gives, worn[row] + lost[row] * bought, 0.0)


def _import_price(problem: Problem) -> Floats:
    """Import price that counts below each limit, and last for vehicles without, (m + 1, T)."""
    loose = problem.price_import_per_kwh[0] + carbon_price(problem)
    price = np.tile(loose, (len(problem.limit_names) + 1, 1))
    if len(problem.meters):
        own = meter_prices(problem)[0]
        for limit, parent in enumerate(problem.limit_parent):
            if limit in problem.meters:
                price[limit] = own[limit]
            elif parent >= 0:
                price[limit] = price[parent]
    return price


def promised_kwh(stays: Stays, energies: Energies) -> Floats:
    """Energy that must be there at the end of each stay whatever is called, shape (r,).

    What is due, as far as the plan reaches it; where another stay follows what the plan holds.
    """
    followed = np.append(stays.follows[1:], False)
    due = np.where(followed, energies.at_end, np.minimum(stays.due_kwh, energies.at_end))
    return np.asarray(due)


def must_hold_kwh(stays: Stays, energies: Energies) -> Floats:
    """Energy from which charging at full power still keeps the promise, shape (r, longest + 1).

    By place in the stay; beyond its end what is promised.
    """
    rows = np.arange(len(stays.length))
    most = stays.own(stays.problem.max_charge_kw)
    flow = np.maximum(stays.losses.battery_kw(rows, most), 0.0)
    high = np.maximum(stays.own(stays.problem.max_kwh), energies.arrival)
    line = taper_line(stays, high)
    hours = stays.table(stays.hours)
    must = np.tile(promised_kwh(stays, energies)[:, None], (1, hours.shape[1] + 1))
    for place in range(hours.shape[1] - 1, -1, -1):
        after, h = must[:, place + 1], hours[:, place]
        before = after - h * flow
        if line is not None:
            full, fall, start = line
            tapered = after * (1.0 + h * fall) - h * (full + fall * start)
            before = np.where(fall > 0, np.maximum(before, tapered), before)
        must[:, place] = np.minimum(before, after)
    return must
