"""The trips of a vehicle record become further rows: one per stay, each like a vehicle's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from gridtide.core import Finding

if TYPE_CHECKING:
    from gridtide.plan.records import ProblemRecord, TripRecord, VehicleRecord


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay: the vehicle as it stands there, where, and the drive that led there [kWh]."""

    vehicle: VehicleRecord
    at: str | None = None
    continues: bool = False
    driven_kwh: float = 0.0


def stays_of(vehicle: VehicleRecord) -> Iterator[Stay]:
    """Yield the stays of a vehicle in their order; end value counts at the last alone."""
    departures = [(trip.depart_step, trip.soc_target) for trip in vehicle.trips]
    departures.append((vehicle.depart_step, vehicle.soc_target))
    for k, (depart, target) in enumerate(departures):
        trip = vehicle.trips[k - 1] if k else None
        changes: dict[str, object] = {"depart_step": depart, "soc_target": target}
        if k < len(vehicle.trips):
            changes["end_value_per_kwh"] = 0.0
        if trip is None:
            yield Stay(msgspec.structs.replace(vehicle, **changes))
            continue
        changes["arrive_step"] = trip.return_step
        changes |= _charger(trip)
        there = msgspec.structs.replace(vehicle, **changes)
        yield Stay(there, trip.at, True, trip.driven_kwh)


def _charger(trip: TripRecord) -> dict[str, float]:
    powers = {"max_charge_kw": trip.max_charge_kw, "max_discharge_kw": trip.max_discharge_kw}
    return {name: power for name, power in powers.items() if power is not None}


def check_trips(record: ProblemRecord) -> Iterator[Finding]:
    """Find trips that overlap, run backward, leave the horizon or take more than the battery."""
    limits = {limit.name for limit in record.limits}
    for i, vehicle in enumerate(record.vehicles):
        since = vehicle.arrive_step
        for j, trip in enumerate(vehicle.trips):
            where = f"vehicles[{i}].trips[{j}]"
            yield from _steps(trip, where, since, record.steps)
            since = max(since, trip.return_step)
            if trip.driven_kwh > vehicle.capacity_kwh:
                what = f"driven_kwh {trip.driven_kwh:g} is more than the battery holds"
                mend = f"Write at most {vehicle.capacity_kwh:g}, or the stops on the way as stays"
                yield Finding(f"{where}.driven_kwh", what, mend)
            yield from _charging(vehicle, trip, where)
            if trip.at is not None and trip.at not in limits:
                mend = "Name the limit that the charger is a member of, or leave it out"
                yield Finding(f"{where}.at", f"{trip.at} is no limit", mend)
        if vehicle.trips and vehicle.depart_step < since:
            what = f"depart_step {vehicle.depart_step} is before the return from the last trip"
            yield Finding(f"vehicles[{i}].depart_step", what, f"Write {since} or more")


def _steps(trip: TripRecord, where: str, since: int, steps: int) -> Iterator[Finding]:
    if trip.depart_step < since:
        what = f"departs at step {trip.depart_step}, but the vehicle is there from {since}"
        mend = "Write trips in their order, each after the return from the one before"
        yield Finding(f"{where}.depart_step", what, mend)
    if trip.return_step < trip.depart_step:
        what = f"returns at step {trip.return_step}, before it departs at {trip.depart_step}"
        yield Finding(f"{where}.return_step", what, "Exchange or correct them")
    elif trip.return_step >= steps:
        what = f"returns at step {trip.return_step}, after the last of {steps} steps"
        mend = (
            "Leave the trip out: depart_step and soc_target of the vehicle tell of the departure "
            "before it"
        )
        yield Finding(f"{where}.return_step", what, mend)


def _charging(vehicle: VehicleRecord, trip: TripRecord, where: str) -> Iterator[Finding]:
    power = trip.max_charge_kw
    if power is not None and vehicle.standby_kw >= vehicle.charge_efficiency * power > 0:
        what = f"standby_kw {vehicle.standby_kw:g} leaves nothing to charge at this power"
        yield Finding(f"{where}.max_charge_kw", what, "Write more, or 0 for none")
