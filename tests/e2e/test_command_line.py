"""The real command, as a user types it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRIDTIDE = [sys.executable, "-m", "gridtide"]
# As for most users: what is printed last is written when Python ends.
BUFFERED = {**os.environ, "PYTHONUNBUFFERED": ""}


def gridtide(*words, cwd, ok=True, **env):
    """Run the command; the result with its output as text."""
    done = subprocess.run(
        [*GRIDTIDE, *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
    )
    assert not ok or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One day of a small building, its scenario and its results."""
    folder = tmp_path_factory.mktemp("run")
    gridtide("new", "building", cwd=folder)
    path = folder / "building.toml"
    text = path.read_text().replace("days = 3", "days = 1").replace("count = 12", "count = 4")
    path.write_text(text)
    done = gridtide("run", path, "--out", folder / "out", "--json", "--csv", cwd=folder)
    return folder, path, json.loads(done.stdout)


def test_help_names_every_command(tmp_path):
    text = gridtide("--help", cwd=tmp_path).stdout
    for command in ("run", "check", "new", "schema", "plan", "bench", "battery"):
        assert command in text


def test_the_summary_has_the_promised_keys_for_every_strategy(small):
    _, _, summary = small
    keys = [
        "energy_in_kwh",
        "energy_out_kwh",
        "loss_kwh",
        "stored_change_kwh",
        "energy_cost",
        "demand_cost",
        "wear_cost",
        "carbon_kg",
        "net_cost",
        "peak_kw",
        "departures",
        "departures_met",
        "shortfall_kwh",
        "hard_violation_kw",
        "cpu_s",
    ]
    assert list(summary) == ["uncontrolled", "v1g", "v2g"]
    for figures in summary.values():
        assert set(keys) <= set(figures)
        assert figures["net_cost"] == pytest.approx(
            figures["energy_cost"]
            + figures["demand_cost"]
            + figures["fixed_cost"]
            + figures["wear_cost"]
            - figures["stored_value"]
        )
        assert figures["hard_violation_kw"] == 0
        assert figures["departures_met"] == figures["departures"]


def test_a_run_keeps_its_tables_its_input_and_a_report(small):
    folder, path, _ = small
    out = folder / "out"
    assert (out / "scenario.toml").read_text() == path.read_text()
    assert json.loads((out / "run.json").read_text())["partial"] is False
    assert "<svg" in (out / "report.html").read_text()
    for table in ("intervals", "site", "decisions", "sessions", "plans", "schedule", "statement"):
        assert (out / "v2g" / f"{table}.parquet").is_file()
        assert (out / "v2g" / f"{table}.csv").is_file()


def test_a_run_can_be_repeated_bit_for_bit(small):
    folder, path, summary = small
    again = gridtide("run", path, "--out", folder / "again", "--json", cwd=folder)
    for name, figures in json.loads(again.stdout).items():
        for key in figures.keys() - {"cpu_s"}:
            assert figures[key] == summary[name][key], key
    for table in ("intervals", "site", "decisions", "sessions", "schedule", "statement"):
        first, second = (
            (folder / out / "v2g" / f"{table}.parquet").read_bytes() for out in ("out", "again")
        )
        assert first == second, table


def test_statements_add_up_to_the_bill_to_the_last_nano(small):
    from gridtide.store import read_table

    folder, _, summary = small
    for name, figures in summary.items():
        lines = read_table(folder / "out" / name / "statement.parquet").to_pylist()

        def total(prefix, lines=lines):
            return sum(x["amount_nano"] for x in lines if x["account"].startswith(prefix))

        bill = total("site:")
        assert bill == total("building:") + total("vehicle:")
        assert total("driver:") + total("operator") == 0
        costs = figures["energy_cost"] + figures["demand_cost"] + figures["fixed_cost"]
        assert bill / 1e9 == pytest.approx(costs, abs=1e-9)


def test_intervals_hold_the_price_beside_the_energy(small):
    from gridtide.store import read_table

    folder, _, _ = small
    table = read_table(folder / "out" / "v2g" / "intervals.parquet").to_pydict()
    for took, gave, price, amount in zip(
        table["import_wh"],
        table["export_wh"],
        table["price_micro_per_kwh"],
        table["amount_nano"],
        strict=True,
    ):
        assert amount == (took - gave) * price


