"""The exact distribution of a sum of independent shares, each there or not, on a grid."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@numba.njit(cache=True)
def convolve(cells: Ints, chance: Floats, size: int) -> Floats:
    """Probability of each sum 0..size-1 of ``cells``, each there with its ``chance``."""
    mass = np.zeros(size)
    mass[0] = 1.0
    top = 0
    for i in range(len(cells)):
        width, a = cells[i], chance[i]
        top = min(top + width, size - 1)
        for k in range(top, -1, -1):
            moved = mass[k - width] if k >= width else 0.0
            mass[k] = (1.0 - a) * mass[k] + a * moved
    return mass
