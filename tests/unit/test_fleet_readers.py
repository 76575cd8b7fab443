"""Readers of published session files, on invented rows: what is kept, dropped and why."""
# ruff: noqa: E501 - a row of a file stands on one line

import gzip
import math

import numpy as np
import pytest

from gridtide.core import InputError, parse_utc
from gridtide.fleet import read_acn, read_trondheim

ACN = (
    "arrival,departure,requested_energy (kWh),delivered_energy (kWh),station_id,session_id,"
    "estimated_departure,claimed\n"
)
ALL = {"start_s": 0, "end_s": 2**33}


def acn(tmp_path, *rows, name="acn.csv"):
    path = tmp_path / name
    text = ACN + "\n".join(rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return path


GOOD = (
    "2019-07-01 08:00:00-07:00,2019-07-01 17:00:00-07:00,12,9,A,s1,2019-07-01 16:00:00-07:00,True"
)


def test_claimed_row_keeps_what_was_stated(tmp_path):
    raw = read_acn(acn(tmp_path, GOOD, name="acn.csv.gz"), **ALL)
    assert (raw.session_ids, raw.vehicle_ids, raw.charger_ids) == (("s1",), ("s1",), ("A",))
    assert raw.arrival_s[0] == parse_utc("2019-07-01T15:00:00Z")
    assert raw.stated_departure_s[0] == parse_utc("2019-07-01T23:00:00Z")
    assert (raw.requested_kwh[0], raw.delivered_kwh[0], raw.need_known[0]) == (12, 9, True)
    assert raw.dropped == {}


def test_unclaimed_row_states_nothing_though_it_repeats_the_departure(tmp_path):
    row = "2019-07-01 08:00:00-07:00,2019-07-01 09:00:00-07:00,3,3,A,s1,2019-07-01 09:00:00-07:00,False"
    raw = read_acn(acn(tmp_path, row), **ALL)
    assert math.isnan(raw.stated_departure_s[0])
    assert not raw.need_known[0]
    assert raw.requested_kwh[0] == 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nonsense,2019-07-01 17:00:00-07:00,1,1,B,x,,True", "arrival missing or unreadable"),
        ("2019-07-01 08:00:00,2019-07-01 17:00:00-07:00,1,1,B,x,,True", "arrival missing or unreadable"),
        ("2019-07-01 08:00:00-07:00,,1,1,B,x,,True", "departure missing or unreadable"),
        ("2019-07-01 08:00:00-07:00,2019-07-01 08:00:00-07:00,1,1,B,x,,True", "departure not after arrival"),
        ("2019-07-01 08:00:00-07:00,2019-07-01 09:00:00-07:00,1,,B,x,,True", "energy missing or unreadable"),
        ("2019-07-01 08:00:00-07:00,2019-07-01 09:00:00-07:00,0,1,B,x,,True", "energy not positive"),
        ("2019-07-01 08:00:00-07:00,2019-07-01 09:00:00-07:00,99,99,B,x,,True", "mean power above 60 kW"),
        ("2019-07-01 08:00:00-07:00,2019-07-01 09:00:00-07:00,1,1,,x,,True", "station or session id missing"),
        ("2019-07-01 08:00:00-07:00,2019-07-01 09:00:00-07:00,1,1,B,x,,maybe", "claimed is neither True nor False"),
        ("2019-07-01 08:00:00-07:00,2019-07-01 09:00:00-07:00,1", "row is cut short"),
        ("2019-07-01 16:59:00-07:00,2019-07-01 18:00:00-07:00,1,1,A,x,2019-07-01 18:00:00-07:00,True", "overlaps another session of its station"),
        (GOOD.replace(",A,", ",B,"), "session told twice"),
    ],
)  # fmt: skip
def test_unusable_acn_rows_are_dropped_and_counted(tmp_path, row, reason):
    raw = read_acn(acn(tmp_path, GOOD, row), **ALL)
    assert raw.session_ids == ("s1",)
    assert raw.dropped == {reason: 1}


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("2019-07-01 08:00:00-07:00", "stated departure not after arrival, taken as not stated"),
        ("soon", "stated departure unreadable, taken as not stated"),
    ],
)
def test_a_stated_departure_that_cannot_be_is_not_stated(tmp_path, text, remark):
    raw = read_acn(acn(tmp_path, GOOD.replace("2019-07-01 16:00:00-07:00", text)), **ALL)
    assert math.isnan(raw.stated_departure_s[0])
    assert raw.need_known[0]
    assert raw.dropped == {remark: 1}


def test_the_window_is_half_open_and_counts_only_its_own_rows(tmp_path):
    bad = "2019-07-03 08:00:00-07:00,,1,1,B,x,,True"
    path = acn(tmp_path, GOOD, GOOD.replace("07-01", "07-02").replace("s1", "s2"), bad)
    at = parse_utc("2019-07-01T15:00:00Z")
    raw = read_acn(path, start_s=at, end_s=at + 86400)
    assert raw.session_ids == ("s1",)
    assert raw.dropped == {}


