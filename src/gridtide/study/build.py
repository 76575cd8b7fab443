"""From a scenario file to a case: reads the files it names, draws, composes, checks."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, TimeGrid
from gridtide.fleet import (
    Chargers,
    ChargerTable,
    Habits,
    LimitTree,
    build_chargers,
    charger_names,
    each_limit,
    limit_tree,
    members_of,
)
from gridtide.signals import midnight_s, read_zone
from gridtide.sim import World
from gridtide.study.ahead import (
    check_billing_periods,
    demand_period,
    look_ahead,
    site_tariffs,
    steps_ahead,
)
from gridtide.study.case import Case
from gridtide.study.people import bring_vehicles, capacities_are_drawn, read_stays
from gridtide.study.scenario import Scenario
from gridtide.study.scenario_file import examine_scenario, read_text
from gridtide.study.surroundings import air_around, carbon_series, look_around
from gridtide.study.toml_places import TomlPlaces

Floats = npt.NDArray[np.float64]
Find = Callable[[str], Path]

PAST_DAYS = 28
"""So many days before a run tell what to expect of it."""
PAST_SEED = 1000
"""Sampled days of the past are drawn from this seed on, apart from the run's own."""


def load(path: Path | str) -> Case:
    """Load a scenario and everything that it names.

    Raises
    ------
    InputError
        With every finding; nothing has been written.
    """
    path = Path(path)
    source = read_text(path)
    scenario, place, findings = examine_scenario(source, str(path))
    try:
        case = compose(scenario, place, source, path.parent)
    except InputError as error:
        raise InputError([*findings, *error.findings]) from error
    if findings:
        raise InputError(findings)
    return case


def compose(scenario: Scenario, place: TomlPlaces, source: str, folder: Path) -> Case:
    """Compose a case from a scenario; files are found from ``folder``.

    Raises
    ------
    InputError
        With every finding.
    """
    zone = read_zone(scenario.timezone, place("timezone"))
    grid = run_grid(scenario, zone)
    inputs: dict[str, Path] = {}
    find = file_finder(folder, inputs)
    limits = [*scenario.site, *scenario.limit]
    tree = limit_tree(each_limit(limits), [site.name for site in scenario.site])
    meters = np.array([tree.names.index(site.name) for site in scenario.site], dtype=np.int64)
    doubts = _Doubts()
    ahead = steps_ahead(scenario, grid)
    with doubts.noted():
        tariffs = site_tariffs(scenario, grid, zone, find, place)
        check_billing_periods(scenario, tariffs, place)
    with doubts.noted():
        around = look_around(scenario, tree, ahead, grid, zone, find)
    with doubts.noted():
        import_kw, export_kw = _limits_over_time(scenario, tree, grid, zone, place)
    with doubts.noted():
        air = air_around(scenario, grid, zone, find, place)
    with doubts.noted():
        carbon = carbon_series(scenario, ahead, grid, find)
    with doubts.noted():
        stays = read_stays(scenario, grid, find, place)
        chargers = _chargers(scenario, tree, stays.charger_ids, place)
    doubts.stop_if_any()
    vehicles, sessions, people_notes = bring_vehicles(scenario, stays, chargers, place)
    peaks = np.zeros(len(tree))
    peaks[meters] = [tariff.peak_so_far_w / 1000.0 for tariff in tariffs]
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
        billing_period=demand_period(tariffs),
        peak_so_far_kw=peaks,
        ambient_c=air.ambient_c,
        thermal=air.thermal,
        envelope=scenario.envelope,
    )
    _check_base_load(world, scenario, place)
    outlook = look_ahead(scenario, world, tariffs, around, carbon.seen, zone, find, place)
    return Case(
        scenario=scenario,
        source=source,
        folder=folder,
        place=place,
        zone=zone,
        world=world,
        outlook=outlook,
        meters=meters,
        tariffs=tariffs,
        carbon_kg_per_kwh=carbon.run,
        inputs=inputs,
        capacities_drawn=capacities_are_drawn(scenario, stays),
        notes=(
            *around.notes,
            *air.notes,
            *people_notes,
            *carbon.notes,
            *dict.fromkeys(note for tariff in tariffs for note in tariff.notes),
        ),
    )


def past_habits(case: Case) -> Habits | None:
    """Learn from the days before a run: from its file of sessions, or sampled as its own are.

    None where the file has none of those days.
    """
    scenario = case.scenario
    first = date.fromisoformat(scenario.start) - timedelta(days=PAST_DAYS)
    past = msgspec.structs.replace(
        scenario, start=first.isoformat(), days=PAST_DAYS, seed=scenario.seed + PAST_SEED
    )
    grid = run_grid(past, case.zone)
    try:
        stays = read_stays(past, grid, file_finder(case.folder), case.place)
        chargers = _chargers(past, case.world.limits, stays.charger_ids, case.place)
    except InputError:  # no session then, or at stations that the run does not have
        return None
    vehicles, sessions, _ = bring_vehicles(past, stays, chargers, case.place)
    return Habits.of(sessions, vehicles, grid.start_s, PAST_DAYS)


