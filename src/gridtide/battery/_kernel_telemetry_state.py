"""What the checks carry from one sample to the next, and how they note what they found."""

from __future__ import annotations

from typing import NamedTuple, Protocol

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


class Vehicle(Protocol):
    """State of one vehicle: a row of a structured array. Names of a sample are its last values."""

    session: int
    session_s: float
    last_s: float
    soc: float
    ac: float
    dc: float
    volt: float
    amp: float
    temp: float
    in_kwh: float
    out_kwh: float
    # When each quantity was last reported [s].
    soc_s: float
    volt_s: float
    amp_s: float
    temp_s: float
    ac_s: float
    # Energy at the cells, its sum of amounts, hours with power: since the session began.
    cells: float
    through: float
    on_h: float
    first_soc: float
    # SOC less counted energy in this session, averaged over a while.
    slow: float
    # The same when the energy window began.
    anchor_s: float
    anchor_soc: float
    anchor_cells: float
    anchor_through: float
    anchor_on_h: float
    anchor_kw: float
    # Registers against power, and plug against pack, since these windows began [kWh].
    meter_s: float
    meter_power: float
    meter_register: float
    meter_through: float
    pair_s: float
    pair_ac: float
    pair_dc: float
    pair_through: float
    pair_on_h: float
    # The circuit's filter: SOC, its variance, voltage of the RC pair, mean residuals.
    est: float
    var: float
    drop: float
    chi_volt: float
    chi_soc: float
    mean_volt: float
    # Samples in a row in which something was wrong.
    power_bad: float
    over_n: float
    volt_out: float
    soc_out: float
    matches: float
    # Temperature and heat since the window began.
    warm_s: float
    warm_temp: float
    warm_heat: float
    # Implied capacity over declared, its variance, cumulated sums; where the span began.
    cap_soc: float
    cap_cells: float
    cap_through: float
    cap_ratio: float
    cap_var: float
    cap_s: float
    cap_up: float
    cap_down: float
    # Energy and samples since a reported value last moved.
    still_kwh: float
    still_n: float
    # Declared limits as they stood at another SOC or temperature.
    lim_soc: float
    lim_temp: float
    lim_charge: float
    lim_discharge: float
    # Fingerprints of the last four samples, and of chosen sequences.
    gram: npt.NDArray[np.uint32]
    ring: npt.NDArray[np.uint32]
    ring_next: int


VEHICLE = np.dtype(
    [(name, np.float64) for name, kind in Vehicle.__annotations__.items() if kind == "float"]
    + [("session", np.int64), ("ring_next", np.int64)]
    + [("gram", np.uint32, (4,)), ("ring", np.uint32, (RING,))]
)
"""State of one vehicle; see :func:`fresh`."""


class CircuitGrid(NamedTuple):
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
        floats = {name: np.full((vehicles, CHECKS), np.nan) for name in cls._fields[:-1]}
        return cls(**floats, detail=np.zeros((vehicles, CHECKS), dtype=np.int8))


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
def begin_session(v: Vehicle, x: Reading, session: int, start_var: float) -> None:
    """Forget what held for the last stay only; capacity and fingerprints are kept."""
    v.session, v.session_s = session, x.time_s
    v.soc = v.anchor_soc = v.first_soc = v.cap_soc = v.lim_soc = x.soc
    v.soc_s = v.volt_s = v.amp_s = v.temp_s = v.ac_s = np.nan
    v.ac, v.dc, v.volt, v.amp, v.temp = x.ac, x.dc, x.volt, x.amp, x.temp
    v.in_kwh, v.out_kwh = x.in_kwh, x.out_kwh
    v.cells = v.through = v.on_h = v.slow = 0.0
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
    v.matches = v.volt_out = v.soc_out = 0.0
    v.gram[:] = 0
