"""Compiled count of the time that a profile spends outside the tested ranges."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery.cells._kernel_stress import REST_C

Floats = npt.NDArray[np.float64]
SLACK = 1e-6


@njit(cache=True, error_model="numpy")
def share_outside(
    soc: npt.NDArray[np.floating],
    temperature_c: npt.NDArray[np.floating],
    nodes_per_day: int,
    step_h: float,
    limits: Floats,
    share: Floats,
) -> None:
    """Fill the first six columns of ``share``; ``limits`` has a row for each of them.

    Columns: storage and cycling temperature, state of charge, depth, rates of charge and
    discharge.
    """
    vehicles, points = soc.shape
    low, high = limits[:, 0] - SLACK, limits[:, 1] + SLACK
    most_up, most_down = high[4] * step_h, high[5] * step_h
    rest = REST_C * step_h
    for v in range(vehicles):
        row = v if temperature_c.shape[0] > 1 else 0
        stored, cycled, levels, depths, up, down = 0, 0, 0, 0, 0, 0
        moving, charging, discharging, days = 0, 0, 0, 0
        first = 0
        while first < points:
            last = min(first + nodes_per_day, points)
            least, most = float(soc[v, first]), float(soc[v, first])
            for k in range(first, last):
                s, T = float(soc[v, k]), float(temperature_c[row, k])
                change = float(soc[v, k + 1 if k + 1 < points else 0]) - s
                least, most = min(least, s), max(most, s)
                stored += low[0] > T or high[0] < T
                levels += s < low[2] or s > high[2]
                if abs(change) >= rest:
                    moving += 1
                    cycled += low[1] > T or high[1] < T
                    if change > 0.0:
                        charging += 1
                        up += change > most_up
                    else:
                        discharging += 1
                        down += -change > most_down
            if most - least >= REST_C:
                days += 1
                depths += most - least < low[3] or most - least > high[3]
            first = last
        share[v, 0] = stored / points
        share[v, 1] = cycled / max(moving, 1)
        share[v, 2] = levels / points
        share[v, 3] = depths / max(days, 1)
        share[v, 4] = up / max(charging, 1)
        share[v, 5] = down / max(discharging, 1)
