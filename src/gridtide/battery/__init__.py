"""Physics of the pack: conversion losses, taper near full, the exact step.

The scalar functions are compiled; kernels of the rooms above call them in their own loops.
"""

from gridtide.battery._kernel_pack import (
    cells_charging,
    cells_discharging,
    charge_step,
    discharge_step,
    energy_needed,
    plug_charging,
    plug_discharging,
)
from gridtide.battery.losses import DEFAULT_LAW, cells_kw, one_way_efficiency, plug_kw
from gridtide.battery.rainflow import CycleCounter, Cycles, count_cycles

__all__ = [
    "DEFAULT_LAW",
    "CycleCounter",
    "Cycles",
    "cells_charging",
    "cells_discharging",
    "cells_kw",
    "charge_step",
    "count_cycles",
    "discharge_step",
    "energy_needed",
    "one_way_efficiency",
    "plug_charging",
    "plug_discharging",
    "plug_kw",
]
