"""The exact schedule of one vehicle at given prices, over and over, in one thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gridtide.core import cpu_s
from gridtide.plan import solve
from gridtide.plan.price import best_schedules, lay_stays
from gridtide.study.benchmarks.plan_fleet import draw_problem

CHECKED = 200
REPEATS = 5


def measure(
    size: int | None, seed: int, *, v2g_share: float = 0.6, price_shape: str = "two-peak"
) -> dict[str, Any]:
    """Schedule every vehicle of the planning benchmark at the energy price alone.

    Parameters
    ----------
    size
        Vehicles; 50,000 where None.
    seed, v2g_share, price_shape
        Of the draw.
    """
    problem = draw_problem(size or 50_000, seed=seed, v2g_share=v2g_share, price_shape=price_shape)
    stays = lay_stays(problem, short_price=problem.shortfall_price_per_kwh)
    begin, steps = stays.each["start"], stays.each["steps"]
    stay = np.repeat(np.arange(len(begin)), steps)
    step = np.arange(len(stay)) - begin[stay] + stays.each["arrive"][stay]
    price = problem.price_import_per_kwh[0][step]
    best_schedules(stays, price, price, costs=False)
    best = np.inf
    for _ in range(REPEATS):
        began = cpu_s()
        best_schedules(stays, price, price, costs=False)
        best = min(best, cpu_s() - began)
    return {
        "vehicles": len(problem),
        "plugged_steps_each": len(stay) / len(problem),
        "schedules_per_cpu_s": len(problem) / best,
        "largest_error_against_highs": _error(seed, v2g_share, price_shape),
    }


def _error(seed: int, v2g_share: float, price_shape: str) -> float:
    """Largest difference of a vehicle's least cost from that of HiGHS [currency]."""
    drawn = draw_problem(CHECKED, seed=seed, v2g_share=v2g_share, price_shape=price_shape)
    alone = replace(
        drawn,
        limit=np.full(len(drawn), -1),
        limit_names=(),
        limit_parent=np.zeros(0, dtype=np.int64),
        import_kw=np.zeros((0, drawn.steps)),
        export_kw=np.zeros((0, drawn.steps)),
        base_load_kw=np.zeros((0, drawn.steps)),
        demand_charge_per_kw=np.zeros(0),
        meters=np.zeros(0, dtype=np.int64),
        price_export_per_kwh=drawn.price_import_per_kwh,
    )
    stays = lay_stays(alone, short_price=alone.shortfall_price_per_kwh)
    stay = np.repeat(np.arange(len(alone)), stays.each["steps"])
    step = np.arange(len(stay)) - stays.each["start"][stay] + stays.each["arrive"][stay]
    price = alone.price_import_per_kwh[0][step]
    value, _, _ = best_schedules(stays, price, price)
    plan = solve(alone, solver="highs")
    return abs(float(value.sum()) - plan.objective) / len(alone)
