"""What is drawn agrees with the energy that the sessions tell."""

import math

import numpy as np
import pytest

from gridtide.core import InputError, parse_utc
from gridtide.fleet import CAPACITY_MIXES, Chargers, RawSessions, VehicleTable, draw_fleet

ZONE = "Europe/Oslo"
LOSS = (0.2, 0.05, 0.002)


def chargers(*ids, power_kw=7.0, loss=LOSS):
    n = len(ids)
    return Chargers(
        ids=ids,
        limit=np.zeros(n, np.int64),
        max_charge_kw=np.full(n, power_kw),
        max_discharge_kw=np.full(n, 5.0),
        min_power_kw=np.zeros(n),
        power_step_kw=np.zeros(n),
        phase_share=np.full((n, 3), 1 / 3),
        charge_loss=np.tile(loss, (n, 1)),
        discharge_loss=np.tile(loss, (n, 1)),
    )


def told(vehicles, energy, *, known=True, hours=10.0, gap=24.0, **more):
    n = len(vehicles)
    arrival = parse_utc("2026-06-02T16:00Z") + (3600 * gap * np.arange(n)).astype(np.int64)
    empty = np.full(n, np.nan)
    columns = {
        "stated_departure_s": empty,
        "arrival_soc": empty,
        "target_soc": empty,
        "capacity_kwh": empty,
        "trip_kwh": empty,
        **{k: np.array(v, dtype=np.float64) for k, v in more.items()},
    }
    return RawSessions(
        source="test",
        session_ids=tuple(f"s{k}" for k in range(n)),
        vehicle_ids=tuple(vehicles),
        charger_ids=("c",) * n,
        arrival_s=arrival,
        departure_s=arrival + (3600 * np.broadcast_to(hours, n)).astype(np.int64),
        requested_kwh=np.array(energy, dtype=np.float64),
        delivered_kwh=empty,
        need_known=np.broadcast_to(known, n).copy(),
        dropped={},
        **columns,
    )


def draw(raw, traits=None, plugs=None, **kw):
    kw = {"seed": 1, "timezone": ZONE, **kw}
    return draw_fleet(raw, plugs or chargers("c"), traits or VehicleTable(), **kw)


def gain(power_kw, loss=LOSS):
    a, b, c = loss
    return 1 - b - a / power_kw - c * power_kw


def test_need_is_what_the_battery_gains_at_full_power_of_the_weaker():
    _, full = draw(told(["v"], [10.0]))
    assert (full.target_kwh - full.arrival_kwh)[0] == pytest.approx(10 * gain(7.0), abs=1e-12)
    vehicles, slow = draw(told(["v"], [10.0]), VehicleTable(max_charge_kw=3.5))
    assert (slow.target_kwh - slow.arrival_kwh)[0] == pytest.approx(10 * gain(3.5), abs=1e-12)
    assert vehicles.max_charge_kw[0] == 3.5
    assert vehicles.max_discharge_kw[0] == 5.0


@pytest.mark.parametrize("known", [True, False])
def test_every_battery_holds_what_was_asked(known):
    energy = np.linspace(0.1, 150, 400)
    vehicles, sessions = draw(told([f"v{k}" for k in range(400)], energy, known=known))
    held = vehicles.capacity_kwh[sessions.vehicle]
    assert np.all(sessions.arrival_kwh >= vehicles.soc_min * held - 1e-9)
    assert np.all(sessions.target_kwh <= vehicles.soc_max * held + 1e-9)
    assert np.allclose(sessions.target_kwh - sessions.arrival_kwh, energy * gain(7.0), atol=1e-9)
    if not known:
        assert np.array_equal(sessions.target_kwh, vehicles.soc_max * held)


def test_capacities_follow_the_mix_where_nothing_is_asked_and_scale():
    raw = told([f"v{k}" for k in range(4000)], [0.01] * 4000)
    drawn = {s: draw(raw, scale=s, mix="norway_2019")[0].capacity_kwh for s in (1.0, 1.5)}
    assert np.array_equal(drawn[1.0] * 1.5, drawn[1.5])
    for size, share in CAPACITY_MIXES["norway_2019"]:
        assert np.mean(drawn[1.0] == size) == pytest.approx(share, abs=0.02)
    assert all(sum(s for _, s in mix) == pytest.approx(1) for mix in CAPACITY_MIXES.values())


def test_a_need_above_the_mix_gets_a_battery_that_just_holds_it():
    vehicles, _ = draw(told(["v"], [200.0]), VehicleTable(soc_min=0.0))
    assert vehicles.capacity_kwh[0] == pytest.approx(200 * gain(7.0))


