"""Settlement by hand: marginal price, refund, coincident peak, contract, refusals."""

from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import gridtide.market
from gridtide.core import InputError, TimeGrid, parse_utc
from gridtide.market import (
    ChargerRows,
    Contract,
    SiteRows,
    charger_rows,
    driver_payments,
    interval_prices,
    payments,
    plugged_days,
    priced_site_rows,
    settle_site,
    site_bill,
    site_rows,
    statements,
)
from gridtide.signals import DemandCharge, PricePeriod, PriceTable, Tariff, expand_tariff

OSLO = ZoneInfo("Europe/Oslo")
START = parse_utc("2021-06-01T00:00:00+02:00")
IDS = ("v0", "v1")


def priced(steps: int = 4, step_s: int = 900, **changes):
    fields = {
        "name": "t",
        "currency": "EUR",
        "import_price_per_kwh": 0.30,
        "export_price_per_kwh": 0.10,
    }
    grid = TimeGrid(START, step_s, steps)
    return expand_tariff(Tariff(**(fields | changes)), grid, OSLO, lambda name: None)


def ints(*values: int):
    return np.array(values, dtype=np.int64)


def site(net_wh, length_s: int = 900):
    net = ints(*net_wh)
    zero = np.zeros(len(net), dtype=np.int64)
    return SiteRows(
        interval_s=START + length_s * np.arange(len(net)),
        length_s=length_s,
        import_wh=np.maximum(net, 0),
        export_wh=np.maximum(-net, 0),
        building_wh=zero,
        pv_wh=zero,
    )


def chargers(*rows):
    """Rows of interval, vehicle, net Wh."""
    at, vehicle, net = (ints(*column) for column in zip(*rows, strict=True))
    return ChargerRows(
        interval_s=START + 900 * at,
        vehicle=vehicle,
        import_wh=np.maximum(net, 0),
        export_wh=np.maximum(-net, 0),
    )


def test_the_list_of_public_names_is_exact_and_sorted():
    offered = gridtide.market.__all__
    assert offered == sorted(offered)
    assert all(hasattr(gridtide.market, name) for name in offered)


def test_vehicles_pay_the_marginal_price_and_the_building_the_remainder():
    settled = settle_site(
        "a",
        site([3000, -1000]),
        chargers((0, 0, 2000), (0, 1, -500), (1, 0, 1000), (1, 1, -1500)),
        priced(grid_fee_per_kwh=0.05),
        IDS,
    )
    milli = 1_000_000
    assert settled.bill.energy_nano == (3000 * 350 - 1000 * 100) * milli // 1000
    assert settled.vehicle_energy_nano.tolist() == [800_000_000, -325_000_000]
    assert settled.building_energy_nano == 950_000_000 - 800_000_000 + 325_000_000
    assert settled.row_price_micro_per_kwh.tolist() == [350_000, 350_000, 100_000, 100_000]
    assert (settled.taken_wh.tolist(), settled.given_wh.tolist()) == ([3000, 0], [0, 2000])


def test_refund_goes_to_those_who_gave_and_only_on_what_left_the_site():
    tariff = priced(grid_fee_per_kwh=0.04, tax_per_kwh=0.01, fees_on_reexport=False)
    settled = settle_site(
        "a",
        site([-301, -5000, 700]),
        chargers((0, 0, -1000), (0, 1, -500), (1, 0, -900), (1, 1, 400), (2, 0, -600)),
        tariff,
        IDS,
    )
    # 301 Wh split 2:1 in whole Wh; then the site exports more than the vehicles together gave.
    assert settled.refunded_wh.tolist() == [200 + 500, 101]
    assert settled.bill.refund_nano == -801 * 50_000
    assert settled.vehicle_refund_nano.tolist() == [-700 * 50_000, -101 * 50_000]
    told = statements([settled])
    assert told.quantity[(told.kind == "refund") & (told.account == "site:a")].tolist() == [801]
    kept = settle_site("a", site([-301]), chargers((0, 0, -1000)), priced(tax_per_kwh=1.0), IDS)
    assert kept.bill.refund_nano == 0


def test_demand_is_shared_by_coincident_peak():
    tariff = priced(demand_charge=DemandCharge(price_per_kw=30.0))
    settled = settle_site(
        "a", site([1000, 2500, 0]), chargers((1, 0, 500), (1, 1, 750), (0, 1, 1000)), tariff, IDS
    )
    (charged,) = settled.bill.demand
    assert (charged.peak_w, charged.charged_w, charged.period) == (10_000, 10_000, "2021-06")
    assert charged.share == Fraction(1, 24) / 30
    assert charged.amount_nano == round(Fraction(300_000_000_000, 720))
    assert settled.vehicle_demand_nano.tolist() == [83_333_333, 125_000_000]
    # Vehicles drew more than the site: the sun helped, and their parts still fit the charge.
    sunny = settle_site("a", site([500]), chargers((0, 0, 600), (0, 1, 1400)), tariff, IDS)
    assert sunny.building_demand_nano in (0, 1)
    ratio = sunny.vehicle_demand_nano[1] / sunny.vehicle_demand_nano[0]
    assert ratio == pytest.approx(14 / 6, rel=1e-6)


