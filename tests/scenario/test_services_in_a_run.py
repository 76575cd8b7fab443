"""`[services]` in a scenario: sold from plans, activated, scored, settled, told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from gridtide.app.cli import app
from gridtide.core import InputError
from gridtide.services import product_named, score, settle
from gridtide.study import run
from gridtide.study.report import report_html
from gridtide.study.service_day import service_case, service_document, service_scenario

START_S = 1_780_358_400  # 2026-06-02 00:00 UTC


def scenario(product="pjm-2012-regd", *, vehicles=8, more="", **other):
    usual = {"signal": None, "price_per_kw_h": 0.05, "pooled": True, "seed": 1} | other
    return service_scenario(product_named(product), vehicles=vehicles, **usual) + more


@pytest.fixture(scope="module")
def result():
    return run(service_case(scenario()))


def test_a_planned_strategy_runs_again_with_services(result):
    assert list(result.strategies) == ["v2g", "v2g+services"]
    alone, serving = result.summary().values()
    assert "services" not in alone and alone["service_revenue"] == 0.0
    told = serving["services"][0]
    assert told["product"] == "pjm-2012-regd" and told["note"] == "the signal is synthetic"
    assert told["offered_kw_h"] > 20.0 and told["score"] > 0.75
    assert serving["departures_met"] == serving["departures"] > 0
    assert serving["hard_violation_kw"] == 0.0
    assert serving["service_revenue"] == pytest.approx(told["revenue"])


def test_the_net_cost_counts_what_services_earn(result):
    for summary in result.summary().values():
        parts = sum(summary[k] for k in ("energy_cost", "demand_cost", "fixed_cost", "wear_cost"))
        parts -= summary["stored_value"] + summary["service_revenue"]
        assert summary["net_cost"] == pytest.approx(parts)
    alone, serving = result.summary().values()
    for key, change in serving["displaced"].items():
        assert change == pytest.approx(serving[key] - alone[key])


def test_scoring_the_recorded_ticks_again_gives_the_same(result):
    """The tables hold all that it takes to check a block from outside."""
    served = result.strategies["v2g+services"]
    blocks, told = served.columns["services"], served.services[0]
    at = int(np.nanargmax(np.where(np.isfinite(blocks["score"]), blocks["offered_kw"], 0.0)))
    begin, end = blocks["from_s"][at], blocks["to_s"][at]
    ticks = served.columns["activation"]
    inside = (ticks["from_s"] >= begin) & (ticks["from_s"] < end)
    asked = ticks["requested_kw"][inside]
    assert np.abs(asked).max() <= blocks["offered_kw"][at] + 1e-9
    assert len(told.requested) == ticks["from_s"].size
    product = product_named("pjm-2012-regd")
    line = settle(
        product,
        {"mw": float(blocks["offered_kw"][at]) / 1000.0, "score": float(blocks["score"][at]),
         "capability_price": 50.0, "performance_price": 0.0},
    )  # fmt: skip
    paid = sum(one.amount_nano for one in line) / 1e9
    assert paid == pytest.approx(0.05 * blocks["offered_kw"][at] * blocks["score"][at], rel=1e-6)


def test_what_was_delivered_is_what_the_meter_read(result):
    """Baseline less response, summed over the ticks of a day, against the meters' energy."""
    served = result.strategies["v2g+services"]
    ticks = served.columns["activation"]
    assert (ticks["to_s"] > ticks["from_s"]).all()
    off = np.abs(ticks["requested_kw"] - ticks["delivered_kw"])
    assert np.median(off) < 0.05 * np.abs(ticks["requested_kw"]).max()


def test_the_report_tells_of_it(result):
    page = report_html(result)
    assert "Grid services" in page and "pjm-2012-regd" in page
    assert "the signal is synthetic" in page and "unverified in its rule" in page


def test_without_discharging_nothing_is_given_back():
    told = run(service_case(scenario(bidirectional=False))).summary()
    assert list(told) == ["v1g", "v1g+services"]
    assert told["v1g+services"]["energy_out_kwh"] == 0.0
    assert told["v1g+services"]["services"][0]["offered_kw_h"] > 0.0


def test_two_products_are_sold_from_one_plan():
    more = "\n[services.ffr-nordic]\nprice_per_kw_h = 0.02\npooled = true\ngate_minutes = 0\n"
    text = scenario(more=more).replace('run = ["v2g"]', 'run = ["v2g", "v2g+ffr-nordic"]')
    result = run(service_case(text))
    alone = result.summary()["v2g+ffr-nordic"]
    assert [told["product"] for told in alone["services"]] == ["ffr-nordic"]
    assert "displaced" in alone and "V2G + ffr-nordic" in report_html(result)
    summary = result.summary()["v2g+services"]
    names = {told["product"]: told for told in summary["services"]}
    assert set(names) == {"pjm-2012-regd", "ffr-nordic"}
    assert all(told["offered_kw_h"] > 0 for told in names.values())
    assert summary["departures_met"] == summary["departures"]


