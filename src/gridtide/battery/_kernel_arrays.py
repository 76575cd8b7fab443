"""The loss law over arrays, compiled from the same scalar functions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery._kernel_pack import (
    cells_charging,
    cells_discharging,
    plug_charging,
    plug_discharging,
)

Floats = npt.NDArray[np.float64]


@njit(cache=True)
def cells_each(power: Floats, law: Floats, out: Floats) -> None:
    """Fill ``out`` with the power at the cells for every power at the plug."""
    for i in range(power.size):
        a, b, c = law[i]
        if power[i] >= 0.0:
            out[i] = cells_charging(power[i], a, b, c)
        else:
            out[i] = -cells_discharging(-power[i], a, b, c)


@njit(cache=True)
def plug_each(cells: Floats, law: Floats, out: Floats) -> None:
    """Fill ``out`` with the power at the plug for every power at the cells."""
    for i in range(cells.size):
        a, b, c = law[i]
        if cells[i] >= 0.0:
            out[i] = plug_charging(cells[i], a, b, c)
        else:
            out[i] = -plug_discharging(-cells[i], a, b, c)
