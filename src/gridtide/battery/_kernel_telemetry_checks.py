"""The checks of one sample of one vehicle, compiled; :mod:`._kernel_plausibility` calls them.

``v`` is the vehicle's state, ``x`` the sample, ``p`` what is declared, ``b`` the thresholds.
A check returns before it notes anything where its data are missing.
"""

from __future__ import annotations

from math import exp, isnan, sqrt

import numpy as np
from numba import njit

from gridtide.battery._kernel_telemetry_state import (
    REPLAY_SELECT,
    RING,
    Notes,
    Plate,
    Reading,
    Vehicle,
    note,
)
from gridtide.battery.thresholds import Check, Thresholds

IMPOSSIBLE_VALUE = int(Check.IMPOSSIBLE_VALUE)
ENERGY_AGAINST_SOC = int(Check.ENERGY_AGAINST_SOC)
SOC_RATE = int(Check.SOC_RATE)
POWER_IDENTITY = int(Check.POWER_IDENTITY)
TEMPERATURE_RATE = int(Check.TEMPERATURE_RATE)
CAPACITY_IDENTITY = int(Check.CAPACITY_IDENTITY)
FROZEN = int(Check.FROZEN)
REPLAYED = int(Check.REPLAYED)
DECLARED_LIMITS = int(Check.DECLARED_LIMITS)
WENT_SILENT = int(Check.WENT_SILENT)

ROUNDING_KWH = 0.0015  # a register in whole Wh may be rounded both ways
MONTH_S = 2_629_800.0
FNV_PRIME = np.uint32(16777619)
FNV_BASIS = np.uint32(2166136261)


@njit(cache=True, error_model="numpy")
def check_values(
    v: Vehicle, x: Reading, stays: bool, p: Plate, b: Thresholds, notes: Notes, i: int
) -> None:
    """Check that every number lies where a number of its kind can lie.

    ``stays`` says that the sample is of the same session as the last, and so of the same meter.
    """
    t, c = x.time_s, IMPOSSIBLE_VALUE
    if not isnan(x.soc):
        note(notes, i, c, t, x.soc, 0.5, 0.5, 1)
    middle = 0.5 * (b.least_temperature_c + b.most_temperature_c)
    if not isnan(x.temp):
        note(notes, i, c, t, x.temp, middle, b.most_temperature_c - middle, 2)
    if not isnan(x.air):
        note(notes, i, c, t, x.air, middle, b.most_temperature_c - middle, 3)
    if not isnan(x.volt):
        note(notes, i, c, t, x.volt, 750.0, 750.0, 4)
    if not isnan(x.amp):
        note(notes, i, c, t, x.amp, 0.0, 2000.0, 5)
    low, high = -1.1 * p.discharge - 0.5, 1.1 * p.charge + 0.5
    if not isnan(x.ac):
        note(notes, i, c, t, x.ac, 0.5 * (low + high), 0.5 * (high - low), 6)
    if not isnan(x.dc):
        low -= 0.1 * p.discharge
        note(notes, i, c, t, x.dc, 0.5 * (low + high), 0.5 * (high - low), 7)
    down = min(x.in_kwh - v.in_kwh, x.out_kwh - v.out_kwh)
    if stays and not isnan(down):
        note(notes, i, c, t, min(down, 0.0), 0.0, ROUNDING_KWH, 8)
    if not isnan(x.in_kwh + x.out_kwh):
        note(notes, i, c, t, max(abs(x.in_kwh), abs(x.out_kwh)), 0.0, 1e9, 9)


@njit(cache=True, error_model="numpy")
def possible(x: Reading, b: Thresholds) -> Reading:
    """Return the sample without its impossible numbers, for the checks that compute."""
    cold, hot = b.least_temperature_c, b.most_temperature_c
    return Reading(
        x.time_s,
        x.soc if 0.0 <= x.soc <= 1.0 else np.nan,
        x.ac if abs(x.ac) < 1e6 else np.nan,
        x.dc if abs(x.dc) < 1e6 else np.nan,
        x.volt if 0.0 < x.volt <= 1500.0 else np.nan,
        x.amp if abs(x.amp) <= 2000.0 else np.nan,
        x.temp if cold <= x.temp <= hot else np.nan,
        x.air if cold <= x.air <= hot else np.nan,
        x.in_kwh if abs(x.in_kwh) <= 1e9 else np.nan,
        x.out_kwh if abs(x.out_kwh) <= 1e9 else np.nan,
        x.charge_limit if abs(x.charge_limit) < 1e6 else np.nan,
        x.discharge_limit if abs(x.discharge_limit) < 1e6 else np.nan,
    )


