"""What each battery allows: temperature, charge and wish, and what the charger then does."""

from dataclasses import replace

import numpy as np
import pytest

from gridtide.battery import Envelope, Thermal, cells_kw, plug_kw
from gridtide.control import Uncontrolled, Wish, enclose, narrow, run_loop
from gridtide.core import Reason
from gridtide.sim import SimPlant
from worlds import NO_LOSS, START_S, world

INERT = Thermal(relative_resistance_h=0.0)
KWH = 60.0


class Wants:
    """Wishes one power after the other, then the last one."""

    def __init__(self, *power_kw):
        self._power = list(power_kw)

    def decide(self, image):
        now = self._power.pop(0) if len(self._power) > 1 else self._power[0]
        return Wish.of(np.full(image.session.size, float(now)))


def packs(stays, temperature_c=20.0, envelope=None, thermal=INERT, **changes):
    a_world = world(stays, **changes)
    return replace(
        a_world,
        ambient_c=None if temperature_c is None else np.full(a_world.grid.n, float(temperature_c)),
        thermal=None if temperature_c is None else thermal,
        envelope=envelope,
    )


def operate(a_world, strategy):
    told = []
    plant = SimPlant(a_world, lambda _: None, lambda _: None)

    def watch(image, setpoints):  # arrays of an image hold until setpoints are applied
        told.append((replace(image, temperature_c=image.temperature_c.copy()), setpoints))

    run_loop(plant, strategy, a_world.grid.end_s, watch)
    plant.close()
    assert plant.extremes.residual_kwh < 1e-9
    assert plant.extremes.envelope_kw < 1e-9
    return plant, told


def first(stays, wish, **changes):
    """Power at the cells and reason of the first setpoint."""
    _, told = operate(packs(stays, **changes), Wants(wish))
    setpoints = told[0][1]
    return cells_kw(setpoints.power_kw)[0], Reason(setpoints.reason[0])


FULL = cells_kw(11.0)[0]
GIVES = cells_kw(-11.0)[0]


@pytest.mark.parametrize(
    ("temperature_c", "soc", "wish", "cells", "reason"),
    [
        (20, 0.5, 11.0, FULL, Reason.STRATEGY),
        (20, 0.5, -11.0, GIVES, Reason.STRATEGY),
        (10, 0.5, 11.0, FULL, Reason.STRATEGY),
        (5, 0.5, 11.0, (6.0 + FULL) / 2, Reason.BATTERY_TEMPERATURE),
        (0, 0.5, 11.0, 6.0, Reason.BATTERY_TEMPERATURE),
        (-30, 0.5, 11.0, 6.0, Reason.BATTERY_TEMPERATURE),
        (-5, 0.5, -11.0, GIVES, Reason.STRATEGY),
        (-10, 0.5, -11.0, GIVES, Reason.STRATEGY),
        (-10.1, 0.5, -11.0, 0.0, Reason.BATTERY_TEMPERATURE),
        (50, 0.5, 11.0, FULL / 2, Reason.BATTERY_TEMPERATURE),
        (50, 0.5, -11.0, GIVES / 2, Reason.BATTERY_TEMPERATURE),
        (55.1, 0.5, 11.0, 0.0, Reason.BATTERY_TEMPERATURE),
        (55.1, 0.5, -11.0, 0.0, Reason.BATTERY_TEMPERATURE),
        (20, 0.3, -11.0, 0.0, Reason.FLOOR_REACHED),
        (20, 0.81, 11.0, 0.0, Reason.BATTERY_WINDOW),
        (20, 0.97, -11.0, GIVES, Reason.STRATEGY),
    ],
)
def test_power_by_temperature_and_charge(temperature_c, soc, wish, cells, reason):
    stays = [(0, 16, soc, 0.1)]
    power, why = first(stays, wish, temperature_c=temperature_c, envelope=Envelope())
    assert (power, why) == (pytest.approx(cells, abs=1e-9), reason)


