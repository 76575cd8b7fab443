"""Measured voltage against the equivalent circuit: a filter with one state, compiled.

The state is SOC: it follows the counted charge and is corrected by the voltage. Two squared
normalised residuals are averaged over time, each near 1 (chi-square with one degree of
freedom) as long as data and circuit agree: the voltage against the circuit, and the reported
SOC against the filter's.
"""

from __future__ import annotations

from math import exp, isnan

import numpy as np
from numba import njit

from gridtide.battery._kernel_telemetry_checks import at_cells_kw, smoothing
from gridtide.battery._kernel_telemetry_state import (
    GRID,
    CircuitGrid,
    Floats,
    Notes,
    Plate,
    Reading,
    Vehicle,
    note,
)
from gridtide.battery.thresholds import Check, Thresholds

CIRCUIT_RESIDUAL = int(Check.CIRCUIT_RESIDUAL)
VOLTAGE_RANGE = int(Check.VOLTAGE_RANGE)
REFERENCE_K = 298.15


@njit(cache=True, error_model="numpy")
def at_soc(row: Floats, soc: float) -> float:
    """Value of a table at a SOC, linear between its points."""
    place = min(max(soc, 0.0), 1.0) * (GRID - 1)
    k = min(int(place), GRID - 2)
    return float(row[k] + (place - k) * (row[k + 1] - row[k]))


@njit(cache=True, error_model="numpy")
def check_voltage_range(
    x: Reading, p: Plate, circuits: CircuitGrid, b: Thresholds, notes: Notes, i: int
) -> None:
    """Check that a cell's voltage lies where its chemistry can be."""
    if isnan(x.volt / p.series) or p.circuit < 0:
        return
    low, high = circuits.min_v[p.circuit], circuits.max_v[p.circuit]
    middle = 0.5 * (low + high)
    bound = high - middle + b.voltage_margin_v
    note(notes, i, VOLTAGE_RANGE, x.time_s, x.volt / p.series, middle, bound, 0)


@njit(cache=True, error_model="numpy")
def pack_current(x: Reading, p: Plate) -> float:
    """Return the current of the pack [A]: measured, or from the power that is known."""
    if not isnan(x.amp):
        return x.amp
    if not isnan(x.dc):
        return x.dc * 1000.0 / x.volt
    return float(at_cells_kw(x.ac, p)) * 1000.0 / x.volt


@njit(cache=True, error_model="numpy")
def check_circuit(
    v: Vehicle,
    x: Reading,
    dt: float,
    p: Plate,
    circuits: CircuitGrid,
    b: Thresholds,
    notes: Notes,
    i: int,
) -> float:
    """Voltage and reported SOC against the circuit; return the mean voltage residual [V]."""
    if isnan(v.est):
        v.est, v.var = x.soc, b.soc_start_sigma**2
    if isnan(x.volt / p.series) or p.circuit < 0 or isnan(v.est):
        return np.nan
    current = pack_current(x, p)
    if isnan(current):
        return np.nan
    k = p.circuit
    charge_ah = p.capacity * 1000.0 / (p.series * circuits.mean_v[k])
    before = v.amp if not isnan(v.amp) else current
    moved = 0.5 * (before + current) * dt / 3600.0 / charge_ah
    v.est = min(max(v.est + moved, 0.0), 1.0)
    v.var = (np.sqrt(v.var) + b.coulomb_share * abs(moved)) ** 2
    kelvin = (25.0 if isnan(x.temp) else x.temp) + 273.15
    factor = exp(circuits.activation_k[k] * (1.0 / kelvin - 1.0 / REFERENCE_K))
    factor *= b.resistance_growth / charge_ah
    ohmic = current * factor * at_soc(circuits.r0_ohm_ah[k], v.est)
    e = exp(-dt / circuits.tau_s[k])
    v.drop = v.drop * e + (1.0 - e) * current * factor * at_soc(circuits.r1_ohm_ah[k], v.est)
    row = circuits.ocv_v[k]
    slope = (at_soc(row, v.est + 0.01) - at_soc(row, v.est - 0.01)) / 0.02
    residual = x.volt / p.series - at_soc(row, v.est) - ohmic - v.drop
    model = b.voltage_sigma_v**2 + (b.resistance_share * (ohmic + v.drop)) ** 2
    weight = smoothing(dt, b.chi_tau_s)
    spread = slope**2 * v.var + model
    v.chi_volt += weight * (residual**2 / spread - v.chi_volt)
    v.mean_volt += weight * (residual - v.mean_volt)
    note(notes, i, CIRCUIT_RESIDUAL, x.time_s, v.chi_volt, 0.0, b.chi_limit, 1)
    # An error of the model lasts: it is learnt from as from one measurement in a while.
    gain = v.var * slope / (slope**2 * v.var + model * max(b.correlation_s / dt, 1.0))
    v.est = min(max(v.est + gain * residual, 0.0), 1.0)
    least = min(v.var, 0.5 * model / max(slope**2, 1e-6))
    v.var = max((1.0 - gain * slope) * v.var, least)
    if not isnan(x.soc):
        unlike = (x.soc - v.est) ** 2 / (v.var + b.soc_sigma**2)
        v.chi_soc += weight * (unlike - v.chi_soc)
        note(notes, i, CIRCUIT_RESIDUAL, x.time_s, v.chi_soc, 0.0, b.chi_limit, 2)
    return float(v.mean_volt)
