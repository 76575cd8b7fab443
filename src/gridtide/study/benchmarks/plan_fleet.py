"""The planning benchmark at fleet scale: feeders of 250 below one billed region, synthetic.

96 quarter hours from noon; stays of 16 to 64 of them; feeders whose limits bind, a demand charge
on the region. Four shapes of price.
"""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.core import GridtideError, cpu_s, stream
from gridtide.plan import Plan, Problem, churn_kwh, hold_to, solve, warm_start
from gridtide.study.benchmarks import peak_memory_mb

Floats = npt.NDArray[np.float64]

STEPS = 96
FEEDER = 250
SHAPES = ("flat", "two-peak", "solar", "scarcity")
ETA = 0.93
GAPS = ((10_000, 1e-4), (100_000, 2e-4))
"""Gap to plan to up to so many vehicles; beyond them 1e-3."""
BESIDE_HIGHS = 2_000
"""Up to so many vehicles HiGHS plans the same problem beside."""
TIME_LIMIT_S = 900.0
CHANGE_PRICE = 0.001
"""Of each kWh by which a plan that is held to the one before differs [currency/kWh]."""
NEAR_LIMIT = 1e-3


def measure(
    size: int | None,
    seed: int,
    *,
    v2g_share: float = 0.6,
    price_shape: str = "two-peak",
    stored_kwh: float = 0.0,
    gap: float | None = None,
    again: bool = False,
) -> dict[str, Any]:
    """Plan a fleet in a fresh process, which has compiled its kernels before, and account for it.

    Parameters
    ----------
    size
        Vehicles; 10,000 where None.
    seed
        Of the draw.
    v2g_share
        Share that can discharge.
    price_shape
        One of ``SHAPES``.
    stored_kwh
        As of :func:`draw_problem`.
    gap
        Relative gap to plan to; None for one by size.
    again
        Plan again a step later, with and without the first plan to start from.

    Raises
    ------
    GridtideError
        If the process that plans dies.
    """
    size = size or 10_000
    gap = gap if gap is not None else next((g for n, g in GAPS if size <= n), 1e-3)
    options: dict[str, Any] = {"seed": seed, "v2g_share": v2g_share, "price_shape": price_shape}
    options |= {"stored_kwh": stored_kwh} if stored_kwh > 0 else {}
    result = _apart(_measure, size, gap, options, again)
    if size <= BESIDE_HIGHS and not again:
        result |= _apart(_beside, size, options)
    return result


