"""Which setpoints changed, found in one compiled pass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

CHANGE_KW = 1e-6


@njit(cache=True, error_model="numpy")
def note_changes(
    power: npt.NDArray[np.float64],
    reason: npt.NDArray[np.uint8],
    session: npt.NDArray[np.int64],
    last_power: npt.NDArray[np.float64],
    last_reason: npt.NDArray[np.uint8],
    last_session: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return where power, reason or session differ from the last ones, and move those on."""
    at = np.empty(power.size, dtype=np.int64)
    count = 0
    for i in range(power.size):
        if (
            abs(power[i] - last_power[i]) > CHANGE_KW
            or reason[i] != last_reason[i]
            or session[i] != last_session[i]
        ):
            at[count] = i
            count += 1
            last_power[i] = power[i]
            last_reason[i] = reason[i]
            last_session[i] = session[i]
    return at[:count].copy()
