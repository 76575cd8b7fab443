"""Who comes and goes: sessions read or sampled, vehicles stated or drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gridtide.core import Finding, InputError, TimeGrid
from gridtide.fleet import (
    KIND_OF_ARCHETYPE,
    Chargers,
    RawSessions,
    Sessions,
    Vehicles,
    VehicleTable,
    charger_names,
    draw_fleet,
    read_acn,
    read_sessions_csv,
    read_trondheim,
    sample_sessions,
)
from gridtide.study.scenario import Scenario
from gridtide.study.toml_places import TomlPlaces


def read_stays(
    scenario: Scenario, grid: TimeGrid, find: Callable[[str], Path], place: TomlPlaces
) -> RawSessions:
    """Read or sample the sessions of the run.

    Raises
    ------
    InputError
        If a file cannot be used, or no session falls into the run.
    """
    table = scenario.sessions
    span = {"start_s": grid.start_s, "end_s": grid.end_s}
    if table.source == "sample":
        stays = _sample(scenario, grid)
    else:
        path = find(table.file or "")
        if not path.is_file():
            mend = "Correct the path; published data is found through GRIDTIDE_DATA"
            raise InputError([Finding(place("sessions.file"), f"there is no file {path}", mend)])
        if table.source == "acn":
            stays = read_acn(path, **span)
        elif table.source == "trondheim":
            stays = read_trondheim(path, garage=table.garage, **span)
        else:
            stays = read_sessions_csv(path, **span)
    if len(stays) == 0 and table.source != "sample":
        mend = "Choose other days, or another file"
        raise InputError([Finding(place("sessions"), "no session begins within the run", mend)])
    return stays


def _sample(scenario: Scenario, grid: TimeGrid) -> RawSessions:
    vehicles = [name for table in scenario.vehicle for name in vehicle_names(table)]
    return sample_sessions(
        scenario.sessions.kind or KIND_OF_ARCHETYPE[scenario.site[0].archetype],
        start_s=grid.start_s,
        days=scenario.days,
        timezone=scenario.timezone,
        charger_ids=[name for table in scenario.charger for name in charger_names(table)],
        vehicle_ids=vehicles or None,
        seed=scenario.seed,
        charger_kw=min(table.max_charge_kw for table in scenario.charger),
        step_s=grid.step_s,
    )


def vehicle_names(table: VehicleTable) -> tuple[str, ...]:
    """Names of a group's vehicles."""
    count = table.count or 0
    if count <= 1:
        return (table.name,) * count
    width = len(str(count))
    return tuple(f"{table.name}-{i:0{width}d}" for i in range(1, count + 1))


def bring_vehicles(
    scenario: Scenario, stays: RawSessions, chargers: Chargers, place: TomlPlaces
) -> tuple[Vehicles, Sessions, tuple[str, ...]]:
    """Give every session its vehicle; draw what the source does not tell.

    Returns
    -------
    vehicles, sessions, notes
        Notes say what was dropped and what was drawn.
    """
    table = scenario.sessions
    named = {name: group for group in scenario.vehicle for name in vehicle_names(group)}
    vehicles, sessions = draw_fleet(
        stays,
        chargers,
        named if named and table.source == "sample" else scenario.vehicle[0],
        seed=scenario.seed,
        timezone=scenario.timezone,
        ready_by=table.ready_by,
        scale=table.capacity_scale,
        mix=table.capacity_mix,
    )
    if scenario.contract is not None and scenario.contract.opt_out:
        unknown = sorted(set(scenario.contract.opt_out) - set(vehicles.ids))
        if unknown:
            mend = f"Vehicles are named like {', '.join(vehicles.ids[:3])}"
            what = f"there is no vehicle {', '.join(unknown)}"
            raise InputError([Finding(place("contract.opt_out"), what, mend)])
        out = np.isin(np.array(vehicles.ids), scenario.contract.opt_out)
        vehicles = dataclasses.replace(vehicles, participates=vehicles.participates & ~out)
    return vehicles, sessions, (*_left_out(stays), *_drawn(scenario, stays))


def _left_out(stays: RawSessions) -> list[str]:
    return [f"{stays.source}: {count} rows, {why}." for why, count in stays.dropped.items()]


def _drawn(scenario: Scenario, stays: RawSessions) -> list[str]:
    notes = []
    if scenario.sessions.source == "sample":
        notes.append("Sessions are sampled from a fitted model (synthetic), not observed.")
    if capacities_are_drawn(scenario, stays):
        notes.append(
            "Battery capacities and states of charge on arrival are drawn from an assumed "
            f"distribution (mix {scenario.sessions.capacity_mix}, scale "
            f"{scenario.sessions.capacity_scale:g}), consistent with the energy asked for."
        )
    if scenario.sessions.ready_by is not None:
        notes.append(
            f"Drivers who stated no departure are assumed ready by {scenario.sessions.ready_by}."
        )
    return notes


def capacities_are_drawn(scenario: Scenario, stays: RawSessions) -> bool:
    """Whether any vehicle's capacity had to be drawn."""
    stated = all(group.capacity_kwh is not None for group in scenario.vehicle)
    return not stated and bool(np.isnan(stays.capacity_kwh).any())
