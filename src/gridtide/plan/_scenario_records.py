"""Scenarios of a planning problem as a document: each made whole, and checked."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from gridtide.core import Finding
from gridtide.plan._document_checks import check_document, check_length
from gridtide.plan.records import (
    ProblemRecord,
    ScenarioRecord,
    ScenarioVehicleRecord,
    VehicleRecord,
)

WEIGHTS_OFF = 1e-6


def scenario_name(record: ProblemRecord, k: int) -> str:
    """Return the name of a scenario, its number where it has none."""
    return record.scenarios[k].name or str(k)


def with_scenario(record: ProblemRecord, scenario: ScenarioRecord) -> ProblemRecord:
    """Return the problem of the day that a scenario tells of, with no scenarios of its own."""
    changed = {vehicle.id: vehicle for vehicle in scenario.vehicles}
    vehicles = [
        _changed(vehicle, changed[vehicle.id], record.steps) if vehicle.id in changed else vehicle
        for vehicle in record.vehicles
    ]
    prices = {
        name: getattr(scenario, name)
        for name in ("price_import_per_kwh", "price_export_per_kwh")
        if getattr(scenario, name) is not None
    }
    return msgspec.structs.replace(record, vehicles=vehicles, scenarios=[], bid=None, **prices)


def _changed(vehicle: VehicleRecord, change: ScenarioVehicleRecord, steps: int) -> VehicleRecord:
    if change.absent:
        # Nothing is due beyond the last step.
        return msgspec.structs.replace(vehicle, arrive_step=steps, depart_step=steps + 1)
    values: dict[str, Any] = {
        name: getattr(change, name)
        for name in ("arrive_step", "depart_step", "soc_arrival", "soc_target")
        if getattr(change, name) is not None
    }
    return msgspec.structs.replace(vehicle, **values)


def check_scenarios(record: ProblemRecord, source: str) -> list[Finding]:
    """Return what is wrong with the scenarios and the bid of a document that is right without."""
    findings = [*_bid(record), *_weights(record), *_objective(record)]
    for k, scenario in enumerate(record.scenarios):
        where = f"scenarios[{k}]"
        named = list(_vehicles(record, scenario, where))
        findings += named
        if not named:
            day = check_document(with_scenario(record, scenario), where)
            findings += [Finding(f.where.replace(" ", ".", 1), f.what, f.mend) for f in day]
    return [Finding(f"{source} {f.where}", f.what, f.mend) for f in findings]


def _bid(record: ProblemRecord) -> Iterator[Finding]:
    if record.bid is None:
        return
    if not record.scenarios:
        yield Finding("bid", "a bid without scenarios", "Add scenarios, or leave bid out")
    for name in ("shortage_spread_per_kwh", "surplus_spread_per_kwh"):
        value = getattr(record.bid, name)
        yield from check_length(value, f"bid.{name}", record.steps)
        if min(value if isinstance(value, list) else [value], default=0.0) < 0:
            mend = "Write how much worse than the day-ahead price it is, 0 or more"
            yield Finding(f"bid.{name}", "a spread is negative", mend)


def _objective(record: ProblemRecord) -> Iterator[Finding]:
    if record.scenarios and record.objective is not None:
        mend = "Leave objective out, or the scenarios"
        yield Finding("objective", "a bid minimises money alone", mend)


def _weights(record: ProblemRecord) -> Iterator[Finding]:
    total = sum(scenario.weight for scenario in record.scenarios)
    if record.scenarios and abs(total - 1.0) > WEIGHTS_OFF:
        mend = f"Divide each by {total:g}"
        yield Finding("scenarios", f"the weights sum to {total:g}, not to 1", mend)


def _vehicles(record: ProblemRecord, scenario: ScenarioRecord, where: str) -> Iterator[Finding]:
    names = [vehicle.id for vehicle in record.vehicles]
    driving = {vehicle.id for vehicle in record.vehicles if vehicle.trips}
    times = Counter(vehicle.id for vehicle in scenario.vehicles)
    for i, vehicle in enumerate(scenario.vehicles):
        place = f"{where}.vehicles[{i}].id"
        if vehicle.id not in names:
            close = difflib.get_close_matches(vehicle.id, names, 1)
            mend = f"Did you mean {close[0]}?" if close else "Name a vehicle of the problem"
            yield Finding(place, f"{vehicle.id} is no vehicle", mend)
        elif times[vehicle.id] > 1:
            yield Finding(place, f"{vehicle.id} is named twice", "Keep one")
        elif vehicle.absent and vehicle.id in driving:
            mend = "Give it no trips, or let it come"
            yield Finding(place, f"{vehicle.id} has trips and cannot stay away", mend)
