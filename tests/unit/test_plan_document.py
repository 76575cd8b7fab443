"""The JSON problem: the documented shape, findings all at once, answers checked by hand."""

from __future__ import annotations

import copy
import json

import pytest

from gridtide.core import InputError
from gridtide.plan import answer, plan_file, problem_schema, read_problem, solve

EXAMPLE = {
    "version": 1, "start": "2021-08-02T00:00:00Z", "step_minutes": 15, "steps": 96,
    "price_import_per_kwh": [0.12], "price_export_per_kwh": [0.10], "billing": "site",
    "shortfall_price_per_kwh": 10.0,
    "limits": [{"name": "site", "import_kw": 150, "export_kw": 50, "base_load_kw": [20],
                "demand_charge_per_kw": 0.5, "members": ["ev1"]}],
    "vehicles": [{"id": "ev1", "capacity_kwh": 60, "soc_arrival": 0.4, "soc_target": 0.8,
                  "soc_min": 0.1, "soc_max": 1.0, "arrive_step": 0, "depart_step": 40,
                  "max_charge_kw": 11, "max_discharge_kw": 11, "charge_efficiency": 0.93,
                  "discharge_efficiency": 0.93, "wear_price_per_kwh": 0.03}],
}  # fmt: skip


def changed(**values):
    """The example with values at dotted places, a digit being a place in a list."""
    document = copy.deepcopy(EXAMPLE)
    for path, value in values.items():
        *way, last = path.split("__")
        at = document
        for key in way:
            at = at[int(key)] if key.isdigit() else at[key]
        at[int(last) if last.isdigit() else last] = value
    return document


def test_the_example_by_hand():
    problem = read_problem(json.dumps(EXAMPLE).encode())
    told = answer(solve(problem), problem)
    into = 60 * 0.4 / 0.93
    # Flat prices: spread evenly over 10 h, so that the peak rises by the mean power.
    expected = 0.12 * (into + 20 * 24) + 0.5 * (20 + into / 10)
    assert told["objective"] == pytest.approx(expected, rel=1e-9)
    assert told["status"] == "optimal"
    assert told["gap"] <= 1e-9
    assert told["shortfall_kwh"] == {"ev1": 0.0}
    assert len(told["schedule_kw"]["ev1"]) == 96
    json.dumps(told)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"vehicles__0__soc_arrival": 80}, "0.8"),
        ({"limits__0__members": ["ev1", "ev1"]}, "more than once"),
        ({"limits__0__members": ["ev2"]}, "Did you mean ev1"),
        ({"limits__0__members": []}, "not below the billing limit"),
        ({"billing": "sites"}, "Did you mean site"),
        ({"limits__0__import_kw": [1, 2]}, "2 values for 96 steps"),
        ({"limits__0__import_kw": -1}, "negative"),
        ({"price_import_per_kwh": [float("nan")]}, "no number"),
        ({"price_import_per_kwh": []}, "0 values"),
        ({"vehicles__0__soc_min": 1.0, "vehicles__0__soc_max": 0.9}, "above soc_max"),
        ({"vehicles__0__soc_maxx": 0.9}, "Did you mean soc_max"),
        ({"vehicles__0__soc_floor": [0.1, 0.2, 0.3]}, "3 values for 96 steps"),
        ({"vehicles__0__planned_kw": [1.0, None]}, "2 powers for 96 steps"),
        ({"vehicles__0__soc_floor": 0.9, "vehicles__0__soc_max": 0.8}, "above soc_max"),
        ({"vehicles__0__phases": [1, 1, 0]}, "sum to 1"),
        ({"limits__0__phase_kw": [1]}, "three numbers"),
        ({"limits__0__stored_least_kwh": [1, 2]}, "2 values for 96 steps"),
        ({"limits__0__stored_most_kwh": -1}, "an energy, 0 or more"),
        (
            {"limits__0__stored_least_kwh": 20, "limits__0__stored_most_kwh": 10},
            "above stored_most_kwh",
        ),
        ({"limits__0__stored_least_kwh": [float("nan")]}, "no number"),
        ({"stored_price_per_kwh_h": -1}, "stored_price_per_kwh_h"),
        ({"vehicles__0__capacity_kwh": 0}, "0 is not allowed"),
        ({"start": "2021-08-02T00:00:00"}, "offset"),
        ({"version": 2}, "version"),
        ({"steps": 0}, "steps"),
        ({"vehicles": [EXAMPLE["vehicles"][0], EXAMPLE["vehicles"][0]]}, "named twice"),
        ({"vehicles__0__standby_kw": 20.0}, "leaves nothing to charge"),
        (
            {"vehicles__0__charge_part_kw": [4, 7], "vehicles__0__charge_part_efficiency": [0.9]},
            "1 efficiencies for 2 parts",
        ),
        ({"vehicles__0__discharge_part_kw": [4]}, "0 efficiencies for 1 parts"),
        (
            {
                "vehicles__0__charge_part_kw": [4, 7],
                "vehicles__0__charge_part_efficiency": [0.8, 0.9],
            },
            "rises with power",
        ),
        ({"vehicles__0__arrive_step": 1.5}, "arrive_step"),
        ({"vehicles": {}}, "vehicles"),
    ],
)
def test_a_fault_is_a_finding(change, word):
    with pytest.raises(InputError) as error:
        read_problem(changed(**change), "p.json")
    assert word in str(error.value)
    assert all(f.where.startswith("p.json") and f.mend for f in error.value.findings)