def test_same_seed_same_fleet_other_seed_another():
    raw = told([f"v{k}" for k in range(50)], [8.0] * 50)
    one, two, other = (draw(raw, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one[1].arrival_kwh, two[1].arrival_kwh)
    assert not np.array_equal(one[1].arrival_kwh, other[1].arrival_kwh)


def test_returning_vehicle_carries_its_energy_from_session_to_session():
    raw = told(["v", "v", "v"], [10.0, 20.0, 5.0])
    vehicles, sessions = draw(raw, VehicleTable(soc_target=0.8))
    capacity = vehicles.capacity_kwh[0]
    need = np.array([10, 20, 5]) * gain(7.0)
    assert np.allclose(sessions.target_kwh, 0.8 * capacity)
    assert capacity * (0.8 - 0.05) >= need.max()
    assert sessions.arrival_kwh[0] == pytest.approx(0.8 * capacity - need[0])
    assert math.isnan(sessions.trip_kwh[0])
    assert np.allclose(sessions.trip_kwh[1:], need[1:])


def test_after_a_short_stay_the_next_session_still_asks_what_was_told():
    raw = told(["v", "v"], [21.0, 3.0], hours=[2.0, 10.0])
    _, sessions = draw(raw)
    left = sessions.arrival_kwh[0] + 14.0 * gain(7.0)  # 2 h at 7 kW of the 21 kWh
    arrives = left - sessions.trip_kwh[1]
    assert sessions.target_kwh[1] - arrives == pytest.approx(3.0 * gain(7.0))
    assert sessions.trip_kwh[1] < 0


def test_silent_drivers_and_a_standing_departure():
    raw = told(["v", "w"], [5.0, 6.0], known=[False, True], stated_departure_s=[np.nan, 2e9])
    _, silent = draw(raw)
    assert silent.need_known.tolist() == [False, True]
    assert math.isnan(silent.stated_departure_s[0])
    _, standing = draw(raw, ready_by="07:30")
    assert standing.need_known.tolist() == [True, True]
    assert standing.stated_departure_s[0] == parse_utc("2026-06-03T07:30+02:00")
    assert standing.stated_departure_s[1] == 2e9


def test_standing_departure_on_the_days_of_a_clock_change():
    raw = told(["v", "w"], [5.0, 6.0], known=False)
    for day, offset in (("2026-03-28", "+02:00"), ("2026-10-24", "+01:00")):
        raw.arrival_s[:] = parse_utc(f"{day}T20:00Z"), parse_utc(f"{day}T21:00Z")
        _, sessions = draw(raw, ready_by="07:00")
        following = day[:-2] + f"{int(day[-2:]) + 1}"
        assert np.all(sessions.stated_departure_s == parse_utc(f"{following}T07:00{offset}"))


def test_a_vehicle_named_in_the_scenario_is_there_without_a_session():
    traits = {"v": VehicleTable(capacity_kwh=60), "spare": VehicleTable(capacity_kwh=40)}
    vehicles, sessions = draw(told(["v"], [10.0]), traits)
    assert vehicles.ids == ("v", "spare")
    assert vehicles.capacity_kwh.tolist() == [60, 40]
    assert sessions.target_kwh[0] == pytest.approx(0.8 * 60)


def test_a_capacity_fixed_by_the_scenario_bounds_what_is_asked():
    vehicles, sessions = draw(told(["v"], [90.0]), VehicleTable(capacity_kwh=40))
    assert vehicles.capacity_kwh[0] == 40
    assert sessions.arrival_kwh[0] == pytest.approx(0.05 * 40)
    assert sessions.target_kwh[0] == pytest.approx(40)


def test_what_the_source_tells_is_kept():
    raw = told(["v"], [np.nan], arrival_soc=[0.3], target_soc=[0.9], capacity_kwh=[50.0])
    vehicles, sessions = draw(raw)
    assert vehicles.capacity_kwh[0] == 50
    assert sessions.arrival_kwh[0] == pytest.approx(15)
    assert sessions.target_kwh[0] == pytest.approx(45)


def test_nothing_asked_for_fills_the_battery():
    vehicles, sessions = draw(told(["v"], [np.nan], known=False))
    assert sessions.target_kwh[0] == pytest.approx(vehicles.capacity_kwh[0])
    assert 0.05 <= sessions.arrival_kwh[0] / vehicles.capacity_kwh[0] <= 1


def test_doubts_are_findings():
    with pytest.raises(InputError, match="there is no charger c"):
        draw(told(["v"], [5.0]), plugs=chargers("d"))
    with pytest.raises(InputError, match="there is no vehicle v"):
        draw(told(["v"], [5.0]), {"w": VehicleTable()})
    with pytest.raises(InputError, match="loses all that it draws"):
        draw(told(["v"], [5.0]), plugs=chargers("c", power_kw=0.2))
    with pytest.raises(InputError, match="s0: asks for more than its battery holds"):
        draw(told(["v"], [90.0], capacity_kwh=[50.0]))
    high = told(["v"], [np.nan], arrival_soc=[0.3], target_soc=[0.95], capacity_kwh=[50.0])
    with pytest.raises(InputError, match="asks for more"):
        draw(high, VehicleTable(soc_max=0.9))


def test_share_of_drivers_who_opted_out():
    raw = told([f"v{k}" for k in range(2000)], [5.0] * 2000)
    vehicles, _ = draw(raw, VehicleTable(opted_out=0.25))
    assert np.mean(~vehicles.participates) == pytest.approx(0.25, abs=0.03)