@pytest.mark.parametrize(
    ("envelope", "wish", "cells", "reason"),
    [
        (Envelope(discharge_rate_per_h=0.1), -11.0, -6.0, Reason.BATTERY_RATE),
        (Envelope(charge_rate_per_h=0.1), 11.0, 6.0, Reason.BATTERY_RATE),
        (Envelope(floor_soc=0.5), -11.0, 0.0, Reason.BATTERY_WINDOW),
        (Envelope(yearly_throughput_kwh=0.0), -11.0, 0.0, Reason.BUDGET_SPENT),
        (Envelope(yearly_cycles=1 / 60), -11.0, -4.0, Reason.BUDGET_SPENT),
        (Envelope(by_temperature=False), -11.0, GIVES, Reason.STRATEGY),
        (Envelope(voltage_margin_v=0.3), 11.0, FULL, Reason.STRATEGY),
    ],
)
def test_power_by_what_the_table_says(envelope, wish, cells, reason):
    power, why = first([(0, 16, 0.5, 0.1)], wish, envelope=envelope)
    assert (power, why) == (pytest.approx(cells, abs=1e-9), reason)


def test_without_a_temperature_nothing_is_discharged_and_charging_goes_on():
    away = {"temperature_c": None, "envelope": Envelope()}
    assert first([(0, 16, 0.5, 0.1)], -11.0, **away) == (0.0, Reason.DATA_IN_DOUBT)
    assert first([(0, 16, 0.5, 0.1)], 11.0, **away) == (
        pytest.approx(FULL),
        Reason.STRATEGY,
    )


def test_near_full_the_voltage_slows_charging_down():
    envelope = Envelope(hard_soc_max=1.0, soc_max=1.0, voltage_margin_v=0.1)
    plant, told = operate(packs([(0, 16, 0.8, 1.0)], envelope=envelope), Wants(11.0))
    powers = [s.power_kw[0] for _, s in told]
    slowed = [k for k, (_, s) in enumerate(told) if s.reason[0] == Reason.BATTERY_VOLTAGE]
    assert slowed
    assert powers[slowed[0]] > powers[slowed[-1]] > 0
    # 4.1 V are the open-circuit voltage of this NMC cell at 0.929.
    assert plant.outcomes.departure[0] / KWH == pytest.approx(0.929, abs=0.003)


def test_an_empty_battery_gives_no_more_than_its_voltage_allows():
    envelope = Envelope(
        hard_soc_min=0, soc_min=0, floor_soc=0, discharge_rate_per_h=None,
        cold_discharge_rate_per_h=3, voltage_margin_v=0.3,
    )  # fmt: skip
    away = {"envelope": envelope, "temperature_c": -10, "floor": 0, "power": 50.0}
    power, why = first([(0, 16, 0.4, 0.0)], -50.0, **away)
    assert why is Reason.BATTERY_VOLTAGE
    assert 0 > power > cells_kw(-50.0)[0] + 1


@pytest.mark.parametrize(("age_s", "gives"), [(60, True), (121, False), (np.nan, False)])
def test_a_stale_declaration_closes_discharging(age_s, gives):
    plant = SimPlant(
        packs([(0, 16, 0.5, 0.1)], envelope=Envelope()), lambda _: None, lambda _: None
    )
    image = plant.observe()
    image = replace(image, declared_s=np.array([image.time_s - age_s]))
    setpoints = narrow(image, Wish.of(np.array([-11.0])))
    assert bool(setpoints.power_kw[0] < 0) is gives
    assert gives or Reason(setpoints.reason[0]) is Reason.DATA_IN_DOUBT
    assert narrow(image, Wish.of(np.array([11.0]))).power_kw[0] == 11.0


def test_above_the_window_only_the_drivers_target_is_charged():
    plant, _ = operate(packs([(0, 16, 0.75, 0.9)], envelope=Envelope()), Wants(11.0))
    assert plant.outcomes.departure[0] == pytest.approx(0.9 * KWH)
    plant, told = operate(packs([(0, 16, 0.85, 1.0)], envelope=Envelope()), Wants(11.0))
    assert plant.outcomes.departure[0] == pytest.approx(0.95 * KWH)
    assert Reason(told[-2][1].reason[0]) is Reason.BATTERY_WINDOW