def test_a_limit_below_itself_is_a_finding():
    document = changed()
    document["limits"] += [
        {"name": "a", "members": ["b"]}, {"name": "b", "members": ["a"]},
    ]  # fmt: skip
    with pytest.raises(InputError, match="below itself"):
        read_problem(document)


def test_all_findings_come_at_once():
    document = changed(vehicles__0__soc_arrival=80, vehicles__0__soc_targt=1, steps="x")
    del document["version"]
    with pytest.raises(InputError) as error:
        read_problem(document)
    assert len(error.value.findings) >= 4


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"version": NaN}', b"\xff", b""])
def test_what_is_no_json_object_is_a_finding(data):
    with pytest.raises(InputError):
        read_problem(data, "p.json")


def test_a_file_that_is_not_there_is_a_finding(tmp_path):
    with pytest.raises(InputError, match=r"none\.json"):
        plan_file(tmp_path / "none.json")
    path = tmp_path / "p.json"
    path.write_text(json.dumps(EXAMPLE))
    assert plan_file(path)["status"] == "optimal"


def test_every_field_of_the_schema_is_described():
    schema = problem_schema()
    for record in schema["$defs"].values():
        for name, field in record.get("properties", {}).items():
            assert "description" in json.dumps(field), name


def _slack(told, name):
    return next(s for s in told["slacks"] if s["name"] == name)


def _told(document, solver="auto"):
    problem = read_problem(document)
    return answer(solve(problem, solver=solver), problem)


def test_target_out_of_reach_is_named_with_its_amount():
    told = _told(changed(vehicles__0__depart_step=4))
    expected = 60 * 0.4 - 11 * 0.93
    assert told["status"] == "best_effort"
    assert told["shortfall_kwh"]["ev1"] == pytest.approx(expected, abs=1e-6)
    assert "length of stay" in _slack(told, "shortfall")["binding"]


def test_limit_that_causes_a_shortfall_is_named():
    told = _told(changed(limits__0__import_kw=21))
    assert told["shortfall_kwh"]["ev1"] == pytest.approx(24 - 10 * 0.93, abs=1e-6)
    assert "site" in _slack(told, "shortfall")["binding"]


def test_departure_before_arrival_leaves_target_minus_arrival():
    told = _told(changed(vehicles__0__arrive_step=50))
    assert told["shortfall_kwh"]["ev1"] == pytest.approx(24.0)


def test_departure_after_the_horizon_has_no_target():
    told = _told(changed(vehicles__0__depart_step=97))
    assert told["shortfall_kwh"]["ev1"] == 0.0


def test_below_its_minimum_a_vehicle_charges_at_once():
    told = _told(changed(vehicles__0__soc_arrival=0.0))
    power = told["schedule_kw"]["ev1"]
    assert power[:2] == pytest.approx([11.0, 11.0], abs=1e-5)
    slack = _slack(told, "soc_below_minimum")
    assert slack["amount"] == pytest.approx(6.0)
    assert slack["to_step"] == 3


