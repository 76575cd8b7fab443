"""Readers on the real files, and charging at full power of real sessions."""

import numpy as np
import pytest

from gridtide.core import parse_utc
from gridtide.fleet import Chargers, VehicleTable, draw_fleet, read_acn, read_trondheim

JULY = {
    "start_s": parse_utc("2019-07-01T00:00-07:00"),
    "end_s": parse_utc("2019-08-01T00:00-07:00"),
}
ALL = {"start_s": 0, "end_s": 2**33}
AC_KW = 6.656  # 208 V x 32 A, as ACN-Sim has it


def acn(folder, name, **window):
    return read_acn(folder / "ev" / f"{name}.csv.gz", **window)


def mean_kw(raw):
    return raw.delivered_kwh * 3600.0 / (raw.departure_s - raw.arrival_s)


def test_caltech_july_2019(shared_data):
    raw = acn(shared_data, "caltech_2019-05-01_2019-08-31", **JULY)
    assert len(raw) == len(set(raw.vehicle_ids)) == 820
    assert len(set(raw.charger_ids)) == 42
    assert raw.dropped == {}
    assert int(raw.need_known.sum()) == 705
    assert np.array_equal(np.isnan(raw.stated_departure_s), ~raw.need_known)
    assert mean_kw(raw).max() < 7.0  # every one of these stations is AC


def test_the_dc_station_of_caltech_came_later(shared_data):
    raw = acn(shared_data, "caltech_2021-05-01_2021-08-31", **ALL)
    dc = np.array(raw.charger_ids) == "11900388"
    assert int(dc.sum()) == 553
    assert mean_kw(raw)[dc].max() == pytest.approx(46.95, abs=0.01)
    assert mean_kw(raw)[~dc].max() < 7.3
    assert raw.dropped == {"energy not positive": 1, "mean power above 60 kW": 2}


def test_jpl_july_2019_peaks_at_49_cars(shared_data):
    raw = acn(shared_data, "jpl_2019-05-01_2019-08-31", **JULY)
    end = np.minimum(raw.departure_s, raw.arrival_s + 3600 * raw.requested_kwh / AC_KW)
    times = np.concatenate([raw.arrival_s, end])
    change = np.concatenate([np.ones(len(raw)), -np.ones(len(raw))])
    charging = np.cumsum(change[np.lexsort((change, times))])
    assert (len(raw), charging.max()) == (1489, 49)
    assert charging.max() * AC_KW == pytest.approx(326, abs=0.5)


def test_trondheim_counts_what_its_authors_left_in(shared_data):
    path = shared_data / "ev" / "trondheim_sorensen2021_sessions.csv"
    raw = read_trondheim(path, **ALL)
    assert len(raw) == 6800
    assert len(set(raw.vehicle_ids)) == 96
    assert raw.dropped == {
        "departure missing or unreadable": 34,
        "duration disagrees with the times": 5,
        "overlaps another session of its user": 22,
        "stay of zero minutes": 17,
    }


def test_trondheim_october_has_a_day_of_25_hours(shared_data):
    path = shared_data / "ev" / "trondheim_sorensen2021_sessions.csv"
    raw = read_trondheim(
        path,
        start_s=parse_utc("2019-10-01T00:00+02:00"),
        end_s=parse_utc("2019-11-01T00:00+01:00"),
    )
    assert (len(raw), len(set(raw.vehicle_ids))) == (837, 66)
    night = raw.session_ids.index("3209")  # 26.10. 18:43 to 27.10. 12:08, "18,41611111" h
    stay_h = (raw.departure_s[night] - raw.arrival_s[night]) / 3600
    assert stay_h == pytest.approx(18.416, abs=1 / 60)


def plugs(ids, power_kw):
    n = len(ids)
    return Chargers(
        ids=tuple(ids),
        limit=np.zeros(n, np.int64),
        max_charge_kw=np.full(n, power_kw),
        max_discharge_kw=np.full(n, power_kw),
        min_power_kw=np.zeros(n),
        power_step_kw=np.zeros(n),
        phase_share=np.full((n, 3), 1 / 3),
        charge_loss=np.tile([0.232, 0.06, 0.001], (n, 1)),
        discharge_loss=np.tile([0.232, 0.06, 0.001], (n, 1)),
    )


@pytest.mark.parametrize(
    ("source", "power_kw", "mix", "ready_by"),
    [
        ("caltech", AC_KW, "california_2019", None),
        ("jpl", AC_KW, "california_2019", None),
        ("trondheim", 7.36, "norway_2019", None),
        ("trondheim", 3.68, "norway_2019", "07:00"),
    ],
)
def test_full_power_meters_what_was_asked_or_what_the_stay_gives(
    shared_data, source, power_kw, mix, ready_by
):
    """Charge every real session at full power with the fleet that is drawn for it."""
    if source == "trondheim":
        raw = read_trondheim(shared_data / "ev" / "trondheim_sorensen2021_sessions.csv", **ALL)
    else:
        raw = acn(shared_data, f"{source}_2019-05-01_2019-08-31", **JULY)
    chargers = plugs(sorted(set(raw.charger_ids)), power_kw)
    vehicles, sessions = draw_fleet(
        raw, chargers, VehicleTable(), seed=5, timezone="Europe/Oslo", mix=mix, ready_by=ready_by
    )
    stay_h = (sessions.departure_s - sessions.arrival_s) / 3600.0
    asked = dict(zip(raw.session_ids, raw.requested_kwh, strict=True))
    expected = np.minimum([asked[name] for name in sessions.ids], power_kw * stay_h)
    gain = 1 - 0.06 - 0.232 / power_kw - 0.001 * power_kw
    full = vehicles.soc_max * vehicles.capacity_kwh
    held = np.full(len(vehicles), np.nan)
    metered = np.empty(len(sessions))
    for k, v in enumerate(sessions.vehicle):
        trip = sessions.trip_kwh[k]
        energy = sessions.arrival_kwh[k] if np.isnan(trip) else held[v] - trip
        stop = sessions.target_kwh[k] if sessions.need_known[k] else full[v]
        assert energy >= vehicles.soc_min[v] * vehicles.capacity_kwh[v] - 1e-9
        hours = min(stay_h[k], (stop - energy) / (power_kw * gain))
        metered[k], held[v] = power_kw * hours, energy + power_kw * gain * hours
    assert np.allclose(metered, expected, rtol=0, atol=1e-8)
