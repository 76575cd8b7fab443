"""Whatever the registers and prices, the statements add up to the bill to the nano."""

from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridtide.core import TimeGrid
from gridtide.market import ChargerRows, Contract, SiteRows, settle_site, statements
from gridtide.market.amounts import exact_sum, group_sums, split_capped, split_wh
from gridtide.signals import DemandCharge, Tariff, expand_tariff, to_micro

OSLO = ZoneInfo("Europe/Oslo")
prices = st.floats(-9.0, 9.0)


@st.composite
def days(draw):
    """A site with random registers and prices, settled before and after."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, vehicles = draw(st.integers(1, 40)), draw(st.integers(0, 6))
    grid = TimeGrid(1_572_000_000 // 900 * 900 + 900 * draw(st.integers(0, 600)), 900, n)
    charge = st.builds(
        DemandCharge,
        price_per_kw=st.floats(0, 30),
        interval_minutes=st.sampled_from([15, 30, 60]),
        billing_period=st.sampled_from(["month", "run"]),
        proration=st.sampled_from(["days", "none"]),
        peak_so_far_kw=st.floats(0, 20),
    )
    stated = Tariff(
        name="t",
        currency="EUR",
        import_price_per_kwh=draw(prices),
        export_price_per_kwh=draw(prices),
        demand_charge=draw(st.none() | charge),
        fixed_per_day=draw(st.floats(0, 5)),
        fixed_per_month=draw(st.floats(0, 50)),
        grid_fee_per_kwh=draw(st.floats(0, 0.2)),
        tax_per_kwh=draw(st.floats(0, 0.2)),
        fees_on_reexport=draw(st.booleans()),
    )
    tariff = expand_tariff(stated, grid, OSLO, lambda name: None)
    object.__setattr__(tariff, "energy_micro_per_kwh", rng.integers(-9_000_000, 9_000_000, n))
    object.__setattr__(tariff, "export_micro_per_kwh", rng.integers(-9_000_000, 9_000_000, n))

    def settle():
        rows = draw(st.integers(0, 60)) if vehicles else 0
        at = rng.integers(0, n, rows)
        chargers = ChargerRows(
            interval_s=grid.starts_s[at],
            vehicle=rng.integers(0, max(vehicles, 1), rows),
            import_wh=rng.integers(0, 6000, rows) * rng.integers(0, 2, rows),
            export_wh=rng.integers(0, 6000, rows) * rng.integers(0, 2, rows),
        )
        net = rng.integers(-9000, 9000, n)
        site = SiteRows(
            interval_s=grid.starts_s,
            length_s=900,
            import_wh=np.maximum(net, 0) + rng.integers(0, 3, n),
            export_wh=np.maximum(-net, 0),
            building_wh=np.zeros(n, dtype=np.int64),
            pv_wh=np.zeros(n, dtype=np.int64),
        )
        return settle_site("a", site, chargers, tariff, tuple(f"v{i}" for i in range(vehicles)))

    return settle(), settle()


contracts = st.builds(
    Contract,
    share_of_gain=st.floats(0, 1),
    guaranteed_minimum_per_day=st.floats(0, 2),
    compensation_per_discharged_kwh=st.floats(0, 0.2),
    opt_out=st.sampled_from([[], ["v0"], ["v1", "v2"]]),
)


@given(days(), contracts)
def test_statements_add_up_to_the_bill_and_transfers_to_zero(settled_twice, contract):
    baseline, settled = settled_twice
    told = statements([settled], contract, [baseline], OSLO)
    bill = settled.bill.total_nano
    assert told.total_nano("site:") == bill
    assert told.total_nano("building:") + told.total_nano("vehicle:") == bill
    assert settled.building_nano + exact_sum(settled.vehicle_nano) == bill
    assert told.total_nano("driver:") + told.total_nano("operator") == 0
    assert told.total_nano("operator") >= 0
    for i, name in enumerate(settled.vehicle_ids):
        assert told.total_nano(f"vehicle:{name}") == settled.vehicle_nano[i]
        if name in contract.opt_out:
            assert told.total_nano(f"driver:{name}") == 0
    priced = (told.unit_price_micro != 0) & (told.unit == "Wh")
    product = told.quantity[priced] * told.unit_price_micro[priced]
    assert np.array_equal(np.abs(product), np.abs(told.amount_nano[priced]))
    assert (told.quantity[told.kind != "energy_remainder"] >= 0).all()


@given(days())
def test_the_bill_is_what_a_slow_and_plain_reckoning_gives(settled_twice):
    settled = settled_twice[0]
    tariff, rows, bill = settled.tariff, settled.rows, settled.bill
    fees = tariff.grid_fee_micro_per_kwh + tariff.tax_micro_per_kwh
    energy = refund = 0
    vehicles = dict.fromkeys(range(len(settled.vehicle_ids)), 0)
    for k in range(len(rows)):
        paid = int(tariff.energy_micro_per_kwh[k]) + fees
        got = int(tariff.export_micro_per_kwh[k])
        drawn, fed = int(rows.import_wh[k]), int(rows.export_wh[k])
        energy += drawn * paid - fed * got
        own = np.flatnonzero(settled.chargers.interval_s == rows.interval_s[k]).tolist()
        net = [int(settled.chargers.import_wh[r] - settled.chargers.export_wh[r]) for r in own]
        refund += min(max(-sum(net), 0), fed) * tariff.refund_micro_per_kwh
        for r, wh in zip(own, net, strict=True):
            vehicles[int(settled.chargers.vehicle[r])] += wh * (paid if drawn > fed else got)
    assert bill.energy_nano == energy - refund
    assert settled.vehicle_energy_nano.tolist() == list(vehicles.values())
    assert -exact_sum(settled.vehicle_refund_nano) == refund
    for charged in bill.demand:
        exact = Fraction(charged.price_micro_per_kw) * charged.charged_w * charged.share
        assert abs(charged.amount_nano - exact) <= Fraction(1, 2)
    shares = exact_sum(settled.vehicle_demand_nano)
    assert 0 <= shares <= bill.demand_nano


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(0, 10**6))
def test_split_energy_loses_no_watt_hour(weights, total):
    claim = np.array(weights, dtype=np.int64)
    total = min(total, int(claim.sum()))
    shares = split_wh(np.array([0, total]), claim, np.ones(len(claim), dtype=np.int64))
    assert shares.sum() == total
    assert (shares >= 0).all() and (shares <= claim).all()
    assert not shares[claim == 0].any()


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**6), max_size=20), st.integers(0, 10**7))
def test_capped_parts_never_exceed_the_amount(amount, weights, whole):
    parts = split_capped(amount, weights, whole)
    assert sum(parts) <= amount
    if weights and sum(weights) >= max(whole, 1):
        assert amount - sum(parts) < len(weights) + 1


@given(st.lists(st.integers(-(2**62), 2**62), max_size=50))
def test_sums_are_exact_beyond_64_bits(values):
    assert exact_sum(np.array(values, dtype=np.int64)) == sum(values)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-100, 100)), max_size=40))
def test_group_sums_against_a_dictionary(pairs):
    groups = np.array([g for g, _ in pairs], dtype=np.int64)
    values = np.array([v for _, v in pairs], dtype=np.int64)
    names, sums, counts = group_sums(groups, values)
    expected = {g: [v for h, v in pairs if h == g] for g in sorted({g for g, _ in pairs})}
    assert names.tolist() == list(expected)
    assert sums.tolist() == [sum(v) for v in expected.values()]
    assert counts.tolist() == [len(v) for v in expected.values()]


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.integers(1, 10**6))
def test_rounding_does_not_accumulate(values, wh):
    micro = to_micro(values)
    by_hour = sum(wh * int(p) for p in micro)
    assert abs(by_hour - sum(1e6 * v * wh for v in values)) <= 0.5 * wh * len(values) + 1e-3 * wh
