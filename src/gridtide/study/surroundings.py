"""What surrounds the chargers: base load, sun, weather, and the grid's emissions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.battery import Thermal
from gridtide.core import InputError, TimeGrid
from gridtide.fleet import LimitTree
from gridtide.signals import (
    BaseLoad,
    Pv,
    ambient_c,
    base_load_profile,
    carbon_kg_per_kwh,
    persistence,
    pv_profile,
    with_past,
)
from gridtide.study.scenario import Scenario, SiteTable
from gridtide.study.toml_places import TomlPlaces

Floats = npt.NDArray[np.float64]
Find = Callable[[str], Path]

# Share of the forecast base load and sun that planning keeps free below import limits: today
# differs. A stated assumption, not a fit.
FORECAST_MARGIN = 0.15

_SEEN = {
    "perfect": "it ahead",
    "yesterday": "yesterday's",
    "similar_day": "that of the last working day, or weekend day",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Base load and sun of every limit [kW], shape (steps, limits), and what planning sees.

    ``margin_kw`` is the room that planning keeps free for errors of the forecast.
    """

    building_kw: Floats
    pv_kw: Floats
    forecast_kw: Floats
    margin_kw: Floats
    notes: tuple[str, ...]


def look_around(
    scenario: Scenario,
    tree: LimitTree,
    ahead: TimeGrid,
    run: TimeGrid,
    zone: ZoneInfo,
    find: Find,
) -> Surroundings:
    """Lay base load and sun on the steps of the run and of the look ahead.

    Raises
    ------
    InputError
        If a file cannot be read or does not cover the run.
    """
    building, sun, forecast, margin = (np.zeros((ahead.n, len(tree))) for _ in range(4))
    notes: list[str] = []
    for site in scenario.site:
        node = tree.names.index(site.name)
        for kind, column, sign in (("base_load", building, 1.0), ("pv", sun, -1.0)):
            stated = getattr(site, kind)
            if stated is None:
                continue
            truth, seen = _profile(scenario, site, kind, ahead, run, zone, find)
            column[:, node] += truth
            forecast[:, node] += sign * seen
            if stated.forecast != "perfect":
                margin[:, node] += FORECAST_MARGIN * seen
            notes.append(_note(site, kind, stated))
    return Surroundings(
        building_kw=building, pv_kw=sun, forecast_kw=forecast, margin_kw=margin, notes=tuple(notes)
    )


def _profile(
    scenario: Scenario,
    site: SiteTable,
    kind: str,
    ahead: TimeGrid,
    run: TimeGrid,
    zone: ZoneInfo,
    find: Find,
) -> tuple[Floats, Floats]:
    """Truth and what planning sees, on the steps of the look ahead [kW]."""
    stated = getattr(site, kind)
    foreseen, similar = stated.forecast == "perfect", stated.forecast == "similar_day"

    def values(grid: TimeGrid) -> Floats:
        if kind == "base_load":
            return base_load_profile(stated, grid, zone, scenario.seed, site.name, find)
        place = (site.latitude_deg, site.longitude_deg)
        return pv_profile(stated, place, grid, zone, scenario.seed, site.name, find)

    span = ahead if foreseen else with_past(ahead, similar_day=similar)
    try:
        whole = values(span)
    except InputError:
        if stated.file is None:
            raise
        # A file need cover the run only: before and beyond it, its first and last day repeat.
        day = min(86_400 // run.step_s, run.n)
        inside = (span.starts_s - run.start_s) // run.step_s
        inside = np.where(inside < 0, inside % day, inside)
        inside = np.where(inside >= run.n, run.n - day + (inside - run.n) % day, inside)
        whole = values(run)[inside]
    truth = whole[-ahead.n :]
    if foreseen:
        return truth, truth
    return truth, persistence(whole, span, ahead, zone, similar_day=similar)


def _note(site: SiteTable, kind: str, stated: BaseLoad | Pv) -> str:
    what = "base load" if kind == "base_load" else "sun power"
    origin = f"read from {stated.file}" if stated.file else "synthetic, from a carded model"
    return f"The {what} of {site.name} is {origin}; planning sees {_SEEN[stated.forecast]}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Emissions:
    """Marginal emission [kg CO2/kWh].

    ``run`` holds on the steps of the run; ``seen`` is what planning sees on the look ahead:
    shorter where a file ends early, zero where the objective does not pay for carbon.
    """

    run: Floats
    seen: Floats
    notes: tuple[str, ...]


def carbon_series(scenario: Scenario, ahead: TimeGrid, grid: TimeGrid, find: Find) -> Emissions:
    """Lay the marginal emission on the run and on the look ahead.

    Raises
    ------
    InputError
        If a file cannot be read or does not cover the run.
    """
    nothing = np.zeros(ahead.n)
    if scenario.carbon is None:
        notes = ("No emission rate is given: carbon is 0.",)
        return Emissions(run=np.zeros(grid.n), seen=nothing, notes=notes)
    run = carbon_kg_per_kwh(scenario.carbon, grid, find)
    if scenario.objective.carbon_price_per_kg == 0.0:
        return Emissions(run=run, seen=nothing, notes=())
    try:
        seen = carbon_kg_per_kwh(scenario.carbon, ahead, find)
    except InputError:
        seen = run
    return Emissions(
        run=run, seen=seen, notes=("Planning sees the emission rate ahead, without error.",)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """Ambient temperature of each step [°C], shape (steps,), and how packs follow it."""

    ambient_c: Floats | None
    thermal: Thermal | None
    notes: tuple[str, ...]


def air_around(
    scenario: Scenario, grid: TimeGrid, zone: ZoneInfo, find: Find, place: TomlPlaces
) -> Air:
    """Lay the weather on the run; the first site tells the hemisphere.

    Raises
    ------
    InputError
        If a temperature or its file cannot be used.
    """
    weather = scenario.weather
    if weather is None:
        return Air(ambient_c=None, thermal=None, notes=())
    latitude = scenario.site[0].latitude_deg
    air = ambient_c(weather, latitude, grid, zone, find, place("weather"))
    origin = {
        None: f"read from {weather.file}",
        "constant": f"{weather.mean_c:g} °C all the time, as stated",
        "season": "synthetic, from a carded model of the season",
    }[weather.kind]
    notes = [
        f"The ambient temperature is {origin}.",
        "Pack temperatures are modelled with one thermal mass each; a vehicle first seen is as "
        "warm as the air.",
    ]
    return Air(ambient_c=air, thermal=scenario.thermal or Thermal(), notes=tuple(notes))
