"""Vehicles, chargers, sessions, sites and their limits, as arrays."""

from gridtide.fleet._kernel_tree import add_to_limit, up_the_tree
from gridtide.fleet.acn import read_acn
from gridtide.fleet.arrays import Chargers, LimitTree, RawSessions, Sessions, Vehicles
from gridtide.fleet.draw import draw_fleet
from gridtide.fleet.habits import Habits, is_weekend
from gridtide.fleet.mixes import CAPACITY_MIXES, Mix
from gridtide.fleet.sampler import KIND_OF_ARCHETYPE, SessionKind, sample_sessions
from gridtide.fleet.sessions_csv import read_sessions_csv
from gridtide.fleet.sites import build_chargers, charger_names, each_limit, limit_tree, members_of
from gridtide.fleet.tables import (
    ChargerTable,
    LimitChange,
    LimitGroupTable,
    LimitTable,
    VehicleTable,
)
from gridtide.fleet.trondheim import read_trondheim

__all__ = [
    "CAPACITY_MIXES",
    "KIND_OF_ARCHETYPE",
    "ChargerTable",
    "Chargers",
    "Habits",
    "LimitChange",
    "LimitGroupTable",
    "LimitTable",
    "LimitTree",
    "Mix",
    "RawSessions",
    "SessionKind",
    "Sessions",
    "VehicleTable",
    "Vehicles",
    "add_to_limit",
    "build_chargers",
    "charger_names",
    "draw_fleet",
    "each_limit",
    "is_weekend",
    "limit_tree",
    "members_of",
    "read_acn",
    "read_sessions_csv",
    "read_trondheim",
    "sample_sessions",
    "up_the_tree",
]
