"""Reader of the Trondheim residential garage (Sørensen et al. 2021)."""

from __future__ import annotations

import csv
import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gridtide.fleet._session_rows import SessionRow, drop_overlaps, open_table, some, to_raw
from gridtide.fleet.arrays import RawSessions

_ZONE = ZoneInfo("Europe/Oslo")
_COLUMNS = (
    "session_ID", "Garage_ID", "User_ID", "Start_plugin", "End_plugout", "El_kWh", "Duration_hours",
)  # fmt: skip
_TOLERANCE_H = 1.5 / 60  # times are cut to the minute, durations are not


def read_trondheim(
    path: str | Path, *, start_s: int, end_s: int, garage: str | None = None
) -> RawSessions:
    """Read the sessions that arrive in ``[start_s, end_s)`` from the Trondheim garage CSV.

    A user is a vehicle with a charger of its own (its garage spot, named as the user). No
    departure and no need was stated. Times are Europe/Oslo wall clock. A time in the hour
    that the autumn clock change repeats is read as the first or the second such that the
    stay agrees with the Duration column, and as the first where both do. The source made
    some durations by subtracting wall clocks across a clock change (six at the end of March
    2019); the times count there, the duration is not taken as a disagreement.

    Parameters
    ----------
    path
        File as published: ``;`` between columns, decimal comma, ``dd.mm.yyyy hh:mm``.
    start_s, end_s
        Window of arrivals [s since 1970-01-01 UTC].
    garage
        ``Garage_ID`` to keep, or None for all garages.

    Returns
    -------
    RawSessions
        ``requested_kwh`` is the energy delivered. ``dropped`` counts the rows of the window
        that are unusable, by reason. Of two overlapping sessions of a user the earlier stays.

    Raises
    ------
    InputError
        If the file is missing, empty, lacks a column or has no session in the window.

    References
    ----------
    .. [1] Sørensen, Lindberg, Sartori, Andresen, "Residential electric vehicle charging
       datasets from apartment buildings", Data in Brief 36 (2021) 107105,
       doi:10.1016/j.dib.2021.107105.
    """
    path = Path(path)
    lines = open_table(path, ";", _COLUMNS)
    dropped: Counter[str] = Counter()
    rows: list[SessionRow] = []
    for cells in csv.DictReader(lines, delimiter=";"):
        if garage is not None and cells["Garage_ID"] != garage:
            continue
        row, reason = _row(cells, start_s, end_s)
        if row is not None:
            rows.append(row)
        elif reason:
            dropped[reason] += 1
    rows = drop_overlaps(rows, "vehicle", "overlaps another session of its user", dropped)
    return to_raw(path.name, some(path, rows, start_s, end_s), dropped)


def _row(cells: dict[str, str], start_s: int, end_s: int) -> tuple[SessionRow | None, str]:
    """Return the session, or the reason why there is none ("" outside the window)."""
    if any(not isinstance(cells[name], str) for name in _COLUMNS):
        return None, "row is cut short"
    arrivals = _instants(cells["Start_plugin"])
    if not arrivals:
        return None, "arrival missing or unreadable"
    if not start_s <= arrivals[0] < end_s:
        return None, ""
    departures = _instants(cells["End_plugout"])
    if not departures:
        return None, "departure missing or unreadable"
    if not cells["session_ID"] or not cells["User_ID"]:
        return None, "session or user id missing"
    energy_kwh = _decimal(cells["El_kWh"])
    if not energy_kwh > 0:
        return None, "energy missing, unreadable or not positive"
    return _session(cells, arrivals, departures, energy_kwh)


def _session(
    cells: dict[str, str], arrivals: list[int], departures: list[int], energy_kwh: float
) -> tuple[SessionRow | None, str]:
    duration_h = _decimal(cells["Duration_hours"])
    arrival_s, departure_s = _best_fold(arrivals, departures, duration_h)
    if departure_s == arrival_s:
        return None, "stay of zero minutes"
    if departure_s < arrival_s:
        return None, "departure before arrival"
    if not _agrees(arrival_s, departure_s, duration_h):
        return None, "duration disagrees with the times"
    return SessionRow(
        session=cells["session_ID"],
        vehicle=cells["User_ID"],
        charger=cells["User_ID"],
        arrival_s=arrival_s,
        departure_s=departure_s,
        requested_kwh=energy_kwh,
        delivered_kwh=energy_kwh,
        need_known=False,
    ), ""


def _instants(text: str) -> list[int]:
    """Return the instants that a wall-clock time can mean: none, one, or two in autumn.

    A time in the hour that spring leaves out is read with the offset before the change.
    """
    try:
        local = datetime.strptime(text.strip(), "%d.%m.%Y %H:%M").replace(tzinfo=_ZONE)
    except ValueError:
        return []
    first, second = (round(local.replace(fold=fold).timestamp()) for fold in (0, 1))
    return [first, second] if second > first else [first]


def _best_fold(arrivals: list[int], departures: list[int], duration_h: float) -> tuple[int, int]:
    pairs = [(a, d) for a in arrivals for d in departures]
    if math.isnan(duration_h):
        return pairs[0]
    return min(pairs, key=lambda pair: abs((pair[1] - pair[0]) / 3600.0 - duration_h))


def _agrees(arrival_s: int, departure_s: int, duration_h: float) -> bool:
    if math.isnan(duration_h):
        return True
    elapsed_h = (departure_s - arrival_s) / 3600.0
    wall_h = elapsed_h + (_offset_h(departure_s) - _offset_h(arrival_s))
    return min(abs(elapsed_h - duration_h), abs(wall_h - duration_h)) <= _TOLERANCE_H


def _offset_h(time_s: int) -> float:
    offset = datetime.fromtimestamp(time_s, UTC).astimezone(_ZONE).utcoffset()
    return (offset or timedelta()).total_seconds() / 3600.0


def _decimal(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
