"""Thousands of vehicles under feeders of 250: limits kept, sums right, and quick."""

import dataclasses

import numpy as np
import pytest

from gridtide.core import InputError
from gridtide.store import read_table
from gridtide.study import load, run, write_result, write_starter
from gridtide.study.operate import KEEP_PLAN_MINUTES, run_strategy
from gridtide.study.starters import starter_text

VEHICLES, FEEDERS = 2_000, 8


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Two days of 2,000 vehicles under 8 feeders, unsteered and earliest deadline first."""
    folder = tmp_path_factory.mktemp("city")
    told = []
    result = run(load(write_starter("city", folder / "city.toml", VEHICLES)), told.append)
    write_result(result, folder / "out")
    return result, folder / "out", told


def small_city(tmp_path, *changes):
    """A case of the starting file of a city with some lines changed."""
    text = starter_text("city").replace("count = 1000", "count = 60")
    for old, new in (("count = 4\n", "count = 3\n"), ("= 160", "= 30"), *changes):
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / "city.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def feeder_kw(result, name):
    """Mean power of each feeder in each meter interval [kW], shape (feeders, intervals)."""
    rows, world = result.strategies[name].columns["intervals"], result.case.world
    at = (rows["interval_s"] - world.grid.start_s) // 900
    power = np.zeros((len(world.limits), world.grid.n))
    wh = rows["import_wh"] - rows["export_wh"]
    np.add.at(power, (world.chargers.limit[rows["charger"]], at), wh / 250.0)
    return power[1:]


def test_feeders_share_the_chargers_evenly_and_in_order(city):
    limits, chargers = city[0].case.world.limits, city[0].case.world.chargers
    assert limits.names == ("city", *(f"feeder-{i}" for i in range(1, FEEDERS + 1)))
    assert np.all(limits.parent[1:] == 0)
    assert np.array_equal(chargers.limit, np.repeat(np.arange(1, FEEDERS + 1), 250))


@pytest.mark.parametrize("name", ["uncontrolled", "edf"])
def test_every_feeder_fills_up_and_none_beyond_its_limit(city, name):
    power = feeder_kw(city[0], name)
    assert power.shape[0] == FEEDERS
    # Registers show whole Wh: up to 250 of them round, 4 W of mean power each.
    assert power.max() <= 160.0 + 250 * 0.004
    assert (power.max(axis=1) > 150.0).all()
    assert city[0].strategies[name].summary["hard_violation_kw"] == 0.0


def test_tables_of_a_city_add_up(city):
    result, out, _ = city
    for name, strategy in result.strategies.items():
        intervals = read_table(out / name / "intervals.parquet")
        took = sum(intervals["import_wh"].to_pylist()) / 1000
        assert took == pytest.approx(strategy.summary["energy_in_kwh"], abs=0.001 * VEHICLES)
        lines = read_table(out / name / "statement.parquet").to_pylist()
        bill = sum(x["amount_nano"] for x in lines if x["account"].startswith("site:"))
        parts = ("vehicle:", "building:")
        assert bill == sum(x["amount_nano"] for x in lines if x["account"].startswith(parts))


def test_the_report_of_a_city_stays_small_and_tells_spreads_in_place_of_everyone(city):
    text = (city[1] / "report.html").read_text()
    assert len(text) < 600_000
    assert "vehicles, evenly chosen" in text
    assert "8 of 8 limits were full at some time" in text
    assert "vehicles half pay less than" in text
    assert "and 3 other limits for" in text
    assert "other vehicles" in text


def test_progress_tells_time_and_vehicles_of_every_strategy(city):
    result, _, told = city
    steps = result.case.world.grid.n
    for name in ("uncontrolled", "edf"):
        mine = [moment for moment in told if moment.run == name]
        assert len(mine) == steps + 1
        assert (mine[0].share, mine[-1].share) == (0.0, 1.0)
        assert mine[0].clock == "Mon 1 Jun, 00:00"
        assert mine[-1].vehicles > VEHICLES / 3
        assert all(moment.plans == 0 for moment in mine)


def test_a_group_below_a_group_is_spread_too(tmp_path):
    more = (
        '\n[[limit]]\nname = "substation"\ncount = 2\nbelow = "city"\nimport_kw = 20\n[[charger]]'
    )
    limits = small_city(
        tmp_path, ('below = "city"', 'below = "substation"'), ("\n[[charger]]", more)
    ).world.limits
    above = [limits.names[i] if i >= 0 else None for i in limits.parent]
    told = dict(zip(limits.names, above, strict=True))
    assert told["feeder-1"] == told["feeder-2"] == "substation-1"
    assert told["feeder-3"] == "substation-2"


def test_a_change_of_a_group_changes_all_and_that_of_a_member_one(tmp_path):
    at = 'at = "2026-06-01T12:00"'
    changes = (
        f'\n[[change]]\nlimit = "feeder"\n{at}\nimport_kw = 9\n'
        f'\n[[change]]\nlimit = "feeder-2"\n{at}\nexport_kw = 1\n[[charger]]'
    )
    world = small_city(tmp_path, ("\n[[charger]]", changes)).world
    assert world.import_kw[47].tolist() == [np.inf, 30, 30, 30]
    assert world.import_kw[48].tolist() == [np.inf, 9, 9, 9]
    assert world.export_kw[48].tolist() == [np.inf, 30, 1, 30]


def test_a_member_with_the_name_of_another_limit_is_told(tmp_path):
    more = '\n[[limit]]\nname = "feeder-2"\nbelow = "city"\n[[charger]]'
    with pytest.raises(InputError, match="a member of feeder has the name of the limit feeder-2"):
        small_city(tmp_path, ("\n[[charger]]", more))


def test_a_kept_plan_saves_plans_and_no_promise(tmp_path):
    kept = ("replan_minutes = 60 ", "keep_plan_minutes = 60\nreplan_minutes = 60 ")
    often = run_strategy(small_city(tmp_path), "v1g")
    seldom = run_strategy(small_city(tmp_path, kept), "v1g")
    plans = [s.columns["plans"]["time_s"] for s in (often, seldom)]
    assert plans[0].size > 1.5 * plans[1].size
    assert np.diff(plans[1]).min() >= 3600
    for strategy in (often, seldom):
        assert strategy.summary["departures_met"] == strategy.summary["departures"]
    assert KEEP_PLAN_MINUTES[0][1] == 0.0, "small fleets are planned whenever somebody comes"


def test_schedules_as_followed_are_those_kept_whole_up_to_the_next_plan(tmp_path):
    setting = ("replan_minutes = 60 ", 'record_schedules = "followed"\nreplan_minutes = 60 ')
    whole = run_strategy(small_city(tmp_path), "v2g").columns
    case = small_city(tmp_path, setting)
    followed = run_strategy(case, "v2g").columns
    begins = np.unique(whole["plans"]["time_s"])
    rows = whole["schedule"]
    then = np.searchsorted(begins, rows["plan_time_s"], side="right")
    ends = np.append(begins, case.world.grid.end_s)[then]
    expected = rows["step_time_s"] < ends
    assert 0 < expected.sum() < expected.size
    for name, values in followed["schedule"].items():
        assert np.array_equal(values, rows[name][expected]), name
    assert np.array_equal(
        whole["wear"]["planned_cycle_cost"], followed["wear"]["planned_cycle_cost"]
    )


def test_a_run_interrupted_before_its_first_step_is_told_and_written(tmp_path):
    def stop(moment):
        raise KeyboardInterrupt

    result = run(small_city(tmp_path), stop)
    assert result.partial
    assert list(result.strategies) == ["uncontrolled"]
    written = write_result(result, tmp_path / "out")
    assert "PARTIAL" in written[-1].read_text()


def test_a_run_in_which_nobody_comes_goes_through_with_a_cell_model(tmp_path):
    case = small_city(
        tmp_path,
        ("days = 2", "days = 1"),
        ("count = 60", "count = 1"),
        ('"uncontrolled", "edf"', '"v2g"'),
        ("wear_price_per_kwh = 0.04 ", 'cell_model = "nmc622_denso50" '),
    )
    nobody = dataclasses.replace(
        case.world.sessions,
        **{
            field.name: getattr(case.world.sessions, field.name)[:0]
            for field in dataclasses.fields(case.world.sessions)
        },
    )
    world = dataclasses.replace(case.world, sessions=nobody)
    result = run(dataclasses.replace(case, world=world))
    assert result.summary()["v2g"]["energy_in_kwh"] == 0.0
    assert result.summary()["v2g"]["departures"] == 0
