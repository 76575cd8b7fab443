"""The report says what the figures say, escapes what it is given, and is the same every time."""

import copy
import io
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from gridtide.study import load, run
from gridtide.study._pictures_canvas import local_midnights
from gridtide.study._pictures_fleet import raster_picture, soc_picture
from gridtide.study._pictures_money import departures_picture, figures_picture, waterfall_bars
from gridtide.study._pictures_power import power_picture
from gridtide.study._report_money import accounts
from gridtide.study._report_people import worst_departures
from gridtide.study._report_series import (
    grouped_percentiles,
    raster,
    reason_shares,
    site_power,
    soc_fan,
)
from gridtide.study._report_words import amount, money, number
from gridtide.study.charging_cost import building_alone, charging_costs
from gridtide.study.comparison import comparison_rows, print_comparison
from gridtide.study.headline import headline
from gridtide.study.report import report_html, write_report

# A Sunday of 25 hours.
SCENARIO = """
version = 1
name = "Depot <b>& \\"Sons\\"</b>"
description = "Invented."
start = "2019-10-27"
days = 1
timezone = "Europe/Oslo"
[[site]]
name = "yard"
tariff = "flat"
import_kw = 30.0
base_load = { kind = "office", peak_kw = 8.0 }
pv = { peak_kw = 10.0 }
[[charger]]
name = "plug"
count = 3
below = "yard"
max_charge_kw = 11.0
max_discharge_kw = 11.0
[[vehicle]]
capacity_kwh = 50.0
wear_price_per_kwh = 0.01
[sessions]
source = "csv"
file = "stays.csv"
[[tariff]]
name = "flat"
currency = "NOK"
demand_charge = { price_per_kw = 2.0, billing_period = "run" }
[tariff.export_price_per_kwh]
period = [{ price_per_kwh = 2.5, from_time = "16:00", to_time = "20:00" }, { price_per_kwh = 0.1 }]
[tariff.import_price_per_kwh]
period = [{ price_per_kwh = 3.0, from_time = "16:00", to_time = "20:00" }, { price_per_kwh = 0.5 }]
"""
STAYS = """session,vehicle,charger,arrival,departure,stated_departure,arrival_soc,target_soc
s1,<i>one</i>,plug-1,2019-10-27T06:00:00+01:00,2019-10-27T22:00:00+01:00,2019-10-27T22:00:00+01:00,0.5,0.8
s2,two,plug-2,2019-10-27T07:00:00+01:00,2019-10-27T21:00:00+01:00,2019-10-27T21:00:00+01:00,0.4,0.8
s3,three,plug-3,2019-10-27T08:00:00+01:00,2019-10-27T10:00:00+01:00,2019-10-27T18:00:00+01:00,0.3,0.9
"""


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "stays.csv").write_text(STAYS)
    (folder / "depot.toml").write_text(SCENARIO)
    return run(load(folder / "depot.toml"))


@pytest.fixture(scope="module")
def markup(once):
    return report_html(once)


