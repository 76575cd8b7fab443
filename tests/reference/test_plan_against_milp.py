"""The planner against the same problem written independently and solved by scipy."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gridtide.plan import read_problem, solve


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draw_problem = _load("plan_draws").draw_problem
draw_ranged = _load("plan_draws").draw_ranged
solve_by_milp = _load("plan_by_milp").solve_by_milp


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["plain", "plug", "tree", "sun", "taper", "value", "phases"])
def test_convex_problem_equals_independent_program(kind, seed):
    document = draw_problem(seed, kind=kind)
    plan = solve(read_problem(document))
    expected = solve_by_milp(document, binaries=False)
    # Export limits can reward burning energy; the LP written here does not forbid it.
    if expected < plan.objective - 1e-6 * max(1, abs(expected)):
        expected = solve_by_milp(document, binaries=True)
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert plan.lower_bound <= plan.objective
    assert plan.gap <= 1e-6
    assert plan.hard_violation_kw <= 1e-6


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["negative", "crossed", "standby"])
def test_nonconvex_problem_equals_independent_program(kind, seed):
    document = draw_problem(seed, kind=kind)
    plan = solve(read_problem(document))
    expected = solve_by_milp(document, binaries=True)
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=2e-6)
    assert plan.lower_bound <= expected + 1e-6 * max(1, abs(expected))
    assert plan.hard_violation_kw <= 1e-6


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "kind", ["plain", "plug", "tree", "sun", "taper", "value", "phases", "standby", "crossed"]
)
def test_smallest_powers_equal_independent_program(kind, seed):
    document = draw_ranged(seed, kind=kind)
    plan = solve(read_problem(document))
    expected = solve_by_milp(document, binaries=True)
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=2e-6)
    assert plan.lower_bound <= expected + 1e-6 * max(1, abs(expected))
    assert plan.hard_violation_kw <= 1e-6


def test_binaries_are_needed_and_found():
    """At a price of -1 the LP would burn energy; one direction at a time costs more."""
    document = draw_problem(3, kind="plug")
    document["price_import_per_kwh"] = document["price_export_per_kwh"] = -1.0
    for vehicle in document["vehicles"]:
        vehicle |= {"arrive_step": 0, "depart_step": 3, "max_discharge_kw": 11.0}
        vehicle["discharge_efficiency"] = vehicle["charge_efficiency"] = 0.85
    plan = solve(read_problem(document))
    assert solve_by_milp(document, binaries=False) < plan.objective - 0.01
    assert plan.objective == pytest.approx(solve_by_milp(document, binaries=True), rel=1e-6)
    assert np.isfinite(plan.power_kw).all()
