"""Telemetry of one vehicle from a CSV file, read strictly: what no pack can have is a finding."""

from __future__ import annotations

import csv
import difflib
from dataclasses import fields
from pathlib import Path

import numpy as np

from gridtide.battery.telemetry import Floats, Telemetry
from gridtide.core import Finding, InputError, parse_utc

_VALUES = tuple(f.name for f in fields(Telemetry) if f.name not in ("time_s", "session"))
_COLUMNS = ("time", "session", *_VALUES)
_KELVIN = (223.0, 368.0)


def read_telemetry_csv(path: Path) -> Telemetry:
    """Read the telemetry of one vehicle.

    Parameters
    ----------
    path
        CSV with a header: ``time`` (ISO 8601 with its offset), and any of ``session`` and the
        fields of :class:`gridtide.battery.Telemetry`. An empty cell is not reported.

    Returns
    -------
    Telemetry
        Of shape (1, rows).

    Raises
    ------
    InputError
        With one finding for each kind of fault in each column, at its first line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        mend = "Name a CSV file in UTF-8 that can be read"
        raise InputError([Finding(str(path), f"cannot be read: {error}", mend)]) from error
    reading = _Reading(path)
    table = reading.table(rows)
    reading.check(table)
    if reading.findings:
        raise InputError(reading.findings)
    time = table.pop("time")[None, :]
    session = np.nan_to_num(table.pop("session", np.zeros(time.size)))[None, :].astype(np.int64)
    return Telemetry.of(time, session, **{k: v[None, :] for k, v in table.items()})


class _Reading:
    """Collects the findings of one file, one for each column and kind of fault."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.findings: list[Finding] = []
        self._told: set[tuple[str, str]] = set()

    def _tell(self, line: int, column: str, what: str, mend: str) -> None:
        if (column, mend) not in self._told:
            self._told.add((column, mend))
            self.findings.append(Finding(f"{self._path}:{line} {column}".strip(), what, mend))

    def table(self, rows: list[list[str]]) -> dict[str, Floats]:
        """Turn rows into columns of numbers; empty cells are NaN."""
        header = [name.strip() for name in rows[0]] if rows else []
        for name in header:
            if name not in _COLUMNS:
                close = difflib.get_close_matches(name, _COLUMNS, 1)
                hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(_COLUMNS)}"
                self._tell(1, name, "no such column", hint)
            if header.count(name) > 1:
                self._tell(1, name, "the column stands there twice", "Leave one")
        if "time" not in header:
            self._tell(1, "", "the column time is missing", "Add time, such as 2026-06-02T08:15Z")
        if len(rows) < 2:
            self._tell(1, "", "there are no samples", "Write one row for each sample")
        if self.findings:
            return {}
        numbers = np.full((len(header), len(rows) - 1), np.nan)
        for k, row in enumerate(rows[1:]):
            if len(row) != len(header):
                mend = "Write one cell for each column; an empty one where not reported"
                self._tell(k + 2, "", f"{len(row)} cells for {len(header)} columns", mend)
            for c, text in enumerate(row[: len(header)]):
                numbers[c, k] = self._number(k + 2, header[c], text.strip())
        return dict(zip(header, numbers, strict=True))

    def _number(self, line: int, column: str, text: str) -> float:
        if column == "time":
            try:
                return float(parse_utc(text))
            except ValueError:
                mend = "Write ISO 8601 with an offset, such as 2026-06-02T08:15:00Z"
                self._tell(line, column, f"{text!r} is no instant", mend)
                return np.nan
        if not text:
            return np.nan
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            self._tell(line, column, f"{text!r} is no number", "Write a number, or nothing")
        return value

    def check(self, table: dict[str, Floats]) -> None:
        """Tell what no pack can have, whatever its telemetry says otherwise."""
        if not table:
            return
        for line in np.flatnonzero(np.diff(table["time"]) <= 0)[:1] + 3:
            what = "is not later than the line before"
            self._tell(int(line), "time", what, "Sort the rows by time, one for each instant")
        soc = table.get("soc", np.zeros(0))
        for k in np.flatnonzero((soc < 0) | (soc > 1))[:1]:
            percent = f": write {soc[k] / 100:g}" if 1 < soc[k] <= 100 else ""
            mend = f"A state of charge is a fraction from 0 to 1{percent}"
            self._tell(int(k) + 2, "soc", f"{soc[k]:g} is not allowed", mend)
        for name in ("temperature_c", "ambient_c"):
            values = table.get(name, np.zeros(0))
            for k in np.flatnonzero((values < -50) | (values > 95))[:1]:
                kelvin = _KELVIN[0] <= values[k] <= _KELVIN[1]
                hint = f": write {values[k] - 273.15:.4g}, if this is kelvin" if kelvin else ""
                what = f"{values[k]:g} is no temperature of a pack"
                self._tell(int(k) + 2, name, what, f"Write °C from -50 to 95{hint}")
