"""One site settled: what each vehicle and the building pay, to the last nano-currency.

Rules
-----
* **Energy.** A vehicle pays ``(import − export) × price`` in every meter interval, at the
  site's marginal price: the import price with fee and tax where the site as a whole imports in
  that interval, else the export price. The building takes the remainder of the site's energy
  cost, so that sums equal the bill exactly.
* **Refund.** Where fee and tax are not due on re-exported energy, they are paid back on the
  smaller of what the vehicles of the site together gave in an interval and what the site
  exported; it goes to the vehicles that gave, by whole Wh in proportion.
* **Demand.** By coincident peak: a vehicle pays for its own net import in the interval that
  set the peak, as a share of the larger of that peak and of all vehicles' net imports; the
  building takes the remainder. Where the run stayed below the peak already set, nobody in the
  run caused the charge, and the building takes it all.
* **Fixed charges** go to the building.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.market.amounts import (
    LARGEST_AMOUNT,
    exact_sum,
    largest,
    split_capped,
    split_wh,
    sums_by,
    times,
)
from gridtide.market.bill import (
    DemandCharged,
    IntervalPrices,
    SiteBill,
    demand_length_s,
    interval_prices,
    reexported_wh,
    site_bill,
)
from gridtide.market.meter_rows import ChargerRows, SiteRows
from gridtide.signals import TariffSeries

Ints = npt.NDArray[np.int64]
_HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One site settled; amounts in nano-currency, positive where the account owes.

    Parameters
    ----------
    bill
        Of the site.
    rows, chargers
        What was metered.
    tariff
        What it was settled on.
    prices
        Of each meter interval.
    marginal_micro_per_kwh
        Price of the vehicles' energy in each interval, shape (intervals,).
    row_interval
        Index of the interval of each charger row, shape (rows,).
    vehicle_ids
        Names, shape (vehicles,).
    vehicle_energy_nano, vehicle_refund_nano, vehicle_demand_nano
        Shape (vehicles,).
    refunded_wh, taken_wh, given_wh
        Energy refunded on, taken and given at the plug [Wh], shape (vehicles,).
    """

    bill: SiteBill
    rows: SiteRows
    chargers: ChargerRows
    tariff: TariffSeries
    prices: IntervalPrices
    marginal_micro_per_kwh: Ints
    row_interval: Ints
    vehicle_ids: tuple[str, ...]
    vehicle_energy_nano: Ints
    vehicle_refund_nano: Ints
    vehicle_demand_nano: Ints
    refunded_wh: Ints
    taken_wh: Ints
    given_wh: Ints

    @property
    def vehicle_nano(self) -> Ints:
        """All that each vehicle owes [nano-currency], shape (vehicles,)."""
        return self.vehicle_energy_nano + self.vehicle_refund_nano + self.vehicle_demand_nano

    @property
    def building_energy_nano(self) -> int:
        """The building's remainder of the energy cost, refund apart [nano-currency]."""
        energy = self.bill.energy_nano - self.bill.refund_nano
        return energy - exact_sum(self.vehicle_energy_nano)

    @property
    def building_demand_nano(self) -> int:
        """The building's remainder of the demand charges [nano-currency]."""
        return self.bill.demand_nano - exact_sum(self.vehicle_demand_nano)

    @property
    def building_nano(self) -> int:
        """All that the building owes [nano-currency]."""
        return self.building_energy_nano + self.building_demand_nano + self.bill.fixed_nano

    @property
    def row_price_micro_per_kwh(self) -> Ints:
        """Price of every charger row, to be stored beside its energy, shape (rows,)."""
        return self.marginal_micro_per_kwh[self.row_interval]


