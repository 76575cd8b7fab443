"""Local wall-clock times to instants, for many at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from gridtide.fleet.arrays import Floats, Ints

_EPOCH = date(1970, 1, 1)


class LocalClock:
    """Turns wall-clock times of a zone into instants.

    A wall-clock time that comes twice is the first of the two; one that is left out is read
    with the offset before the change. Zones change their offset on a whole hour.

    Parameters
    ----------
    zone
        Time zone.
    first_day, days
        Local days that are asked for; times outside take the offset at the nearer end.
    """

    def __init__(self, zone: ZoneInfo, first_day: date, days: int) -> None:
        midnight = datetime(first_day.year, first_day.month, first_day.day, tzinfo=zone)
        hours = [midnight + timedelta(hours=h) for h in range(24 * days)]
        self._offset_s = np.array([_offset_s(hour) for hour in hours], dtype=np.float64)
        self._first_s = (first_day - _EPOCH).days * 86400

    def instants_s(self, wall_s: Floats) -> Floats:
        """Instants [s since 1970-01-01 UTC] of wall-clock times counted the same way."""
        hour = ((wall_s - self._first_s) // 3600).astype(np.int64)
        return wall_s - self._offset_s[np.clip(hour, 0, self._offset_s.size - 1)]


def _offset_s(local: datetime) -> float:
    offset = local.utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def local_date(time_s: int, zone: ZoneInfo) -> date:
    """Local date of an instant."""
    return datetime.fromtimestamp(time_s, UTC).astimezone(zone).date()


def day_numbers(first: date, days: int) -> tuple[Ints, Ints]:
    """Days since 1970-01-01 and weekdays (Monday is 0) of consecutive days."""
    number = (first - _EPOCH).days + np.arange(days, dtype=np.int64)
    return number, (number + 3) % 7
