"""Fleets below trees of limits, coordinated by price, against the reference optimiser."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridtide.plan import read_plan, solve, verify_plan, write_plan
from gridtide.plan.price import clusters, fleet, groups

_path = Path(__file__).parents[1] / "reference" / "price_draws.py"
_spec = importlib.util.spec_from_file_location("price_draws", _path)
draws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draws)

KINDS = ("several meters", "plug", "phases", "export", "overload", "demand", "squares")
FEATURES = (
    "taper", "holding", "holding by step", "end value", "bands", "carbon", "uneven steps", "floor",
)  # fmt: skip
WANTED = 1e-3
HONEST = 2e-3
"""Gap that 20 to 60 vehicles may leave where a machine is slow: all but closed."""


def _draw(seed, *more, without=()):
    """A fleet below a tree, and what is peculiar about both."""
    r = np.random.default_rng([seed, 3])
    kinds = [kind for kind in KINDS if r.random() < 0.4 and kind not in without]
    features = [name for name in FEATURES if r.random() < 0.25]
    count = int(r.integers(20, 61))
    return draws.draw_tree(seed, count=count, features=(*features, *more), kinds=kinds)


def _near(plan):
    """Tolerance of a comparison with the reference optimiser."""
    return 2e-6 * max(1.0, abs(plan.objective))


def _excess_kw(problem, power):
    """Largest excess over the limits, from powers alone; base loads above a limit are no excess."""
    limits = len(problem.limit_names)
    below = np.zeros((limits, len(problem)), dtype=bool)
    inner = np.eye(limits, dtype=bool)
    for i, leaf in enumerate(problem.limit):
        j = leaf
        while j >= 0:
            below[j, i] = True
            j = problem.limit_parent[j]
    for j in range(limits):
        above = problem.limit_parent[j]
        while above >= 0:
            inner[above, j] = True
            above = problem.limit_parent[above]
    base = inner.astype(float) @ problem.base_load_kw
    worst = _beyond(below @ power, base, problem.import_kw, problem.export_kw)
    if problem.phase_kw is None:
        return worst
    for phase in range(3):
        net = below @ (power * problem.phase_share[:, [phase]])
        room = problem.phase_kw[:, [phase]]
        worst = max(worst, _beyond(net, base / 3, room, room))
    return worst


def _beyond(net, base, room_in, room_out):
    over = net - np.maximum(room_in - base, 0.0)
    under = np.minimum(-room_out - base, 0.0) - net
    return max(float(over.max()), float(under.max()))


def _check_stays(problem, plan):
    """Powers stand in plugged steps, chargers and windows are kept."""
    power, energy = plan.power_kw, plan.energy_kwh
    step = np.arange(problem.steps)
    plugged = (problem.arrive[:, None] <= step) & (step < problem.depart[:, None])
    assert not power[~plugged].any()
    assert (power <= problem.max_charge_kw[:, None] + 1e-9).all()
    assert (power >= -problem.max_discharge_kw[:, None] - 1e-9).all()
    low = np.minimum(problem.min_kwh, problem.arrival_kwh)
    high = np.maximum(problem.max_kwh, problem.arrival_kwh)
    there = ~np.isnan(energy)
    assert (energy >= low[:, None] - 1e-6)[there].all()
    assert (energy <= high[:, None] + 1e-6)[there].all()


def _check_verified(problem, plan, folder):
    path = write_plan(folder / "plan.parquet", plan, problem)
    verdict = verify_plan(read_plan(path), problem)
    assert verdict.verified, [c.said for c in verdict.checks if c.passed is False]
    assert verdict.cost == pytest.approx(plan.objective, rel=1e-9, abs=1e-9)


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Compile the kernels, those of exact groups too, before any time limit counts."""
    for seed in (0, 1, 9, 13):
        solve(_draw(seed), solver="price", gap=WANTED, time_limit_s=60.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "GROUP", 8)
        for seed in (5, 6):
            solve(_draw(seed), solver="price", gap=WANTED, time_limit_s=8.0)


