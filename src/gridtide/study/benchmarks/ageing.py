"""Ageing: cell-days per CPU-second of every model, a fleet over years, rainflow points."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery import age, count_cycles, model_cards
from gridtide.core import cpu_s, stream
from gridtide.study.benchmarks import peak_memory_mb

Floats = npt.NDArray[np.float64]

FLEET = 10_000
FLEET_MODEL = "nmc622_denso50"
SAMPLE_VEHICLES = 100
SAMPLE_DAYS = 365
RAINFLOW_POINTS = 1_000_000
BLOCK = 100


def measure(size: int | None, seed: int, years: float = 10.0) -> dict[str, Any]:
    """Measure cell models on days that all differ, then a fleet; the profiles are synthetic.

    Every day of every vehicle is read and aged once: nothing is taken from a day that came
    before. The fleet's profile of a year repeats, as that of one vehicle does in
    ``gridtide battery age``; ``fleet_cell_days_read`` tells how many days were read anew.
    """
    vehicles = FLEET if size is None else size
    soc, heat = synthetic_year(SAMPLE_VEHICLES, seed)
    rates = {card.name: _rate(card.name, soc, heat) for card in model_cards()}
    return {
        "input": "synthetic",
        "seed": seed,
        "sample": f"{SAMPLE_VEHICLES} vehicles x {SAMPLE_DAYS} days, hourly, no two days alike",
        "cell_days_per_cpu_s": {name: round(rate) for name, rate in rates.items()},
        "models_above_1e6": sum(rate >= 1e6 for rate in rates.values()),
        "slowest_cell_days_per_cpu_s": round(min(rates.values())),
        **_rainflow(seed),
        **_fleet(vehicles, years, seed),
        "peak_memory_mb": peak_memory_mb(),
    }


def synthetic_year(vehicles: int, seed: int, block: int = 0) -> tuple[Floats, Floats]:
    """Hourly states of charge and temperatures of a year, each (vehicles, 8760): synthetic.

    Every night ends at a drawn level, every day goes down by a drawn depth at drawn hours; the
    cells follow a season, a daily swing and noise.
    """
    random = stream(seed, f"ageing benchmark {block}")
    shape = (vehicles, SAMPLE_DAYS, 1)
    hour = np.arange(24.0)
    top, depth = random.uniform(0.6, 1.0, shape), random.uniform(0.1, 0.6, shape)
    leaves, returns = random.uniform(6, 10, shape), random.uniform(15, 20, shape)
    out = np.clip((hour - leaves) / 2.0, 0.0, 1.0) - np.clip((hour - returns) / 4.0, 0.0, 1.0)
    soc = np.clip(top - depth * out, 0.0, 1.0).reshape(vehicles, -1)
    day = np.arange(SAMPLE_DAYS)[None, :, None]
    season = 12.0 - 10.0 * np.cos(2 * np.pi * day / 365.0) - 5.0 * np.cos(2 * np.pi * hour / 24.0)
    heat = (season + random.normal(0.0, 3.0, shape)).reshape(vehicles, -1)
    return soc, heat


def _rate(model: str, soc: Floats, heat: Floats) -> float:
    """Cell-days per CPU-second, compiled beforehand; the best of three."""
    age(model, soc[:1, :48], heat[:1, :48], years=1)
    best = np.inf
    for _ in range(3):
        began = cpu_s()
        age(model, soc, heat, years=1)
        best = min(best, cpu_s() - began)
    return soc.size / 24.0 / best


def _rainflow(seed: int) -> dict[str, Any]:
    noise = stream(seed, "rainflow benchmark").random(RAINFLOW_POINTS)
    count_cycles(noise[:1000])
    best = np.inf
    for _ in range(3):
        began = cpu_s()
        cycles = count_cycles(noise)
        best = min(best, cpu_s() - began)
    moved = float(np.abs(np.diff(noise)).sum())
    counted = 2.0 * float((cycles.count * cycles.range).sum())
    return {
        "rainflow_points_per_cpu_s": round(RAINFLOW_POINTS / best),
        "rainflow_check": abs(counted - moved) / moved,
    }


def _fleet(vehicles: int, years: float, seed: int) -> dict[str, Any]:
    """Age a fleet block by block; its profiles are drawn on the way and counted apart."""
    drawing, ageing, ends = 0.0, 0.0, []
    for block, first in enumerate(range(0, vehicles, BLOCK)):
        n = min(BLOCK, vehicles - first)
        began = cpu_s()
        soc, heat = synthetic_year(n, seed, block)
        drawn = cpu_s()
        ends.append(age(FLEET_MODEL, soc, heat, years=years).q[:, -1])
        drawing, ageing = drawing + drawn - began, ageing + cpu_s() - drawn
    q = np.concatenate(ends)
    return {
        "vehicles": vehicles,
        "fleet_years": years,
        "fleet_model": FLEET_MODEL,
        "fleet_cpu_s": ageing,
        "fleet_drawing_cpu_s": drawing,
        "fleet_cell_days_read": vehicles * SAMPLE_DAYS,
        "fleet_q_mean": float(q.mean()),
        "fleet_q_worst": float(q.min()),
    }
