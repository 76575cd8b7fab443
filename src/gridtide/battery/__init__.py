"""Physics of the pack: losses, taper near full, the exact step, temperature, envelope.

The scalar functions are compiled; kernels of the rooms above call them in their own loops.
"""

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
    "DEFAULT_LAW",
    "CellLimits",
    "Envelope",
    "EnvelopeLaw",
    "Thermal",
    "ThermalLaw",
    "cell_limits",
    "cells_charging",
    "cells_discharging",
    "cells_kw",
    "charge_limit_kw",
    "charge_step",
    "check_envelope",
    "check_thermal",
    "conditioning_kw",
    "discharge_limit_kw",
    "discharge_step",
    "energy_needed",
    "envelope_law",
    "one_way_efficiency",
    "plug_charging",
    "plug_discharging",
    "plug_kw",
    "resistance_heat_kw",
    "temperature_step",
]
