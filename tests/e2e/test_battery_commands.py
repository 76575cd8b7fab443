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


def said(*args):
    done = gridtide(*args, cwd=None)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_models_are_listed_with_source_and_range():
    models = said("battery", "models", "--json")
    assert len(models) == 14
    for model in models:
        assert {"name", "chemistry", "source", "range", "has_resistance"} <= set(model)
    assert {m["name"] for m in models if m["has_resistance"]} == {"nmc_sanyo215", "lfp_sony3"}


def test_age_prints_one_document_with_a_value_a_year(tmp_path):
    rows = "".join(f"{hour},{0.9 if hour < 12 else 0.4},25\n" for hour in range(48))
    profile = tmp_path / "profile.csv"
    profile.write_text("hour,soc,temperature_c\n" + rows)
    by_file = said(
        "battery", "age", "--model", "nmc_b1_50", "--profile", profile, "--years", "3", "--json"
    )
    stored = said(
        "battery", "age", "--model", "lfp_sony3", "--soc", "0.5", "--temperature", "40",
        "--years", "3", "--json",
    )  # fmt: skip
    short = said("battery", "age", "--model", "lmo_xu", "--daily-cycle", "0.9", "0.4", "--json")
    for answer, years in ((by_file, 3), (stored, 3), (short, 10)):
        assert answer["years"] == list(range(years + 1))
        for key in ("q", "efc", "loss_calendar", "loss_cycle"):
            assert len(answer[key]) == years + 1
    assert by_file["r"] is None
    assert stored["r"][-1] > 1.0
    assert stored["efc"][-1] == 0.0
    assert by_file["outside_range"] == ["depth"]


def test_compare_and_efficiency_print_documents_and_draw(tmp_path):
    uses = said("battery", "compare", "--years", "2", "--json", "--picture", tmp_path / "u.svg")
    assert [use["use"] for use in uses["uses"]] == ["full", "smart", "v2g_shallow", "v2g_deep"]
    lost = said("battery", "efficiency", "--json", "--picture", tmp_path / "e.svg")
    shares = [row["round_trip_plug"] for row in lost["powers"]]
    assert shares == sorted(shares)
    for name in ("u.svg", "e.svg"):
        assert (tmp_path / name).read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("age", "--model", "lfp_25", "--soc", "0.5"), "Did you mean lfp_250"),
        (("age", "--model", "lfp_250", "--soc", "50"), "fractions"),
        (("age", "--model", "lfp_250", "--soc", "0.5", "--temperature", "298"), "298.15 K"),
        (("age", "--model", "lfp_250", "--soc", "0.5", "--years", "-1"), "years"),
        (("age", "--model", "lfp_250", "--soc", "0.5", "--years", "1e9"), "from 0 to 100"),
        (("age", "--model", "lfp_250"), "one of --profile"),
        (("age", "--model", "lfp_250", "--profile", "none.csv"), "cannot be read"),
        (("efficiency", "--chemistry", "lpf"), "lfp"),
        (("efficiency", "--capacity", "0"), "capacity"),
        (("efficiency", "--soc-min", "0.8", "--soc-max", "0.2"), "soc_m"),
        (("compare", "--capacity", "0"), "capacity"),
        (("compare", "--picture", "."), "ends in .svg or .png"),
        (("efficiency", "--picture", "x.gif"), "ends in .svg or .png"),
        (("age", "--model", "lfp_250", "--daily-cycle", "0.2", "0.9"), "MAX MIN"),
        (("compare", "--temperature", "293"), "293"),
    ],
)
def test_wrong_input_is_told_in_words(tmp_path, args, told):
    done = gridtide("battery", *args, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
