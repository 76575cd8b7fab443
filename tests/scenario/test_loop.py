"""A day of operation, told as what is plugged in and what the chargers then do."""

import numpy as np
import pytest

from gridtide.control import (
    EarliestDeadlineFirst,
    LeastLaxityFirst,
    Planned,
    Schedule,
    Uncontrolled,
    Wish,
    run_loop,
)
from gridtide.core import Reason, StrategyError
from gridtide.sim import SimPlant
from worlds import NO_LOSS, START_S, tree, world


class Wants:
    """A strategy that always wishes the same powers."""

    def __init__(self, *power_kw):
        self._power = np.array(power_kw, dtype=float)

    def decide(self, image):
        return Wish.of(self._power.copy())


def operate(a_world, strategy):
    """Run, and return the plant with what was decided at each instant."""
    told = []
    plant = SimPlant(a_world, lambda _: None, lambda _: None)
    run_loop(plant, strategy, a_world.grid.end_s, lambda i, s: told.append((i, s)))
    plant.close()
    assert plant.extremes.residual_kwh < 1e-9
    assert plant.extremes.violation_kw < 1e-6
    return plant, told


def reasons(told, charger):
    return [Reason(s.reason[charger]) for _, s in told]


def test_uncontrolled_delivers_what_was_asked_at_full_power_and_stops():
    plant, told = operate(world([(0, 8, 0.4, 0.6)], law=NO_LOSS), Uncontrolled())
    assert plant.outcomes.taken[0] == pytest.approx(12.0)
    assert [s.power_kw[0] for _, s in told[:6]] == [11, 11, 11, 11, 11, 0]
    assert reasons(told, 0)[5] is Reason.TARGET_REACHED


def test_uncontrolled_with_losses_meters_the_energy_at_full_power_only():
    # 12 kWh at the cells take 12/dc hours at 11 kW, not a slower last step.
    plant, _ = operate(world([(0, 8, 0.4, 0.6)]), Uncontrolled())
    assert plant.outcomes.taken[0] == pytest.approx(11 * 12 / (11 - 0.232 - 0.66))


def test_a_stay_too_short_gets_full_power_until_it_ends():
    plant, _ = operate(world([(0.3, 2.1, 0.1, 1.0)], law=NO_LOSS), Uncontrolled())
    assert plant.outcomes.taken[0] == pytest.approx(11 * 1.8 / 4)


def test_an_arrival_between_two_steps_is_served_at_once():
    _, told = operate(world([(0.5, 8, 0.4, 0.6)]), Uncontrolled())
    assert told[1][0].time_s == START_S + 450
    assert told[1][1].power_kw[0] == 11


@pytest.mark.parametrize(
    ("strategy", "first"),
    [(Uncontrolled(), 0), (EarliestDeadlineFirst(), 1), (LeastLaxityFirst(), 2)],
)
def test_who_is_served_first_where_a_limit_binds(strategy, first):
    # ev0 came first, ev1 leaves first, ev2 needs most in what is left of its stay.
    stays = [(0, 16, 0.5, 0.6), (1, 12, 0.5, 0.52), (1, 14, 0.1, 0.9)]
    _, told = operate(world(stays, limits=tree(import_kw=11)), strategy)
    image, setpoints = told[1]
    assert image.time_s == START_S + 900
    assert np.flatnonzero(setpoints.power_kw > 1).tolist() == [first]
    waiting = [i for i in range(3) if i != first]
    assert all(setpoints.reason[i] == Reason.SITE_LIMIT for i in waiting)
    assert all(setpoints.binding[i] == 0 for i in waiting)


def test_the_promise_overrides_a_strategy_that_only_wants_to_discharge():
    plant, told = operate(world([(0, 12, 0.6, 0.8)]), Wants(-11.0))
    assert plant.outcomes.departure[0] == pytest.approx(0.8 * 60, abs=1e-6)
    assert plant.outcomes.given[0] > 5
    assert Reason.PROMISE in reasons(told, 0)


def test_a_limit_outranks_the_promise():
    plant, told = operate(world([(0, 8, 0.2, 0.9)], limits=tree(import_kw=4)), Wants(11.0))
    assert plant.outcomes.taken[0] == pytest.approx(8.0)
    assert set(reasons(told, 0)[:8]) == {Reason.SITE_LIMIT}


