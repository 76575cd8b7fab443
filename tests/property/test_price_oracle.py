"""The exact optimum of each vehicle at given prices, against a linear problem written anew."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.plan import solve
from gridtide.plan.price import best_schedules, lay_stays
from gridtide.plan.price._kernel_costs import own_cost
from gridtide.plan.price._kernel_fleet import cut_to_window
from gridtide.plan.price._kernel_stay import go_forward, value_back
from gridtide.plan.price._kernel_value import value_at
from gridtide.plan.price.stays import segments


def _load(name):
    path = Path(__file__).parents[1] / "reference" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draws = _load("price_draws")
by_lp = _load("vehicle_by_lp")
solve_vehicles = by_lp.solve_vehicles

RECOVER = 7.0
EXACT = 1e-9
APART = ("trips", "modest", "parts", "changes")
LINEAR = tuple(name for name in draws.FEATURES if name not in APART)
mixes = st.lists(st.sampled_from(LINEAR), unique=True, max_size=5)
seeds = st.integers(0, 10**6)


def _steps(problem):
    """Step of each plugged pair, stay by stay."""
    arrive, depart = np.maximum(problem.arrive, 0), np.minimum(problem.depart, problem.steps)
    there = problem.arrive < problem.depart
    spans = [np.arange(a, b) if here else [] for a, b, here in zip(arrive, depart, there)]  # noqa: B905
    return np.concatenate(spans).astype(int)


def _prices(problem):
    at, carbon = _steps(problem), 0.0
    if problem.carbon_kg_per_kwh is not None:
        carbon = problem.carbon_kg_per_kwh * problem.carbon_price_per_kg
    buy, sell = problem.price_import_per_kwh[0] + carbon, problem.price_export_per_kwh[0] + carbon
    return buy[at], sell[at]


def _lay(problem):
    return lay_stays(
        problem, short_price=problem.shortfall_price_per_kwh, recover_price=RECOVER
    )  # fmt: skip


def _by_lp(problem, stays, buy, sell, **how):
    return solve_vehicles(
        problem,
        problem.shortfall_price_per_kwh,
        buy,
        sell,
        recover_price=RECOVER,
        drive_price=stays.drive_price,
        **how,
    )


def _above(figure, reference):
    """How far a figure is above its reference, at most, as a share of it (or of 1)."""
    return float(np.max((figure - reference) / np.maximum(1.0, np.abs(reference)), initial=-1.0))


def _differ(figure, reference):
    return float(np.max(np.abs(figure - reference) / np.maximum(1.0, np.abs(reference))))


def _check_feasible(problem, stays, power):
    """Chargers, windows and tapers are kept by following each stay by hand."""
    at, begin, energy = _steps(problem), 0, None
    for i, stay in enumerate(stays.each):
        heads = problem.continues is None or not problem.continues[i]
        if heads:
            energy = problem.arrival_kwh[i]
        else:
            energy = max(energy - problem.driven_kwh[i], problem.min_kwh[i])
        low, high = min(problem.min_kwh[i], energy), max(problem.max_kwh[i], energy)
        for p in range(begin, begin + int(stay["steps"])):
            kw, hours = power[p], problem.step_h[at[p]]
            assert -problem.max_discharge_kw[i] - 1e-9 <= kw <= problem.max_charge_kw[i] + 1e-9
            into, out = by_lp.lines_of(problem, i)
            flow = by_lp.moved(kw, into) if kw > 0 else -by_lp.moved(-kw, out)
            energy += hours * flow
            assert low - 1e-9 <= energy <= high + 1e-9
            if problem.taper_from_kwh is not None and kw > 1e-9:
                # A standby loss is spread over the power, but not over the taper's line.
                full = problem.max_charge_kw[i] * problem.charge_efficiency[i]
                if problem.charge_part_kw is not None:
                    full = by_lp.moved(problem.max_charge_kw[i], into)
                width = problem.max_kwh[i] - problem.taper_from_kwh[i]
                fall = full * (1 - problem.taper_end[i]) / width if width > 1e-9 else 0.0
                fall = min(fall, full / max(high - problem.taper_from_kwh[i], 1e-9))
                room = full - fall * (energy - problem.taper_from_kwh[i])
                assert flow <= room + 1e-6
        begin += int(stay["steps"])


@given(seeds, mixes)
def test_every_optimum_is_that_of_the_linear_problem(seed, features):
    """100 vehicles each: also the followed schedules cost what V says."""
    problem = draws.draw_vehicles(seed, *features)
    stays, (buy, sell) = _lay(problem), _prices(problem)
    value, cost, power = best_schedules(stays, buy, sell)
    reference = _by_lp(problem, stays, buy, sell)
    assert _differ(value, reference) <= EXACT and _differ(cost, reference) <= EXACT
    _check_feasible(problem, stays, power)


@given(seeds, mixes)
@settings(max_examples=40)
def test_losses_in_parts_are_exact_too(seed, features):
    """Energy is worth its price throughout, so that parts are filled in order."""
    _check_exact(draws.draw_vehicles(seed, "parts", *_able(features)))


@given(seeds, mixes, st.booleans())
@settings(max_examples=40)
def test_a_price_on_changes_is_exact(seed, features, parted):
    more = ("changes", "parts") if parted else ("changes",)
    _check_exact(draws.draw_vehicles(seed, *more, *_able(features), priced=(0.2, 0.4)))


def _check_exact(problem):
    problem = _worth_its_price(problem)
    stays, (buy, sell) = _lay(problem), _prices(problem)
    value, cost, power = best_schedules(stays, buy, sell)
    reference = _by_lp(problem, stays, buy, sell)
    assert _differ(value, reference) <= EXACT and _differ(cost, reference) <= EXACT
    _check_feasible(problem, stays, power)


@given(seeds, st.lists(st.sampled_from(LINEAR), unique=True))
@settings(max_examples=20)
def test_a_price_on_what_is_held_together_is_exact(seed, features):
    """Below and above nothing: what a vehicle sees where too much, or too little, is held."""
    problem = draws.draw_vehicles(seed, *features)
    price = np.random.default_rng(seed).normal(0.0, 0.1, problem.steps)
    stays, (buy, sell) = _lay(problem)._replace(together=price[None]), _prices(problem)
    value, cost, power = best_schedules(stays, buy, sell)
    optimum = _by_lp(problem, stays, buy, sell, stored_price=price)
    assert _differ(value, optimum) <= EXACT
    assert _differ(cost, optimum) <= EXACT
    _check_feasible(problem, stays, power)


def _able(features):
    """Leave out standby, whose chord is not a thing of parts, and who arrives too full."""
    return [name for name in features if name not in ("standby", "recovery")]


def _worth_its_price(problem):
    """Without wear, and with no price of holding that wasting energy would save."""
    price = np.maximum(problem.price_export_per_kwh, 0.01)
    holding = problem.holding_price_per_kwh_h
    return replace(
        problem,
        price_export_per_kwh=np.minimum(price, problem.price_import_per_kwh),
        wear_price_per_kwh=np.zeros(len(problem)),
        holding_price_per_kwh_h=None if holding is None else np.minimum(holding, 0.0),
    )


@pytest.mark.parametrize("features", [(), ("taper",), ("holding", "uneven steps")])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_parts_waste_gladly_the_value_is_a_bound(seed, features):
    problem = draws.draw_vehicles(seed, "parts", *features, count=30, steps=8, priced=(-0.8, 0.1))
    stays, (buy, sell) = _lay(problem), _prices(problem)
    value, cost, power = best_schedules(stays, buy, sell)
    relaxed = _by_lp(problem, stays, buy, sell)
    optimum = _by_lp(problem, stays, buy, sell, binaries=True)
    assert (optimum > relaxed + 1e-6).any(), "wasting pays nowhere: nothing is tested"
    if "taper" not in features:
        # There the linear problem bounds charging by the taper even while it discharges.
        assert _above(relaxed, value) <= EXACT
    assert _above(value, optimum) <= EXACT
    assert _above(optimum, cost) <= EXACT
    _check_feasible(problem, stays, power)


@pytest.mark.parametrize("seed", range(6))
def test_the_sum_is_what_the_reference_optimiser_finds(seed):
    r = np.random.default_rng(seed)
    features = [
        f for f in LINEAR if f not in ("recovery", "standby", "floors") and r.random() < 0.3
    ]
    problem = draws.draw_vehicles(seed, *features)
    value, cost, _ = best_schedules(_lay(problem), *_prices(problem))
    plan = solve(problem, solver="highs")
    scale = max(1.0, abs(plan.objective))
    assert value.sum() == pytest.approx(plan.objective, rel=EXACT, abs=EXACT * scale)
    assert cost.sum() == pytest.approx(plan.objective, rel=EXACT, abs=EXACT * scale)


@pytest.mark.parametrize("features", [(), ("taper",), ("holding", "uneven steps"), ("standby",)])
@pytest.mark.parametrize("seed", range(3))
def test_where_burning_would_pay_the_value_is_a_bound(seed, features):
    """No step goes both ways; the bound lies between the relaxation and the optimum."""
    problem = draws.draw_vehicles(seed, *features, count=40, steps=10, priced=(-0.8, 0.1))
    stays, (buy, sell) = _lay(problem), _prices(problem)
    value, cost, power = best_schedules(stays, buy, sell)
    relaxed = _by_lp(problem, stays, buy, sell)
    optimum = _by_lp(problem, stays, buy, sell, binaries=True)
    assert (optimum > relaxed + 1e-6).any(), "burning pays nowhere: nothing is tested"
    if "taper" not in features:
        # Where burning pays the taper is left out of the bound.
        assert _above(relaxed, value) <= EXACT
        assert (value > relaxed + 1e-6).any()
    assert _above(value, optimum) <= EXACT
    assert _above(optimum, cost) <= EXACT
    _check_feasible(problem, stays, power)


@given(seeds, st.lists(st.sampled_from(["taper", "bands", "uneven steps", "holding"]), unique=True))
@settings(max_examples=25)
def test_trips_are_bounded_and_schedules_feasible(seed, features):
    """V is the linear problem's, in which more may be bought on the way than a drive needs."""
    problem = draws.draw_vehicles(seed, "trips", *features, count=60)
    stays, (buy, sell) = _lay(problem), _prices(problem)
    value, cost, power = best_schedules(stays, buy, sell)
    relaxed = _by_lp(problem, stays, buy, sell)
    optimum = _by_lp(problem, stays, buy, sell, binaries=True)
    assert _differ(value, relaxed) <= EXACT
    assert _above(value, optimum) <= EXACT
    assert _above(optimum, cost) <= EXACT
    _check_feasible(problem, stays, power)


