"""The physics step alone: losses, taper, battery limits, registers, net power by limit."""

from __future__ import annotations

from typing import Any

from gridtide.control import Setpoints, Wish, narrow
from gridtide.core import cpu_s, stream
from gridtide.sim import SimPlant
from gridtide.study.benchmarks import peak_memory_mb
from gridtide.study.benchmarks.fleet_day import GivenPlan, make_world

STEPS_TIMED = 40


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Apply setpoints along a plan and time only the plant's step."""
    n = size or 100_000
    _run(min(n, 1000), seed)
    plant, seconds, steps, tapered = _run(n, seed)
    plant.close()
    return {
        "vehicles": n,
        "steps": steps,
        "cpu_s": seconds,
        "vehicle_steps_per_cpu_s": n * steps / seconds,
        "share_of_steps_in_taper": tapered,
        "energy_residual_kwh": plant.extremes.residual_kwh,
        "peak_memory_mb": peak_memory_mb(),
    }


def _run(n: int, seed: int) -> tuple[SimPlant, float, int, float]:
    """Step the plant with every vehicle plugged in from the start."""
    world = make_world(n, seed)
    world.sessions.arrival_s[:] = world.grid.start_s
    world.sessions.departure_s[:] = world.grid.end_s + 1
    world.sessions.stated_departure_s[:] = world.grid.end_s + 1.0
    plant = SimPlant(world, lambda _: None, lambda _: None)
    plan = GivenPlan(world, seed)
    rng = stream(seed, "benchmark physics")
    shift = rng.permutation(n)
    seconds, tapered = 0.0, 0
    for step in range(STEPS_TIMED):
        image = plant.observe()
        row = plan.row(step + 24)[shift]
        setpoints: Setpoints = narrow(image, Wish.of(row))
        tapered += int((image.energy_kwh > image.knee_kwh).sum())
        began = cpu_s()
        plant.apply(setpoints)
        seconds += cpu_s() - began
    return plant, seconds, STEPS_TIMED, tapered / (n * STEPS_TIMED)
