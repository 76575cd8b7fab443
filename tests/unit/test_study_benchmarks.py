"""Benchmarks by name: which module, which options, what is measured."""

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest

from gridtide.core import GridtideError, InputError
from gridtide.study.benchmarks import BENCHMARKS, VARIANTS, run_benchmark
from gridtide.study.benchmarks.plan_site import (
    _plan_in_a_process,
    binding_share,
    peak_share,
    problem,
)

PUBLISHED = Path(os.environ.get("GRIDTIDE_DATA", "../shared/data")) / "price"
NEED_DATA = {"wear", "uncertainty", "uncertainty_v1g", "regulation", "spin", "hosting"}


def test_without_the_published_prices_a_finding_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("GRIDTIDE_DATA", str(tmp_path))
    with pytest.raises(InputError, match="published prices are not there"):
        run_benchmark("wear", size=3, seed=1)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published prices are not there")
def test_segments_earn_more_than_no_price_of_wear():
    """In total; on which days and against what else is for the full size to say."""
    told = run_benchmark("wear", size=6, seed=1)
    assert told["vehicles"] == 6
    for stay in ("plugged_all_day", "away_8_to_17"):
        rows = told[stay]["profit_per_day"]
        assert rows["8 segments"]["mean"] > rows["no price of wear"]["mean"] + 0.1
        assert all(row.get("gap", 0.0) <= 1e-6 for row in rows.values())


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published data are not there")
@pytest.mark.parametrize("name", ["regulation", "hosting"])
def test_benchmarks_on_published_data_run_at_a_small_size(name):
    told = run_benchmark(name, size=3, seed=1)
    assert told["vehicles"] == 3
    if name == "hosting":
        assert [row["violations"] for row in told["table"]][2:] == [0, 0, 0]
    else:
        assert told["departures_met"] == told["departures"] > 0
        assert 0.0 < told["score"] <= 1.0 and told["clairvoyant_kw_h"] > 0


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published data are not there")
def test_a_real_event_is_replayed_and_delivered():
    from gridtide.signals import read_spin_events
    from gridtide.study.benchmarks import spin

    events = read_spin_events(PUBLISHED.parent / "market" / "historical-spin-events.xls")
    assert len(events) == 893 and sum(e.start >= spin.SINCE for e in events) == 19
    assert all(e.start <= f.start for e, f in pairwise(events))
    night = next(e for e in events if f"{e.start:%Y-%m-%d}" == "2017-09-04")
    row = spin._replay(night, "depot", 6, 1)
    assert row["committed_kw"] > 20.0 and row["minutes"] == 15.0
    assert row["delivered_share"] > 0.99
    assert 0.5 < row["offered_kw_h"] / row["foresight_kw_h"] <= 1.0 + 1e-6
    assert row["departures_met"] == row["departures"]


def test_without_the_data_new_benchmarks_say_so(monkeypatch, tmp_path):
    monkeypatch.setenv("GRIDTIDE_DATA", str(tmp_path))
    for name in ("regulation", "spin", "hosting"):
        with pytest.raises(InputError, match=r"GRIDTIDE_DATA|workbook"):
            run_benchmark(name, size=3, seed=1)


@pytest.mark.parametrize("name", sorted(set(BENCHMARKS) - NEED_DATA))
def test_every_benchmark_runs_at_a_small_size_and_is_told_by_its_name(name):
    told = run_benchmark(name, size=3, seed=1)
    assert told["benchmark"] == name
    assert told["vehicles"] == 3
    assert "variant" not in told
    assert told.get("hard_violation_kw", 0.0) == pytest.approx(0.0, abs=1e-9)


def test_stays_last_all_day_in_the_variant_only():
    assert VARIANTS["plan_site_all_day"] == ("plan_site", {"all_day": True})
    assert VARIANTS["plan_site_wear"] == ("plan_site", {"segments": 8})
    for all_day in (False, True):
        vehicles = problem(5, all_day=all_day)["vehicles"]
        stays = {v["depart_step"] - v["arrive_step"] for v in vehicles}
        assert (stays == {96}) is all_day


def test_an_unknown_benchmark_is_a_finding():
    with pytest.raises(InputError, match="no such benchmark"):
        run_benchmark("nothing", size=None, seed=1)


def test_a_planning_process_that_fails_is_a_known_error(tmp_path):
    (tmp_path / "problem.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(GridtideError, match="exit code 2"):
        _plan_in_a_process(tmp_path / "problem.json", tmp_path / "answer.json")


def test_shares_of_steps_at_the_limits_and_at_the_peak():
    limit = {"import_kw": 5, "export_kw": 2, "base_load_kw": [1, 1, 1, 1]}
    document = {"limits": [limit], "vehicles": [{"id": "a"}, {"id": "b"}]}
    answer = {"schedule_kw": {"a": [4, 2, -1, 0], "b": [0, 2, -2, 1]}}
    assert binding_share(document, answer) == 0.75
    assert peak_share(document, answer) == 0.5


def test_a_fleet_answers_a_step_of_the_frequency_in_time_and_says_from_where_on_it_does_not():
    told = run_benchmark("step", size=100, seed=2)
    assert told["full_in_time"]
    verdict = {(r["product"], r["delay_s"]): r["may_be_offered"] for r in told["table"]}
    assert verdict["gb-dc-low", 0.2] == verdict["fcr-ce", 1.0] == "yes"
    assert verdict["fcr-ce", 5.0] == "no: start too late"
    assert (
        "full too late" in verdict["gb-dc-low", 2.0]
        or "start and full" in verdict["gb-dc-low", 2.0]
    )
    times = [r["full_s"] for r in told["table"] if r["product"] == "fcr-ce"]
    assert times == sorted(times)