def test_a_budget_ends_to_the_last_watt_hour_and_is_one_vehicles_own():
    envelope = Envelope(yearly_throughput_kwh=5.0)
    stays = [(0, 16, 0.9, 0.1), (0, 16, 0.9, 0.1)]
    plant, told = operate(packs(stays, envelope=envelope, law=NO_LOSS), Wants(-11.0))
    assert plant.outcomes.given == pytest.approx([5.0, 5.0])
    assert Reason(told[5][1].reason[0]) is Reason.BUDGET_SPENT


def test_a_vehicle_that_comes_back_has_spent_what_it_spent():
    a_world = packs(
        [(0, 4, 0.9, 0.1), (6, 12, 0.9, 0.1)],
        envelope=Envelope(yearly_throughput_kwh=12.0),
        law=NO_LOSS,
    )
    a_world.sessions.vehicle[:] = 0
    plant, _ = operate(a_world, Wants(-11.0))
    assert plant.outcomes.given == pytest.approx([11.0, 1.0])


def test_a_direction_is_kept_for_the_dwell_and_then_turns():
    envelope = Envelope(dwell_s=2700)
    _, told = operate(packs([(0, 16, 0.6, 0.1)], envelope=envelope), Wants(5.0, -5.0))
    assert [s.power_kw[0] for _, s in told[:4]] == [5.0, 0.0, 0.0, -5.0]
    assert Reason(told[1][1].reason[0]) is Reason.DWELL
    _, told = operate(packs([(0, 16, 0.6, 0.1)], envelope=envelope), Wants(-5.0, 5.0))
    assert [s.power_kw[0] for _, s in told[:4]] == [-5.0, 0.0, 0.0, 5.0]


def test_the_promise_does_not_wait_for_the_dwell():
    envelope = Envelope(dwell_s=7200)
    plant, told = operate(packs([(0, 4, 0.6, 0.62)], envelope=envelope), Wants(-5.0))
    assert told[0][1].power_kw[0] < 0
    assert plant.outcomes.departure[0] == pytest.approx(0.62 * KWH)


def test_the_promise_starts_earlier_where_the_cold_slows_charging_down():
    stays = [(0, 12, 0.5, 0.7)]  # 12 kWh: two hours at 0.1C, a good hour at full power
    _, warm = operate(packs(stays, envelope=Envelope()), Wants(0.0))
    plant, cold = operate(packs(stays, -5, envelope=Envelope()), Wants(0.0))
    start = [next(i.time_s for i, s in told if s.power_kw[0] > 0) for told in (warm, cold)]
    assert start[1] < start[0]
    assert plant.outcomes.departure[0] == pytest.approx(0.7 * KWH)


def test_a_cut_below_the_minimum_current_is_no_power_at_all():
    power, why = first([(0, 16, 0.5, 0.5)], 11.0, temperature_c=53, envelope=Envelope(), min_kw=4)
    assert (power, why) == (0.0, Reason.BATTERY_TEMPERATURE)


def test_full_power_of_the_uncontrolled_is_cut_with_its_reason():
    _, told = operate(packs([(0, 16, 0.5, 0.8)], -5, envelope=Envelope()), Uncontrolled())
    assert told[0][1].power_kw[0] == pytest.approx(plug_kw(6.0)[0])
    assert Reason(told[0][1].reason[0]) is Reason.BATTERY_TEMPERATURE


def test_an_image_without_an_envelope_is_handed_on_untouched():
    image = SimPlant(packs([(0, 16, 0.5, 0.8)], -30), lambda _: None, lambda _: None).observe()
    assert enclose(image).image is image
    assert image.temperature_c[0] == -30


# Temperature


def test_the_first_arrival_is_as_warm_as_the_air_and_absence_cools_a_warm_pack():
    hot = Thermal(relative_resistance_h=0.3, time_constant_h=2.0)
    a_world = packs([(0, 8, 0.1, 1.0), (12, 16, 0.5, 0.5)], 10, thermal=hot)
    a_world.sessions.vehicle[:] = 0
    _, told = operate(a_world, Wants(11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 0.0))
    by_step = {round((i.time_s - START_S) / 900): i.temperature_c for i, _ in told}
    assert by_step[0][0] == 10
    warmest = by_step[7][0]
    assert warmest > 12
    # The heat of step 7 is unknown here, but what is left after an hour away is exp(-1/2) of it.
    plant_at_8 = by_step[8][0]
    assert by_step[12][1] == pytest.approx(10 + (plant_at_8 - 10) * np.exp(-0.5))


