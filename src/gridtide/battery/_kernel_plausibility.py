"""All checks over many samples of many vehicles, compiled."""

from __future__ import annotations

from math import isnan

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery._kernel_circuit_check import check_circuit, check_voltage_range
from gridtide.battery._kernel_telemetry_checks import (
    at_cells_kw,
    check_capacity,
    check_energy,
    check_frozen,
    check_limits,
    check_power,
    check_replayed,
    check_silence,
    check_soc_rate,
    check_temperature,
    check_values,
    mean_plug_kw,
    possible,
    same,
    smoothing,
)
from gridtide.battery._kernel_telemetry_state import (
    CircuitGrid,
    Columns,
    Floats,
    Ints,
    Notes,
    Plate,
    Plates,
    Reading,
    Vehicle,
    begin_session,
    note,
)
from gridtide.battery.thresholds import Check, Thresholds

TIME_ORDER = int(Check.TIME_ORDER)
FLEET_OUTLIER = int(Check.FLEET_OUTLIER)
COORDINATED = int(Check.COORDINATED)
# State of the whole fleet: baseline, its variance, columns seen, columns in a row, last instant.
FLEET_STATE = 5


@njit(cache=True, error_model="numpy")
def plate_of(plates: Plates, i: int) -> Plate:
    """Gather what is declared of one vehicle."""
    a, b, c = plates.loss_law[i]
    charge, discharge = plates.max_charge_kw[i], plates.max_discharge_kw[i]
    out = discharge + a + b * discharge + c * discharge**2 if discharge > 0.0 else 0.0
    return Plate(
        plates.capacity_kwh[i],
        charge,
        discharge,
        plates.cells_in_series[i],
        plates.circuit[i],
        a,
        b,
        c,
        max(charge, out),
    )


@njit(cache=True, error_model="numpy")
def reading_of(columns: Columns, i: int, j: int) -> Reading:
    """One sample of one vehicle."""
    return Reading(
        columns.time_s[i, j],
        columns.soc[i, j],
        columns.power_ac_kw[i, j],
        columns.power_dc_kw[i, j],
        columns.voltage_v[i, j],
        columns.current_a[i, j],
        columns.temperature_c[i, j],
        columns.ambient_c[i, j],
        columns.energy_in_kwh[i, j],
        columns.energy_out_kwh[i, j],
        columns.charge_limit_kw[i, j],
        columns.discharge_limit_kw[i, j],
    )


@njit(cache=True, error_model="numpy")
def remember(v: Vehicle, x: Reading) -> None:
    """Keep the sample for the next; a SOC that was not reported stays the last one."""
    v.last_s = x.time_s
    v.soc = v.soc if isnan(x.soc) else x.soc
    v.ac, v.dc, v.volt, v.amp, v.temp = x.ac, x.dc, x.volt, x.amp, x.temp
    v.in_kwh = v.in_kwh if isnan(x.in_kwh) else x.in_kwh
    v.out_kwh = v.out_kwh if isnan(x.out_kwh) else x.out_kwh


@njit(cache=True, error_model="numpy")
def check_sample(
    v: Vehicle, x: Reading, dt: float, p: Plate, circuits: CircuitGrid, b: Thresholds, notes: Notes,
    i: int,
) -> float:  # fmt: skip
    """Run the checks that compare a sample with the one before; return the voltage residual."""
    h = dt / 3600.0
    kw = mean_plug_kw(v, x, dt, b.max_step_s)
    cells_kwh = at_cells_kw(kw, p) * h
    if not isnan(kw):
        v.cells += cells_kwh
        v.through += abs(cells_kwh)
        v.on_h += h if abs(kw) >= 0.1 else 0.0
    check_energy(v, x, kw, p, b, notes, i)
    check_soc_rate(v, x, p, b, notes, i)
    check_power(v, x, dt, kw, cells_kwh, b, notes, i)
    check_temperature(v, x, kw, h, p, b, notes, i)
    check_capacity(v, x, p, b, notes, i)
    check_frozen(v, x, cells_kwh, p, b, notes, i)
    return float(check_circuit(v, x, dt, p, circuits, b, notes, i))


