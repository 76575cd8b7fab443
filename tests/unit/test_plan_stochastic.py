"""Two-stage bids: against the deterministic optimum, foresight, pencil and binomials."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from gridtide.plan import (
    Scenarios,
    chance_level,
    conditional_value_at_risk,
    foresee,
    mean_problem,
    plan_bid,
    quantity_bid,
    read_problem,
    recourse,
    solve,
    sure_level,
    worth,
)
from reference.plan_draws import draw_problem

KINDS = ("plain", "tree", "sun", "taper", "phases", "plug", "value")
STEPS = 8


def draw_days(seed, count=4, *, spread=0.05, weight=None, **changes):
    """Days with the same site and other vehicles and prices, all bidirectional."""
    r = np.random.default_rng(seed)
    days = []
    for _ in range(count):
        n = int(r.integers(1, 5))
        price = r.uniform(0.05, 0.4, STEPS)
        arrive = r.integers(0, STEPS - 2, n)
        vehicles = [
            {
                "id": f"ev{i}",
                "capacity_kwh": 50.0,
                "soc_arrival": float(r.uniform(0.2, 0.6)),
                "soc_target": float(r.uniform(0.6, 0.9)),
                "soc_min": 0.1,
                "arrive_step": int(arrive[i]),
                "depart_step": int(r.integers(arrive[i] + 1, STEPS + 2)),
                "max_charge_kw": 11.0,
                "max_discharge_kw": float(r.choice([0.0, 11.0])),
                "charge_efficiency": 0.92,
                "discharge_efficiency": 0.92,
                "wear_price_per_kwh": 0.02,
            }
            for i in range(n)
        ]
        document = {
            "version": 1,
            "start": "2021-08-02T00:00:00Z",
            "step_minutes": 60,
            "steps": STEPS,
            "price_import_per_kwh": price.tolist(),
            "price_export_per_kwh": (price - 0.01).tolist(),
            "billing": "site",
            "shortfall_price_per_kwh": 2.0,
            "limits": [
                {
                    "name": "site",
                    "import_kw": 25.0,
                    "export_kw": 15.0,
                    "base_load_kw": 3.0,
                    "demand_charge_per_kw": 0.2,
                    "members": [v["id"] for v in vehicles],
                }
            ],
            "vehicles": vehicles,
        } | changes
        days.append(read_problem(document))
    return Scenarios.of(
        days, weight=weight, shortage_spread_per_kwh=spread, surplus_spread_per_kwh=spread
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_one_day_alone_costs_what_the_deterministic_optimum_costs(kind, seed):
    problem = read_problem(draw_problem(seed, kind=kind))
    alone = Scenarios.of([problem], shortage_spread_per_kwh=0.1, surplus_spread_per_kwh=0.1)
    plan, known = plan_bid(alone, risk_weight=0.5), solve(problem)
    assert known.gap <= 1e-6
    assert plan.expected_cost == pytest.approx(known.objective, abs=1e-6)
    assert plan.cvar == pytest.approx(known.objective, abs=1e-6)
    assert plan.lower_bound == pytest.approx(1.5 * known.objective, abs=1e-5)
    assert plan.outcomes[0].imbalance_cost == pytest.approx(0.0, abs=1e-6)
    assert foresee(alone)[0].cost == pytest.approx(known.objective, abs=1e-6)


def test_the_cost_is_the_settlement_of_bid_and_imbalance():
    """Day-ahead money, imbalance at its own prices, the rest: added up by hand."""
    for drawn in draw_days(3).problems:
        price = drawn.price_import_per_kwh[0]
        problem = replace(drawn, price_export_per_kwh=drawn.price_import_per_kwh)
        day = Scenarios.of([problem], shortage_spread_per_kwh=0.05, surplus_spread_per_kwh=0.05)
        [outcome] = recourse(day, quantity_bid(np.full(STEPS, 5.0)))
        power = outcome.schedule.power_kw
        net = power.sum(axis=0) + 3.0
        money = price @ np.full(STEPS, 5.0)
        money += np.maximum(net - 5.0, 0) @ (price + 0.05)
        money -= np.maximum(5.0 - net, 0) @ (price - 0.05)
        money += 0.02 * np.maximum(-power, 0).sum() + 0.2 * max(net.max(), 0.0)
        money += 2.0 * outcome.schedule.shortfall_kwh.sum()
        assert outcome.cost == pytest.approx(money, abs=1e-9)


@pytest.mark.parametrize("form", ["quantity", "curve"])
@pytest.mark.parametrize("seed", range(4))
def test_between_foresight_and_any_other_bid(seed, form):
    days = draw_days(seed)
    plan = plan_bid(days, form=form, risk_weight=0.3, risk_level=0.6)
    assert plan.gap <= 1e-6
    r = np.random.default_rng(seed)
    for other in (quantity_bid(np.zeros(STEPS)), quantity_bid(r.uniform(-15, 25, STEPS))):
        value = worth(days, plan, other)
        assert value.evpi >= -1e-6
        assert value.vss >= -1e-6
    assert value.evpi > 1e-3  # days differ, so that knowing them is worth something
    assert value.vss > 1e-3  # a random bid is no good one


def test_a_curve_is_at_least_as_good_as_a_quantity_and_falls_with_price():
    better = []
    for seed in range(4):
        days = draw_days(seed, count=5)
        curve, quantity = plan_bid(days), plan_bid(days, form="quantity")
        for up_to, steps in zip(curve.bid.up_to_price_per_kwh, curve.bid.quantity_kw, strict=True):
            assert np.all(np.diff(steps) <= 0)
            assert np.all(np.diff(up_to) > 0)
            assert up_to[-1] == np.inf
        assert all(len(steps) == 1 for steps in quantity.bid.quantity_kw)
        better.append(quantity.objective - curve.objective)
    assert min(better) >= -1e-6
    assert max(better) > 1e-3


def test_fewer_price_levels_lie_between_quantity_and_curve():
    days = draw_days(8, count=6)
    objectives = []
    for levels in (1, 2, 3, None):
        plan = plan_bid(days, price_levels=levels)
        most = max(len(steps) for steps in plan.bid.quantity_kw)
        assert most == (levels or 6)
        for outcome, price in zip(plan.outcomes, days.price_per_kwh, strict=True):
            np.testing.assert_allclose(outcome.position_kw, plan.bid.at(price))
        objectives.append(plan.objective)
    assert objectives[0] == pytest.approx(plan_bid(days, form="quantity").objective, abs=1e-6)
    assert objectives[0] >= objectives[1] - 1e-6
    assert objectives[0] >= objectives[2] - 1e-6
    assert objectives[1] >= objectives[3] - 1e-6
    assert objectives[2] >= objectives[3] - 1e-6


def test_a_curve_buys_on_each_day_what_was_planned_for_its_price():
    days = draw_days(1)
    plan = plan_bid(days)
    again = recourse(days, plan.bid)
    for planned, settled, price in zip(plan.outcomes, again, days.price_per_kwh, strict=True):
        np.testing.assert_allclose(settled.position_kw, planned.position_kw)
        np.testing.assert_allclose(settled.position_kw, plan.bid.at(price))
        assert settled.cost == pytest.approx(planned.cost, abs=1e-6)


def test_more_weight_on_risk_lowers_the_tail_and_raises_the_expected_cost():
    days = draw_days(7, count=6, spread=0.15)
    plans = [
        plan_bid(days, form="quantity", risk_weight=w, risk_level=0.7) for w in (0, 0.5, 2, 20)
    ]
    tail, mean = (np.array([getattr(p, name) for p in plans]) for name in ("cvar", "expected_cost"))
    assert np.all(np.diff(tail) <= 1e-6)
    assert np.all(np.diff(mean) >= -1e-6)
    assert tail[0] - tail[-1] > 1e-3
    for plan in plans:
        cost = np.array([outcome.cost for outcome in plan.outcomes])
        assert plan.cvar == pytest.approx(conditional_value_at_risk(cost, days.weight, 0.7))
        assert plan.gap <= 1e-6


@pytest.mark.parametrize("quantity", [-1e4, 0.0, 1e4])
def test_whatever_was_bid_there_is_a_schedule_within_the_limits(quantity):
    days = draw_days(2)
    for outcome in recourse(days, quantity_bid(np.full(STEPS, quantity))):
        assert np.isfinite(outcome.cost)
        assert outcome.schedule.violation_kw <= 1e-6
        assert outcome.lower_bound <= outcome.cost
        assert np.all(outcome.position_kw == quantity)


def test_out_of_time_there_is_still_a_bid_within_a_valid_bracket():
    days = draw_days(5, count=6)
    best = plan_bid(days, form="quantity")
    from gridtide.core import cpu_s
    from gridtide.plan.stochastic.bid import find_places
    from gridtide.plan.stochastic.two_stage import Risk, _day_by_day

    plan = _day_by_day(days, find_places(days, "quantity"), Risk(), cpu_s())
    assert plan.lower_bound <= best.objective + 1e-9 <= plan.objective + 2e-9
    assert "longer than the time given" in plan.notes[0]


def test_the_promise_comes_before_money_on_every_day():
    """Shortfall that is cheap would be taken; where the promise comes first it is not."""
    cheap = draw_days(4, shortfall_price_per_kwh=0.0)
    assert sum(o.schedule.shortfall_kwh.sum() for o in plan_bid(cheap).outcomes) > 1.0
    first = draw_days(4, shortfall_price_per_kwh=0.0, promise="first")
    for problem, outcome in zip(first.problems, plan_bid(first).outcomes, strict=True):
        least = solve(problem).shortfall_kwh.sum()
        assert outcome.schedule.shortfall_kwh.sum() == pytest.approx(least, abs=1e-4)


def test_a_day_without_vehicles_has_a_bid_for_its_base_load():
    [day] = draw_days(0, count=1).problems
    away = replace(day, arrive=np.full(len(day), STEPS), depart=np.full(len(day), STEPS + 1))
    days = Scenarios.of([away], shortage_spread_per_kwh=0.1, surplus_spread_per_kwh=0.1)
    plan = plan_bid(days)
    np.testing.assert_allclose(plan.bid.at(days.price_per_kwh[0]), 3.0)
    assert plan.outcomes[0].imbalance_cost == pytest.approx(0.0, abs=1e-9)


def test_one_quantity_per_market_period():
    days = draw_days(6)
    hourly = Scenarios.of(
        days.problems,
        shortage_spread_per_kwh=0.05,
        surplus_spread_per_kwh=0.05,
        period=np.arange(STEPS) // 4,
    )
    plan = plan_bid(hourly, form="quantity")
    assert len(plan.bid.quantity_kw) == 2
    for outcome in plan.outcomes:
        assert len(np.unique(outcome.position_kw)) <= 2
    assert plan.objective >= plan_bid(days, form="quantity").objective - 1e-6


def test_the_mean_day_by_hand():
    [day] = draw_days(0, count=1).problems
    day = replace(day, depart=np.full(len(day), STEPS))
    first = replace(day, arrival_kwh=np.full(len(day), 10.0), arrive=np.full(len(day), 1))
    second = replace(day, arrival_kwh=np.full(len(day), 20.0), arrive=np.full(len(day), 4))
    away = replace(day, arrive=np.full(len(day), STEPS), depart=np.full(len(day), STEPS + 1))
    days = Scenarios.of(
        [first, second, away],
        weight=np.array([0.2, 0.4, 0.4]),
        shortage_spread_per_kwh=0.0,
        surplus_spread_per_kwh=0.0,
    )
    mean = mean_problem(days)
    np.testing.assert_allclose(mean.arrival_kwh, (0.2 * 10 + 0.4 * 20) / 0.6)
    np.testing.assert_array_equal(mean.arrive, 3)
    mostly_away = mean_problem(replace(days, weight=np.array([0.1, 0.3, 0.6])))
    np.testing.assert_array_equal(mostly_away.arrive, STEPS)
    with pytest.raises(ValueError, match="same vehicles"):
        mean_problem(draw_days(0))


def binomial_level(chance, power, confidence):
    """Largest sum that is reached with the confidence: by convolution over whole kW."""
    mass = np.ones(1)
    for p, kw in zip(chance, power, strict=True):
        wider = np.zeros(len(mass) + kw)
        wider[: len(mass)] += (1 - p) * mass
        wider[kw:] += p * mass
        mass = wider
    reached = np.cumsum(mass[::-1])[::-1]
    return np.flatnonzero(reached >= confidence - 1e-12)[-1]


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99, 1.0])
def test_chance_level_against_exact_convolution(confidence):
    chance, power = np.array([0.9, 0.8, 0.95, 0.6, 0.7, 0.85]), np.array([7, 11, 22, 4, 7, 11])
    plugged = np.array(list(itertools.product([0, 1], repeat=len(chance))))
    weight = np.prod(np.where(plugged, chance, 1 - chance), axis=1)
    level = chance_level(plugged @ power, weight, confidence)
    assert level == binomial_level(chance, power, confidence)
    with pytest.raises(ValueError, match="above 0"):
        chance_level(plugged @ power, weight, 0.0)


def test_chance_level_of_many_draws_and_of_steps_at_once():
    r, n = np.random.default_rng(1), 60
    chance, power = np.full(n, 0.8), np.full(n, 7)
    drawn = 7 * r.binomial(n, 0.8, (4000, 3))
    level = chance_level(drawn, np.full(4000, 1 / 4000), 0.9)
    assert np.all(np.abs(level - binomial_level(chance, power, 0.9)) <= 7)


def test_a_sure_level_is_seldom_too_high():
    r, n, days = np.random.default_rng(2), 60, 60
    true = binomial_level(np.full(n, 0.8), np.full(n, 7), 0.9)
    drawn = 7 * r.binomial(n, 0.8, (days, 2000))
    sure, plain = sure_level(drawn, 0.9, 0.95), chance_level(drawn, np.full(days, 1 / days), 0.9)
    assert np.mean(sure > true) <= 0.06
    assert np.mean(sure > true) < np.mean(plain > true)
    assert np.all(sure <= plain)
    assert np.all(sure_level(drawn[:10], 0.9, 0.95) == -np.inf)


def test_cvar_by_hand():
    cost, weight = np.array([1.0, 5.0, 3.0]), np.array([0.5, 0.2, 0.3])
    assert conditional_value_at_risk(cost, weight, 0.0) == pytest.approx(cost @ weight)
    assert conditional_value_at_risk(cost, weight, 0.8) == pytest.approx(5.0)
    assert conditional_value_at_risk(cost, weight, 0.6) == pytest.approx(0.5 * 5 + 0.5 * 3)
