"""Home, work, home: a commuter's day as a table, with V2G at work alone."""

from __future__ import annotations

import pytest

from gridtide.core import InputError
from gridtide.plan import answer, read_problem, solve

COMMUTER = {
    "version": 1, "start": "2026-06-01T05:00:00Z", "step_minutes": 60, "steps": 8,
    "price_import_per_kwh": [0.10, 0.10, 0.30, 0.22, 0.50, 0.20, 0.30, 0.30],
    "price_export_per_kwh": [0.05, 0.05, 0.25, 0.17, 0.45, 0.15, 0.25, 0.25],
    "shortfall_price_per_kwh": 10.0,
    "limits": [{"name": "street", "import_kw": 30, "members": ["ann"]},
               {"name": "office", "export_kw": 30, "members": []}],
    "vehicles": [{
        "id": "ann", "capacity_kwh": 50, "soc_arrival": 0.5, "soc_min": 0.2, "soc_target": 0.4,
        "arrive_step": 0, "depart_step": 8, "max_charge_kw": 10, "wear_price_per_kwh": 0.06,
        "trips": [
            {"depart_step": 2, "return_step": 3, "driven_kwh": 5,
             "at": "office", "max_charge_kw": 20, "max_discharge_kw": 20},
            {"depart_step": 6, "return_step": 7, "driven_kwh": 5}]}],
}  # fmt: skip

DAY = [
    # step, where, price in, power: taken at night and at noon, given at the dear hour at work
    (0, "home", 0.10, 10.0),
    (1, "home", 0.10, 10.0),
    (2, "drives", 0.30, 0.0),
    (3, "office", 0.22, 0.0),
    (4, "office", 0.50, -20.0),
    (5, "office", 0.20, 5.0),
    (6, "drives", 0.30, 0.0),
    (7, "home", 0.30, 0.0),
]


def _changed(**trip):
    day = COMMUTER["vehicles"][0]
    first, second = day["trips"]
    return COMMUTER | {"vehicles": [day | {"trips": [first | trip, second]}]}


def test_the_day_as_a_table():
    problem = read_problem(COMMUTER)
    assert problem.ids == ("ann", "ann", "ann")
    plan = solve(problem)
    told = answer(plan, problem)
    assert told["schedule_kw"]["ann"] == pytest.approx([row[3] for row in DAY], abs=1e-6)
    # 20 kWh at 0.10 and 5 at 0.20 taken, 20 given at 0.45 and worn for 0.06
    assert told["objective"] == pytest.approx(2.0 + 1.0 - 9.0 + 1.2)
    assert told["en_route_kwh"] == {"ann": 0.0}
    assert plan.energy_kwh[0, :3] == pytest.approx([25, 35, 45])
    assert plan.energy_kwh[1, 3:7] == pytest.approx([40, 40, 20, 25])
    assert plan.energy_kwh[2, 7:] == pytest.approx([20, 20])


def test_the_limit_at_work_binds_there_alone():
    document = _changed()
    document["limits"] = [COMMUTER["limits"][0], {"name": "office", "export_kw": 8, "members": []}]
    power = answer(solve(read_problem(document)), read_problem(document))["schedule_kw"]["ann"]
    assert power[4] == pytest.approx(-8.0, abs=1e-6)
    assert power[0] == pytest.approx(10.0, abs=1e-6)


def test_a_target_on_the_way_to_work_is_kept():
    plan = solve(read_problem(_changed(soc_target=0.9)))
    assert plan.energy_kwh[0, 2] == pytest.approx(45.0)
    assert plan.status == "optimal"


def test_a_drive_beyond_what_is_held_is_named():
    """45 kWh at most on departure, 10 to stay: a drive of 40 lacks 5."""
    problem = read_problem(_changed(driven_kwh=40))
    told = answer(solve(problem), problem)
    slack = next(s for s in told["slacks"] if s["name"] == "drive")
    assert told["status"] == "best_effort"
    assert told["en_route_kwh"]["ann"] == pytest.approx(5.0)
    assert (slack["from_step"], slack["to_step"], slack["entity"]) == (2, 3, "ann")
    assert slack["amount"] == pytest.approx(5.0)
    assert "length of stay" in slack["binding"]


