"""Local calendar of UTC instants: the clock on the wall, with its 23- and 25-hour days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError

Ints = npt.NDArray[np.int64]
DAY_S = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# Clocks change on whole quarter hours in every zone now in use, so that offsets are
# looked up once per quarter hour and not once per step.
_OFFSET_RASTER_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTimes:
    """What the wall clock shows at each instant; every array has shape (instants,).

    Parameters
    ----------
    offset_s
        Local time minus UTC [s].
    date
        Local date as days since 1970-01-01.
    second
        Seconds since local midnight on the clock's face [s], 0..86399.
    weekday
        0 is Monday, 6 is Sunday.
    month, day
        Month 1..12 and day of the month 1..31.
    """

    offset_s: Ints
    date: Ints
    second: Ints
    weekday: Ints
    month: Ints
    day: Ints


def read_zone(name: str, where: str = "time_zone") -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    InputError
        If there is no zone of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        mend = "Write an IANA name such as Europe/Oslo or America/Los_Angeles"
        raise InputError([Finding(where, f"there is no time zone {name!r}", mend)]) from None


def utc_offsets(times_s: npt.ArrayLike, zone: ZoneInfo) -> Ints:
    """Return local time minus UTC at each instant [s], same shape as ``times_s``."""
    times = np.asarray(times_s, dtype=np.int64)
    raster, where = np.unique(times // _OFFSET_RASTER_S, return_inverse=True)
    offsets = np.empty(len(raster), dtype=np.int64)
    for i, quarter in enumerate(raster.tolist()):
        offset = datetime.fromtimestamp(quarter * _OFFSET_RASTER_S, zone).utcoffset()
        offsets[i] = 0 if offset is None else round(offset.total_seconds())
    return offsets[where].reshape(times.shape)


def local_times(times_s: npt.ArrayLike, zone: ZoneInfo) -> LocalTimes:
    """Return the local calendar of UTC instants.

    Parameters
    ----------
    times_s
        Instants [s since 1970-01-01 UTC], shape (instants,).
    zone
        Time zone.
    """
    times = np.asarray(times_s, dtype=np.int64)
    offset = utc_offsets(times, zone)
    date, second = np.divmod(times + offset, DAY_S)
    days = date.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    return LocalTimes(
        offset_s=offset,
        date=date,
        second=second,
        # 1970-01-01 was a Thursday.
        weekday=(date + 3) % 7,
        month=months.astype(np.int64) % 12 + 1,
        day=(days - months).astype(np.int64) + 1,
    )


def midnight_s(day: int, zone: ZoneInfo) -> int:
    """Return the instant at which a local date begins [s since 1970-01-01 UTC].

    Parameters
    ----------
    day
        Local date as days since 1970-01-01.
    zone
        Time zone.
    """
    at = date_of(day)
    return round(datetime(at.year, at.month, at.day, tzinfo=zone).timestamp())


def date_of(day: int) -> date:
    """Return the calendar date ``day`` days after 1970-01-01."""
    return date.fromordinal(_EPOCH_ORDINAL + day)


def one_local_day_earlier(times_s: npt.ArrayLike, zone: ZoneInfo, days: int = 1) -> Ints:
    """Return the instants at which the wall clock showed the same ``days`` days earlier [s].

    A wall-clock time that the earlier day skipped maps to the hour after the gap; one that it
    showed twice maps to the showing with the offset nearer to today's.
    """
    times = np.asarray(times_s, dtype=np.int64)
    today = utc_offsets(times, zone)
    guess = times - days * DAY_S
    shifted = guess + today - utc_offsets(guess, zone)
    # Near the change the guess may lie on the other side of it: keep the shift only where
    # it lands on the same wall-clock time.
    right = shifted + utc_offsets(shifted, zone) == guess + today
    return np.where(right, shifted, guess)
