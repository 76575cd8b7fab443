"""Compiled fatigue of the LMO model: stress of each rainflow cycle, summed over the days.

Xu, Oudalov, Ulbig, Andersson, Kirschen, IEEE Trans. Smart Grid 2016,
doi:10.1109/TSG.2016.2578950.
"""

from __future__ import annotations

from math import exp

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery._kernel_rainflow import Closed, Stack, count

Floats = npt.NDArray[np.float64]


@njit(cache=True, error_model="numpy")
def cycle_stress(depth: float, mean_soc: float, kelvin: float) -> float:
    """Stress of one full cycle by depth, mean state of charge and temperature [K]."""
    if depth < 1e-9:
        return 0.0
    by_depth = 1.0 / (1.40e5 * depth**-0.501 - 1.23e5)
    by_charge = exp(1.04 * (mean_soc - 0.5))
    stress: float = by_depth * by_charge * exp(0.0693 * (kelvin - 298.15) * 298.15 / kelvin)
    return stress


@njit(cache=True, error_model="numpy")
def add_fatigue(
    soc: npt.NDArray[np.floating],
    temperature_c: npt.NDArray[np.floating],
    nodes_per_day: int,
    stack: Stack,
    out: Closed,
    fatigue: Floats,
) -> None:
    """Add to ``fatigue`` (vehicles, days) the stress of each cycle on the day on which it ends.

    The period repeats, so it is counted from its highest point to the same: every cycle closes.
    A cycle has the mean temperature of its two reversals.
    """
    vehicles, points = soc.shape
    series = np.empty(points + 1)
    for v in range(vehicles):
        row = v if temperature_c.shape[0] > 1 else 0
        top = 0
        for k in range(points):
            if soc[v, k] > soc[v, top]:
                top = k
        for k in range(points + 1):
            series[k] = soc[v, (top + k) % points]
        n = count(series, True, stack, out)
        for c in range(n):
            begin, end = (top + out.i_start[c]) % points, (top + out.i_end[c]) % points
            kelvin = 273.15 + 0.5 * (temperature_c[row, begin] + temperature_c[row, end])
            stress = cycle_stress(out.size[c], out.mean[c], kelvin)
            fatigue[v, end // nodes_per_day] += out.weight[c] * stress
