"""What vehicles miss on departure, and what of that their own stays do not force.

A million stays are many: nothing is copied that need not be.
"""

from __future__ import annotations

import numpy as np

from gridtide.plan.price._kernel_fleet import most_energy
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.groups import Group
from gridtide.plan.price.schedule import end_energies
from gridtide.plan.problem import Floats, Ints

AVOIDABLE_KWH = 1e-6


def stays_of(fleet: Fleet, group: Group) -> Ints:
    """Stays of a group's vehicles."""
    start, stop = fleet.stays.vehicle[group.vehicles], fleet.stays.vehicle[group.vehicles + 1]
    return np.concatenate([np.arange(a, b) for a, b in zip(start, stop, strict=True)])


def missing_kwh(fleet: Fleet, power: Floats, group: Group | None = None) -> Floats:
    """Energy missing at the end of each stay, of all or of a group's [kWh], shape (n,)."""
    stays, count = fleet.stays, len(fleet.stays.each)
    who, which = _whose(fleet, group)
    end = np.zeros(count)
    end_energies(stays, who, power, end, np.zeros(count))
    missing = end[which]
    np.subtract(stays.each["due_kwh"][which], missing, out=missing)
    return np.maximum(missing, 0.0, out=missing)


def avoidable_kwh(fleet: Fleet, power: Floats, group: Group | None = None) -> Floats:
    """Energy missing that full power from arrival on would give, likewise."""
    missing = missing_kwh(fleet, power, group)
    if missing.max(initial=0.0) <= AVOIDABLE_KWH:
        return missing
    who, which = _whose(fleet, group)
    reach = np.zeros(len(fleet.stays.each))
    most_energy(fleet.stays, who, reach)
    more = reach[which]
    more -= fleet.stays.each["due_kwh"][which]
    more += missing
    return np.minimum(missing, np.maximum(more, 0.0, out=more), out=missing)


def _whose(fleet: Fleet, group: Group | None) -> tuple[Ints, Ints | slice]:
    """Return vehicles and their stays."""
    if group is None:
        return fleet.everyone, slice(None)
    return group.vehicles, stays_of(fleet, group)