@pytest.fixture
def result(once):
    """A result that a test may change."""
    changed = copy.copy(once)
    changed.strategies = {name: copy.copy(strategy) for name, strategy in once.strategies.items()}
    for strategy in changed.strategies.values():
        strategy.summary = dict(strategy.summary)
        strategy.columns = {
            name: {key: values.copy() for key, values in table.items()}
            for name, table in strategy.columns.items()
        }
    return changed


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.open, self.links = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for key, value in attrs if key in ("src", "href", "xlink:href")]
        if tag not in ("meta", "br", "path", "use", "image", "rect", "stop"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(markup):
    page = _Page()
    page.feed(markup)
    page.close()
    return page


def words(svg):
    return " ".join(ET.fromstring(svg).itertext())


def test_the_page_stands_alone_is_well_formed_and_has_every_section(markup):
    page = read(markup)
    assert page.open == []
    assert "script" not in page.tags and "link" not in page.tags
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert "url(http" not in markup and "@import" not in markup
    text = " ".join(page.text)
    for part in ("compared", "Power of the site", "every vehicle", "batteries", "drivers get",
                 "carbon", "Why the plugs", "Bills", "rests on", "seed"):  # fmt: skip
        assert part in text, part


def test_identifiers_are_unique_in_the_page(markup):
    identifiers = re.findall(r'\bid="([^"]+)"', markup)
    assert len(identifiers) == len(set(identifiers)) > 100
    wanted = re.findall(r"url\(#([^)]+)\)", markup)
    assert set(wanted) <= set(identifiers)


def test_equal_results_give_equal_bytes_whatever_the_users_settings(once, markup, tmp_path):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True}):
        write_report(once, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == markup


def test_names_from_the_scenario_are_escaped(markup):
    assert "<b>&" not in markup and "<i>one" not in markup
    assert "Depot &lt;b&gt;&amp; &quot;Sons&quot;" in markup
    assert "&lt;i&gt;one&lt;/i&gt;" in markup


def test_table_and_json_summary_agree(once, markup):
    rows = {row.key: row for row in comparison_rows(once)}
    for key in ("net_cost", "peak_kw", "energy_out_kwh", "carbon_kg", "departures_met"):
        assert rows[key].values == {n: s.summary[key] for n, s in once.strategies.items()}
    assert rows["energy_out_kwh"].values["v2g"] > 0
    assert rows["departures_met"].texts["v2g"] == "2 of 2"
    assert rows["departures_early"].texts["v2g"].startswith("1 (")
    text = " ".join(read(markup).text)
    assert amount(once.strategies["v2g"].summary["net_cost"]) in text


def test_costs_of_charging_differ_as_net_costs_do_and_begin_at_the_bill(once):
    base = once.strategies["uncontrolled"]
    costs = charging_costs(once, base)
    for name, strategy in once.strategies.items():
        change = strategy.summary["net_cost"] - base.summary["net_cost"]
        assert costs[name] - costs["uncontrolled"] == pytest.approx(change, abs=1e-9)
    bill = sum(a.amount_nano for a in accounts(base.columns["statement"], "site:")) / 1e9
    assert costs["uncontrolled"] == pytest.approx(bill - building_alone(once.case, base))


def test_the_waterfall_has_no_gap(once):
    bars = waterfall_bars(once)
    assert [bar.label for bar in bars if bar.total] == ["Uncontrolled", "V1G", "V2G"]
    level = 0.0
    for bar in bars:
        if bar.total:
            assert level == 0.0 or bar.end == pytest.approx(level, abs=0.01)
        else:
            assert bar.begin == pytest.approx(level, abs=0.01)
        level = bar.end


def test_the_headline_tells_the_saving_and_why(once):
    said = headline(once)
    costs = charging_costs(once, once.strategies["uncontrolled"])
    saved = money(costs["uncontrolled"] - costs["v1g"], "NOK")
    assert said.first.startswith(f"Controlled charging (V1G) saves {saved} of the ")
    assert "discharging (V2G) saves" in said.first
    assert said.warnings == ()
    assert any("dear" in sentence for sentence in said.then)
    assert "All 2 departures were met." in said.then


def test_the_headline_is_honest_when_it_costs_more(result):
    result.strategies["v1g"].summary["net_cost"] += 1000.0
    result.strategies["v2g"].summary["net_cost"] += 3000.0
    said = headline(result)
    assert "more than uncontrolled charging" in said.first
    assert "saves" not in said.first
    assert "more than it earns" in said.first


def test_a_baseline_that_costs_nothing_has_no_percentage(result):
    alone = building_alone(result.case, result.strategies["uncontrolled"])
    base = result.strategies["uncontrolled"].summary
    base["net_cost"] = alone - base["stored_value"]
    assert "%" not in headline(result).first


def test_missed_departures_and_exceeded_limits_are_told(result):
    last = result.strategies["v2g"].summary
    last["departures_met"], last["shortfall_kwh"], last["hard_violation_kw"] = 1, 4.0, 2.5
    said = headline(result)
    assert any("1 of 2 departures were met; 4.00\u00a0kWh" in text for text in said.then)
    assert any("Uncontrolled charging met 2 of 2" in text for text in said.then)
    assert "V2G by 2.50\u00a0kW" in said.warnings[0]


def test_a_partial_run_says_so_and_compares_only_what_is_whole(result):
    result.strategies["v2g"].partial = True
    said = headline(result)
    assert said.warnings[0].startswith("PARTIAL: the run was interrupted during V2G")
    assert "V2G" not in said.first
    markup = report_html(result)
    assert markup.index("PARTIAL") < markup.index("<h1>")
    assert "V2G (partial)" in markup
    del result.strategies["v1g"], result.strategies["v2g"]
    result.strategies["uncontrolled"].partial = True
    said = headline(result)
    assert "V1G and V2G did not run" in said.warnings[0]
    assert "before any strategy was complete" in said.first
    assert "PARTIAL" in report_html(result)


def test_a_run_cut_at_once_still_gives_a_page(result):
    for strategy in result.strategies.values():
        strategy.partial = True
        for name in ("intervals", "site", "decisions", "sessions", "plans"):
            table = strategy.columns[name]
            strategy.columns[name] = {key: values[:0] for key, values in table.items()}
        for key in ("departures", "departures_met", "departures_early"):
            strategy.summary[key] = 0
    markup = report_html(result)
    assert markup.count('class="empty"') >= 3
    assert "nothing was metered" in markup


def test_only_uncontrolled_still_gives_a_page(result):
    result.strategies = {"uncontrolled": result.strategies["uncontrolled"]}
    markup = report_html(result)
    assert headline(result).first.startswith("Uncontrolled charging costs NOK")
    assert "V2G was not run" in markup
    assert [bar.total for bar in waterfall_bars(result)][-1]


def test_the_power_picture_names_what_it_shows(once):
    text = words(power_picture(once, 0))
    for word in ("Uncontrolled", "V1G", "V2G", "vehicles charging", "vehicles giving", "building",
                 "sun", "limit 30.0", "kW", "NOK/kWh", "bought", "sold", "Sun 27 Oct"):  # fmt: skip
        assert word in text, word
    peak = number(once.strategies["v2g"].summary["peak_kw"])
    assert f"V2G: highest {peak}" in text


def test_without_sun_and_discharging_neither_is_named(result):
    result.strategies = {"v1g": result.strategies["v1g"]}
    result.strategies["v1g"].columns["site"]["pv_wh"][:] = 0
    text = words(power_picture(result, 0))
    assert "sun" not in text and "giving" not in text


def test_site_power_adds_up_at_the_meter(once):
    power = site_power(once.case, once.strategies["v2g"], 0)
    assert power.net_kw.size == 100
    assert np.diff(power.edges_s).tolist() == [900] * 100
    sums = power.building_kw + power.charge_kw - power.pv_kw - power.discharge_kw
    # Every register is read in whole watt-hours.
    assert np.abs(sums - power.net_kw).max() <= 0.025


def test_the_raster_holds_every_vehicle_and_what_it_took(once):
    cells = raster(once.case, once.strategies["v2g"])
    assert set(cells.labels) == {"<i>one</i>", "two", "three"} and cells.of == "vehicles"
    sessions = once.strategies["v2g"].columns["sessions"]
    net = dict(zip(sessions["vehicle_id"], sessions["energy_in_kwh"] - sessions["energy_out_kwh"],
                   strict=True))  # fmt: skip
    for label, row in zip(cells.labels, cells.power_kw, strict=True):
        assert np.nansum(row) / 4 == pytest.approx(net[label], abs=0.01)
    plugged_h = np.isfinite(cells.power_kw).sum(axis=1) / 4
    assert sorted(plugged_h.tolist()) == [2.0, 14.0, 16.0]
    text = words(raster_picture(once, list(once.strategies.values())))
    assert "V2G: 3 vehicles" in text and "discharging" in text and "idle" in text


def test_many_vehicles_become_rows_of_chargers(once, monkeypatch):
    from gridtide.study import _report_series

    monkeypatch.setattr(_report_series, "MOST_VEHICLE_ROWS", 2)
    monkeypatch.setattr(_report_series, "MOST_ROWS", 2)
    monkeypatch.setattr(type(once.case.world.chargers), "__len__", lambda self: 2)
    cells = raster(once.case, once.strategies["v1g"])
    assert cells.of == "chargers" and cells.whole == 3 and cells.labels == ("plug-1", "plug-3")


def test_the_fan_is_ordered_and_ends_where_the_batteries_ended(once):
    fan = soc_fan(once.case, once.strategies["uncontrolled"])
    some = fan.connected > 0
    assert (np.diff(fan.percentiles[:, some], axis=0) >= -1e-9).all()
    assert np.isnan(fan.percentiles[:, ~some]).all()
    assert fan.connected.max() == 3
    last = fan.percentiles[2, np.flatnonzero(some)[-1]]
    assert last == pytest.approx(0.8, abs=0.01)
    text = words(soc_picture(once, list(once.strategies.values())))
    for word in ("asked for", "floor", "median", "% of capacity", "Connected vehicles"):
        assert word in text


def test_a_typical_day_has_24_hours_and_counts_the_repeated_hour_as_one_more(once):
    strategy = once.strategies["uncontrolled"]
    day, run_through = soc_fan(once.case, strategy, typical_day=True), soc_fan(once.case, strategy)
    assert day.time_s[-1] == 86_400 and day.connected.size == 96
    assert day.connected.sum() == run_through.connected.sum()
    # Plugged in from 6 to 22 local winter time, the first of three.
    assert np.flatnonzero(day.connected)[[0, -1]].tolist() == [24, 87]


def test_grouped_percentiles_are_those_of_numpy():
    rng = np.random.default_rng(5)
    group, values = rng.integers(0, 7, 90), rng.random(90)
    group[group == 3] = 4
    ours = grouped_percentiles(group, values, 8, (5, 50, 95))
    for g in range(8):
        mine = values[group == g]
        if mine.size == 0:
            assert np.isnan(ours[:, g]).all()
        else:
            np.testing.assert_allclose(ours[:, g], np.percentile(mine, (5, 50, 95)), atol=1e-12)


def test_bars_carry_their_figures(once):
    text = words(figures_picture(once))
    for strategy in once.strategies.values():
        for key in ("peak_kw", "carbon_kg", "loss_kwh"):
            assert number(strategy.summary[key]) in text
    assert "2 met · 1 left early" in words(departures_picture(once))


def test_who_left_short_is_named_with_the_reason(result):
    strategy = result.strategies["v1g"]
    table = strategy.columns["sessions"]
    table["shortfall_kwh"][:] = [3.0, 5.0, 7.0]
    table["target_kwh"][:] = 40.0
    due = worst_departures(result.case, strategy, early=False)
    assert [s.missing_kwh for s in due] == [5.0, 3.0]
    assert due[0].reason
    (early,) = worst_departures(result.case, strategy, early=True)
    assert early.reason == "left 8.00\u00a0h before the stated time"
    strategy.columns["decisions"]["reason"][:] = 4
    strategy.columns["decisions"]["limit"][:] = 0
    (worst, _) = worst_departures(result.case, strategy, early=False)
    assert worst.reason.startswith("held back by the limit yard for")
    markup = report_html(result)
    assert "V1G: 2 left short" in markup and "vehicle-hours" in markup


def test_reasons_share_the_whole_plugged_in_time(once):
    for strategy in once.strategies.values():
        shares = reason_shares(once.case, strategy)
        assert sum(shares.values()) == pytest.approx(1.0)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_statements_in_the_report_are_the_bill_exactly(result):
    assert "to the last billionth" in report_html(result)
    lines = result.strategies["v2g"].columns["statement"]
    owed = np.flatnonzero(np.char.startswith(lines["account"].astype(str), "vehicle:"))
    lines["amount_nano"][owed[0]] += 1
    assert "do not add up" in report_html(result)


def test_the_terminal_shows_the_same_rows(once):
    out = io.StringIO()
    print_comparison(once, Console(file=out, width=120, no_color=True))
    text = out.getvalue()
    assert headline(once).first.split(";")[0].replace("\u00a0", " ")[:40] in text.replace(
        "\u00a0", " "
    )
    for row in comparison_rows(once):
        assert row.label in text
        assert all(cell in text for cell in row.texts.values())


def test_numbers_have_three_significant_digits_and_a_true_minus():
    written = [number(x) for x in (0, 0.0001, 0.01234, 9.999, 12.345, 99.96, 123.4, 12345.6, -2.5)]
    assert written == ["0", "0", "0.012", "10.0", "12.3", "100", "123", "12,346", "−2.50"]
    assert number(math.nan) == "–"
    assert [money(x, "EUR") for x in (-0.001, 3.456, 1234.5, -99.5)] == [
        "EUR\u00a00.00", "EUR\u00a03.46", "EUR\u00a01,234", "−EUR\u00a099.50",
    ]  # fmt: skip


def test_days_of_23_and_25_hours_begin_at_local_midnight(once):
    grid, zone = once.case.world.grid, once.case.zone
    assert (grid.end_s - grid.start_s) / 3600 == 25
    assert local_midnights(grid.start_s, grid.end_s + 1, zone) == [grid.start_s, grid.end_s]
