"""A linear price of wear where segments are too many: refreshed from the rainflow count.

Plan with one price per discharged kWh and vehicle, count the cycles of each planned profile,
price them by their depth, and take what they cost per discharged kWh as the next price. What the
way straight from a profile's first to its last energy would wear is left out: no decision of the
planner moves it. A cycle that is open at the start goes on into the profile.

The price of a plan is an average, and what is averaged changes with the plan, so the rounds are
damped and the best plan after the count is kept. Its cost and bound are a certificate for the
linear price alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gridtide.plan._chains import first_stay
from gridtide.plan.problem import Floats, Problem

if TYPE_CHECKING:
    from gridtide.plan.made import Plan

ROUNDS = 6
DAMPING = 0.5
LINEAR_REFRESHED = "linear price refreshed from rainflow"

CycleCost = Callable[[int, Floats], Floats]
"""Vehicle and depths as fractions of its capacity: cost of a full cycle of each [currency]."""


def refresh_linear(
    problem: Problem,
    phi: CycleCost | None,
    solve: Callable[[Problem], Plan],
    rounds: int = ROUNDS,
) -> Plan:
    """Plan with a linear price of wear per vehicle, refreshed from the planned cycles.

    Parameters
    ----------
    problem
        With ``wear_capacity_kwh``. Its depth prices are not planned with; they give ``phi``
        where that is None, and the first linear price is their mean; else it is 0.
    phi
        Cost of a full cycle by vehicle and depth [currency].
    solve
        Plans one problem without depth prices.
    rounds
        Plans made, at least one.

    Returns
    -------
    Plan
        That with the least cost after the count; a note says what the count makes of it.
    """
    depth_price = problem.wear_depth_price_per_kwh
    cost_of = phi or cycle_cost_from_segments(problem)
    price = np.zeros(len(problem)) if depth_price is None else depth_price.mean(axis=1)
    plain = replace(problem, wear_depth_price_per_kwh=None, wear_segment_kwh=None)
    best: tuple[float, Plan] | None = None
    linear = price
    for _ in range(max(rounds, 1)):
        plan = solve(replace(plain, wear_price_per_kwh=problem.wear_price_per_kwh + price))
        cycles = planned_cycle_cost(problem, plan.energy_kwh, cost_of)
        out = np.sum(np.maximum(-plan.power_kw, 0.0) * problem.step_h, axis=1)
        counted = plan.objective + float(np.sum(cycles - price * out))
        if best is None or counted < best[0]:
            best, linear = (counted, plan), problem.wear_price_per_kwh + price
        # All stays of a vehicle share one price, that of what its cycles cost together.
        price = _next_price(price, cycles, _total(problem, out))[first_stay(problem)]
    assert best is not None
    note = f"wear by rainflow instead of the linear price: the plan costs {best[0]:.6g}"
    name = f"{LINEAR_REFRESHED}{_holding(problem)}{_of(problem)}"
    notes = (*best[1].notes, note)
    return replace(best[1], wear_model=name, notes=notes, linear_wear_per_kwh=linear)


def cycle_cost_from_segments(problem: Problem) -> CycleCost:
    """Return the cost of a full cycle that the depth prices of a problem imply.

    Emptying all segments down to a depth and filling them again is one full cycle of it.
    """
    price, capacity = problem.wear_depth_price_per_kwh, problem.wear_capacity_kwh
    assert price is not None and capacity is not None
    per_segment = price * (problem.discharge_efficiency * capacity / price.shape[1])[:, None]
    total = np.concatenate((np.zeros((len(problem), 1)), np.cumsum(per_segment, axis=1)), axis=1)
    edges = np.linspace(0.0, 1.0, price.shape[1] + 1)

    def cost(vehicle: int, depth: Floats) -> Floats:
        at: Floats = np.interp(depth, edges, total[vehicle])
        return at

    return cost


def planned_cycle_cost(problem: Problem, energy_kwh: Floats, cost_of: CycleCost) -> Floats:
    """Rainflow cost of each planned profile beyond that of its net change, shape (n,) [currency].

    Several stays of a vehicle are one profile, told in its first row; the drives between them and
    the net change of each stay are left out. An open cycle at the start is counted on: both
    profiles then begin where it began.

    Parameters
    ----------
    problem
        With ``wear_capacity_kwh`` and, where a cycle is open, ``wear_segment_kwh``.
    energy_kwh
        At the nodes, NaN while away, shape (n, T + 1).
    cost_of
        Cost of a full cycle by vehicle and depth.
    """
    # Compiled, and needed by few plans: imported only here.
    from gridtide.battery import count_cycles

    assert problem.wear_capacity_kwh is not None
    costs, emptied = np.zeros(len(problem)), open_depth_kwh(problem)
    for i, stays in _by_vehicle(problem, energy_kwh):
        capacity = problem.wear_capacity_kwh[i]
        before = stays[0][:1] + emptied[i]
        planned = count_cycles(np.concatenate((before, *stays)) / capacity)
        direct = np.concatenate([stay[[0, -1]] for stay in stays])
        straight = count_cycles(np.concatenate((before, direct)) / capacity)
        cost = planned.count @ cost_of(i, planned.range)
        costs[i] = max(float(cost - straight.count @ cost_of(i, straight.range)), 0.0)
    return costs


def _by_vehicle(problem: Problem, energy_kwh: Floats) -> Iterator[tuple[int, list[Floats]]]:
    """Yield each vehicle's first row and the energies of its stays [kWh]."""
    stays: dict[int, list[Floats]] = {}
    for first, energy in zip(first_stay(problem).tolist(), energy_kwh, strict=True):
        known = energy[np.isfinite(energy)]
        if len(known) > 1:
            stays.setdefault(first, []).append(known)
    return iter(stays.items())


def open_depth_kwh(problem: Problem) -> Floats:
    """Energy that the cycle open at the start has taken: the empty part above what is held.

    Parameters
    ----------
    problem
        With ``wear_capacity_kwh``; without ``wear_segment_kwh`` no cycle is open.
    """
    segment, capacity = problem.wear_segment_kwh, problem.wear_capacity_kwh
    if segment is None or capacity is None:
        return np.zeros(len(problem))
    width = capacity / segment.shape[1]
    held = segment > 1e-9 * width[:, None]
    first = np.argmax(held, axis=1)
    vehicles = np.arange(len(problem))
    # The first that holds anything is partly emptied only if there is more below it.
    deeper = held.sum(axis=1) > 1
    part = np.where(deeper, width - segment[vehicles, first], 0.0)
    return np.where(held.any(axis=1), first * width + part, 0.0)


def _total(problem: Problem, values: Floats) -> Floats:
    """Add the stays of each vehicle up in its first row; 0 in the others, shape (n,)."""
    total: Floats = np.bincount(first_stay(problem), values, minlength=len(problem)).astype(float)
    return total


def _next_price(price: Floats, cycles: Floats, out_kwh: Floats) -> Floats:
    """Move half-way to what the planned cycles cost; where nothing was discharged, ask lower."""
    mean = np.divide(cycles, out_kwh, out=np.zeros_like(price), where=out_kwh > 1e-6)
    return price + DAMPING * (mean - price)


def _holding(problem: Problem) -> str:
    return "" if problem.holding_edges_kwh is None else " and holding price"


def _of(problem: Problem) -> str:
    return f": {problem.wear_model}" if problem.wear_model else ""
