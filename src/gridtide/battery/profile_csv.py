"""Reads a profile of a battery: a CSV file with the columns hour, soc, temperature_c."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]

COLUMNS = ("hour", "soc", "temperature_c")
RANGES = {"hour": (-math.inf, math.inf), "soc": (0.0, 1.0), "temperature_c": (-40.0, 80.0)}
MENDS = {
    "hour": "Use hours as numbers",
    "soc": "Use fractions from 0 to 1",
    "temperature_c": "Use °C from -40 to 80; 298.15 K is 25 °C",
}
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A period of a battery's life that repeats; arrays of shape (points,).

    Parameters
    ----------
    soc
        State of charge at the beginning of each step [0..1].
    temperature_c
        Cell temperature [°C].
    step_h
        Between two points [h].
    """

    soc: Floats
    temperature_c: Floats
    step_h: float


def read_profile_csv(path: Path) -> Profile:
    """Read a profile.

    Hours are evenly spaced. Where the last row is a whole number of days after the first it
    closes the period and must repeat the first state of charge; otherwise the period ends one
    step after it.

    Raises
    ------
    InputError
        With a finding for everything that is wrong.
    """
    rows, findings = _rows(path)
    if findings:
        raise InputError(findings)
    hour, soc, heat = (np.array([row[k] for row in rows]) for k in range(3))
    findings = _gaps(path, hour)
    step = float(hour[1] - hour[0]) if len(hour) > 1 else 1.0
    if not findings and abs(24.0 / step - round(24.0 / step)) > 1e-6:
        mend = "Use a step of which a whole number makes a day, such as 0.25 or 1 h"
        findings.append(Finding(f"{path}", f"has a step of {step:g} h", mend))
    span = float(hour[-1] - hour[0])
    closed = span > 0 and abs(span / 24.0 - round(span / 24.0)) < 1e-6
    if closed and abs(soc[-1] - soc[0]) > 1e-6:
        what = f"ends at soc {soc[-1]:g} after whole days, but began at {soc[0]:g}"
        mend = "Let the last row repeat the first state of charge, or leave it out"
        findings.append(Finding(f"{path}:{len(rows) + 1} soc", what, mend))
    if findings:
        raise InputError(findings)
    end = -1 if closed else None
    return Profile(soc=soc[:end], temperature_c=heat[:end], step_h=step)


def _rows(path: Path) -> tuple[list[list[float]], list[Finding]]:
    """Numbers of all rows, or everything that is wrong with them."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return [], [Finding(str(path), f"cannot be read: {error}", "Correct the path or the file")]
    reader = csv.DictReader(text.splitlines())
    names = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        what = f"has no column {', '.join(missing)}"
        return [], [Finding(f"{path}:1", what, f"Use the columns {', '.join(COLUMNS)}")]
    reader.fieldnames = names
    findings: list[Finding] = []
    rows = [
        [_number(f"{path}:{reader.line_num}", name, row[name], findings) for name in COLUMNS]
        for row in reader
    ]
    if not rows:
        findings.append(Finding(str(path), "holds no rows", "Give at least one day"))
    if len(findings) > SHOWN:
        more = len(findings) - SHOWN
        last = Finding(str(path), f"and {more} more of such values", "Mend them alike")
        findings = [*findings[:SHOWN], last]
    return rows, findings


def _number(where: str, name: str, text: str | None, findings: list[Finding]) -> float:
    low, high = RANGES[name]
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (low <= value <= high and math.isfinite(value)):
        findings.append(Finding(f"{where} {name}", f"is {text or 'empty'}", MENDS[name]))
    return value


def _gaps(path: Path, hour: Floats) -> list[Finding]:
    steps = np.diff(hour)
    if len(steps) == 0:
        return []
    usual = float(np.median(steps))
    bad = np.flatnonzero(np.abs(steps - usual) > 1e-6 * max(abs(usual), 1.0))
    if usual <= 0:
        bad = np.arange(1)
    mend = f"Fill the gap: rows are {usual:g} h apart" if usual > 0 else "Let hours rise"
    return [
        Finding(f"{path}:{k + 3} hour", f"{hour[k + 1]:g} follows {hour[k]:g}", mend)
        for k in bad[:SHOWN]
    ]
