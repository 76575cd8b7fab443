"""Synthetic base load and sun power, from carded models (docs/models/base-load.md, pv.md).

Every day draws from its own random stream, named after the day. A day therefore looks the same
whatever the span that is asked for, so that the day before a run can be made too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, TimeGrid
from gridtide.signals._noise import daily_noise, hourly_noise
from gridtide.signals.localtime import local_times
from gridtide.signals.price_files import read_csv_series
from gridtide.signals.series import on_grid
from gridtide.signals.solar import clear_sky_w_m2, plane_w_m2, sun_position

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BaseLoadKind = Literal["office", "campus", "home", "depot", "hub"]
Forecast = Literal["perfect", "yesterday"]
LoadForecast = Literal["perfect", "yesterday", "similar_day"]
_HOUR_S = 3600


class BaseLoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The building behind the site's meter: the scenario's ``base_load`` table."""

    kind: Annotated[
        BaseLoadKind | None,
        msgspec.Meta(description="Synthetic shape; exactly one of kind and file [-]"),
    ] = None
    peak_kw: Annotated[
        float,
        msgspec.Meta(ge=0, description="Expected power at the top of a weekday in January [kW]"),
    ] = 0.0
    file: Annotated[
        str | None, msgspec.Meta(description="CSV file time,value with offset, in kW [-]")
    ] = None
    forecast: Annotated[
        LoadForecast,
        msgspec.Meta(
            description="What planning sees: the truth, the day before, or the last working day "
            "or weekend day [-]"
        ),
    ] = "similar_day"


