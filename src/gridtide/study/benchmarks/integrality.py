"""What smallest powers cost: the mixed-integer optimum, the heuristic, and what it saves.

Fleets behind one meter, half hours of a day, chargers of 7.4 kW on one phase and of 11 or 22 kW
on three with 6 A at least, and a standby loss as in :mod:`gridtide.battery.losses`. Synthetic.
For each fleet: the relaxation's bound, the mixed-integer program within a time limit with its
own bound, the relaxed schedule made whole by :func:`gridtide.plan.concentrate`, and the same
with its decisions held and the rest optimised once more. Then a
day's smooth total is dispatched among 200 vehicles both ways, over few of them and over many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery import DEFAULT_LAW, cells_kw, plug_kw
from gridtide.core import cpu_s
from gridtide.plan import (
    Problem,
    concentrate,
    gather,
    loss_kw,
    read_problem,
    schedule_cost,
    solve,
    spread,
)
from gridtide.study.benchmarks import plan_site as plan_benchmark

Floats = npt.NDArray[np.float64]
Share = Callable[[float, Floats, Floats, Floats], Floats]
LEAST_KW = {7.4: 1.38, 11.0: 4.14, 22.0: 4.14}
SEEDS = 3
TIME_LIMIT_S = 20.0
GLANCE_S = 1.0
"""For fewer than five vehicles: to see that it runs, not for figures."""
DISPATCHED = 200
STAYING_AHEAD_H = 2.0


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Measure gaps and losses.

    Parameters
    ----------
    size
        Vehicles; 12 where None. A quarter of them can discharge.
    seed
        Of the first of three draws.
    """
    count = size or 12
    fleets = [read_problem(problem(count, seed=seed + k)) for k in range(SEEDS)]
    rows = [_gaps(fleet) for fleet in fleets]
    return {
        "vehicles": count,
        "fleets": SEEDS,
        "concentrated_above_milp": _share(rows, "concentrated", "milp"),
        "refined_above_milp": _share(rows, "refined", "milp"),
        "refined_above_bound": _share(rows, "refined", "bound"),
        "milp_above_bound": _share(rows, "milp", "bound"),
        "bound_above_relaxation": _share(rows, "bound", "relaxed"),
        "hard_violation_kw": max(row["violation_kw"] for row in rows),
        "plans": rows,
        "dispatch": [_day(seed + k) for k in range(SEEDS)],
    }


def _share(rows: list[dict[str, float]], high: str, low: str) -> list[float]:
    """Difference of two costs as a share of what the best schedule costs, fleet by fleet."""
    return [(row[high] - row[low]) / max(abs(row["milp"]), 1.0) for row in rows]


def problem(vehicles: int, *, seed: int, steps: int = 48) -> dict[str, Any]:
    """Draw a planning problem with smallest powers and standby losses.

    Parameters
    ----------
    vehicles, steps
        Size; steps are half hours.
    seed
        Of the draw.
    """
    document = plan_benchmark.problem(vehicles, steps, seed)
    document["step_minutes"] = 30
    for i, vehicle in enumerate(document["vehicles"]):
        power = vehicle["max_charge_kw"]
        vehicle |= {
            "min_charge_kw": LEAST_KW[power],
            "min_discharge_kw": LEAST_KW[power],
            "max_discharge_kw": power if i % 4 == 0 else 0.0,
            "standby_kw": DEFAULT_LAW[0],
            "charge_efficiency": 1.0 - DEFAULT_LAW[1],
            "discharge_efficiency": 1.0 / (1.0 + DEFAULT_LAW[1]),
        }
    return document


