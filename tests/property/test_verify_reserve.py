"""Plans with reserve are verified, whoever made them and whatever the problem asks for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.plan import read_plan, solve, verify_plan, write_plan
from reference.reserve_draws import for_verify


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
    problem = for_verify(seed, solver)
    folder = tmp_path_factory.mktemp("plans")
    plan = solve(problem, solver=solver)
    verified(folder, problem, plan, [".json", ".parquet"][seed % 2])
