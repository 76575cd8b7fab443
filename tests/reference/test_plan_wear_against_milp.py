"""Wear by depth and by holding against the same written segment by segment, solved by scipy.

There every segment has an energy, what is stored in it and what is taken from it; the planner
has levels and cuts. Both must find the same cost.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridtide.plan import read_problem, solve


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draw_worn = _load("plan_draws").draw_worn
solve_by_milp = _load("plan_by_milp").solve_by_milp


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["plain", "plug", "tree", "sun", "taper", "value", "phases"])
def test_worn_problem_equals_independent_program(kind, seed):
    document = draw_worn(seed, kind=kind)
    plan = solve(read_problem(document))
    expected = solve_by_milp(document, binaries=False)
    if expected < plan.objective - 1e-6 * max(1, abs(expected)):
        expected = solve_by_milp(document, binaries=True)
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert plan.gap <= 1e-6
    assert plan.hard_violation_kw <= 1e-6
    assert plan.wear_model.endswith(": drawn")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["negative", "crossed", "standby"])
def test_worn_nonconvex_problem_equals_independent_program(kind, seed):
    document = draw_worn(seed, kind=kind)
    plan = solve(read_problem(document))
    expected = solve_by_milp(document, binaries=True)
    tolerance = 2e-6 * max(1, abs(expected))
    assert plan.lower_bound <= expected + tolerance
    if kind == "standby" and "holding" in document["vehicles"][0]:
        # A plug that is on without power drains a store that is dear to hold: the rows allow
        # it, no schedule of powers can show it, so a small gap stays.
        assert expected - tolerance <= plan.objective <= expected + 0.005 * max(1, abs(expected))
        return
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=2e-6)


@pytest.mark.parametrize("seed", range(20))
def test_all_rows_at_once_give_what_cuts_give(seed):
    """A binary that decides nothing sends the plan the other way, through the rows."""
    document = draw_worn(seed, kind="plain")
    problem = read_problem(document)
    by_cuts = solve(problem)
    # A standby loss too small to matter makes the problem a mixed-integer one.
    by_rows = solve(replace(problem, standby_kw=np.full(len(problem), 1e-9)))
    assert by_rows.objective == pytest.approx(by_cuts.objective, rel=1e-6, abs=1e-6)
