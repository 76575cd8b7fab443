"""The whole loop for many vehicles: observe, decide along a plan, apply, meter, reasons.

Every change of a setpoint or of its reason is kept, as in a real run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gridtide.control import Planned, run_loop
from gridtide.core import cpu_s
from gridtide.sim import SimPlant
from gridtide.study.benchmarks import peak_memory_mb
from gridtide.study.benchmarks.fleet_day import STEPS, GivenPlan, make_world
from gridtide.study.record import DecisionTape


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Run a day and count vehicle-steps per CPU-second; compiling is done before."""
    n = size or 100_000
    _operate(min(n, 1000), seed)
    plant, seconds, bound = _operate(n, seed)
    out = plant.outcomes
    left = out.state == 2
    asked = np.minimum(plant.world.sessions.target_kwh, out.reach)
    return {
        "vehicles": n,
        "steps": STEPS,
        "cpu_s": seconds,
        "vehicle_steps_per_cpu_s": n * STEPS / seconds,
        "share_of_setpoints_bound_by_limits": bound,
        "departures_met": int((asked - out.departure <= 0.1)[left].sum()),
        "departures": int(left.sum()),
        "hard_violation_kw": plant.extremes.violation_kw,
        "energy_residual_kwh": plant.extremes.residual_kwh,
        "peak_memory_mb": peak_memory_mb(),
    }


def _operate(n: int, seed: int) -> tuple[SimPlant, float, float]:
    world = make_world(n, seed)
    planner = GivenPlan(world, seed)
    counts = np.zeros(2)
    plant = SimPlant(world, lambda _: None, lambda _: None)
    planner.plan(plant.observe())  # the plan is given, not made
    decisions = DecisionTape(n)
    began = cpu_s()
    run_loop(plant, Planned(planner, replan_s=900.0), world.grid.end_s, decisions)
    seconds = cpu_s() - began
    plant.close()
    again = SimPlant(world, lambda _: None, lambda _: None)

    def count(_image: object, setpoints: Any) -> None:
        counts[:] += (setpoints.binding >= 0).sum(), (setpoints.power_kw != 0).sum()

    run_loop(again, Planned(planner, replan_s=900.0), world.grid.end_s, count)
    return plant, seconds, float(counts[0] / max(counts[1], 1))