@pytest.mark.parametrize("archetype", ["home", "building", "depot", "campus", "hub", "city"])
def test_every_starting_file_is_in_order(archetype, tmp_path):
    gridtide("new", archetype, cwd=tmp_path)
    assert "nothing to mend" in gridtide("check", f"{archetype}.toml", cwd=tmp_path).stdout
    assert gridtide("new", archetype, cwd=tmp_path, ok=False).returncode == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("soc_floor = 0.35", "soc_floor = 35", ["building.toml:", "0.35"]),
        ("soc_floor", "soc_flor", ["unknown key soc_flor", "Did you mean soc_floor"]),
        ('below = "building"\nmax', 'below = "bilding"\nmax', ["no limit or site bilding"]),
        ('tariff = "time of use"', 'tariff = "night"', ["no tariff night", "time of use"]),
        ("import_kw = 120 ", "import_kw = 1 ", ["always below its base load"]),
        ('start = "2026-06-01"', 'start = "June"', ["start"]),
        ('timezone = "Europe/Berlin"', 'timezone = "Mars"', ["no time zone", "Europe/Oslo"]),
        ("version = 1", "version = 2", ["version"]),
        ("days = 3", "days = 3\ndays = 4", ["is not TOML", "line"]),
        ('source = "sample" ', 'source = "csv"\nfile = "no.csv" #', ["there is no file"]),
    ],
)
def test_wrong_input_is_told_with_place_and_mend_and_nothing_is_written(old, new, words, tmp_path):
    gridtide("new", "building", cwd=tmp_path)
    path = tmp_path / "building.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    done = gridtide("run", path, cwd=tmp_path, ok=False)
    assert done.returncode == 2
    for word in words:
        assert word in done.stderr
    assert not (tmp_path / "out").exists()


def test_all_findings_come_at_once(tmp_path):
    gridtide("new", "building", cwd=tmp_path)
    path = tmp_path / "building.toml"
    text = path.read_text().replace("soc_floor = 0.35", "soc_floor = 35")
    path.write_text(text.replace("count = 12", "count = 0").replace("seed = 1", "sed = 1"))
    done = gridtide("check", path, "--json", cwd=tmp_path, ok=False)
    found = json.loads(done.stdout)["findings"]
    assert len(found) >= 4
    assert all(f["where"] and f["what"] and f["mend"] for f in found)


def test_two_currencies_are_refused(tmp_path):
    gridtide("new", "home", cwd=tmp_path)
    path = tmp_path / "home.toml"
    more = '\n[[tariff]]\nname = "b"\ncurrency = "USD"\nimport_price_per_kwh = 0.1\n'
    path.write_text(path.read_text() + more + "export_price_per_kwh = 0.0\n")
    done = gridtide("check", path, cwd=tmp_path, ok=False)
    assert done.returncode == 2
    assert "one currency" in done.stderr


