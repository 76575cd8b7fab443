"""Wishes as prices: kinks of what one driver misses, their order, and what a plan says of them."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridtide.plan import read_plan, solve, verify_plan, write_plan
from gridtide.plan._layout import lay_out
from gridtide.plan.linear._ahead import Ahead
from gridtide.plan.linear._beyond import Beyond
from gridtide.plan.linear._largest import least_largest_kwh
from gridtide.plan.linear._search import Search
from gridtide.plan.price import best_schedules, lay_stays
from gridtide.plan.price.promise import wishes

_path = Path(__file__).parents[1] / "reference" / "price_draws.py"
_spec = importlib.util.spec_from_file_location("price_draws", _path)
draws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draws)


def street(cars=3, hours=2, street_kw=10.0, **more):
    """Cars that each need 10 kWh within two hours, below a street that carries 20 kWh of 30."""
    problem = draws.draw_vehicles(1, count=cars, steps=hours)
    same = np.ones(cars)
    told = {
        "step_h": np.ones(hours),
        "arrive": np.zeros(cars, dtype=int),
        "depart": np.full(cars, hours),
        "arrival_kwh": 10.0 * same,
        "target_kwh": 20.0 * same,
        "min_kwh": 0.0 * same,
        "max_kwh": 40.0 * same,
        "max_charge_kw": 10.0 * same,
        "max_discharge_kw": 0.0 * same,
        "charge_efficiency": same,
        "discharge_efficiency": same,
        "wear_price_per_kwh": 0.0 * same,
        "limit": np.zeros(cars, dtype=int),
        "limit_names": ("street",),
        "limit_parent": np.array([-1]),
        "import_kw": np.full((1, hours), street_kw),
        "export_kw": np.full((1, hours), np.inf),
        "base_load_kw": np.zeros((1, hours)),
        "demand_charge_per_kw": np.zeros(1),
        "meters": np.array([0]),
        "price_import_per_kwh": np.full((1, hours), 0.3),
        "price_export_per_kwh": np.full((1, hours), 0.3),
        "promise": "first",
        "shortfall_price_per_kwh": 1.0,
    }
    return replace(problem, **told | more)


def test_a_shortage_is_shared_out_evenly(tmp_path):
    plan = solve(street(), solver="price")
    np.testing.assert_allclose(plan.shortfall_kwh, 10.0 / 3.0, atol=1e-6)
    assert "the largest shortfall is 3.33333 kWh, proven to be the least" in plan.notes
    assert {s.entity for s in plan.slacks} == {"ev0", "ev1", "ev2"}
    assert all(s.binding == "import limit of street" for s in plan.slacks)
    problem = street()
    verdict = verify_plan(read_plan(write_plan(tmp_path / "plan.json", plan, problem)), problem)
    assert verdict.verified
    assert verdict.lower_bound == pytest.approx(plan.objective, rel=1e-6)


def test_what_nobody_can_avoid_gives_the_others_no_cause_to_miss_less(tmp_path):
    """One arrives too late for 8 of its 10 kWh: the others may miss as much, and not more."""
    problem = street(max_charge_kw=np.array([1.0, 10.0, 10.0]), street_kw=6.0)
    plan, best = solve(problem, solver="price"), solve(problem, solver="highs")
    assert plan.shortfall_kwh.max() == pytest.approx(best.shortfall_kwh.max(), abs=1e-6)
    assert plan.shortfall_kwh.sum() == pytest.approx(best.shortfall_kwh.sum(), abs=1e-6)
    assert plan.shortfall_kwh[0] == pytest.approx(8.0, abs=1e-6)


def test_a_discharging_car_brings_base_load_below_a_limit_first(tmp_path):
    """Base load is 2 kW beyond the street's 10 kW; energy has one price, so nothing else pays."""
    problem = street(
        cars=1,
        hours=3,
        max_discharge_kw=np.array([10.0]),
        wear_price_per_kwh=np.array([0.1]),
        base_load_kw=np.array([[0.0, 12.0, 0.0]]),
        import_kw=np.full((1, 3), 10.0),
    )
    plan, best = solve(problem, solver="price"), solve(problem, solver="highs")
    assert plan.power_kw[0, 1] == pytest.approx(-2.0, abs=1e-6)
    assert plan.objective == pytest.approx(best.objective, rel=1e-6)
    assert not plan.slacks
    verdict = verify_plan(read_plan(write_plan(tmp_path / "plan.json", plan, problem)), problem)
    assert verdict.verified
    assert verdict.lower_bound == pytest.approx(plan.objective, rel=1e-6)
    priced = solve(replace(problem, promise="priced", shortfall_price_per_kwh=9.0), solver="price")
    assert priced.power_kw[0, 1] == pytest.approx(0.0, abs=1e-6)
    assert [s.name for s in priced.slacks] == ["base_overload"]


def test_a_driver_comes_before_base_load():
    """The only hour is that of the overload: the car keeps what it has to leave with."""
    problem = street(
        cars=1,
        hours=1,
        max_discharge_kw=np.array([10.0]),
        target_kwh=np.array([10.0]),
        base_load_kw=np.array([[12.0]]),
        import_kw=np.full((1, 1), 10.0),
    )
    plan = solve(problem, solver="price")
    assert plan.shortfall_kwh.max() == 0.0
    assert plan.slacks[0].name == "base_overload"
    assert plan.slacks[0].amount == pytest.approx(2.0)


@pytest.mark.parametrize("features", [(), ("taper",), ("holding",), ("bands",), ("end value",)])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_missing_beyond_kinks_costs_as_in_the_linear_problem(seed, features):
    problem = draws.draw_vehicles(seed, *features, count=30, priced=(0.2, 0.4))
    kwh, price = np.array([1.0, 6.0]), np.array([0.1, 0.4])
    price_in = np.tile(problem.price_import_per_kwh[0], (len(problem), 1))
    price_out = np.tile(problem.price_export_per_kwh[0], (len(problem), 1))
    stays = lay_stays(problem, short_price=problem.shortfall_price_per_kwh)
    stays = stays._replace(beyond_kwh=kwh, beyond_price=price)
    step = np.arange(problem.steps)
    plugged = (step >= problem.arrive[:, None]) & (step < problem.depart[:, None])
    least, cost, _ = best_schedules(stays, price_in[plugged], price_out[plugged])
    ahead = Ahead(beyond=Beyond(kwh, price))
    best = Search(lay_out(problem), 20.0, ahead=ahead).find().schedule
    over = np.maximum(best.shortfall_kwh[:, None] - kwh, 0.0) @ price
    assert least.sum() == pytest.approx(best.objective + over.sum(), rel=1e-7)
    np.testing.assert_allclose(cost, least, atol=1e-9)
    assert over.sum() > 0


@pytest.mark.parametrize(("charge_kw", "least"), [(10.0, 10.0 / 3.0), (1.0, 8.0)])
def test_the_least_largest_shortfall_is_what_limits_and_stays_force(charge_kw, least):
    problem = street(max_charge_kw=np.array([charge_kw, 10.0, 10.0]))
    assert least_largest_kwh(problem, 20.0) == pytest.approx(least, abs=1e-6)


def test_wishes_stand_in_their_order():
    problem = street(base_load_kw=np.array([[0.0, 12.0]]))
    prices = wishes(problem, 3.0)
    assert 3.0 < prices.relief < prices.short < prices.beyond < prices.recover
    assert wishes(street(), 3.0).relief == 0.0
    priced = wishes(replace(problem, promise="priced"), 3.0)
    assert (priced.short, priced.beyond, priced.relief) == (1.0, 0.0, 0.0)
