"""Ambient temperature: a constant, a file, or a SYNTHETIC year (docs/models/weather.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, TimeGrid
from gridtide.signals.localtime import local_times
from gridtide.signals.price_files import read_csv_series
from gridtide.signals.series import on_grid

Floats = npt.NDArray[np.float64]

COLDEST_C, HOTTEST_C = -90.0, 60.0
"""Colder and hotter air was never measured on the ground."""
_LOOKS_LIKE_KELVIN = 100.0
_ZERO_C_K = 273.15
_COLDEST_DAY_NORTH, _YEAR_DAYS = 20.0, 365.25
_COLDEST_HOUR = 3.0
_DAY_S = 86_400


class Weather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The air around parked vehicles: the scenario's ``[weather]`` table; one for all sites."""

    kind: Annotated[
        Literal["constant", "season"] | None,
        msgspec.Meta(
            description="constant, or a synthetic season; exactly one of kind and file [-]"
        ),
    ] = None
    file: Annotated[
        str | None, msgspec.Meta(description="CSV file time,value with offset, in °C [-]")
    ] = None
    mean_c: Annotated[
        float, msgspec.Meta(description="The constant, or the mean over the year [°C]")
    ] = 10.0
    seasonal_amplitude_c: Annotated[
        float,
        msgspec.Meta(ge=0, le=40, description="Half from coldest to warmest day, season only [K]"),
    ] = 9.0
    daily_amplitude_c: Annotated[
        float,
        msgspec.Meta(ge=0, le=20, description="Half from night to afternoon, season only [K]"),
    ] = 4.0


def ambient_c(
    stated: Weather,
    latitude_deg: float,
    grid: TimeGrid,
    zone: ZoneInfo,
    find: Callable[[str], Path],
    where: str = "weather",
) -> Floats:
    """Return the ambient temperature of each step [°C], shape (n,).

    Parameters
    ----------
    stated
        The scenario's table.
    latitude_deg
        North is positive [°]; south of the equator the season is shifted by half a year.
    grid, zone
        Steps, and the zone of the local time of day.
    find
        Turns a file name of the scenario into a path.
    where
        Place of the table, for findings.

    Raises
    ------
    InputError
        If both or neither of kind and file are given, a temperature looks like kelvin or is
        none of this world, or the file cannot be read or does not cover the run.
    """
    if (stated.kind is None) == (stated.file is None):
        mend = 'Give either kind = "constant" or kind = "season" with mean_c, or a file'
        raise InputError([Finding(where, "no temperature, or two ways to get it", mend)])
    if stated.file is not None:
        return _from_file(find(stated.file), grid)
    findings = _odd(stated.mean_c, f"{where}.mean_c")
    if findings:
        raise InputError(findings)
    if stated.kind == "constant":
        return np.full(grid.n, stated.mean_c)
    return season_c(stated, latitude_deg, grid, zone)


def season_c(stated: Weather, latitude_deg: float, grid: TimeGrid, zone: ZoneInfo) -> Floats:
    """Return a SYNTHETIC ambient temperature [°C], shape (n,): a year and a day, both cosines.

    Evaluated at the middle of each step; nothing is drawn, so that no day is colder than its
    date. South of the equator the season is shifted by half a year.
    """
    middle = grid.starts_s + grid.step_s // 2
    local = local_times(middle, zone)
    first = middle.astype("datetime64[s]").astype("datetime64[Y]").astype("datetime64[s]")
    day_of_year = (middle - first.astype(np.int64)) / _DAY_S
    coldest = _COLDEST_DAY_NORTH + (_YEAR_DAYS / 2 if latitude_deg < 0 else 0.0)
    year = np.cos(2 * np.pi * (day_of_year - coldest) / _YEAR_DAYS)
    day = np.cos(2 * np.pi * (local.second / 3600 - _COLDEST_HOUR) / 24)
    air: Floats = (
        stated.mean_c - stated.seasonal_amplitude_c * year - stated.daily_amplitude_c * day
    )
    return air


def _from_file(path: Path, grid: TimeGrid) -> Floats:
    series = read_csv_series(path)
    values, findings = on_grid(series, grid)
    odd = np.flatnonzero((series.value < COLDEST_C) | (series.value > HOTTEST_C))
    told = [
        finding
        for i in odd[:1].tolist()
        for finding in _odd(float(series.value[i]), f"{path.name}:{int(series.line[i])}")
    ]
    if odd.size > 1:
        what = f"{odd.size - 1} more such values"
        told.append(Finding(path.name, what, "Write the whole file in °C"))
    if told or findings:
        raise InputError([*told, *findings])
    return values


def _odd(value: float, where: str) -> list[Finding]:
    """Find a temperature that no air has; kelvin is the usual cause."""
    if COLDEST_C <= value <= HOTTEST_C:
        return []
    if value > _LOOKS_LIKE_KELVIN:
        mend = f"Write degrees Celsius: {value - _ZERO_C_K:.4g}"
        return [Finding(where, f"{value:g} looks like kelvin", mend)]
    mend = f"Write degrees Celsius from {COLDEST_C:g} to {HOTTEST_C:g}"
    return [Finding(where, f"{value:g} °C is no temperature of air", mend)]
