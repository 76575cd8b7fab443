"""The loss law and the envelope over arrays, compiled from the same scalar functions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery._kernel_envelope import (
    EnvelopeLaw,
    charge_limit_kw,
    discharge_limit_kw,
)
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


@njit(cache=True)
def limits_each(
    temperature: Floats,
    capacity: Floats,
    charge: Floats,
    discharge: Floats,
    law: EnvelopeLaw,
    out: Floats,
    why: npt.NDArray[np.uint8],
) -> None:
    """Fill ``out`` and ``why``, shape (2, n), with limits at the cells and reasons, each way."""
    for i in range(temperature.size):
        T, kwh = temperature[i], capacity[i]
        out[0, i], why[0, i] = charge_limit_kw(charge[i], kwh, T, law)
        out[1, i], why[1, i] = discharge_limit_kw(discharge[i], kwh, T, law)
