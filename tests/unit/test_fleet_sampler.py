"""Sampled sessions: seeds, one at a time, wall clock, power, who uses which charger."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gridtide.core import cpu_s, parse_utc
from gridtide.fleet import KIND_OF_ARCHETYPE, sample_sessions
from gridtide.fleet._local_clock import LocalClock
from gridtide.fleet._visits import Visits, first_free, on_steps, one_at_a_time, within_power

KINDS = ("workplace", "residential", "depot", "hub")
LA = "America/Los_Angeles"


def sample(kind, *, start="2026-06-01T12:00Z", days=7, chargers=20, vehicles=None, **kw):
    kw = {"timezone": LA, "seed": 3, **kw}
    return sample_sessions(
        kind,
        start_s=parse_utc(start),
        days=days,
        charger_ids=[f"c{i}" for i in range(chargers)],
        vehicle_ids=None if vehicles is None else [f"v{i}" for i in range(vehicles)],
        **kw,
    )


def same(one, two):
    return all(
        np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)
        for name in ("arrival_s", "departure_s", "stated_departure_s", "requested_kwh")
    )


def overlaps(raw, names):
    names = np.array(names)
    order = np.lexsort((raw.arrival_s, names))
    follows = names[order][1:] == names[order][:-1]
    early = raw.arrival_s[order][1:] < raw.departure_s[order][:-1]
    return int(np.sum(follows & early))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vehicles", [None, 20, 30])
@pytest.mark.parametrize("step_s", [0, 900])
def test_what_holds_for_every_kind(kind, vehicles, step_s):
    raw = sample(kind, vehicles=vehicles, step_s=step_s, charger_kw=6.0)
    assert len(raw) > 10
    assert overlaps(raw, raw.vehicle_ids) == overlaps(raw, raw.charger_ids) == 0
    assert np.all(np.diff(raw.arrival_s) >= 0)
    assert np.all(raw.departure_s > raw.arrival_s)
    assert not np.any(raw.stated_departure_s <= raw.arrival_s)
    stay_h = (raw.departure_s - raw.arrival_s) / 3600
    assert np.all(raw.requested_kwh <= 6.0 * stay_h)
    assert np.all(raw.requested_kwh > 0)
    assert raw.arrival_s[0] >= parse_utc("2026-06-01T00:00-07:00")
    assert raw.arrival_s[-1] < parse_utc("2026-06-08T00:00-07:00")
    if step_s:
        assert np.all(raw.arrival_s % 900 == 0)
        assert np.all(raw.departure_s % 900 == 0)
    if vehicles == 20:  # each has its own charger
        assert all(v[1:] == c[1:] for v, c in zip(raw.vehicle_ids, raw.charger_ids, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_fixes_everything(kind):
    assert same(sample(kind), sample(kind))
    assert not same(sample(kind), sample(kind, seed=4))


def test_what_is_stated():
    work, home = sample("workplace", days=28), sample("residential")
    assert np.array_equal(np.isnan(work.stated_departure_s), ~work.need_known)
    assert 0 < np.mean(~work.need_known) < 0.2
    assert not home.need_known.any()
    assert np.isnan(home.stated_departure_s).all()
    hub = sample("hub")
    assert hub.need_known.all()
    assert np.isnan(hub.stated_departure_s).all()


def test_depot_keeps_its_timetable_over_both_clock_changes():
    for start, days in (("2026-03-05T12:00Z", 6), ("2026-10-29T12:00Z", 6)):
        raw = sample("depot", start=start, days=days)
        clock = [local(s) for s in raw.stated_departure_s]
        assert {(t.hour, t.minute) for t in clock} == {(6, 30)}
        back = [local(s) for s in raw.arrival_s]
        assert all(15 <= t.hour < 20 and t.weekday() < 5 for t in back)
        friday = [k for k, t in enumerate(back) if t.weekday() == 4]
        assert {clock[k].weekday() for k in friday} == {0}


def local(time_s, zone=LA):
    return datetime.fromtimestamp(int(time_s), UTC).astimezone(ZoneInfo(zone))


@pytest.mark.parametrize(
    ("day", "hours"), [("2019-03-31", 23), ("2019-10-27", 25), ("2019-06-02", 24)]
)
def test_homes_on_sundays_of_23_24_and_25_hours(day, hours):
    raw = sample(
        "residential", start=f"{day}T12:00Z", days=1, chargers=20000, timezone="Europe/Oslo"
    )
    begin = parse_utc(f"{day}T00:00{'+01:00' if hours == 23 else '+02:00'}")
    assert begin <= raw.arrival_s[0] < begin + 1800
    assert begin + 3600 * hours - 1800 < raw.arrival_s[-1] < begin + 3600 * hours
    times = [local(s, "Europe/Oslo") for s in raw.arrival_s[::5]]
    # Vehicles come home by the wall clock, whatever the length of the day.
    assert np.median([t.hour + t.minute / 60 for t in times]) == pytest.approx(16.9, abs=0.25)


def test_wall_clock_that_is_left_out_or_comes_twice():
    oslo = ZoneInfo("Europe/Oslo")
    day = datetime(2019, 3, 30, tzinfo=UTC).date()
    clock = LocalClock(oslo, day, 3)
    wall = np.array([datetime(2019, 3, 31, h, 30, tzinfo=UTC).timestamp() for h in (1, 2, 3)])
    assert np.diff(clock.instants_s(wall)).tolist() == [3600, 0]
    clock = LocalClock(oslo, datetime(2019, 10, 26, tzinfo=UTC).date(), 3)
    wall = np.array([datetime(2019, 10, 27, h, 30, tzinfo=UTC).timestamp() for h in (1, 2, 3)])
    assert np.diff(clock.instants_s(wall)).tolist() == [3600, 7200]


def test_workplace_attendance_and_weekend():
    raw = sample("workplace", vehicles=400, chargers=400, days=7, attendance=0.9)
    weekday = np.array([local(s).weekday() for s in raw.arrival_s])
    per_day = np.bincount(weekday, minlength=7) / 400
    assert per_day[:4].mean() == pytest.approx(0.9, abs=0.03)
    assert per_day[5:].max() < 0.2


def test_who_finds_no_charger_is_counted():
    raw = sample("workplace", vehicles=40, chargers=5)
    assert raw.dropped["no charger was free"] > 0
    assert len(set(raw.charger_ids)) == 5


def test_every_archetype_has_a_kind():
    assert set(KIND_OF_ARCHETYPE.values()) == set(KINDS)


def test_a_city_of_vehicles_is_drawn_in_seconds():
    before = cpu_s()
    raw = sample("residential", days=1, chargers=100_000)
    assert len(raw) > 40_000
    assert cpu_s() - before < 5


def visits(*rows):
    unit, arrival, departure = (np.array(c, dtype=np.int64) for c in zip(*rows, strict=True))
    n = unit.size
    return Visits(unit, arrival, departure, np.full(n, np.nan), np.full(n, 9.0), np.ones(n, bool))


def test_one_at_a_time_keeps_as_much_as_its_order_allows():
    rows = visits((0, 0, 100), (0, 10, 20), (0, 30, 40), (0, 100, 110), (1, 5, 50))
    seen = set()
    for seed in range(20):
        kept = one_at_a_time(rows, np.random.default_rng(seed))
        seen.add(tuple(kept.arrival_s.tolist()))
    assert seen == {(0, 100, 5), (10, 30, 100, 5)}


def test_first_free_plug_and_none():
    plug = first_free(visits((0, 0, 10), (1, 5, 15), (2, 6, 8), (3, 10, 12)), 2)
    assert plug.tolist() == [0, 1, -1, 0]


def test_rounding_keeps_a_step_and_power_caps_energy():
    rounded = on_steps(visits((0, 1000, 1100)), 900)
    assert (rounded.arrival_s[0], rounded.departure_s[0]) == (900, 1800)
    assert within_power(rounded, 8.0).energy_kwh[0] == 2.0
