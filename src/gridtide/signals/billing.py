"""Billing periods of a run, and the share of each that the run is charged for."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.core import TimeGrid
from gridtide.signals.localtime import date_of, local_times, midnight_s
from gridtide.signals.tariff import DemandCharge

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingPeriods:
    """Billing periods that a run touches, in order.

    Parameters
    ----------
    names
        ``2019-07`` for a calendar month, ``run`` for the run as a whole.
    share
        Part of a whole period's demand charge that the run pays, exact.
    """

    names: tuple[str, ...]
    share: tuple[Fraction, ...]

    def __len__(self) -> int:
        """Return the number of periods."""
        return len(self.names)


def billing_periods(
    grid: TimeGrid, zone: ZoneInfo, demand: DemandCharge | None
) -> tuple[BillingPeriods, Ints]:
    """Return the billing periods of a run and the period of each step, shape (n,).

    A step belongs to the local month in which it begins.
    """
    if demand is None or demand.billing_period == "run":
        whole = BillingPeriods(names=("run",), share=(Fraction(1),))
        return whole, np.zeros(grid.n, dtype=np.int64)
    local = local_times(grid.starts_s, zone)
    months = local.date.astype("datetime64[D]").astype("datetime64[M]")
    names, of_step = np.unique(months, return_inverse=True)
    shares = days_by_month(grid, zone)
    keys = tuple(str(name) for name in names)
    prorated = demand.proration == "days"
    return (
        BillingPeriods(
            names=keys, share=tuple(shares[k] if prorated else Fraction(1) for k in keys)
        ),
        of_step.astype(np.int64),
    )


def days_by_month(grid: TimeGrid, zone: ZoneInfo) -> dict[str, Fraction]:
    """Return the run's days in each local month over that month's days.

    A local day counts by the part of it that the run covers, so that a 23- or 25-hour day
    counts as one day.
    """
    shares: dict[str, Fraction] = {}
    for day, part in day_parts(grid, zone):
        at = date_of(day)
        month, length = f"{at:%Y-%m}", calendar.monthrange(at.year, at.month)[1]
        shares[month] = shares.get(month, Fraction(0)) + part / length
    return shares


def day_parts(grid: TimeGrid, zone: ZoneInfo) -> list[tuple[int, Fraction]]:
    """Return the local days of a run and how much of each the run covers."""
    if grid.n == 0:
        return []
    first, last = local_times([grid.start_s, grid.end_s - 1], zone).date.tolist()
    parts = []
    for day in range(first, last + 1):
        begin, end = midnight_s(day, zone), midnight_s(day + 1, zone)
        covered = min(end, grid.end_s) - max(begin, grid.start_s)
        parts.append((day, Fraction(covered, end - begin)))
    return parts


def fixed_nano(
    grid: TimeGrid, zone: ZoneInfo, micro_per_day: Fraction, micro_per_month: Fraction
) -> int:
    """Return the fixed charges of a run [nano-currency], rounded once, half to even."""
    days = sum((part for _, part in day_parts(grid, zone)), Fraction(0))
    months = sum(days_by_month(grid, zone).values(), Fraction(0))
    return round((micro_per_day * days + micro_per_month * months) * 1000)