class Pv(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Photovoltaics behind the site's meter: the scenario's ``pv`` table."""

    peak_kw: Annotated[
        float, msgspec.Meta(ge=0, description="Power at 1000 W/m² and at most [kW]")
    ] = 0.0
    tilt_deg: Annotated[
        float, msgspec.Meta(ge=0, le=90, description="Tilt from the horizontal [°]")
    ] = 20.0
    azimuth_deg: Annotated[
        float,
        msgspec.Meta(ge=0, le=360, description="Direction faced, clockwise from north [°]"),
    ] = 180.0
    performance_ratio: Annotated[
        float,
        msgspec.Meta(gt=0, le=1, description="Share left after heat, wiring and inverter [-]"),
    ] = 0.84
    mean_clearness: Annotated[
        float,
        msgspec.Meta(gt=0, lt=1, description="Typical light of a day over a clear day's [-]"),
    ] = 0.72
    file: Annotated[
        str | None,
        msgspec.Meta(description="CSV file time,value with offset, in kW; replaces the model [-]"),
    ] = None
    forecast: Annotated[
        Forecast,
        msgspec.Meta(description="What planning sees: the truth, or the day before [-]"),
    ] = "yesterday"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """Percent of the peak at 0, 1, … 23 h of a day, linear in between; season and noise."""

    weekday: str
    weekend: str
    winter_share: float
    noise: float


# Shapes follow the usual course of such buildings; they are
# not fitted to any one of them (see the card).
_SHAPES: dict[BaseLoadKind, _Shape] = {
    "office": _Shape(
        weekday="28 27 27 27 28 32 44 62 80 92 97 99 98 100 100 98 93 82 64 50 42 36 32 29",
        weekend="27 26 26 26 26 27 28 30 32 34 35 36 36 36 35 35 34 33 32 31 30 29 28 27",
        winter_share=0.06,
        noise=0.04,
    ),
    "campus": _Shape(
        weekday="48 46 45 44 45 48 56 68 80 90 96 99 100 100 100 98 95 90 83 77 71 65 58 52",
        weekend="46 44 43 43 43 44 46 50 54 58 61 63 64 64 64 63 62 61 60 59 57 54 51 48",
        winter_share=0.05,
        noise=0.03,
    ),
    "home": _Shape(
        weekday="28 24 22 21 22 27 42 55 48 40 37 37 40 40 38 40 50 72 92 100 96 84 64 42",
        weekend="32 27 24 22 22 24 30 42 56 62 62 60 62 60 56 55 60 76 92 98 92 82 64 46",
        winter_share=0.25,
        noise=0.22,
    ),
    "depot": _Shape(
        weekday="50 46 44 52 72 88 80 70 66 64 64 66 66 66 68 72 82 94 100 96 86 74 64 56",
        weekend="40 38 36 38 44 50 50 48 46 46 46 46 46 46 46 48 52 58 60 58 54 50 46 42",
        winter_share=0.12,
        noise=0.05,
    ),
    "hub": _Shape(
        weekday="55 52 50 50 54 62 74 84 88 88 90 94 96 95 94 96 100 100 96 90 84 76 68 60",
        weekend="56 52 50 50 52 56 64 74 84 92 96 98 100 100 98 98 98 96 92 86 80 74 68 60",
        winter_share=0.08,
        noise=0.05,
    ),
}


def base_load_kw(
    kind: BaseLoadKind, peak_kw: float, grid: TimeGrid, zone: ZoneInfo, seed: int, site: str
) -> Floats:
    """Return a synthetic base load [kW], shape (n,); seeded by ``seed`` and the site's name.

    Expected load is shape × season: the season is a cosine with its top in mid-January that
    takes ``winter_share`` off in mid-July. It is multiplied by ``1 + noise``, where the noise
    remembers the hours before; it never falls below a tenth of the expected load.
    """
    shape = _SHAPES[kind]
    middle = grid.starts_s + grid.step_s // 2
    local = local_times(middle, zone)
    hour = local.second / _HOUR_S
    expected = np.where(
        local.weekday < 5, _of_day(shape.weekday, hour), _of_day(shape.weekend, hour)
    )
    day_of_year = (local.month - 1) * 30.44 + local.day
    season = 1 - shape.winter_share * (1 - np.cos(2 * np.pi * (day_of_year - 15) / 365.25)) / 2
    noise = shape.noise * hourly_noise(middle, seed, f"base load {site}")
    load: Floats = peak_kw * expected * season * np.maximum(1 + noise, 0.1)
    return load


def _of_day(percent: str, hour: Floats) -> Floats:
    share = np.array(percent.split(), dtype=np.float64) / 100
    value: Floats = np.interp(hour, np.arange(25), np.append(share, share[0]))
    return value


def pv_kw(
    pv: Pv,
    latitude_deg: float,
    longitude_deg: float,
    grid: TimeGrid,
    zone: ZoneInfo,
    seed: int,
    site: str,
) -> Floats:
    """Return synthetic sun power [kW], shape (n,), ≥ 0 and ≤ ``peak_kw``.

    Clear sky × clearness of the local day × hourly clouds, split into beam and diffuse light,
    on the tilted plane, times the performance ratio. Seeded by ``seed`` and the site's name.
    """
    middle = grid.starts_s + grid.step_s // 2
    sun = sun_position(middle, latitude_deg, longitude_deg)
    day = daily_noise(local_times(middle, zone).date, seed, f"clouds {site}")
    hour = hourly_noise(middle, seed, f"clouds by hour {site}")
    light = clear_sky_w_m2(sun) * _clearness(day, hour, pv.mean_clearness)
    plane = plane_w_m2(sun, light, pv.tilt_deg, pv.azimuth_deg)
    power: Floats = np.clip(plane / 1000 * pv.performance_ratio, 0.0, 1.0) * pv.peak_kw
    return power


def base_load_profile(
    stated: BaseLoad,
    span: TimeGrid,
    zone: ZoneInfo,
    seed: int,
    site: str,
    find: Callable[[str], Path],
) -> Floats:
    """Return the base load that a scenario states, synthetic or from a file [kW], shape (n,).

    Raises
    ------
    InputError
        If both or neither of kind and file are given, or the file cannot be read, does not
        cover the span, or goes below zero.
    """
    if (stated.kind is None) == (stated.file is None):
        mend = 'Give either kind = "office" (or another shape) with peak_kw, or a file'
        raise InputError([Finding(f"{site} base_load", "no load, or two ways to get it", mend)])
    if stated.file is not None:
        return _from_file(find(stated.file), span)
    assert stated.kind is not None
    return base_load_kw(stated.kind, stated.peak_kw, span, zone, seed, site)


def pv_profile(
    stated: Pv,
    place_deg: tuple[float, float],
    span: TimeGrid,
    zone: ZoneInfo,
    seed: int,
    site: str,
    find: Callable[[str], Path],
) -> Floats:
    """Return the sun power that a scenario states, synthetic or from a file [kW], shape (n,).

    ``place_deg`` is latitude and longitude [°].

    Raises
    ------
    InputError
        If the file cannot be read, does not cover the span, or goes below zero.
    """
    if stated.file is not None:
        return _from_file(find(stated.file), span)
    return pv_kw(stated, *place_deg, span, zone, seed, site)


def _from_file(path: Path, span: TimeGrid) -> Floats:
    series = read_csv_series(path)
    values, findings = on_grid(series, span)
    below = np.flatnonzero(series.value < 0)
    findings += [
        Finding(
            f"{path.name}:{int(series.line[i])}",
            f"{series.value[i]:g} kW is below zero",
            "Write what is used or generated as a positive number",
        )
        for i in below.tolist()
    ]
    if findings:
        raise InputError(findings)
    return values


def _clearness(day: Floats, hour: Floats, mean: float) -> Floats:
    """Return light over clear-sky light: clear days are steady, broken days are restless."""
    # The logistic of a normal keeps the day within (0.1, 1) and skews it towards clear days.
    middle = np.log(mean / (1 - mean)) * 1.35
    level = 1 / (1 + np.exp(-(middle + 1.3 * day)))
    restless = 0.25 * 4 * level * (1 - level)
    clearness: Floats = np.clip(0.1 + 0.9 * level + restless * hour, 0.08, 1.0)
    return clearness