def test_a_peak_set_before_is_charged_to_the_building():
    charge = DemandCharge(price_per_kw=2.0, billing_period="run", peak_so_far_kw=12.0)
    settled = settle_site(
        "a", site([2500]), chargers((0, 0, 2500)), priced(demand_charge=charge), IDS
    )
    assert settled.bill.demand_nano == 24_000_000_000
    assert settled.vehicle_demand_nano.tolist() == [0, 0]
    assert "peak set before" in statements([settled]).note.tolist()[1]


def test_demand_over_hours_and_two_months():
    charge = DemandCharge(
        price_per_kw=3.0, interval_minutes=60, proration="none", peak_so_far_kw=1.0
    )
    grid = TimeGrid(parse_utc("2021-06-30T22:00:00+02:00"), 900, 16)
    stated = Tariff(
        name="t",
        currency="EUR",
        import_price_per_kwh=0.0,
        export_price_per_kwh=0.0,
        demand_charge=charge,
    )
    tariff = expand_tariff(stated, grid, OSLO, lambda name: None)
    wh = ints(*[0] * 4, 4000, 0, 0, 0, 100, 100, 100, 100, *[0] * 4)
    zero = np.zeros(16, dtype=np.int64)
    rows = SiteRows(
        interval_s=grid.starts_s, length_s=900, import_wh=wh, export_wh=zero,
        building_wh=zero, pv_wh=zero,
    )  # fmt: skip
    june, july = site_bill("a", rows, tariff).demand
    assert (june.period, june.peak_w, june.amount_nano) == ("2021-06", 4000, 12_000_000_000)
    # The peak already set belongs to the month in which the run begins.
    assert (july.period, july.peak_w, july.amount_nano) == ("2021-07", 400, 1_200_000_000)


def test_contract_pays_the_larger_of_share_and_minimum_plus_compensation():
    tariff = priced(96 * 2)
    before = settle_site("a", site([0]), chargers((0, 0, 10_000), (0, 1, 1000)), tariff, IDS)
    after = settle_site(
        "a", site([0] * 100), chargers((0, 0, 8000), (0, 0, -4000), (99, 1, 1000)), tariff, IDS
    )
    contract = Contract(
        share_of_gain=0.5, guaranteed_minimum_per_day=0.2, compensation_per_discharged_kwh=0.05
    )
    # The site's net is zero: the export price 0.10 holds. Gain 0.60; 0.
    assert plugged_days([after], OSLO).tolist() == [1, 1]
    paid = driver_payments([after], contract, [before], OSLO)
    assert paid.share_of_gain_nano.tolist() == [300_000_000, 0]
    assert paid.minimum_top_up_nano.tolist() == [0, 200_000_000]
    assert paid.compensation_nano.tolist() == [200_000_000, 0]
    told = statements([after], contract, [before], OSLO)
    assert told.total_nano("operator") == 700_000_000
    assert told.total_nano("driver:v0") == -500_000_000
    out = driver_payments([after], Contract(share_of_gain=1, opt_out=["v0"]), [before])
    assert out.total_nano.tolist() == [0, 0]
    alone = driver_payments([before], Contract(share_of_gain=1), ())
    assert alone.total_nano.tolist() == [0, 0]


def test_who_lost_nothing_is_paid_nothing_and_never_pays():
    paid = payments(Contract(share_of_gain=0.5), IDS, ints(-1000, 0), ints(3, 3), ints(0, 0))
    for amounts in (paid.share_of_gain_nano, paid.minimum_top_up_nano, paid.total_nano):
        assert amounts.tolist() == [0, 0]


def test_a_demand_interval_nets_what_the_site_fed_in_within_it():
    tariff = priced(demand_charge=DemandCharge(price_per_kw=1.0, interval_minutes=30))
    (charged,) = site_bill("a", site([3000, -1000, 500, 600]), tariff).demand
    assert (charged.peak_w, charged.peak_s) == (4000, START)


def test_a_meter_read_by_the_hour_is_charged_for_its_own_means():
    tariff = priced(3, 3600, demand_charge=DemandCharge(price_per_kw=1.0, billing_period="run"))
    settled = settle_site("a", site([1000, 5000], 3600), chargers((4, 0, 2500)), tariff, IDS)
    assert settled.bill.demand[0].peak_w == 5000
    assert settled.vehicle_demand_nano.tolist() == [2_500_000_000, 0]


