"""Solve a planning problem: a schedule with its certificate, always.

Every answer carries the cost recomputed from the schedule, a proven lower bound, the gap between
the two and the largest violation of a hard limit. What cannot be is left as a named slack.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from gridtide.core import SolverError, cpu_s
from gridtide.plan._accounts import Schedule, judge
from gridtide.plan._layout import Layout, lay_out
from gridtide.plan._wear_accounts import follow_segments
from gridtide.plan.linear._search import Search
from gridtide.plan.linear._solver import Deadline
from gridtide.plan.linear._wear import find_levels
from gridtide.plan.made import Plan
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.reserve import name_broken, replan
from gridtide.plan.slacks import name_slacks
from gridtide.plan.start import Start
from gridtide.plan.wear_refresh import ROUNDS, refresh_linear

Solver = Literal["auto", "highs", "price"]
GAP_CLOSED = 1e-6
PRICE_STEPS = 20_000
"""Up to so many plugged steps of all vehicles, HiGHS plans."""
SEGMENT_PLACES = 150_000
"""Up to so many levels of depth, summed over vehicles and steps, wear is planned by segments."""


def solve(
    problem: Problem,
    *,
    time_limit_s: float = 20.0,
    relax_standby: bool = False,
    wear: Literal["auto", "segments", "linear"] = "auto",
    integrality: Literal["exact", "concentrated"] = "exact",
    solver: Solver = "auto",
    gap: float = 1e-4,
    start: Start | None = None,
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
    solver
        ``"highs"`` solves all vehicles as one linear or mixed-integer problem, ``"price"``
        coordinates them by prices; ``"auto"`` takes prices beyond ``PRICE_STEPS`` plugged steps
        where they can plan the problem.
    gap
        Relative gap at which coordination by price stops; HiGHS closes it.
    start
        Where coordination by price begins (:func:`gridtide.plan.warm_start`).

    Returns
    -------
    Plan
        Always a schedule within all limits that vehicles can keep.

    Raises
    ------
    SolverError
        Where the solver asked for cannot plan the problem.
    """
    began = cpu_s()
    steps = int(np.clip(problem.depart - problem.arrive, 0, problem.steps).sum())
    if problem.wear_depth_price_per_kwh is not None:
        levels = problem.wear_depth_price_per_kwh.shape[1]
        many = wear == "auto" and _segment_places(problem, relax_standby, steps, levels)
        if wear == "linear" or many or solver == "price":
            share = partial(
                solve,
                time_limit_s=time_limit_s / ROUNDS,
                relax_standby=relax_standby,
                solver=solver,
                gap=gap,
                integrality=integrality,
            )
            plan = refresh_linear(problem, None, share)
            why = f"wear by depth planned with a linear price: {many or steps * levels} places"
            return replace(plan, cpu_s=cpu_s() - began, notes=(*plan.notes, f"{why} of segments"))
    by_price = solver == "price" or (
        solver == "auto" and steps > PRICE_STEPS and not unknown_to_price(problem)
    )
    if by_price:
        return _by_price(problem, gap, time_limit_s, start, began)
    layout = lay_out(problem, relax_standby=relax_standby)
    return _solve(layout, time_limit_s, began, integrality == "exact")


def unknown_to_price(problem: Problem) -> list[str]:
    """Name what the problem has that coordination by price does not know."""
    known = {
        "reserve": bool(problem.reserves),
        "wear by depth": problem.wear_depth_price_per_kwh is not None,
        "smallest powers": _any(problem.min_charge_kw) or _any(problem.min_discharge_kw),
        "losses in parts": problem.charge_part_kw is not None
        or problem.discharge_part_kw is not None,
    }
    return [name for name, there in known.items() if there]


def _any(values: Floats | None) -> bool:
    return values is not None and bool(np.any(values > 0))


def _segment_places(problem: Problem, relax_standby: bool, steps: int, levels: int) -> int:
    """Places of segments where they are too many for segments, else 0."""
    if steps * levels <= SEGMENT_PLACES:
        return 0
    if steps > PRICE_STEPS:
        return steps * levels
    found = find_levels(lay_out(problem, relax_standby=relax_standby))
    places = 0 if found is None else int(found.tracked.sum())
    return places if places > SEGMENT_PLACES else 0


