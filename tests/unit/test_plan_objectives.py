"""Objectives by name and weight: what each makes of a problem small enough for a pencil."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridtide.core import InputError
from gridtide.plan import OBJECTIVES, Problem, answer, measure, read_problem, solve, weigh

T = 4


def site(**changes):
    """One van at a house: four hours, 8 kWh wanted, no losses."""
    problem = Problem(
        ids=("van",),
        step_h=np.ones(T),
        arrive=np.array([0]),
        depart=np.array([T]),
        arrival_kwh=np.array([20.0]),
        target_kwh=np.array([28.0]),
        min_kwh=np.array([0.0]),
        max_kwh=np.array([60.0]),
        max_charge_kw=np.array([10.0]),
        max_discharge_kw=np.array([0.0]),
        charge_efficiency=np.array([1.0]),
        discharge_efficiency=np.array([1.0]),
        wear_price_per_kwh=np.array([0.0]),
        limit=np.array([0]),
        limit_names=("house",),
        limit_parent=np.array([-1]),
        import_kw=np.full((1, T), 20.0),
        export_kw=np.full((1, T), 20.0),
        base_load_kw=np.array([[4.0, 0.0, 2.0, 6.0]]),
        demand_charge_per_kw=np.zeros(1),
        meters=np.array([0]),
        price_import_per_kwh=np.array([[0.1, 0.2, 0.3, 0.4]]),
        price_export_per_kwh=np.zeros((1, T)),
        shortfall_price_per_kwh=10.0,
    )
    return replace(problem, **changes)


def planned(problem, **weights):
    weighed = weigh(problem, weights)
    plan = solve(weighed)
    assert plan.gap <= 1e-6
    return plan.power_kw[0], measure(weighed, plan), plan


def test_cost_and_profit_are_one_objective_with_two_signs():
    power, cost, plan = planned(site(), cost=2)
    _, profit, _ = planned(site(), profit=2)
    assert power == pytest.approx([8, 0, 0, 0])
    assert cost["cost"] == -profit["profit"] == pytest.approx(0.1 * 12 + 0.3 * 2 + 0.4 * 6)
    assert plan.objective == pytest.approx(2 * cost["cost"])


def test_carbon_alone_charges_in_the_cleanest_hour():
    problem = site(carbon_kg_per_kwh=np.array([0.5, 0.4, 0.3, 0.1]))
    power, values, plan = planned(problem, carbon=1)
    assert power == pytest.approx([0, 0, 0, 8])
    assert values["carbon"] == pytest.approx(0.5 * 4 + 0.3 * 2 + 0.1 * 14)
    assert plan.objective == pytest.approx(values["carbon"])


def test_peak_alone_stays_below_the_building():
    _, values, _ = planned(site(), peak=1)
    assert values["peak"] == pytest.approx(6.0)


def test_variance_levels_the_load():
    power, values, _ = planned(site(max_kwh=np.array([28.0])), variance=1)
    # (12 base + 8 wanted) / 4 h = 5 kW; the last hour is at 6 already: the rest shares 14 kWh.
    assert power + site().base_load_kw[0] == pytest.approx([14 / 3, 14 / 3, 14 / 3, 6], abs=1e-3)
    assert values["variance"] == pytest.approx((3 * (1 / 3) ** 2 + 1) / 4)


def test_variance_discharges_into_the_peak_and_valley_filling_does_not():
    both = site(max_discharge_kw=np.array([10.0]))
    levelled, values, _ = planned(both, variance=1)
    assert levelled == pytest.approx([1, 5, 3, -1], abs=1e-3)
    assert values["variance"] == pytest.approx(0, abs=1e-6)
    filled, values, _ = planned(both, valley=1)
    assert filled == pytest.approx([2 / 3, 14 / 3, 8 / 3, 0], abs=1e-3)
    assert values["valley"] == pytest.approx(0, abs=1e-6)


def test_losses_are_those_of_the_lines_that_have_them():
    problem = site(line_loss_per_kw=np.array([0.01]))
    _, values, plan = planned(replace(problem, max_kwh=np.array([28.0])), losses=1)
    assert values["losses"] == pytest.approx(0.01 * (3 * (14 / 3) ** 2 + 36))
    assert plan.objective == pytest.approx(values["losses"])


def test_self_consumption_charges_from_the_sun():
    base = np.array([[0.0, -5.0, -1.0, 2.0]])
    problem = site(base_load_kw=base, price_export_per_kwh=np.full((1, T), 0.15))
    power, values, _ = planned(problem, cost=1)
    assert power == pytest.approx([8, 0, 0, 0])
    assert values["self_consumption"] == pytest.approx(0.0)
    power, values, _ = planned(problem, cost=1, self_consumption=1)
    assert power == pytest.approx([2, 5, 1, 0])
    assert values["self_consumption"] == pytest.approx(1.0)


def test_fairness_shares_a_shortage_that_one_price_puts_on_one_driver():
    two = np.array([0, 0])
    problem = site(
        ids=("a", "b"), arrive=two, depart=two + T, limit=two,
        arrival_kwh=np.array([10.0, 10.0]), target_kwh=np.array([30.0, 30.0]),
        min_kwh=np.zeros(2), max_kwh=np.full(2, 60.0), max_charge_kw=np.full(2, 10.0),
        max_discharge_kw=np.zeros(2), charge_efficiency=np.array([1.0, 0.9]),
        discharge_efficiency=np.ones(2), wear_price_per_kwh=np.zeros(2),
        base_load_kw=np.zeros((1, T)), import_kw=np.full((1, T), 5.0),
    )  # fmt: skip
    _, values, plan = planned(problem, cost=1)
    assert plan.shortfall_kwh == pytest.approx([0, 20], abs=1e-6)
    assert values["fairness"] == pytest.approx(20.0)
    _, values, plan = planned(problem, cost=1, fairness=50)
    # Each misses half of the 20 kWh wanted, to the width of a band.
    assert np.ptp(plan.shortfall_kwh) <= 2.0
    assert plan.shortfall_kwh.sum() == pytest.approx(20, abs=2.0)
    assert values["fairness"] <= 11.2
    assert plan.status == "best_effort"


def test_the_objective_is_the_weighted_sum_of_what_is_measured():
    base = np.array([[4.0, -3.0, 2.0, 6.0]])
    problem = site(base_load_kw=base, carbon_kg_per_kwh=np.array([0.5, 0.4, 0.3, 0.1]))
    weights = {"cost": 2.0, "carbon": 0.5, "peak": 0.3, "variance": 0.2}
    _, values, plan = planned(problem, **weights)
    total = sum(weight * values[name] for name, weight in weights.items())
    assert plan.objective == pytest.approx(total, rel=1e-9)


def test_squares_that_meet_at_a_limit_add_up():
    problem = site(line_loss_per_kw=np.array([0.02]))
    weighed = weigh(problem, {"variance": 0.4, "losses": 3.0})
    assert weighed.load_square_price_per_kw2h == pytest.approx([0.4 / T + 0.06])
    assert weighed.load_reference_kw == pytest.approx(np.full((1, T), 5.0 * 0.1 / 0.16))


def test_the_stated_prices_survive_weighing_twice():
    problem = site()
    twice = weigh(weigh(problem, {"peak": 1}), {"variance": 1})
    assert twice.stated is problem
    assert measure(twice, solve(problem))["cost"] == pytest.approx(solve(problem).objective)


def test_where_there_is_nothing_to_measure_the_value_is_none():
    alone = site(
        limit=np.array([-1]), limit_names=(), limit_parent=np.zeros(0, dtype=np.int64),
        import_kw=np.zeros((0, T)), export_kw=np.zeros((0, T)), base_load_kw=np.zeros((0, T)),
        demand_charge_per_kw=np.zeros(0), meters=np.zeros(0, dtype=np.int64),
    )  # fmt: skip
    values = measure(alone, solve(alone))
    missing = {"carbon", "peak", "variance", "valley", "losses", "self_consumption"}
    assert {name for name, value in values.items() if value is None} == missing


@pytest.mark.parametrize(
    ("weights", "word"),
    [
        ({"carbn": 1}, "Did you mean carbon"),
        ({"cost": -1}, "-1 is not allowed"),
        ({"cost": float("nan")}, "not allowed"),
        ({"cost": 0}, "nothing has a weight"),
        ({}, "nothing has a weight"),
        ({"cost": 1, "profit": 1}, "other sign"),
        ({"carbon": 1}, "carbon needs carbon_kg_per_kwh"),
        ({"losses": 1}, "losses needs a limit with line_loss_per_kw"),
    ],
)
def test_a_wrong_weight_is_a_finding(weights, word):
    with pytest.raises(InputError) as error:
        weigh(site(), weights)
    assert word in str(error.value)
    assert all(f.mend and f.where.startswith("objective") for f in error.value.findings)


DOCUMENT = {
    "version": 1, "start": "2026-06-01T00:00:00Z", "step_minutes": 60, "steps": 4,
    "price_import_per_kwh": [0.1, 0.2, 0.3, 0.4], "price_export_per_kwh": 0.35,
    "billing": "house", "shortfall_price_per_kwh": 10.0,
    "limits": [{"name": "house", "base_load_kw": [4, 0, 2, 6], "members": ["van"]}],
    "vehicles": [{"id": "van", "capacity_kwh": 60, "soc_arrival": 0.5, "soc_target": 0.5,
                  "arrive_step": 0, "depart_step": 4, "max_charge_kw": 10,
                  "max_discharge_kw": 10}],
}  # fmt: skip


def test_a_document_names_weights_and_the_answer_measures_all():
    problem = read_problem({**DOCUMENT, "objective": {"cost": 1, "variance": 0.5}})
    told = answer(solve(problem), problem)
    assert set(told["objectives"]) == set(OBJECTIVES)
    values = told["objectives"]
    assert told["objective"] == pytest.approx(values["cost"] + 0.5 * values["variance"])


def test_v1g_is_a_switch_of_the_document():
    both, charging = (read_problem({**DOCUMENT, "discharge": on}) for on in (True, False))
    assert solve(both).power_kw.min() < -1
    assert solve(charging).power_kw.min() >= 0


@pytest.mark.parametrize(
    ("objective", "word"),
    [
        ({"carbn": 1}, "Did you mean carbon"),
        ({"peak": -1}, "objective.peak"),
        ({"losses": 1}, "needs a limit with line_loss_per_kw"),
        ({}, "nothing has a weight"),
        ({"cost": "much"}, "objective.cost"),
    ],
)
def test_a_fault_in_a_documents_objective_is_a_finding(objective, word):
    with pytest.raises(InputError) as error:
        read_problem({**DOCUMENT, "objective": objective}, "p.json")
    assert word in str(error.value)
    assert all(f.where.startswith("p.json") for f in error.value.findings)


def test_a_vehicle_of_several_stays_starts_the_later_ones_with_what_the_drive_left():
    two = np.array([0, 0])
    problem = site(
        ids=("van", "van 2"), arrive=np.array([0, 3]), depart=np.array([2, T]), limit=two,
        arrival_kwh=np.array([20.0, 0.0]), target_kwh=np.array([28.0, 26.0]),
        min_kwh=np.zeros(2), max_kwh=np.full(2, 60.0), max_charge_kw=np.full(2, 10.0),
        max_discharge_kw=np.zeros(2), charge_efficiency=np.ones(2),
        discharge_efficiency=np.ones(2), wear_price_per_kwh=np.zeros(2),
        base_load_kw=np.zeros((1, T)), continues=np.array([False, True]),
        driven_kwh=np.array([0.0, 7.0]),
    )  # fmt: skip
    # 8 kWh to 28, less 7 driven is 21, and 5 more to 26: 13 kWh in 4 h.
    weighed = weigh(problem, {"variance": 1.0})
    assert weighed.load_reference_kw == pytest.approx(np.full((1, T), 13 / 4))