def test_a_pack_left_alone_follows_the_air_whether_it_is_plugged_in_or_not():
    a_world = packs([(0, 16, 0.5, 0.1), (0, 2, 0.5, 0.1), (9.5, 16, 0.5, 0.1)], 0)
    a_world.sessions.vehicle[:] = [0, 1, 1]
    air = np.random.default_rng(1).uniform(-10, 20, 16)
    _, told = operate(replace(a_world, ambient_c=air), Wants(0.0))
    warmth = told[-1][0].temperature_c
    assert warmth[2] == pytest.approx(warmth[0], abs=1e-12)


def test_heating_is_metered_at_the_plug_and_lost_not_stored():
    heater = Thermal(relative_resistance_h=0.0, heat_below_c=10.0, conditioning_kw=2.0)
    rows, sites = [], []
    a_world = packs([(0, 16, 0.5, 0.5)], 0, thermal=heater)
    plant = SimPlant(a_world, rows.append, sites.append)
    warmth = []
    run_loop(plant, Wants(0.0), a_world.grid.end_s, lambda i, _: warmth.append(i.temperature_c[0]))
    plant.close()
    assert max(warmth) <= 10 + 1e-9
    assert warmth[-1] == pytest.approx(10)
    assert plant.conditioning_kwh > 1.0
    assert plant.outcomes.taken[0] == pytest.approx(plant.conditioning_kwh)
    assert plant.outcomes.lost[0] == pytest.approx(plant.conditioning_kwh)
    assert plant.outcomes.departure[0] == plant.outcomes.arrival[0]
    assert plant.extremes.residual_kwh < 1e-9
    assert sum(r["import_wh"].sum() for r in rows) == sum(r["import_wh"].sum() for r in sites)
    assert rows[0]["temperature_c"].dtype == np.float32


def test_heating_while_discharging_is_fed_from_the_battery():
    heater = Thermal(relative_resistance_h=0.0, heat_below_c=10.0, conditioning_kw=2.0)
    a_world = packs([(0, 16, 0.9, 0.1)], 0, thermal=heater, steps=2, law=NO_LOSS)
    sites = []
    plant = SimPlant(a_world, lambda _: None, sites.append)
    run_loop(plant, Wants(-5.0), a_world.grid.end_s)
    plant.close()
    assert plant.outcomes.given[0] == pytest.approx(3.0 * 0.5)
    assert plant.outcomes.taken[0] == 0
    assert plant.extremes.residual_kwh < 1e-9
    assert sum(r["export_wh"].sum() for r in sites) == 1500


def test_heating_leaves_the_rest_of_charger_and_site_to_charging():
    from worlds import tree

    heater = Thermal(relative_resistance_h=0.0, heat_below_c=10.0, conditioning_kw=2.0)
    a_world = packs([(0, 16, 0.2, 0.9)] * 2, 0, thermal=heater, limits=tree(import_kw=15))
    plant, told = operate(a_world, Wants(11.0))
    setpoints = told[0][1]
    assert setpoints.power_kw.max() == pytest.approx(9.0)
    assert setpoints.power_kw.sum() == pytest.approx(11.0)
    assert Reason.CONDITIONING in [Reason(r) for r in setpoints.reason]
    assert plant.extremes.violation_kw < 1e-6


def test_a_hot_pack_is_cooled_to_its_band():
    cooler = Thermal(relative_resistance_h=0.0, cool_above_c=30.0, conditioning_kw=2.0)
    plant, told = operate(packs([(0, 16, 0.5, 0.5)], 45, thermal=cooler), Wants(0.0))
    assert told[-1][0].temperature_c[0] == pytest.approx(30)
    assert plant.conditioning_kwh > 0
