"""Scenarios in the planning problem's document: the answer, and what is told about bad input."""

import copy
import json

import pytest

import gridtide
from gridtide.core import InputError
from gridtide.plan import plan_file, read_document, read_problem

DOCUMENT = {
    "version": 1,
    "start": "2026-06-01T00:00:00Z",
    "step_minutes": 60,
    "steps": 4,
    "price_import_per_kwh": [0.3, 0.1, 0.2, 0.4],
    "price_export_per_kwh": [0.3, 0.1, 0.2, 0.4],
    "shortfall_price_per_kwh": 10.0,
    "billing": "site",
    "limits": [{"name": "site", "members": ["a", "b"]}],
    "vehicles": [
        {
            "id": name,
            "capacity_kwh": 40,
            "soc_arrival": 0.5,
            "soc_target": 0.75,
            "arrive_step": 0,
            "depart_step": 4,
            "max_charge_kw": 10,
        }
        for name in "ab"
    ],
    "scenarios": [
        {"weight": 0.5, "name": "both"},
        {"weight": 0.3, "vehicles": [{"id": "b", "absent": True}]},
        {
            "weight": 0.2,
            "vehicles": [{"id": "a", "soc_arrival": 0.25, "depart_step": 3}],
            "price_import_per_kwh": [0.3, 0.1, 0.05, 0.4],
            "price_export_per_kwh": [0.3, 0.1, 0.05, 0.4],
        },
    ],
    "bid": {"shortage_spread_per_kwh": 0.05, "surplus_spread_per_kwh": 0.02},
}


def changed(**changes):
    return copy.deepcopy(DOCUMENT) | changes


def findings(document):
    with pytest.raises(InputError) as caught:
        read_document(document)
    return [str(f) for f in caught.value.findings]


def test_the_answer_adds_up():
    told = gridtide.plan(DOCUMENT)
    assert told["status"] == "optimal"
    days = told["scenarios"]
    assert [day["name"] for day in days] == ["both", "1", "2"]
    assert told["expected_cost"] == pytest.approx(sum(d["weight"] * d["cost"] for d in days))
    assert told["objective"] == pytest.approx(told["expected_cost"])
    assert told["cvar"] >= told["expected_cost"]
    assert told["evpi"] >= 0 and told["vss"] >= -1e-9
    assert days[1]["schedule_kw"]["b"] == [0.0] * 4
    assert days[1]["shortfall_kwh"]["b"] == 0.0
    # Hour 2 has two prices: up to halfway between them one quantity, above it the other.
    steps = told["bid"]["curve"][2]
    assert [step["up_to_price_per_kwh"] for step in steps] == [pytest.approx(0.125), None]
    assert steps[0]["quantity_kw"] > steps[1]["quantity_kw"]
    assert days[2]["position_kw"][2] == steps[0]["quantity_kw"]
    assert days[0]["position_kw"][2] == steps[1]["quantity_kw"]
    assert len(told["bid"]["quantity_kw"]) == 4
    json.dumps(told, allow_nan=False)


def test_a_quantity_for_each_of_two_periods():
    bid = DOCUMENT["bid"] | {"form": "quantity", "period_steps": 2, "risk_weight": 1.0}
    told = gridtide.plan(changed(bid=bid))
    assert told["bid"]["period_minutes"] == 120
    assert [len(steps) for steps in told["bid"]["curve"]] == [1, 1]
    assert told["objective"] == pytest.approx(told["expected_cost"] + told["cvar"])


def test_a_file_with_scenarios_is_answered_as_a_bid(tmp_path):
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(DOCUMENT))
    assert "bid" in plan_file(path)
    with pytest.raises(InputError, match="one schedule, and a bid has one for every day"):
        plan_file(path, out=tmp_path / "plan.json")
    assert not (tmp_path / "plan.json").exists()
    assert len(read_problem(DOCUMENT)) == 2  # the problem as stated, days left aside


def test_who_is_short_on_which_day_is_told():
    vehicles = [{"id": "a", "soc_arrival": 0.0, "depart_step": 1}]
    told = gridtide.plan(changed(scenarios=[{"weight": 1.0, "name": "late", "vehicles": vehicles}]))
    assert told["status"] == "best_effort"
    [slack] = told["slacks"]
    assert (slack["scenario"], slack["name"], slack["entity"]) == ("late", "shortfall", "a")
    assert slack["amount"] == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("scenarios", 0, "weight"), 0.4, "scenarios: the weights sum to 0.9, not to 1"),
        (("scenarios", 0, "weight"), 0, "scenarios[0].weight: 0 is not allowed"),
        (("scenarios", 1, "vehicles", 0, "id"), "c", "scenarios[1].vehicles[0].id: c is no"),
        (("scenarios", 1, "vehicles", 0, "gone"), True, "unknown key gone"),
        (
            ("scenarios", 2, "price_import_per_kwh"),
            [1.0, 2.0],
            "scenarios[2].price_import_per_kwh: 2 values for 4 steps",
        ),
        (("scenarios", 2, "price_import_per_kwh"), float("nan"), "no number to plan with"),
        (("bid", "shortage_spread_per_kwh"), -0.1, "bid.shortage_spread_per_kwh: a spread is"),
        (("bid", "surplus_spread_per_kwh"), [0.1, 0.1], "2 values for 4 steps"),
        (("bid", "risk_level"), 1.0, "bid.risk_level: 1.0 is not allowed"),
        (("bid", "form"), "both", "bid.form"),
        (("objective",), {"cost": 1.0}, "objective: a bid minimises money alone"),
    ],
)
def test_bad_scenarios_are_findings(path, value, expected):
    document = changed()
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    assert any(expected in finding for finding in findings(document)), findings(document)


def test_all_findings_come_at_once():
    document = changed()
    document["scenarios"][0]["weight"] = 0.4
    document["scenarios"][0]["vehicles"] = [{"id": "a"}, {"id": "a"}, {"id": "bb"}]
    told = findings(document)
    assert len(told) == 4
    assert sum("named twice" in text for text in told) == 2
    assert any("Did you mean b?" in text for text in told)


def with_trip():
    trip = {"depart_step": 1, "return_step": 2, "driven_kwh": 4.0}
    document = changed()
    document["vehicles"][0]["trips"] = [trip]
    document["scenarios"][2]["vehicles"] = [{"id": "a", "soc_arrival": 0.25}]
    return document


def test_a_vehicle_with_trips_is_one_vehicle_on_every_day():
    told = gridtide.plan(with_trip())
    assert told["gap"] <= 1e-6 and told["vss"] >= -1e-9 and told["evpi"] >= -1e-9
    for day in told["scenarios"]:
        assert set(day["schedule_kw"]) == {"a", "b"}
        assert day["schedule_kw"]["a"][1] == 0.0  # on the road
    stored = [sum(day["schedule_kw"]["a"]) for day in told["scenarios"]]
    assert stored == pytest.approx([14.0, 14.0, 24.0])


def test_a_vehicle_with_trips_cannot_stay_away():
    document = with_trip()
    document["scenarios"][1]["vehicles"] = [{"id": "a", "absent": True}]
    assert any("has trips and cannot stay away" in text for text in findings(document))


def test_a_bid_without_scenarios_is_a_finding():
    document = changed(scenarios=[])
    assert "problem bid: a bid without scenarios. Add scenarios, or leave bid out" in findings(
        document
    )
