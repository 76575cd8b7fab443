"""Scenarios from sessions and prices: by hand, and on the real garage where it is there."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gridtide.core import InputError
from gridtide.fleet import sample_sessions
from gridtide.plan import foresee, quantity_bid, recourse
from gridtide.signals import midnight_s
from gridtide.signals.series import Series
from gridtide.study.benchmarks import run_benchmark
from gridtide.study.uncertainty import (
    Garage,
    SessionDay,
    day_problem,
    day_scenarios,
    is_working_day,
    mean_day,
    price_days,
    same_kind,
    sampled_session_days,
    session_days,
    uncontrolled,
    uncontrolled_bid,
    uncontrolled_power,
)

ZONE = ZoneInfo("America/Los_Angeles")
MONDAY = 18_050  # 2019-06-03
PUBLISHED = Path(os.environ.get("GRIDTIDE_DATA", "../shared/data")) / "ev"
GARAGE = Garage(charger_kw=10.0, efficiency=1.0, steps_per_hour=1, import_kw=15.0)


def day(*sessions):
    arrive, depart, energy = np.array(sessions, dtype=float).T
    return SessionDay(arrive_h=arrive, depart_h=depart, energy_kwh=energy)


def test_sessions_are_sorted_into_their_local_days():
    chargers = [str(c) for c in range(30)]
    raw = sample_sessions(
        "workplace",
        start_s=midnight_s(MONDAY, ZONE),
        days=7,
        timezone="America/Los_Angeles",
        charger_ids=chargers,
        seed=1,
    )
    days = session_days(raw, ZONE)
    assert sum(len(d) for d in days.values()) == len(raw)
    assert set(days) <= set(range(MONDAY, MONDAY + 8))
    for d in days.values():
        assert np.all((d.arrive_h >= 0) & (d.arrive_h < 24))
        assert np.all(d.depart_h > d.arrive_h)
    stays = np.sort(np.concatenate([d.depart_h - d.arrive_h for d in days.values()]))
    np.testing.assert_allclose(stays, np.sort((raw.departure_s - raw.arrival_s) / 3600.0))


def test_days_of_23_and_25_hours_have_no_24_prices():
    start = midnight_s(MONDAY, ZONE) + 3600 * np.arange(24 * 200)
    series = Series(
        source="made",
        start_s=start,
        value=1000.0 * np.arange(len(start)),
        step_s=3600,
        line=np.arange(len(start)),
    )
    days = price_days(series, ZONE)
    np.testing.assert_allclose(days[MONDAY + 1], np.arange(24, 48))
    autumn = MONDAY + 153  # 2019-11-03
    assert autumn not in days and autumn - 1 in days and autumn + 1 in days


def test_days_of_the_same_kind_before():
    assert [is_working_day(MONDAY + k) for k in range(7)] == [True] * 5 + [False] * 2
    known = dict.fromkeys(range(MONDAY - 7, MONDAY + 1))
    del known[MONDAY - 5]
    assert same_kind(known, MONDAY, 7) == [MONDAY - k for k in (7, 6, 4, 3)]
    assert same_kind(known, MONDAY - 1, 6) == [MONDAY - 2]


def test_a_day_becomes_a_problem():
    problem = day_problem(
        day((8.4, 12.6, 30.0), (9.0, 10.0, 30.0), (20.0, 30.0, 5.0)), np.arange(24.0), GARAGE
    )
    np.testing.assert_array_equal(problem.arrive, [8, 9, 20])
    np.testing.assert_array_equal(problem.depart, [13, 10, 24])
    # An hour at 10 kW brings 10 of the 30 kWh.
    np.testing.assert_allclose(problem.target_kwh - problem.arrival_kwh, [30.0, 10.0, 5.0])
    assert np.all(problem.arrival_kwh >= problem.min_kwh - 1e-9)
    np.testing.assert_array_equal(problem.price_import_per_kwh[0], np.arange(24.0))
    finer = day_problem(day((8.4, 12.6, 30.0)), np.arange(24.0), Garage(steps_per_hour=2))
    assert finer.steps == 48 and finer.arrive[0] == 17 and finer.depart[0] == 25
    np.testing.assert_array_equal(finer.price_import_per_kwh[0, :4], [0, 0, 1, 1])


def test_the_mean_day_goes_through_the_ranks():
    days = [day((8, 10, 4), (12, 14, 8)), day((10, 14, 6), (13, 14, 2))]
    mean = mean_day(days)
    np.testing.assert_allclose(mean.arrive_h, [9.0, 12.5])
    np.testing.assert_allclose(mean.depart_h, [12.0, 14.0])
    np.testing.assert_allclose(mean.energy_kwh, [5.0, 5.0])


def test_uncontrolled_fills_at_full_power_and_shares_the_limit():
    problem = day_problem(day((8, 12, 20), (8, 12, 20)), np.full(24, 0.1), GARAGE)
    power = uncontrolled_power(problem)
    np.testing.assert_allclose(power[:, 8:12].sum(axis=0), [15.0, 15.0, 10.0, 0.0])
    np.testing.assert_allclose(power.sum(axis=1), 20.0)
    np.testing.assert_allclose(power[0], power[1])


def test_the_uncontrolled_bid_is_the_quantile_where_the_spreads_balance():
    days = [day((8, 12, e)) for e in (2.0, 4.0, 6.0, 8.0)]
    scenarios = day_scenarios(days, [np.full(24, 0.1)] * 4, GARAGE)
    bid = uncontrolled_bid(scenarios)
    assert bid.quantity_kw[8][0] == pytest.approx(6.0)
    costs = {
        q: np.mean(
            [
                uncontrolled(
                    scenarios.only(s), quantity_bid(np.where(np.arange(24) == 8, q, 0.0))
                ).imbalance_cost
                for s in range(4)
            ]
        )
        for q in (2.0, 4.0, 5.0, 6.0, 8.0)
    }
    assert min(costs.values()) == pytest.approx(costs[6.0])


def test_nobody_does_better_than_foresight():
    r = np.random.default_rng(1)
    sampled = sampled_session_days([MONDAY] * 3, chargers=12, zone=ZONE, seed=4)
    assert len({len(d) for d in sampled} | {d.arrive_h.sum() for d in sampled}) > 1
    today = day_scenarios(sampled[:1], [r.uniform(0.02, 0.2, 24)], GARAGE)
    least = foresee(today)[0].cost
    for bid in (quantity_bid(np.zeros(24)), quantity_bid(r.uniform(0, 30, 24))):
        assert recourse(today, bid)[0].cost >= least - 1e-6
        assert uncontrolled(today, bid).cost >= recourse(today, bid)[0].cost - 1e-6


def test_without_the_published_data_findings_say_so(monkeypatch, tmp_path):
    monkeypatch.setenv("GRIDTIDE_DATA", str(tmp_path))
    with pytest.raises(InputError, match="published data are not there") as caught:
        run_benchmark("uncertainty", size=2, seed=1)
    assert len(caught.value.findings) == 2


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published sessions are not there")
@pytest.mark.parametrize("name", ["uncertainty_v1g"])
def test_the_real_garage_is_bid_for_in_every_way(name, monkeypatch):
    monkeypatch.setattr("gridtide.study.benchmarks.uncertainty.SCENARIOS", 4)
    monkeypatch.setattr("gridtide.study.benchmarks.uncertainty.DRAWS", 1)
    told = run_benchmark(name, size=2, seed=1)
    rows = {row["way"]: row for row in told["table"]}
    assert told["test_days"] == 2 and told["training_days"] >= 15
    assert all(row["regret"] >= -1e-6 for row in rows.values())
    assert rows["perfect foresight"]["shortfall_kwh"] == pytest.approx(0.0, abs=1e-6)
    assert rows["uncontrolled"]["regret"] > max(
        row["regret"] for name, row in rows.items() if name.startswith(("deter", "stochastic, q"))
    )