@given(seeds)
@settings(max_examples=25)
def test_one_trip_is_exact_where_more_on_the_way_than_needed_does_not_pay(seed):
    """Before a second drive it may: what will have to be bought anyway also serves a target."""
    problem = draws.draw_vehicles(seed, "trips", "end value", count=60)
    continues = problem.continues & ~np.roll(problem.continues, 1)
    problem = replace(problem, continues=continues)
    stays, (buy, sell) = _lay(problem), _prices(problem)
    # Dearer than the target, the end value and the energy together.
    stays = stays._replace(drive_price=stays.drive_price + 2.0)
    value, cost, _ = best_schedules(stays, buy, sell)
    optimum = _by_lp(problem, stays, buy, sell, binaries=True)
    assert _differ(value, optimum) <= EXACT and _differ(cost, optimum) <= EXACT


BOUNDED = ["taper", "bands", "uneven steps", "holding", "parts", "floors", "changes"]


@given(seeds, st.lists(st.sampled_from(BOUNDED), unique=True))
@settings(max_examples=60)
def test_bounds_of_the_power_of_each_step_are_kept_exactly(seed, features):
    """Bounds as limits leave them: a schedule within them is known, some ask for flow."""
    r = np.random.default_rng([seed, 5])
    priced = (0.2, 0.4) if "changes" in features else (0.05, 0.4)
    problem = draws.draw_vehicles(seed, *features, count=60, priced=priced)
    if "parts" in features or "changes" in features:
        problem = _worth_its_price(problem)
    stays, (buy, sell) = _lay(problem), _prices(problem)
    now = r.uniform(-10, 20, len(buy))
    cut_to_window(stays, now)
    each, u = stays.each, np.repeat(np.arange(len(problem)), stays.each["steps"])
    most = np.minimum(now + r.choice([0.0, 2.0, 50.0], len(now)), each["charge_kw"][u])
    least = np.maximum(now - r.choice([0.0, 2.0, 50.0], len(now)), -each["discharge_kw"][u])
    if "taper" in features:
        # What a step must at least charge gives way to the taper: no bound of the linear problem.
        least = np.minimum(least, 0.0)
    if "parts" in features or "changes" in features:
        # Who must charge later, and is full, is glad of parts that waste.
        least, most = np.minimum(least, 0.0), np.maximum(most, 0.0)
    value, cost, power = _bounded(stays, buy, sell, most, least)
    reference = _by_lp(problem, stays, buy, sell, bounds=(most, least))
    assert _differ(value, reference) <= EXACT and _differ(cost, reference) <= EXACT
    assert (power <= most + 1e-9).all() and (power >= least - 1e-9).all()
    _check_feasible(problem, stays, power)


