"""What happens at the plugs, compiled: vehicles come, charge or discharge, and leave."""

from __future__ import annotations

from math import floor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery import cells_charging, charge_step, discharge_step
from gridtide.control import Plugs, whole_steps
from gridtide.fleet import add_to_limit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# A register in kWh that should stand at a whole Wh may lie a rounding error below it.
ROUNDING_WH = 1e-6


class Registers(NamedTuple):
    """Energy at the plug since the run began [kWh], shape (chargers,)."""

    taken: Floats
    given: Floats
    lost: Floats


class Outcomes(NamedTuple):
    """What became of each session; arrays of shape (sessions,), energies in kWh.

    ``taken``, ``given`` and ``lost`` are at the plug; ``arrival`` and ``departure`` are in the
    battery; ``reach`` is what full power from arrival could have stored of what was asked;
    ``elsewhere`` is what must have been charged elsewhere before this session.
    ``state`` is 0 not begun, 1 plugged in at the end, 2 departed.
    """

    taken: Floats
    given: Floats
    lost: Floats
    arrival: Floats
    departure: Floats
    reach: Floats
    elsewhere: Floats
    state: npt.NDArray[np.int8]

    @classmethod
    def of(cls, sessions: int) -> Outcomes:
        """Outcomes of sessions that have not begun."""
        floats = {name: np.zeros(sessions) for name in cls._fields[:-1]}
        return cls(**floats, state=np.zeros(sessions, dtype=np.int8))


class Stays(NamedTuple):
    """Columns of :class:`gridtide.fleet.Sessions` that the physics needs; (sessions,)."""

    vehicle: Ints
    charger: Ints
    arrival_s: Ints
    departure_s: Ints
    stated_departure_s: Floats
    arrival_kwh: Floats
    trip_kwh: Floats
    target_kwh: Floats
    need_known: Bools


class Packs(NamedTuple):
    """Columns of :class:`gridtide.fleet.Vehicles` that the physics needs; (vehicles,)."""

    capacity_kwh: Floats
    soc_min: Floats
    soc_max: Floats
    soc_floor: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    taper_soc: Floats
    taper_end: Floats
    wear_price_per_kwh: Floats
    bidirectional: Bools
    participates: Bools


@njit(cache=True, error_model="numpy")
def plug_in(
    which: Ints,
    start_s: int,
    stays: Stays,
    packs: Packs,
    charger_charge: Floats,
    charger_discharge: Floats,
    power_step: Floats,
    law: npt.NDArray[np.int32],
    table: Floats,
    vehicle_kwh: Floats,
    registers: Registers,
    plugs: Plugs,
    outcomes: Outcomes,
) -> None:
    """Plug the vehicles of some sessions in.

    ``vehicle_kwh`` is what each vehicle held when it last left, NaN for one not seen before.
    Until departure ``outcomes`` holds the registers as they stood on arrival.
    """
    for s in which:
        i, v = stays.charger[s], stays.vehicle[s]
        k = law[i]
        a, b, c = table[k, 0], table[k, 1], table[k, 2]
        capacity = packs.capacity_kwh[v]
        least, full = packs.soc_min[v] * capacity, packs.soc_max[v] * capacity
        charge = min(charger_charge[i], packs.max_charge_kw[v])
        charge = whole_steps(charge, power_step[i], False)
        discharge = min(charger_discharge[i], packs.max_discharge_kw[v])
        discharge = whole_steps(discharge, power_step[i], False)
        dc_full = cells_charging(charge, a, b, c)
        knee = min(packs.taper_soc[v] * capacity, full)
        beta = dc_full * (1 - packs.taper_end[v]) / (full - knee) if knee < full else 0.0
        energy, elsewhere = stays.arrival_kwh[s], 0.0
        before, trip = vehicle_kwh[v], stays.trip_kwh[s]
        if not (np.isnan(before) or np.isnan(trip)):
            energy = min(max(before - trip, min(least, before)), max(full, before))
            elsewhere = energy - (before - max(trip, 0.0))
        plugs.session[i] = s
        plugs.arrival_s[i] = stays.arrival_s[s]
        plugs.departure_s[i] = stays.stated_departure_s[s]
        plugs.energy_kwh[i] = plugs.arrival_kwh[i] = energy
        plugs.capacity_kwh[i] = capacity
        plugs.floor_kwh[i] = max(packs.soc_floor[v], packs.soc_min[v]) * capacity
        plugs.full_kwh[i] = full
        plugs.target_kwh[i] = stays.target_kwh[s] if stays.need_known[s] else np.nan
        plugs.max_charge_kw[i] = charge
        able = packs.bidirectional[v] and packs.participates[v]
        plugs.max_discharge_kw[i] = discharge if able else 0.0
        plugs.knee_kwh[i] = knee
        plugs.taper_per_h[i] = beta
        plugs.full_power_dc_kw[i] = dc_full
        plugs.wear_price_per_kwh[i] = packs.wear_price_per_kwh[v]
        plugs.participates[i] = packs.participates[v]
        outcomes.taken[s] = registers.taken[i]
        outcomes.given[s] = registers.given[i]
        outcomes.lost[s] = registers.lost[i]
        outcomes.arrival[s] = energy
        outcomes.elsewhere[s] = elsewhere
        outcomes.state[s] = 1
        hours = (stays.departure_s[s] - max(stays.arrival_s[s], start_s)) / 3600.0
        end = min(stays.target_kwh[s], full)
        outcomes.reach[s], _, _ = charge_step(
            charge, hours, energy, end, knee, beta, dc_full, a, b, c
        )


