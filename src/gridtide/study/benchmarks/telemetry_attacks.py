"""Attacks on synthetic telemetry: what a forger would report in place of what is true.

Each attack takes a day of true reports and gives the forged ones. ``since`` (vehicles, minutes)
is the number of minutes since the attack began, negative before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gridtide.battery import CIRCUITS, Nameplate, Telemetry

Floats = npt.NDArray[np.float64]
Forge = Callable[[Telemetry, Floats, float, Nameplate], Telemetry]

# What comes from the vehicle or its pack; the plug's meter is the station's own.
FROM_THE_VEHICLE = ("soc", "power_dc_kw", "voltage_v", "current_a", "temperature_c")


@dataclass(frozen=True, slots=True)
class Attack:
    """A kind of forgery and the magnitudes it is tried at."""

    name: str
    unit: str
    magnitudes: tuple[float, ...]
    forge: Forge
    whole_fleet: bool = False
    """Half of the fleet at one instant; else every vehicle at its own."""


def _soc_bias(t: Telemetry, since: Floats, size: float, _: Nameplate) -> Telemetry:
    return replace(t, soc=np.where(since >= 0, np.clip(t.soc + size, 0.0, 1.0), t.soc))


def _soc_ramp(t: Telemetry, since: Floats, size: float, _: Nameplate) -> Telemetry:
    drift = np.clip(size * np.maximum(since, 0.0) / 60.0, -0.3, 0.3)
    return replace(t, soc=np.clip(t.soc + drift, 0.0, 1.0))


def _voltage_bias(t: Telemetry, since: Floats, size: float, plate: Nameplate) -> Telemetry:
    more = size * plate.cells_in_series[:, None]
    return replace(t, voltage_v=np.where(since >= 0, t.voltage_v + more, t.voltage_v))


def _current_bias(t: Telemetry, since: Floats, size: float, _: Nameplate) -> Telemetry:
    return replace(t, current_a=np.where(since >= 0, t.current_a + size, t.current_a))


def _less_energy(t: Telemetry, since: Floats, size: float, _: Nameplate) -> Telemetry:
    """Power at the plug and registers are understated by a share."""

    def less(register: Floats) -> Floats:
        at_start = np.where((since <= 0) & ~np.isnan(register), register, -np.inf)
        start = at_start.max(axis=1, keepdims=True)
        lowest = np.where(np.isnan(register), np.inf, register).min(axis=1, keepdims=True)
        from_here = np.where(np.isfinite(start), start, lowest)
        hidden = np.where(since >= 0, (register - from_here) * size, 0.0)
        return np.round(register - hidden, 3)

    power = np.where(since >= 0, t.power_ac_kw * (1.0 - size), t.power_ac_kw)
    # Only within a day: what was hidden comes back between two stays, where nobody compares.
    return replace(
        t,
        power_ac_kw=power,
        energy_in_kwh=less(t.energy_in_kwh),
        energy_out_kwh=less(t.energy_out_kwh),
    )


def _replay(t: Telemetry, since: Floats, size: float, _: Nameplate) -> Telemetry:
    """Report again and again what was reported some hours ago; the meter goes on."""
    period = round(60 * size)
    minute = np.broadcast_to(np.arange(since.shape[1]), since.shape)
    back = np.where(since >= 0, (since // period + 1) * period, 0).astype(np.int64)
    at = minute - back
    usable = (at >= 0) & (np.take_along_axis(t.session, np.maximum(at, 0), axis=1) >= 0)
    at = np.where(usable, at, minute)
    changed = {name: np.take_along_axis(getattr(t, name), at, axis=1) for name in FROM_THE_VEHICLE}
    return replace(t, **changed)


def _freeze(t: Telemetry, since: Floats, _: float, __: Nameplate) -> Telemetry:
    """Report what was reported when the attack began; the meter goes on."""
    minute = np.broadcast_to(np.arange(since.shape[1]), since.shape)
    at = np.where(since >= 0, np.maximum(minute - since, 0), minute).astype(np.int64)
    at = np.where(np.take_along_axis(t.session, at, axis=1) >= 0, at, minute)
    changed = {name: np.take_along_axis(getattr(t, name), at, axis=1) for name in FROM_THE_VEHICLE}
    return replace(t, **changed)


def _swap(t: Telemetry, since: Floats, _: float, __: Nameplate) -> Telemetry:
    """Neighbours' reports change places; where the neighbour is away the own ones stay."""
    n = since.shape[0]
    other = np.minimum(np.arange(n) ^ 1, n - 1)
    there = (since >= 0) & (t.session[other] >= 0)
    changed = {
        name: np.where(there, getattr(t, name)[other], getattr(t, name))
        for name in FROM_THE_VEHICLE
    }
    return replace(t, **changed)


def _fitting_drift(t: Telemetry, since: Floats, size: float, plate: Nameplate) -> Telemetry:
    """SOC drifts; voltage and power at the pack are forged so that they fit the drifted SOC."""
    forged = _soc_ramp(t, since, size, plate)
    circuit = CIRCUITS[plate.chemistry[0]]

    def ocv(soc: Floats) -> Floats:
        volts: Floats = np.interp(soc, circuit.soc, circuit.ocv_v)
        return volts

    more = plate.cells_in_series[:, None] * (ocv(forged.soc) - ocv(t.soc))
    volts = t.voltage_v + more
    power = np.round(t.power_dc_kw * volts / t.voltage_v, 2)
    return replace(forged, voltage_v=np.round(volts, 1), power_dc_kw=power)


def _other_capacity(t: Telemetry, since: Floats, size: float, _: Nameplate) -> Telemetry:
    """SOC moves less than it does, by a share, within each stay."""
    live = np.where((t.session >= 0) & (since >= 0), t.soc, np.nan)
    first = np.argmax(~np.isnan(live), axis=1)
    begin = np.take_along_axis(t.soc, first[:, None], axis=1)
    return replace(t, soc=np.where(since >= 0, begin + (t.soc - begin) * (1.0 - size), t.soc))


ATTACKS = (
    Attack("SOC bias", "SOC", (0.01, 0.02, 0.05, 0.1), _soc_bias),
    Attack("SOC ramp", "SOC/h", (0.005, 0.01, 0.03, 0.1), _soc_ramp),
    Attack("voltage bias", "V/cell", (0.02, 0.05, 0.1, 0.2), _voltage_bias),
    Attack("current bias", "A", (0.5, 2.0, 5.0, 10.0), _current_bias),
    Attack("energy understated", "share", (0.02, 0.05, 0.1, 0.2), _less_energy),
    Attack("replay", "h", (0.5, 1.0, 2.0), _replay),
    Attack("freeze", "-", (1.0,), _freeze),
    Attack("swap", "-", (1.0,), _swap),
    Attack("capacity", "share", (0.05, 0.1, 0.2), _other_capacity),
    Attack("fitting drift", "SOC/h", (0.0025, 0.005, 0.01, 0.03, 0.1), _fitting_drift),
    Attack("coordinated bias", "SOC", (0.005, 0.01, 0.015, 0.02), _soc_bias, True),
    Attack("coordinated drift", "SOC/h", (0.0025, 0.005, 0.01, 0.03), _fitting_drift, True),
)