def test_a_smallest_offer_is_kept_and_told():
    summary = run(service_case(scenario(pooled=False, vehicles=4))).summary()["v2g+services"]
    told = summary["services"][0]
    assert told["offered_kw_h"] == 0.0 and told["revenue"] == 0.0
    assert "smallest offer is 100 kW" in told["why_nothing"]
    assert told["score"] is None


def calls(path, begin=30, minutes=12, step=60):
    rows = [f"{step * k},{int(begin <= k < begin + minutes)}" for k in range(120)]
    path.write_text("time,share\n" + "\n".join(rows) + "\n")
    return path


def test_a_recorded_call_of_reserve_is_delivered(tmp_path):
    signal = calls(tmp_path / "calls.csv")
    text = scenario("pjm-spin", vehicles=20, signal=signal, gate_minutes=0.0, firm_share=1.2)
    result = run(service_case(text))
    told = service_document(result)
    assert told["delivered"]["requested_kwh"] > 5.0
    ticks = result.strategies["v2g+services"].columns["activation"]
    on = ticks["requested_kw"] > 0
    assert ticks["from_s"][on].min() == START_S + 9 * 3600 + 30 * 60  # seconds count from 09:00
    kept = np.minimum(ticks["delivered_kw"], ticks["requested_kw"])[on][1:].sum()
    # One of eleven vehicles may leave before the time it stated.
    assert kept >= 0.9 * ticks["requested_kw"][on][1:].sum()
    assert told["departures_met"] == told["departures"]
    # What fell short in the event is paid back for every hour since the day began.
    served = result.strategies["v2g+services"]
    blocks, lines = served.columns["services"], served.services[0].lines
    paid = [line for line in lines if line.kind == "reserve"]
    assert len(paid) == (blocks["offered_kw"] > 0).sum()
    missed = 1000.0 * told["score_parts"]["shortfall_mw"]
    before = blocks["offered_kw"][(blocks["from_s"] <= START_S + 9 * 3600)]
    forfeit = 0.05 * np.minimum(before[before > 0], missed).sum()
    earned = 0.05 * blocks["offered_kw"].sum() - forfeit
    assert told["revenue"] == pytest.approx(earned, abs=1e-6)


def test_a_gap_in_a_signal_returns_the_fleet_to_its_baseline(tmp_path):
    path = tmp_path / "signal.csv"
    rows = [(k, 0.0 if k < 600 else 1.0) for k in range(0, 1200, 2)]
    path.write_text("time,signal\n" + "\n".join(f"{36_000 + t},{v}" for t, v in rows))
    result = run(service_case(scenario(signal=path, gate_minutes=0.0)))
    ticks = result.strategies["v2g+services"].columns["activation"]
    after = ticks["from_s"] > START_S + 36_000 + 1200 + 10.0
    assert after.any() and (ticks["requested_kw"][after] == 0.0).all()


def test_mistakes_are_findings_before_anything_runs(tmp_path):
    for text, what in (
        (scenario(more="\n[services.nonsense]\nprice_per_kw_h = 1\n"), "no product"),
        (scenario(more="\n[services.order890]\nprice_per_kw_h = 1\n"), "is a schedule"),
        (scenario("pjm-spin"), "cannot be generated"),
        (scenario().replace('["v2g"]', '["v2g+fcr-ce"]'), r"no strategy v2g\+fcr-ce"),
        (scenario().replace('"generated"', '"missing.csv"'), "missing.csv"),
    ):
        with pytest.raises(InputError, match=what):
            run(service_case(text))
    two = scenario(price_per_kw_h=-1.0).replace("pooled = true", "pooled = true\nsmell = 3")
    with pytest.raises(InputError, match=r"price_per_kw_h: -1.* >= 0") as error:
        service_case(two)
    assert len(error.value.findings) == 2 and "smell" in str(error.value)
    with pytest.raises(InputError, match="is not a table"):
        service_case(scenario().replace("[services.pjm-2012-regd]", "[services]\nx = 1\n[a]"))
    bad = tmp_path / "bad.csv"
    bad.write_text("time,signal\n0,0.1\n2,7\n")
    with pytest.raises(InputError, match=r"bad\.csv"):
        scenario(signal=bad)


def test_on_the_command_line(tmp_path):
    signal = calls(tmp_path / "calls.csv")
    done = CliRunner().invoke(
        app,
        ["service", "run", "pjm-spin", "--vehicles", "5", "--pooled", "--signal", str(signal),
         "--gate-minutes", "0", "--out", str(tmp_path / "out"), "--json"],
        standalone_mode=False,
    )  # fmt: skip
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    for key in ("offered", "delivered", "score", "score_parts", "energy", "departures_met",
                "cpu_per_tick_ms"):  # fmt: skip
        assert key in told
    folder = tmp_path / "out" / "v2g+services"
    assert {p.stem for p in folder.glob("*.parquet")} >= {"services", "activation"}


