"""A plan by the reference optimiser: all vehicles in one linear or mixed-integer problem."""

from __future__ import annotations

import numpy as np

from gridtide.core import cpu_s
from gridtide.plan._accounts import Schedule
from gridtide.plan._layout import Layout
from gridtide.plan._wear_accounts import follow_segments
from gridtide.plan.linear._search import Search
from gridtide.plan.linear._solver import Deadline
from gridtide.plan.made import GAP_CLOSED, Plan, wear_model
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.reserve import name_broken, replan
from gridtide.plan.slacks import name_slacks


def plan_by_highs(layout: Layout, time_limit_s: float, began: float, *, exact: bool) -> Plan:
    """Plan a laid-out problem; ``exact`` decides by branch and bound where chargers run."""
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
        bound_by="reserve" if offers else found.bound_by,
        standby_chord=chord,
    )


def _segments(problem: Problem, schedule: Schedule) -> Floats | None:
    if problem.wear_depth_price_per_kwh is None:
        return None
    return follow_segments(problem, schedule.energy_kwh, schedule.end_kwh)
