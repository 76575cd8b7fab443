"""The promise first by price, against the reference optimiser: largest shortfall, sum, relief."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridtide.plan import read_plan, solve, verify_plan, write_plan
from gridtide.plan._layout import total_base_kw
from gridtide.plan.price import clusters

_path = Path(__file__).parents[1] / "reference" / "price_draws.py"
_spec = importlib.util.spec_from_file_location("price_draws", _path)
draws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draws)

KINDS = ("several meters", "phases", "export", "demand", "squares")
FEATURES = ("taper", "holding", "end value", "bands", "carbon", "uneven steps", "parts")
SAME_KWH = 1e-4


def draw_short(seed, *more, kinds=KINDS, features=FEATURES):
    """Targets well within reach of each stay, below limits that leave hardly any room."""
    r = np.random.default_rng([seed, 11])
    kinds = [kind for kind in kinds if r.random() < 0.4]
    features = [name for name in features if r.random() < 0.2]
    count = int(r.integers(15, 46))
    problem = draws.draw_tree(seed, count=count, features=("modest", *features, *more), kinds=kinds)
    base = np.maximum(total_base_kw(problem), 0.0)
    room = (problem.import_kw - base) * r.uniform(0.0, 0.1, (len(base), 1))
    return replace(problem, import_kw=base + room, promise="first", shortfall_price_per_kwh=1.0)


def by_price(problem, **how):
    """Plan with time for compiling: a run ends by itself where nothing more is gained."""
    return solve(problem, solver="price", **({"gap": 1e-4, "time_limit_s": 60.0} | how))


def overload_kwh(problem, plan):
    """Base load beyond limits that is left."""
    base, left = total_base_kw(problem), 0.0
    for sign, room in ((1.0, problem.import_kw), (-1.0, problem.export_kw)):
        excess = sign * base - room
        over = np.where(excess > 0, np.maximum(excess + sign * plan.net_kw, 0.0), 0.0)
        left += float(np.sum(over * problem.step_h))
    return left


def check_verified(problem, plan, folder):
    path = write_plan(folder / "plan.parquet", plan, problem)
    verdict = verify_plan(read_plan(path), problem)
    assert verdict.verified, [c.said for c in verdict.checks if c.passed is False]
    return verdict


def check_same_wishes(plan, best):
    """Largest and sum as the reference has them; it holds each to a ten-millionth."""
    largest, total = best.shortfall_kwh.max(initial=0.0), best.shortfall_kwh.sum()
    assert plan.shortfall_kwh.max(initial=0.0) == pytest.approx(largest, abs=SAME_KWH)
    assert plan.shortfall_kwh.sum() == pytest.approx(total, rel=1e-5, abs=SAME_KWH)


def named(plan, name):
    """Slacks of a name; the reference holds each wish to a ten-millionth, and leaves traces."""
    told = [s for s in plan.slacks if s.name == name and s.amount > 1e-3]
    return {(s.entity, s.from_step, s.to_step, s.binding) for s in told}


@pytest.mark.parametrize("seed", range(40))
def test_largest_then_sum_then_cost_as_the_reference_has_them(seed, tmp_path):
    problem = draw_short(seed)
    best, plan = solve(problem, solver="highs"), by_price(problem)
    check_same_wishes(plan, best)
    near = 1e-6 * max(1.0, abs(best.objective))
    assert plan.lower_bound <= best.objective + near
    assert plan.objective >= best.lower_bound - near
    assert plan.objective <= best.objective + 3e-4 * max(
        1.0, abs(best.objective), plan.uncontrolled_cost
    )
    assert plan.hard_violation_kw <= 1e-6
    if len(best.slacks) == 1:  # of several, who is short is the cost's choice
        assert named(plan, "shortfall") == named(best, "shortfall")
    check_verified(problem, plan, tmp_path)
    if plan.shortfall_kwh.any():
        assert any("proven to be the least" in note for note in plan.notes)


def test_draws_are_short_and_share_it_out():
    """Else nothing above could fail."""
    short = [by_price(draw_short(seed)).shortfall_kwh for seed in range(20)]
    short = [s for s in short if s.max() > 0.01]
    assert len(short) >= 7
    assert sum(np.sum(s > 0.99 * s.max()) > 1 for s in short) >= 2


@pytest.mark.parametrize("seed", range(8))
def test_energy_bought_on_the_way_is_missing_too(seed, tmp_path):
    problem = draw_short(seed, "trips", kinds=("export",), features=())
    best, plan = solve(problem, solver="highs"), by_price(problem)
    worst = [
        max(p.shortfall_kwh.max(initial=0.0), p.en_route_kwh.max(initial=0.0)) for p in (plan, best)
    ]
    assert worst[0] <= worst[1] * 1.05 + SAME_KWH
    check_verified(problem, plan, tmp_path)


def overloaded(seed):
    """Base load beyond import limits here and there, beyond export limits in the others."""
    problem = draw_short(seed, kinds=("export", "demand", "squares", "phases"), features=())
    r, base = np.random.default_rng([seed, 12]), total_base_kw(problem)
    low = (r.random(base.shape) < 0.15) & (base > 0)
    high = (r.random(base.shape) < 0.15) & (base < 0)
    return replace(
        problem,
        import_kw=np.where(low, 0.9 * base, problem.import_kw),
        export_kw=np.where(high, -0.9 * base, problem.export_kw),
    )


@pytest.mark.parametrize("seed", range(16))
def test_base_load_beyond_limits_is_relieved_as_the_reference_does(seed, tmp_path):
    problem = overloaded(seed)
    best, plan = solve(problem, solver="highs"), by_price(problem)
    check_same_wishes(plan, best)
    assert overload_kwh(problem, plan) == pytest.approx(overload_kwh(problem, best), abs=1e-3)
    assert named(plan, "base_overload") == named(best, "base_overload")
    assert plan.hard_violation_kw <= 1e-6
    assert plan.objective <= best.objective + 1e-3 * max(1.0, abs(best.objective))
    verdict = check_verified(problem, plan, tmp_path)
    assert verdict.lower_bound <= best.objective + 1e-6 * max(1.0, abs(best.objective))


@pytest.mark.parametrize("seed", [0, 4, 5])
def test_relief_is_no_wish_of_a_problem_with_priced_shortfall(seed):
    problem = replace(overloaded(seed), promise="priced")
    best, plan = solve(problem, solver="highs"), by_price(problem)
    assert plan.objective == pytest.approx(best.objective, rel=1e-3)


@pytest.mark.parametrize(("seed", "room"), [(0, 0.05), (0, 0.03), (0, 0.01), (1, 0.01)])
def test_where_limits_above_all_groups_force_it_the_largest_is_bounded(
    seed, room, monkeypatch, tmp_path
):
    """No group is small enough for a linear problem, so that only prices can tell."""
    monkeypatch.setattr(clusters, "MOST", 3)
    problem = draws.draw_tree(seed, count=150, features=("modest",), kinds=("demand",))
    base = np.maximum(total_base_kw(problem), 0.0)
    held = base + room * (problem.import_kw - base)
    problem = replace(problem, import_kw=held, promise="first")
    best, plan = solve(problem, solver="highs"), by_price(problem, gap=1e-3)
    largest = best.shortfall_kwh.max()
    note = next(note for note in plan.notes if "largest shortfall" in note)
    least = float(note.split()[-1])
    assert 0.9 * largest <= least <= largest * (1 + 1e-5)
    assert plan.shortfall_kwh.max() >= largest - SAME_KWH
    assert plan.shortfall_kwh.max() <= 1.25 * largest
    assert plan.shortfall_kwh.sum() <= 1.01 * best.shortfall_kwh.sum() + 0.05
    assert plan.lower_bound <= best.objective + 1e-6 * abs(best.objective)
    check_verified(problem, plan, tmp_path)