@njit(cache=True, error_model="numpy")
def check_all(
    columns: Columns,
    plates: Plates,
    circuits: CircuitGrid,
    b: Thresholds,
    state: npt.NDArray[np.void],
    notes: Notes,
    volt_residual: Floats,
    soc_residual: Floats,
) -> None:
    """Check every vehicle's samples in their order; the state goes on.

    ``volt_residual`` and ``soc_residual`` (vehicles, samples) receive what the vehicles are
    then compared by: the mean voltage residual [V per cell], and SOC less counted energy against
    its own average of a while; NaN where there is none.
    """
    vehicles, samples = columns.time_s.shape
    for i in range(vehicles):
        v = state[i]
        p = plate_of(plates, i)
        for j in range(samples):
            volt_residual[i, j] = soc_residual[i, j] = np.nan
            session = columns.session[i, j]
            raw = reading_of(columns, i, j)
            if isnan(raw.time_s) or session < 0:
                continue
            dt = raw.time_s - v.last_s
            if not isnan(dt):
                note(notes, i, TIME_ORDER, raw.time_s, min(dt, 0.0), 0.0, 0.0, 0)
            check_values(v, raw, session == v.session, p, b, notes, i)
            x = possible(raw, b)
            if dt <= 0.0:
                again = same(x.soc, v.soc) and same(x.volt, v.volt) and same(x.ac, v.ac)
                if dt == 0.0 and not again:
                    note(notes, i, TIME_ORDER, raw.time_s, 1.0, 0.0, 0.5, 1)
                continue
            check_voltage_range(x, p, circuits, b, notes, i)
            if session != v.session or not dt <= b.max_gap_s:
                begin_session(v, x, session, b.soc_start_sigma**2)
            else:
                volt_residual[i, j] = check_sample(v, x, dt, p, circuits, b, notes, i)
                unlike = x.soc - v.first_soc - v.cells / p.capacity
                soc_residual[i, j] = unlike - v.slow
                if not isnan(unlike):
                    v.slow += smoothing(dt, b.fleet_tau_s) * (unlike - v.slow)
            check_replayed(v, x, b, notes, i)
            check_limits(v, x, p, b, notes, i)
            check_silence(v, x, b, notes, i)
            remember(v, x)


@njit(cache=True, error_model="numpy")
def compare_model(
    of: Ints,
    values: Floats,
    j: int,
    floor: float,
    volts: bool,
    time_s: Floats,
    b: Thresholds,
    state: npt.NDArray[np.void],
    notes: Notes,
) -> None:
    """Compare the vehicles of one model with their median at one instant."""
    there = np.empty(of.size)
    n = 0
    for i in of:
        if not isnan(values[i, j]):
            there[n] = values[i, j]
            n += 1
    if n < b.fleet_least:
        return
    middle = np.median(there[:n])
    robust = max(1.4826 * np.median(np.abs(there[:n] - middle)), floor)
    for i in of:
        if isnan(values[i, j]):
            continue
        bound = b.outlier_limit * robust
        out = abs(values[i, j] - middle) > bound
        if volts:
            state[i].volt_out = state[i].volt_out + 1.0 if out else 0.0
            row = state[i].volt_out
        else:
            state[i].soc_out = state[i].soc_out + 1.0 if out else 0.0
            row = state[i].soc_out
        seen = values[i, j] if row >= b.outlier_samples else middle
        note(notes, i, FLEET_OUTLIER, time_s[i, j], seen, middle, bound, 1 if volts else 2)


@njit(cache=True, error_model="numpy")
def compare_fleet(
    values: Floats, j: int, time_s: Floats, b: Thresholds, fleet: Floats, notes: Notes
) -> None:
    """Compare the fleet's mean residual of SOC with its own baseline at one instant."""
    n, mean, square, now = 0, 0.0, 0.0, 0.0
    for i in range(values.shape[0]):
        if not isnan(values[i, j]):
            n += 1
            mean += values[i, j]
            square += values[i, j] ** 2
            now = max(now, time_s[i, j])
    if n < b.fleet_least:
        return
    mean /= n
    own = max(square / n - mean**2, 0.0) / n
    baseline, variance, seen, row, last_s = fleet
    away = mean - baseline
    bound = max(b.coordinated_limit * np.sqrt(own + variance), b.coordinated_soc)
    row = row + 1.0 if abs(away) > bound and seen > 0.0 else 0.0
    alarm = row >= b.coordinated_samples
    for i in range(values.shape[0]):
        if isnan(values[i, j]):
            continue
        with_it = (values[i, j] - baseline) * np.sign(away) > abs(away)
        seen_soc = values[i, j] if alarm and with_it else baseline
        note(notes, i, COORDINATED, time_s[i, j], seen_soc, baseline, bound, 0)
    if row == 0.0:
        weight = 1.0 if seen == 0.0 else 1.0 - np.exp(-(now - last_s) / b.coordinated_tau_s)
        fleet[0] += weight * away
        fleet[1] += weight * (away**2 - variance) if seen > 0.0 else 0.0
    fleet[2], fleet[3], fleet[4] = seen + 1.0, row, now


@njit(cache=True, error_model="numpy")
def compare_all(
    volt_residual: Floats,
    soc_residual: Floats,
    time_s: Floats,
    order: Ints,
    edges: Ints,
    b: Thresholds,
    state: npt.NDArray[np.void],
    fleet: Floats,
    notes: Notes,
) -> None:
    """Compare vehicles with their model and with the fleet, instant by instant.

    ``order`` lists the vehicles model by model, ``edges`` where each model begins.
    """
    for j in range(time_s.shape[1]):
        for g in range(edges.size - 1):
            of = order[edges[g] : edges[g + 1]]
            compare_model(of, volt_residual, j, b.outlier_voltage_v, True, time_s, b, state, notes)
            compare_model(of, soc_residual, j, b.outlier_soc, False, time_s, b, state, notes)
        compare_fleet(soc_residual, j, time_s, b, fleet, notes)
