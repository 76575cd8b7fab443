"""Readers of price and emission files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, parse_utc
from gridtide.signals.series import Series

Floats = npt.NDArray[np.float64]
_ERCOT_COLUMNS = (
    "Delivery Date",
    "Hour Ending",
    "Repeated Hour Flag",
    "Settlement Point",
    "Settlement Point Price",
)
_SGIP_FORECASTS = 36


def read_csv_series(path: Path) -> Series:
    """Read ``time,value`` with instants that state their offset; strict.

    The step is the shortest distance between two rows; a longer distance is a gap, found when
    the series is laid on a grid.

    Raises
    ------
    InputError
        With one finding per row that cannot be used.
    """
    rows = _rows(path, ("time", "value"))
    return _series(path, rows, lambda row: (parse_utc(row["time"]), float(row["value"])), True)


def read_ercot(path: Path, settlement_point: str) -> tuple[Series, ZoneInfo]:
    """Read ERCOT day-ahead settlement point prices [currency/MWh as published].

    Hours are hour-ending in Central prevailing time; the flag marks the second showing of the
    repeated hour in autumn.

    Returns
    -------
    series
        Hourly, UTC.
    zone
        America/Chicago.

    Raises
    ------
    InputError
        With one finding per row that cannot be used, or if the point is not in the file.
    """
    zone = ZoneInfo("America/Chicago")
    points: set[str] = set()

    def read(row: dict[str, str]) -> tuple[int, float]:
        hour = int(row["Hour Ending"].split(":")[0])
        month, day, year = (int(part) for part in row["Delivery Date"].split("/"))
        # Adding hours moves the wall clock and forgets the fold, so that is set last.
        wall = datetime(year, month, day, tzinfo=zone) + timedelta(hours=hour - 1)
        local = wall.replace(fold=int(row["Repeated Hour Flag"] == "Y"))
        return round(local.timestamp()), float(row["Settlement Point Price"])

    def wanted() -> Iterator[tuple[int, dict[str, str]]]:
        for line, row in _rows(path, _ERCOT_COLUMNS):
            points.add(row["Settlement Point"])
            if row["Settlement Point"] == settlement_point:
                yield line, row

    series = _series(path, wanted(), read, False)
    if len(series) == 0:
        mend = f"Points of the file: {', '.join(sorted(points))}"
        raise InputError(
            [Finding(path.name, f"no prices for settlement point {settlement_point!r}", mend)]
        )
    return series, zone


def read_sgip(path: Path) -> Series:
    """Read SGIP marginal emission rates [kg CO2/kWh], 5 min, UTC.

    The same rate holds for import and export. The unit is that of the signal's description.

    Raises
    ------
    InputError
        With one finding per row that cannot be used.
    """
    rows = _rows(path, ("time", "moer"))
    return _series(path, rows, lambda row: (parse_utc(row["time"]), float(row["moer"])), False)


def read_sgip_forecast(path: Path) -> Floats:
    """Read the forecasts issued at each row, for 5, 10 … 180 min ahead [kg CO2/kWh].

    Returns
    -------
    Shape (rows, 36), in the order of the file.
    """
    columns = tuple(f"f{k}" for k in range(1, _SGIP_FORECASTS + 1))
    rows = [[float(row[c]) for c in columns] for _, row in _rows(path, columns)]
    return np.array(rows, dtype=np.float64).reshape(-1, _SGIP_FORECASTS)


def unreadable(path: Path, error: OSError) -> Finding:
    """Return the finding about a file that cannot be opened or read."""
    reason = error.strerror or str(error)
    return Finding(str(path), f"cannot be read: {reason}", "Correct the path or the file")


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and named columns of each row of a CSV file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield from _named(path, csv.reader(file), columns)
    except (OSError, EOFError) as error:
        reason = error if isinstance(error, OSError) else OSError(str(error))
        raise InputError([unreadable(path, reason)]) from None


def _named(
    path: Path, reader: Any, columns: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, str]]]:
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in columns if name not in header]
    if missing:
        mend = f"The first line must name {', '.join(columns)}"
        raise InputError([Finding(f"{path.name}:1", f"no column {', '.join(missing)}", mend)])
    at = [header.index(name) for name in columns]
    for row in reader:
        if not any(field.strip() for field in row):
            continue
        # A row that is too short gives empty fields, which its reader then finds wanting.
        yield (
            reader.line_num,
            {
                name: row[i].strip() if i < len(row) else ""
                for name, i in zip(columns, at, strict=True)
            },
        )


def _series(path: Path, rows: Any, read: Any, strict: bool) -> Series:
    starts: list[int] = []
    values: list[float] = []
    lines: list[int] = []
    early: list[int] = []
    findings: list[Finding] = []
    for line, row in rows:
        try:
            start, value = read(row)
        except ValueError as error:
            mend = "Write an instant with its offset and a number, or remove the row"
            findings.append(Finding(f"{path.name}:{line}", f"broken row: {error}", mend))
            continue
        if not np.isfinite(value):
            mend = "Write a finite number, or remove the row"
            findings.append(Finding(f"{path.name}:{line}", f"{value} is no value", mend))
        elif starts and start <= starts[-1]:
            early.append(line)
        else:
            starts.append(start)
            values.append(value)
            lines.append(line)
    if early:
        more = f", here and in {len(early) - 1} later rows" if len(early) > 1 else ""
        mend = "Sort the rows by time, one row for each"
        findings.append(Finding(f"{path.name}:{early[0]}", f"time does not increase{more}", mend))
    if strict and not starts and not findings:
        findings.append(Finding(path.name, "there are no rows", "Add rows of time,value"))
    if findings:
        raise InputError(findings)
    start_s = np.array(starts, dtype=np.int64)
    return Series(
        source=path.name,
        start_s=start_s,
        value=np.array(values, dtype=np.float64),
        step_s=int(np.diff(start_s).min()) if len(starts) > 1 else 3600,
        line=np.array(lines, dtype=np.int64),
    )
