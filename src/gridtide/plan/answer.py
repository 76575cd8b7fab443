"""The answer to a planning problem, as it is printed."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gridtide.core import Finding, InputError, SolverError
from gridtide.plan._chains import by_vehicle
from gridtide.plan._objective_accounts import bounded_limits
from gridtide.plan.bid_answer import answer_bid
from gridtide.plan.blocks import Offer
from gridtide.plan.document import read_document_file, to_problem
from gridtide.plan.made import Plan
from gridtide.plan.measures import measure
from gridtide.plan.plan_files import write_plan
from gridtide.plan.problem import Problem
from gridtide.plan.records import ProblemRecord
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
        "shortfall_kwh": by_vehicle(problem, plan.shortfall_kwh),
        "en_route_kwh": by_vehicle(problem, en_route),
        "schedule_kw": by_vehicle(problem, plan.power_kw),
        "stored_kwh": {
            problem.limit_names[j]: plan.stored_kwh[j].tolist() for j in bounded_limits(problem)
        },
        "slacks": [asdict(slack) for slack in plan.slacks],
        "cpu_s": plan.cpu_s,
        "notes": list(plan.notes),
        "bound_by": plan.bound_by,
        "wear_model": plan.wear_model,
        "wear_cycle": by_vehicle(problem, plan.wear_cycle.sum(axis=1)),
        "wear_holding": by_vehicle(problem, plan.wear_holding.sum(axis=1)),
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
        told["share_kw"] = by_vehicle(problem, offer.share_kw)
    return told


def plan_file(
    path: Path,
    *,
    time_limit_s: float | None = None,
    solver: Solver = "auto",
    gap: float = 1e-4,
    out: Path | None = None,
) -> dict[str, Any]:
    """Read a JSON planning problem, solve it and return the answer.

    Parameters
    ----------
    path
        The document; see ``gridtide schema problem``.
    time_limit_s
        Wall time after which the best schedule so far is returned [s]; None for 20 s, more
        for more than 10,000 vehicles.
    solver, gap
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
    record = read_document_file(path)
    if out is not None:
        _check_out(out, record)
    told = plan_document(record, time_limit_s=time_limit_s, solver=solver, gap=gap, out=out)
    if not _addable(told):
        raise SolverError(f"{path}: the numbers are too large to be added up; check the prices")
    return told


def plan_document(
    record: ProblemRecord,
    *,
    time_limit_s: float | None = None,
    solver: Solver = "auto",
    gap: float = 1e-4,
    out: Path | None = None,
) -> dict[str, Any]:
    """Answer a checked document: a schedule, or with scenarios a day-ahead bid."""
    if time_limit_s is None:
        time_limit_s = max(20.0, len(record.vehicles) / 500.0)
    if record.scenarios:
        return answer_bid(record, time_limit_s=time_limit_s)
    problem = to_problem(record)
    plan = solve(problem, time_limit_s=time_limit_s, solver=solver, gap=gap)
    told = answer(plan, problem)
    if out is not None and _addable(told):
        write_plan(out, plan, problem)
    return told


def _addable(told: dict[str, Any]) -> bool:
    return math.isfinite(told["objective"]) and math.isfinite(told["lower_bound"])


def _check_out(out: Path, record: ProblemRecord) -> None:
    check_suffix(out)
    if record.scenarios:
        what = "a plan file holds one schedule, and a bid has one for every day"
        raise InputError([Finding(str(out), what, "Leave --out away and keep what --json prints")])