def test_below_the_floor_nothing_is_given():
    plant, told = operate(world([(0, 16, 0.25, 0.25)]), Wants(-11.0))
    assert plant.outcomes.given[0] == 0
    assert reasons(told, 0)[0] is Reason.FLOOR_REACHED


def test_the_floor_is_reached_but_not_passed():
    plant, _ = operate(world([(0, 16, 0.5, 0.1)]), Wants(-11.0))
    assert plant.outcomes.departure[0] == pytest.approx(0.3 * 60)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bidirectional": False}, Reason.NOT_BIDIRECTIONAL),
        ({"need_known": [False]}, Reason.DEPARTURE_UNKNOWN),
        ({"participates": False}, Reason.OPTED_OUT),
    ],
)
def test_who_never_discharges(changes, reason):
    plant, told = operate(world([(0, 16, 0.5, 0.6)], **changes), Wants(-11.0))
    assert plant.outcomes.given[0] == 0
    assert reason in reasons(told, 0)


def test_an_overdue_vehicle_is_charged_and_not_discharged():
    plant, told = operate(world([(0, 16, 0.5, 0.6, 4)]), Wants(-5.0))
    late = [s.power_kw[0] for i, s in told if i.time_s > START_S + 4 * 900]
    assert min(late) >= 0
    assert plant.outcomes.departure[0] >= 0.6 * 60 - 1e-6


def test_an_unplugged_neighbour_frees_its_room_at_once():
    stays = [(0, 2.5, 0.1, 0.9), (0, 8, 0.1, 0.9)]
    _, told = operate(world(stays, limits=tree(import_kw=11)), Uncontrolled())
    after = next(s for i, s in told if i.time_s == START_S + 2.5 * 900)
    assert after.power_kw.tolist() == [0, pytest.approx(11)]


def test_a_neighbours_discharge_is_not_relied_on_after_it_left():
    # ev1 charges beyond the limit thanks to ev0's discharge, until ev0 leaves.
    stays = [(0, 4.5, 0.9, 0.5), (0, 16, 0.1, 0.9)]
    plant, told = operate(world(stays, limits=tree(import_kw=2)), Wants(-5.0, 7.0))
    assert told[0][1].power_kw.tolist() == [pytest.approx(-5), pytest.approx(7)]
    after = next(s for i, s in told if i.time_s == START_S + 4.5 * 900)
    assert after.power_kw[1] == pytest.approx(2)


def test_base_load_above_the_limit_is_not_the_vehicles_fault_but_they_add_nothing():
    a_world = world([(0, 8, 0.2, 0.9)], limits=tree(import_kw=20), base_kw=25)
    plant, _ = operate(a_world, Uncontrolled())
    assert plant.outcomes.taken[0] == 0


def test_export_limit_holds_discharge_back():
    _, told = operate(world([(0, 16, 0.9, 0.3)], limits=tree(export_kw=3)), Wants(-11.0))
    assert told[0][1].power_kw[0] == pytest.approx(-3)