def test_score_by_envelope_counts_what_was_sold():
    from gridtide.signals import Samples

    product = product_named("gb-dm")
    time_s = np.arange(0.0, 60.0, 0.05)
    asked = Samples(source="asked", time_s=time_s, value=np.full(time_s.size, 1.0))
    given = Samples(source="given", time_s=time_s, value=np.full(time_s.size, 2.0))
    small = score(product, asked, given)["worst_error"]
    large = score(product, asked, given, offered_kw=100.0)["worst_error"]
    assert small > 0.5 > 0.05 > large


def test_a_droop_too_steep_for_its_delay_is_not_offered():
    more = "area_mw = 0.01\nlatency_s = 2.0\ngate_minutes = 0\n"
    case = service_case(scenario("fcr-n").replace("pooled = true", "pooled = true\n" + more))
    told = run(case).summary()["v2g+services"]["services"][0]
    large = service_case(
        scenario("fcr-n").replace("pooled = true", "pooled = true\ngate_minutes = 0\n")
    )
    free = run(large).summary()["v2g+services"]["services"][0]
    assert 0.0 < told["largest_offer_kw"] < free["largest_offer_kw"]
    assert "their droop would be unstable" in told["note"]
    assert "unstable" not in free["note"]


def test_only_vehicles_of_the_named_site_serve():
    """Two sites: what the other site's vehicles do is as without services."""
    text = scenario(vehicles=6).replace("pooled = true", 'pooled = true\nsite = "car park"')
    text = text.replace(
        "[[vehicle]]",
        """[[site]]
name = "yard"
archetype = "campus"
tariff = "flat"

[[charger]]
name = "yard charger"
count = 6
below = "yard"
max_charge_kw = 11
max_discharge_kw = 11

[[vehicle]]""",
        1,
    ).replace("count = 6\ncapacity_kwh", "count = 12\ncapacity_kwh")
    result = run(service_case(text))
    told = result.summary()["v2g+services"]
    assert told["services"][0]["offered_kw_h"] > 0.0
    assert told["departures_met"] == told["departures"]
    decisions = result.strategies["v2g+services"].columns["decisions"]
    from gridtide.core import Reason

    moved = decisions["charger"][decisions["reason"] == Reason.SERVICE]
    assert moved.size and (moved < 6).all()
    with pytest.raises(InputError, match="no site elsewhere"):
        run(service_case(text.replace('site = "car park"', 'site = "elsewhere"')))


def test_a_largest_offer_is_kept():
    more = "most_kw = 12.5\ngate_minutes = 0\n"
    case = service_case(scenario().replace("pooled = true", "pooled = true\n" + more))
    told = run(case).summary()["v2g+services"]["services"][0]
    assert told["largest_offer_kw"] == 12.5 and "unstable" not in told["note"]


def reserve_on(tmp_path, begin, minutes):
    signal = calls(tmp_path / "calls.csv", begin=begin, minutes=minutes)
    text = scenario("pjm-spin", vehicles=20, signal=signal, gate_minutes=0.0, firm_share=1.3)
    result = run(service_case(text))
    return result.strategies["v2g+services"]


def test_a_call_over_two_blocks_is_verified_once(tmp_path):
    """Twelve minutes around 10:00: the second block does not begin a call of its own."""
    served = reserve_on(tmp_path, 54, 12)
    blocks = served.columns["services"]
    at = {hour: blocks["from_s"] == START_S + 3600 * hour for hour in (9, 10)}
    assert all(blocks["offered_kw"][at[hour]].sum() > 0 for hour in at)
    assert np.isfinite(blocks["score"][at[9]]).all() and blocks["score"][at[9]] > 0.8
    assert np.isnan(blocks["score"][at[10]]).all()


def test_what_cannot_be_scored_is_told_and_not_paid(tmp_path):
    served = reserve_on(tmp_path, 30, 1)
    told = served.services[0].figures
    assert told["score"] == 0.0 and told["unscored"]
    assert any(line.kind == "forfeit" for line in served.services[0].lines)


def test_without_past_days_it_is_said(tmp_path):
    """A file of sessions that begins with the run tells nothing of the days before."""
    rows = ["session,vehicle,charger,arrival,departure,stated_departure,energy_kwh"]
    rows += [
        f"s{k},car-{k},charger-{k},2026-06-02T06:00+00:00,2026-06-02T18:00+00:00,"
        "2026-06-02T18:00+00:00,8"
        for k in range(1, 5)
    ]
    (tmp_path / "sessions.csv").write_text("\n".join(rows) + "\n")
    text = scenario(vehicles=4).replace("pooled = true", "pooled = true\nconfidence = 0.5")
    text = text.replace('source = "sample"\nkind = "workplace"', 'source = "csv"\nfile = "s"')
    text = text.replace('file = "s"', f'file = "{tmp_path / "sessions.csv"}"')
    text = text.replace("count = 4\ncapacity_kwh", "capacity_kwh")
    told = run(service_case(text)).summary()["v2g+services"]["services"][0]
    assert "no past days are known" in told["note"]
