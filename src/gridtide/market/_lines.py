"""Statement lines as columns: the bill, the building's remainder, the vehicles, transfers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.core import utc
from gridtide.market.amounts import exact_sum, group_sums, times
from gridtide.market.contract import Payments
from gridtide.market.settlement import Settlement

Ints = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
NO_UNIT_PRICE = 0


def _part(
    account: npt.ArrayLike,
    kind: str,
    quantity: npt.ArrayLike,
    unit: str,
    price: npt.ArrayLike,
    amount: npt.ArrayLike,
    intervals: npt.ArrayLike = 0,
    note: str = "",
) -> Columns:
    accounts = np.atleast_1d(np.asarray(account, dtype=np.str_))
    n = len(accounts)

    def whole(values: npt.ArrayLike) -> Ints:
        return np.broadcast_to(np.asarray(values, dtype=np.int64), n)

    return {
        "account": accounts,
        "kind": np.full(n, kind),
        "quantity": whole(quantity),
        "unit": np.full(n, unit),
        "unit_price_micro": whole(price),
        "amount_nano": whole(amount),
        "intervals": whole(intervals),
        "note": np.full(n, note),
    }


def joined(parts: Sequence[Columns]) -> Columns:
    """Return all lines as one table."""
    empty = _part(np.zeros(0, dtype=np.str_), "", [], "", [], [], [])
    return {name: np.concatenate([empty[name], *(p[name] for p in parts)]) for name in empty}


def site_parts(settled: Settlement) -> list[Columns]:
    """Return the lines of a site, its building and its vehicles."""
    return [*_bill_parts(settled), *_building_parts(settled), *_vehicle_parts(settled)]


def _bill_parts(settled: Settlement) -> list[Columns]:
    bill, rows, prices = settled.bill, settled.rows, settled.prices
    account = f"site:{bill.site}"
    drawn = exact_sum(rows.import_wh)
    parts = [
        *_priced(account, "energy_import", rows.import_wh, prices.energy, 1),
        *_priced(account, "energy_export", rows.export_wh, prices.export, -1),
    ]
    for kind, price, amount in (
        ("grid_fee", prices.grid_fee, bill.grid_fee_nano),
        ("tax", prices.tax, bill.tax_nano),
    ):
        if price:
            parts.append(_part(account, kind, drawn, "Wh", price, amount, len(rows)))
    refund = settled.tariff.refund_micro_per_kwh
    if bill.refund_nano:
        again = -bill.refund_nano // refund
        parts.append(_part(account, "refund", again, "Wh", refund, bill.refund_nano))
    for d in bill.demand:
        note = f"{d.period}, {d.share} of the period, " + (
            f"peak at {utc(d.peak_s):%Y-%m-%dT%H:%MZ}" if d.set_in_run else "peak set before"
        )
        parts.append(
            _part(account, "demand", d.charged_w, "W", d.price_micro_per_kw, d.amount_nano, 1, note)
        )
    if bill.fixed_nano:
        parts.append(_part(account, "fixed", 1, "run", NO_UNIT_PRICE, bill.fixed_nano))
    return parts


def _priced(account: str, kind: str, wh: Ints, price: Ints, sign: int) -> list[Columns]:
    some = np.flatnonzero(wh)
    prices, energy, count = group_sums(price[some], wh[some])
    if len(prices) == 0:
        return []
    accounts = np.full(len(prices), account)
    return [_part(accounts, kind, energy, "Wh", prices, sign * times(energy, prices), count)]


def _building_parts(settled: Settlement) -> list[Columns]:
    account = f"building:{settled.bill.site}"
    net_wh = exact_sum(settled.rows.net_wh) - exact_sum(settled.taken_wh - settled.given_wh)
    parts = [
        _part(
            account,
            "energy_remainder",
            net_wh,
            "Wh",
            NO_UNIT_PRICE,
            settled.building_energy_nano,
            len(settled.rows),
            "site energy cost minus the vehicles' lines",
        )
    ]
    for kind, amount in (
        ("demand", settled.building_demand_nano),
        ("fixed", settled.bill.fixed_nano),
    ):
        if amount:
            parts.append(_part(account, kind, 1, "run", NO_UNIT_PRICE, amount))
    return parts


def _vehicle_parts(settled: Settlement) -> list[Columns]:
    names = np.char.add("vehicle:", np.asarray(settled.vehicle_ids, dtype=np.str_))
    chargers = settled.chargers
    prices, code = np.unique(settled.marginal_micro_per_kwh, return_inverse=True)
    parts = []
    for kind, wh, sign in (
        ("energy_taken", chargers.import_wh, 1),
        ("energy_given", chargers.export_wh, -1),
    ):
        some = np.flatnonzero(wh)
        groups = chargers.vehicle[some] * len(prices) + code[settled.row_interval[some]]
        which, energy, count = group_sums(groups, wh[some])
        price = prices[which % max(len(prices), 1)]
        owner = names[which // max(len(prices), 1)]
        parts.append(_part(owner, kind, energy, "Wh", price, sign * energy * price, count))
    refunded = np.flatnonzero(settled.refunded_wh)
    parts.append(
        _part(
            names[refunded],
            "refund",
            settled.refunded_wh[refunded],
            "Wh",
            settled.tariff.refund_micro_per_kwh,
            settled.vehicle_refund_nano[refunded],
        )
    )
    paying = np.flatnonzero(settled.vehicle_demand_nano)
    amounts = settled.vehicle_demand_nano[paying]
    parts.append(_part(names[paying], "demand", 1, "run", NO_UNIT_PRICE, amounts))
    return parts


def transfer_parts(vehicle_ids: tuple[str, ...], paid: Payments) -> list[Columns]:
    """Return the lines of drivers and operator; they sum to zero."""
    names = np.char.add("driver:", np.asarray(vehicle_ids, dtype=np.str_))
    parts = []
    for kind, amounts in (
        ("share_of_gain", paid.share_of_gain_nano),
        ("minimum_top_up", paid.minimum_top_up_nano),
        ("compensation", paid.compensation_nano),
    ):
        some = np.flatnonzero(amounts)
        if len(some) == 0:
            continue
        parts.append(_part(names[some], kind, 1, "run", NO_UNIT_PRICE, -amounts[some]))
        whole = exact_sum(amounts)
        parts.append(_part("operator", kind, len(some), "drivers", NO_UNIT_PRICE, whole))
    return parts
