"""`gridtide battery` and the table of a benchmark, as a user types them."""

import json
import subprocess
import sys

import pytest


def gridtide(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "gridtide", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def rows(jump):
    """A parked hour with a state of charge that jumps after half of it."""
    lines = ["time,soc,power_ac_kw,voltage_v"]
    for k in range(60):
        soc = 0.5 + (jump if k >= 30 else 0.0)
        lines.append(f"2026-06-01T18:{k:02}:00Z,{soc},0.0,{352.4 + 0.1 * (k % 3)}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("jump", "standing"), [(0.0, "ok"), (0.1, "in doubt")])
def test_doubt_prints_verdict_and_evidence(tmp_path, jump, standing):
    (tmp_path / "ev.csv").write_text(rows(jump))
    words = ("battery", "doubt", "ev.csv", "--capacity", 60, "--chemistry", "nmc", "--cells", 96)
    done = gridtide(*words, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["standing"] == standing
    assert answer["may_discharge"] is (standing == "ok")
    assert answer["samples"] == 60
    assert "circuit_residual" in answer["checked"]
    assert "temperature_rate" in answer["not_checked"]
    text = gridtide(*words, cwd=tmp_path).stdout
    assert text.startswith(standing)
    assert "not checked, for want of data: " in text
    if jump:
        assert answer["evidence"][0]["since"] == "2026-06-01T18:30:00+00:00"
        assert {"soc_rate", "energy_against_soc"} <= {e["check"] for e in answer["evidence"]}
        assert all(e["sentence"] in text for e in answer["evidence"])
        assert "does not discharge until cleared" in text


def test_a_file_of_kelvin_and_percent_and_an_unknown_chemistry_are_findings(tmp_path):
    (tmp_path / "ev.csv").write_text("time,soc,temperature_c\n2026-06-01T18:00Z,50,293\n")
    words = ("battery", "doubt", "ev.csv", "--capacity", 60, "--chemistry", "tin")
    done = gridtide(*words, "--json", cwd=tmp_path)
    assert done.returncode == 2
    told = json.loads(done.stdout)["findings"]
    assert [f["where"] for f in told] == ["--chemistry", "ev.csv:2 soc", "ev.csv:2 temperature_c"]


def test_a_capacity_of_nothing_is_refused(tmp_path):
    done = gridtide("battery", "doubt", "ev.csv", "--capacity", 0, cwd=tmp_path)
    assert done.returncode == 2
    assert "capacity" in done.stderr


def test_a_benchmark_with_a_table_prints_it(tmp_path):
    text = gridtide("bench", "plausibility", "--size", 2, cwd=tmp_path).stdout
    lines = text.splitlines()
    head = next(k for k, line in enumerate(lines) if line.startswith("attack"))
    assert lines[head + 1].startswith("SOC bias")
    assert lines[head].index("magnitude") == lines[head + 1].index("0.01")
