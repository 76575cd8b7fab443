"""Vehicles, chargers, sessions, sites and their limits, as arrays."""

from gridtide.fleet.arrays import Chargers, LimitTree, RawSessions, Sessions, Vehicles

__all__ = ["Chargers", "LimitTree", "RawSessions", "Sessions", "Vehicles"]
