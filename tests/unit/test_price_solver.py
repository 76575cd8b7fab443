"""The price-based solver at its edges: no time, no vehicles, no way, and an earlier plan."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridtide.plan import (
    Reserve,
    churn_kwh,
    hold_to,
    read_plan,
    schedule_cost,
    solve,
    verify_plan,
    warm_start,
    write_plan,
)
from gridtide.plan.price import fleet, groups, lay_stays
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.groups import make_groups
from gridtide.plan.price.rows import keep_book

_path = Path(__file__).parents[1] / "reference" / "price_draws.py"
_spec = importlib.util.spec_from_file_location("price_draws", _path)
draws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draws)


def tree(seed=3, *features, count=40, kinds=("export", "demand"), **more):
    problem = draws.draw_tree(seed, count=count, features=("modest", *features), kinds=kinds)
    return replace(problem, shortfall_price_per_kwh=20.0, **more)


def by_price(problem, **how):
    return solve(problem, solver="price", **({"time_limit_s": 20.0, "gap": 1e-3} | how))


def assert_sound(problem, plan, folder):
    """Feasible, and the certificate proves what is claimed."""
    assert plan.hard_violation_kw <= 1e-6
    assert plan.lower_bound <= plan.objective
    verdict = verify_plan(read_plan(write_plan(folder / "plan.parquet", plan, problem)), problem)
    assert verdict.verified, [c.said for c in verdict.checks if c.passed is False]


def test_no_time_still_gives_a_certified_plan(tmp_path):
    problem = tree()
    plan = by_price(problem, time_limit_s=0.0)
    assert plan.sweeps == 0
    assert any("was not closed" in note for note in plan.notes)
    assert_sound(problem, plan, tmp_path)


def test_an_interrupt_gives_the_best_so_far(tmp_path, monkeypatch):
    problem, usual, calls = tree(), Fleet.sweep, []

    def interrupted(self, order):
        calls.append(len(order))
        if len(calls) > 5:
            raise KeyboardInterrupt
        return usual(self, order)

    monkeypatch.setattr(Fleet, "sweep", interrupted)
    plan = by_price(problem)
    assert plan.sweeps == 5
    assert "interrupted: the best so far" in plan.notes
    assert_sound(problem, plan, tmp_path)


def test_targets_out_of_reach_are_named_as_the_reference_names_them(tmp_path):
    problem = draws.draw_vehicles(8, count=30)
    problem = replace(problem, shortfall_price_per_kwh=20.0)
    plan, best = by_price(problem), solve(problem, solver="highs")
    assert best.slacks
    told = {s.entity: s for s in plan.slacks}
    assert set(told) == {s.entity for s in best.slacks}
    for slack in best.slacks:
        assert told[slack.entity].name == slack.name == "shortfall"
        assert told[slack.entity].binding == slack.binding
        assert told[slack.entity].amount == pytest.approx(slack.amount, abs=1e-6)
    assert plan.status == "best_effort"
    assert_sound(problem, plan, tmp_path)


def test_limits_below_the_base_load_are_named_and_not_added_to(tmp_path):
    problem = tree(6)
    low = problem.import_kw.copy()
    low[0, 4:6] = 0.0
    base = np.abs(problem.base_load_kw)
    problem = replace(problem, import_kw=low, base_load_kw=base)
    plan = by_price(problem)
    over = [s for s in plan.slacks if s.name == "base_overload" and s.entity == "region"]
    assert (over[0].from_step, over[-1].to_step) == (4, 6)
    assert (plan.net_kw[0, 4:6] <= 1e-9).all()
    assert_sound(problem, plan, tmp_path)


def _some(problem, rows):
    """The same problem with some of its vehicles."""
    count, told = len(problem), {"ids": tuple(problem.ids[i] for i in rows)}
    for name in problem.__dataclass_fields__:
        value = getattr(problem, name)
        if isinstance(value, np.ndarray) and value.shape[:1] == (count,):
            told[name] = value[rows]
    return replace(problem, **told)


def test_a_fleet_of_nobody_costs_what_the_base_load_does():
    problem = _some(tree(count=40), np.zeros(0, dtype=int))
    plan, best = by_price(problem), solve(problem, solver="highs")
    assert plan.objective == pytest.approx(best.objective, rel=1e-9)
    assert plan.plugged_kw.shape == (0,)
    assert plan.gap <= 1e-6


def test_nobody_plugged_in_costs_what_the_base_load_does(tmp_path):
    problem = tree()
    away = np.full(len(problem), problem.steps + 2)
    problem = replace(problem, arrive=away, depart=away + 3)
    plan, best = by_price(problem), solve(problem, solver="highs")
    assert plan.objective == pytest.approx(best.objective, rel=1e-9)
    assert not plan.power_kw.any()
    assert_sound(problem, plan, tmp_path)


@pytest.mark.parametrize("kinds", [("export",), ("phases", "demand"), ("several meters",)])
def test_the_same_problem_again_needs_no_sweep_and_moves_nobody(kinds, tmp_path):
    problem = tree(4, kinds=kinds, count=60)
    plan, steps = by_price(problem), np.arange(problem.steps)
    start = warm_start(plan, problem, problem, steps)
    again = by_price(problem, start=start)
    assert again.sweeps == 0
    # Vehicles still answer true prices within what limits leave, and so may find a little more.
    moved = churn_kwh(plan, problem, problem, steps, again.plugged_kw)
    assert moved <= 1e-3 * np.abs(plan.power_kw * problem.step_h).sum()
    assert again.objective <= plan.objective + 1e-9 * abs(plan.objective)
    assert_sound(problem, again, tmp_path)


def _later(problem, plan):
    """One step later: what was planned has happened."""
    energy = plan.energy_kwh[:, 1]
    there = (problem.arrive <= 0) & (problem.depart > 0)
    told = {
        name: getattr(problem, name)[:, 1:]
        for name in ("import_kw", "export_kw", "base_load_kw",
                     "price_import_per_kwh", "price_export_per_kwh")
    }  # fmt: skip
    return replace(
        problem,
        step_h=problem.step_h[1:],
        arrive=problem.arrive - 1,
        depart=problem.depart - 1,
        arrival_kwh=np.where(there, energy, problem.arrival_kwh),
        **told,
    )


def test_a_step_later_a_warm_start_is_quick_and_moves_little(tmp_path):
    before = tree(4, kinds=("export",), count=60)
    plan = by_price(before)
    after = _later(before, plan)
    steps = np.arange(1, before.steps)
    warm = by_price(after, start=warm_start(plan, before, after, steps))
    cold = by_price(after)
    moved = [churn_kwh(plan, before, after, steps, p.plugged_kw) for p in (warm, cold)]
    assert warm.sweeps < cold.sweeps
    assert moved[0] < 0.5 * moved[1]
    assert warm.gap <= 1e-3
    assert_sound(after, warm, tmp_path)


@pytest.mark.parametrize("solver", ["highs", "price"])
def test_a_price_on_changes_bounds_them(solver, tmp_path):
    """No more moves than the old plan costs more than the best, over the price."""
    before = tree(4, kinds=("export",), count=60)
    plan = solve(before, solver=solver, gap=1e-4)
    after, price = _later(before, plan), 0.002
    steps = np.arange(1, before.steps)
    held = hold_to(after, plan, before, steps, price)
    best, new = (solve(p, solver=solver, gap=1e-4) for p in (after, held))
    old = np.zeros((len(after), after.steps))
    old[:, :] = plan.power_kw[:, 1:]
    now = schedule_cost(after, old)
    moved = churn_kwh(plan, before, after, steps, new.plugged_kw)
    open_gap = new.objective - new.lower_bound
    assert moved <= (now - best.lower_bound + open_gap) / price + 1e-6
    assert moved <= 0.5 * churn_kwh(plan, before, after, steps, best.plugged_kw)
    assert new.objective == pytest.approx(schedule_cost(after, new.power_kw) + price * moved)
    assert_sound(held, new, tmp_path)


def test_auto_takes_prices_beyond_so_many_steps(monkeypatch):
    problem = tree()
    assert solve(problem, gap=1e-3).sweeps == 0
    # The room's function of this name stands before its module.
    monkeypatch.setattr(sys.modules["gridtide.plan.solve"], "PRICE_STEPS", 20)
    assert solve(problem, gap=1e-3).sweeps > 0


def _groups(problem):
    stays = lay_stays(problem, short_price=20.0)
    book = keep_book(problem, stays)
    stays.each["path"] = book.path_of
    found, place = make_groups(problem, stays, book)
    return stays, book, found, place


@pytest.mark.parametrize("size", [1, 5, 12, 400])
@pytest.mark.parametrize("features", [(), ("trips",)])
def test_every_vehicle_is_in_one_group_and_own_rows_are_of_no_other(size, features, monkeypatch):
    """Vehicles with trips stay below several feeders."""
    monkeypatch.setattr(groups, "GROUP", size)
    problem = draws.draw_tree(7, count=60, features=features)
    stays, book, found, place = _groups(problem)
    vehicles = np.concatenate([group.vehicles for group in found])
    np.testing.assert_array_equal(np.sort(vehicles), np.arange(len(stays.vehicle) - 1))
    assert all(0 < len(group.vehicles) <= size for group in found)
    of_vehicle = np.repeat(np.arange(len(stays.vehicle) - 1), np.diff(stays.vehicle))
    for group in found:
        assert (place[group.rows] < 0).all()
        others = ~np.isin(of_vehicle, group.vehicles)
        for path in np.unique(stays.each["path"][others]):
            above = book.row[book.path[path] : book.path[path + 1]]
            assert not np.isin(above, group.rows).any()
    local = np.concatenate([group.rows for group in found])
    np.testing.assert_array_equal(np.sort(local), np.flatnonzero(place < 0))


def test_vehicles_that_stay_below_several_feeders_keep_all_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "GROUP", 12)
    problem = draws.draw_tree(7, count=60, features=("trips",), kinds=("export",))
    plan, best = by_price(problem, time_limit_s=2.0), solve(problem, solver="highs")
    assert plan.lower_bound <= best.objective + 1e-6 * abs(best.objective)
    assert plan.objective >= best.lower_bound - 1e-6 * abs(best.objective)
    assert_sound(problem, plan, tmp_path)


def test_single_precision_keeps_limits_and_proves_its_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "SINGLE_PRECISION", 10)
    problem = tree(4, kinds=("export",), count=60)
    plan = by_price(problem)
    assert plan.plugged_kw.dtype == np.float32
    assert plan.gap <= 1e-3
    assert_sound(problem, plan, tmp_path)


def test_limits_are_not_asked_for_where_a_shortage_is_mended(tmp_path):
    """Each plug billed, no limit at all, and one vehicle short of what it could have."""
    problem = draws.draw_vehicles(0, "taper", count=40)
    plan = by_price(problem)
    assert plan.shortfall_kwh.sum() > 0
    assert_sound(problem, plan, tmp_path)


def test_smallest_powers_are_decided_after_the_energy_and_reserve_is_proven_then():
    problem = tree()
    least = np.minimum(1.4, problem.max_charge_kw)
    up = Reserve(
        name="up", direction="up", from_step=0, to_step=2, price_per_kw_h=0.05, duration_h=0.25
    )
    plan = by_price(replace(problem, min_charge_kw=least, reserves=(up,)))
    power = plan.power_kw
    small = (power > 1e-9) & (power < least[:, None] - 1e-6)
    assert not small.any()
    assert plan.hard_violation_kw <= 1e-6
    assert plan.lower_bound <= plan.objective
    assert plan.reserves[0].offered_kw <= plan.reserves[0].proven_kw + 1e-9
    assert any("smallest powers" in note for note in plan.notes)
    assert plan.certificate is None, "no prices are kept that would prove reserve"
    assert plan.bound_by == "branch and bound"


def test_where_vehicles_come_back_reserve_is_what_the_energy_leaves():
    up = Reserve(
        name="up", direction="up", from_step=3, to_step=6, price_per_kw_h=0.05, duration_h=0.5
    )
    problem = replace(draws.draw_vehicles(3, "trips", count=40), reserves=(up,))
    plan = by_price(problem)
    assert plan.lower_bound <= plan.objective
    assert any("reserve" in note for note in plan.notes)