def test_ctrl_c_leaves_a_readable_partial_result_that_says_so(tmp_path):
    from gridtide.store import is_partial, read_table

    gridtide("new", "depot", cwd=tmp_path)
    path = tmp_path / "depot.toml"
    path.write_text(path.read_text().replace("days = 3", "days = 60"))
    with subprocess.Popen(
        [*GRIDTIDE, "run", str(path), "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        for line in running.stderr:
            if "running v1g" in line:
                break
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=120)
    assert running.returncode == 130
    assert json.loads((tmp_path / "out" / "run.json").read_text())["partial"] is True
    kept = tmp_path / "out" / "v1g" / "intervals.partial.parquet"
    assert is_partial(kept)
    assert read_table(kept).num_columns > 5
    assert "partial" in (tmp_path / "out" / "report.html").read_text().lower()


def test_ctrl_c_with_scaled_capacities_is_partial_too(tmp_path):
    gridtide("new", "hub", cwd=tmp_path)
    with subprocess.Popen(
        [*GRIDTIDE, "run", "hub.toml", "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        for line in running.stderr:
            if "running v1g, capacities" in line:
                break
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=120)
    assert running.returncode == 130
    assert json.loads((tmp_path / "out" / "run.json").read_text())["partial"] is True
    assert (tmp_path / "out" / "v2g" / "intervals.parquet").is_file()


def test_a_reader_that_has_gone_ends_the_command_quietly(small):
    folder, path, _ = small
    for words in (["schema"], ["check", str(path)], ["run", str(path), "--json", "--out", "gone"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [*GRIDTIDE, *words],
            cwd=folder,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=BUFFERED,
        )
        os.close(writer)
        assert done.returncode == 1
        assert "rror" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["schema"], ["--help"], ["bench", "list"]])
def test_output_to_a_full_disk_is_one_line(words, tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*GRIDTIDE, *words],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=BUFFERED,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


def test_json_holds_every_known_error_only_where_it_was_asked_for(small):
    folder, path, _ = small
    (folder / "file").write_text("")
    done = gridtide("run", path, "--json", "--out", "file", cwd=folder, ok=False)
    assert done.returncode == 1
    assert "StorageError" in json.loads(done.stdout)["error"]
    # Here --json is the name of a file, not the option.
    done = gridtide("check", "--", "--json", cwd=folder, ok=False)
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_full_disk_is_an_error_and_leaves_no_truncated_file(small):
    folder, path, _ = small
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "sys.argv = ['gridtide', 'run', sys.argv[1], '--out', sys.argv[2]];"
        "from gridtide.app.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(folder / "full")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    assert done.returncode == 1
    assert "StorageError" in done.stderr
    for left in (folder / "full").rglob("*.*"):
        if left.is_file():
            assert left.stat().st_size < 20000
    assert not (folder / "full" / "report.html").exists()


def test_the_documented_problem_is_solved(tmp_path):
    problem = {
        "version": 1,
        "start": "2021-08-02T00:00:00Z",
        "step_minutes": 15,
        "steps": 96,
        "price_import_per_kwh": [0.12],
        "price_export_per_kwh": [0.10],
        "billing": "site",
        "shortfall_price_per_kwh": 10.0,
        "limits": [
            {
                "name": "site",
                "import_kw": 150,
                "export_kw": 50,
                "base_load_kw": [20],
                "demand_charge_per_kw": 0.5,
                "members": ["ev1"],
            }
        ],
        "vehicles": [
            {
                "id": "ev1",
                "capacity_kwh": 60,
                "soc_arrival": 0.4,
                "soc_target": 0.8,
                "soc_min": 0.1,
                "soc_max": 1.0,
                "arrive_step": 0,
                "depart_step": 40,
                "max_charge_kw": 11,
                "max_discharge_kw": 11,
                "charge_efficiency": 0.93,
                "discharge_efficiency": 0.93,
                "wear_price_per_kwh": 0.03,
            }
        ],
    }
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(problem))
    answer = json.loads(gridtide("plan", path, "--json", cwd=tmp_path).stdout)
    # 24 kWh at 0.93 spread over 10 h beside 20 kW of base load, by hand:
    energy = 24 / 0.93
    assert answer["status"] == "optimal"
    assert answer["objective"] == pytest.approx(
        0.12 * (20 * 24 + energy) + 0.5 * (20 + energy / 10)
    )
    assert len(answer["schedule_kw"]["ev1"]) == 96
    assert answer["shortfall_kwh"] == {"ev1": pytest.approx(0, abs=1e-9)}
    problem["vehicles"][0]["soc_arrival"] = 40
    path.write_text(json.dumps(problem))
    done = gridtide("plan", path, "--json", cwd=tmp_path, ok=False)
    assert done.returncode == 2
    assert "soc_arrival" in done.stdout


def test_the_schemas_are_json(tmp_path):
    for what in ("scenario", "problem"):
        schema = json.loads(gridtide("schema", what, cwd=tmp_path).stdout)
        assert "$defs" in schema or "properties" in schema


def test_the_demo_scenario_is_in_order():
    assert "nothing to mend" in gridtide("check", "scenarios/campus.toml", cwd=ROOT).stdout


@pytest.mark.parametrize("name", ["plan.parquet", "plan.json"])
def test_a_plan_is_kept_and_verified(name, tmp_path):
    from gridtide.study.benchmarks.plan_site import problem

    path = tmp_path / "problem.json"
    path.write_text(json.dumps(problem(8, steps=24, seed=3)))
    done = gridtide("plan", path, "--solver", "highs", "--out", name, "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    done = gridtide("plan", "verify", name, path, "--json", cwd=tmp_path)
    verdict = json.loads(done.stdout)
    assert verdict["verdict"] == "verified"
    assert verdict["cost"] == pytest.approx(answer["objective"], rel=1e-9)
    assert verdict["lower_bound"] >= answer["lower_bound"] - 1e-7
    assert all(check["passed"] for check in verdict["checks"])
    path.write_text(json.dumps(problem(8, steps=24, seed=4)))
    done = gridtide("plan", "verify", name, path, cwd=tmp_path, ok=False)
    assert done.returncode == 1
    assert done.stdout.startswith("failed: ")


def test_plans_that_cannot_be_kept_or_read_give_findings(tmp_path):
    path = tmp_path / "problem.json"
    path.write_text("{}")
    for words in (("verify", "none.parquet", path), (path, "--out", "plan.csv")):
        done = gridtide("plan", *words, "--json", cwd=tmp_path, ok=False)
        assert done.returncode == 2
        assert json.loads(done.stdout)["findings"]


def test_help_of_plan_tells_both_commands(tmp_path):
    text = gridtide("plan", "--help", cwd=tmp_path).stdout
    assert "solve" in text
    assert "verify PLAN PROBLEM" in text
