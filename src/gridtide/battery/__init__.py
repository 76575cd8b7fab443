"""Physics of the pack: conversion losses, taper near full, the exact step, plausible data.

The scalar functions are compiled; kernels of the rooms above call them in their own loops.
"""

from gridtide.battery._circuit_tables import REFERENCE_CIRCUITS, CellCircuit
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
from gridtide.battery.plausibility import Detector, Evidence, Verdict
from gridtide.battery.telemetry import Nameplate, Telemetry
from gridtide.battery.telemetry_csv import read_telemetry_csv
from gridtide.battery.thresholds import Check, Thresholds

__all__ = [
    "DEFAULT_LAW",
    "REFERENCE_CIRCUITS",
    "CellCircuit",
    "Check",
    "Detector",
    "Evidence",
    "Nameplate",
    "Telemetry",
    "Thresholds",
    "Verdict",
    "cells_charging",
    "cells_discharging",
    "cells_kw",
    "charge_step",
    "discharge_step",
    "energy_needed",
    "one_way_efficiency",
    "plug_charging",
    "plug_discharging",
    "plug_kw",
    "read_telemetry_csv",
]
