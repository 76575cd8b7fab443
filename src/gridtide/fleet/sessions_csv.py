"""Reader of gridtide's own session file, strict: docs/how-to/sessions-csv.md."""

from __future__ import annotations

import csv
import difflib
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from gridtide.core import Finding, InputError, parse_utc, utc
from gridtide.fleet._session_rows import SessionRow, read_lines, to_raw
from gridtide.fleet.arrays import RawSessions

_NEEDED = ("session", "vehicle", "charger", "arrival", "departure")
_OPTIONAL = (
    "stated_departure", "energy_kwh", "arrival_soc", "target_soc", "capacity_kwh", "trip_kwh",
)  # fmt: skip
_KNOWN = (*_NEEDED, *_OPTIONAL)


def read_sessions_csv(
    path: str | Path, *, start_s: int | None = None, end_s: int | None = None
) -> RawSessions:
    """Read a plain session file; any doubt about any row stops it, with all doubts told.

    Columns, in any order: ``session, vehicle, charger, arrival, departure`` and, where known,
    ``stated_departure, energy_kwh`` (asked for at the plug), ``arrival_soc, target_soc``
    (fractions), ``capacity_kwh, trip_kwh``. Times are ISO 8601 with an offset. A row with
    neither energy nor target is a driver who asked for nothing.

    Parameters
    ----------
    path
        CSV file, comma between columns, point in decimals, UTF-8; may be gzipped.
    start_s, end_s
        Sessions that overlap this window are kept [s since 1970-01-01 UTC]; the whole file is
        checked.

    Raises
    ------
    InputError
        With one finding for each doubt, each with file and line.
    """
    path = Path(path)
    reader = csv.reader(read_lines(path))
    header = [name.strip() for name in next(reader)]
    findings = _check_header(header, path.name)
    if findings:
        raise InputError(findings)
    rows: list[tuple[int, SessionRow]] = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        row, more = _RowReader(header, cells, f"{path.name}:{reader.line_num}").read()
        findings += more
        if row is not None:
            rows.append((reader.line_num, row))
    findings += _check_together(rows, path.name)
    if not rows and not findings:
        findings.append(
            Finding(
                f"{path.name}:2", "the session file has no rows", "Write a row for each session"
            )
        )
    kept = [
        row
        for _, row in rows
        if (start_s is None or row.departure_s > start_s)
        and (end_s is None or row.arrival_s < end_s)
    ]
    if not kept and not findings:
        findings.append(_none_in_window(path.name, rows))
    if findings:
        raise InputError(findings)
    return to_raw(path.name, kept, Counter())


def _none_in_window(name: str, rows: list[tuple[int, SessionRow]]) -> Finding:
    first = utc(min(row.arrival_s for _, row in rows))
    last = utc(max(row.arrival_s for _, row in rows))
    what = f"no session arrives in the run; the file has {first:%Y-%m-%d} to {last:%Y-%m-%d} UTC"
    return Finding(name, what, "Move the scenario's time span to the file's, or add sessions")


def _check_header(header: list[str], name: str) -> list[Finding]:
    where = f"{name}:1"
    findings = []
    for column in header:
        if column in _KNOWN:
            continue
        close = difflib.get_close_matches(column, _KNOWN, 1)
        mend = f"Did you mean {close[0]}?" if close else f"Known columns: {', '.join(_KNOWN)}"
        findings.append(Finding(where, f"unknown column {column!r}", mend))
    findings += [
        Finding(where, f"column {column} is there twice", "Keep one of them")
        for column in dict.fromkeys(header)
        if header.count(column) > 1
    ]
    findings += [
        Finding(where, f"column {column} is missing", f"Add a column named {column}")
        for column in _NEEDED
        if column not in header
    ]
    return findings


