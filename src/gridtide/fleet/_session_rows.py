"""One session while it is being read, and the way from many of them to arrays."""

from __future__ import annotations

import gzip
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridtide.core import Finding, InputError, utc
from gridtide.fleet.arrays import RawSessions


@dataclass(slots=True, kw_only=True)
class SessionRow:
    """One session of a source; see :class:`RawSessions` for the meaning of each field."""

    session: str
    vehicle: str
    charger: str
    arrival_s: int
    departure_s: int
    stated_departure_s: float = math.nan
    requested_kwh: float = math.nan
    delivered_kwh: float = math.nan
    need_known: bool = True
    arrival_soc: float = math.nan
    target_soc: float = math.nan
    capacity_kwh: float = math.nan
    trip_kwh: float = math.nan


def to_raw(source: str, rows: Iterable[SessionRow], dropped: Counter[str]) -> RawSessions:
    """Turn rows into arrays, sorted by arrival."""
    ordered = sorted(rows, key=lambda r: (r.arrival_s, r.session))
    return RawSessions(
        source=source,
        session_ids=tuple(r.session for r in ordered),
        vehicle_ids=tuple(r.vehicle for r in ordered),
        charger_ids=tuple(r.charger for r in ordered),
        arrival_s=np.array([r.arrival_s for r in ordered], dtype=np.int64),
        departure_s=np.array([r.departure_s for r in ordered], dtype=np.int64),
        stated_departure_s=np.array([r.stated_departure_s for r in ordered], dtype=np.float64),
        requested_kwh=np.array([r.requested_kwh for r in ordered], dtype=np.float64),
        delivered_kwh=np.array([r.delivered_kwh for r in ordered], dtype=np.float64),
        need_known=np.array([r.need_known for r in ordered], dtype=np.bool_),
        arrival_soc=np.array([r.arrival_soc for r in ordered], dtype=np.float64),
        target_soc=np.array([r.target_soc for r in ordered], dtype=np.float64),
        capacity_kwh=np.array([r.capacity_kwh for r in ordered], dtype=np.float64),
        trip_kwh=np.array([r.trip_kwh for r in ordered], dtype=np.float64),
        dropped=dict(sorted(dropped.items())),
    )


def open_table(path: Path, separator: str, needed: Sequence[str]) -> list[str]:
    """Return the lines of a published data set, after a check of its header.

    Raises
    ------
    InputError
        If the file is missing, empty or lacks a column.
    """
    lines = read_lines(path)
    header = [name.strip() for name in lines[0].split(separator)]
    missing = [name for name in needed if name not in header]
    if missing:
        mend = f"The file has: {', '.join(header)}. Is it the data set that the scenario names?"
        raise InputError([Finding(f"{path.name}:1", f"no column {m}", mend) for m in missing])
    return lines


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file that may be gzipped; there is at least one."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = data.decode("utf-8-sig").splitlines()
    except OSError as error:
        mend = "Correct the path; it is taken from the folder of the scenario file"
        raise InputError([Finding(path.name, f"cannot be read: {error}", mend)]) from error
    except (EOFError, UnicodeDecodeError) as error:
        mend = "Write the file as UTF-8 text, or as such a text gzipped"
        raise InputError([Finding(path.name, f"is no readable text: {error}", mend)]) from error
    if not any(line.strip() for line in lines):
        mend = "Write a header and one row for each session"
        raise InputError([Finding(f"{path.name}:1", "the session file is empty", mend)])
    return lines


def drop_overlaps(
    rows: Iterable[SessionRow], by: str, reason: str, dropped: Counter[str]
) -> list[SessionRow]:
    """Keep the earlier of two sessions that overlap in time, and count the other.

    Parameters
    ----------
    rows
        Sessions in any order.
    by
        ``"vehicle"`` or ``"charger"``: what can be in one session at a time.
    reason
        Name of the count.
    dropped
        Counts; added to.
    """
    kept: list[SessionRow] = []
    busy_until: dict[str, int] = {}
    for row in sorted(rows, key=lambda r: (r.arrival_s, r.departure_s, r.session)):
        unit = getattr(row, by)
        if row.arrival_s < busy_until.get(unit, row.arrival_s):
            dropped[reason] += 1
            continue
        busy_until[unit] = row.departure_s
        kept.append(row)
    return kept


def some(path: Path, rows: list[SessionRow], start_s: int, end_s: int) -> list[SessionRow]:
    """Return the rows, or raise where there are none."""
    if rows:
        return rows
    first, last = utc(start_s), utc(end_s)
    what = f"no usable session arrives from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    mend = "Move the scenario's time span to where the data set has sessions"
    raise InputError([Finding(path.name, what, mend)])