@njit(cache=True, error_model="numpy")
def mean_plug_kw(v: Vehicle, x: Reading, dt: float, max_step_s: float) -> float:
    """Mean power at the plug since the last sample: by registers, else by power; else NaN."""
    taken, given = x.in_kwh - v.in_kwh, x.out_kwh - v.out_kwh
    if taken >= 0.0 and given >= 0.0:
        return (taken - given) * 3600.0 / dt
    if dt <= max_step_s:
        return 0.5 * (x.ac + v.ac)
    return np.nan


@njit(cache=True, error_model="numpy")
def at_cells_kw(P: float, p: Plate) -> float:
    """Power at the cells for a power at the plug; below 0.1 kW no converter is awake."""
    if abs(P) < 0.1:
        return P
    loss = p.a + p.b * abs(P) + p.c * P * P
    return max(P - loss, 0.0) if P > 0.0 else P - loss


@njit(cache=True, error_model="numpy")
def anchor_energy(v: Vehicle, x: Reading, whole: bool) -> None:
    """Begin the energy window anew; ``whole``: what is compared over the session too."""
    v.anchor_s, v.anchor_soc = x.time_s, x.soc
    v.anchor_cells, v.anchor_through, v.anchor_on_h = v.cells, v.through, v.on_h
    v.anchor_kw = 0.0 if isnan(x.ac) else abs(x.ac)
    if whole:
        v.cells = v.through = v.on_h = v.slow = 0.0
        v.anchor_cells = v.anchor_through = v.anchor_on_h = 0.0
        v.first_soc = v.cap_soc = x.soc
        v.cap_cells = v.cap_through = 0.0


@njit(cache=True, error_model="numpy")
def check_energy(
    v: Vehicle, x: Reading, kw: float, p: Plate, b: Thresholds, notes: Notes, i: int
) -> None:
    """Check that SOC changed by the energy that passed, in a window and in the session."""
    if isnan(x.soc):
        return
    if isnan(kw) or isnan(v.anchor_soc):
        anchor_energy(v, x, True)
        return
    lag = b.soc_lag_s / 3600.0 * max(abs(kw), v.anchor_kw)
    stored = (x.soc - v.anchor_soc) * p.capacity
    passed = v.cells - v.anchor_cells
    bound = b.energy_share * (v.through - v.anchor_through) + lag + b.soc_margin * p.capacity
    bound += b.law_offset_kw * (v.on_h - v.anchor_on_h)
    bound += b.auxiliary_kwh if passed > stored else 0.0
    note(notes, i, ENERGY_AGAINST_SOC, x.time_s, stored, passed, bound, 1)
    stored = (x.soc - v.first_soc) * p.capacity
    bound = b.energy_share * v.through + lag + b.soc_session_margin * p.capacity
    bound += b.law_offset_kw * v.on_h + (b.auxiliary_kwh if v.cells > stored else 0.0)
    note(notes, i, ENERGY_AGAINST_SOC, x.time_s, stored, v.cells, bound, 2)
    if x.time_s - v.anchor_s >= b.energy_window_s:
        anchor_energy(v, x, False)


@njit(cache=True, error_model="numpy")
def check_soc_rate(v: Vehicle, x: Reading, p: Plate, b: Thresholds, notes: Notes, i: int) -> None:
    """Check that SOC moves no faster than the largest power could move it."""
    dt = x.time_s - v.soc_s
    if isnan(x.soc) or isnan(dt):
        return
    reach = b.rate_factor * p.top_kw * (dt + b.soc_lag_s) / 3600.0 / p.capacity
    note(notes, i, SOC_RATE, x.time_s, x.soc - v.soc, 0.0, reach + b.rate_margin, 0)