class _Doubts:
    """Findings of several readers, told all at once."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Go on after findings; what the block would have made is not used then."""
        try:
            yield
        except InputError as error:
            self._findings += error.findings

    def stop_if_any(self) -> None:
        """Raise all findings, if there are any."""
        if self._findings:
            raise InputError(list(dict.fromkeys(self._findings)))


def run_grid(scenario: Scenario, zone: ZoneInfo) -> TimeGrid:
    """Control steps of the run: whole local days, of 23 to 25 hours."""
    first = date.fromisoformat(scenario.start)
    begin, end = (
        midnight_s((day - date(1970, 1, 1)).days, zone)
        for day in (first, first + timedelta(days=scenario.days))
    )
    step_s = scenario.step_minutes * 60
    return TimeGrid(begin, step_s, (end - begin) // step_s)


def file_finder(folder: Path, found: dict[str, Path] | None = None) -> Find:
    """Return how file names of a scenario become paths.

    ``${GRIDTIDE_DATA}`` stands for the folder of published data: the environment variable of
    that name, or ``../shared/data`` beside the repository. What is asked for is noted in
    ``found``.
    """
    data = os.environ.get("GRIDTIDE_DATA")
    if data is None:
        data = str((folder / ".." / ".." / "shared" / "data").resolve())

    def find(name: str) -> Path:
        path = Path(name.replace("${GRIDTIDE_DATA}", data))
        path = path if path.is_absolute() else folder / path
        if found is not None:
            found[name] = path
        return path

    return find


def _chargers(
    scenario: Scenario, tree: LimitTree, stations: Sequence[str], place: TomlPlaces
) -> Chargers:
    """Chargers of the scenario; groups with ``match`` take the stations of the session file."""
    tables = _matched(scenario.charger, stations)
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
    members = members_of([*scenario.site, *scenario.limit])
    return build_chargers(tables, tree, members)


def _matched(tables: Sequence[ChargerTable], stations: Sequence[str]) -> list[ChargerTable]:
    """Give each group with ``match`` its stations; the first group that fits takes one."""
    left = list(dict.fromkeys(stations))
    matched = []
    for table in tables:
        if table.match is None:
            matched.append(table)
            continue
        ids = [name for name in left if fnmatch.fnmatchcase(name, table.match)]
        left = [name for name in left if name not in set(ids)]
        if ids:
            matched.append(msgspec.structs.replace(table, ids=ids))
    return matched


def _limits_over_time(
    scenario: Scenario, tree: LimitTree, grid: TimeGrid, zone: ZoneInfo, place: TomlPlaces
) -> tuple[Floats, Floats]:
    """Limits in force on every control step, shape (steps, limits) each."""
    import_kw = np.tile(tree.import_kw, (grid.n, 1))
    export_kw = np.tile(tree.export_kw, (grid.n, 1))
    members = members_of([*scenario.site, *scenario.limit])
    findings = []
    for i, change in enumerate(scenario.change):
        step = _step_of(change.at, grid, zone)
        if step is None:
            mend = "Write a local time within the run, such as 2026-06-02T14:00"
            what = f"{change.at!r} is no time of this run"
            findings.append(Finding(place(f"change[{i}].at"), what, mend))
            continue
        nodes = np.flatnonzero(np.isin(tree.names, members[change.limit]))
        for limit_kw, new in ((import_kw, change.import_kw), (export_kw, change.export_kw)):
            if new is not None:
                limit_kw[step:, nodes] = new
    if findings:
        raise InputError(findings)
    return import_kw, export_kw


def _step_of(text: str, grid: TimeGrid, zone: ZoneInfo) -> int | None:
    """First control step at or after a local time; None outside the run or for no time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at_s = at.replace(tzinfo=at.tzinfo or zone).timestamp()
    step = -int((grid.start_s - at_s) // grid.step_s)
    return step if 0 <= step < grid.n else None


def _check_base_load(world: World, scenario: Scenario, place: TomlPlaces) -> None:
    """Refuse a limit that is below its base load all the time: nothing could ever charge."""
    base = world.limits.add_up(world.building_kw - world.pv_kw)
    findings = [
        Finding(
            _place_of_limit(world.limits.names[node], scenario, place),
            f"the limit {world.limits.names[node]} ({world.import_kw[0, node]:g} kW) is always "
            f"below its base load (at least {base[:, node].min():.3g} kW)",
            "Raise import_kw or lower the base load",
        )
        for node in np.flatnonzero((base > world.import_kw).all(axis=0))
    ]
    if findings:
        raise InputError(findings)


def _place_of_limit(name: str, scenario: Scenario, place: TomlPlaces) -> str:
    places = {site.name: f"site[{i}].import_kw" for i, site in enumerate(scenario.site)}
    for i, table in enumerate(scenario.limit):
        places |= dict.fromkeys(members_of([table]), f"limit[{i}].import_kw")
    return place(places[name])
