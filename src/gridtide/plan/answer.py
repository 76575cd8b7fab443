"""The answer to a planning problem, as it is printed."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gridtide.core import SolverError
from gridtide.plan.document import read_problem_file
from gridtide.plan.problem import Problem
from gridtide.plan.solve import Plan, solve


def answer(plan: Plan, problem: Problem) -> dict[str, Any]:
    """Return a plan as one object of plain values, ready for JSON.

    Powers are at the plug [kW], positive is charging; shortfalls and energies in kWh.
    """
    return {
        "status": plan.status,
        "objective": plan.objective,
        "lower_bound": plan.lower_bound,
        "gap": plan.gap,
        "hard_violation_kw": plan.hard_violation_kw,
        "shortfall_kwh": dict(zip(problem.ids, plan.shortfall_kwh.tolist(), strict=True)),
        "schedule_kw": dict(zip(problem.ids, plan.power_kw.tolist(), strict=True)),
        "slacks": [asdict(slack) for slack in plan.slacks],
        "cpu_s": plan.cpu_s,
        "notes": list(plan.notes),
    }


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
