"""Physics of the pack: losses, taper near full, the exact step, circuit, temperature, envelope.

The scalar functions are compiled; kernels of the rooms above call them in their own loops.
"""

from gridtide.battery._kernel_circuit import circuit_current, circuit_power_step, circuit_step
from gridtide.battery._kernel_envelope import (
    EnvelopeLaw,
    charge_limit_kw,
    discharge_limit_kw,
)
from gridtide.battery._kernel_pack import (
    cells_charging,
    cells_discharging,
    charge_step,
    discharge_step,
    energy_needed,
    plug_charging,
    plug_discharging,
)
from gridtide.battery._kernel_thermal import (
    conditioning_kw,
    resistance_heat_kw,
    temperature_step,
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
from gridtide.battery.envelope import (
    CellLimits,
    Envelope,
    cell_limits,
    check_envelope,
    envelope_law,
)
from gridtide.battery.losses import DEFAULT_LAW, cells_kw, one_way_efficiency, plug_kw
from gridtide.battery.thermal import Thermal, ThermalLaw, check_thermal

__all__ = [
    "CIRCUITS",
    "DEFAULT_LAW",
    "CellLimits",
    "Circuit",
    "CircuitLimit",
    "Envelope",
    "EnvelopeLaw",
    "Thermal",
    "ThermalLaw",
    "Trace",
    "cell_limits",
    "cells_charging",
    "cells_discharging",
    "cells_kw",
    "charge_limit_kw",
    "charge_step",
    "check_envelope",
    "check_thermal",
    "circuit_current",
    "circuit_power_step",
    "circuit_step",
    "conditioning_kw",
    "discharge_limit_kw",
    "discharge_step",
    "energy_needed",
    "envelope_law",
    "find_circuit",
    "one_way_efficiency",
    "open_circuit_v",
    "plug_charging",
    "plug_discharging",
    "plug_kw",
    "power_limits_kw",
    "resistance_heat_kw",
    "resistances_ohm",
    "simulate",
    "temperature_step",
]