def _gaps(drawn: Problem) -> dict[str, float]:
    """Solve one fleet in four ways; costs in currency."""
    began = cpu_s()
    relaxed = solve(replace(drawn, min_charge_kw=None, min_discharge_kw=None), relax_standby=True)
    relaxed_s = cpu_s() - began
    concentrate(drawn, relaxed.power_kw)  # compiled here, not below
    began = cpu_s()
    held = concentrate(drawn, relaxed.power_kw).power_kw
    concentrate_s = cpu_s() - began
    whole = solve(drawn, time_limit_s=TIME_LIMIT_S if len(drawn) >= 5 else GLANCE_S)
    refined = solve(drawn, integrality="concentrated")
    return {
        "relaxed": relaxed.lower_bound,
        "bound": whole.lower_bound,
        "milp": whole.objective,
        "refined": refined.objective,
        "concentrated": schedule_cost(drawn, held),
        "violation_kw": max(whole.hard_violation_kw, refined.hard_violation_kw),
        "milp_shortfall_kwh": float(whole.shortfall_kwh.sum()),
        "refined_shortfall_kwh": float(refined.shortfall_kwh.sum()),
        "relaxed_cpu_s": relaxed_s,
        "concentrate_cpu_s": concentrate_s,
        "refined_cpu_s": refined.cpu_s,
        "milp_cpu_s": whole.cpu_s,
    }


def _day(seed: int) -> dict[str, Any]:
    """Dispatch a smooth total in both ways: everyone's need spread evenly over the stay."""
    drawn = read_problem(problem(DISPATCHED, seed=seed))
    goal = np.minimum(drawn.target_kwh, drawn.max_kwh)
    need_kw = (goal - drawn.arrival_kwh) / (cells_kw(drawn.max_charge_kw) / drawn.max_charge_kw)
    even_kw = need_kw / ((drawn.depart - drawn.arrive) * drawn.step_h[0])
    t = np.arange(drawn.steps)
    here = (drawn.arrive[:, None] <= t) & (t < drawn.depart[:, None])
    total = np.sum(here * even_kw[:, None], axis=0)
    return {
        "gathered": _follow(drawn, total, gather),
        "gathered_staying_on": _follow(drawn, total, gather, ahead_h=STAYING_AHEAD_H),
        "spread": _follow(drawn, total, spread),
    }


def _follow(
    drawn: Problem, total: Floats, share: Share, *, ahead_h: float = 0.0
) -> dict[str, float]:
    """Follow a total with those plugged in, the least time to spare first, by the true losses.

    Those already running go before others who have up to ``ahead_h`` less to spare.
    """
    least = np.zeros(len(drawn)) if drawn.min_charge_kw is None else drawn.min_charge_kw
    full_kw = cells_kw(drawn.max_charge_kw)
    energy, before = drawn.arrival_kwh.copy(), np.zeros(len(drawn))
    goal = np.minimum(drawn.target_kwh, drawn.max_kwh)
    lost = moved = missed = switched = hours_on = 0.0
    for t, hours in enumerate(drawn.step_h):
        here = (drawn.arrive <= t) & (t < drawn.depart)
        missing = np.where(here, np.maximum(goal - energy, 0.0), 0.0)
        most = np.minimum(drawn.max_charge_kw, plug_kw(missing / hours))
        spare = (drawn.depart - t) * hours - missing / full_kw
        merit = np.where(before > 0, ahead_h, 0.0) - spare
        power = share(float(total[t]), least, np.where(missing > 0, most, 0.0), merit)
        energy += hours * np.where(power > 0, cells_kw(power), 0.0)
        lost += hours * loss_kw(power)
        moved += hours * float(power.sum())
        missed += hours * float(total[t] - power.sum())
        switched += float(np.sum((power > 0) != (before > 0)))
        hours_on += hours * float(np.sum(power > 0))
        before = power
    return {
        "delivered_kwh": moved,
        "lost_kwh": lost,
        "loss_share": lost / max(moved, 1e-9),
        "not_delivered_kwh": missed,
        "switchings": switched,
        "vehicle_hours_on": hours_on,
        "shortfall_kwh": float(np.maximum(goal - energy, 0.0)[drawn.depart <= len(total)].sum()),
    }
