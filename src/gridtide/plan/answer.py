"""The answer to a planning problem, as it is printed."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gridtide.core import SolverError
from gridtide.plan.blocks import Offer
from gridtide.plan.document import read_problem_file
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.solve import Plan, solve


def answer(plan: Plan, problem: Problem) -> dict[str, Any]:
    """Return a plan as one object of plain values, ready for JSON.

    Powers are at the plug [kW], positive is charging; shortfalls and energies in kWh; wear by
    vehicle in currency, over the plan.
    """
    return {
        "status": plan.status,
        "objective": plan.objective,
        "lower_bound": plan.lower_bound,
        "gap": plan.gap,
        "hard_violation_kw": plan.hard_violation_kw,
        "shortfall_kwh": _by_vehicle(problem, plan.shortfall_kwh),
        "schedule_kw": _by_vehicle(problem, plan.power_kw),
        "slacks": [asdict(slack) for slack in plan.slacks],
        "cpu_s": plan.cpu_s,
        "notes": list(plan.notes),
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
    return dict(zip(problem.ids, values.tolist(), strict=True))


def plan_file(path: Path, *, time_limit_s: float = 20.0) -> dict[str, Any]:
    """Read a JSON planning problem, solve it and return the answer.

    Parameters
    ----------
    path
        The document; see ``gridtide schema problem``.
    time_limit_s
        Wall time after which the best schedule so far is returned [s].

    Raises
    ------
    InputError
        With all findings about the document.
    SolverError
        If its numbers are too large to be added up.
    """
    problem = read_problem_file(path)
    plan = solve(problem, time_limit_s=time_limit_s)
    if not math.isfinite(plan.objective) or not math.isfinite(plan.lower_bound):
        raise SolverError(f"{path}: the numbers are too large to be added up; check the prices")
    return answer(plan, problem)