@njit(cache=True, error_model="numpy")
def check_power(
    v: Vehicle,
    x: Reading,
    dt: float,
    kw: float,
    cells_kwh: float,
    b: Thresholds,
    notes: Notes,
    i: int,
) -> None:
    """Check P = V·I, registers against power, plug against pack within the loss law."""
    h = dt / 3600.0
    product = x.volt * x.amp / 1000.0
    if not isnan(product - x.dc):
        bound = b.power_share * max(abs(x.dc), abs(product)) + b.power_floor_kw
        v.power_bad = v.power_bad + 1.0 if abs(x.dc - product) > bound else 0.0
        seen = x.dc if v.power_bad >= b.power_samples else product
        note(notes, i, POWER_IDENTITY, x.time_s, seen, product, bound, 1)
    registers = (x.in_kwh - v.in_kwh) - (x.out_kwh - v.out_kwh)
    power_kwh = 0.5 * (x.ac + v.ac) * h
    if not isnan(registers + power_kwh) and dt <= b.max_step_s:
        v.meter_power += power_kwh
        v.meter_register += registers
        v.meter_through += max(abs(registers), abs(power_kwh))
        bound = b.meter_share * v.meter_through + b.meter_floor_kwh
        note(notes, i, POWER_IDENTITY, x.time_s, v.meter_register, v.meter_power, bound, 2)
    if x.time_s - v.meter_s >= b.energy_window_s:
        v.meter_s = x.time_s
        v.meter_power = v.meter_register = v.meter_through = 0.0
    pack_kwh = 0.5 * (x.dc + v.dc) * h
    if not isnan(pack_kwh + cells_kwh) and dt <= b.max_step_s:
        v.pair_ac += cells_kwh
        v.pair_dc += pack_kwh
        v.pair_through += max(abs(cells_kwh), abs(pack_kwh))
        v.pair_on_h += h if abs(kw) >= 0.1 else 0.0
        bound = b.meter_share * v.pair_through + b.meter_floor_kwh + b.law_offset_kw * v.pair_on_h
        bound += b.auxiliary_kwh if v.pair_ac > v.pair_dc else 0.0
        note(notes, i, POWER_IDENTITY, x.time_s, v.pair_dc, v.pair_ac, bound, 3)
    if x.time_s - v.pair_s >= b.energy_window_s:
        v.pair_s = x.time_s
        v.pair_ac = v.pair_dc = v.pair_through = v.pair_on_h = 0.0


@njit(cache=True, error_model="numpy")
def compare_warmth(
    x: Reading,
    before_c: float,
    heat_kwh: float,
    hours: float,
    p: Plate,
    b: Thresholds,
    notes: Notes,
    i: int,
    detail: int,
) -> None:
    """Compare two temperatures with what heat, the pack's devices and the air can do."""
    above = 40.0 if isnan(x.air) else max(x.air - min(before_c, x.temp), 0.0)
    below = 40.0 if isnan(x.air) else max(max(before_c, x.temp) - x.air, 0.0)
    store = b.heat_capacity_kwh_per_k * p.capacity
    work = b.active_kw * hours
    up = (heat_kwh + work + b.cooling_kw_per_k * above * hours) / store
    down = (work + b.cooling_kw_per_k * below * hours) / store
    bound = 0.5 * (up + down) + b.temperature_margin_k
    rise = x.temp - before_c
    note(notes, i, TEMPERATURE_RATE, x.time_s, rise, 0.5 * (up - down), bound, detail)


@njit(cache=True, error_model="numpy")
def check_temperature(
    v: Vehicle, x: Reading, kw: float, h: float, p: Plate, b: Thresholds, notes: Notes, i: int
) -> None:
    """Check that the pack warms and cools no faster than heat, its devices and the air allow."""
    if isnan(x.temp):
        return
    # Where power is not known, the largest is assumed.
    heat = b.heat_share * (p.top_kw if isnan(kw) else abs(kw)) * h
    v.warm_heat += heat
    if isnan(v.warm_temp):
        v.warm_s, v.warm_temp, v.warm_heat = x.time_s, x.temp, 0.0
        return
    hours = (x.time_s - v.warm_s) / 3600.0
    compare_warmth(x, v.warm_temp, v.warm_heat, hours, p, b, notes, i, 0)
    if not isnan(v.temp):
        compare_warmth(x, v.temp, heat, h, p, b, notes, i, 1)
    if x.time_s - v.warm_s >= b.temperature_window_s:
        v.warm_s, v.warm_temp, v.warm_heat = x.time_s, x.temp, 0.0