def _plan(problem):
    return solve(problem, solver="price", time_limit_s=1.5, gap=WANTED)


@pytest.mark.parametrize("group", [400, 8])
@pytest.mark.parametrize("seed", range(14))
def test_bound_optimum_and_cost_stand_in_this_order(seed, group, tmp_path, monkeypatch):
    """Also in groups so small that most limits are shared between them."""
    monkeypatch.setattr(groups, "GROUP", group)
    problem = _draw(seed)
    best, plan = solve(problem, solver="highs"), _plan(problem)
    assert plan.lower_bound <= best.objective + _near(best)
    assert plan.objective >= best.lower_bound - _near(best)
    assert plan.lower_bound <= plan.objective
    excess = _excess_kw(problem, plan.power_kw)
    assert excess <= 1e-6
    assert plan.hard_violation_kw == pytest.approx(max(excess, 0.0), abs=1e-9)
    _check_stays(problem, plan)
    _check_verified(problem, plan, tmp_path)
    assert plan.gap <= HONEST


@pytest.mark.parametrize("seed", range(6))
def test_losses_in_parts_keep_this_order(seed, tmp_path):
    problem = _draw(seed, "parts")
    best, plan = solve(problem, solver="highs"), _plan(problem)
    assert plan.lower_bound <= best.objective + _near(best)
    assert plan.objective >= best.lower_bound - _near(best)
    assert _excess_kw(problem, plan.power_kw) <= 1e-6
    assert plan.gap <= HONEST
    for made in (best, plan):
        _check_verified(problem, made, tmp_path)


@pytest.mark.parametrize("promise", ["priced", "first"])
@pytest.mark.parametrize("seed", range(100, 110))
def test_nobody_is_short_where_nobody_need_be(seed, promise, tmp_path):
    """Base loads keep to their limits: first to relieve one is the reference's alone."""
    problem = _draw(seed, "modest", without=("overload",))
    problem = replace(problem, promise=promise, shortfall_price_per_kwh=20.0)
    best, plan = solve(problem, solver="highs"), _plan(problem)
    # What limits force, and a millionth of it for rounding; mostly that is nothing.
    assert plan.shortfall_kwh.sum() <= best.shortfall_kwh.sum() * (1 + 1e-6) + 1e-6
    if not best.shortfall_kwh.any():
        assert not plan.slacks
        assert plan.objective >= best.lower_bound - _near(best)
        assert plan.lower_bound <= best.objective + _near(best)
        assert plan.gap <= HONEST
    _check_verified(problem, plan, tmp_path)


@pytest.mark.parametrize("seed", [2, 5])
def test_a_plan_depends_neither_on_threads_nor_on_what_ran_before(seed, monkeypatch):
    monkeypatch.setattr(groups, "GROUP", 8)
    problem = _draw(seed)

    def once():
        return solve(problem, solver="price", gap=WANTED, time_limit_s=60.0)

    first = once()
    _plan(_draw(seed + 1))
    again = once()
    monkeypatch.setattr(fleet, "_POOL", ThreadPoolExecutor(1))
    alone = once()
    for plan in (again, alone):
        assert plan.sweeps == first.sweeps
        assert plan.lower_bound == first.lower_bound
        assert plan.objective == first.objective
        np.testing.assert_array_equal(plan.plugged_kw, first.plugged_kw)


@pytest.mark.parametrize("seed", [11, 17, 19, 23, 35, 37])
def test_an_excess_that_one_lane_alone_can_take_off_is_taken_off_whole(seed, monkeypatch):
    """Two lanes share what a common limit leaves: of an excess one lane can take off but half."""
    monkeypatch.setattr(groups, "GROUP", 8)
    monkeypatch.setattr(clusters, "MOST", 0)
    problem = draws.draw_tree(seed, count=40, kinds=("phases", "overload"))
    plan = _plan(problem)
    assert plan.gap <= HONEST
    assert _excess_kw(problem, plan.power_kw) <= 1e-6
