"""A measured or published series in UTC, and how it is laid on a time grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, TimeGrid, utc
from gridtide.signals.localtime import DAY_S, date_of, local_times

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_HOUR_S = 3600
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# A file with uneven rows has a gap almost everywhere; a person needs the first few.
_GAPS_TOLD = 10
# How far the weekday-and-hour mapping looks for a value that its first choice lacks.
_WEEKS_AROUND = (0, 1, -1, 2, -2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values that hold for ``step_s`` from their start; arrays of shape (values,).

    Parameters
    ----------
    source
        What was read, for messages.
    start_s
        Start of each value [s since 1970-01-01 UTC], increasing.
    value
        In the unit that the reader states.
    step_s
        How long a value holds [s].
    line
        Line of the file that each value stands on, 1-based.
    """

    source: str
    start_s: Ints
    value: Floats
    step_s: int
    line: Ints

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self.start_s)


def on_grid(series: Series, grid: TimeGrid) -> tuple[Floats, list[Finding]]:
    """Return the mean of a series over every step of a grid.

    Returns
    -------
    values
        Shape (n,); NaN where the series does not cover the whole step.
    findings
        One per gap, naming the file, the line before the gap and the hours that are missing.
    """
    if len(series) == 0:
        mend = f"Add rows from {_hour(grid.start_s)} to {_hour(grid.end_s)}"
        return np.full(grid.n, np.nan), [Finding(series.source, "the series is empty", mend)]
    edges = grid.start_s + grid.step_s * np.arange(grid.n + 1, dtype=np.int64)
    covered, total = _integrals(series, edges)
    whole = np.diff(covered) == grid.step_s
    mean = np.full(grid.n, np.nan)
    mean[whole] = np.diff(total)[whole] / grid.step_s
    inside = _constant_steps(series, edges)
    mean[inside >= 0] = series.value[inside[inside >= 0]]
    return mean, _gaps(series, grid, np.isnan(mean))


def _integrals(series: Series, edges: Ints) -> tuple[Ints, Floats]:
    """Return covered seconds and the integral of the value up to each edge."""
    ends = np.minimum(
        series.start_s + series.step_s,
        np.append(series.start_s[1:], series.start_s[-1] + series.step_s),
    )
    length = ends - series.start_s
    at = np.searchsorted(series.start_s, edges, side="right") - 1
    part = np.where(at >= 0, np.minimum(edges - series.start_s[at], length[at]), 0)
    # A NaN in the source counts as a gap, not as a number that spreads through the sum.
    known = np.isfinite(series.value)
    value = np.where(known, series.value, 0.0)
    seconds = np.concatenate([[0], np.cumsum(length * known)])
    area = np.concatenate([[0.0], np.cumsum(length * value)])
    safe = np.maximum(at, 0)
    return seconds[safe] + part * known[safe], area[safe] + part * value[safe]


def _constant_steps(series: Series, edges: Ints) -> Ints:
    """Return for each step the one value that holds throughout it, or -1."""
    at = np.searchsorted(series.start_s, edges[:-1], side="right") - 1
    safe = np.maximum(at, 0)
    until = np.append(series.start_s, np.iinfo(np.int64).max)[safe + 1]
    ends = np.minimum(series.start_s[safe] + series.step_s, until)
    return np.where((at >= 0) & (ends >= edges[1:]), safe, -1)


def _gaps(series: Series, grid: TimeGrid, missing: npt.NDArray[np.bool_]) -> list[Finding]:
    if not missing.any():
        return []
    bounds = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(np.int8), [0]])))
    gaps = bounds.reshape(-1, 2).tolist()
    findings = []
    for first, last in gaps[:_GAPS_TOLD]:
        begin, end = grid.start_s + first * grid.step_s, grid.start_s + last * grid.step_s
        at = max(int(np.searchsorted(series.start_s, begin, side="right")) - 1, 0)
        findings.append(
            Finding(
                f"{series.source}:{int(series.line[at])}",
                f"no value from {_hour(begin)} to {_hour(end)} ({(end - begin) / _HOUR_S:g} h)",
                "Add the missing rows, or move the run into the time that the file covers "
                f"({_hour(int(series.start_s[0]))} to "
                f"{_hour(int(series.start_s[-1]) + series.step_s)})",
            )
        )
    if len(gaps) > _GAPS_TOLD:
        mend = "Check that the rows are evenly spaced"
        what = f"{len(gaps) - _GAPS_TOLD} more gaps"
        findings.append(Finding(series.source, what, mend))
    return findings


def _hour(time_s: int) -> str:
    return utc(time_s).strftime("%Y-%m-%dT%H:%MZ")


def map_by_weekday_hour(
    series: Series, source_zone: ZoneInfo, grid: TimeGrid, target_zone: ZoneInfo
) -> tuple[Floats, str]:
    """Lay a series of another year and country on a grid, by local weekday and hour.

    The result is illustrative: it keeps the shape of days and weeks, not what happened then.
    Each target step takes the value at the same ISO week number, weekday and wall-clock time
    in the calendar year that holds most of the series. A 25-hour target day takes the value of
    its repeated hour twice; a 23-hour day skips one. Where the source has no such hour (its
    own 23-hour day, week 53, the edge of the year), the same weekday and hour of the next week
    is taken, then of the week before, then two weeks off. Where the source shows an hour
    twice, its first showing counts.

    Parameters
    ----------
    series
        Source; its step must divide an hour or be an hour.
    source_zone, target_zone
        Time zones of the source and of the grid's place.
    grid
        Target.

    Returns
    -------
    values
        Shape (n,); NaN where even the weeks around hold no value.
    note
        One sentence for the report.
    """
    source = local_times(series.start_s, source_zone)
    slots, first = np.unique(source.date * DAY_S + source.second, return_index=True)
    values = series.value[first]
    target = local_times(grid.starts_s, target_zone)
    days, inverse = np.unique(target.date, return_inverse=True)
    year = _main_year(source.date)
    twins = np.array([_twin(d, year) for d in days.tolist()], dtype=np.int64)
    slot = twins[inverse] * DAY_S + target.second // series.step_s * series.step_s
    mapped, moved = _look_up(slots, values, slot)
    note = (
        f"{series.source} is laid on this run by local weekday and hour of the same ISO week "
        f"of {year}: illustrative, from another time and place"
    )
    if moved:
        note += f"; {moved} steps took the value of a neighbouring week"
    return mapped, note


def _main_year(days: Ints) -> int:
    years, rows = np.unique(
        days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64), return_counts=True
    )
    return int(years[rows.argmax()]) + 1970


def _twin(day: int, year: int) -> int:
    """Return the date of the same ISO week and weekday in another year."""
    week, weekday = date_of(day).isocalendar()[1:]
    monday = date.fromisocalendar(year, 1, 1)
    return (monday + timedelta(weeks=week - 1, days=weekday - 1)).toordinal() - _EPOCH_ORDINAL


def _look_up(slots: Ints, values: Floats, slot: Ints) -> tuple[Floats, int]:
    mapped = np.full(len(slot), np.nan)
    moved = 0
    for weeks in _WEEKS_AROUND:
        wanted = slot + weeks * 7 * DAY_S
        at = np.minimum(np.searchsorted(slots, wanted), len(slots) - 1)
        hit = np.isnan(mapped) & (slots[at] == wanted)
        mapped[hit] = values[at[hit]]
        moved += int(hit.sum()) if weeks else 0
    return mapped, moved
