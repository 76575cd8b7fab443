"""Doubts about the data of simulated vehicles: telemetry as it would be reported, and a detector.

The plant asks for doubts at every observation and puts them into its image; what a doubt leads
to is decided in :mod:`gridtide.control`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gridtide.battery import Detector, Nameplate, Telemetry
from gridtide.control import Plugs
from gridtide.sim._kernel_plugs import Registers
from gridtide.sim.world import World

Bools = npt.NDArray[np.bool_]
Doubts = Callable[[float, Plugs, Registers], Bools]
"""Asked with the time [s], what is plugged in, and the registers; answers one flag per charger."""
Forge = Callable[[Telemetry], Telemetry]


class TelemetryDoubts:
    """Lets a detector watch the simulated fleet.

    Reported are time, session, state of charge and the registers of the charger; a simulated
    plant has no voltage, so checks that need one say that they did not run.

    Parameters
    ----------
    world
        What is simulated.
    detector
        Of as many vehicles as the world has; see :func:`nameplate_of`.
    forge
        Changes what is reported before the detector sees it, as an attacker would. The plant
        itself goes on with what is true.
    """

    def __init__(self, world: World, detector: Detector, forge: Forge | None = None) -> None:
        self._vehicle = world.sessions.vehicle
        self._capacity = world.vehicles.capacity_kwh
        self.detector = detector
        self._forge = forge

    def __call__(self, time_s: float, plugs: Plugs, registers: Registers) -> Bools:
        """Report, let the detector see it, and return its doubts, shape (chargers,)."""
        at = np.flatnonzero(plugs.session >= 0)
        vehicle = self._vehicle[plugs.session[at]]
        n = self._capacity.size

        def of_vehicles(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
            column = np.full(n, np.nan)
            column[vehicle] = values
            return column

        session = np.full(n, -1)
        session[vehicle] = plugs.session[at]
        telemetry = Telemetry.of(
            of_vehicles(time_s),
            session,
            soc=of_vehicles(plugs.energy_kwh[at] / self._capacity[vehicle]),
            energy_in_kwh=of_vehicles(registers.taken[at]),
            energy_out_kwh=of_vehicles(registers.given[at]),
        )
        self.detector.see(self._forge(telemetry) if self._forge else telemetry)
        doubts = np.zeros(plugs.session.size, dtype=np.bool_)
        doubts[at] = self.detector.in_doubt[vehicle]
        return doubts


def nameplate_of(world: World) -> Nameplate:
    """Gather what is declared of the vehicles of a world.

    Power is the most that any charger they visit allows; the loss law is that of the charger of
    their last session.
    """
    sessions, chargers, vehicles = world.sessions, world.chargers, world.vehicles
    n = vehicles.capacity_kwh.size
    charge, discharge = np.zeros(n), np.zeros(n)
    np.maximum.at(charge, sessions.vehicle, chargers.max_charge_kw[sessions.charger])
    np.maximum.at(discharge, sessions.vehicle, chargers.max_discharge_kw[sessions.charger])
    law = np.zeros((n, 3))
    law[sessions.vehicle] = chargers.charge_loss[sessions.charger]
    return Nameplate.of(
        vehicles.capacity_kwh,
        max_charge_kw=np.minimum(charge, vehicles.max_charge_kw),
        max_discharge_kw=np.minimum(discharge, vehicles.max_discharge_kw),
        chemistry=vehicles.chemistry,
        loss_law=law,
    )
