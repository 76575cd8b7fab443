"""Statements: the lines of every account, which add up to the bills exactly.

Accounts are ``site:NAME`` (the bill itself), ``building:NAME`` and ``vehicle:ID`` (which
together repeat the bill), ``driver:ID`` and ``operator`` (transfers that sum to zero).
A positive amount is owed by the account, a negative one is owed to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError
from gridtide.market._lines import joined, site_parts, transfer_parts
from gridtide.market.amounts import exact_sum, times
from gridtide.market.contract import Contract, Payments, payments
from gridtide.market.settlement import Settlement
from gridtide.signals import local_times

Ints = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
_COLUMNS = ("account", "kind", "quantity", "unit", "unit_price_micro", "amount_nano", "intervals")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Lines of all accounts, as equally long columns.

    Parameters
    ----------
    currency
        Of every amount.
    account, kind, unit, note
        Text. Kinds: ``energy_taken``, ``energy_given``, ``energy_import``, ``energy_export``,
        ``grid_fee``, ``tax``, ``refund``, ``energy_remainder``, ``demand``, ``fixed``,
        ``share_of_gain``, ``minimum_top_up``, ``compensation``.
    quantity
        In ``unit``; both ways of energy are told as positive numbers.
    unit_price_micro
        [micro-currency per kWh or kW]; 0 where the line is no product (remainders, transfers).
    amount_nano
        [nano-currency]; for energy it is exactly quantity × unit price, negative where given.
    intervals
        How many meter intervals the line sums up.
    """

    currency: str
    account: npt.NDArray[np.str_]
    kind: npt.NDArray[np.str_]
    quantity: Ints
    unit: npt.NDArray[np.str_]
    unit_price_micro: Ints
    amount_nano: Ints
    intervals: Ints
    note: npt.NDArray[np.str_]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.amount_nano)

    def columns(self) -> Columns:
        """Return the lines as a table, with the currency beside every amount."""
        table: Columns = {name: getattr(self, name) for name in (*_COLUMNS, "note")}
        table["currency"] = np.full(len(self), self.currency)
        return table

    def total_nano(self, account: str) -> int:
        """Return the sum of the accounts whose name begins so [nano-currency]."""
        return exact_sum(self.amount_nano[np.char.startswith(self.account, account)])


def statements(
    settlements: Sequence[Settlement],
    contract: Contract | None = None,
    baseline: Sequence[Settlement] = (),
    zone: ZoneInfo | None = None,
) -> Statement:
    """Return the statement of every vehicle, driver and site of a run.

    Parameters
    ----------
    settlements
        One per site, all of one currency and over the same vehicles.
    contract
        What drivers get; None for nothing.
    baseline
        The same run under uncontrolled charging; empty where this is it: then there is no gain.
    zone
        Local days are counted in this zone for the guaranteed minimum; UTC where None.

    Raises
    ------
    InputError
        If sites are billed in two currencies.
    """
    currency = one_currency(s.bill.currency for s in (*settlements, *baseline))
    parts = [part for s in settlements for part in site_parts(s)]
    if contract is not None and settlements:
        paid = driver_payments(settlements, contract, baseline, zone)
        parts += transfer_parts(settlements[0].vehicle_ids, paid)
    return Statement(currency=currency, **joined(parts))


def one_currency(currencies: Iterable[str]) -> str:
    """Return the one currency of a run.

    Raises
    ------
    InputError
        If there are several.
    """
    names = sorted(set(currencies))
    if len(names) > 1:
        mend = "Write all tariffs of a run in one currency"
        raise InputError([Finding("tariff", f"{' and '.join(names)} in one run", mend)])
    return names[0] if names else ""


def driver_payments(
    settlements: Sequence[Settlement],
    contract: Contract,
    baseline: Sequence[Settlement],
    zone: ZoneInfo | None = None,
) -> Payments:
    """Return what each driver gets for a run, over all sites.

    The gain compares the cost of the vehicle's energy with refunds; demand charges are not
    part of it, nor is energy that is left in the battery at the end.
    """
    ids = settlements[0].vehicle_ids
    gain = np.zeros(len(ids), dtype=np.int64)
    if baseline:
        gain = _energy_nano(baseline) - _energy_nano(settlements)
    given = np.zeros(len(ids), dtype=np.int64)
    for settled in settlements:
        given += settled.given_wh
    return payments(contract, ids, gain, plugged_days(settlements, zone), given)


def plugged_days(settlements: Sequence[Settlement], zone: ZoneInfo | None) -> Ints:
    """Return on how many local days each vehicle was plugged in, shape (vehicles,)."""
    zone = ZoneInfo("UTC") if zone is None else zone
    dates = [local_times(s.rows.interval_s, zone).date for s in settlements]
    first = min((int(d.min()) for d in dates if len(d)), default=0)
    last = max((int(d.max()) for d in dates if len(d)), default=first)
    seen = np.zeros((len(settlements[0].vehicle_ids), last - first + 1), dtype=np.bool_)
    for settled, date in zip(settlements, dates, strict=True):
        seen[settled.chargers.vehicle, date[settled.row_interval] - first] = True
    days: Ints = seen.sum(axis=1).astype(np.int64)
    return days


def _energy_nano(settlements: Sequence[Settlement]) -> Ints:
    cost = np.zeros(len(settlements[0].vehicle_ids), dtype=np.int64)
    for settled in settlements:
        cost += settled.vehicle_energy_nano + settled.vehicle_refund_nano
    return cost


def priced_site_rows(settled: Settlement) -> Columns:
    """Return a site's meter intervals with the prices used on them and the energy cost."""
    rows, prices = settled.rows, settled.prices
    cost = times(rows.import_wh, prices.imported) - times(rows.export_wh, prices.export)
    return {
        "interval_s": rows.interval_s,
        "site": np.full(len(rows), settled.bill.site),
        "import_wh": rows.import_wh,
        "export_wh": rows.export_wh,
        "building_wh": rows.building_wh,
        "pv_wh": rows.pv_wh,
        "import_price_micro_per_kwh": prices.imported,
        "export_price_micro_per_kwh": prices.export,
        "marginal_price_micro_per_kwh": settled.marginal_micro_per_kwh,
        "energy_cost_nano": cost,
        "currency": np.full(len(rows), settled.bill.currency),
    }
