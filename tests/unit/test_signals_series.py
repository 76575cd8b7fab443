"""Series from files: strictness, gaps, repeated hours, weekday-and-hour mapping."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import gridtide.signals
from gridtide.core import InputError, TimeGrid, parse_utc
from gridtide.signals import (
    Series,
    acn_periods,
    local_times,
    map_by_weekday_hour,
    midnight_s,
    on_grid,
    period_prices,
    read_csv_series,
    read_ercot,
    read_sgip,
    read_sgip_forecast,
    utc_offsets,
)

OSLO = ZoneInfo("Europe/Oslo")
CHICAGO = ZoneInfo("America/Chicago")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
ERCOT = "Delivery Date,Hour Ending,Repeated Hour Flag,Settlement Point,Settlement Point Price\n"


def hourly(start_s: int, values) -> Series:
    n = len(values)
    return Series(
        source="x.csv",
        start_s=start_s + 3600 * np.arange(n, dtype=np.int64),
        value=np.asarray(values, dtype=float),
        step_s=3600,
        line=np.arange(2, n + 2),
    )


def test_the_list_of_public_names_is_exact_and_sorted():
    offered = gridtide.signals.__all__
    assert offered == sorted(offered)
    assert all(hasattr(gridtide.signals, name) for name in offered)


def test_local_calendar_over_a_25_hour_day():
    day = round(parse_utc("2019-10-26T22:00:00Z"))
    local = local_times(day + 3600 * np.arange(26), OSLO)
    assert local.second[:5].tolist() == [0, 3600, 7200, 7200, 10800]
    assert (local.date[24], local.date[25]) == (local.date[0], local.date[0] + 1)
    assert (local.weekday[0], local.month[0], local.day[0]) == (6, 10, 27)
    assert midnight_s(int(local.date[0]) + 1, OSLO) - midnight_s(int(local.date[0]), OSLO) == 90000
    assert utc_offsets([[0, day]], OSLO).tolist() == [[3600, 7200]]


def test_means_over_steps_and_gaps():
    series = hourly(0, [1.0, 3.0, np.nan, 5.0])
    values, findings = on_grid(series, TimeGrid(1800, 3600, 3))
    assert values[0] == 2.0 and np.isnan(values[1:]).all()
    assert [f.where for f in findings] == ["x.csv:3"]
    fine, findings = on_grid(series, TimeGrid(0, 900, 8))
    assert findings == [] and fine.tolist() == [1.0] * 4 + [3.0] * 4
    _, findings = on_grid(series, TimeGrid(-3600, 3600, 6))
    assert [f.what for f in findings] == [
        "no value from 1969-12-31T23:00Z to 1970-01-01T00:00Z (1 h)",
        "no value from 1970-01-01T02:00Z to 1970-01-01T03:00Z (1 h)",
        "no value from 1970-01-01T04:00Z to 1970-01-01T05:00Z (1 h)",
    ]
    empty, (finding,) = on_grid(hourly(0, []), TimeGrid(0, 900, 2))
    assert np.isnan(empty).all() and finding.what == "the series is empty"


def test_many_gaps_are_told_in_short():
    holes = np.where(np.arange(60) % 2, np.nan, 1.0)
    _, findings = on_grid(hourly(0, holes), TimeGrid(0, 3600, 60))
    assert len(findings) == 11 and findings[-1].what == "20 more gaps"


def test_a_strict_csv_names_every_broken_line(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(
        "time,value\n2021-06-01T00:00:00Z,1\n2021-06-01T01:00:00,2\n2021-06-01T00:00:00Z,3\n"
        "2021-06-01T03:00:00Z,nan\n2021-06-01T04:00:00Z\n\n2021-06-01T05:00:00Z,5\n"
    )
    with pytest.raises(InputError) as caught:
        read_csv_series(path)
    assert {f.where for f in caught.value.findings} == {f"p.csv:{n}" for n in (3, 4, 5, 6)}
    upside_down = "time,value\n" + "".join(f"2021-06-0{9 - k}T00:00:00Z,1\n" for k in range(8))
    for text, told in (
        ("a,b\n1,2\n", "no column time, value"),
        ("time,value\n", "no rows"),
        (upside_down, "p.csv:3: time does not increase, here and in 6 later rows"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=told):
            read_csv_series(path)
    (tmp_path / "p.csv.gz").write_bytes(b"\x1f\x8bbroken")
    with pytest.raises(InputError, match="cannot be read"):
        read_csv_series(tmp_path / "p.csv.gz")


def test_ercot_hours_end_and_one_is_repeated(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text(
        ERCOT + "11/07/2021,01:00,N,HB,10\n11/07/2021,02:00,N,HB,20\n11/07/2021,02:00,N,LZ,9\n"
        "11/07/2021,02:00,Y,HB,30\n11/07/2021,03:00,N,HB,40\n11/07/2021,24:00,N,HB,50\n"
    )
    series, zone = read_ercot(path, "HB")
    hours = (series.start_s - parse_utc("2021-11-07T05:00:00Z")) // 3600
    assert hours.tolist() == [0, 1, 2, 3, 24]
    assert series.value.tolist() == [10, 20, 30, 40, 50] and zone == CHICAGO
    with pytest.raises(InputError, match="Points of the file: HB, LZ"):
        read_ercot(path, "HB_NORTH")


def test_mapping_keeps_week_weekday_and_hour_and_repeats_the_repeated_hour():
    start = parse_utc("2021-01-01T06:00:00Z")
    series = hourly(start, np.arange(8760.0))
    grid = TimeGrid(parse_utc("2019-10-26T22:00:00Z"), 900, 100)  # Oslo, Sunday of ISO week 43
    values, note = map_by_weekday_hour(series, CHICAGO, grid, OSLO)
    midnight = round(values[0])
    source_s = start + 3600 * midnight
    local = local_times([source_s], CHICAGO)
    assert local.date[0] == local_times([parse_utc("2021-10-31T12:00:00Z")], CHICAGO).date[0]
    assert local.second[0] == 0
    steps = [0, 1, 2, 2, *range(3, 24)]
    assert values.tolist() == [midnight + h for h in steps for _ in range(4)]
    assert "illustrative" in note and "2021" in note and "neighbouring" not in note


def test_mapping_takes_a_neighbouring_week_where_the_hour_never_was():
    start = parse_utc("2021-01-01T06:00:00Z")
    series = hourly(start, np.arange(8759.0))
    spring = parse_utc("2019-03-10T01:30:00Z")  # week 10, Sunday, 02:30 in Oslo
    values, note = map_by_weekday_hour(series, CHICAGO, TimeGrid(spring, 900, 1), OSLO)
    assert values[0] == (parse_utc("2021-03-21T07:00:00Z") - start) / 3600
    assert "1 steps took the value of a neighbouring week" in note
    newyear = TimeGrid(parse_utc("2020-12-31T11:00:00Z"), 3600, 24)  # week 53
    values, _ = map_by_weekday_hour(series, CHICAGO, newyear, OSLO)
    assert np.isfinite(values).all()


def acn(folder, entries):
    path = folder / "t.json"
    path.write_text(json.dumps({"name": "t", "schedule": entries}))
    return path


def entry(name, mask, price, start="01-01", end="12-31", times=(0,)):
    return {
        "id": name,
        "effective_start": start,
        "effective_end": end,
        "dow_mask": mask,
        "times": list(times),
        "tariffs": [price] * len(times),
        "demand_charge": 9,
    }


def test_acn_entries_that_overlap(tmp_path):
    sunday, monday = (parse_utc(f"2019-07-{d}T20:00:00Z") for d in ("14", "15"))
    for entries, expected in (
        ([entry("a", "ALL", 1.0), entry("b", "WEEKENDS", 2.0)], [2.0, 1.0]),
        ([entry("S-Weekday", "ALL", 1.0), entry("S-Weekend", "ALL", 2.0)], [2.0, 1.0]),
        ([entry("a", "ALL", 1.0), entry("b", "ALL", 2.0)], [1.0, 1.0]),
    ):
        periods, demand, notes = acn_periods(acn(tmp_path, entries))
        seen = [
            period_prices(periods, TimeGrid(t, 900, 1), LOS_ANGELES, "t")[0][0]
            for t in (sunday, monday)
        ]
        assert seen == expected
        assert len(notes) == (2 if "Weekday" in entries[0]["id"] else 0)
        assert demand[0] == ("01-01", "12-31", 9.0)


def test_acn_findings(tmp_path):
    broken = [
        entry("a", "SOME", 1.0),
        entry("b", "ALL", 1.0, end="2-31"),
        entry("c", "ALL", 1.0, times=(8, 3)),
        {"id": "d"},
    ]
    with pytest.raises(InputError) as caught:
        acn_periods(acn(tmp_path, broken))
    assert [f.where for f in caught.value.findings] == [f"t.json schedule[{i}]" for i in range(4)]
    (tmp_path / "t.json").write_text("{")
    with pytest.raises(InputError, match="no JSON"):
        acn_periods(tmp_path / "t.json")
    with pytest.raises(InputError, match="no schedule"):
        acn_periods(acn(tmp_path, []))


def test_sgip_rates_and_forecasts(tmp_path):
    names = ",".join(f"f{k}" for k in range(1, 37))
    rows = [f"2019-07-01 00:{5 * i:02d}:00+00:00,0.{i}," + ",".join([str(i)] * 36) for i in (1, 2)]
    path = tmp_path / "s.csv"
    path.write_text(f"time,moer,{names}\n" + "\n".join(rows) + "\n")
    assert read_sgip(path).value.tolist() == [0.1, 0.2] and read_sgip(path).step_s == 300
    assert read_sgip_forecast(path).shape == (2, 36) and read_sgip_forecast(path)[1, 35] == 2.0
