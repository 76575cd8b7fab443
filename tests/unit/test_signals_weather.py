"""Ambient temperature: constant, synthetic season, file."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gridtide.core import InputError, TimeGrid, parse_utc
from gridtide.signals import Weather, ambient_c, season_c

ZONE = ZoneInfo("Europe/Berlin")
YEAR = TimeGrid(parse_utc("2026-01-01T00:00Z"), 3600, 8760)


def air(weather, grid=YEAR, latitude=52.0, find=None):
    return ambient_c(weather, latitude, grid, ZONE, find or (lambda name: name), "x.toml:3 weather")


def test_the_season_has_its_mean_and_amplitudes():
    year = season_c(Weather(kind="season"), 52.0, YEAR, ZONE)
    assert year.mean() == pytest.approx(10.0, abs=0.05)
    assert year.max() == pytest.approx(23.0, abs=0.1)
    assert year.min() == pytest.approx(-3.0, abs=0.1)
    days = year.reshape(365, 24)
    assert days.mean(axis=1).argmin() == pytest.approx(20, abs=1)
    assert days.mean(axis=0).argmax() == pytest.approx(13, abs=1)  # 15:00 local, mostly UTC + 2


def test_south_of_the_equator_january_is_summer():
    north, south = (season_c(Weather(kind="season"), lat, YEAR, ZONE) for lat in (50.0, -35.0))
    assert south[: 24 * 30].mean() > 17 > 3 > north[: 24 * 30].mean()
    assert south.mean() == pytest.approx(north.mean(), abs=0.05)


def test_a_constant_is_one():
    assert set(air(Weather(kind="constant", mean_c=-7.0))) == {-7.0}


def test_a_file_is_laid_on_the_run(tmp_path):
    path = tmp_path / "air.csv"
    path.write_text("time,value\n2026-01-01T00:00Z,4\n2026-01-01T01:00Z,-2\n")
    grid = TimeGrid(YEAR.start_s, 1800, 4)
    assert air(Weather(file="air.csv"), grid, find=lambda _: path).tolist() == [4, 4, -2, -2]


@pytest.mark.parametrize(
    ("text", "where", "what", "mend"),
    [
        ("2026-01-01T00:00Z,283.15\n2026-01-01T01:00Z,284", "air.csv:2", "looks like kelvin", "10"),
        ("2026-01-01T00:00Z,75\n2026-01-01T01:00Z,1", "air.csv:2", "no temperature of air", "60"),
        ("2026-01-01T00:00Z,1", "air.csv:2", "no value from", "Add the missing rows"),
    ],
)
def test_a_file_that_is_none_is_a_finding(tmp_path, text, where, what, mend):
    path = tmp_path / "air.csv"
    path.write_text(f"time,value\n{text}\n")
    with pytest.raises(InputError) as error:
        air(Weather(file="air.csv"), TimeGrid(YEAR.start_s, 3600, 2), find=lambda _: path)
    told = error.value.findings[0]
    assert where == told.where
    assert what in told.what
    assert mend in told.mend


def test_a_kelvin_mean_is_a_finding_with_what_to_write():
    with pytest.raises(InputError) as error:
        air(Weather(kind="season", mean_c=283.15))
    (told,) = error.value.findings
    assert told.where == "x.toml:3 weather.mean_c"
    assert told.mend == "Write degrees Celsius: 10"


@pytest.mark.parametrize("weather", [Weather(), Weather(kind="season", file="air.csv")])
def test_no_way_or_two_ways_are_a_finding(weather):
    with pytest.raises(InputError, match="no temperature, or two ways"):
        air(weather)


def test_steps_of_any_length_tell_the_same_day():
    fine = season_c(Weather(kind="season"), 52.0, TimeGrid(YEAR.start_s, 300, 288), ZONE)
    coarse = season_c(Weather(kind="season"), 52.0, TimeGrid(YEAR.start_s, 3600, 24), ZONE)
    assert np.allclose(fine.reshape(24, 12).mean(axis=1), coarse, atol=0.02)
