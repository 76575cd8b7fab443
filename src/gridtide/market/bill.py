"""The bill of one site: energy, fees, refund, demand and fixed charges, in whole nano-currency.

Whole Wh times whole micro-currency per kWh is whole nano-currency, so that nothing is divided.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from gridtide.market.amounts import exact_sum, sums_by, times
from gridtide.market.meter_rows import SiteRows
from gridtide.signals import TariffSeries

Ints = npt.NDArray[np.int64]
_HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalPrices:
    """Prices of each meter interval [micro-currency/kWh]; arrays of shape (intervals,).

    Where an interval holds several steps of different price, its price is their mean, rounded
    once; where a step holds several intervals, each has the step's price.
    """

    energy: Ints
    grid_fee: int
    tax: int
    export: Ints

    @property
    def imported(self) -> Ints:
        """All that one imported kWh costs [micro-currency/kWh], shape (intervals,)."""
        return self.energy + self.grid_fee + self.tax


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandCharged:
    """Demand charge of one billing period.

    Parameters
    ----------
    period
        ``2019-07`` or ``run``.
    peak_w
        Largest mean of the run in this period [W].
    peak_s
        Start of the interval that set it [s since 1970-01-01 UTC].
    charged_w
        What is charged: the run's peak or the one already set, whichever is larger [W].
    price_micro_per_kw
        Of a whole period [micro-currency/kW].
    share
        Part of the period that is charged, exact.
    amount_nano
        Charge [nano-currency], rounded once, half to even.
    """

    period: str
    peak_w: int
    peak_s: int
    charged_w: int
    price_micro_per_kw: int
    share: Fraction
    amount_nano: int

    @property
    def set_in_run(self) -> bool:
        """Whether the run itself set the peak that is charged."""
        return self.peak_w > 0 and self.peak_w == self.charged_w


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteBill:
    """What a site owes for a run [nano-currency]; export and refund count negative."""

    site: str
    currency: str
    energy_import_nano: int
    grid_fee_nano: int
    tax_nano: int
    energy_export_nano: int
    refund_nano: int
    demand: tuple[DemandCharged, ...]
    fixed_nano: int

    @property
    def energy_nano(self) -> int:
        """Energy both ways with fee, tax and refund [nano-currency]."""
        fees = self.grid_fee_nano + self.tax_nano + self.refund_nano
        return self.energy_import_nano + self.energy_export_nano + fees

    @property
    def demand_nano(self) -> int:
        """Demand charges of all billing periods [nano-currency]."""
        return sum(charged.amount_nano for charged in self.demand)

    @property
    def total_nano(self) -> int:
        """All that the site owes [nano-currency]."""
        return self.energy_nano + self.demand_nano + self.fixed_nano


def interval_prices(tariff: TariffSeries, rows: SiteRows) -> IntervalPrices:
    """Return the prices of every meter interval.

    Raises
    ------
    ValueError
        If an interval lies outside the tariff's time grid, or neither divides the other.
    """
    grid = tariff.grid
    first = (rows.interval_s - grid.start_s) // grid.step_s
    per_interval = max(rows.length_s // grid.step_s, 1)
    longer, shorter = max(rows.length_s, grid.step_s), min(rows.length_s, grid.step_s)
    if longer % shorter or np.any((rows.interval_s - grid.start_s) % shorter):
        raise ValueError("meter intervals and the tariff's steps do not fit together")
    if len(rows) and (first.min() < 0 or first.max() >= grid.n):
        raise ValueError("a meter interval lies outside the time that the tariff covers")
    # The last interval of a run may be cut short; the steps that exist give its price.
    steps = np.minimum(first[:, None] + np.arange(per_interval), grid.n - 1)
    return IntervalPrices(
        energy=_one_price(tariff.energy_micro_per_kwh[steps]),
        grid_fee=tariff.grid_fee_micro_per_kwh,
        tax=tariff.tax_micro_per_kwh,
        export=_one_price(tariff.export_micro_per_kwh[steps]),
    )


def _one_price(steps: Ints) -> Ints:
    n = steps.shape[1]
    rounded: Ints = (2 * steps.sum(axis=1) + n) // (2 * n)
    return rounded


def reexported_wh(rows: SiteRows, vehicle_net_wh: Ints) -> Ints:
    """Return the energy that was stored and re-exported [Wh], shape (intervals,).

    In each interval it is the smaller of what all vehicles of the site together gave and what
    the site exported.
    """
    return np.minimum(np.maximum(-vehicle_net_wh, 0), rows.export_wh)


def site_bill(
    site: str,
    rows: SiteRows,
    tariff: TariffSeries,
    vehicle_net_wh: Ints | None = None,
    prices: IntervalPrices | None = None,
) -> SiteBill:
    """Return the bill of a site.

    Parameters
    ----------
    site
        Name.
    rows
        The site meter's intervals.
    tariff
        Prices on the run's grid.
    vehicle_net_wh
        Net energy into all vehicles of the site by interval [Wh], for the refund on
        re-exported energy; None for a site without vehicles.
    prices
        Of each interval, where they are known already.
    """
    prices = interval_prices(tariff, rows) if prices is None else prices
    nothing = np.zeros(len(rows), dtype=np.int64)
    again = reexported_wh(rows, nothing if vehicle_net_wh is None else vehicle_net_wh)
    drawn = exact_sum(rows.import_wh)
    return SiteBill(
        site=site,
        currency=tariff.currency,
        energy_import_nano=exact_sum(times(rows.import_wh, prices.energy)),
        grid_fee_nano=drawn * prices.grid_fee,
        tax_nano=drawn * prices.tax,
        energy_export_nano=-exact_sum(times(rows.export_wh, prices.export)),
        refund_nano=-exact_sum(again) * tariff.refund_micro_per_kwh,
        demand=demand_charges(rows, tariff),
        fixed_nano=tariff.fixed_nano,
    )


def demand_length_s(rows: SiteRows, tariff: TariffSeries) -> int:
    """Return the length of the means that are charged for [s].

    It is the tariff's; a meter that is read less often can only be charged for its own means.

    Raises
    ------
    ValueError
        If neither of the two lengths is a multiple of the other.
    """
    longer = max(rows.length_s, tariff.demand_interval_s)
    if longer % min(rows.length_s, tariff.demand_interval_s):
        raise ValueError("the meter's intervals do not add up to those of the demand charge")
    return longer


def demand_charges(rows: SiteRows, tariff: TariffSeries) -> tuple[DemandCharged, ...]:
    """Return the demand charge of every billing period, none where the tariff has none.

    A mean belongs to the period in which it begins. The peak already set counts in the first
    period.

    Raises
    ------
    ValueError
        If the meter's intervals do not add up to the tariff's.
    """
    if tariff.demand_micro_per_kw == 0 or len(rows) == 0:
        return ()
    length_s = demand_length_s(rows, tariff)
    slots, which = np.unique(rows.interval_s // length_s, return_inverse=True)
    starts, mean_wh = slots * length_s, sums_by(which, rows.net_wh, len(slots))
    step = np.maximum((starts - tariff.grid.start_s) // tariff.grid.step_s, 0)
    period_of_mean = tariff.demand_period[step]
    charges = []
    for period in range(len(tariff.periods)):
        mine = np.flatnonzero(period_of_mean == period)
        top = int(mine[np.argmax(mean_wh[mine])]) if len(mine) else 0
        wh = max(int(mean_wh[top]), 0) if len(mine) else 0
        charges.append(_charged(tariff, period, wh * _HOUR_S // length_s, int(starts[top])))
    return tuple(charges)


def _charged(tariff: TariffSeries, period: int, peak_w: int, peak_s: int) -> DemandCharged:
    charged_w = max(peak_w, tariff.peak_so_far_w if period == 0 else 0)
    share = tariff.periods.share[period]
    return DemandCharged(
        period=tariff.periods.names[period],
        peak_w=peak_w,
        peak_s=peak_s,
        charged_w=charged_w,
        price_micro_per_kw=tariff.demand_micro_per_kw,
        share=share,
        # Micro-currency per kW times W is nano-currency.
        amount_nano=round(tariff.demand_micro_per_kw * charged_w * share),
    )
