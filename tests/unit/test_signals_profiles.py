"""Synthetic base load and sun, and the forecast that repeats the day before."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gridtide.core import InputError, TimeGrid, parse_utc
from gridtide.signals import (
    BaseLoad,
    Carbon,
    Pv,
    base_load_kw,
    base_load_profile,
    carbon_kg_per_kwh,
    local_times,
    persistence,
    plane_w_m2,
    pv_kw,
    pv_profile,
    sun_position,
    with_past,
)

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
OSLO = ZoneInfo("Europe/Oslo")
YEAR = TimeGrid(parse_utc("2019-01-01T08:00:00Z"), 900, 96 * 365)
CALTECH = (34.1, -118.1)


@pytest.mark.parametrize(
    ("kind", "mean"),
    [("office", 0.51), ("campus", 0.66), ("home", 0.44), ("depot", 0.60), ("hub", 0.76)],
)
def test_base_load_has_the_means_of_its_card(kind, mean):
    load = base_load_kw(kind, 100.0, YEAR, LOS_ANGELES, 1, "a")
    assert load.mean() == pytest.approx(100 * mean, abs=1.0)
    assert load.min() > 0


def test_an_office_sleeps_at_night_and_on_sundays():
    load = base_load_kw("office", 100.0, YEAR, LOS_ANGELES, 7, "a").reshape(365, 96)
    weekday = (np.arange(365) + 1) % 7  # 1 January 2019 was a Tuesday
    # Standard time only: the rows are days of 24 hours from midnight at UTC-8.
    rows = np.r_[0:60, 320:365]
    noon, night = load[rows, 48:52].mean(axis=1), load[rows, 8:12].mean(axis=1)
    working = weekday[rows] < 5
    assert noon[working].min() > 2.5 * night[working].max()
    assert noon[~working].max() < 0.5 * noon[working].min()


def test_a_day_is_the_same_whatever_the_span_and_differs_by_seed_and_site():
    day = TimeGrid(YEAR.start_s + 40 * 86_400, 900, 96)
    span = with_past(day)
    assert span.end_s == day.end_s and day.start_s - span.start_s >= 25 * 3600
    for make in (
        lambda grid, seed, site: base_load_kw("campus", 80.0, grid, LOS_ANGELES, seed, site),
        lambda grid, seed, site: pv_kw(Pv(peak_kw=50), *CALTECH, grid, LOS_ANGELES, seed, site),
    ):
        alone = make(day, 3, "a")
        assert np.array_equal(alone, make(span, 3, "a")[-96:])
        assert not np.array_equal(alone, make(day, 4, "a"))
        assert not np.array_equal(alone, make(day, 3, "b"))


def test_sun_power_is_dark_at_night_bounded_and_of_the_right_size():
    pv = Pv(peak_kw=10, mean_clearness=0.85)
    power = pv_kw(pv, *CALTECH, YEAR, LOS_ANGELES, 1, "a")
    assert power.min() == 0 and power.max() <= 10
    assert power.reshape(365, 96)[:, :16].max() == 0  # before 4 a.m. standard time
    assert 1600 < power.sum() / 4 / 10 < 1950  # kWh a year for each kW
    cloudy = pv_kw(Pv(peak_kw=10, mean_clearness=0.5), *CALTECH, YEAR, LOS_ANGELES, 1, "a")
    assert cloudy.sum() < 0.7 * power.sum()


def test_cloudiness_stays_from_day_to_day():
    clear = pv_kw(Pv(peak_kw=1), *CALTECH, YEAR, LOS_ANGELES, 1, "a").reshape(365, 96).sum(axis=1)
    level = clear / np.array([clear[max(i - 15, 0) : i + 16].max() for i in range(365)])
    assert np.corrcoef(level[1:], level[:-1])[0, 1] > 0.25


def test_the_sun_at_solstice_and_equinox():
    noon = sun_position([parse_utc("2021-06-21T12:00:00Z")], 23.44, 0.0)
    assert noon.cos_zenith[0] == pytest.approx(1.0, abs=1e-3)
    times = parse_utc("2021-03-20T00:00:00Z") + 60 * np.arange(1440)
    up = sun_position(times, 50.0, 0.0).cos_zenith > 0
    assert up.sum() == pytest.approx(720, abs=6)
    morning = sun_position([parse_utc("2021-03-20T06:07:00Z")], 50.0, 0.0)
    assert np.degrees(morning.azimuth_rad[0]) == pytest.approx(90, abs=1)


def test_a_plane_facing_the_sun_gets_more_and_one_facing_away_only_diffuse_light():
    sun = sun_position([parse_utc("2021-12-21T12:00:00Z")], 50.0, 0.0)
    light = np.array([250.0])
    south, north = (plane_w_m2(sun, light, 60.0, azimuth)[0] for azimuth in (180.0, 0.0))
    flat = plane_w_m2(sun, light, 0.0, 180.0)[0]
    assert flat == pytest.approx(250.0)
    assert south > 1.8 * flat and 0 < north < 0.5 * flat


def test_yesterday_means_the_same_wall_clock_time_over_both_clock_changes():
    for start, hours in (("2019-10-27T22:00:00Z", 25), ("2019-03-31T21:00:00Z", 23)):
        noon_after = TimeGrid(parse_utc(start) + 14 * 3600, 3600, 2)
        span = with_past(noon_after)
        values = span.starts_s.astype(float)
        forecast = persistence(values, span, noon_after, OSLO)
        assert np.array_equal(noon_after.starts_s - forecast, [24 * 3600, 24 * 3600])
        change = TimeGrid(parse_utc(start) - 10 * 3600, 3600, 1)
        span = with_past(change)
        lag = change.start_s - persistence(span.starts_s.astype(float), span, change, OSLO)[0]
        assert lag == hours * 3600


def test_a_similar_day_is_of_the_same_kind_and_wall_clock_time():
    grid = TimeGrid(parse_utc("2019-03-27T23:00:00Z"), 900, 14 * 96)  # across a 23-hour day
    span = with_past(grid, similar_day=True)
    seen = persistence(span.starts_s.astype(float), span, grid, OSLO, similar_day=True)
    now, then = local_times(grid.starts_s, OSLO), local_times(seen.astype(np.int64), OSLO)
    assert np.array_equal(now.weekday < 5, then.weekday < 5)
    skipped = (now.second // 3600) == 2  # the hour that one of the days does not have
    assert np.array_equal(now.second[~skipped], then.second[~skipped])
    assert (grid.starts_s - seen).min() >= 23 * 3600
    with pytest.raises(ValueError, match="reach back"):
        persistence(np.zeros(grid.n), grid, grid, OSLO, similar_day=True)


def test_profiles_from_files_are_used_as_they_are_and_checked(tmp_path):
    (tmp_path / "load.csv").write_text(
        "time,value\n2021-06-01T00:00:00Z,5\n2021-06-01T01:00:00Z,7\n2021-06-01T02:00:00Z,-1\n"
    )
    grid = TimeGrid(parse_utc("2021-06-01T00:30:00Z"), 3600, 1)

    def find(name):
        return tmp_path / name

    with pytest.raises(InputError, match=r"load\.csv:4: -1 kW is below zero"):
        base_load_profile(BaseLoad(file="load.csv"), grid, OSLO, 1, "a", find)
    (tmp_path / "load.csv").write_text(
        "time,value\n2021-06-01T00:00:00Z,5\n2021-06-01T01:00:00Z,7\n"
    )
    assert pv_profile(Pv(file="load.csv"), (0, 0), grid, OSLO, 1, "a", find).tolist() == [6.0]
    rate = Carbon(file="load.csv", scale=0.1)
    assert carbon_kg_per_kwh(rate, grid, find).tolist() == pytest.approx([0.6])
    assert carbon_kg_per_kwh(Carbon(emission_kg_per_kwh=0.4), grid, find).tolist() == [0.4]
    with pytest.raises(InputError, match="two ways"):
        base_load_profile(BaseLoad(), grid, OSLO, 1, "a", find)
    with pytest.raises(InputError, match="two ways"):
        carbon_kg_per_kwh(Carbon(), grid, find)