def test_above_its_maximum_a_vehicle_discharges_at_once():
    told = _told(changed(vehicles__0__soc_arrival=1.0, vehicles__0__soc_max=0.9))
    assert told["schedule_kw"]["ev1"][0] == pytest.approx(-11.0, abs=1e-5)
    assert _slack(told, "soc_above_maximum")["amount"] == pytest.approx(6.0)


def test_base_overload_is_its_own_and_vehicles_never_add_to_it():
    base = [180.0] * 4 + [20.0] * 92
    free = changed(limits__0__base_load_kw=base, limits__0__demand_charge_per_kw=0.0)
    told = _told(free)
    slack = _slack(told, "base_overload")
    assert slack["amount"] == pytest.approx(30.0, abs=1e-5)  # nobody pays for relieving it
    assert (slack["from_step"], slack["to_step"]) == (0, 4)
    assert max(told["schedule_kw"]["ev1"][:4]) <= 1e-6
    assert told["hard_violation_kw"] <= 1e-6
    assert told["shortfall_kwh"]["ev1"] <= 1e-6
    assert told["objective"] == pytest.approx(told["lower_bound"], abs=1e-6)


def test_in_a_run_vehicles_relieve_the_overload_after_the_promise():
    over = changed(limits__0__base_load_kw=[180.0] * 4 + [20.0] * 92, promise="first")
    told = _told(over)
    assert _slack(told, "base_overload")["amount"] == pytest.approx(19.0, abs=1e-5)
    assert told["shortfall_kwh"]["ev1"] <= 1e-6


def test_the_promise_is_not_for_sale():
    cheap = changed(shortfall_price_per_kwh=0.0)
    assert _told(cheap)["shortfall_kwh"]["ev1"] > 20
    assert _told(cheap | {"promise": "first"})["shortfall_kwh"]["ev1"] <= 1e-6


def test_the_largest_shortfall_is_shared_under_a_limit():
    document = changed(limits__0__import_kw=22, promise="first")
    second = EXAMPLE["vehicles"][0] | {"id": "ev2", "soc_target": 0.6}
    document["vehicles"].append(second)
    document["limits"][0]["members"].append("ev2")
    short = _told(document)["shortfall_kwh"]
    assert sum(short.values()) == pytest.approx(24 + 12 - 20 * 0.93, abs=1e-4)
    assert short["ev1"] == pytest.approx(max(short.values()))
    assert short["ev1"] == pytest.approx((24 + 12 - 20 * 0.93) / 2, abs=1e-3)


def test_no_vehicles_is_a_plan_too():
    document = changed(vehicles=[], limits__0__members=[])
    told = _told(document)
    assert told["objective"] == pytest.approx(0.12 * 20 * 24 + 0.5 * 20)
    assert told["schedule_kw"] == {}


def test_a_time_limit_leaves_a_schedule_with_an_honest_gap():
    problem = read_problem(changed(price_import_per_kwh=[-1.0], price_export_per_kwh=[-1.0]))
    plan = solve(problem, time_limit_s=0.5)
    assert plan.hard_violation_kw <= 1e-6
    assert 0 <= plan.gap < 0.05
    assert plan.status == ("optimal" if plan.gap <= 1e-6 else "optimal_with_gap")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"soc_arrival": 0.4', '"soc_arrival": 0.4, "soc_arrival": 0.5', "ev1: written twice: soc"),
        ('"capacity_kwh": 60', '"capacity_kwh": 1e308', r"1e\+308 is no number"),
        ('{"version"', "[" * 100_000 + '{"version"', "recursion"),
    ],
)
def test_what_json_lets_pass(old, new, word):
    with pytest.raises(InputError, match=word):
        read_problem(json.dumps(EXAMPLE).replace(old, new).encode())


def test_a_byte_order_mark_is_no_fault():
    assert read_problem(b"\xef\xbb\xbf" + json.dumps(EXAMPLE).encode()).ids == ("ev1",)


