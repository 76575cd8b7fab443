"""Solve a planning problem: a schedule with its certificate, always.

Every answer carries the cost recomputed from the schedule, a proven lower bound, the gap between
the two and the largest violation of a hard limit. What cannot be is left as a named slack.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from gridtide.core import cpu_s
from gridtide.plan._accounts import judge
from gridtide.plan._by_highs import plan_by_highs
from gridtide.plan._by_price import plan_by_price, unknown_to_price
from gridtide.plan._layout import lay_out
from gridtide.plan.linear._ahead import Ahead
from gridtide.plan.linear._search import Search
from gridtide.plan.linear._wear import find_levels
from gridtide.plan.made import Plan
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.start import Start
from gridtide.plan.wear_refresh import ROUNDS, refresh_linear

Solver = Literal["auto", "highs", "price"]
FEW = 12
"""Where limits hold fewer stays than so, HiGHS is as fast on more of them, and exact."""
PRICE_STEPS = 20_000
"""Up to so many plugged steps of all vehicles, HiGHS plans."""
EXACT_LIMIT_S = 20.0
"""Wall time for a part of a fleet that is planned exactly."""
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
        solver == "auto" and steps > _steps_for_highs(problem) and not unknown_to_price(problem)
    )
    if by_price:
        return plan_by_price(
            problem,
            gap=gap,
            time_limit_s=time_limit_s,
            relax_standby=relax_standby,
            exactly=_exactly,
            start=start,
            began=began,
        )
    layout = lay_out(problem, relax_standby=relax_standby)
    return plan_by_highs(layout, time_limit_s, began, exact=integrality == "exact")


def _steps_for_highs(problem: Problem) -> int:
    """Plugged steps up to which HiGHS plans: more where prices need it for every group anyway.

    With 4 to 8 vehicles a limit both take the same time at some 2,000 vehicles, which are 80,000
    plugged steps, and HiGHS three times as much at 5,000; with 20 a limit prices are faster from
    1,000 on. After drives the bound of coordination by price is loose.
    """
    held = np.bincount(problem.limit[problem.limit >= 0], minlength=len(problem.limit_names))
    binding = np.isfinite(problem.import_kw).any(axis=1) & (held > 0)
    few = bool(binding.any()) and float(np.median(held[binding])) < FEW
    return 4 * PRICE_STEPS if few or problem.continues is not None else PRICE_STEPS


def _exactly(part: Problem, ahead: Ahead | None = None) -> Floats:
    """Powers of the plugged steps by HiGHS, losses as coordination by price takes them."""
    layout = lay_out(part, relax_standby=True)
    return Search(layout, EXACT_LIMIT_S, ahead=ahead).find().schedule.plugged_kw


def _segment_places(problem: Problem, relax_standby: bool, steps: int, levels: int) -> int:
    """Places of segments where they are too many for segments, else 0."""
    if steps * levels <= SEGMENT_PLACES:
        return 0
    if steps > PRICE_STEPS:
        return steps * levels
    found = find_levels(lay_out(problem, relax_standby=relax_standby))
    places = 0 if found is None else int(found.tracked.sum())
    return places if places > SEGMENT_PLACES else 0


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
