"""Several stays with drives between them, against the same problem written independently."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from gridtide.plan import read_problem, solve


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draw_trips = _load("plan_draws").draw_trips
draw_parts = _load("plan_draws").draw_parts
draw_worn_trips = _load("plan_draws").draw_worn_trips
solve_by_milp = _load("plan_by_milp").solve_by_milp
KINDS = ["plain", "plug", "tree", "sun", "taper", "value", "phases", "negative", "standby"]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", KINDS)
def test_stays_and_drives_equal_independent_program(kind, seed):
    document = draw_trips(seed, kind=kind)
    plan = solve(read_problem(document))
    expected = solve_by_milp(document, binaries=True)
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=2e-6)
    assert plan.lower_bound <= plan.objective
    assert plan.gap <= 2e-6
    assert plan.hard_violation_kw <= 1e-6


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", [*KINDS, "crossed"])
def test_losses_in_parts_equal_independent_program(kind, seed):
    document = draw_parts(seed, kind=kind)
    plan = solve(read_problem(document))
    expected = solve_by_milp(document, binaries=True)
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=2e-6)
    assert plan.gap <= 2e-6
    assert plan.hard_violation_kw <= 1e-6


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "standby"])
def test_wear_across_drives_equals_independent_program(kind, seed):
    document = draw_worn_trips(seed, kind=kind)
    plan = solve(read_problem(document))
    expected = solve_by_milp(document, binaries=True)
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=2e-6)
    assert plan.gap <= 2e-6
    assert plan.hard_violation_kw <= 1e-6