@njit(cache=True, error_model="numpy")
def check_capacity(v: Vehicle, x: Reading, p: Plate, b: Thresholds, notes: Notes, i: int) -> None:
    """Check that energy over change of SOC implies one capacity, the declared one."""
    span = x.soc - v.cap_soc
    if isnan(span):
        if isnan(v.cap_soc) and not isnan(x.soc):
            v.cap_soc, v.cap_cells, v.cap_through = x.soc, v.cells, v.through
        return
    if abs(span) < b.capacity_span:
        return
    energy, through = v.cells - v.cap_cells, v.through - v.cap_through
    v.cap_soc, v.cap_cells, v.cap_through = x.soc, v.cells, v.through
    if through > 1.5 * abs(energy) and through > 0.5 * abs(span) * p.capacity:
        return
    months = 0.0 if isnan(v.cap_s) else (x.time_s - v.cap_s) / MONTH_S
    v.cap_s = x.time_s
    ratio = energy / (span * p.capacity)
    v.cap_var += (0.3 * b.capacity_per_month) ** 2 * months
    spread = v.cap_var + (b.soc_sigma / abs(span)) ** 2 + b.capacity_sigma**2
    step = ratio - v.cap_ratio
    z = max(abs(step) - b.capacity_per_month * months, 0.0) / sqrt(spread)
    up, down = (z, 0.0) if step > 0.0 else (0.0, z)
    v.cap_up = max(v.cap_up + up - down - b.capacity_slack, 0.0)
    v.cap_down = max(v.cap_down + down - up - b.capacity_slack, 0.0)
    worst = max(v.cap_up, v.cap_down)
    gain = v.cap_var / spread
    v.cap_ratio += gain * step
    v.cap_var *= 1.0 - gain
    t, c = x.time_s, CAPACITY_IDENTITY
    # Told as the capacity implied against the one believed in until now [kWh].
    believed = (v.cap_ratio - gain * step) * p.capacity
    slack = 1e9 if worst <= b.capacity_limit else 0.0
    note(notes, i, c, t, ratio * p.capacity, believed, slack, 1)
    if v.cap_var < 0.03**2:
        within = b.capacity_share * p.capacity
        note(notes, i, c, t, v.cap_ratio * p.capacity, p.capacity, within, 2)


@njit(cache=True, error_model="numpy")
def same(one: float, other: float) -> bool:
    """Equal, or both not reported."""
    return one == other or (isnan(one) and isnan(other))


@njit(cache=True, error_model="numpy")
def check_frozen(
    v: Vehicle, x: Reading, cells_kwh: float, p: Plate, b: Thresholds, notes: Notes, i: int
) -> None:
    """Check that something that is reported moves while energy passes."""
    if isnan(cells_kwh) or (isnan(x.soc) and isnan(x.volt)):
        return
    still = same(x.soc, v.soc) and same(x.ac, v.ac) and same(x.dc, v.dc)
    still = still and same(x.volt, v.volt) and same(x.amp, v.amp) and same(x.temp, v.temp)
    v.still_n = v.still_n + 1.0 if still else 0.0
    v.still_kwh = v.still_kwh + abs(cells_kwh) if still else 0.0
    share = v.still_kwh / p.capacity if v.still_n >= b.frozen_samples else 0.0
    note(notes, i, FROZEN, x.time_s, share, 0.0, b.frozen_share, 0)


@njit(cache=True, error_model="numpy")
def mix(key: np.uint32, value: float) -> np.uint32:
    """Add a value, rounded to a thousandth, to a fingerprint (FNV-1a, by 32 bits)."""
    whole = np.uint32(np.int64(np.rint(value * 1000.0)) & 0xFFFFFFFF) if value == value else 7
    key = np.uint32((key ^ np.uint32(whole)) * FNV_PRIME)
    return np.uint32(key ^ (key >> np.uint32(15)))


@njit(cache=True, error_model="numpy")
def check_replayed(v: Vehicle, x: Reading, b: Thresholds, notes: Notes, i: int) -> None:
    """Check that no sequences of four samples come again, while current flows."""
    if isnan(x.volt + x.amp) or abs(x.amp) < 0.5:
        return
    key = mix(mix(mix(FNV_BASIS, x.volt), x.amp), x.dc)
    key = mix(mix(key, x.soc), x.temp)
    v.gram[0], v.gram[1], v.gram[2], v.gram[3] = v.gram[1], v.gram[2], v.gram[3], key
    if v.gram[0] == 0 or v.gram[0] == v.gram[1] or v.gram[2] == v.gram[3]:
        return
    gram = FNV_BASIS
    for k in range(4):
        gram = np.uint32((gram ^ v.gram[k]) * FNV_PRIME)
        gram = np.uint32(gram ^ (gram >> np.uint32(13)))
    if gram % REPLAY_SELECT != 0 or gram == 0:
        return
    seen = False
    for k in range(RING):
        if v.ring[k] == gram:
            seen = True
            break
    if seen:
        v.matches += 1.0
    else:
        v.matches = 0.0
        v.ring[v.ring_next % RING] = gram
        v.ring_next += 1
    note(notes, i, REPLAYED, x.time_s, v.matches, 0.0, b.replay_matches - 0.5, 0)


