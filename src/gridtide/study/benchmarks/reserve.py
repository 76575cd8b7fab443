"""Reserve: what fast ways to plan it lose against the full linear problem; synthetic nights.

Half-hour steps from 16:00 to 10:00, vehicles that come in the evening and leave in the morning,
60 % of them bidirectional; blocks of four hours each way, with a reservoir of an hour. Once each
plug is billed for itself without common limits, once below one meter with a limit of 3 kW a
vehicle each way: one site, or beyond 1,000 vehicles feeders of 250.

- ``full``: energy and reserve in one linear problem, up to 1,000 vehicles
- ``price``: both coordinated by price
- ``energy_first``: energy planned alone, reserve from what it leaves, up to 1,000 vehicles

All are proven. What ``price`` loses is measured against ``full``, or by its own bound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from gridtide.core import cpu_s, stream
from gridtide.plan import Offer, Plan, Problem, Reserve, prove, solve
from gridtide.study.benchmarks import peak_memory_mb

STEPS = 36
START_H = 16.0
BESIDE_FULL = 1_000
FEEDER = 250
TIME_LIMIT_S = 900.0


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Plan one fleet each way and compare.

    Parameters
    ----------
    size
        Vehicles; 200 where None.
    seed
        Of the draw.

    Returns
    -------
    dict
        Of ``free`` and ``limited`` each, by way: cost less revenue [currency], kW·h offered, CPU
        seconds, and the share of what reserve is worth in the full problem that is lost.
    """
    size = size or 200
    # What compiling costs is paid once on a machine, not with every plan.
    for some in (draw(20, seed=seed), behind_a_site(draw(20, seed=seed))):
        solve(some, solver="price", time_limit_s=5.0)
    problem = draw(size, seed=seed)
    limited = behind_a_site(problem) if size <= BESIDE_FULL else below_feeders(problem)
    return {
        "vehicles": size,
        "steps": problem.steps,
        "seed": seed,
        "free": compare(problem),
        "limited": compare(limited),
        "peak_mb": peak_memory_mb(),
    }


def compare(problem: Problem) -> dict[str, Any]:
    """Plan energy and reserve of one problem each way.

    Parameters
    ----------
    problem
        With reserves.
    """
    beside = len(problem) <= BESIDE_FULL
    energy_way: Literal["highs", "price"] = "highs" if beside else "price"
    energy = solve(replace(problem, reserves=()), solver=energy_way, time_limit_s=TIME_LIMIT_S)
    price = solve(problem, solver="price", time_limit_s=TIME_LIMIT_S)
    ways = {"price": _way(problem, price)}
    best, bound = price.objective, price.lower_bound
    if beside:
        full = solve(problem, solver="highs", time_limit_s=TIME_LIMIT_S)
        ways = {"full": _way(problem, full), **ways, "energy_first": _energy_first(problem, energy)}
        best = bound = full.objective
    worth = energy.objective - bound
    for way in ways.values():
        way["lost"] = (way["cost"] - bound) / worth if worth > 0 else 0.0
    return {
        "energy_alone": energy.objective,
        "best": best,
        "worth": worth,
        "hard_violation_kw": price.hard_violation_kw,
        "ways": ways,
    }


def _way(problem: Problem, plan: Plan) -> dict[str, Any]:
    planned = sum(o.planned_kw * o.reserve.hours(problem.step_h) for o in plan.reserves)
    return {
        "cost": plan.objective,
        **_told(problem, plan.reserves),
        "planned_kwh": float(planned),
        "lower_bound": plan.lower_bound,
        "gap": plan.gap,
        "sweeps": plan.sweeps,
        "cpu_s": plan.cpu_s,
    }


def _energy_first(problem: Problem, energy: Plan) -> dict[str, Any]:
    began = cpu_s()
    offers = prove(problem, energy.power_kw, energy.energy_kwh)
    told = {"cost": energy.objective + sum(o.cost for o in offers), **_told(problem, offers)}
    return {**told, "cpu_s": energy.cpu_s + cpu_s() - began}


def _told(problem: Problem, offers: tuple[Offer, ...]) -> dict[str, Any]:
    held = sum(o.offered_kw * o.reserve.hours(problem.step_h) for o in offers)
    return {"revenue": sum(o.revenue for o in offers), "offered_kwh": float(held)}