def test_losses_in_parts_are_filled_in_order():
    """24 kWh in 8 hours: 3 kW at 1.0 all the time would do; hurried, the worse part is used."""
    parts = {
        "vehicles__0__charge_part_kw": [4, 4],
        "vehicles__0__charge_part_efficiency": [1.0, 0.5],
        "limits__0__demand_charge_per_kw": 0.0,
    }
    relaxed = _told(changed(**parts, vehicles__0__depart_step=32))
    assert max(relaxed["schedule_kw"]["ev1"]) <= 4.0 + 1e-6
    assert relaxed["objective"] == pytest.approx(0.12 * (24 + 20 * 24))
    # 5 h: 20 kWh in the good part, the last 4 cost twice; 11 kW is still the limit at the plug.
    hurried = _told(changed(**parts, vehicles__0__depart_step=20))
    assert hurried["objective"] == pytest.approx(0.12 * (20 + 8 + 20 * 24))
    # 2 h: 4 + 7 × 0.5 kW at most
    late = _told(changed(**parts, vehicles__0__depart_step=8))
    assert late["shortfall_kwh"]["ev1"] == pytest.approx(24 - 2 * 7.5)
    assert late["schedule_kw"]["ev1"][:8] == pytest.approx([11.0] * 8)


def test_an_efficiency_alone_is_one_part():
    one = changed(
        vehicles__0__charge_part_kw=[1],
        vehicles__0__charge_part_efficiency=[0.93],
        vehicles__0__discharge_part_kw=[1],
        vehicles__0__discharge_part_efficiency=[0.93],
    )
    assert _told(one)["objective"] == pytest.approx(_told(changed())["objective"], rel=1e-9)


@pytest.mark.parametrize("solver", ["highs", "price"])
def test_a_floor_comes_before_the_price_and_who_cannot_hold_it_is_named(solver):
    """8 kWh of 40 held; half of it is wanted from the 3rd hour on, 12 kWh at 10 kW: 1.2 h."""
    hours = {
        "step_minutes": 60,
        "steps": 4,
        "price_import_per_kwh": [0.3, 0.2, 0.1, 0.1],
        "price_export_per_kwh": 0.0,
        "shortfall_price_per_kwh": 10.0,
    }
    van = {
        "id": "van", "capacity_kwh": 40, "soc_arrival": 0.2, "soc_target": 0.5,
        "arrive_step": 0, "depart_step": 4, "max_charge_kw": 10,
    }  # fmt: skip

    def told(**more):
        problem = {"version": 1, "start": "2026-06-01T00:00:00Z", **hours}
        return _told({**problem, "vehicles": [van | more]}, solver=solver)

    free, held = told(), told(soc_floor=[0, 0.5, 0.5, 0.5])
    assert free["schedule_kw"]["van"][:2] == pytest.approx([0, 0], abs=1e-6)
    assert held["schedule_kw"]["van"] == pytest.approx([2, 10, 0, 0], abs=1e-4)
    assert held["slacks"] == [] and held["status"].startswith("optimal")
    late = told(soc_floor=[0.5, 0.5, 0.5, 0.5])
    assert late["schedule_kw"]["van"] == pytest.approx([10, 2, 0, 0], abs=1e-4)
    [slack] = late["slacks"]
    assert (slack["name"], slack["from_step"], slack["to_step"]) == ("soc_below_minimum", 1, 2)
    assert slack["amount"] == pytest.approx(2, abs=1e-4)


@pytest.mark.parametrize("solver", ["highs", "price"])
def test_a_plan_made_anew_changes_only_what_is_worth_it(solver):
    """10 kWh in one of two hours: planned in the second, which is now the dearer by 0.02."""
    problem = {
        "version": 1, "start": "2026-06-01T00:00:00Z", "step_minutes": 60, "steps": 2,
        "price_import_per_kwh": [0.20, 0.22], "price_export_per_kwh": 0.0,
        "shortfall_price_per_kwh": 10.0,
        "vehicles": [{
            "id": "van", "capacity_kwh": 50, "soc_arrival": 0.2, "soc_target": 0.4,
            "arrive_step": 0, "depart_step": 2, "max_charge_kw": 10, "planned_kw": [0.0, 10.0],
        }],
    }  # fmt: skip
    # To move a kWh changes both hours: it costs the price twice.
    kept = _told(problem | {"change_price_per_kwh": 0.011}, solver=solver)
    assert kept["schedule_kw"]["van"] == pytest.approx([0, 10], abs=1e-3)
    assert kept["objective"] == pytest.approx(2.2)
    moved = _told(problem | {"change_price_per_kwh": 0.009}, solver=solver)
    assert moved["schedule_kw"]["van"] == pytest.approx([10, 0], abs=1e-3)
    assert moved["objective"] == pytest.approx(2.0 + 20 * 0.009)