def test_a_phase_limit_binds_only_on_its_phase():
    shares = [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
    stays = [(0, 8, 0.1, 0.9)] * 3
    _, told = operate(
        world(stays, limits=tree(phase_kw=7.0), phase_share=shares, power=4.6), Uncontrolled()
    )
    assert told[0][1].power_kw == pytest.approx([4.6, 2.4, 4.6])


def test_a_limit_that_changes_in_mid_day_is_kept_from_then_on():
    a_world = world([(0, 16, 0.1, 0.95)])
    a_world.import_kw[6:] = 3.0
    plant, told = operate(a_world, Uncontrolled())
    powers = [s.power_kw[0] for _, s in told]
    assert powers[5] == 11
    assert powers[6] == pytest.approx(3)


def test_below_the_minimum_current_charging_is_switched_so_that_the_mean_is_kept():
    plant, told = operate(world([(0, 16, 0.2, 0.2)], min_kw=1.4), Wants(0.7))
    powers = {round(float(s.power_kw[0]), 6) for _, s in told}
    assert powers <= {0.0, 1.4}
    assert plant.outcomes.taken[0] == pytest.approx(0.7 * 4, abs=0.36)


def test_a_tapering_battery_sets_the_pace():
    plant, told = operate(world([(0, 16, 0.85, 1.0)], taper_soc=0.8), Uncontrolled())
    powers = [s.power_kw[0] for _, s in told]
    assert Reason.BATTERY_PACE in reasons(told, 0)
    assert powers[0] > powers[4] > 0
    assert plant.outcomes.departure[0] == pytest.approx(60.0)


def test_the_image_cannot_be_written():
    a_world = world([(0, 8, 0.4, 0.6)])
    image = SimPlant(a_world, lambda _: None, lambda _: None).observe()
    with pytest.raises(ValueError, match="read-only"):
        image.energy_kwh[0] = 0.0


def test_the_promise_is_kept_when_the_departure_falls_within_a_step():
    plant, _ = operate(world([(0, 4.2, 0.4, 0.52, 4.2)]), Wants(0.0))
    assert plant.outcomes.departure[0] == pytest.approx(0.52 * 60, abs=1e-6)


class Follows:
    """A planner with one fixed row, and a planned peak."""

    def __init__(self, *power_kw, peak_kw=None):
        self._power = np.array([power_kw], dtype=float)
        self._peak = None if peak_kw is None else np.array([float(peak_kw)])
        self.plans = 0

    def plan(self, image):
        self.plans += 1
        return Schedule(
            edges_s=np.append(image.time_s, image.until_s + 900.0 * np.arange(4)),
            session=image.session.copy(),
            power_kw=np.repeat(self._power, 4, axis=0),
            peak_kw=self._peak,
        )


def test_charging_that_can_wait_is_put_off_below_the_planned_peak():
    stays = [(0, 16, 0.2, 0.4), (0, 12, 0.2, 0.5)]
    a_world = world(stays, base_kw=30)
    _, told = operate(a_world, Planned(Follows(8.0, 8.0, peak_kw=40)))
    _, setpoints = told[0]
    # ev0 has more time to spare: it waits for what exceeds 10 kW.
    assert setpoints.power_kw == pytest.approx([2.0, 8.0])
    assert [Reason(r) for r in setpoints.reason] == [Reason.PEAK, Reason.PLAN]


def test_a_promise_does_not_wait_for_the_peak():
    _, told = operate(world([(0, 2, 0.2, 0.29)], base_kw=30), Planned(Follows(11.0, peak_kw=31)))
    _, setpoints = told[0]
    assert setpoints.power_kw[0] > 10
    assert Reason(setpoints.reason[0]) is Reason.PROMISE


def test_a_plan_is_renewed_hourly_and_after_someone_came_or_a_limit_changed():
    planner = Follows(1.0, 1.0)
    operate(world([(0, 16, 0.2, 0.3), (0, 16, 0.2, 0.3)]), Planned(planner))
    assert planner.plans == 4
    planner = Follows(1.0, 1.0)
    a_world = world([(0, 16, 0.2, 0.3), (1.5, 16, 0.2, 0.3)])
    a_world.import_kw[7:] = 50
    operate(a_world, Planned(planner))
    # At the start, on the arrival, an hour later in step 5, at the limit's change in step 7,
    # and hourly in steps 11 and 15.
    assert planner.plans == 6


def test_who_comes_is_planned_at_once_but_the_next_in_the_same_step_waits():
    stays = [(0, 16, 0.2, 0.3), (1.3, 16, 0.2, 0.3), (1.6, 16, 0.2, 0.3)]
    _, told = operate(world(stays), Planned(Follows(3.0, 3.0, 3.0)))
    at = {(i.time_s - START_S) / 900: [Reason(r) for r in s.reason] for i, s in told}
    assert at[1.3][1] is Reason.PLAN
    assert at[1.6][2] is Reason.AWAITING_PLAN
    assert at[2.0][2] is Reason.PLAN


def test_a_wish_of_the_wrong_length_is_refused():
    with pytest.raises(StrategyError, match="one value per charger"):
        operate(world([(0, 8, 0.4, 0.6)]), Wants(1.0, 2.0))


def test_the_promise_never_charges_beyond_the_target():
    # 0.3 kWh are missing in the last step; the charger cannot run below 4.14 kW.
    plant, told = operate(world([(0, 4, 0.4, 0.405)], min_kw=4.14), Wants(0.0))
    assert Reason.PROMISE in reasons(told, 0)
    assert plant.outcomes.departure[0] == pytest.approx(0.405 * 60, abs=1e-6)