def test_files_that_are_no_such_data_set_are_findings(tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_text("\n")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"no gzip")
    for path, text in (
        (empty, "the session file is empty"),
        (other, "no column station_id"),
        (broken, "cannot be read"),
        (tmp_path / "none.csv", "cannot be read"),
    ):
        with pytest.raises(InputError, match=text):
            read_acn(path, **ALL)
    with pytest.raises(InputError, match="no usable session arrives from 1970-01-01"):
        read_acn(acn(tmp_path, GOOD), start_s=0, end_s=1)


TRONDHEIM = (
    "session_ID;Garage_ID;User_ID;User_type;Start_plugin;End_plugout;El_kWh;Duration_hours\n"
)


def trondheim(tmp_path, *rows):
    path = tmp_path / "t.csv"
    path.write_text(TRONDHEIM + "\n".join(rows) + "\n", encoding="utf-8-sig")
    return path


def stay(start, end, hours="", session="1", user="G-1", energy="7,5", garage="G"):
    return f"{session};{garage};{user};Private;{start};{end};{energy};{hours}"


USUAL = stay("01.10.2019 17:00", "02.10.2019 07:30", "14,5")


def test_trondheim_row_is_local_time_with_decimal_comma(tmp_path):
    raw = read_trondheim(trondheim(tmp_path, USUAL), **ALL)
    assert raw.arrival_s[0] == parse_utc("2019-10-01T17:00+02:00")
    assert raw.departure_s[0] == parse_utc("2019-10-02T07:30+02:00")
    assert (raw.vehicle_ids, raw.charger_ids) == (("G-1",), ("G-1",))
    assert raw.requested_kwh[0] == 7.5
    assert math.isnan(raw.stated_departure_s[0])
    assert not raw.need_known[0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (stay("03.10.2019 17:00", "", session="2"), "departure missing or unreadable"),
        (stay("03.10.2019 17:00", "03.10.2019 17:00", "0,01", session="2"), "stay of zero minutes"),
        (stay("03.10.2019 17:00", "03.10.2019 16:00", session="2"), "departure before arrival"),
        (stay("03.10.2019 17:00", "03.10.2019 19:00", "4", session="2"), "duration disagrees with the times"),
        (stay("03.10.2019 17:00", "03.10.2019 19:00", session="2", energy="x"), "energy missing, unreadable or not positive"),
        (stay("03.10.2019 17:00", "03.10.2019 19:00", session=""), "session or user id missing"),
        (stay("2019-10-03", "03.10.2019 19:00", session="2"), "arrival missing or unreadable"),
        (stay("02.10.2019 07:00", "02.10.2019 09:00", session="2"), "overlaps another session of its user"),
        ("2;G;G-2;Private;03.10.2019 17:00", "row is cut short"),
    ],
)  # fmt: skip
def test_unusable_trondheim_rows_are_dropped_and_counted(tmp_path, row, reason):
    raw = read_trondheim(trondheim(tmp_path, USUAL, row), **ALL)
    assert raw.session_ids == ("1",)
    assert raw.dropped == {reason: 1}


@pytest.mark.parametrize(
    ("start", "end", "hours", "elapsed"),
    [
        ("26.10.2019 18:00", "27.10.2019 08:00", "15", 15.0),  # the night of 25 hours
        ("27.10.2019 02:30", "27.10.2019 04:00", "2,5", 2.5),  # first 02:30
        ("27.10.2019 02:30", "27.10.2019 04:00", "1,5", 1.5),  # second 02:30
        ("27.10.2019 02:30", "27.10.2019 04:00", "", 2.5),  # nothing said: the first
        ("27.10.2019 02:40", "27.10.2019 02:20", "0,6667", 2 / 3),  # first 02:40, second 02:20
        ("30.03.2019 18:00", "31.03.2019 08:00", "13", 13.0),  # the night of 23 hours
        ("30.03.2019 18:00", "31.03.2019 08:00", "14", 13.0),  # wall clocks were subtracted
    ],
)
def test_clock_changes(tmp_path, start, end, hours, elapsed):
    raw = read_trondheim(trondheim(tmp_path, stay(start, end, hours)), **ALL)
    assert (raw.departure_s - raw.arrival_s)[0] == pytest.approx(elapsed * 3600)


def test_one_garage(tmp_path):
    path = trondheim(
        tmp_path, USUAL, stay("01.10.2019 18:00", "01.10.2019 19:00", "1", "2", "H-1", garage="H")
    )
    assert read_trondheim(path, garage="H", **ALL).session_ids == ("2",)
    assert len(read_trondheim(path, **ALL)) == 2
    with pytest.raises(InputError, match="no usable session"):
        read_trondheim(path, garage="none", **ALL)
    assert np.all(np.diff(read_trondheim(path, **ALL).arrival_s) >= 0)