def _by_price(
    problem: Problem, gap: float, time_limit_s: float, start: Start | None, began: float
) -> Plan:
    # Compiled kernels, which small plans need not wait for.
    from gridtide.plan.price import solve_by_price

    if unknown := unknown_to_price(problem):
        raise SolverError(f"the price solver does not know {', '.join(unknown)}; use highs")

    def exactly(part: Problem) -> Floats:
        return solve(part, solver="highs", relax_standby=True).plugged_kw

    found = solve_by_price(
        problem, gap=gap, time_limit_s=time_limit_s, exactly=exactly, start=start
    )
    schedule = found.schedule
    slacks = name_slacks(lay_out(problem, relax_standby=True, pairs=False), schedule)
    lossy = problem.standby_kw is not None and bool(np.any(problem.standby_kw > 0))
    plan = Plan(
        status="optimal_with_gap",
        schedule=schedule,
        objective=schedule.objective,
        lower_bound=found.bound,
        hard_violation_kw=schedule.violation_kw,
        slacks=slacks,
        cpu_s=cpu_s() - began,
        notes=found.notes,
        wear_model=wear_model(problem),
        en_route_kwh=None if problem.continues is None else schedule.en_route_kwh,
        certificate=found.certificate,
        bound_by=found.bound_by,
        standby_chord=lossy,
        uncontrolled_cost=found.uncontrolled_cost,
        sweeps=found.sweeps,
    )
    closed = "optimal" if plan.gap <= GAP_CLOSED else "optimal_with_gap"
    return replace(plan, status="best_effort" if slacks else closed)


def schedule_cost(problem: Problem, power_kw: Floats) -> float:
    """Return what a given schedule costs by the accounts that every plan is judged by [currency].

    Parameters
    ----------
    problem
        The problem.
    power_kw
        At each plug, + is charging, shape (n, T); what a battery cannot take or give is left out.
    """
    return judge(lay_out(problem), power_kw).objective


def _solve(layout: Layout, time_limit_s: float, began: float, exact: bool) -> Plan:
    problem, deadline = layout.problem, Deadline(time_limit_s)

    def again(layout: Layout) -> Schedule | None:
        if deadline.over():
            return None
        return Search(layout, deadline.left_s(), exact=exact).find().schedule

    found = Search(layout, time_limit_s, exact=exact).find()
    schedule, offers = replan(layout, found.schedule, again)
    slacks = (*name_slacks(layout, schedule), *name_broken(offers))
    bound = min(found.bound, schedule.objective)
    gap = (schedule.objective - bound) / max(1.0, abs(schedule.objective))
    status = "optimal" if gap <= GAP_CLOSED else "optimal_with_gap"
    notes = list(found.notes)
    lossy = problem.standby_kw is not None and bool(np.any(problem.standby_kw > 0))
    chord = lossy and not layout.standby_kw.any()
    if chord:
        notes.append("standby loss taken as at full power (chord)")
    return Plan(
        status="best_effort" if slacks else status,
        schedule=schedule,
        objective=schedule.objective,
        lower_bound=bound,
        hard_violation_kw=schedule.violation_kw,
        en_route_kwh=None if problem.continues is None else schedule.en_route_kwh,
        slacks=slacks,
        cpu_s=cpu_s() - began,
        notes=tuple(notes),
        wear_model=wear_model(problem),
        reserves=offers,
        segment_kwh=_segments(problem, schedule),
        certificate=None if offers else found.certificate,
        bound_by="linear program" if offers else found.bound_by,
        standby_chord=chord,
    )


def _segments(problem: Problem, schedule: Schedule) -> Floats | None:
    if problem.wear_depth_price_per_kwh is None:
        return None
    return follow_segments(problem, schedule.energy_kwh, schedule.end_kwh)


def wear_model(problem: Problem) -> str:
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