def _bounded(stays, buy, sell, most, least):
    """Value, cost and power of each vehicle with bounds of its powers."""
    slope, length, up, down = np.empty((4, segments(stays)))
    power, value, cost = np.zeros(len(buy)), np.zeros(len(stays.each)), np.zeros(len(stays.each))
    for i, stay in enumerate(stays.each):
        at = slice(int(stay["start"]), int(stay["start"] + stay["steps"]))
        b, s, m, n = buy[at], sell[at], most[at], least[at]
        found = value_back(stays, i, i, b, s, m, n, up, down, slope, length)
        value[i] = value_at(slope, length, *found, stay["held_kwh"])
        go_forward(stays, i, i, m, n, up, down, power[at])
        cost[i] = own_cost(stays, i, i, b, s, power[at])
    return value, cost, power


def test_stays_of_no_length_cost_what_is_missing():
    problem = draws.draw_vehicles(1, count=4)
    problem = replace(
        problem,
        arrive=np.array([3, 5, 20, 4]),
        depart=np.array([3, 2, 25, 9]),
        target_kwh=problem.arrival_kwh + np.array([2.0, 3.0, 1.0, 0.0]),
    )
    stays, (buy, sell) = _lay(problem), _prices(problem)
    value, cost, power = best_schedules(stays, buy, sell)
    price = problem.shortfall_price_per_kwh
    np.testing.assert_allclose(value[:2], [2 * price, 3 * price])
    # The third is due beyond the horizon and has not arrived within it.
    assert value[2] == 0.0
    np.testing.assert_allclose(cost, value, atol=1e-12)
    assert len(power) == 5
