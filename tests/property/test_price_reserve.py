"""Reserve by price: bound ≤ optimum of the full linear problem ≤ cost, and every call delivered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridtide.plan import Problem, Reserve, read_plan, solve, verify_plan, write_plan


def draw(seed: int) -> Problem:
    """Vehicles below feeders below a site, with whatever is odd about blocks."""
    r = np.random.default_rng([seed, 77])
    n, steps = int(r.integers(2, 14)), int(r.integers(8, 15))
    hours = float(r.choice([0.25, 0.5, 1.0]))
    arrive = r.integers(-1, 4, n)
    arrival = r.uniform(6, 30, n)
    power = r.choice([4.0, 11.0], n)
    base = r.uniform(0, 3, (3, steps))
    total = base + np.array([[1.0], [0], [0]]) * base[1:].sum(axis=0)
    price = r.uniform(0.05, 0.4, (1, steps))
    meters = np.array([0]) if r.random() < 0.5 else np.zeros(0, dtype=np.int64)
    limit = r.integers(0 if len(meters) else -1, 3, n)
    return Problem(
        ids=tuple(f"v{i}" for i in range(n)),
        step_h=np.full(steps, hours),
        arrive=arrive,
        depart=np.maximum(arrive, 0) + r.integers(1, steps + 2, n),
        arrival_kwh=arrival,
        target_kwh=np.where(r.random(n) < 0.8, arrival + r.uniform(-3, 9, n), -np.inf),
        min_kwh=np.full(n, 5.0),
        max_kwh=np.full(n, 40.0),
        max_charge_kw=power,
        max_discharge_kw=np.where(r.random(n) < 0.6, power, 0.0),
        charge_efficiency=r.uniform(0.85, 1.0, n),
        discharge_efficiency=r.uniform(0.85, 1.0, n),
        wear_price_per_kwh=r.choice([0.0, 0.04], n),
        limit=limit,
        limit_names=("site", "left", "right"),
        limit_parent=np.array([-1, 0, 0]),
        import_kw=total + r.uniform(3, 30, (3, 1)),
        export_kw=r.uniform(0, 25, (3, 1)) + np.zeros((3, steps)),
        base_load_kw=base,
        demand_charge_per_kw=np.array([r.choice([0.0, 0.5]), 0.0, 0.0]),
        meters=meters,
        price_import_per_kwh=price,
        price_export_per_kwh=price - r.uniform(0.0, 0.1),
        # Also so cheap that it may pay to leave short for the sake of reserve.
        shortfall_price_per_kwh=float(r.choice([0.3, 10.0])),
        availability=r.uniform(0.6, 1.0, n),
        reserves=tuple(_blocks(r, steps, hours)),
    )


def _blocks(r, steps, hours):
    for k in range(int(r.integers(1, 4))):
        first = int(r.integers(0, steps - 3))
        yield Reserve(
            name=f"b{k}",
            direction=str(r.choice(["up", "down"])),
            from_step=first,
            to_step=first + int(r.integers(1, 4)),
            price_per_kw_h=float(r.uniform(0.01, 0.5)),
            duration_h=hours * float(r.choice([0.5, 1.0, 1.7, 3.0])),
            limit=str(r.choice(["", "", "left"])),
            most_kw=float(r.choice([np.inf, 6.0])),
            committed_kw=float(r.choice([0.0, 0.0, 4.0])),
            activation_share=float(r.choice([0.0, 0.1])),
            confidence=float(r.choice([0.8, 0.9])),
            opposite_share=float(r.choice([0.0, 0.0, 0.2])),
        )


@pytest.mark.parametrize("seed", range(60))
def test_bound_optimum_and_cost_stand_in_this_order(seed, tmp_path):
    problem = draw(seed)
    if seed % 2:
        sure = tuple(replace(block, confidence=1.0) for block in problem.reserves)
        problem = replace(problem, reserves=sure, availability=None)
    full = solve(problem, solver="highs")
    plan = solve(problem, solver="price", time_limit_s=2.0)
    scale = max(1.0, abs(full.objective))
    assert plan.lower_bound <= full.lower_bound + 1e-7 * scale, "no bound at all"
    # A plan proven may be better than rows that are on the safe side let it be, but for little.
    assert plan.lower_bound <= plan.objective + 1e-9 * scale
    assert plan.hard_violation_kw <= 1e-6
    for found in (full, plan):
        stored = read_plan(write_plan(tmp_path / "plan.parquet", found, problem))
        verdict = verify_plan(stored, problem)
        assert verdict.verified, [c.said for c in verdict.checks if c.passed is False]
        assert verdict.cost == pytest.approx(found.objective, abs=1e-7 * scale)
