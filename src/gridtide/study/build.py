"""From a scenario file to a case: reads the files it names, draws, composes, checks."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from gridtide.control import Outlook
from gridtide.core import Finding, InputError, TimeGrid
from gridtide.fleet import (
    ChargerTable,
    Chargers,
    LimitTable,
    LimitTree,
    build_chargers,
    charger_names,
    limit_tree,
)
from gridtide.signals import TariffSeries, expand_tariff, midnight_s, read_zone
from gridtide.sim import World
from gridtide.study.case import Case
from gridtide.study.people import bring_vehicles, read_stays
from gridtide.study.scenario import Scenario, read_scenario
from gridtide.study.surroundings import Surroundings, carbon_series, look_around
from gridtide.study.toml_places import TomlPlaces

Floats = npt.NDArray[np.float64]


def load(path: Path | str) -> Case:
    """Load a scenario and everything that it names.

    Raises
    ------
    InputError
        With every finding; nothing has been written.
    """
    path = Path(path)
    scenario, place = read_scenario(path)
    zone = read_zone(scenario.timezone, place("timezone"))
    grid = run_grid(scenario, zone)
    find = file_finder(path.parent)
    stays = read_stays(scenario, grid, find, place)
    tree = _tree(scenario)
    meters = np.array([tree.names.index(site.name) for site in scenario.site], dtype=np.int64)
    chargers = _chargers(scenario, tree, stays.charger_ids, place)
    vehicles, sessions, people_notes = bring_vehicles(scenario, stays, chargers, place)
    ahead = _ahead(scenario, grid)
    around = look_around(scenario, tree, ahead, grid, zone, find)
    tariffs = _tariffs(scenario, grid, zone, find, place)
    carbon, carbon_seen, carbon_notes = carbon_series(scenario, ahead, grid, find)
    stored = scenario.objective.stored_value_per_kwh
    if stored is None:
        stored = float(np.mean([t.price_import_per_kwh.mean() for t in tariffs]))
    import_kw, export_kw = _limits_over_time(scenario, tree, grid, zone, place)
    world = World(
        grid=grid,
        vehicles=vehicles,
        chargers=chargers,
        sessions=sessions,
        limits=tree,
        building_kw=around.building_kw[: grid.n],
        pv_kw=around.pv_kw[: grid.n],
        import_kw=import_kw,
        export_kw=export_kw,
        billing_period=tariffs[0].demand_period,
        peak_so_far_kw=_peaks(tree, meters, tariffs),
    )
    _check_base_load(world, around, place)
    return Case(
        scenario=scenario,
        source=path.read_text(encoding="utf-8"),
        folder=path.parent,
        zone=zone,
        world=world,
        outlook=_outlook(scenario, world, ahead, zone, find, place, around, carbon_seen, meters, stored, tariffs),
        meters=meters,
        tariffs=tariffs,
        carbon_kg_per_kwh=carbon,
        stored_value_per_kwh=stored,
        notes=(
            *around.notes, *people_notes, *carbon_notes,
            *dict.fromkeys(note for tariff in tariffs for note in tariff.notes),
        ),
    )


def run_grid(scenario: Scenario, zone: ZoneInfo) -> TimeGrid:
    """Control steps of the run: whole local days, of 23 to 25 hours."""
    first = date.fromisoformat(scenario.start)
    begin, end = (
        midnight_s((day - date(1970, 1, 1)).days, zone)
        for day in (first, first + timedelta(days=scenario.days))
    )
    step_s = scenario.step_minutes * 60
    return TimeGrid(begin, step_s, (end - begin) // step_s)


def file_finder(folder: Path):  # type: ignore[no-untyped-def]
    """Return how file names of a scenario become paths.

    ``${GRIDTIDE_DATA}`` stands for the folder of published data: the environment variable of
    that name, or ``../shared/data`` beside the repository.
    """
    data = os.environ.get("GRIDTIDE_DATA") or str(folder.parent.parent / "shared" / "data")

    def find(name: str) -> Path:
        path = Path(name.replace("${GRIDTIDE_DATA}", data))
        return path if path.is_absolute() else folder / path

    return find


def _tree(scenario: Scenario) -> LimitTree:
    sites = [
        LimitTable(
            name=site.name, below=site.below, import_kw=site.import_kw, export_kw=site.export_kw,
            phase_current_a=site.phase_current_a, voltage_v=site.voltage_v,
        )
        for site in scenario.site
    ]
    return limit_tree([*sites, *scenario.limit], [site.name for site in scenario.site])


def _chargers(
    scenario: Scenario, tree: LimitTree, stations: Sequence[str], place: TomlPlaces
) -> Chargers:
    """Chargers of the scenario; groups with ``match`` take the stations of the session file."""
    left = list(dict.fromkeys(stations))
    tables: list[ChargerTable] = []
    for table in scenario.charger:
        if table.match is not None:
            ids = [name for name in left if fnmatch.fnmatchcase(name, table.match)]
            left = [name for name in left if name not in set(ids)]
            table = msgspec.structs.replace(table, ids=ids)  # noqa: PLW2901
        if charger_names(table):
            tables.append(table)
    names = [name for table in tables for name in charger_names(table)]
    findings = []
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        mend = "Give every charger group its own name"
        findings.append(Finding(place("charger"), f"chargers named twice: {twice[:5]}", mend))
    missing = sorted(set(stations) - set(names))
    if missing:
        mend = 'Add a [[charger]] group with match = "*" for the rest'
        what = f"no charger for station {', '.join(missing[:5])}"
        findings.append(Finding(place("charger"), what, mend))
    if findings:
        raise InputError(findings)
    return build_chargers(tables, tree)


def _ahead(scenario: Scenario, grid: TimeGrid) -> TimeGrid:
    """Steps that planning may look at: the run and one horizon beyond its end."""
    more = round(scenario.strategy.horizon_hours * 3600 / grid.step_s)
    return TimeGrid(grid.start_s, grid.step_s, grid.n + more)


def _tariffs(scenario, grid, zone, find, place) -> tuple[TariffSeries, ...]:  # type: ignore[no-untyped-def]
    """Prices of each site; a file that ends with the run shortens the look ahead, not the run."""
    named = {t.name: (i, t) for i, t in enumerate(scenario.tariff)}
    series, findings = [], []
    for site in scenario.site:
        i, tariff = named[site.tariff]
        try:
            series.append(expand_tariff(tariff, grid, zone, find, place(f"tariff[{i}]")))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(list(dict.fromkeys(findings)))
    return tuple(series)


def _outlook(  # noqa: PLR0913 - one call, from load
    scenario: Scenario, world: World, ahead: TimeGrid, zone: ZoneInfo, find, place,  # type: ignore[no-untyped-def]
    around: Surroundings, carbon: Floats, meters, stored: float, run_tariffs: Sequence[TariffSeries],  # type: ignore[no-untyped-def]
) -> Outlook:
    try:
        tariffs = _tariffs(scenario, ahead, zone, find, place)
    except InputError:
        ahead = world.grid
        tariffs = _tariffs(scenario, ahead, zone, find, place)
    n = min(ahead.n, len(carbon))
    ahead = TimeGrid(ahead.start_s, ahead.step_s, n)
    periods = max(len(t.periods) for t in tariffs)
    demand = np.zeros((len(world.limits), periods))
    for node, tariff in zip(meters, run_tariffs, strict=True):
        # The run's own share of the charge; the look ahead beyond its end pays none.
        demand[node, : len(tariff.periods)] = tariff.demand_price_per_kw
    alone = [not scenario.site[i].pv for i in range(len(tariffs))]
    return Outlook(
        grid=ahead,
        meters=meters,
        price_import_per_kwh=np.stack([t.price_import_per_kwh[:n] for t in tariffs]),
        price_export_per_kwh=np.stack(
            [
                t.price_export_per_kwh[:n] + (t.refund_per_kwh if only else 0.0)
                for t, only in zip(tariffs, alone, strict=True)
            ]
        ),
        carbon_kg_per_kwh=carbon[:n],
        carbon_price_per_kg=scenario.objective.carbon_price_per_kg,
        base_forecast_kw=around.forecast_kw[:n],
        demand_charge_per_kw=demand,
        demand_period=tariffs[0].demand_period[:n],
        stored_value_per_kwh=stored,
    )


def _peaks(tree: LimitTree, meters, tariffs: Sequence[TariffSeries]) -> Floats:  # type: ignore[no-untyped-def]
    peaks = np.zeros(len(tree))
    for node, tariff in zip(meters, tariffs, strict=True):
        peaks[node] = tariff.peak_so_far_w / 1000.0
    return peaks


def _limits_over_time(
    scenario: Scenario, tree: LimitTree, grid: TimeGrid, zone: ZoneInfo, place: TomlPlaces
) -> tuple[Floats, Floats]:
    """Limits in force on every control step, shape (steps, limits) each."""
    import_kw = np.tile(tree.import_kw, (grid.n, 1))
    export_kw = np.tile(tree.export_kw, (grid.n, 1))
    findings = []
    for i, change in enumerate(scenario.change):
        from datetime import datetime

        try:
            at = datetime.fromisoformat(change.at)
        except ValueError:
            mend = "Write a local time such as 2026-06-02T14:00"
            findings.append(Finding(place(f"change[{i}].at"), f"{change.at!r} is no time", mend))
            continue
        at_s = at.replace(tzinfo=at.tzinfo or zone).timestamp()
        step = int(np.ceil((at_s - grid.start_s) / grid.step_s))
        if not 0 <= step < grid.n:
            mend = "Name a time within the run"
            findings.append(Finding(place(f"change[{i}].at"), f"{change.at} is outside", mend))
            continue
        node = tree.names.index(change.limit)
        import_kw[step:, node] = np.inf if change.import_kw is None else change.import_kw
        export_kw[step:, node] = np.inf if change.export_kw is None else change.export_kw
    if findings:
        raise InputError(findings)
    return import_kw, export_kw


def _check_base_load(world: World, around: Surroundings, place: TomlPlaces) -> None:
    """Refuse a limit that is below its base load all the time: nothing could ever charge."""
    base = world.limits.add_up(world.building_kw - world.pv_kw)
    always = np.flatnonzero((base > world.import_kw).all(axis=0))
    if always.size == 0:
        return
    raise InputError(
        [
            Finding(
                place(""),
                f"the limit {world.limits.names[node]} ({world.import_kw[0, node]:g} kW) is always "
                f"below its base load (at least {base[:, node].min():.3g} kW)",
                "Raise import_kw or lower the base load",
            )
            for node in always
        ]
    )
