"""Telemetry from a file: what no pack can have is a finding, all at once."""

import numpy as np
import pytest

from gridtide.battery import read_telemetry_csv
from gridtide.core import InputError

GOOD = """time,soc,voltage_v,temperature_c
2026-06-01T18:00:00Z,0.50,352.1,21
2026-06-01T20:01:00+02:00,0.51,,21.5
"""


def written(tmp_path, text):
    path = tmp_path / "ev.csv"
    path.write_text(text, encoding="utf-8")
    return path


def findings(tmp_path, text):
    with pytest.raises(InputError) as told:
        read_telemetry_csv(written(tmp_path, text))
    return [str(f).replace(str(tmp_path), "") for f in told.value.findings]


def test_a_good_file(tmp_path):
    read = read_telemetry_csv(written(tmp_path, GOOD))
    assert read.time_s.shape == (1, 2)
    assert np.diff(read.time_s).tolist() == [[60.0]]
    assert read.soc.tolist() == [[0.5, 0.51]]
    assert np.isnan(read.voltage_v[0, 1])
    assert np.isnan(read.current_a).all()
    assert read.session.tolist() == [[0, 0]]


def test_percent_kelvin_and_unsorted_times_are_told_at_once(tmp_path):
    text = """time,soc,temperature_c,ambient_c
2026-06-01T18:00:00Z,50,294.15,21
2026-06-01T17:59:00Z,51,294.15,290
2026-06-01T17:58:00Z,-1,294.15,290
"""
    told = findings(tmp_path, text)
    assert [line.split(":")[1] for line in told] == [
        "3 time",
        "2 soc",
        "2 temperature_c",
        "3 ambient_c",
    ]
    assert "write 0.5" in told[1]
    assert "write 21, if this is kelvin" in told[2]


def test_one_finding_for_each_kind_and_column(tmp_path):
    rows = "".join(f"2026-06-01T18:{m:02}:00Z,{m}\n" for m in range(2, 40))
    assert len(findings(tmp_path, "time,soc\n" + rows)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the column time is missing"),
        ("time,soc\n", "there are no samples"),
        ("time,SOC\n2026-06-01T18:00Z,0.5\n", "no such column"),
        ("time,socs\n2026-06-01T18:00Z,0.5\n", "Did you mean soc?"),
        ("time,soc,soc\n2026-06-01T18:00Z,0.5,0.5\n", "stands there twice"),
        ("time,soc\n2026-06-01T18:00,0.5\n", "is no instant"),
        ("time,soc\n2026-06-01T18:00Z,half\n", "'half' is no number"),
        ("time,soc\n2026-06-01T18:00Z,nan\n", "'nan' is no number"),
        ("time,soc\n2026-06-01T18:00Z\n", "1 cells for 2 columns"),
        ("time,soc\n2026-06-01T18:00Z,0.5\n2026-06-01T18:00Z,0.5\n", "is not later"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, words):
    assert any(words in line for line in findings(tmp_path, text))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_telemetry_csv(tmp_path / "none.csv")
    (tmp_path / "ev.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_telemetry_csv(tmp_path / "ev.csv")