@njit(cache=True, error_model="numpy")
def settle(
    at: Ints,
    state: int,
    stays: Stays,
    vehicle_kwh: Floats,
    registers: Registers,
    plugs: Plugs,
    outcomes: Outcomes,
) -> float:
    """Note what the sessions at some chargers came to; return the worst imbalance [kWh]."""
    worst = 0.0
    for i in at:
        s = plugs.session[i]
        energy = plugs.energy_kwh[i]
        taken = registers.taken[i] - outcomes.taken[s]
        given = registers.given[i] - outcomes.given[s]
        lost = registers.lost[i] - outcomes.lost[s]
        outcomes.taken[s], outcomes.given[s], outcomes.lost[s] = taken, given, lost
        outcomes.departure[s] = energy
        outcomes.state[s] = state
        vehicle_kwh[stays.vehicle[s]] = energy
        worst = max(worst, abs(taken - given - lost - (energy - outcomes.arrival[s])))
    return worst


@njit(cache=True, error_model="numpy")
def step_all(
    h: float,
    power: Floats,
    stop: Floats,
    plugs: Plugs,
    law: npt.NDArray[np.int32],
    table: Floats,
    limit: Ints,
    share: Floats,
    phases: bool,
    registers: Registers,
    net_kwh: Floats,
) -> None:
    """Let every setpoint work for h hours.

    Energies in ``plugs`` and ``registers`` are updated in place; ``net_kwh`` (limits, 4)
    receives the net energy right below each limit.
    """
    energy, low, full = plugs.energy_kwh, plugs.floor_kwh, plugs.full_kwh
    knee, beta, dc_full = plugs.knee_kwh, plugs.taper_per_h, plugs.full_power_dc_kw
    taken, given, lost = registers
    net_kwh[:] = 0.0
    for i in range(power.size):
        P = power[i]
        if P == 0.0:
            continue
        k = law[i]
        before = energy[i]
        if P > 0.0:
            a, b, c = table[k, 0], table[k, 1], table[k, 2]
            end = min(stop[i], full[i])
            plug, loss = P * h, (a + P * (b + c * P)) * h
            e = before + plug - loss
            if plug <= loss or e > min(end, knee[i]):  # the less usual cases
                e, plug, loss = charge_step(
                    P, h, before, end, knee[i], beta[i], dc_full[i], a, b, c
                )
            taken[i] += plug
        else:
            a, b, c = table[k, 3], table[k, 4], table[k, 5]
            plug, loss = -P * h, (a + P * (c * P - b)) * h
            e = before - plug - loss
            if e < low[i]:
                e, plug, loss = discharge_step(-P, h, before, low[i], a, b, c)
            given[i] += plug
            plug = -plug
        energy[i] = e
        lost[i] += loss
        add_to_limit(net_kwh, limit[i], plug, share, i, phases)


@njit(cache=True, error_model="numpy")
def whole_wh(register_kwh: float) -> int:
    """Whole watt-hours of a cumulative register, as its display shows them."""
    return floor(register_kwh * 1000.0 + ROUNDING_WH)


@njit(cache=True, error_model="numpy")
def read_plugs(
    which: Ints,
    plugs: Plugs,
    registers: Registers,
    in_wh: Ints,
    out_wh: Ints,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Ints, Ints, npt.NDArray[np.float32]]:
    """Charger, session, whole Wh each way since the last reading, energy in the battery.

    The readings are moved on.
    """
    n = which.size
    charger, session = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    import_wh, export_wh = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    energy = np.empty(n, dtype=np.float32)
    for k in range(n):
        i = which[k]
        now_in, now_out = whole_wh(registers.taken[i]), whole_wh(registers.given[i])
        charger[k], session[k], energy[k] = i, plugs.session[i], plugs.energy_kwh[i]
        import_wh[k], export_wh[k] = now_in - in_wh[i], now_out - out_wh[i]
        in_wh[i], out_wh[i] = now_in, now_out
    return charger, session, import_wh, export_wh, energy
