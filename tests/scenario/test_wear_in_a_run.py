"""Wear in a run: paths, accounts, statements, and what it changes in plans."""

from pathlib import Path

import numpy as np
import pytest

from gridtide.battery import count_cycles, wear_price
from gridtide.core import InputError
from gridtide.study import load, run
from gridtide.study.wear import follow_vehicles

CAMPUS = Path(__file__).parents[2] / "scenarios" / "campus.toml"


def scenario(tmp_path, **changes):
    text = CAMPUS.read_text(encoding="utf-8")
    for before, after in changes.values():
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "campus.toml"
    path.write_text(text + "\n[strategy]\nrecord_decisions = false\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(load(scenario(tmp_path_factory.mktemp("wear"))))


def test_a_path_begins_on_arrival_and_ends_with_the_last_reading(result):
    strategy = result.strategies["v2g"]
    paths, sessions = follow_vehicles(result.case, strategy.columns), strategy.columns["sessions"]
    vehicle = result.case.world.sessions.vehicle[sessions["session"]]
    for v, first, last in zip(paths.vehicle, paths.first[:-1], paths.first[1:], strict=True):
        mine = np.flatnonzero(vehicle == v)
        begin, end = mine[sessions["arrival_s"][mine].argmin()], mine[-1]
        capacity = result.case.world.vehicles.capacity_kwh[v]
        assert paths.soc[first] * capacity == pytest.approx(sessions["arrival_kwh"][begin])
        assert paths.soc[last - 1] * capacity == pytest.approx(
            sessions["departure_kwh"][end], abs=1e-4
        )
        assert (np.diff(paths.time_s[first:last]) >= 0).all()


def test_the_accounts_hold_the_rainflow_cycles_of_each_path(result):
    price = wear_price("nmc622_denso50")
    for strategy in result.strategies.values():
        wear = strategy.columns["wear"]
        paths = follow_vehicles(result.case, strategy.columns)
        for k in range(paths.vehicle.size):
            cycles = count_cycles(paths.soc[paths.first[k] : paths.first[k + 1]])
            life = (cycles.count * np.interp(cycles.range, price.depth, price.cycle)).sum()
            assert wear["cycle_cost"][k] == pytest.approx(life * 62.0 * 120.0, rel=1e-9, abs=1e-12)
            assert wear["loss_cycle"][k] == pytest.approx(0.2 * life, rel=1e-9, abs=1e-15)


def test_summary_table_and_statement_agree(result):
    for strategy in result.strategies.values():
        wear, summary = strategy.columns["wear"], strategy.summary
        total = wear["calendar_cost"].sum() + wear["cycle_cost"].sum()
        assert summary["wear_cost"] == pytest.approx(total)
        lines = strategy.columns["statement"]
        mine = np.char.startswith(lines["account"].astype(str), "battery:")
        assert lines["amount_nano"][mine].sum() / 1e9 == pytest.approx(total, abs=1e-7)
        assert set(lines["kind"][mine]) == {"wear_by_time", "wear_by_use"}
        # Wear is nobody's bill: sites still equal vehicles and buildings, to the last nano.
        of = {
            kind: lines["amount_nano"][np.char.startswith(lines["account"].astype(str), kind)].sum()
            for kind in ("site:", "building:", "vehicle:")
        }
        assert of["site:"] == of["building:"] + of["vehicle:"]


def test_every_plan_names_its_wear_model(result):
    assert result.strategies["v2g"].columns["plans"]["time_s"].size > 0
    models = set(result.strategies["v2g"].columns["plans"]["wear_model"])
    assert all("nmc622_denso50" in text for text in models)
    assert any("depth segments (8)" in text for text in models)


def priced(tmp_path, pack_price, pieces, cell="nmc622_denso50"):
    path = scenario(
        tmp_path,
        price=("pack_price_per_kwh = 120.0", f"pack_price_per_kwh = {pack_price}"),
        cell=("nmc622_denso50", cell),
    )
    path.write_text(path.read_text(encoding="utf-8") + f"\n[wear]\nholding_pieces = {pieces}\n")
    return run(load(path)).strategies


def test_plans_see_what_cycles_cost(result, tmp_path):
    """A hundred times the price: the shallowest eighth then costs more than the evening pays."""
    usual, dear = (priced(tmp_path, price, 0)["v2g"].summary for price in (120.0, 12_000.0))
    assert dear["energy_out_kwh"] < 0.3 * usual["energy_out_kwh"]
    assert usual["wear_planned_cycle_cost"] > 0 == usual["wear_planned_holding_cost"]
    assert result.strategies["v1g"].summary["wear_planned_cycle_cost"] == 0


def test_plans_see_what_holding_costs(result, tmp_path):
    """A dear pack that ages faster the fuller it is gets charged later: less is lost by time."""
    without, with_it = (
        priced(tmp_path, 1200.0, pieces, "nca_panasonic32")["v1g"].summary for pieces in (0, 8)
    )
    assert with_it["wear_calendar_cost"] < without["wear_calendar_cost"]
    assert with_it["net_cost"] < without["net_cost"]
    assert result.strategies["v1g"].summary["wear_planned_holding_cost"] > 0


def test_a_linear_price_stands_in_where_segments_are_switched_off(tmp_path):
    path = scenario(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + "\n[wear]\ndepth_segments = 0\n")
    linear = run(load(path)).strategies["v2g"]
    assert any("linear" in text for text in linear.columns["plans"]["wear_model"])
    assert linear.summary["hard_violation_kw"] == 0


def test_without_a_cell_model_wear_is_the_stated_price(tmp_path):
    stated = ('cell_model = "nmc622_denso50"', "wear_price_per_kwh = 0.04")
    plain = run(load(scenario(tmp_path, cell=stated))).strategies["v2g"]
    assert plain.summary["wear_cost"] == pytest.approx(0.04 * plain.summary["energy_out_kwh"])
    assert plain.summary["wear_calendar_cost"] == 0


def test_a_misspelt_cell_model_is_told_with_its_line(tmp_path):
    path = scenario(tmp_path, cell=('"nmc622_denso50"', '"nmc622_denso"'))
    with pytest.raises(InputError) as told:
        load(path)
    [finding] = told.value.findings
    assert "Did you mean nmc622_denso50" in finding.mend
    assert finding.where.split()[0].startswith(f"{path}:")