class _RowReader:
    """Reads one row and collects what is wrong with it."""

    def __init__(self, header: list[str], cells: list[str], where: str) -> None:
        self._header, self._cells, self._where = header, cells, where
        self._findings: list[Finding] = []
        self._value: dict[str, str] = {}

    def read(self) -> tuple[SessionRow | None, list[Finding]]:
        """Return the session, or None and the findings."""
        if len(self._cells) != len(self._header):
            what = f"{len(self._cells)} cells where the header has {len(self._header)}"
            self._doubt("", what, "Write one cell for each column; an empty one where unknown")
            return None, self._findings
        self._value = {k: v.strip() for k, v in zip(self._header, self._cells, strict=True)}
        row = self._session()
        return (None if self._findings else row), self._findings

    def _session(self) -> SessionRow:
        arrival_s, departure_s = self._time("arrival"), self._time("departure")
        stated_s = self._time("stated_departure") if self._has("stated_departure") else math.nan
        capacity = self._number("capacity_kwh", above=0.0)
        energy = self._number("energy_kwh", above=0.0)
        arrival_soc, target_soc = self._share("arrival_soc"), self._share("target_soc")
        if departure_s <= arrival_s:
            mend = "Correct the times; a departure is later than its arrival"
            self._doubt("departure", f"{self._value['departure']} is not after arrival", mend)
        if stated_s <= arrival_s:
            mend = "Correct it, or leave the cell empty where the driver said nothing"
            self._doubt("stated_departure", "is not after arrival", mend)
        self._check_need(arrival_soc, target_soc)
        return SessionRow(
            session=self._name("session"),
            vehicle=self._name("vehicle"),
            charger=self._name("charger"),
            arrival_s=0 if math.isnan(arrival_s) else int(arrival_s),
            departure_s=0 if math.isnan(departure_s) else int(departure_s),
            stated_departure_s=stated_s,
            requested_kwh=energy,
            need_known=self._has("energy_kwh") or self._has("target_soc"),
            arrival_soc=arrival_soc,
            target_soc=target_soc,
            capacity_kwh=capacity,
            trip_kwh=self._number("trip_kwh", above=-1e-12),
        )

    def _check_need(self, arrival_soc: float, target_soc: float) -> None:
        if self._has("energy_kwh") and self._has("target_soc"):
            mend = "Keep the one that the driver asked for and empty the other"
            self._doubt("energy_kwh", "energy and target are both given", mend)
        elif self._has("target_soc") and not self._has("arrival_soc"):
            mend = "Add the state of charge on arrival, or give energy_kwh instead"
            self._doubt("arrival_soc", "is missing where target_soc is given", mend)
        elif target_soc < arrival_soc:
            mend = "A driver asks for no less than there is; correct one of them"
            self._doubt("target_soc", f"{target_soc:g} is below arrival_soc {arrival_soc:g}", mend)
        elif self._has("arrival_soc") and not (self._has("target_soc") or self._has("energy_kwh")):
            mend = "Add target_soc or energy_kwh, or empty arrival_soc"
            self._doubt("arrival_soc", "is given without anything asked for", mend)

    def _has(self, column: str) -> bool:
        return bool(self._value.get(column))

    def _doubt(self, column: str, what: str, mend: str) -> None:
        self._findings.append(Finding(f"{self._where} {column}".rstrip(), what, mend))

    def _name(self, column: str) -> str:
        if not self._has(column):
            self._doubt(column, "is empty", f"Name the {column}")
        return self._value[column]

    def _time(self, column: str) -> float:
        text = self._value[column]
        try:
            return float(parse_utc(text))
        except ValueError as error:
            offset = str(error) if "offset" in str(error) else f"{text!r} is no time"
            self._doubt(column, offset.split(";")[0], "Write for example 2026-06-02T08:15:00-07:00")
            return math.nan

    def _number(self, column: str, *, above: float, upto: float = 1e6) -> float:
        if not self._has(column):
            return math.nan
        text = self._value[column]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and above < value <= upto:
            return value
        mend = "Write a positive number in kWh with a decimal point, or leave the cell empty"
        if upto == 1.0:
            mend = "A share is written as a fraction from 0 to 1"
            if 1 < value <= 100:
                mend += f": write {value / 100:g}"
        self._doubt(column, f"{text!r} is not allowed", mend)
        return math.nan

    def _share(self, column: str) -> float:
        return self._number(column, above=-1e-12, upto=1.0)


def _check_together(rows: list[tuple[int, SessionRow]], name: str) -> list[Finding]:
    findings = []
    line_of: dict[str, int] = {}
    for line, row in rows:
        first = line_of.setdefault(row.session, line)
        if first != line:
            what = f"session {row.session} is already in line {first}"
            findings.append(Finding(f"{name}:{line} session", what, "Give each its own name"))
    findings += _overlaps(rows, name, "vehicle", lambda row: row.vehicle)
    findings += _overlaps(rows, name, "charger", lambda row: row.charger)
    findings += _two_capacities(rows, name)
    return sorted(findings, key=lambda f: int(f.where.split(":")[1].split()[0]))


def _overlaps(
    rows: list[tuple[int, SessionRow]], name: str, column: str, key: Callable[[SessionRow], str]
) -> list[Finding]:
    findings = []
    busy: dict[str, tuple[int, int]] = {}
    for line, row in sorted(rows, key=lambda r: (r[1].arrival_s, r[0])):
        until_s, other = busy.get(key(row), (row.arrival_s, 0))
        if row.arrival_s < until_s:
            what = f"{column} {key(row)} is still in the session of line {other}"
            mend = "Correct the times, or take one of the two out"
            findings.append(Finding(f"{name}:{line} {column}", what, mend))
        if row.departure_s >= until_s:
            busy[key(row)] = (row.departure_s, line)
    return findings


def _two_capacities(rows: list[tuple[int, SessionRow]], name: str) -> list[Finding]:
    findings = []
    first: dict[str, tuple[float, int]] = {}
    for line, row in rows:
        if math.isnan(row.capacity_kwh):
            continue
        capacity, other = first.setdefault(row.vehicle, (row.capacity_kwh, line))
        if capacity != row.capacity_kwh:
            what = f"vehicle {row.vehicle} had {capacity:g} kWh in line {other}"
            findings.append(
                Finding(f"{name}:{line} capacity_kwh", what, "Give a vehicle one capacity")
            )
    return findings
