"""Drives with squares of load, bands of shortfall, end values: two solvers, one truth."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridtide.plan import read_plan, solve, verify_plan, write_plan

_path = Path(__file__).parents[1] / "reference" / "price_draws.py"
_spec = importlib.util.spec_from_file_location("price_draws", _path)
draws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draws)

FEATURES = ("holding", "holding by step", "end value", "bands", "carbon", "uneven steps", "floor")
KINDS = ("several meters", "plug", "export", "overload", "demand")


def _draw(seed, *features, kinds=("squares",)):
    r = np.random.default_rng([seed, 17])
    more = [name for name in FEATURES if r.random() < 0.3]
    kinds = [*kinds, *(kind for kind in KINDS if r.random() < 0.35)]
    steps = int(r.integers(6, 16))
    features = ("trips", *features, *more)
    return draws.draw_tree(seed, count=8, steps=steps, features=features, kinds=kinds)


def _verdict(plan, problem, folder):
    return verify_plan(read_plan(write_plan(folder / "plan.parquet", plan, problem)), problem)


@pytest.mark.parametrize("seed", range(24))
def test_no_bound_is_above_the_other_solvers_cost(seed, tmp_path):
    """Costs are what the verification makes of the schedules, whoever planned them."""
    problem = _draw(seed, "bands")
    exact = solve(problem, solver="highs")
    priced = solve(problem, solver="price", gap=1e-6, time_limit_s=0.5)
    for plan, other in ((exact, priced), (priced, exact)):
        cost = _verdict(plan, problem, tmp_path).cost
        scale = max(abs(cost), abs(other.lower_bound), 1.0)
        assert cost == pytest.approx(plan.objective, abs=1e-7 * scale)
        assert other.lower_bound <= cost + 1e-6 * scale


@pytest.mark.parametrize("kinds", [(), ("demand",), ("export", "plug")])
@pytest.mark.parametrize("seed", range(8))
def test_duals_of_a_linear_problem_with_drives_prove_its_bound(seed, kinds, tmp_path):
    """A drive to the minimum is worth what its own row says, not what the stay after it does."""
    problem = draws.draw_tree(seed + 17, count=8, features=("trips",), kinds=kinds)
    plan = solve(problem, solver="highs")
    verdict = _verdict(plan, problem, tmp_path)
    assert verdict.verified, [check.said for check in verdict.checks if check.passed is False]


def test_what_no_plan_avoids_is_missed_in_the_first_bands_after_a_drive_too():
    """A stay of no length after a drive, due what it cannot have; its arrival is not used."""
    problem = draws.draw_vehicles(3, "trips", "bands", count=2, steps=6)
    pair = {name: np.repeat(getattr(problem, name)[:1], 2) for name in draws._OF_VEHICLE}
    problem = replace(
        problem,
        **pair,
        ids=("ev0", "ev0"),
        arrive=np.array([0, 4]),
        depart=np.array([2, 4]),
        continues=np.array([False, True]),
        driven_kwh=np.array([0.0, 1.0]),
        target_kwh=np.array([-np.inf, problem.max_kwh[0]]),
        max_charge_kw=np.zeros(2),
        max_discharge_kw=np.zeros(2),
        shortfall_band_price_per_kwh=np.array([0.5, 2.0]),
        horizon_floor_kwh=None,
    )
    odd = replace(problem, arrival_kwh=problem.arrival_kwh * np.array([1.0, 0.9]))
    for one in (problem, odd):
        exact, priced = (solve(one, solver=name) for name in ("highs", "price"))
        assert exact.lower_bound == pytest.approx(exact.objective, abs=1e-9)
        assert exact.objective == pytest.approx(priced.objective, abs=1e-9)
