"""The plain session file is strict: every doubt, at once, with file and line."""

# ruff: noqa: E501 - a row of a file stands on one line

import math

import pytest

from gridtide.core import InputError, parse_utc
from gridtide.fleet import read_sessions_csv

HEADER = "session,vehicle,charger,arrival,departure,stated_departure,energy_kwh,arrival_soc,target_soc,capacity_kwh,trip_kwh"
ROW = "s1,van,dock,2026-06-02T17:00:00+02:00,2026-06-03T06:00:00+02:00,2026-06-03T07:00:00+02:00,20,,,60,"


def write(tmp_path, *lines):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def findings(path):
    with pytest.raises(InputError) as caught:
        read_sessions_csv(path)
    return [(f.where, f.what, f.mend) for f in caught.value.findings]


def test_a_good_file(tmp_path):
    soc = "s2,car,wall,2026-06-02T18:00Z,2026-06-03T06:00Z,,,0.4,0.8,,"
    silent = "s3,bus,pole,2026-06-02T19:00Z,2026-06-03T06:00Z,,,,,,12.5"
    raw = read_sessions_csv(write(tmp_path, HEADER, soc, ROW, "", silent))
    assert raw.session_ids == ("s1", "s2", "s3")
    assert raw.arrival_s[0] == parse_utc("2026-06-02T15:00Z")
    assert raw.requested_kwh[0] == 20
    assert raw.capacity_kwh[0] == 60
    assert (raw.arrival_soc[1], raw.target_soc[1]) == (0.4, 0.8)
    assert raw.need_known.tolist() == [True, True, False]
    assert math.isnan(raw.stated_departure_s[1])
    assert raw.trip_kwh[2] == 12.5


def test_columns_in_any_order_and_only_those_needed(tmp_path):
    path = write(
        tmp_path,
        "departure,arrival,charger,vehicle,session",
        "2026-06-03T06:00Z,2026-06-02T18:00Z,c,v,s",
    )
    raw = read_sessions_csv(path)
    assert (raw.session_ids, raw.vehicle_ids, raw.charger_ids) == (("s",), ("v",), ("c",))
    assert not raw.need_known[0]


def with_cell(column, value):
    cells = ROW.split(",")
    cells[HEADER.split(",").index(column)] = value
    return ",".join(cells)


@pytest.mark.parametrize(
    ("column", "value", "what", "mend"),
    [
        ("arrival", "2026-06-02T17:00:00", "no offset", "2026-06-02T08:15:00-07:00"),
        ("arrival", "yesterday", "is no time", "2026-06-02T08:15:00-07:00"),
        ("departure", "2026-06-02T16:00:00+02:00", "not after arrival", "later than its arrival"),
        ("stated_departure", "2026-06-02T16:00:00+02:00", "not after arrival", "empty"),
        ("energy_kwh", "-3", "'-3' is not allowed", "positive number"),
        ("energy_kwh", "20,5 kWh", "", ""),
        ("capacity_kwh", "nan", "'nan' is not allowed", "positive number"),
        ("arrival_soc", "80", "'80' is not allowed", "write 0.8"),
        ("target_soc", "0.8", "energy and target are both given", "Keep the one"),
        ("session", "", "is empty", "Name the session"),
        ("trip_kwh", "-1", "'-1' is not allowed", "positive number"),
    ],
)
def test_each_bad_cell_is_named_with_its_line(tmp_path, column, value, what, mend):
    (where, said, told), *_ = findings(write(tmp_path, HEADER, ROW, with_cell(column, value)))
    assert where.startswith("mine.csv:3")
    assert what in said
    assert mend in told


@pytest.mark.parametrize(
    ("soc", "target", "energy", "what"),
    [
        ("", "0.8", "", "is missing where target_soc is given"),
        ("0.9", "0.8", "", "0.8 is below arrival_soc 0.9"),
        ("0.5", "", "", "without anything asked for"),
    ],
)
def test_need_that_does_not_add_up(tmp_path, soc, target, energy, what):
    row = f"s,v,c,2026-06-02T17:00Z,2026-06-03T06:00Z,,{energy},{soc},{target},,"
    assert what in findings(write(tmp_path, HEADER, row))[0][1]


def test_all_doubts_at_once_in_order_of_lines(tmp_path):
    path = write(
        tmp_path,
        HEADER,
        ROW,
        "s2,van,wall,2026-06-02T20:00+02:00,2026-06-02T21:00+02:00,,5,,,60,",
        "s3,car,dock,2026-06-02T22:00+02:00,2026-06-02T23:00+02:00,,5,,,,",
        "s1,van,wall,2026-06-04T20:00+02:00,2026-06-04T21:00+02:00,,5,,,75,",
    )
    told = findings(path)
    assert [where for where, _, _ in told] == [
        "mine.csv:3 vehicle", "mine.csv:4 charger", "mine.csv:5 session", "mine.csv:5 capacity_kwh",
    ]  # fmt: skip
    assert "still in the session of line 2" in told[0][1]
    assert "already in line 2" in told[2][1]


def test_a_session_inside_a_long_one_does_not_hide_the_next(tmp_path):
    rows = [
        "a,v,c,2026-06-02T08:00Z,2026-06-02T20:00Z,,5,,,,",
        "b,v,c2,2026-06-02T09:00Z,2026-06-02T10:00Z,,5,,,,",
        "d,v,c3,2026-06-02T11:00Z,2026-06-02T12:00Z,,5,,,,",
    ]
    assert [w for w, _, _ in findings(write(tmp_path, HEADER, *rows))] == [
        "mine.csv:3 vehicle",
        "mine.csv:4 vehicle",
    ]


def test_header_doubts(tmp_path):
    told = findings(write(tmp_path, "session,vehicle,arrival,departure,depature,arrival,colour"))
    said = " ".join(what + mend for _, what, mend in told)
    assert all(where == "mine.csv:1" for where, _, _ in told)
    assert "Did you mean departure?" in said
    assert "Known columns: session" in said
    assert "column arrival is there twice" in said
    assert "column charger is missing" in said


def test_empty_files_and_empty_windows(tmp_path):
    assert "empty" in findings(write(tmp_path, ""))[0][1]
    assert "no rows" in findings(write(tmp_path, HEADER))[0][1]
    with pytest.raises(InputError, match="the file has 2026-06-02 to 2026-06-02"):
        read_sessions_csv(write(tmp_path, HEADER, ROW), start_s=0, end_s=5)


def test_an_overlap_outside_the_window_is_still_told(tmp_path):
    rows = [ROW, ROW.replace("s1", "s2")]
    with pytest.raises(InputError, match=r"mine\.csv:3 vehicle"):
        read_sessions_csv(write(tmp_path, HEADER, *rows), start_s=0, end_s=5)
