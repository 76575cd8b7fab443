"""Tariffs on a time grid: periods, seasons, clock changes, billing periods, findings."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gridtide.core import InputError, TimeGrid, parse_utc, read_record
from gridtide.signals import (
    DemandCharge,
    PricePeriod,
    PriceTable,
    Tariff,
    expand_tariff,
    period_prices,
)

OSLO = ZoneInfo("Europe/Oslo")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def days(start: str, n: int, zone: ZoneInfo, step_s: int = 900) -> TimeGrid:
    begin = datetime.fromisoformat(start).replace(tzinfo=zone)
    end = begin.replace(day=begin.day + n)
    start_s, end_s = round(begin.timestamp()), round(end.timestamp())
    return TimeGrid(start_s, step_s, (end_s - start_s) // step_s)


def tariff(**changes) -> Tariff:
    fields = {
        "name": "t",
        "currency": "EUR",
        "import_price_per_kwh": 0.2,
        "export_price_per_kwh": 0.0,
    }
    return Tariff(**(fields | changes))


def expand(stated: Tariff, grid: TimeGrid, zone: ZoneInfo = OSLO, folder: Path = Path()):
    return expand_tariff(stated, grid, zone, lambda name: folder / name, "s.toml:3 tariff[0]")


@pytest.mark.parametrize(("start", "quarters"), [("2019-10-27", 100), ("2019-03-31", 92)])
def test_peak_hours_stay_on_the_wall_clock_when_the_clock_changes(start, quarters):
    grid = (
        days(start, 1, OSLO)
        if start != "2019-03-31"
        else TimeGrid(parse_utc("2019-03-30T23:00:00Z"), 900, 92)
    )
    assert grid.n == quarters
    periods = [
        PricePeriod(price_per_kwh=0.5, from_time="16:00", to_time="21:00"),
        PricePeriod(price_per_kwh=0.1),
    ]
    price, findings = period_prices(periods, grid, OSLO, "t")
    assert findings == []
    hours = [datetime.fromtimestamp(t, OSLO).hour for t in grid.starts_s.tolist()]
    assert np.array_equal(price == 0.5, [16 <= h < 21 for h in hours])


def test_the_repeated_night_hour_is_paid_twice():
    grid = days("2019-10-27", 1, OSLO)
    night = [
        PricePeriod(price_per_kwh=1.0, from_time="02:00", to_time="03:00"),
        PricePeriod(price_per_kwh=0.0),
    ]
    price, _ = period_prices(night, grid, OSLO, "t")
    assert price.sum() == 8


def test_season_wraps_the_year_and_period_wraps_midnight():
    periods = [
        PricePeriod(
            price_per_kwh=3.0, from_time="22:00", to_time="06:00", from_date="10-01", to_date="5-31"
        ),
        PricePeriod(price_per_kwh=2.0, days="weekends"),
        PricePeriod(price_per_kwh=1.0),
    ]

    def at(text: str) -> float:
        start = round(datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp())
        return float(period_prices(periods, TimeGrid(start, 900, 1), OSLO, "t")[0][0])

    assert [at("2021-12-31T23:00"), at("2021-05-31T05:45"), at("2021-06-01T05:45")] == [3, 3, 1]
    assert [at("2021-10-02T12:00"), at("2021-10-01T12:00"), at("2021-10-02T21:45")] == [2, 1, 2]
    assert [at("2021-09-30T23:45"), at("2021-10-01T00:00")] == [1, 3]


def test_a_long_step_takes_the_mean_of_its_quarter_hours():
    periods = [PricePeriod(price_per_kwh=0.4, to_time="00:30"), PricePeriod(price_per_kwh=0.2)]
    price, _ = period_prices(periods, days("2021-06-01", 1, OSLO, 3600), OSLO, "t")
    assert price[:3] == pytest.approx([0.3, 0.2, 0.2])


def test_hours_without_a_price_are_a_finding_with_place_and_mend():
    table = PriceTable(period=[PricePeriod(price_per_kwh=0.1, to_time="22:00")])
    with pytest.raises(InputError) as caught:
        expand(tariff(import_price_per_kwh=table), days("2021-06-01", 2, OSLO))
    (finding,) = caught.value.findings
    assert finding.where == "s.toml:3 tariff[0].import_price_per_kwh"
    assert "4 hours" in finding.what and "06-01 22:00" in finding.what
    assert "Add a period" in finding.mend


def test_prices_are_rounded_once_and_fees_are_part_of_the_import_price():
    series = expand(
        tariff(
            import_price_per_kwh=0.12345678,
            export_price_per_kwh=-0.05,
            grid_fee_per_kwh=0.03,
            tax_per_kwh=0.01,
            fees_on_reexport=False,
        ),
        days("2021-06-01", 1, OSLO),
    )
    assert set(series.energy_micro_per_kwh.tolist()) == {123457}
    assert set(series.import_micro_per_kwh.tolist()) == {163457}
    assert set(series.export_micro_per_kwh.tolist()) == {-50000}
    assert series.refund_micro_per_kwh == 40000
    assert series.price_import_per_kwh[0] == 0.163457
    kept = expand(tariff(grid_fee_per_kwh=0.03), days("2021-06-01", 1, OSLO))
    assert kept.refund_micro_per_kwh == 0


def test_demand_charge_is_prorated_by_local_days_also_over_the_clock_change():
    grid = TimeGrid(parse_utc("2019-10-25T22:00:00Z"), 900, 3 * 96 + 4 + 7 * 96)
    charge = DemandCharge(price_per_kw=31.0, peak_so_far_kw=12.5)
    series = expand(tariff(demand_charge=charge), grid)
    assert series.periods.names == ("2019-10", "2019-11")
    assert series.periods.share == (Fraction(6, 31), Fraction(4, 30))
    first_november = np.flatnonzero(series.demand_period == 1)[0]
    assert grid.starts_s[first_november] == parse_utc("2019-10-31T23:00:00Z")
    assert series.demand_price_per_kw == pytest.approx([6.0, 31 * 4 / 30])
    assert (series.peak_so_far_w, series.demand_interval_s) == (12500, 900)
    whole = expand(tariff(demand_charge=DemandCharge(price_per_kw=31.0, proration="none")), grid)
    assert whole.periods.share == (1, 1)
    run = expand(tariff(demand_charge=DemandCharge(price_per_kw=1, billing_period="run")), grid)
    assert run.periods.names == ("run",)


def test_fixed_charges_count_local_days():
    grid = TimeGrid(parse_utc("2019-10-26T22:00:00Z"), 900, 100 + 48)
    series = expand(tariff(fixed_per_day=2.0, fixed_per_month=31.0), grid)
    assert series.fixed_nano == 3_000_000_000 + 1_500_000_000


def test_a_price_file_with_a_hole_names_file_line_and_hours(tmp_path):
    rows = ["time,value"] + [f"2021-06-01T{h:02d}:00:00+00:00,0.{h:02d}" for h in range(24)]
    del rows[11:13]
    (tmp_path / "p.csv").write_text("\n".join(rows))
    stated = tariff(import_price_per_kwh=PriceTable(file="p.csv"))
    with pytest.raises(InputError) as caught:
        expand(stated, TimeGrid(parse_utc("2021-06-01T00:00:00Z"), 900, 96), OSLO, tmp_path)
    (finding,) = caught.value.findings
    assert finding.where == "p.csv:11"
    assert "2021-06-01T10:00Z to 2021-06-01T12:00Z (2 h)" in finding.what


def test_contradictions_are_found_all_at_once():
    stated = tariff(
        import_price_per_kwh=PriceTable(),
        export_price_per_kwh=PriceTable(
            file="x", format="ercot", period=[PricePeriod(price_per_kwh=1, from_date="02-30")]
        ),
        grid_fee_per_kwh=float("nan"),
    )
    with pytest.raises(InputError) as caught:
        expand(stated, days("2021-06-01", 1, OSLO))
    told = "\n".join(map(str, caught.value.findings))
    for part in ("no price is given", "both period and file", "settlement_point", "02-30", "nan"):
        assert part in told
    with pytest.raises(InputError, match="no time zone 'Mars/Base'"):
        expand(tariff(time_zone="Mars/Base"), days("2021-06-01", 1, OSLO))
    with pytest.raises(InputError, match=r"gone\.csv.*cannot be read"):
        expand(tariff(export_price_per_kwh=PriceTable(file="gone.csv")), TimeGrid(0, 900, 4))


def test_the_table_is_read_as_a_record_with_number_or_table():
    data = {
        "name": "t",
        "currency": "EUR",
        "import_price_per_kwh": {
            "period": [{"price_per_kwh": 0.3, "days": "weekdays"}, {"price_per_kwh": 0.1}]
        },
        "export_price_per_kwh": 0,
    }
    record, findings = read_record(Tariff, data, lambda path: path)
    assert findings == [] and record.import_price_per_kwh.period[0].days == "weekdays"
    del data["export_price_per_kwh"]
    data["currency"] = "euro"
    _, findings = read_record(Tariff, data, lambda path: path)
    assert {f.where for f in findings} == {"export_price_per_kwh", "currency"}
