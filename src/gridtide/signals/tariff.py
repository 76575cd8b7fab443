"""The tariff as a scenario states it: the ``[[tariff]]`` table."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal

import msgspec

from gridtide.core import Finding

# ISO 4217 codes have three letters; names of currencies are not checked further, since a
# site's accounts only need them to be the same everywhere.
Currency = Annotated[
    str, msgspec.Meta(pattern="^[A-Z]{3}$", description="Currency, ISO 4217 code [-]")
]
MonthDay = Annotated[
    str,
    msgspec.Meta(pattern="^[0-9]{1,2}-[0-9]{1,2}$", description="Month and day, MM-DD [-]"),
]
Clock = Annotated[
    str,
    msgspec.Meta(
        pattern="^([0-1]?[0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
        description="Local wall-clock time, HH:MM [-]",
    ),
]
Money = Annotated[float, msgspec.Meta(ge=0, description="Amount [currency]")]
# Bills are whole nano-currency in 64 bits: Wh times micro-currency per kWh must fit.
LARGEST_PRICE = 1e5
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class PricePeriod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price for some local hours of some days of some seasons."""

    price_per_kwh: Annotated[
        float, msgspec.Meta(description="Energy price in this period [currency/kWh]")
    ]
    days: Annotated[
        Literal["all", "weekdays", "weekends"],
        msgspec.Meta(description="Local days on which the period holds [-]"),
    ] = "all"
    from_time: Annotated[
        Clock, msgspec.Meta(description="Local time at which the period begins, HH:MM [-]")
    ] = "00:00"
    to_time: Annotated[
        Clock,
        msgspec.Meta(
            description="Local time at which the period ends, HH:MM; earlier than from_time "
            "for a period over midnight [-]"
        ),
    ] = "24:00"
    from_date: Annotated[
        MonthDay, msgspec.Meta(description="First day of the season, MM-DD [-]")
    ] = "01-01"
    to_date: Annotated[
        MonthDay,
        msgspec.Meta(
            description="Last day of the season, MM-DD, itself included; earlier than from_date "
            "for a season over New Year [-]"
        ),
    ] = "12-31"


class PriceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices by period or from a file; exactly one of ``period`` and ``file``."""

    period: Annotated[
        list[PricePeriod],
        msgspec.Meta(description="Periods; the first listed one that holds gives the price [-]"),
    ] = []
    file: Annotated[
        str | None, msgspec.Meta(description="File with the prices, seen from the scenario [-]")
    ] = None
    format: Annotated[
        Literal["csv", "ercot", "acnportal"],
        msgspec.Meta(
            description="csv: time,value with offset; ercot: DAM settlement point prices; "
            "acnportal: tariff JSON [-]"
        ),
    ] = "csv"
    settlement_point: Annotated[
        str | None, msgspec.Meta(description="Hub or zone of an ercot file [-]")
    ] = None
    source_time_zone: Annotated[
        str | None,
        msgspec.Meta(description="Time zone of the file's place, IANA name, for mapping [-]"),
    ] = None
    map_by_weekday_hour: Annotated[
        bool,
        msgspec.Meta(
            description="Take the price of the same ISO week, weekday and local hour of the "
            "file's own year; illustrative [-]"
        ),
    ] = False
    scale: Annotated[
        float,
        msgspec.Meta(gt=0, description="Factor from the file's unit to currency/kWh [-]"),
    ] = 1.0
    add_per_kwh: Annotated[
        float, msgspec.Meta(description="Added to every price of the file [currency/kWh]")
    ] = 0.0


class DemandCharge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A charge on the largest mean power of a billing period."""

    price_per_kw: Annotated[
        float,
        msgspec.Meta(ge=0, description="Charge on the period's largest mean [currency/kW]"),
    ]
    interval_minutes: Annotated[
        Literal[5, 10, 15, 30, 60],
        msgspec.Meta(description="Length of the mean that is charged for [min]"),
    ] = 15
    billing_period: Annotated[
        Literal["month", "run"],
        msgspec.Meta(description="month: the local calendar month; run: the run as a whole [-]"),
    ] = "month"
    proration: Annotated[
        Literal["days", "none"],
        msgspec.Meta(
            description="days: the run's days in the period over the period's days; none: the "
            "whole charge however short the run [-]"
        ),
    ] = "days"
    peak_so_far_kw: Annotated[
        float,
        msgspec.Meta(
            ge=0, description="Largest mean already set in the billing period of the start [kW]"
        ),
    ] = 0.0


