"""What the simulated plant is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.battery import Envelope, Thermal
from gridtide.core import TimeGrid
from gridtide.fleet import Chargers, LimitTree, Sessions, Vehicles

Floats = npt.NDArray[np.float64]

METER_INTERVAL_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Vehicles, chargers, sessions, limits, and what happens around them.

    Parameters
    ----------
    grid
        Control steps of the run.
    vehicles, chargers, sessions, limits
        The fleet; sessions are sorted by arrival.
    building_kw, pv_kw
        Base load and PV production behind each limit's meter [kW], both >= 0,
        shape (steps, limits).
    import_kw, export_kw
        Limits in force [kW], ``inf`` where unlimited, shape (steps, limits).
    billing_period
        Running number of the billing period of each step, shape (steps,).
    peak_so_far_kw
        Peak already set at each limit's meter when the run begins [kW], shape (limits,).
    ambient_c
        Temperature of the air around vehicles [°C], shape (steps,); None: not modelled.
    thermal
        How packs warm and cool; None: their temperature is not modelled.
    envelope
        Limits of the batteries themselves; None for none.
    """

    grid: TimeGrid
    vehicles: Vehicles
    chargers: Chargers
    sessions: Sessions
    limits: LimitTree
    building_kw: Floats
    pv_kw: Floats
    import_kw: Floats
    export_kw: Floats
    billing_period: npt.NDArray[np.int64]
    peak_so_far_kw: Floats
    ambient_c: Floats | None = None
    thermal: Thermal | None = None
    envelope: Envelope | None = None

    @property
    def models_temperature(self) -> bool:
        """Whether packs have a temperature."""
        return self.ambient_c is not None and self.thermal is not None

    @property
    def meter_interval_s(self) -> int:
        """Length of a meter interval: 15 min, or a control step where that is longer [s]."""
        return max(METER_INTERVAL_S, self.grid.step_s)