@pytest.mark.parametrize(
    ("trip", "import_kw", "price", "word"),
    [
        ({"driven_kwh": 45}, 30, 10.0, "soc_max less soc_min"),
        ({"driven_kwh": 35}, 6, 10.0, "import limit of street"),
        ({"driven_kwh": 35}, 30, 0.01, "cheaper than the energy"),
    ],
)
def test_why_energy_for_a_drive_was_missing(trip, import_kw, price, word):
    document = _changed(**trip) | {"shortfall_price_per_kwh": price}
    document["limits"] = [COMMUTER["limits"][0] | {"import_kw": import_kw}, COMMUTER["limits"][1]]
    plan = solve(read_problem(document))
    assert word in next(s for s in plan.slacks if s.name == "drive").binding


def test_no_more_is_charged_on_the_way_than_the_drive_needs():
    """On the way at 0.02, cheaper than anywhere: still only down to the minimum."""
    plan = solve(read_problem(_changed(driven_kwh=20) | {"shortfall_price_per_kwh": 0.02}))
    assert plan.gap <= 1e-6
    for i in (1, 2):
        start = plan.energy_kwh[i][~(plan.energy_kwh[i] != plan.energy_kwh[i])][0]
        assert plan.en_route_kwh[i] == 0.0 or start == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("trip", "word"),
    [
        ({"depart_step": 4, "return_step": 3}, "before it departs"),
        ({"return_step": 7}, "but the vehicle is there from 7"),
        ({"return_step": 9}, "after the last of 8 steps"),
        ({"driven_kwh": 60}, "more than the battery holds"),
        ({"driven_kwh": -1}, "-1 is not allowed"),
        ({"at": "ofice"}, "ofice is no limit"),
        ({"soc_target": 90}, "90 is not allowed"),
        ({"driven": 5}, "Did you mean driven_kwh"),
    ],
)
def test_a_faulty_trip_is_a_finding(trip, word):
    with pytest.raises(InputError) as error:
        read_problem(_changed(**trip), "day.json")
    assert word in str(error.value)
    assert "trips" in error.value.findings[0].where
    assert all(f.mend for f in error.value.findings)


def test_a_stay_that_no_meter_bills_is_a_finding():
    with pytest.raises(InputError, match=r"trips\[0\].at: the stay of ann after the trip"):
        read_problem(COMMUTER | {"billing": "street"})


def test_a_trip_that_returns_at_once_is_allowed():
    problem = read_problem(_changed(return_step=2))
    plan = solve(problem)
    assert plan.energy_kwh[1, 2] == pytest.approx(plan.energy_kwh[0, 2] - 5.0)


def test_what_is_given_before_a_drive_makes_it_a_deeper_cycle():
    """From full: giving 10 kWh is the first fifth, but then the drive wears the dear second one."""
    car = COMMUTER["vehicles"][0]
    drive = {"depart_step": 2, "return_step": 3, "driven_kwh": 10, "max_charge_kw": 0}
    car = car | {
        "soc_arrival": 1.0, "soc_target": 0.5, "max_charge_kw": 0, "max_discharge_kw": 10,
        "wear_price_per_kwh": 0.0, "wear_depth_price_per_kwh": [0.1, 0.3, 0.3, 0.3, 0.3],
        "trips": [drive | {"max_discharge_kw": 0}],
    }  # fmt: skip
    price = [0.0, 0.2] + [0.0] * 6
    document = COMMUTER | {"price_import_per_kwh": price, "price_export_per_kwh": price}
    problem = read_problem(document | {"vehicles": [car]})
    told = answer(solve(problem), problem)
    # Alone it would earn 0.2 for 0.1; with the drive after it, it costs 0.3.
    assert told["wear_cycle"]["ann"] == pytest.approx(1.0)
    assert told["objective"] == pytest.approx(1.0)
    stays = car | {"trips": []}
    alone = solve(read_problem(document | {"vehicles": [stays]}))
    assert alone.objective == pytest.approx(10 * (0.1 - 0.2))
