"""Batteries: losses, taper and exact steps; cells and their ageing; temperature; limits; doubt.

The scalar functions are compiled; kernels of the rooms above call them in their own loops.
"""

from gridtide.battery._kernel_circuit import circuit_current, circuit_power_step, circuit_step
from gridtide.battery._kernel_envelope import EnvelopeLaw, charge_limit_kw, discharge_limit_kw
from gridtide.battery._kernel_pack import (
    cells_charging,
    cells_discharging,
    charge_step,
    discharge_step,
    energy_needed,
    plug_charging,
    plug_discharging,
)
from gridtide.battery._kernel_thermal import conditioning_kw, resistance_heat_kw, temperature_step
from gridtide.battery._kernel_voltage import VoltageLaw, voltage_rates, within_voltage
from gridtide.battery.ageing import (
    END_OF_LIFE,
    OUTSIDE_SHARE,
    Ageing,
    age,
    age_until,
    cell_model,
    daily_cycle_soc,
    model_cards,
    rate_notes,
)
from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.ranges import STRESSORS, outside_share
from gridtide.battery.circuit import (
    CIRCUITS,
    Circuit,
    find_circuit,
    open_circuit_v,
    power_limits_kw,
    resistances_ohm,
)
from gridtide.battery.circuit_trace import CircuitLimit, Trace, simulate
from gridtide.battery.efficiency import (
    Boundary,
    RoundTrip,
    coulombic_efficiency,
    cycle_efficiency,
    energy_efficiency,
    round_trip_efficiency,
)
from gridtide.battery.envelope import (
    CellLimits,
    Envelope,
    cell_limits,
    check_envelope,
    envelope_law,
)
from gridtide.battery.losses import DEFAULT_LAW, cells_kw, one_way_efficiency, plug_kw
from gridtide.battery.plausibility import Detector, Evidence, Verdict
from gridtide.battery.profile_csv import Profile, read_profile_csv
from gridtide.battery.rainflow import CycleCounter, Cycles, count_cycles
from gridtide.battery.tables import WearTable
from gridtide.battery.telemetry import Nameplate, Telemetry
from gridtide.battery.telemetry_csv import read_telemetry_csv
from gridtide.battery.thermal import Thermal, ThermalLaw, check_thermal
from gridtide.battery.thresholds import Check, Thresholds
from gridtide.battery.voltage import CELL_WINDOW_V, CHEMISTRIES, chemistry_codes, voltage_law
from gridtide.battery.wear import LifeUsed, WearPrice, life_used, wear_price

__all__ = [
    "CELL_WINDOW_V",
    "CHEMISTRIES",
    "CIRCUITS",
    "DEFAULT_LAW",
    "END_OF_LIFE",
    "OUTSIDE_SHARE",
    "STRESSORS",
    "Ageing",
    "Boundary",
    "CellLimits",
    "Check",
    "Circuit",
    "CircuitLimit",
    "CycleCounter",
    "Cycles",
    "Detector",
    "Envelope",
    "EnvelopeLaw",
    "Evidence",
    "LifeUsed",
    "ModelCard",
    "Nameplate",
    "Profile",
    "RoundTrip",
    "Telemetry",
    "Thermal",
    "ThermalLaw",
    "Thresholds",
    "Trace",
    "Verdict",
    "VoltageLaw",
    "WearPrice",
    "WearTable",
    "age",
    "age_until",
    "cell_limits",
    "cell_model",
    "cells_charging",
    "cells_discharging",
    "cells_kw",
    "charge_limit_kw",
    "charge_step",
    "check_envelope",
    "check_thermal",
    "chemistry_codes",
    "circuit_current",
    "circuit_power_step",
    "circuit_step",
    "conditioning_kw",
    "coulombic_efficiency",
    "count_cycles",
    "cycle_efficiency",
    "daily_cycle_soc",
    "discharge_limit_kw",
    "discharge_step",
    "energy_efficiency",
    "energy_needed",
    "envelope_law",
    "find_circuit",
    "life_used",
    "model_cards",
    "one_way_efficiency",
    "open_circuit_v",
    "outside_share",
    "plug_charging",
    "plug_discharging",
    "plug_kw",
    "power_limits_kw",
    "rate_notes",
    "read_profile_csv",
    "read_telemetry_csv",
    "resistance_heat_kw",
    "resistances_ohm",
    "round_trip_efficiency",
    "simulate",
    "temperature_step",
    "voltage_law",
    "voltage_rates",
    "wear_price",
    "within_voltage",
]
