"""Smallest powers, phase switching and gathering, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from gridtide.core import InputError
from gridtide.plan import (
    concentrate,
    gather,
    loss_kw,
    read_plan,
    read_problem,
    schedule_cost,
    solve,
    spread,
    verify_plan,
    write_plan,
)

HOURS = 4


def document(**vehicle):
    car = {
        "id": "car",
        "capacity_kwh": 50.0,
        "soc_arrival": 0.2,
        "soc_target": 0.36,
        "arrive_step": 0,
        "depart_step": HOURS,
        "max_charge_kw": 11.0,
        "min_charge_kw": 4.14,
    }
    return {
        "version": 1,
        "start": "2026-06-01T00:00:00Z",
        "step_minutes": 60,
        "steps": HOURS,
        "price_import_per_kwh": [0.3, 0.1, 0.2, 0.4],
        "price_export_per_kwh": 0.0,
        "shortfall_price_per_kwh": 10.0,
        "limits": [{"name": "site", "import_kw": 22.0, "members": ["car"]}],
        "billing": "site",
        "vehicles": [car | vehicle],
    }


def limited(import_kw, **vehicle):
    told = document(**vehicle)
    told["limits"][0]["import_kw"] = import_kw
    return told


def test_no_power_below_six_amperes():
    """8 kWh below 5 kW: 5 at 0.1 and 3 at 0.2 without a smallest power, twice 4.14 with it."""
    plan = solve(read_problem(limited(5.0)))
    assert plan.power_kw[0] == pytest.approx([0.0, 4.14, 4.14, 0.0], abs=1e-6)
    assert plan.objective == pytest.approx(4.14 * 0.3)
    assert plan.shortfall_kwh[0] == 0.0
    assert plan.status == "optimal"


def test_what_is_too_small_to_charge_is_a_named_shortfall():
    plan = solve(read_problem(document(soc_arrival=0.32, soc_max=0.36, soc_target=0.36)))
    assert not plan.power_kw.any()
    (slack,) = plan.slacks
    assert slack.amount == pytest.approx(2.0)
    assert slack.binding == "smallest charging power"


def test_an_hour_of_discharge_is_whole_too():
    """Giving 1 kWh at 0.9 would pay; the least is 4.14, of which the house uses 1."""
    told = document(soc_arrival=0.8, soc_target=0.0, max_discharge_kw=11.0, min_discharge_kw=4.14)
    told["limits"][0] |= {"base_load_kw": 1.0, "export_kw": 0.0}
    plan = solve(read_problem(told))
    assert plan.power_kw.min() == 0.0
    told["limits"][0]["export_kw"] = 5.0
    assert solve(read_problem(told)).power_kw.min() <= -4.14 + 1e-6


def test_a_charger_that_switches_fills_the_gap_on_one_phase():
    """The site has 3 kW: three phases cannot run, one can."""
    assert not solve(read_problem(limited(3.0))).power_kw.any()
    plan = solve(read_problem(limited(3.0, one_phase_kw=[1.38, 7.36])))
    assert plan.power_kw[0] == pytest.approx([2.0, 3.0, 3.0, 0.0], abs=1e-6)


def test_one_phase_counts_on_its_own_line():
    """2 kW on each line: one phase may take 2, three phases 6."""
    told = limited(22.0, one_phase_kw=[1.38, 3.68], one_phase_line=2, soc_target=0.22)
    told["limits"][0]["phase_kw"] = [22.0, 1.0, 22.0]
    # One kWh: one phase would put 1.38 kW on L2; three cannot run below 4.14.
    plan = solve(read_problem(told))
    assert not plan.power_kw.any()
    told["limits"][0]["phase_kw"] = [1.0, 22.0, 1.0]
    plan = solve(read_problem(told))
    assert plan.power_kw[0] == pytest.approx([0.0, 1.38, 0.0, 0.0], abs=1e-6)
    assert plan.hard_violation_kw <= 1e-6
    held = concentrate(read_problem(told), np.array([[0.25, 0.25, 0.25, 0.25]]))
    assert held.power_kw[0] == pytest.approx([0.0, 1.38, 0.0, 0.0])


def test_concentrating_gathers_a_trickle_in_the_cheapest_hours():
    problem = read_problem(document())
    held = concentrate(problem, np.full((1, HOURS), 2.0))
    assert held.power_kw[0] == pytest.approx([0.0, 8.0, 0.0, 0.0])
    assert held.end_kwh[0] == pytest.approx(18.0)
    assert schedule_cost(problem, held.power_kw) == pytest.approx(0.8)


def test_concentrating_weighs_the_standby_loss_against_the_price():
    """Half a kilowatt of standby: an hour less is worth more than a tenth of a cent per kWh."""
    told = document(min_charge_kw=0.0, standby_kw=0.5)
    told["price_import_per_kwh"] = [0.100, 0.101, 0.5, 0.5]
    plan = np.array([[5.0, 5.0, 0.0, 0.0]])
    assert concentrate(read_problem(told), plan).power_kw[0, 1:] == pytest.approx([0.0] * 3)
    told["vehicles"][0]["standby_kw"] = 0.001
    told["limits"][0]["import_kw"] = 6.0
    assert np.sum(concentrate(read_problem(told), plan).power_kw > 0) == 2


def test_a_price_on_the_limit_moves_the_hours():
    problem = read_problem(document())
    price = np.array([[0.05, 0.9, 0.9, 0.9]])
    held = concentrate(problem, np.full((1, HOURS), 2.0), price)
    assert held.power_kw[0] == pytest.approx([8.0, 0.0, 0.0, 0.0])


def test_the_planned_peak_is_passed_only_for_the_promise():
    told = document()
    told["limits"][0]["demand_charge_per_kw"] = 5.0
    held = concentrate(read_problem(told), np.full((1, HOURS), 2.0))
    assert held.power_kw.max() == pytest.approx(4.14)
    assert held.end_kwh[0] >= 18.0


@pytest.mark.parametrize(
    ("vehicle", "what"),
    [
        ({"min_charge_kw": 12.0}, "is above max_charge_kw"),
        ({"min_discharge_kw": 12.0, "max_discharge_kw": 11.0}, "is above max_discharge_kw"),
        ({"one_phase_kw": [1.38]}, "is not allowed"),
        ({"one_phase_kw": [7.0, 1.38]}, "is not allowed"),
        ({"one_phase_kw": [5.0, 7.0]}, "it is never used"),
        ({"min_charge_kw": -1.0}, ">= 0"),
        ({"one_phase_line": 4}, "one_phase_line"),
    ],
)
def test_what_cannot_be_is_a_finding(vehicle, what):
    with pytest.raises(InputError, match=what):
        read_problem(document(**vehicle))


def test_gathering_and_spreading_by_hand():
    least, most, merit = np.full(4, 4.14), np.full(4, 11.0), np.array([1.0, 4.0, 3.0, 2.0])
    assert gather(13.0, least, most, merit) == pytest.approx([0, 8.86, 4.14, 0])
    assert spread(13.0, least, most, merit) == pytest.approx([0, 13 / 3, 13 / 3, 13 / 3])
    assert gather(3.0, least, most, merit).sum() == spread(3.0, least, most, merit).sum() == 0.0
    assert gather(50.0, least, most, merit) == pytest.approx(most)
    few, many = (loss_kw(way(13.0, least, most, merit)) for way in (gather, spread))
    assert many - few == pytest.approx(0.232)


def test_the_verification_knows_ranges_and_phases(tmp_path):
    told = limited(22.0, one_phase_kw=[1.38, 3.68], one_phase_line=2, soc_target=0.22)
    told["limits"][0]["phase_kw"] = [1.0, 1.5, 1.0]
    problem = read_problem(told)
    stored = read_plan(write_plan(tmp_path / "plan.json", solve(problem), problem))
    assert verify_plan(stored, problem).verified
    on_another_line = replace(problem, one_phase_line=np.array([0]))
    assert not verify_plan(stored, on_another_line).verified
    without_switching = replace(problem, one_phase_kw=None)
    assert not verify_plan(stored, without_switching).verified
