"""Packs beside their energy: temperature, heating and cooling, throughput, direction of power.

Kept only where the world has weather or an envelope. A pack that is not plugged in drifts to the
ambient; the law is linear, so that a pack's distance from the temperature of one that was never
heated decays by itself, whatever the weather does.
"""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery import ThermalLaw, cells_kw, chemistry_codes
from gridtide.control import Image, Plugs, enclose
from gridtide.sim._kernel_packs import (
    PackStates,
    follow_packs,
    meter_conditioning,
    set_conditioning,
)
from gridtide.sim._kernel_plugs import Registers
from gridtide.sim.world import World

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

YEAR_OF_OPERATION_S = 365 * 86_400
_NOTHING = np.zeros(0)
_NO_LAW = ThermalLaw(*(1.0 for _ in ThermalLaw._fields))


class PackKeeper:
    """Keeps what :class:`gridtide.control.Image` tells of packs beside their energy.

    Parameters
    ----------
    world
        With ``ambient_c`` and ``thermal``, or an ``envelope``, or all of them.
    loss_law, loss_table
        As in the image.
    """

    def __init__(self, world: World, loss_law: npt.NDArray[np.int32], loss_table: Floats) -> None:
        self.states = PackStates.of(len(world.chargers))
        self.conditioning_kwh = 0.0
        self._world = world
        self._index, self._table = loss_law, loss_table
        self._thermal = world.models_temperature
        self._law = ThermalLaw.of(world.thermal) if world.thermal is not None else _NO_LAW
        self._conditions = bool(self._thermal and world.thermal and world.thermal.conditions)
        self._some_on = False
        self._energy_before = self._given_before = _NOTHING
        self._enclosed: Image | None = None
        self._time_s = float(world.grid.start_s)
        vehicles = len(world.vehicles)
        self._chemistry = chemistry_codes(world.vehicles.chemistry)
        self._discharged = np.zeros(vehicles)
        self._excess = np.full(vehicles, np.nan)
        self._left_s = np.zeros(vehicles)
        self._year_end_s = world.grid.start_s + YEAR_OF_OPERATION_S
        self._unheated = self._alone() if self._thermal else np.zeros(0)

    @classmethod
    def of(
        cls, world: World, loss_law: npt.NDArray[np.int32], loss_table: Floats
    ) -> PackKeeper | None:
        """Return a keeper for a world that needs one."""
        if world.envelope is None and not world.models_temperature:
            return None
        return cls(world, loss_law, loss_table)

    def plug_in(self, time_s: float, session: Ints) -> None:
        """Give arriving vehicles their temperature and what they have discharged so far."""
        if session.size == 0:
            return
        at = self._world.sessions.charger[session]
        vehicle = self._world.sessions.vehicle[session]
        states = self.states
        states.discharged[at] = self._discharged[vehicle]
        states.direction[at] = 0
        states.since[at] = -np.inf
        states.chemistry[at] = self._chemistry[vehicle]
        if not self._thermal:
            return
        faded = np.exp(-(time_s - self._left_s[vehicle]) / 3600.0 / self._law.tau_h)
        met = self._unheated_at(time_s) + self._excess[vehicle] * faded
        states.temperature[at] = np.where(np.isnan(met), self._ambient_at(time_s), met)

    def unplug(self, time_s: float, at: Ints, vehicle: Ints) -> None:
        """Keep what is known of vehicles that leave."""
        self._discharged[vehicle] = self.states.discharged[at]
        if self._thermal:
            self._excess[vehicle] = self.states.temperature[at] - self._unheated_at(time_s)
            self._left_s[vehicle] = time_s
        self.states.auxiliary[at] = self.states.conditioning[at] = 0.0

    def look(self, time_s: float, until_s: float, plugs: Plugs) -> dict[str, Any]:
        """Set heaters and coolers until ``until_s``; return what the image tells of the packs."""
        if time_s >= self._year_end_s:
            self._discharged[:] = 0.0
            self.states.discharged[:] = 0.0
            self._year_end_s += YEAR_OF_OPERATION_S
        if self._conditions:
            self._some_on = set_conditioning(
                (until_s - time_s) / 3600.0,
                self._ambient_at(time_s),
                plugs,
                self._law,
                self.states,
            )
        states = self.states
        return {
            "temperature_c": states.temperature,
            "discharged_kwh": states.discharged,
            "direction": states.direction,
            "direction_since_s": states.since,
            "chemistry": states.chemistry,
            "auxiliary_kw": states.auxiliary if self._some_on else None,
        }

    def begin(self, image: Image, plugs: Plugs, registers: Registers) -> None:
        """Note how things stand before a step."""
        self._energy_before = plugs.energy_kwh.copy()
        self._given_before = registers.given.copy() if self._some_on else _NOTHING
        self._enclosed = None if image.envelope is None else enclose(image).image
        self._time_s = image.time_s

    def follow(self, h: float, power_kw: Floats, plugs: Plugs, registers: Registers) -> float:
        """Move the packs on by h hours after the plugs were.

        Returns
        -------
        By how much a battery was driven beyond its envelope [kW]; 0 without one.
        """
        over = 0.0
        if self._enclosed is not None:
            over = beyond_envelope_kw(self._enclosed, self._energy_before, plugs.energy_kwh, h)
        follow_packs(
            self._time_s,
            h,
            self._ambient_at(self._time_s) if self._thermal else 0.0,
            power_kw,
            self._energy_before,
            plugs,
            self._index,
            self._table,
            self._thermal,
            self._law,
            self.states,
        )
        if self._some_on:
            drawn = meter_conditioning(h, self._given_before, self.states.auxiliary, registers)
            self.conditioning_kwh += drawn
        return over

    def _ambient_at(self, time_s: float) -> float:
        ambient, grid = self._world.ambient_c, self._world.grid
        assert ambient is not None
        return float(ambient[min(max(grid.step_at(time_s), 0), grid.n - 1)])

    def _alone(self) -> Floats:
        """Temperature at every edge of the run of a pack that is never heated [°C], (n + 1,)."""
        ambient, grid = self._world.ambient_c, self._world.grid
        assert ambient is not None
        kept = exp(-grid.step_h / self._law.tau_h)
        alone = np.empty(grid.n + 1)
        alone[0] = ambient[0] if grid.n else 0.0
        for k in range(grid.n):
            alone[k + 1] = ambient[k] + (alone[k] - ambient[k]) * kept
        return alone

    def _unheated_at(self, time_s: float) -> float:
        grid = self._world.grid
        step = min(max(grid.step_at(time_s), 0), grid.n - 1)
        ambient = self._ambient_at(time_s)
        hours = (time_s - grid.start_s - step * grid.step_s) / 3600.0
        return ambient + float(self._unheated[step] - ambient) * exp(-hours / self._law.tau_h)


def beyond_envelope_kw(enclosed: Image, before_kwh: Floats, after_kwh: Floats, h: float) -> float:
    """Largest mean power at the cells beyond an enclosed image, or past its window [kW].

    Found from the energies in the batteries, not from setpoints.
    """
    mean = np.where(enclosed.connected, after_kwh - before_kwh, 0.0) / h
    charged, given = mean > 0, mean < 0
    table = enclosed.loss_table[enclosed.loss_law]
    stored = cells_kw(enclosed.max_charge_kw, table[:, :3])
    drawn = -cells_kw(-enclosed.max_discharge_kw, table[:, 3:])
    over = np.where(charged, mean - stored, -mean - drawn)
    past = np.where(charged, after_kwh - enclosed.full_kwh, enclosed.floor_kwh - after_kwh) / h
    worst = np.where(charged | given, np.maximum(over, past), 0.0)
    return max(float(worst.max(initial=0.0)), 0.0)
