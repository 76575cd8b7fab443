"""The published tariffs, prices and emissions, and the sun against a published example."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gridtide.core import TimeGrid, parse_utc
from gridtide.signals import (
    Carbon,
    PriceTable,
    Tariff,
    acn_periods,
    carbon_kg_per_kwh,
    expand_tariff,
    map_by_weekday_hour,
    on_grid,
    period_prices,
    read_ercot,
    read_sgip,
    read_sgip_forecast,
    sun_position,
)

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
OSLO = ZoneInfo("Europe/Oslo")
CHICAGO = ZoneInfo("America/Chicago")


def local(text: str, zone: ZoneInfo = LOS_ANGELES) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


@pytest.mark.parametrize(
    ("name", "at", "price"),
    [
        ("sce_tou_ev_8_june_2019", "2019-07-01T15:45", 0.12597),
        ("sce_tou_ev_8_june_2019", "2019-07-01T16:00", 0.49619),
        ("sce_tou_ev_8_june_2019", "2019-07-06T20:45", 0.25563),
        ("sce_tou_ev_8_june_2019", "2019-09-30T17:00", 0.49619),
        ("sce_tou_ev_8_june_2019", "2019-10-01T17:00", 0.297),
        ("sce_tou_ev_8_june_2019", "2020-01-05T08:00", 0.07724),
        ("sce_tou_ev_8_june_2019", "2020-02-29T07:45", 0.13568),
        ("sce_tou_ev_4_march_2019", "2019-07-01T12:00", 0.26668),
        ("pge_a10_tou_aug_2019", "2019-05-01T08:15", 0.14903),
        ("pge_a10_tou_aug_2019", "2019-05-01T08:30", 0.1771),
        ("pge_a10_tou_aug_2019", "2019-12-02T09:00", 0.1477),
        ("pge_a10_tou_aug_2019", "2019-12-01T09:00", 0.13064),
    ],
)
def test_published_rates(shared_data, name, at, price):
    periods, _, _ = acn_periods(shared_data / "tariff" / f"{name}.json")
    values, findings = period_prices(periods, TimeGrid(local(at), 900, 1), LOS_ANGELES, name)
    assert findings == [] and values[0] == price


def test_every_hour_of_a_leap_year_has_a_rate_and_the_overlap_is_told(shared_data):
    year = TimeGrid(local("2020-01-01"), 900, 96 * 366)
    for path in sorted((shared_data / "tariff").glob("*.json")):
        periods, demand, notes = acn_periods(path)
        assert period_prices(periods, year, LOS_ANGELES, path.name)[1] == []
        assert len(demand) >= 3
        assert bool(notes) == path.name.startswith("pge")


def test_caltech_tariff_of_july(shared_data):
    stated = Tariff(
        name="SCE",
        currency="USD",
        import_price_per_kwh=PriceTable(file="sce_tou_ev_8_june_2019.json", format="acnportal"),
        export_price_per_kwh=0.05,
    )
    grid = TimeGrid(local("2019-07-01"), 900, 96 * 31)
    series = expand_tariff(stated, grid, LOS_ANGELES, lambda name: shared_data / "tariff" / name)
    days = series.energy_micro_per_kwh.reshape(31, 96)
    # July 2019 had 23 working days and 8 days of weekend.
    assert int((days[:, 64:84] == 496190).all(axis=1).sum()) == 23
    assert int((days[:, 64:84] == 255630).all(axis=1).sum()) == 8
    assert set(days[:, :64].ravel().tolist()) == {125970}


def test_ercot_year_is_whole_in_utc(shared_data):
    series, zone = read_ercot(shared_data / "price" / "ercot_dam_2021.csv.gz", "LZ_NORTH")
    assert len(series) == 8760 and set(np.diff(series.start_s).tolist()) == {3600}
    assert series.start_s[0] == local("2021-01-01", zone)
    assert series.start_s[-1] + 3600 == local("2022-01-01", zone)
    assert series.value.max() == pytest.approx(9000, rel=0.01)
    _, findings = on_grid(series, TimeGrid(local("2021-12-31T12:00", zone), 900, 96))
    assert "12 h" in findings[0].what


def test_trondheim_october_gets_ercot_prices_with_its_25_hour_day(shared_data):
    series, zone = read_ercot(shared_data / "price" / "ercot_dam_2021.csv.gz", "HB_NORTH")
    start, end = local("2019-10-01", OSLO), local("2019-11-01", OSLO)
    grid = TimeGrid(start, 900, (end - start) // 900)
    assert grid.n == 31 * 96 + 4
    values, _ = map_by_weekday_hour(series, zone, grid, OSLO)
    assert np.isfinite(values).all()
    noon = grid.step_at(local("2019-10-15T12:00", OSLO))  # Tuesday of ISO week 42
    row = np.searchsorted(series.start_s, local("2021-10-19T12:00", CHICAGO))
    assert values[noon] == series.value[row]


def test_an_illustrative_tariff_in_another_unit(shared_data):
    stated = Tariff(
        name="mapped",
        currency="USD",
        import_price_per_kwh=PriceTable(
            file="ercot_dam_2021.csv.gz",
            format="ercot",
            settlement_point="HB_NORTH",
            map_by_weekday_hour=True,
            scale=0.001,
            add_per_kwh=0.02,
        ),
        export_price_per_kwh=0.0,
    )
    grid = TimeGrid(local("2019-10-26", OSLO), 900, 2 * 96 + 4)
    tariff = expand_tariff(stated, grid, OSLO, lambda name: shared_data / "price" / name)
    series, _ = read_ercot(shared_data / "price" / "ercot_dam_2021.csv.gz", "HB_NORTH")
    row = np.searchsorted(series.start_s, local("2021-10-30T00:00", CHICAGO))
    assert tariff.energy_micro_per_kwh[0] == round(series.value[row] * 1000 + 20_000)
    assert len(tariff.notes) == 1 and "illustrative" in tariff.notes[0]


def test_sgip_july_covers_the_local_month(shared_data):
    path = shared_data / "carbon" / "SGIP_CAISO_SCE_2019-07.csv.gz"
    grid = TimeGrid(local("2019-07-01"), 900, 96 * 31)
    stated = Carbon(file=path.name, format="sgip")
    rates = carbon_kg_per_kwh(stated, grid, lambda name: path.parent / name)
    assert rates.shape == (2976,) and 0.2 < rates.mean() < 0.4
    series = read_sgip(path)
    at = int(np.searchsorted(series.start_s, grid.start_s))
    assert rates[0] == pytest.approx(series.value[at : at + 3].mean(), rel=1e-12)
    assert read_sgip_forecast(path).shape == (len(series), 36)


def test_sun_position_of_the_nrel_example():
    # I. Reda, A. Andreas, NREL/TP-560-34302, 2008, table A5.1: zenith 50.11162°, azimuth
    # 194.34024°; the pressure's refraction (0.02°) is within the tolerance.
    sun = sun_position([parse_utc("2003-10-17T12:30:30-07:00")], 39.742476, -105.1786)
    assert np.degrees(np.arccos(sun.cos_zenith[0])) == pytest.approx(50.11162, abs=0.2)
    assert np.degrees(sun.azimuth_rad[0]) == pytest.approx(194.34024, abs=0.3)
