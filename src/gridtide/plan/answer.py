"""The answer to a planning problem, as it is printed."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gridtide.core import SolverError
from gridtide.plan._chains import first_stay
from gridtide.plan.blocks import Offer
from gridtide.plan.document import read_problem_file
from gridtide.plan.made import Plan
from gridtide.plan.measures import measure
from gridtide.plan.plan_files import write_plan
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.solve import Solver, solve
from gridtide.plan.stored_plan import check_suffix


def answer(plan: Plan, problem: Problem) -> dict[str, Any]:
    """Return a plan as one object of plain values, ready for JSON.

    Powers are at the plug [kW], positive is charging; shortfalls and energies in kWh; wear by
    vehicle in currency, over the plan; objectives each in its own unit. What a vehicle has in
    several stays is added up.
    """
    en_route = np.zeros(len(problem)) if plan.en_route_kwh is None else plan.en_route_kwh
    return {
        "status": plan.status,
        "objective": plan.objective,
        "lower_bound": plan.lower_bound,
        "objectives": measure(problem, plan),
        "gap": plan.gap,
        "hard_violation_kw": plan.hard_violation_kw,
        "shortfall_kwh": _by_vehicle(problem, plan.shortfall_kwh),
        "en_route_kwh": _by_vehicle(problem, en_route),
        "schedule_kw": _by_vehicle(problem, plan.power_kw),
        "slacks": [asdict(slack) for slack in plan.slacks],
        "cpu_s": plan.cpu_s,
        "notes": list(plan.notes),
        "bound_by": plan.bound_by,
        "wear_model": plan.wear_model,
        "wear_cycle": _by_vehicle(problem, plan.wear_cycle.sum(axis=1)),
        "wear_holding": _by_vehicle(problem, plan.wear_holding.sum(axis=1)),
        "reserves": [_offered(problem, offer) for offer in plan.reserves],
    }


def _offered(problem: Problem, offer: Offer) -> dict[str, Any]:
    block = offer.reserve
    told: dict[str, Any] = {
        "name": block.name,
        "direction": block.direction,
        "from_step": block.from_step,
        "to_step": block.to_step,
        "offered_kw": offer.offered_kw,
        "planned_kw": offer.planned_kw,
        "proven_kw": offer.proven_kw,
        "revenue": offer.revenue,
        "activation_cost": offer.activation_cost,
        "broken_kw": offer.broken_kw,
        "cut": offer.cut,
        "method": offer.method,
    }
    if block.shares:
        told["share_kw"] = _by_vehicle(problem, offer.share_kw[:, block.from_step : block.to_step])
    return told


def _by_vehicle(problem: Problem, values: Floats) -> dict[str, Any]:
    first = np.flatnonzero(first_stay(problem) == np.arange(len(problem)))
    summed = np.add.reduceat(values, first) if len(first) else values
    return dict(zip((problem.ids[i] for i in first), summed.tolist(), strict=True))


def plan_file(
    path: Path, *, time_limit_s: float = 20.0, solver: Solver = "auto", out: Path | None = None
) -> dict[str, Any]:
    """Read a JSON planning problem, solve it and return the answer.

    Parameters
    ----------
    path
        The document; see ``gridtide schema problem``.
    time_limit_s
        Wall time after which the best schedule so far is returned [s].
    solver
        See :func:`gridtide.plan.solve`.
    out
        Where to keep the plan with its certificate, a Parquet or JSON file; nowhere by default.

    Raises
    ------
    InputError
        With all findings about the document, or about the name of the file to write.
    SolverError
        If its numbers are too large to be added up, or the solver cannot plan it.
    StorageError
        If the plan cannot be written.
    """
    if out is not None:
        check_suffix(out)
    problem = read_problem_file(path)
    plan = solve(problem, time_limit_s=time_limit_s, solver=solver)
    if not math.isfinite(plan.objective) or not math.isfinite(plan.lower_bound):
        raise SolverError(f"{path}: the numbers are too large to be added up; check the prices")
    if out is not None:
        write_plan(out, plan, problem)
    return answer(plan, problem)