class Tariff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a site pays and gets: the scenario's ``[[tariff]]`` table."""

    name: Annotated[str, msgspec.Meta(min_length=1, description="Name, unique [-]")]
    currency: Currency
    import_price_per_kwh: Annotated[
        float | PriceTable,
        msgspec.Meta(description="Price of energy drawn from the grid [currency/kWh]"),
    ]
    export_price_per_kwh: Annotated[
        float | PriceTable,
        msgspec.Meta(
            description="Price of energy fed into the grid, stated also when it is zero "
            "[currency/kWh]"
        ),
    ]
    demand_charge: Annotated[
        DemandCharge | None, msgspec.Meta(description="Charge on the peak; absent for none [-]")
    ] = None
    fixed_per_day: Annotated[
        Money, msgspec.Meta(description="Fixed charge per local day of the run [currency/day]")
    ] = 0.0
    fixed_per_month: Annotated[
        Money,
        msgspec.Meta(
            description="Fixed charge per calendar month, by the run's share of its days "
            "[currency/month]"
        ),
    ] = 0.0
    grid_fee_per_kwh: Annotated[
        Money, msgspec.Meta(description="Grid fee, added to the import price [currency/kWh]")
    ] = 0.0
    tax_per_kwh: Annotated[
        Money, msgspec.Meta(description="Energy tax, added to the import price [currency/kWh]")
    ] = 0.0
    fees_on_reexport: Annotated[
        bool,
        msgspec.Meta(
            description="true: grid fee and tax stay paid on energy that vehicles stored and "
            "the site re-exported; false: they are refunded on it [-]"
        ),
    ] = True
    time_zone: Annotated[
        str | None,
        msgspec.Meta(description="IANA time zone of the periods; the site's where absent [-]"),
    ] = None


def check_tariff(tariff: Tariff, where: str) -> list[Finding]:
    """Return what a tariff's own fields contradict; files are not opened.

    Parameters
    ----------
    tariff
        As read.
    where
        Place of the table, such as ``campus.toml:12 tariff[0]``.
    """
    findings = []
    for name in ("import_price_per_kwh", "export_price_per_kwh"):
        price = getattr(tariff, name)
        if isinstance(price, PriceTable):
            findings += _check_table(price, f"{where}.{name}")
        else:
            findings += _check_price(price, f"{where}.{name}")
    for name in ("fixed_per_day", "fixed_per_month", "grid_fee_per_kwh", "tax_per_kwh"):
        findings += _check_price(getattr(tariff, name), f"{where}.{name}")
    if tariff.demand_charge is not None:
        findings += _check_price(tariff.demand_charge.price_per_kw, f"{where}.demand_charge")
        findings += _check_price(tariff.demand_charge.peak_so_far_kw, f"{where}.demand_charge")
    return findings


def _check_price(price: float, where: str) -> list[Finding]:
    if math.isfinite(price) and abs(price) <= LARGEST_PRICE:
        return []
    mend = f"Write a finite number of at most {LARGEST_PRICE:g}"
    return [Finding(where, f"{price} cannot be settled exactly", mend)]


def _check_table(table: PriceTable, where: str) -> list[Finding]:
    findings = []
    if bool(table.period) == (table.file is not None):
        what = "both period and file are given" if table.period else "no price is given"
        mend = "Give either [[…period]] tables or a file, or write one number"
        findings.append(Finding(where, what, mend))
    if table.format == "ercot" and table.file is not None and table.settlement_point is None:
        mend = 'Add settlement_point = "HB_NORTH" or another point of the file'
        findings.append(Finding(where, "settlement_point is missing", mend))
    if table.map_by_weekday_hour and table.format == "csv" and table.source_time_zone is None:
        mend = "Add source_time_zone, the IANA zone of the file's place"
        findings.append(Finding(where, "source_time_zone is missing for the mapping", mend))
    for i, period in enumerate(table.period):
        findings += _check_period(period, f"{where}.period[{i}]")
    return findings


def _check_period(period: PricePeriod, where: str) -> list[Finding]:
    findings = _check_price(period.price_per_kwh, f"{where}.price_per_kwh")
    for name in ("from_date", "to_date"):
        text = getattr(period, name)
        if month_day(text) is None:
            mend = "Write month and day as MM-DD, such as 06-01"
            findings.append(Finding(f"{where}.{name}", f"there is no day {text}", mend))
    if clock_s(period.from_time) == clock_s(period.to_time):
        mend = "Leave both out for the whole day"
        findings.append(Finding(where, f"the period is empty at {period.from_time}", mend))
    return findings


def month_day(text: str) -> int | None:
    """Return ``100 * month + day`` of a text like ``9-30`` or ``09-30``; None for no date."""
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    if match is None:
        return None
    month, day = int(match[1]), int(match[2])
    if not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
        return None
    return 100 * month + day


def clock_s(text: str) -> int:
    """Return the seconds since midnight of a text like ``16:00`` [s], at most 86400."""
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60
