"""Physics of the pack: conversion losses, taper near full, the exact step, the circuit.

The scalar functions are compiled; kernels of the rooms above call them in their own loops.
"""

from gridtide.battery._kernel_circuit import circuit_current, circuit_power_step, circuit_step
from gridtide.battery._kernel_pack import (
    cells_charging,
    cells_discharging,
    charge_step,
    discharge_step,
    energy_needed,
    plug_charging,
    plug_discharging,
)
from gridtide.battery.circuit import (
    CIRCUITS,
    Circuit,
    find_circuit,
    open_circuit_v,
    power_limits_kw,
    resistances_ohm,
)
from gridtide.battery.circuit_trace import CircuitLimit, Trace, simulate
from gridtide.battery.losses import DEFAULT_LAW, cells_kw, one_way_efficiency, plug_kw

__all__ = [
    "CIRCUITS",
    "DEFAULT_LAW",
    "Circuit",
    "CircuitLimit",
    "Trace",
    "cells_charging",
    "cells_discharging",
    "cells_kw",
    "charge_step",
    "circuit_current",
    "circuit_power_step",
    "circuit_step",
    "discharge_step",
    "energy_needed",
    "find_circuit",
    "one_way_efficiency",
    "open_circuit_v",
    "plug_charging",
    "plug_discharging",
    "plug_kw",
    "power_limits_kw",
    "resistances_ohm",
    "simulate",
]
