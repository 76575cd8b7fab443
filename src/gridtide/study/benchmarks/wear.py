"""The wear benchmark: what planning with the price of depth earns on real price days.

One 60 kWh vehicle at 11 kW on days spread evenly over 2021, ERCOT day-ahead prices, import and
export at the same price. Planned without a price of wear, with single linear prices, with
segments, with the refreshed linear price. What each then earned is judged alike, after the fact:
energy sold less bought, less the rainflow cost of the profile at the pack's value. The best
linear price is picked on these same days: no forecast could have picked it.

Away from 8 to 17 the vehicle has driven the battery from 80 to 50 % before it plugs in: a cycle
is open, the profile that is counted begins with it, and the segments start with its part empty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery import count_cycles
from gridtide.core import Finding, InputError, cpu_s, stream
from gridtide.plan import Plan, Problem, open_cycle_segments, refresh_linear, solve
from gridtide.signals import midnight_s, read_ercot
from gridtide.study.benchmarks import data_folder, peak_memory_mb

Floats = npt.NDArray[np.float64]

PRICES = "price/ercot_dam_2021.csv.gz"
SETTLEMENT_POINT = "HB_NORTH"
EPOCH = date(1970, 1, 1)
FIRST_DAY, YEAR_DAYS, DAYS = date(2021, 1, 1), 364, 30
SCARCE_PER_KWH = 1.0
CAPACITY_KWH, POWER_KW, ETA = 60.0, 11.0, 0.92
PACK_PER_KWH = 120.0
LINEAR_PRICES = np.linspace(0.0, 0.12, 49)
MISTUNED = (0.5, 2.0, 4.0)
SEGMENTS = (1, 2, 4, 8, 16)


def life_share(depth: npt.ArrayLike) -> Floats:
    """Share of life that a full cycle of a depth takes, LMO; doi:10.1109/TPWRS.2017.2733339."""
    return 5.24e-4 * np.asarray(depth, dtype=np.float64) ** 2.03


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Plan the days in every way and tell what each earned.

    Parameters
    ----------
    size
        Days, one vehicle each; 30 where None.
    seed
        Of the first day; the others follow at equal distances.

    Raises
    ------
    InputError
        If the published prices are not there.
    """
    count = size or DAYS
    stride = max(YEAR_DAYS // count, 1)
    offset = int(stream(seed, "benchmark wear").integers(0, stride))
    days = [FIRST_DAY + timedelta(days=offset + stride * k) for k in range(count)]
    stays = {
        "plugged_all_day": (range(24), (0.5, 0.5, 0.5)),
        "away_8_to_17": (range(17, 32), (0.8, 0.5, 0.8)),
    }
    told: dict[str, Any] = {
        "vehicles": count,
        "days": f"every {stride} days from {days[0]}",
        "prices": f"{PRICES}, {SETTLEMENT_POINT}",
    }
    for name, (hours, soc) in stays.items():
        price = _prices(days, hours)
        told[name] = _compare(_problem(price, arrival=soc[1], target=soc[2]), soc[0])
        told[name]["days_with_scarcity"] = int(np.sum(price.max(axis=1) > SCARCE_PER_KWH))
    return {**told, "peak_memory_mb": peak_memory_mb()}


def _prices(days: list[date], hours: range) -> Floats:
    """Prices [currency/kWh] of hours counted from each day's local midnight, (days, hours)."""
    folder = data_folder()
    path = Path(folder) / PRICES
    if not path.is_file():
        mend = "Set GRIDTIDE_DATA to the folder of published data"
        raise InputError([Finding(str(path), "the published prices are not there", mend)])
    series, zone = read_ercot(path, SETTLEMENT_POINT)
    start = np.array([midnight_s((day - EPOCH).days, zone) for day in days])
    wanted = start[:, None] + 3600 * np.array(hours)
    at = np.searchsorted(series.start_s, wanted)
    price: Floats = series.value[at] / 1000.0
    return price


def _problem(price: Floats, *, arrival: float, target: float) -> Problem:
    """All days at once: each vehicle has a meter and prices of its own."""
    n, steps = price.shape
    full = np.full(n, CAPACITY_KWH)
    return Problem(
        ids=tuple(f"day{k}" for k in range(n)),
        step_h=np.ones(steps),
        arrive=np.zeros(n, dtype=np.int64),
        depart=np.full(n, steps),
        arrival_kwh=arrival * full,
        target_kwh=target * full,
        min_kwh=0.1 * full,
        max_kwh=0.9 * full,
        max_charge_kw=np.full(n, POWER_KW),
        max_discharge_kw=np.full(n, POWER_KW),
        charge_efficiency=np.full(n, ETA),
        discharge_efficiency=np.full(n, ETA),
        wear_price_per_kwh=np.zeros(n),
        limit=np.arange(n),
        limit_names=tuple(f"meter{k}" for k in range(n)),
        limit_parent=np.full(n, -1),
        import_kw=np.full((n, steps), np.inf),
        export_kw=np.full((n, steps), np.inf),
        base_load_kw=np.zeros((n, steps)),
        demand_charge_per_kw=np.zeros(n),
        meters=np.arange(n),
        price_import_per_kwh=price,
        price_export_per_kwh=price,
        shortfall_price_per_kwh=100.0,
        wear_capacity_kwh=full,
    )


def with_segments(problem: Problem, count: int, depth: Floats) -> Problem:
    """Price depth by ``count`` segments of the same curve, in open cycles of a depth so far."""
    value = PACK_PER_KWH * CAPACITY_KWH
    shares = count * np.diff(life_share(np.linspace(0.0, 1.0, count + 1)))
    price = value / (ETA * CAPACITY_KWH) * shares
    return replace(
        problem,
        wear_depth_price_per_kwh=np.tile(price, (len(problem), 1)),
        wear_segment_kwh=open_cycle_segments(
            problem.arrival_kwh, np.full(len(problem), CAPACITY_KWH), count, depth
        ),
    )


def _compare(problem: Problem, before: float) -> dict[str, Any]:
    """Every way of planning: profit a day after the count, and CPU time a plan.

    ``before`` is the state of charge from which the vehicle came to that of its arrival.
    """
    depth = before - problem.arrival_kwh / CAPACITY_KWH

    def linear(price: float | Floats) -> Plan:
        return solve(replace(problem, wear_price_per_kwh=np.full(len(problem), price)))

    def segments(count: int, depth: Floats = depth) -> Plan:
        return solve(with_segments(problem, count, depth))

    def full_cycle(_: int, depth: Floats) -> Floats:
        return PACK_PER_KWH * CAPACITY_KWH * life_share(depth)

    tuning = np.array([_profit(problem, linear(price), before) for price in LINEAR_PRICES])
    best = float(LINEAR_PRICES[np.argmax(tuning.mean(axis=1))])
    ways: dict[str, Callable[[], Plan]] = {
        "no price of wear": partial(linear, 0.0),
        "best linear price": partial(linear, best),
        **{f"best linear price x {x:g}": partial(linear, best * x) for x in MISTUNED},
        **{f"{j} segments": partial(segments, j) for j in SEGMENTS},
        "8 segments, open cycle forgotten": partial(segments, 8, 0.0 * depth),
        "refreshed linear price": lambda: refresh_linear(
            with_segments(problem, 16, depth), full_cycle, solve
        ),
    }
    profits: dict[str, Floats] = {"linear price best for each day": tuning.max(axis=0)}
    rows: dict[str, Any] = {}
    for name, way in ways.items():
        began = cpu_s()
        plan = way()
        spent = (cpu_s() - began) / len(problem)
        profits[name] = _profit(problem, plan, before)
        rows[name] = {"cpu_s_per_plan": spent, "gap": plan.gap}
    against = profits["8 segments"]
    for name, profit in profits.items():
        rows[name] = {**_spread(profit, against), **rows.get(name, {})}
    return {"best_linear_price_per_kwh": best, "profit_per_day": rows}


def _profit(problem: Problem, plan: Plan, before: float) -> Floats:
    """Energy sold less bought, less the rainflow cost of the profile [currency], by day."""
    earned = -np.sum(plan.power_kw * problem.price_import_per_kwh, axis=1)
    wear = np.zeros(len(problem))
    for i, energy in enumerate(plan.energy_kwh):
        cycles = count_cycles(np.concatenate(([before], energy / CAPACITY_KWH)))
        wear[i] = PACK_PER_KWH * CAPACITY_KWH * (cycles.count @ life_share(cycles.range))
    profit: Floats = earned - wear
    return profit


def _spread(profit: Floats, segments: Floats) -> dict[str, float]:
    """Mean and spread over the days, and how it stands to that of 8 segments, day by day."""
    more = segments - profit
    count = max(len(more) - 1, 1)
    return {
        "mean": float(profit.mean()),
        "standard_deviation": float(np.sqrt(np.sum((profit - profit.mean()) ** 2) / count)),
        "eight_segments_earn_more": float(more.mean()),
        "standard_error": float(np.sqrt(np.sum((more - more.mean()) ** 2) / count / len(more))),
        "days_on_which_they_do": int(np.sum(more > 1e-6)),
        "days_on_which_they_earn_less": int(np.sum(more < -1e-6)),
    }
