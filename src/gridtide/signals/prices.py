"""A tariff laid on a time grid, in whole micro-currency per kWh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, TimeGrid
from gridtide.signals.acn_tariff import acn_periods
from gridtide.signals.billing import BillingPeriods, billing_periods, fixed_nano
from gridtide.signals.localtime import local_times, read_zone
from gridtide.signals.price_files import read_csv_series, read_ercot
from gridtide.signals.series import map_by_weekday_hour, on_grid
from gridtide.signals.tariff import (
    PricePeriod,
    PriceTable,
    Tariff,
    check_tariff,
    clock_s,
    month_day,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MICRO = 1_000_000
_RASTER_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffSeries:
    """Prices and charges of one site over a run; money is exact.

    Energy price, grid fee and tax are each rounded once, half to even, to whole
    micro-currency per kWh; everything after that is exact.

    Parameters
    ----------
    name, currency
        Of the tariff.
    grid
        Steps that the prices stand on.
    energy_micro_per_kwh
        Energy part of the import price [micro-currency/kWh], shape (n,).
    grid_fee_micro_per_kwh, tax_micro_per_kwh
        Parts of the import price beside the energy [micro-currency/kWh].
    export_micro_per_kwh
        Price of energy fed in [micro-currency/kWh], shape (n,).
    refund_micro_per_kwh
        Paid back on energy that was stored and re-exported [micro-currency/kWh].
    demand_micro_per_kw
        Demand charge of a whole billing period [micro-currency/kW].
    demand_interval_s
        Length of the mean that is charged for [s].
    peak_so_far_w
        Largest mean already set in the first billing period [W].
    demand_period
        Billing period of each step, an index into ``periods``, shape (n,).
    periods
        Billing periods with their share that is charged.
    fixed_nano
        Fixed charges of the run [nano-currency].
    notes
        Sentences for the report: what was mapped, narrowed or dropped in the price files.
    """

    name: str
    currency: str
    grid: TimeGrid
    energy_micro_per_kwh: Ints
    grid_fee_micro_per_kwh: int
    tax_micro_per_kwh: int
    export_micro_per_kwh: Ints
    refund_micro_per_kwh: int
    demand_micro_per_kw: int
    demand_interval_s: int
    peak_so_far_w: int
    demand_period: Ints
    periods: BillingPeriods
    fixed_nano: int
    notes: tuple[str, ...] = ()

    @property
    def import_micro_per_kwh(self) -> Ints:
        """All that one imported kWh costs [micro-currency/kWh], shape (n,)."""
        return self.energy_micro_per_kwh + self.grid_fee_micro_per_kwh + self.tax_micro_per_kwh

    @property
    def price_import_per_kwh(self) -> Floats:
        """Import price with fee and tax, for the planner [currency/kWh], shape (n,)."""
        return self.import_micro_per_kwh / MICRO

    @property
    def price_export_per_kwh(self) -> Floats:
        """Export price, for the planner [currency/kWh], shape (n,)."""
        return self.export_micro_per_kwh / MICRO

    @property
    def refund_per_kwh(self) -> float:
        """Refund on re-exported energy, for the planner [currency/kWh]."""
        return self.refund_micro_per_kwh / MICRO

    @property
    def demand_price_per_kw(self) -> Floats:
        """Prorated demand charge of each billing period [currency/kW], shape (periods,)."""
        return np.array([float(self.demand_micro_per_kw * s) / MICRO for s in self.periods.share])


def to_micro(per_kwh: npt.ArrayLike) -> Ints:
    """Round prices to whole micro-currency, half to even; same shape."""
    return np.rint(np.asarray(per_kwh, dtype=np.float64) * MICRO).astype(np.int64)


def expand_tariff(
    tariff: Tariff,
    grid: TimeGrid,
    zone: ZoneInfo,
    find: Callable[[str], Path],
    where: str = "tariff",
) -> TariffSeries:
    """Lay a tariff on a time grid.

    Parameters
    ----------
    tariff
        As the scenario states it.
    grid
        Steps of the run.
    zone
        The site's time zone, where the tariff names none.
    find
        Turns a file's name in the scenario into its path.
    where
        Place of the table, for findings.

    Raises
    ------
    InputError
        With all findings: contradictions, hours without a price, files that cannot be read.
    """
    findings = check_tariff(tariff, where)
    if tariff.time_zone is not None:
        zone = read_zone(tariff.time_zone, f"{where}.time_zone")
    prices: list[tuple[Floats, list[Finding]]] = []
    notes: list[str] = []
    for name in ("import_price_per_kwh", "export_price_per_kwh"):
        if findings:
            break
        prices.append(_collect(getattr(tariff, name), grid, zone, find, f"{where}.{name}", notes))
    findings += [finding for _, more in prices for finding in more]
    if findings:
        raise InputError(findings)
    energy, export = (to_micro(values) for values, _ in prices)
    return _assemble(tariff, grid, zone, energy, export, tuple(dict.fromkeys(notes)))


def _assemble(
    tariff: Tariff,
    grid: TimeGrid,
    zone: ZoneInfo,
    energy: Ints,
    export: Ints,
    notes: tuple[str, ...],
) -> TariffSeries:
    fee, tax = int(to_micro(tariff.grid_fee_per_kwh)), int(to_micro(tariff.tax_per_kwh))
    demand = tariff.demand_charge
    periods, period_of_step = billing_periods(grid, zone, demand)
    return TariffSeries(
        name=tariff.name,
        currency=tariff.currency,
        grid=grid,
        energy_micro_per_kwh=energy,
        grid_fee_micro_per_kwh=fee,
        tax_micro_per_kwh=tax,
        export_micro_per_kwh=export,
        refund_micro_per_kwh=0 if tariff.fees_on_reexport else fee + tax,
        demand_micro_per_kw=int(to_micro(demand.price_per_kw)) if demand else 0,
        demand_interval_s=demand.interval_minutes * 60 if demand else _RASTER_S,
        peak_so_far_w=round(demand.peak_so_far_kw * 1000) if demand else 0,
        demand_period=period_of_step,
        periods=periods,
        fixed_nano=fixed_nano(
            grid,
            zone,
            Fraction(int(to_micro(tariff.fixed_per_day))),
            Fraction(int(to_micro(tariff.fixed_per_month))),
        ),
        notes=notes,
    )


def _collect(
    price: float | PriceTable,
    grid: TimeGrid,
    zone: ZoneInfo,
    find: Callable[[str], Path],
    where: str,
    notes: list[str],
) -> tuple[Floats, list[Finding]]:
    try:
        return _prices(price, grid, zone, find, where, notes)
    except InputError as error:
        return np.full(grid.n, np.nan), list(error.findings)


def _prices(
    price: float | PriceTable,
    grid: TimeGrid,
    zone: ZoneInfo,
    find: Callable[[str], Path],
    where: str,
    notes: list[str],
) -> tuple[Floats, list[Finding]]:
    if not isinstance(price, PriceTable):
        return np.full(grid.n, float(price)), []
    if price.file is None:
        return period_prices(price.period, grid, zone, where)
    path = find(price.file)
    if price.format == "acnportal":
        periods, _, more = acn_periods(path)
        notes += more
        values, findings = period_prices(periods, grid, zone, str(path.name))
        return values * price.scale + price.add_per_kwh, findings
    if price.format == "ercot":
        series, source_zone = read_ercot(path, price.settlement_point or "")
    else:
        series = read_csv_series(path)
        source_zone = read_zone(price.source_time_zone or "UTC", where)
    if not price.map_by_weekday_hour:
        values, findings = on_grid(series, grid)
        return values * price.scale + price.add_per_kwh, findings
    values, note = map_by_weekday_hour(series, source_zone, grid, zone)
    notes.append(note)
    return values * price.scale + price.add_per_kwh, _unmapped(values, path.name)


def _unmapped(values: Floats, source: str) -> list[Finding]:
    missing = int(np.isnan(values).sum())
    if missing == 0:
        return []
    mend = "Use a file that holds a whole year"
    return [Finding(source, f"{missing} steps find no price by weekday and hour", mend)]


def period_prices(
    periods: Sequence[PricePeriod], grid: TimeGrid, zone: ZoneInfo, where: str
) -> tuple[Floats, list[Finding]]:
    """Return the price of each step by local period.

    The first listed period that holds gives the price. Each instant is judged by its own local
    date and wall-clock time, also after midnight in a period over midnight. Where a step is
    longer than 15 minutes, its price is the mean of its quarter hours.

    Returns
    -------
    values
        [currency/kWh], shape (n,); NaN where no period holds.
    findings
        One, with the first local hour that has no price.
    """
    raster_s = int(np.gcd(grid.step_s, _RASTER_S))
    parts = grid.step_s // raster_s
    starts = grid.start_s + raster_s * np.arange(grid.n * parts, dtype=np.int64)
    local = local_times(starts, zone)
    today = 100 * local.month + local.day
    price = np.full(len(starts), np.nan)
    for period in reversed(periods):
        holds = _within(today, month_day(period.from_date), month_day(period.to_date), 1)
        holds &= _within(local.second, clock_s(period.from_time), clock_s(period.to_time), 0)
        if period.days != "all":
            holds &= (local.weekday >= 5) == (period.days == "weekends")
        price[holds] = period.price_per_kwh
    # One quarter hour keeps its price to the last bit; a mean of equal numbers may not.
    values = price if parts == 1 else _means(price.reshape(grid.n, parts))
    gaps = np.flatnonzero(np.isnan(price))
    if len(gaps) == 0:
        return values, []
    at = int(gaps[0])
    text = f"{int(local.month[at]):02d}-{int(local.day[at]):02d} "
    text += f"{int(local.second[at]) // 3600:02d}:{int(local.second[at]) // 60 % 60:02d} local time"
    mend = "Add a period for these hours, or last a period without days and times"
    hours = len(gaps) * raster_s / 3600
    return values, [Finding(where, f"{hours:g} hours have no price, the first at {text}", mend)]


def _means(parts: Floats) -> Floats:
    same = parts.min(axis=1) == parts.max(axis=1)
    means: Floats = np.where(same, parts[:, 0], parts.mean(axis=1))
    return means


def _within(
    value: Ints, begin: int | None, end: int | None, included: int
) -> npt.NDArray[np.bool_]:
    """Return where ``begin <= value < end + included``, around the end of the cycle too."""
    assert begin is not None and end is not None
    after, before = value >= begin, value < end + included
    return after & before if begin < end + included else after | before
