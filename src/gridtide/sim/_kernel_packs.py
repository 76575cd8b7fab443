"""What becomes of the packs in a step, compiled: temperature, throughput, direction, conditioning.

These run after the physics of the plugs, and only where a scenario asks for them.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery import (
    ThermalLaw,
    cells_charging,
    cells_discharging,
    conditioning_kw,
    resistance_heat_kw,
    temperature_step,
)
from gridtide.control import Plugs
from gridtide.sim._kernel_plugs import Registers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PER_HOUR = 1.0 / 3600.0


class PackStates(NamedTuple):
    """What is known of each plugged-in pack; arrays of shape (chargers,).

    ``conditioning`` is the power that heats (positive) or cools (negative) the pack [kW], and
    ``auxiliary`` what that draws at the plug [kW]; ``chemistry`` is a place in
    :data:`gridtide.battery.CHEMISTRIES`.
    """

    temperature: Floats
    discharged: Floats
    direction: npt.NDArray[np.int8]
    since: Floats
    conditioning: Floats
    auxiliary: Floats
    chemistry: npt.NDArray[np.int8]

    @classmethod
    def of(cls, chargers: int) -> PackStates:
        """Nothing known, nothing heated."""
        return cls(
            temperature=np.full(chargers, np.nan),
            discharged=np.zeros(chargers),
            direction=np.zeros(chargers, dtype=np.int8),
            since=np.full(chargers, -inf),
            conditioning=np.zeros(chargers),
            auxiliary=np.zeros(chargers),
            chemistry=np.full(chargers, -1, dtype=np.int8),
        )


@njit(cache=True, error_model="numpy")
def set_conditioning(
    h: float, ambient: float, plugs: Plugs, law: ThermalLaw, states: PackStates
) -> bool:
    """Set heaters and coolers for the next h hours; return whether any is on."""
    some = False
    for i in range(plugs.session.size):
        electric, heat = 0.0, 0.0
        if plugs.session[i] >= 0:
            resistance = law.tau_h / (law.mass * plugs.capacity_kwh[i])
            electric, heat = conditioning_kw(
                states.temperature[i],
                ambient,
                resistance,
                law.tau_h,
                h,
                law.heat_below,
                law.cool_above,
                min(law.most_kw, plugs.max_charge_kw[i]),
                law.heat_cop,
                law.cool_cop,
            )
        states.auxiliary[i], states.conditioning[i] = electric, heat
        some = some or electric > 0.0
    return some


@njit(cache=True, error_model="numpy")
def follow_packs(
    now: float,
    h: float,
    ambient: float,
    power: Floats,
    before: Floats,
    plugs: Plugs,
    index: npt.NDArray[np.int32],
    table: Floats,
    thermal: bool,
    law: ThermalLaw,
    states: PackStates,
) -> None:
    """Move throughput, direction and temperature on after h hours of ``power``.

    ``before`` is the energy in each battery when the step began [kWh]. Current flows at the
    setpoint's power for part of the step where the battery fills up or empties; its heat is
    spread evenly over the step, and is never more than what the conversion loses.
    """
    for i in range(plugs.session.size):
        if plugs.session[i] < 0:
            continue
        P, gain = power[i], plugs.energy_kwh[i] - before[i]
        way = 1 if gain > 0.0 else -1 if gain < 0.0 else 0
        if way != 0 and way != states.direction[i]:
            states.direction[i], states.since[i] = way, now
        states.discharged[i] += max(-gain, 0.0)
        if not thermal:
            continue
        k, heat = index[i], 0.0
        if way != 0:
            if P > 0.0:
                dc = cells_charging(P, table[k, 0], table[k, 1], table[k, 2])
            else:
                dc = cells_discharging(-P, table[k, 3], table[k, 4], table[k, 5])
            warmth = resistance_heat_kw(
                dc, plugs.capacity_kwh[i], law.resistance_h, law.activation, states.temperature[i]
            )
            heat = min(warmth, abs(abs(P) - dc)) * min(abs(gain) / (dc * h), 1.0)
        states.temperature[i] = temperature_step(
            states.temperature[i],
            ambient,
            heat + states.conditioning[i],
            law.tau_h / (law.mass * plugs.capacity_kwh[i]),
            law.tau_h,
            h,
        )


@njit(cache=True, error_model="numpy")
def meter_conditioning(
    h: float, given_before: Floats, auxiliary: Floats, registers: Registers
) -> float:
    """Count what heaters and coolers drew at the plugs for h hours; return the sum [kWh].

    While a vehicle discharges it feeds them first: the meter at its plug sees the difference.
    """
    total = 0.0
    taken, given, lost = registers
    for i in range(auxiliary.size):
        if auxiliary[i] <= 0.0:
            continue
        drawn = auxiliary[i] * h
        own = min(given[i] - given_before[i], drawn)
        given[i] -= own
        taken[i] += drawn - own
        lost[i] += drawn
        total += drawn
    return total