def settle_site(
    site: str,
    rows: SiteRows,
    chargers: ChargerRows,
    tariff: TariffSeries,
    vehicle_ids: tuple[str, ...],
) -> Settlement:
    """Settle one site by the rules above.

    Parameters
    ----------
    site
        Name.
    rows
        The site meter's intervals.
    chargers
        The readings of the site's chargers; every interval must be one of the site's.
    tariff
        Prices on the run's grid.
    vehicle_ids
        Names of all vehicles that rows may point to.

    Raises
    ------
    ValueError
        If intervals do not fit together or an amount is beyond all reason.
    """
    at = _interval_of(chargers, rows)
    net_wh = chargers.import_wh - chargers.export_wh
    all_net_wh = sums_by(at, net_wh, len(rows))
    prices = interval_prices(tariff, rows)
    marginal = np.where(rows.net_wh > 0, prices.imported, prices.export)
    bill = site_bill(site, rows, tariff, all_net_wh, prices)
    n = len(vehicle_ids)
    taken = sums_by(chargers.vehicle, chargers.import_wh, n)
    given = sums_by(chargers.vehicle, chargers.export_wh, n)
    if largest(taken + given) * largest(marginal) > LARGEST_AMOUNT:
        raise ValueError("a vehicle's amount does not fit into 64 bits; is a price wrong?")
    refunded = _refunded_wh(rows, chargers, at, all_net_wh, n, tariff.refund_micro_per_kwh)
    return Settlement(
        bill=bill,
        rows=rows,
        chargers=chargers,
        tariff=tariff,
        prices=prices,
        marginal_micro_per_kwh=marginal,
        row_interval=at,
        vehicle_ids=vehicle_ids,
        vehicle_energy_nano=sums_by(chargers.vehicle, times(net_wh, marginal[at]), n),
        vehicle_refund_nano=-times(refunded, tariff.refund_micro_per_kwh),
        vehicle_demand_nano=_demand_shares(
            bill.demand, chargers, demand_length_s(rows, tariff) if bill.demand else 0, n
        ),
        refunded_wh=refunded,
        taken_wh=taken,
        given_wh=given,
    )


def _interval_of(chargers: ChargerRows, rows: SiteRows) -> Ints:
    at = np.searchsorted(rows.interval_s, chargers.interval_s, side="right") - 1
    if len(chargers) and (
        len(rows) == 0 or at.min() < 0 or np.any(rows.interval_s[at] != chargers.interval_s)
    ):
        raise ValueError("a charger was read in an interval in which its site was not")
    return at.astype(np.int64)


def _refunded_wh(
    rows: SiteRows, chargers: ChargerRows, at: Ints, all_net_wh: Ints, n: int, refund: int
) -> Ints:
    """Return the re-exported energy of each vehicle [Wh], shape (vehicles,)."""
    again = reexported_wh(rows, all_net_wh)
    if refund == 0 or not again.any():
        return np.zeros(n, dtype=np.int64)
    gave = chargers.export_wh - chargers.import_wh
    which = np.flatnonzero((gave > 0) & (again[at] > 0))
    which = which[np.argsort(at[which], kind="stable")]
    shares = split_wh(again, gave[which], at[which])
    return sums_by(chargers.vehicle[which], shares, n)


def _demand_shares(
    demand: tuple[DemandCharged, ...], chargers: ChargerRows, length_s: int, n: int
) -> Ints:
    shares = np.zeros(n, dtype=np.int64)
    for charged in demand:
        if not charged.set_in_run or charged.amount_nano == 0:
            continue
        since = chargers.interval_s - charged.peak_s
        then = np.flatnonzero((since >= 0) & (since < length_s))
        net_wh = chargers.import_wh[then] - chargers.export_wh[then]
        own_wh = np.maximum(sums_by(chargers.vehicle[then], net_wh, n), 0)
        drawing = np.flatnonzero(own_wh)
        peak_wh = charged.peak_w * length_s // _HOUR_S
        parts = split_capped(charged.amount_nano, own_wh[drawing].tolist(), peak_wh)
        shares[drawing] += np.array(parts, dtype=np.int64)
    return shares
