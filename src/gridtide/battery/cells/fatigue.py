"""Fatigue of days from the rainflow cycles of a series that repeats."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_rainflow import Closed, Stack
from gridtide.battery.cells._kernel_fatigue import add_fatigue

Floats = npt.NDArray[np.float64]


def fatigue_of_days(
    soc: npt.NDArray[np.floating], temperature_c: npt.NDArray[np.floating], nodes_per_day: int
) -> Floats:
    """Stress of the cycles that end on each day, shape (vehicles, days).

    Parameters
    ----------
    soc, temperature_c
        Shapes (vehicles, points) and (vehicles or 1, points).
    nodes_per_day
        Points in a day.
    """
    vehicles, points = soc.shape
    fatigue = np.zeros((vehicles, -(-points // nodes_per_day)))
    room = points + 3
    add_fatigue(soc, temperature_c, nodes_per_day, Stack.of(room), Closed.of(room), fatigue)
    return fatigue