def _apart(what: Any, *given: Any) -> dict[str, Any]:
    """Call in a process of its own, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(theirs, what, *given))
    child.start()
    theirs.close()
    try:
        result: dict[str, Any] = ours.recv()
    except EOFError as error:
        raise GridtideError("the process that plans died; is there enough memory?") from error
    finally:
        child.join()
    return result


def _send(pipe: Any, what: Any, *given: Any) -> None:
    pipe.send(what(*given))


def _measure(size: int, gap: float, options: dict[str, Any], again: bool) -> dict[str, Any]:
    # What compiling costs is paid once on a machine, not with every plan.
    warm_up = draw_problem(2 * FEEDER, **options)
    solve(warm_up, solver="price", time_limit_s=5.0)
    problem = draw_problem(size, **options)
    began_s, began_cpu_s = time.monotonic(), cpu_s()
    plan = solve(problem, solver="price", gap=gap, time_limit_s=TIME_LIMIT_S)
    result = {
        "vehicles": size,
        "steps": problem.steps,
        "limit_rows": int(np.isfinite(problem.import_kw).sum()),
        **options,
        "binding_share": binding_share(problem, plan),
        "lower_bound": plan.lower_bound,
        "cost": plan.objective,
        "gap": plan.gap,
        "gap_wanted": gap,
        "absolute_gap": plan.objective - plan.lower_bound,
        "hard_violation_kw": plan.hard_violation_kw,
        "shortfall_kwh": float(plan.shortfall_kwh.sum()),
        "sweeps": plan.sweeps,
        "cpu_s": cpu_s() - began_cpu_s,
        "wall_s": time.monotonic() - began_s,
        "peak_mb": peak_memory_mb(),
    }
    return result | _again(problem, plan, gap, options["seed"]) if again else result


def _beside(size: int, options: dict[str, Any]) -> dict[str, Any]:
    """Solve the same with HiGHS."""
    began = cpu_s()
    plan = solve(draw_problem(size, **options), solver="highs", time_limit_s=TIME_LIMIT_S)
    return {"highs_objective": plan.objective, "highs_cpu_s": cpu_s() - began}


def _again(problem: Problem, plan: Plan, gap: float, seed: int) -> dict[str, Any]:
    """Plan a step later: what was planned has happened, base loads are known a little better."""
    later, steps = step_later(problem, plan, seed), np.arange(1, problem.steps)
    began = cpu_s()
    start = warm_start(plan, problem, later, steps)
    warm = solve(later, solver="price", gap=gap, start=start, time_limit_s=TIME_LIMIT_S)
    warm_cpu_s, began = cpu_s() - began, cpu_s()
    cold = solve(later, solver="price", gap=gap, time_limit_s=TIME_LIMIT_S)
    cold_cpu_s, began = cpu_s() - began, cpu_s()
    priced = hold_to(later, plan, problem, steps, CHANGE_PRICE)
    held = solve(priced, solver="price", gap=gap, start=start, time_limit_s=TIME_LIMIT_S)
    planned = float(np.abs(plan.plugged_kw).sum() * problem.step_h[0])
    return {
        "again_cpu_s": warm_cpu_s,
        "again_gap": warm.gap,
        "again_sweeps": warm.sweeps,
        "again_hard_violation_kw": warm.hard_violation_kw,
        "again_churn_share": churn_kwh(plan, problem, later, steps, warm.plugged_kw) / planned,
        "held_cpu_s": cpu_s() - began,
        "held_gap": held.gap,
        "held_churn_share": churn_kwh(plan, problem, later, steps, held.plugged_kw) / planned,
        "cold_cpu_s": cold_cpu_s,
        "cold_sweeps": cold.sweeps,
        "cold_churn_share": churn_kwh(plan, problem, later, steps, cold.plugged_kw) / planned,
    }


def step_later(problem: Problem, plan: Plan, seed: int) -> Problem:
    """Move a problem on by a step that went as planned; base loads change by 1 %."""
    draw = stream(seed, "benchmark replan")
    energy = plan.energy_kwh[:, 1]
    here = (problem.arrive == 0) & np.isfinite(energy)
    base = problem.base_load_kw[:, 1:]
    return replace(
        problem,
        step_h=problem.step_h[1:],
        arrive=np.maximum(problem.arrive - 1, 0),
        depart=problem.depart - 1,
        arrival_kwh=np.where(here, energy, problem.arrival_kwh),
        import_kw=problem.import_kw[:, 1:],
        export_kw=problem.export_kw[:, 1:],
        base_load_kw=base * draw.normal(1.0, 0.01, base.shape),
        price_import_per_kwh=problem.price_import_per_kwh[:, 1:],
        price_export_per_kwh=problem.price_export_per_kwh[:, 1:],
    )


def binding_share(problem: Problem, plan: Plan) -> float:
    """Share of feeder-steps at a limit, of those in which vehicles are plugged in."""
    present = np.zeros((len(problem.limit_names), problem.steps + 1))
    inside = problem.arrive < np.minimum(problem.depart, problem.steps)
    np.add.at(present, (problem.limit[inside], problem.arrive[inside]), 1)
    leave = np.minimum(problem.depart, problem.steps)[inside]
    np.add.at(present, (problem.limit[inside], leave), -1)
    here = np.cumsum(present, axis=1)[1:, :-1] > 0
    feeder = (plan.net_kw + problem.base_load_kw)[1:]
    upper, lower = problem.import_kw[1:], -problem.export_kw[1:]
    at = (feeder >= upper * (1 - NEAR_LIMIT)) | (feeder <= lower * (1 - NEAR_LIMIT))
    return float(np.mean(at[here]))


def draw_problem(
    vehicles: int,
    *,
    seed: int = 1,
    v2g_share: float = 0.6,
    price_shape: str = "two-peak",
    stored_kwh: float = 0.0,
) -> Problem:
    """Draw a fleet below feeders below a region.

    Parameters
    ----------
    vehicles
        How many.
    seed
        Of the draw.
    v2g_share
        Share that can discharge.
    price_shape
        One of ``SHAPES``.
    stored_kwh
        Energy that the region's vehicles are to hold together from 18 to 20 h, per vehicle of the
        fleet, plugged in or not [kWh]; 0 for none.
    """
    draw = stream(seed, f"benchmark plan {price_shape}")
    hour = (12.0 + np.arange(STEPS) / 4.0) % 24.0
    feeders = max(1, -(-vehicles // FEEDER))
    feeder = np.minimum(np.arange(vehicles) // FEEDER, feeders - 1)
    stay = draw.integers(16, 65, vehicles)
    arrive = np.floor(draw.random(vehicles) * (STEPS - stay + 1)).astype(np.int64)
    capacity = draw.choice([40.0, 60.0, 77.0], vehicles)
    power = draw.choice([7.4, 11.0, 22.0], vehicles, p=[0.4, 0.4, 0.2])
    arrival = capacity * draw.uniform(0.2, 0.6, vehicles)
    wanted = np.minimum(capacity * draw.uniform(0.1, 0.5, vehicles), 0.7 * power * ETA * stay / 4)
    target = np.minimum(arrival + wanted, 0.9 * capacity)
    bidirectional = draw.random(vehicles) < v2g_share
    need = np.bincount(feeder, weights=(target - arrival) / ETA, minlength=feeders)
    size = np.bincount(feeder, minlength=feeders)
    house = 0.5 + 0.35 * np.exp(-0.5 * ((hour - 19.0) / 2.0) ** 2)
    house = house[None, :] * size[:, None] * draw.uniform(0.9, 1.1, (feeders, STEPS))
    room = need / 24.0 * draw.uniform(1.2, 2.0, feeders)
    limit = house.mean(axis=1) + room
    price = _price(price_shape, hour) + draw.normal(0.0, 0.002, STEPS)
    region = np.zeros((1, STEPS))
    stored = None
    if stored_kwh > 0:
        stored = np.full((feeders + 1, STEPS), -np.inf)
        stored[0, (hour >= 18.0) & (hour < 20.0)] = stored_kwh * vehicles
    unlimited = np.full((1, STEPS), np.inf)
    return Problem(
        ids=tuple(f"ev{i}" for i in range(vehicles)),
        step_h=np.full(STEPS, 0.25),
        arrive=arrive,
        depart=arrive + stay,
        arrival_kwh=arrival,
        target_kwh=target,
        min_kwh=0.1 * capacity,
        max_kwh=capacity,
        max_charge_kw=power,
        max_discharge_kw=np.where(bidirectional, power, 0.0),
        charge_efficiency=np.full(vehicles, ETA),
        discharge_efficiency=np.full(vehicles, ETA),
        wear_price_per_kwh=np.full(vehicles, 0.04),
        limit=feeder + 1,
        limit_names=("region", *(f"feeder{f}" for f in range(feeders))),
        limit_parent=np.concatenate(([-1], np.zeros(feeders, dtype=np.int64))),
        import_kw=np.concatenate((unlimited, np.repeat(limit[:, None], STEPS, axis=1))),
        export_kw=np.concatenate((unlimited, np.repeat(0.5 * limit[:, None], STEPS, axis=1))),
        base_load_kw=np.concatenate((region, house)),
        demand_charge_per_kw=np.concatenate(([0.3], np.zeros(feeders))),
        meters=np.array([0]),
        price_import_per_kwh=price[None, :],
        price_export_per_kwh=price[None, :] - 0.01,
        shortfall_price_per_kwh=10.0,
        stored_least_kwh=stored,
    )


def _price(shape: str, hour: Floats) -> Floats:
    """Import price over the day [currency/kWh]."""
    evening = np.exp(-0.5 * ((hour - 19.0) / 1.8) ** 2)
    morning = np.exp(-0.5 * ((hour - 8.0) / 1.5) ** 2)
    noon = np.exp(-0.5 * ((hour - 13.0) / 2.5) ** 2)
    shapes = {
        "flat": np.full(len(hour), 0.2),
        "two-peak": 0.14 + 0.1 * morning + 0.18 * evening,
        "solar": 0.2 - 0.16 * noon + 0.15 * evening,
        "scarcity": 0.12 + 0.05 * morning + 1.0 * np.exp(-0.5 * ((hour - 19.0) / 1.0) ** 2),
    }
    return shapes[shape]
