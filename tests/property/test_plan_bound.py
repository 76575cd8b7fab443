"""Any prices prove a bound that no schedule goes below, whatever the problem asks for.

Problems here hold everything that the arrays can say at once: trips, squares of load, bands of
shortage, smallest powers, taper, standby, wear by depth, holding bands, phases, demand periods.
The schedule is drawn at random within what the batteries allow, limits are set around it, and its
cost is added up vehicle by vehicle and step by step in plain Python.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.plan import Problem, verify_plan
from gridtide.plan.stored_plan import (
    Claims,
    Head,
    Pairs,
    Prices,
    StoredPlan,
    problem_digest,
    vehicles_digest,
)


def draw(r, steps, cars):
    """Return the fields of a problem, limits still open."""
    trips = [int(r.integers(1, 4)) for _ in range(cars)]
    continues = np.concatenate([np.arange(k) > 0 for k in trips])
    n = len(continues)
    arrive, depart = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for i in range(n):
        start = depart[i - 1] if continues[i] else 0
        arrive[i] = min(start + r.integers(0, 3), steps)
        depart[i] = arrive[i] + r.integers(0, steps // 2)
    cap = np.repeat(r.uniform(20, 60, cars), trips)
    low, high = 0.1 * cap, cap * r.uniform(0.7, 1.0, n)
    start = r.uniform(0.05, 1.0, n) * cap
    shares = np.array([[1.0, 0, 0], [0, 0.5, 0.5], [1 / 3] * 3])
    m = 3
    count = int(r.integers(1, 4))
    return {
        "ids": tuple(f"car{i}" for i in np.repeat(np.arange(cars), trips)),
        "step_h": r.uniform(0.25, 1.0, steps),
        "arrive": arrive,
        "depart": depart,
        "arrival_kwh": start,
        "target_kwh": np.where(r.random(n) < 0.3, -np.inf, r.uniform(0.3, 1.1, n) * cap),
        "min_kwh": low,
        "max_kwh": high,
        "max_charge_kw": r.choice([0.0, 3.7, 11.0], n, p=[0.1, 0.4, 0.5]),
        "max_discharge_kw": r.choice([0.0, 7.0], n),
        "charge_efficiency": r.uniform(0.8, 1.0, n),
        "discharge_efficiency": r.uniform(0.8, 1.0, n),
        "wear_price_per_kwh": r.uniform(0, 0.05, n),
        "limit": r.integers(0, m, n),
        "limit_names": ("top", "a", "b"),
        "limit_parent": np.array([-1, 0, int(r.integers(0, 2))]),
        "base_load_kw": r.uniform(-6, 6, (m, steps)),
        "demand_charge_per_kw": r.choice([0.0, 0.6], (m, 2)),
        "demand_period": (np.arange(steps) >= steps // 2).astype(np.int64),
        "demand_peak_so_far_kw": r.uniform(0, 5, (m, 2)),
        "meters": np.array([0]) if r.random() < 0.7 else np.zeros(0, dtype=np.int64),
        "price_import_per_kwh": r.uniform(-0.2, 0.4, (1, steps)),
        "price_export_per_kwh": r.uniform(-0.2, 0.4, (1, steps)),
        "shortfall_price_per_kwh": 0.6,
        "standby_kw": r.choice([0.0, 0.2], n) if r.random() < 0.5 else None,
        "taper_from_kwh": high * 0.8 if r.random() < 0.5 else None,
        "taper_end": r.uniform(0.2, 0.9, n),
        "end_value_per_kwh": r.uniform(0, 0.3, n),
        "end_value_up_to_kwh": r.uniform(0.3, 0.9, n) * cap,
        "horizon_floor_kwh": np.where(r.random(n) < 0.5, -np.inf, 0.5 * cap),
        "phase_share": shares[r.integers(0, 3, n)],
        "carbon_kg_per_kwh": r.uniform(0, 0.5, steps),
        "carbon_price_per_kg": 0.1,
        "holding_edges_kwh": cap[:, None] * np.linspace(0, 1, count + 1),
        "holding_price_per_kwh_h": np.sort(r.uniform(-0.01, 0.02, (n, steps, count)), axis=2),
        "holding_base_per_h": r.uniform(0, 0.02, n),
        "continues": continues,
        "driven_kwh": np.where(continues, r.uniform(0, 0.5, n) * cap, 0.0),
        "load_square_price_per_kw2h": r.choice([0.0, 0.004], m),
        "load_reference_kw": r.uniform(-5, 5, (m, steps)),
        "shortfall_band_price_per_kwh": np.array([0.2, 0.5, 0.9]) if r.random() < 0.5 else None,
        **(_depth(r, cap, start, n) if max(trips) == 1 else {}),
    }


def _depth(r, cap, start, n):
    """Wear by depth, where no drive comes between."""
    held = np.zeros((n, 3))
    for i in range(n):
        emptied = r.uniform(0, cap[i] - start[i])
        edges = np.clip(np.linspace(0, cap[i], 4), emptied, emptied + start[i])
        held[i] = np.diff(edges)
    return {
        "wear_depth_price_per_kwh": np.cumsum(r.uniform(0, 0.1, (n, 3)), axis=1),
        "wear_capacity_kwh": cap,
        "wear_segment_kwh": held,
    }


def walk(p, r, powers=None):
    """Draw powers within the batteries, or follow given ones; powers by row and costs of stays."""
    steps, drawn, cost = len(p["step_h"]), [], 0.0
    energy = 0.0
    carbon = p["carbon_kg_per_kwh"] * p["carbon_price_per_kg"]
    for i in range(len(p["ids"])):
        low, high = p["min_kwh"][i], p["max_kwh"][i]
        if p["continues"][i]:
            energy -= p["driven_kwh"][i]
            cost += p["shortfall_price_per_kwh"] * max(low - energy, 0.0)
            energy = max(energy, low)
        else:
            energy = p["arrival_kwh"][i]
        loss = 0.0 if p["standby_kw"] is None else p["standby_kw"][i]
        top, floor = max(high, energy), min(low, energy)
        segments = list(p["wear_segment_kwh"][i]) if "wear_segment_kwh" in p else None
        for t in range(p["arrive"][i], min(p["depart"][i], steps)):
            h = p["step_h"][t]
            power = r.uniform(-p["max_discharge_kw"][i], p["max_charge_kw"][i])
            power *= r.random() < 0.8
            while True:
                after = energy + h * (_flow(p, i, power) - loss * (power != 0))
                if floor <= after <= top and _tapers(p, i, power, after, top, loss):
                    break
                power = 0.0 if abs(power) < 0.05 else power / 2
            drawn.append((i, t, power))
            cost += h * max(-power, 0) * p["wear_price_per_kwh"][i]
            if segments is not None:
                cost += _move(p, i, segments, after - energy)
            energy = after
            if len(p["meters"]) == 0:
                into, out = p["price_import_per_kwh"][0, t], p["price_export_per_kwh"][0, t]
                cost += h * power * ((into if power > 0 else out) + carbon[t])
            cost += h * _holding(p, i, t, energy)
        cost += _ending(p, i, energy, steps)
    return drawn, cost


def _flow(p, i, power):
    if power > 0:
        return p["charge_efficiency"][i] * power
    return power / p["discharge_efficiency"][i]


def _tapers(p, i, power, after, top, loss):
    if p["taper_from_kwh"] is None or power <= 0:
        return True
    full = p["charge_efficiency"][i] * p["max_charge_kw"][i]
    start = p["taper_from_kwh"][i]
    fall = full * (1 - p["taper_end"][i]) / (p["max_kwh"][i] - start)
    fall = min(fall, full / (top - start))
    return _flow(p, i, power) - loss <= full - fall * (after - start)


def _move(p, i, segments, change):
    """Fill or empty the shallowest first; what leaves is paid for."""
    width, cost = p["wear_capacity_kwh"][i] / 3, 0.0
    for j in range(3):
        if change > 0:
            put = change if j == 2 else min(change, width - segments[j])
            segments[j], change = segments[j] + put, change - put
        else:
            taken = min(-change, segments[j])
            segments[j], change = segments[j] - taken, change + taken
            price = p["wear_depth_price_per_kwh"][i, j]
            cost += price * p["discharge_efficiency"][i] * taken
    return cost


def _holding(p, i, t, energy):
    edges, price = p["holding_edges_kwh"][i], p["holding_price_per_kwh_h"][i, t]
    cost = p["holding_base_per_h"][i]
    for m, slope in enumerate(price):
        bottom = -np.inf if m == 0 else edges[m]
        upper = np.inf if m == len(price) - 1 else edges[m + 1]
        if m == 0:
            cost += slope * (min(energy, upper) - edges[0])
        elif energy > bottom:
            cost += slope * (min(energy, upper) - bottom)
    return cost


def _ending(p, i, energy, steps):
    due = p["target_kwh"][i] if p["depart"][i] <= steps else p["horizon_floor_kwh"][i]
    short = max(due - energy, 0.0)
    level = min(p["end_value_up_to_kwh"][i], p["max_kwh"][i])
    worth = p["end_value_per_kwh"][i] * min(energy, level)
    bands = p["shortfall_band_price_per_kwh"]
    if bands is None:
        return p["shortfall_price_per_kwh"] * short - worth
    wanted, cost = max(due - p["arrival_kwh"][i], 0.0), 0.0
    if wanted == 0.0:  # who wanted nothing more than it brought misses it in the first band
        return bands[0] * short - worth
    for k, price in enumerate(bands):
        part = short if k == len(bands) - 1 else min(short, wanted / len(bands))
        cost, short = cost + price * part, short - part
    return cost - worth


def finish(p, drawn, r):
    """Set limits around the powers drawn; the problem, and what the limits cost."""
    m, steps = p["base_load_kw"].shape
    net, phases = np.zeros((m, steps)), np.zeros((m, 3, steps))
    for i, t, power in drawn:
        at = p["limit"][i]
        while at >= 0:
            net[at, t] += power
            phases[at, :, t] += power * p["phase_share"][i]
            at = p["limit_parent"][at]
    base = p["base_load_kw"].copy()
    for j in reversed(range(m)):
        if p["limit_parent"][j] >= 0:
            base[p["limit_parent"][j]] += base[j]
    site = base + net
    fields = {k: v for k, v in p.items() if not (k == "taper_end" and p["taper_from_kwh"] is None)}
    problem = Problem(
        **fields,
        import_kw=np.maximum(site, 0) + r.uniform(0, 3, site.shape),
        export_kw=np.maximum(-site, 0) + r.uniform(0, 3, site.shape),
        phase_kw=np.abs(phases + base[:, None] / 3).max(axis=2) + r.uniform(0, 3, (m, 3)),
    )
    hours, cost = p["step_h"], 0.0
    carbon = p["carbon_kg_per_kwh"] * p["carbon_price_per_kg"]
    for j in p["meters"]:
        price = np.where(site[j] > 0, p["price_import_per_kwh"][0], p["price_export_per_kwh"][0])
        cost += np.sum(hours * site[j] * (price + carbon))
    away = site - p["load_reference_kw"]
    cost += np.sum(p["load_square_price_per_kw2h"] @ (away**2 * hours))
    for j in range(m):
        for q in (0, 1):
            highest = site[j, p["demand_period"] == q].max()
            peak = max(p["demand_peak_so_far_kw"][j, q], highest)
            cost += p["demand_charge_per_kw"][j, q] * peak
    return problem, cost


def stored(problem, drawn, prices, value):
    pairs = Pairs(
        stay=np.array([i for i, _, _ in drawn], dtype=np.int64),
        step=np.array([t for _, t, _ in drawn], dtype=np.int64),
        power_kw=np.array([power for _, _, power in drawn], dtype=float),
        stored_value=value,
    )
    claims = Claims(
        status="optimal",
        objective=0.0,
        lower_bound=0.0,
        gap=0.0,
        hard_violation_kw=0.0,
        wear_model="",
        notes=[],
        bound_by="duality",
        standby_chord=False,
        slacks=[],
        shortfall=[],
    )
    head = Head(
        version=1,
        vehicles=vehicles_digest(problem),
        problem=problem_digest(problem),
        limits=3,
        steps=problem.steps,
        precision="float64",
        claims=claims,
        shortfall_price_per_kwh=None,
    )
    return StoredPlan(
        source="drawn",
        head=head,
        prices=prices,
        linear_wear_per_kwh=None,
        batches=lambda: iter((pairs,)),
    )


@given(st.integers(0, 10**9))
@settings(max_examples=150, deadline=None)
def test_no_schedule_is_below_what_any_prices_prove(seed):
    r = np.random.default_rng(seed)
    p = draw(r, steps := int(r.integers(4, 14)), int(r.integers(1, 5)))
    drawn, of_stays = walk(p, r)
    problem, of_limits = finish(p, drawn, r)
    big = r.choice([0.0, 0.1, 1.0])
    prices = Prices(
        limit_price=r.normal(0.1, big, (3, steps)),
        peak_price=np.maximum(r.normal(0.0, 0.3 * big, (3, steps)), 0.0),
        phase_price=r.normal(0.0, 0.2 * big, (3, 3, steps)),
        arrival_value=r.normal(0.2, big, len(problem)),
    )
    plan = stored(problem, drawn, prices, r.normal(0.2, big, len(drawn)))
    verdict = verify_plan(plan, problem)
    failed = {check.name for check in verdict.checks if check.passed is False}
    assert failed <= {"cost", "bound", "gap", "status", "slacks", "floors", "shortfall"}
    assert verdict.cost == pytest.approx(of_stays + of_limits, rel=1e-9, abs=1e-6)
    assert verdict.lower_bound <= verdict.cost + 1e-9
