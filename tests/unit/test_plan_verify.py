"""Plans written, read back and verified; and what the verification does not let pass."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gridtide.core import InputError
from gridtide.plan import (
    Problem,
    plan_files,
    read_plan,
    read_problem,
    solve,
    verify_plan,
    write_plan,
)
from gridtide.plan.verify import _claims, _stays

_path = Path(__file__).parents[1] / "reference" / "plan_draws.py"
_spec = importlib.util.spec_from_file_location("plan_draws", _path)
draws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draws)

KINDS = (
    "plain", "plug", "tree", "sun", "taper", "value", "phases", "negative", "crossed", "standby",
)  # fmt: skip


def kept(folder, plan, problem, suffix=".parquet"):
    return read_plan(write_plan(folder / f"plan{suffix}", plan, problem))


def failed(verdict):
    return [check.name for check in verdict.checks if check.passed is False]


def check_plan(folder, plan, problem):
    """Verify a plan and return how far its claimed bound is above the one proven."""
    verdict = verify_plan(kept(folder, plan, problem), problem)
    assert failed(verdict) == [], [c.said for c in verdict.checks if c.passed is False]
    assert verdict.cost == pytest.approx(plan.objective, rel=1e-9, abs=1e-9)
    assert verdict.lower_bound <= verdict.cost + 1e-9 * max(1, abs(verdict.cost))
    return (plan.lower_bound - verdict.lower_bound) / max(1, abs(plan.lower_bound))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(300, 308))
def test_plans_are_verified_and_linear_bounds_proven(kind, seed, tmp_path):
    problem = read_problem(draws.draw_problem(seed, kind=kind))
    plan = solve(problem)
    above = check_plan(tmp_path, plan, problem)
    if plan.bound_by in ("duality", "linear program"):
        assert above <= 1e-7


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "standby"])
@pytest.mark.parametrize("seed", range(400, 404))
def test_plans_with_wear_are_verified(kind, seed, tmp_path):
    problem = read_problem(draws.draw_worn(seed, kind=kind))
    plan = solve(problem)
    above = check_plan(tmp_path, plan, problem)
    assert above <= 1e-7 or plan.bound_by in ("segments", "branch and bound")


@pytest.mark.parametrize("kind", ["plain", "tree", "value", "phases"])
@pytest.mark.parametrize("promise", ["priced", "first"])
@pytest.mark.parametrize("seed", range(500, 504))
def test_best_efforts_are_verified(kind, promise, seed, tmp_path):
    document = draws.draw_problem(seed, kind=kind)
    r = np.random.default_rng(seed)
    for vehicle in document["vehicles"]:
        vehicle |= {"soc_min": r.uniform(0, 0.4), "soc_arrival": r.uniform(0, 1)}
    for limit in document["limits"]:
        limit["import_kw"] = float(r.uniform(0, 10))
    problem = read_problem(document | {"promise": promise})
    check_plan(tmp_path, solve(problem), problem)


@pytest.mark.parametrize("seed", range(600, 606))
def test_a_promise_that_can_be_kept_is_proven_to_come_first(seed, tmp_path):
    document = draws.draw_problem(seed, kind="plain")
    document |= {"promise": "first", "shortfall_price_per_kwh": 0.01}
    problem = read_problem(document)
    plan = solve(problem)
    above = check_plan(tmp_path, plan, problem)
    assert above <= 1e-5 or plan.bound_by == "order of wishes"


def test_what_only_arrays_can_say_is_verified(tmp_path):
    problem = two_feeders()
    plan = solve(problem)
    assert plan.bound_by == "duality"
    assert check_plan(tmp_path, plan, problem) <= 1e-7


def test_relaxed_standby_and_a_linear_price_of_wear_are_verified_as_such(tmp_path):
    problem = read_problem(draws.draw_problem(7, kind="standby"))
    plan = solve(problem, relax_standby=True)
    assert plan.standby_chord
    assert check_plan(tmp_path, plan, problem) <= 1e-7
    checks = verify_plan(kept(tmp_path, plan, problem), problem).checks
    assert [check.name for check in checks if check.passed is None] == ["model"]
    worn = (read_problem(draws.draw_worn(seed, kind="plain")) for seed in range(9))
    problem = next(p for p in worn if p.wear_depth_price_per_kwh is not None)
    plan = solve(problem, wear="linear")
    assert plan.linear_wear_per_kwh is not None
    assert check_plan(tmp_path, plan, problem) <= 1e-7


def two_feeders():
    r = np.random.default_rng(5)
    n, steps = 12, 16
    arrive = r.integers(0, 6, n)
    price = r.uniform(0.05, 0.4, (2, steps))
    held, room = np.full((3, steps), -np.inf), np.full((3, steps), np.inf)
    held[0, 6:8], room[2, 9] = (240.0, 330.0), 60.0
    return Problem(
        ids=tuple(f"v{i}" for i in range(n)),
        step_h=r.uniform(0.25, 1.0, steps),
        arrive=arrive,
        depart=arrive + r.integers(0, steps, n),
        arrival_kwh=r.uniform(10, 20, n),
        target_kwh=r.uniform(15, 35, n),
        min_kwh=np.full(n, 4.0),
        max_kwh=np.full(n, 40.0),
        max_charge_kw=np.full(n, 11.0),
        max_discharge_kw=np.where(np.arange(n) % 3, 7.0, 0.0),
        charge_efficiency=np.full(n, 0.9),
        discharge_efficiency=np.full(n, 0.95),
        wear_price_per_kwh=np.full(n, 0.02),
        limit=1 + np.arange(n) % 2,
        limit_names=("region", "a", "b"),
        limit_parent=np.array([-1, 0, 0]),
        import_kw=np.array([[50.0], [40.0], [32.0]]) * np.ones(steps),
        export_kw=np.array([[np.inf], [10.0], [5.0]]) * np.ones(steps),
        base_load_kw=r.uniform(0, 12, (3, steps)) * np.array([[0.0], [1.0], [1.0]]),
        demand_charge_per_kw=np.array([[0.2, 0.3], [0.0, 0.5], [0.4, 0.0]]),
        demand_period=(np.arange(steps) >= 8).astype(np.int64),
        demand_peak_so_far_kw=np.array([[3.0, 30.0], [0.0, 0.0], [5.0, 0.0]]),
        meters=np.array([1, 2]),
        price_import_per_kwh=price,
        price_export_per_kwh=price - 0.03,
        shortfall_price_per_kwh=5.0,
        horizon_floor_kwh=np.full(n, 22.0),
        carbon_kg_per_kwh=r.uniform(0, 0.5, steps),
        carbon_price_per_kg=0.1,
        stored_least_kwh=held,
        stored_most_kwh=room,
        stored_price_per_kwh_h=0.5,
    )


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_a_plan_reads_back_as_it_was_written(suffix, precision, tmp_path):
    problem = replace(two_feeders(), phase_kw=np.full((3, 3), 30.0))
    plan = solve(problem)
    proof = replace(plan.certificate, stored_value=plan.certificate.stored_value.astype(precision))
    power, plugged = (a.astype(precision) for a in (plan.power_kw, plan.plugged_kw))
    schedule = replace(plan.schedule, power_kw=power, plugged_kw=plugged)
    plan = replace(plan, schedule=schedule, certificate=proof)
    back = kept(tmp_path, plan, problem, suffix)
    (rows,) = back.batches()
    assert np.array_equal(rows.power_kw, plan.power_kw[rows.stay, rows.step].astype(float))
    assert np.array_equal(rows.stored_value, proof.stored_value.astype(float))
    assert np.array_equal(back.prices.limit_price, proof.limit_price)
    assert np.array_equal(back.prices.peak_price, proof.peak_price)
    assert np.array_equal(back.prices.phase_price, proof.phase_price)
    assert back.head.precision == np.dtype(precision).name
    assert back.head.claims.objective == plan.objective
    away = np.ones(plan.power_kw.shape, dtype=bool)
    away[rows.stay, rows.step] = False
    assert not plan.power_kw[away].any()


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_many_small_parts_give_the_same(suffix, tmp_path, monkeypatch):
    problem = two_feeders()
    plan = solve(problem)
    whole = verify_plan(kept(tmp_path, plan, problem, suffix), problem)
    monkeypatch.setattr(plan_files, "ROW_GROUP_PAIRS", 7)
    monkeypatch.setattr(_stays, "MOST_PLACES", 33)
    parts = verify_plan(kept(tmp_path, plan, problem, suffix), problem)
    assert parts.verified
    assert parts.cost == pytest.approx(whole.cost, rel=1e-12)
    assert parts.lower_bound == pytest.approx(whole.lower_bound, rel=1e-12)
    if suffix == ".parquet":
        assert pq.ParquetFile(tmp_path / "plan.parquet").num_row_groups > 3


# ---- tampering -------------------------------------------------------------------------------


def _step_at_limit(document, problem, limit=2):
    power = np.zeros(problem.steps)
    rows = document["rows"]
    for stay, step, kw in zip(rows["stay"], rows["step"], rows["power_kw"], strict=True):
        power[step] += kw * (problem.limit[stay] == limit)
    return int(np.argmax(power + problem.base_load_kw[limit]))


def more_power(document, problem):
    document["rows"]["power_kw"][3] += 0.5


def no_power(document, problem):
    document["rows"]["power_kw"] = [0.0] * len(document["rows"]["power_kw"])


def too_much_power(document, problem):
    document["rows"]["power_kw"][0] = 50.0


def power_moved_to_a_full_feeder(document, problem):
    step = _step_at_limit(document, problem)
    rows = document["rows"]
    for k, (stay, at) in enumerate(zip(rows["stay"], rows["step"], strict=True)):
        if at == step and problem.limit[stay] == 2:
            rows["power_kw"][k] = 11.0


def a_price_raised(document, problem):
    for row in document["prices"]["limit_price"]:
        row[:] = [price + 0.05 for price in row]


def prices_and_bound_raised(document, problem):
    a_price_raised(document, problem)
    document["head"]["claims"]["lower_bound"] += 0.01
    document["head"]["claims"]["gap"] = 0.0


def bound_raised(document, problem):
    claims = document["head"]["claims"]
    claims["lower_bound"] += 1e-3
    claims["gap"] = (claims["objective"] - claims["lower_bound"]) / max(1, abs(claims["objective"]))


def bound_raised_for_a_reason_that_is_none(document, problem):
    bound_raised(document, problem)
    document["head"]["claims"]["bound_by"] = "segments"


def prices_beyond_all_measure(document, problem):
    document["prices"]["limit_price"] = [[1e308] * problem.steps] * 3


def peak_price_beyond_the_rate(document, problem):
    document["prices"]["peak_price"][1][9] += 3.0


def stored_value_changed(document, problem):
    document["rows"]["stored_value"][4] += 0.5


def cost_lowered(document, problem):
    document["head"]["claims"]["objective"] -= 1e-3


def gap_lowered(document, problem):
    document["head"]["claims"]["gap"] = -1.0


def a_row_dropped(document, problem):
    for column in document["rows"].values():
        del column[5]


def last_row_dropped(document, problem):
    for column in document["rows"].values():
        column.pop()


def a_row_outside_the_stay(document, problem):
    rows = document["rows"]
    for name, value in (("stay", 0), ("step", int(problem.depart[0])), ("power_kw", 1.0)):
        rows[name].append(value)
    rows["stored_value"].append(0.0)


def rows_exchanged(document, problem):
    rows = document["rows"]
    rows["step"][0], rows["step"][1] = rows["step"][1], rows["step"][0]


def another_problem(document, problem):
    document["head"]["problem"] = "0" * 64


def shortfall_hidden(document, problem):
    document["head"]["claims"]["shortfall"] = []


def slacks_hidden(document, problem):
    document["head"]["claims"] |= {"slacks": [], "status": "optimal"}


def a_stored_slack_hidden(document, problem):
    claims = document["head"]["claims"]
    claims["slacks"] = [s for s in claims["slacks"] if not s["name"].startswith("stored")]


def a_stored_slack_made_smaller(document, problem):
    for slack in document["head"]["claims"]["slacks"]:
        if slack["name"].startswith("stored"):
            slack["amount"] *= 0.9


def a_stored_price_raised(document, problem):
    document["prices"]["stored_price"][0][7] -= 0.3


def violation_claimed(document, problem):
    document["head"]["claims"]["hard_violation_kw"] = 0.5


TAMPERED = {
    more_power: "cost",
    no_power: "shortfall",
    too_much_power: "charger",
    power_moved_to_a_full_feeder: "limits",
    a_price_raised: "bound",
    prices_and_bound_raised: "bound",
    bound_raised: "bound",
    bound_raised_for_a_reason_that_is_none: "bound",
    prices_beyond_all_measure: "bound",
    peak_price_beyond_the_rate: "bound",
    stored_value_changed: "bound",
    cost_lowered: "cost",
    gap_lowered: "gap",
    a_row_dropped: "rows",
    last_row_dropped: "rows",
    a_row_outside_the_stay: "rows",
    rows_exchanged: "rows",
    another_problem: "problem",
    shortfall_hidden: "shortfall",
    slacks_hidden: "slacks",
    violation_claimed: "violation",
    a_stored_slack_hidden: "stored",
    a_stored_slack_made_smaller: "stored",
    a_stored_price_raised: "bound",
}


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    problem = two_feeders()
    path = write_plan(tmp_path_factory.mktemp("plan") / "plan.json", solve(problem), problem)
    assert verify_plan(read_plan(path), problem).verified
    return path.read_text()


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda f: f.__name__)
def test_a_tampered_plan_fails(tamper, document, tmp_path):
    problem, plan = two_feeders(), json.loads(document)
    tamper(plan, problem)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    verdict = verify_plan(read_plan(path), problem)
    assert not verdict.verified
    assert TAMPERED[tamper] in failed(verdict)


@pytest.mark.parametrize("column", ["power_kw", "stored_value"])
def test_no_number_fails(column, tmp_path):
    problem = two_feeders()
    path = write_plan(tmp_path / "plan.parquet", solve(problem), problem)
    table = pq.read_table(path)
    at = table.column_names.index(column)
    values = table[column].to_numpy().copy()
    values[7] = np.nan
    known = pq.read_metadata(path).metadata
    table = table.set_column(at, table.field(at), [values])
    with pq.ParquetWriter(path, table.schema) as file:
        file.write_table(table)
        file.add_key_value_metadata({"gridtide.plan": known[b"gridtide.plan"].decode()})
    assert failed(verify_plan(read_plan(path), problem)) == ["rows"]


def test_a_plan_of_another_problem_fails(tmp_path):
    problem = two_feeders()
    plan = kept(tmp_path, solve(problem), problem)
    dearer = replace(problem, price_import_per_kwh=problem.price_import_per_kwh + 0.01)
    assert failed(verify_plan(plan, dearer)) == ["problem"]
    renamed = replace(problem, ids=tuple(f"other{i}" for i in range(len(problem))))
    verdict = verify_plan(plan, renamed)
    assert failed(verdict) == ["problem"]
    assert "other vehicles" in verdict.checks[0].said


def test_a_bound_that_prices_alone_do_not_prove_is_told_so(tmp_path):
    problem = read_problem(draws.draw_problem(300, kind="standby"))
    plan = solve(problem)
    assert plan.bound_by == "branch and bound"
    verdict = verify_plan(kept(tmp_path, plan, problem), problem)
    (bound,) = (check for check in verdict.checks if check.name == "bound")
    assert bound.passed is None
    assert "branch and bound" in bound.said
    raised = replace(plan, lower_bound=plan.objective + 1.0)
    assert failed(verify_plan(kept(tmp_path, raised, problem), problem))


def test_everything_a_problem_can_say_is_understood(monkeypatch):
    named = {field.name for field in fields(Problem)}
    assert named == _claims.KNOWN
    problem = replace(two_feeders(), standby_kw=np.ones(12))
    assert _claims.check_understood(problem).passed
    monkeypatch.setattr(_claims, "KNOWN", _claims.KNOWN - {"standby_kw"})
    unknown = _claims.check_understood(problem)
    assert unknown.passed is False and "standby_kw" in unknown.said


# ---- files -----------------------------------------------------------------------------------


def findings(path):
    with pytest.raises(InputError) as caught:
        list(read_plan(path).batches())
    return str(caught.value)


def test_files_that_are_no_plan_give_findings(tmp_path, document):
    assert "does not exist" in findings(tmp_path / "none.parquet")
    assert "ending" in findings(tmp_path / "plan.csv")
    (tmp_path / "folder.json").mkdir()
    assert "folder" in findings(tmp_path / "folder.json")
    for name in ("a.json", "a.parquet"):
        (tmp_path / name).write_bytes(b'{"head": NaN}')
        assert "no whole plan" in findings(tmp_path / name)
    pq.write_table(pa.table({"power_kw": [1.0]}), tmp_path / "other.parquet")
    assert "not written by gridtide" in findings(tmp_path / "other.parquet")
    plan = json.loads(document)
    plan["rows"]["step"].pop()
    (tmp_path / "short.json").write_text(json.dumps(plan))
    assert "equally long" in findings(tmp_path / "short.json")
    plan = json.loads(document)
    plan["head"]["version"] = 2
    (tmp_path / "new.json").write_text(json.dumps(plan))
    assert "version 2" in findings(tmp_path / "new.json")


def test_a_damaged_parquet_plan_gives_findings(tmp_path):
    problem = two_feeders()
    path = write_plan(tmp_path / "plan.parquet", solve(problem), problem)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])
    assert "no whole plan" in findings(path)


def test_prices_of_another_shape_fail(tmp_path, document):
    plan = json.loads(document)
    plan["prices"]["limit_price"].pop()
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    assert failed(verify_plan(read_plan(path), two_feeders())) == ["prices"]


def test_a_fleet_that_never_plugs_in_is_verified(tmp_path):
    problem = replace(two_feeders(), depart=np.zeros(12, dtype=np.int64))
    plan = solve(problem)
    for suffix in (".parquet", ".json"):
        assert verify_plan(kept(tmp_path, plan, problem, suffix), problem).verified
