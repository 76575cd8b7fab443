"""Samples of a quantity that holds until the next one: activation signals, frequency, meters."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, parse_utc

Floats = npt.NDArray[np.float64]
_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Values at instants; arrays of shape (n,).

    Parameters
    ----------
    source
        What was read or drawn, for messages.
    time_s
        Instants, increasing [s since 1970-01-01 UTC].
    value
        In the unit that the quantity has; NaN where it was not received.
    """

    source: str
    time_s: Floats
    value: Floats

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.time_s.size

    def at(self, time_s: float, hold_s: float) -> float:
        """Value that holds at an instant: the last received; NaN where it is too old.

        Parameters
        ----------
        time_s
            Now [s].
        hold_s
            How long a sample is held when no other comes [s].
        """
        k = int(np.searchsorted(self.time_s, time_s + 1e-6, side="right")) - 1
        while k >= 0 and time_s - self.time_s[k] <= hold_s + 1e-6:
            if not math.isnan(self.value[k]):
                return float(self.value[k])
            k -= 1
        return math.nan


def read_samples(path: Path | str, column: str, *, lowest: float, highest: float) -> Samples:
    """Read a CSV with a column ``time`` and one of values.

    Parameters
    ----------
    path
        The file. ``time`` is an ISO 8601 instant with its offset, or seconds; an empty value is a
        sample that was not received.
    column
        Name of the column of values; where the file has two columns, any name will do.
    lowest, highest
        Values outside are no values of this quantity.

    Raises
    ------
    InputError
        With up to ten findings, each with its line: unreadable or implausible values, times that
        do not increase.
    """
    path = Path(path)
    rows = _rows(path, column)
    times, values = np.empty(len(rows)), np.empty(len(rows))
    findings: list[Finding] = []
    for k, (line, time, value) in enumerate(rows):
        where = f"{path}:{line}"
        try:
            times[k] = _instant(time)
            values[k] = float(value) if value.strip() else math.nan
        except ValueError as error:
            mend = "Write an instant with its offset or seconds, and a number or nothing"
            findings.append(Finding(where, f"cannot be read: {error}", mend))
            continue
        if not math.isnan(values[k]) and not lowest <= values[k] <= highest:
            what = f"{values[k]:g} is outside {lowest:g} to {highest:g}"
            findings.append(Finding(where, what, "Correct it, or leave it empty: not received"))
        if k and not times[k] > times[k - 1]:
            findings.append(Finding(where, "comes before the row above it", "Sort the rows"))
    if findings:
        raise InputError(findings[:_TOLD])
    return Samples(source=path.name, time_s=times, value=values)


def _rows(path: Path, column: str) -> list[tuple[int, str, str]]:
    if not path.is_file():
        raise InputError([Finding(str(path), "there is no such file", "Correct the path")])
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = list(csv.reader(file))
    names = [name.strip() for name in table[0]] if table else []
    if "time" not in names or (column not in names and len(names) != 2):
        mend = f"Begin the file with the line time,{column}"
        raise InputError([Finding(f"{path}:1", f"has the columns {', '.join(names)}", mend)])
    at = names.index("time")
    value = names.index(column) if column in names else 1 - at
    rows = [(k + 1, row) for k, row in enumerate(table) if k and any(row)]
    short = [line for line, row in rows if len(row) < len(names)]
    if short or not rows:
        where = f"{path}:{short[0]}" if short else str(path)
        what = "the row is cut short" if short else "there are no rows"
        raise InputError([Finding(where, what, "Write a time and a value in every row")])
    return [(line, row[at], row[value]) for line, row in rows]


def _instant(text: str) -> float:
    """Seconds, from an instant or from a number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        return float(parse_utc(text.strip()))
    if not math.isfinite(seconds):
        raise ValueError(f"{text!r} is no time")
    return seconds