@njit(cache=True, error_model="numpy")
def check_limits(v: Vehicle, x: Reading, p: Plate, b: Thresholds, notes: Notes, i: int) -> None:
    """Check that limits are no less than 0, fall towards full, empty, cold, hot, and are kept."""
    t, c = x.time_s, DECLARED_LIMITS
    for limit, most, which in ((x.charge_limit, p.charge, 1), (x.discharge_limit, p.discharge, 2)):
        if not isnan(limit):
            # Vehicles may declare more than the charger can: only the sign is sure.
            note(notes, i, c, t, min(limit, 0.0), 0.0, 0.01 * most, which)
    if not isnan(x.charge_limit + x.ac):
        over = max(x.ac - x.charge_limit, -np.inf)
        allowed = 0.1 * x.charge_limit + 2.5  # what warms the cabin passes the battery by
        v.over_n = v.over_n + 1.0 if over > allowed else 0.0
        seen = over if v.over_n >= b.power_samples else 0.0
        note(notes, i, c, t, seen, 0.0, max(allowed, 0.0), 3)
    if isnan(x.soc) or isnan(v.lim_soc):
        v.lim_soc, v.lim_temp = x.soc, x.temp
        v.lim_charge, v.lim_discharge = x.charge_limit, x.discharge_limit
        return
    moved, warmer = x.soc - v.lim_soc, x.temp - v.lim_temp
    steady = isnan(warmer) or abs(warmer) < 3.0
    if abs(moved) < 0.03 and steady:
        return
    charge, discharge = x.charge_limit - v.lim_charge, x.discharge_limit - v.lim_discharge
    if not isnan(charge):
        # Below 15 °C a limit rises as the pack warms, whatever SOC does.
        temperate = isnan(x.temp) or 15.0 < x.temp < 40.0
        wrong = moved >= 0.03 and steady and temperate
        wrong = wrong or (abs(moved) < 0.015 and warmer <= -3.0 and x.temp < 10.0)
        wrong = wrong or (abs(moved) < 0.015 and warmer >= 3.0 and x.temp > 45.0)
        note(notes, i, c, t, max(charge, 0.0) if wrong else 0.0, 0.0, b.limit_share * p.charge, 4)
    if not isnan(discharge):
        wrong = moved <= -0.03 and steady
        rise = max(discharge, 0.0) if wrong else 0.0
        note(notes, i, c, t, rise, 0.0, b.limit_share * p.discharge, 5)
    v.lim_soc, v.lim_temp = x.soc, x.temp
    v.lim_charge, v.lim_discharge = x.charge_limit, x.discharge_limit


@njit(cache=True, error_model="numpy")
def heard(value: float, last_s: float, time_s: float) -> float:
    """When a quantity was last reported."""
    return last_s if isnan(value) else time_s


@njit(cache=True, error_model="numpy")
def check_silence(v: Vehicle, x: Reading, b: Thresholds, notes: Notes, i: int) -> None:
    """Check that what was reported in this session goes on to be reported."""
    v.soc_s = heard(x.soc, v.soc_s, x.time_s)
    v.volt_s = heard(x.volt, v.volt_s, x.time_s)
    v.amp_s = heard(x.amp, v.amp_s, x.time_s)
    v.temp_s = heard(x.temp, v.temp_s, x.time_s)
    v.ac_s = heard(x.ac, v.ac_s, x.time_s)
    which, bound = 1, b.silence_s / 60.0
    for last_s in (v.soc_s, v.volt_s, v.amp_s, v.temp_s, v.ac_s):
        if not isnan(last_s):
            note(notes, i, WENT_SILENT, x.time_s, (x.time_s - last_s) / 60.0, 0.0, bound, which)
        which += 1


@njit(cache=True, error_model="numpy")
def smoothing(dt: float, tau_s: float) -> float:
    """Weight of the newest value in an average over about ``tau_s``."""
    return 1.0 - exp(-dt / tau_s)
