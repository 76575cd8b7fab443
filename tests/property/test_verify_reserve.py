"""Plans with reserve are verified, whoever made them and whatever the problem asks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.plan import Problem, Reserve, read_plan, solve, verify_plan, write_plan


def draw(seed, *, solver):
    """Vehicles below a tree that often binds, with all that a call has to be followed through."""
    r = np.random.default_rng([seed, 52])
    n, steps = int(r.integers(2, 9)), int(r.integers(8, 15))
    arrive = r.integers(-1, 4, n)
    arrival, power = r.uniform(6, 42, n), r.choice([4.0, 11.0], n)
    base = r.uniform(0, 4, (3, steps))
    problem = Problem(
        ids=tuple(f"v{i}" for i in range(n)),
        step_h=r.uniform(0.25, 1.0, steps) if r.random() < 0.5 else np.full(steps, 0.5),
        arrive=arrive,
        depart=np.minimum(arrive + r.integers(4, steps, n), steps + 2),
        arrival_kwh=arrival,
        target_kwh=np.where(r.random(n) < 0.7, arrival + r.uniform(-3, 8, n), -np.inf),
        min_kwh=np.full(n, 5.0),
        max_kwh=np.full(n, 40.0),
        max_charge_kw=power,
        max_discharge_kw=np.where(r.random(n) < 0.6, power, 0.0),
        charge_efficiency=r.uniform(0.85, 1.0, n),
        discharge_efficiency=r.uniform(0.85, 1.0, n),
        wear_price_per_kwh=r.choice([0.02, 0.05], n),
        limit=r.integers(0, 3, n),
        limit_names=("site", "panel", "row"),
        limit_parent=np.array([-1, 0, 1]),
        import_kw=base.sum(axis=0) + r.uniform(4, 25, (3, 1)),
        export_kw=r.uniform(0, 20, (3, 1)) + np.zeros((3, steps)),
        base_load_kw=base,
        demand_charge_per_kw=r.choice([0.0, 0.1], 3),
        meters=np.array([0]) if r.random() < 0.5 else np.zeros(0, dtype=np.int64),
        price_import_per_kwh=r.uniform(0.1, 0.4, (1, steps)),
        price_export_per_kwh=r.uniform(0.0, 0.1, (1, steps)),
        shortfall_price_per_kwh=10.0,
        reserves=blocks(r, steps),
        availability=r.choice([0.6, 0.9, 1.0, 1.0], n),
    )
    return replace(problem, **extras(r, problem, solver))


def extras(r, problem, solver):
    """Draw what only some problems have."""
    n, given_to = len(problem), {}
    if r.random() < 0.3:
        given_to |= {"taper_from_kwh": np.full(n, 30.0), "taper_end": np.full(n, 0.2)}
    if r.random() < 0.3:
        given_to["phase_share"] = np.eye(3)[r.integers(0, 3, n)]
        given_to["phase_kw"] = np.full((3, 3), r.uniform(6, 12))
    if r.random() < 0.3:
        given_to["floor_kwh"] = r.choice([0.0, 20.0], (n, 1)) * np.ones((n, problem.steps))
    if r.random() < 0.3:
        given_to["charge_part_kw"] = np.tile([2.0, 9.0], (n, 1))
        given_to["charge_part_efficiency"] = np.tile([0.95, 0.85], (n, 1))
    if r.random() < 0.3:
        given_to["standby_kw"] = np.full(n, 0.1)
    if r.random() < 0.2 and solver == "highs":
        given_to["min_charge_kw"] = np.full(n, 1.4)
    if r.random() < 0.2 and solver == "highs":
        given_to["wear_depth_price_per_kwh"] = np.tile([0.01, 0.03, 0.06], (n, 1))
        given_to["wear_capacity_kwh"] = np.full(n, 45.0)
    elif r.random() < 0.3:
        given_to |= trip(r, problem)
    if r.random() < 0.3:
        given_to["carbon_kg_per_kwh"] = r.uniform(0, 0.5, problem.steps)
        given_to["carbon_price_per_kg"] = 0.1
    return given_to


def trip(r, problem):
    """Let the second row be the next stay of the first one's vehicle."""
    arrive, depart, n = problem.arrive.copy(), problem.depart.copy(), len(problem)
    arrive[1] = min(max(depart[0], 0) + 1, problem.steps)
    depart[1] = max(arrive[1], problem.steps - 1)
    same = ("max_charge_kw", "max_discharge_kw", "charge_efficiency", "discharge_efficiency")
    told = {name: getattr(problem, name).copy() for name in (*same, "wear_price_per_kwh")}
    for values in told.values():
        values[1] = values[0]
    names = ("v0", "v0", *problem.ids[2:])
    told |= {"ids": names, "arrive": arrive, "depart": depart, "continues": np.arange(n) == 1}
    return told | {"driven_kwh": np.where(np.arange(n) == 1, r.uniform(0, 20), 0.0)}


def blocks(r, steps):
    first = int(r.integers(0, steps - 5))
    return tuple(
        Reserve(
            name=f"{way}{k}",
            direction=way,
            from_step=first + k,
            to_step=first + k + int(r.integers(1, 4)),
            price_per_kw_h=float(r.uniform(0.02, 0.4)),
            duration_h=float(r.choice([0.25, 0.5, 1.0, 1.2])),
            opposite_share=float(r.choice([0.0, 0.2])),
            confidence=float(r.choice([1.0, 0.9])),
            most_kw=float(r.choice([np.inf, 10.0])),
            least_kw=float(r.choice([0.0, 1.0])),
            step_kw=float(r.choice([0.0, 0.5])),
            limit=str(r.choice(["", "panel"])),
            activation_share=float(r.choice([0.0, 0.1])),
            committed_kw=float(r.choice([0.0, 5.0])),
        )
        for k, way in enumerate(("up", "down", "up", "down"))
    )


def verified(folder, problem, plan, suffix):
    path = write_plan(folder / f"plan{suffix}", plan, problem)
    verdict = verify_plan(read_plan(path), problem)
    failed = [(check.name, check.said) for check in verdict.checks if check.passed is False]
    assert failed == [], failed
    assert verdict.cost == pytest.approx(plan.objective, rel=1e-9, abs=1e-9)
    assert verdict.lower_bound <= plan.objective + 1e-6
    opens = {check.name for check in verdict.checks if check.passed is None}
    assert opens <= {
        "reserve recovery", "reserve margin", "reserve smallest power", "bound", "model",
    }  # fmt: skip


@pytest.mark.parametrize("solver", ["highs", "price"])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_plans_with_reserve_are_verified(tmp_path_factory, solver, seed):
    problem = draw(seed, solver=solver)
    folder = tmp_path_factory.mktemp("plans")
    plan = solve(problem, solver=solver)
    verified(folder, problem, plan, [".json", ".parquet"][seed % 2])
