"""What the checks carry from one sample to the next, and how they note what they found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery.thresholds import Check

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHECKS = len(Check)
GRID = 201
"""Points of the circuit tables, equally spaced in SOC."""
RING = 128
"""Fingerprints kept of each vehicle."""
REPLAY_SELECT = 8
"""One fingerprint in so many is kept, chosen by its own value."""

_FIELDS = """
session_s last_s soc soc_s ac dc volt amp temp in_kwh out_kwh charge_limit discharge_limit
volt_s amp_s temp_s ac_s
cells through on_h anchor_s anchor_soc anchor_cells anchor_through anchor_on_h anchor_kw
first_soc
meter_s meter_power meter_register meter_through
pair_s pair_ac pair_dc pair_through pair_on_h
est var drop chi_volt chi_soc mean_volt
power_bad warm_s warm_temp warm_heat
cap_soc cap_cells cap_through cap_ratio cap_var cap_s cap_up cap_down
still_kwh still_n
lim_soc lim_temp lim_charge lim_discharge over_n
matches volt_out soc_out near_n
""".split()
VEHICLE = np.dtype(
    [
        ("session", np.int64),
        *((name, np.float64) for name in _FIELDS),
        ("gram", np.uint32, (4,)),
        ("ring", np.uint32, (RING,)),
        ("ring_next", np.int64),
    ]
)
"""State of one vehicle; see :func:`fresh`."""


class Circuits(NamedTuple):
    """Equivalent circuits on a grid of SOC, one row each; resistances of 1 Ah at 25 °C."""

    ocv_v: Floats
    r0_ohm_ah: Floats
    r1_ohm_ah: Floats
    tau_s: Floats
    activation_k: Floats
    min_v: Floats
    max_v: Floats
    mean_v: Floats


class Plates(NamedTuple):
    """Columns of :class:`gridtide.battery.Nameplate` that the checks need; (vehicles,)."""

    capacity_kwh: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    cells_in_series: Floats
    circuit: Ints
    loss_law: Floats


class Columns(NamedTuple):
    """Arrays of :class:`gridtide.battery.Telemetry`, (vehicles, samples)."""

    time_s: Floats
    session: Ints
    soc: Floats
    power_ac_kw: Floats
    power_dc_kw: Floats
    voltage_v: Floats
    current_a: Floats
    temperature_c: Floats
    ambient_c: Floats
    energy_in_kwh: Floats
    energy_out_kwh: Floats
    charge_limit_kw: Floats
    discharge_limit_kw: Floats


class Reading(NamedTuple):
    """One sample of one vehicle."""

    time_s: float
    soc: float
    ac: float
    dc: float
    volt: float
    amp: float
    temp: float
    air: float
    in_kwh: float
    out_kwh: float
    charge_limit: float
    discharge_limit: float


class Plate(NamedTuple):
    """What is declared of one vehicle; ``top_kw`` is its largest power at the cells."""

    capacity: float
    charge: float
    discharge: float
    series: float
    circuit: int
    a: float
    b: float
    c: float
    top_kw: float


class Notes(NamedTuple):
    """What the checks found, arrays of shape (vehicles, checks).

    ``checked_s`` is when a check last had its data (NaN: never), ``since_s`` when it first
    failed (NaN: not); ``measured``, ``expected`` and ``bound`` are the numbers of that moment,
    and ``detail`` says which quantity or which part of the check it was.
    """

    checked_s: Floats
    since_s: Floats
    measured: Floats
    expected: Floats
    bound: Floats
    detail: npt.NDArray[np.int8]

    @classmethod
    def of(cls, vehicles: int) -> Notes:
        """Nothing checked yet."""
        floats = [np.full((vehicles, CHECKS), np.nan) for _ in range(5)]
        return cls(*floats, np.zeros((vehicles, CHECKS), dtype=np.int8))


@njit(cache=True, error_model="numpy")
def note(
    notes: Notes,
    i: int,
    check: int,
    time_s: float,
    measured: float,
    expected: float,
    bound: float,
    detail: int,
) -> None:
    """Note that a check ran; it failed where ``|measured - expected| > bound``. First stays."""
    notes.checked_s[i, check] = time_s
    if abs(measured - expected) <= bound or not np.isnan(notes.since_s[i, check]):
        return
    notes.since_s[i, check] = time_s
    notes.measured[i, check] = measured
    notes.expected[i, check] = expected
    notes.bound[i, check] = bound
    notes.detail[i, check] = detail


def fresh(vehicles: int) -> npt.NDArray[np.void]:
    """State of vehicles of which nothing was seen yet."""
    state = np.zeros(vehicles, dtype=VEHICLE)
    state["session"] = -1
    for name in ("session_s", "last_s", "cap_s"):
        state[name] = np.nan
    state["cap_ratio"], state["cap_var"] = 1.0, 0.05**2
    return state


@njit(cache=True, error_model="numpy")
def begin_session(v: np.void, x: Reading, session: int, start_var: float) -> None:
    """Forget what held for the last stay only; capacity and fingerprints are kept."""
    v.session, v.session_s = session, x.time_s
    v.soc = v.anchor_soc = v.first_soc = v.cap_soc = v.lim_soc = x.soc
    v.soc_s = v.volt_s = v.amp_s = v.temp_s = v.ac_s = np.nan
    v.ac, v.dc, v.volt, v.amp, v.temp = x.ac, x.dc, x.volt, x.amp, x.temp
    v.in_kwh, v.out_kwh = x.in_kwh, x.out_kwh
    v.cells = v.through = v.on_h = 0.0
    v.anchor_s = v.meter_s = v.pair_s = v.warm_s = x.time_s
    v.anchor_cells = v.anchor_through = v.anchor_on_h = v.anchor_kw = 0.0
    v.meter_power = v.meter_register = v.meter_through = 0.0
    v.pair_ac = v.pair_dc = v.pair_through = v.pair_on_h = 0.0
    v.est, v.var, v.drop = x.soc, start_var, 0.0
    v.chi_volt = v.chi_soc = 1.0
    v.mean_volt = v.power_bad = v.over_n = 0.0
    v.warm_temp, v.warm_heat = x.temp, 0.0
    v.cap_cells = v.cap_through = 0.0
    v.still_kwh = v.still_n = 0.0
    v.lim_temp, v.lim_charge, v.lim_discharge = x.temp, x.charge_limit, x.discharge_limit
    v.matches = v.volt_out = v.soc_out = v.near_n = 0.0
    v.gram[:] = 0
