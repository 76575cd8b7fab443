"""Smallest powers and standby losses in a large fleet: a plan by prices, made whole.

The fleet of ``plan_fleet``, whose feeders bind, with 6 A at least and the default standby loss.
The bound is that of the plan without smallest powers, its standby loss spread as at full power:
a charger that may run anywhere can do all that one with a smallest power can.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gridtide.battery import DEFAULT_LAW
from gridtide.core import cpu_s
from gridtide.plan import Problem, concentrate, schedule_cost, solve
from gridtide.study.benchmarks.integrality import LEAST_KW
from gridtide.study.benchmarks.plan_fleet import Floats, draw_problem


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Plan by prices, make it whole, and compare.

    Parameters
    ----------
    size
        Vehicles; 10,000 where None.
    seed
        Of the draw.
    """
    count = size or 10_000
    smooth = replace(
        draw_problem(count, seed=seed),
        standby_kw=np.full(count, DEFAULT_LAW[0]),
        charge_efficiency=np.full(count, 1.0 - DEFAULT_LAW[1]),
        discharge_efficiency=np.full(count, 1.0 / (1.0 + DEFAULT_LAW[1])),
    )
    least = np.array([LEAST_KW[float(power)] for power in smooth.max_charge_kw])
    ranged = replace(smooth, min_charge_kw=least, min_discharge_kw=least)
    plan = solve(smooth, solver="price", time_limit_s=300.0)
    proof = plan.certificate
    price = None if proof is None else proof.limit_price + proof.peak_price
    concentrate(ranged, 0.0 * plan.power_kw)  # compiled here, not below
    began = cpu_s()
    held = concentrate(ranged, plan.power_kw, price)
    concentrate_s = cpu_s() - began
    cost = schedule_cost(ranged, held.power_kw)
    return {
        "vehicles": len(ranged),
        "plugged_steps": int(np.sum(ranged.depart - ranged.arrive)),
        "too_small_before": _too_small(ranged, plan.power_kw),
        "too_small_after": _too_small(ranged, held.power_kw),
        "steps_on_before": int(np.sum(plan.power_kw != 0)),
        "steps_on_after": int(np.sum(held.power_kw != 0)),
        "relaxed_cost": plan.objective,
        "lower_bound": plan.lower_bound,
        "cost": cost,
        "above_bound": (cost - plan.lower_bound) / max(1.0, abs(cost)),
        "shortfall_before_kwh": float(plan.shortfall_kwh.sum()),
        "shortfall_after_kwh": float(np.maximum(ranged.target_kwh - held.end_kwh, 0.0).sum()),
        "hard_violation_kw": _violation_kw(ranged, held.net_kw),
        "plan_cpu_s": plan.cpu_s,
        "concentrate_cpu_s": concentrate_s,
    }


def _too_small(problem: Problem, power_kw: Floats) -> int:
    """Count powers between nothing and the smallest."""
    assert problem.min_charge_kw is not None
    size = np.abs(power_kw)
    return int(np.sum((size > 1e-6) & (size < problem.min_charge_kw[:, None] - 1e-6)))


def _violation_kw(problem: Problem, net_kw: Floats) -> float:
    """Largest excess of the vehicles over the room below each limit; one level of feeders."""
    base = problem.base_load_kw.copy()
    base[0] += base[1:].sum(axis=0)
    above = net_kw - np.maximum(problem.import_kw - base, 0.0)
    beneath = np.minimum(-problem.export_kw - base, 0.0) - net_kw
    return float(max(above.max(), beneath.max(), 0.0))