def test_the_lines_of_site_building_and_vehicles():
    settled = settle_site("a", site([3000, -1000]), chargers((0, 0, 2000)), priced(), IDS)
    told = statements([settled])
    lines = list(zip(told.account, told.kind, told.quantity, told.amount_nano, strict=True))
    assert lines == [
        ("site:a", "energy_import", 3000, 900_000_000),
        ("site:a", "energy_export", 1000, -100_000_000),
        ("building:a", "energy_remainder", 0, 200_000_000),
        ("vehicle:v0", "energy_taken", 2000, 600_000_000),
    ]


def test_a_huge_gain_is_shared_without_overflow():
    paid = payments(Contract(share_of_gain=0.999999), ("v",), ints(4 * 10**18), ints(0), ints(0))
    assert paid.total_nano.tolist() == [4 * 10**18 * 999_999 // 10**6]


def test_prices_of_intervals_longer_and_shorter_than_steps():
    table = PriceTable(
        period=[PricePeriod(price_per_kwh=0.1, to_time="00:05"), PricePeriod(price_per_kwh=0.2)]
    )
    fine = priced(6, 300, import_price_per_kwh=table)
    assert interval_prices(fine, site([0, 0])).energy.tolist() == [166_667, 200_000]
    coarse = priced(2, 3600, import_price_per_kwh=table)
    assert interval_prices(coarse, site([0] * 8)).energy.tolist() == [175_000] * 4 + [200_000] * 4
    with pytest.raises(ValueError, match="outside"):
        interval_prices(coarse, site([0] * 9))
    with pytest.raises(ValueError, match="do not fit"):
        interval_prices(priced(3, 1200), site([0]))


def test_two_currencies_in_one_run_are_refused():
    euro = settle_site("a", site([1]), chargers((0, 0, 1)), priced(), IDS)
    krone = settle_site("b", site([1]), chargers((0, 0, 1)), priced(currency="NOK"), IDS)
    with pytest.raises(InputError, match="EUR and NOK in one run"):
        statements([euro, krone])
    both = statements([euro, euro])
    assert both.total_nano("site:") == 2 * euro.bill.total_nano
    assert set(both.columns()["currency"].tolist()) == {"EUR"}


def test_rows_that_cannot_be_settled_are_refused():
    with pytest.raises(ValueError, match="registers never run back"):
        ChargerRows(interval_s=ints(0), vehicle=ints(0), import_wh=ints(-1), export_wh=ints(0))
    with pytest.raises(ValueError, match="int64"):
        ChargerRows(
            interval_s=ints(0), vehicle=ints(0), import_wh=np.array([0.5]), export_wh=ints(0)
        )
    with pytest.raises(ValueError, match="its site was not"):
        settle_site("a", site([1]), chargers((1, 0, 5)), priced(), IDS)
    with pytest.raises(ValueError, match="must not overlap"):
        SiteRows(
            interval_s=ints(0, 5), length_s=900, import_wh=ints(0, 0), export_wh=ints(0, 0),
            building_wh=ints(0, 0), pv_wh=ints(0, 0),
        )  # fmt: skip
    with pytest.raises(ValueError, match="do not add up"):
        tariff = priced(8, 600, demand_charge=DemandCharge(price_per_kw=1))
        settle_site("a", site([1], 600), chargers((0, 0, 5)), tariff, IDS)
    wild = priced()
    object.__setattr__(wild, "energy_micro_per_kwh", wild.energy_micro_per_kwh + 10**17)
    with pytest.raises(ValueError, match="64 bits"):
        settle_site("a", site([5000]), chargers((0, 0, 5)), wild, IDS)


def test_rows_are_picked_by_site():
    columns = {
        "interval_s": ints(900, 0, 0, 900) + START,
        "charger": ints(0, 0, 1, 1),
        "session": ints(0, 1, 2, -1),
        "import_wh": ints(5, 6, 7, 0),
        "export_wh": ints(0, 0, 0, 0),
    }
    rows = charger_rows(columns, ints(1, 0, 1), ints(0, 1), 1)
    assert (rows.vehicle.tolist(), rows.import_wh.tolist()) == ([1], [7])
    columns["export_wh"] = ints(0, 0, 0, 3)
    with pytest.raises(ValueError, match="no vehicle was plugged in"):
        charger_rows(columns, ints(1, 0, 1), ints(0, 1), 1)
    table = {name: ints(1, 2, 3) for name in ("import_wh", "export_wh", "building_wh", "pv_wh")}
    table |= {"interval_s": ints(900, 0, 0), "site": ints(0, 0, 1)}
    assert site_rows(table, 0, 900).import_wh.tolist() == [2, 1]


def test_prices_are_kept_beside_the_energy():
    settled = settle_site("a", site([3000, -1000]), chargers((0, 0, 2000)), priced(), IDS)
    table = priced_site_rows(settled)
    assert table["energy_cost_nano"].sum() == settled.bill.energy_nano
    assert table["marginal_price_micro_per_kwh"].tolist() == [300_000, 100_000]
    assert len({len(column) for column in table.values()}) == 1
