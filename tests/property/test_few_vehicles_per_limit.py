"""Where a handful of vehicles shares each limit, coordination by price proves its plan too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridtide.plan import read_plan, solve, verify_plan, write_plan
from gridtide.plan.price import clusters
from gridtide.study.benchmarks import plan_fleet

CLOSE = 5e-4


def _fleet(monkeypatch, group, *, common, seed=1, count=120):
    """Feeders of a few vehicles each, below a region that may be limited too."""
    monkeypatch.setattr(plan_fleet, "FEEDER", group)
    problem = plan_fleet.draw_problem(count, seed=seed)
    if not common:
        return problem
    limit, base = problem.import_kw.copy(), problem.base_load_kw.sum(axis=0).mean()
    limit[0] = base + 0.85 * (limit[1:, 0].sum() - base)
    return replace(problem, import_kw=limit)


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Compile the kernels before any time limit counts."""
    with pytest.MonkeyPatch.context() as patch:
        solve(_fleet(patch, 4, common=True, count=60), solver="price", time_limit_s=60.0)


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize("group", [2, 4, 8, 20])
def test_the_gap_is_closed_and_the_optimum_inside(group, common, monkeypatch, tmp_path):
    """Also where the limits force a shortage, that of 2 and 4 vehicles mostly."""
    # One linear problem of everybody would be no test of prices above the groups.
    monkeypatch.setattr(clusters, "MOST", 40)
    problem = _fleet(monkeypatch, group, common=common)
    best = solve(problem, solver="highs")
    plan = solve(problem, solver="price", gap=1e-4, time_limit_s=10.0)
    near = 1e-7 * abs(best.objective)
    assert plan.lower_bound <= best.objective + near
    assert plan.objective >= best.lower_bound - near
    assert plan.gap <= CLOSE
    assert plan.hard_violation_kw <= 1e-6
    verdict = verify_plan(read_plan(write_plan(tmp_path / "plan.parquet", plan, problem)), problem)
    assert verdict.verified, [check.said for check in verdict.checks if check.passed is False]


def test_without_exact_groups_the_gap_stays_open(monkeypatch):
    """What closes it are the linear problems of small groups: without any it is percents."""
    problem = _fleet(monkeypatch, 4, common=False)
    monkeypatch.setattr(clusters, "MOST", 0)
    plan = solve(problem, solver="price", gap=1e-4, time_limit_s=2.0)
    assert plan.gap > 20 * CLOSE


def test_a_plan_with_exact_groups_is_the_same_every_time(monkeypatch):
    monkeypatch.setattr(clusters, "MOST", 40)
    problem = _fleet(monkeypatch, 8, common=True)
    first, again = (solve(problem, solver="price", time_limit_s=60.0) for _ in range(2))
    assert first.objective == again.objective and first.lower_bound == again.lower_bound
    np.testing.assert_array_equal(first.plugged_kw, again.plugged_kw)