def draw(vehicles: int, *, seed: int) -> Problem:
    """Draw a night of vehicles, each billed at its plug, and blocks of reserve.

    Parameters
    ----------
    vehicles
        How many.
    seed
        Of the draw.
    """
    draws = stream(seed, "benchmark reserve")
    hour = (START_H + np.arange(STEPS) / 2.0) % 24.0
    arrive = np.clip(np.rint(draws.normal(3.0, 2.0, vehicles)), 0, 12).astype(np.int64)
    depart = np.clip(np.rint(draws.normal(30.0, 2.0, vehicles)), 22, STEPS).astype(np.int64)
    capacity = draws.choice([40.0, 60.0, 77.0], vehicles)
    power = draws.choice([7.4, 11.0], vehicles)
    arrival = capacity * draws.uniform(0.2, 0.7, vehicles)
    price = 0.2 + 0.1 * np.exp(-0.5 * ((hour - 19.0) / 2.0) ** 2) - 0.05 * ((hour < 6) & (hour > 1))
    price = price + draws.normal(0.0, 0.004, STEPS)
    return Problem(
        ids=tuple(f"v{i}" for i in range(vehicles)),
        step_h=np.full(STEPS, 0.5),
        arrive=arrive,
        depart=depart,
        arrival_kwh=arrival,
        target_kwh=np.minimum(arrival + draws.uniform(8.0, 30.0, vehicles), 0.9 * capacity),
        min_kwh=0.1 * capacity,
        max_kwh=capacity,
        max_charge_kw=power,
        max_discharge_kw=np.where(draws.random(vehicles) < 0.6, power, 0.0),
        charge_efficiency=np.full(vehicles, 0.93),
        discharge_efficiency=np.full(vehicles, 0.93),
        wear_price_per_kwh=np.full(vehicles, 0.04),
        limit=np.full(vehicles, -1),
        limit_names=(),
        limit_parent=np.zeros(0, dtype=np.int64),
        import_kw=np.zeros((0, STEPS)),
        export_kw=np.zeros((0, STEPS)),
        base_load_kw=np.zeros((0, STEPS)),
        demand_charge_per_kw=np.zeros(0),
        meters=np.zeros(0, dtype=np.int64),
        price_import_per_kwh=price[None, :],
        price_export_per_kwh=price[None, :] - 0.05,
        shortfall_price_per_kwh=10.0,
        reserves=_blocks(draws),
    )


def _blocks(draws: np.random.Generator) -> tuple[Reserve, ...]:
    """Four-hour blocks from 20:00 to 8:00, each way, at 5 to 30 per MW and hour."""
    return tuple(
        Reserve(
            name=f"{way} {int(START_H + first / 2) % 24:02d}:00",
            direction=way,
            from_step=first,
            to_step=first + 8,
            price_per_kw_h=float(draws.uniform(0.005, 0.03)),
            duration_h=1.0,
        )
        for first in (8, 16, 24)
        for way in ("up", "down")
    )


def behind_a_site(problem: Problem) -> Problem:
    """Put the vehicles behind one meter with a limit both ways.

    Parameters
    ----------
    problem
        As drawn.
    """
    count, shape = len(problem), (1, problem.steps)
    return replace(
        problem,
        limit=np.zeros(count, dtype=np.int64),
        limit_names=("site",),
        limit_parent=np.array([-1]),
        import_kw=np.full(shape, 3.0 * count),
        export_kw=np.full(shape, 3.0 * count),
        base_load_kw=np.zeros(shape),
        demand_charge_per_kw=np.zeros(1),
        meters=np.array([0]),
    )


def below_feeders(problem: Problem) -> Problem:
    """Put the vehicles below feeders of 250 with a limit both ways, all behind one meter.

    Parameters
    ----------
    problem
        As drawn.
    """
    count = len(problem)
    feeder = np.arange(count) // FEEDER
    size = np.bincount(feeder)
    unlimited = np.full((1, problem.steps), np.inf)
    room = np.concatenate((unlimited, np.repeat(3.0 * size[:, None], problem.steps, axis=1)))
    return replace(
        problem,
        limit=feeder + 1,
        limit_names=("region", *(f"feeder{f}" for f in range(len(size)))),
        limit_parent=np.concatenate(([-1], np.zeros(len(size), dtype=np.int64))),
        import_kw=room,
        export_kw=room,
        base_load_kw=np.zeros_like(room),
        demand_charge_per_kw=np.zeros(len(room)),
        meters=np.array([0]),
    )
