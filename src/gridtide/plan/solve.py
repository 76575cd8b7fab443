"""Solve a planning problem: a schedule with its certificate, always.

Every answer carries the cost recomputed from the schedule, a proven lower bound, the gap between
the two and the largest violation of a hard limit. What cannot be is left as a named slack.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from gridtide.core import cpu_s
from gridtide.plan._layout import Layout, lay_out
from gridtide.plan.linear import Search
from gridtide.plan.linear._wear import find_levels, start_segments
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.segments import roll_segments
from gridtide.plan.slacks import Slack, name_slacks
from gridtide.plan.wear_refresh import ROUNDS, refresh_linear

GAP_CLOSED = 1e-6
SEGMENT_PLACES = 150_000
"""Up to so many levels of depth, summed over vehicles and steps, wear is planned by segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule with its certificate.

    Parameters
    ----------
    status
        ``"optimal"``, ``"optimal_with_gap"``, or ``"best_effort"`` where a wish is not met.
    objective
        Cost of the schedule: energy, demand charge, wear, shortfall and, where asked for, carbon
        and the end value [currency].
    lower_bound
        No schedule costs less [currency].
    hard_violation_kw
        Largest excess over a limit that vehicles cause [kW].
    shortfall_kwh
        Energy missing on departure, shape (n,).
    power_kw
        At each plug, positive is charging, shape (n, T).
    energy_kwh
        In each battery at the nodes of its stay, NaN elsewhere, shape (n, T + 1).
    slacks
        What could not be, by name.
    cpu_s
        CPU time that solving took [s].
    notes
        What a reader should know about how the answer was found.
    wear_model
        The wear model that objective and lower bound hold for.
    wear_cycle, wear_holding
        What the planner took wear by cycling and by holding to cost in each step [currency],
        shape (n, T); both are part of the objective.
    segment_kwh
        Energy by segment of depth at each node, shape (n, T + 1, J), to be carried over to the
        next plan; None where wear was not planned by segments.
    """

    status: str
    objective: float
    lower_bound: float
    hard_violation_kw: float
    shortfall_kwh: Floats
    power_kw: Floats
    energy_kwh: Floats
    slacks: tuple[Slack, ...]
    cpu_s: float
    notes: tuple[str, ...]
    wear_model: str
    wear_cycle: Floats
    wear_holding: Floats
    segment_kwh: Floats | None = None

    @property
    def gap(self) -> float:
        """(objective - lower bound) / max(1, abs(objective))."""
        return (self.objective - self.lower_bound) / max(1.0, abs(self.objective))


def solve(
    problem: Problem,
    *,
    time_limit_s: float = 20.0,
    relax_standby: bool = False,
    wear: Literal["auto", "segments", "linear"] = "auto",
    integrality: Literal["exact", "concentrated"] = "exact",
) -> Plan:
    """Plan all vehicles.

    Parameters
    ----------
    problem
        What is to be planned.
    time_limit_s
        Wall time after which the best schedule so far is returned [s].
    relax_standby
        Spread the standby loss over the power (its chord at full power) instead of deciding
        when each plug is on. Cost and bound are then those of the relaxed losses, as a note says.
    wear
        How depth prices are planned with: by ``"segments"``, exactly; by a ``"linear"`` price
        per vehicle that rounds of planning and rainflow counting refresh; ``"auto"`` takes
        segments up to ``SEGMENT_PLACES``. ``Plan.wear_model`` names which.
    integrality
        How it is decided where chargers with a smallest power or a standby loss run:
        ``"exact"``, by branch and bound, up to some thousand decisions; or ``"concentrated"``,
        by :func:`gridtide.plan.concentrate` from the relaxation, which bounds it from below.

    Returns
    -------
    Plan
        Always a schedule within all limits that vehicles can keep.
    """
    began = cpu_s()
    layout = lay_out(problem, relax_standby=relax_standby)
    places = _segment_places(layout)
    if wear == "segments" or (wear == "auto" and places <= SEGMENT_PLACES):
        return _solve(layout, time_limit_s, began, integrality == "exact")
    if problem.wear_depth_price_per_kwh is None:
        return _solve(layout, time_limit_s, began, integrality == "exact")
    share = partial(
        solve,
        time_limit_s=time_limit_s / ROUNDS,
        relax_standby=relax_standby,
        integrality=integrality,
    )
    plan = refresh_linear(problem, None, share)
    why = f"wear by depth planned with a linear price: {places} places of segments"
    return replace(plan, cpu_s=cpu_s() - began, notes=(*plan.notes, why))


def _segment_places(layout: Layout) -> int:
    levels = find_levels(layout)
    return 0 if levels is None else int(levels.tracked.sum())


def schedule_cost(problem: Problem, power_kw: Floats) -> float:
    """Return what a given schedule costs by the accounts that every plan is judged by [currency].

    Parameters
    ----------
    problem
        The problem.
    power_kw
        At each plug, + is charging, shape (n, T); what a battery cannot take or give is left out.
    """
    from gridtide.plan._accounts import judge  # at the top it would go round in a circle

    return judge(lay_out(problem), power_kw).objective


def _solve(layout: Layout, time_limit_s: float, began: float, exact: bool) -> Plan:
    problem = layout.problem
    found = Search(layout, time_limit_s, exact=exact).find()
    schedule = found.schedule
    slacks = name_slacks(layout, schedule)
    bound = min(found.bound, schedule.objective)
    gap = (schedule.objective - bound) / max(1.0, abs(schedule.objective))
    status = "optimal" if gap <= GAP_CLOSED else "optimal_with_gap"
    notes = list(found.notes)
    lossy = problem.standby_kw is not None and bool(np.any(problem.standby_kw > 0))
    if lossy and not layout.standby_kw.any():
        notes.append("standby loss taken as at full power (chord)")
    return Plan(
        status="best_effort" if slacks else status,
        objective=schedule.objective,
        lower_bound=bound,
        hard_violation_kw=schedule.violation_kw,
        shortfall_kwh=schedule.shortfall_kwh,
        power_kw=schedule.power_kw,
        energy_kwh=schedule.energy_kwh,
        slacks=slacks,
        cpu_s=cpu_s() - began,
        notes=tuple(notes),
        wear_model=_wear_model(problem),
        wear_cycle=schedule.wear_cycle,
        wear_holding=schedule.wear_holding,
        segment_kwh=_segments(problem, schedule.energy_kwh),
    )


def _segments(problem: Problem, energy_kwh: Floats) -> Floats | None:
    if problem.wear_depth_price_per_kwh is None:
        return None
    assert problem.wear_capacity_kwh is not None
    return roll_segments(start_segments(problem), energy_kwh, problem.wear_capacity_kwh)


def _wear_model(problem: Problem) -> str:
    """Say what wear was priced by, with the name of the model behind it."""
    parts = []
    if problem.wear_depth_price_per_kwh is not None:
        parts.append(f"depth segments ({problem.wear_depth_price_per_kwh.shape[1]})")
    if np.any(problem.wear_price_per_kwh != 0):
        parts.append("linear price per discharged kWh")
    if problem.holding_edges_kwh is not None:
        parts.append("holding price")
    if not parts:
        return "none: wear has no price"
    name = f": {problem.wear_model}" if problem.wear_model else ""
    return " and ".join(parts) + name
