"""One control step of all plugs at once, compiled: physics, registers, net power by limit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery import charge_step, discharge_step

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True)
def step_all(
    h: float, power: Floats, stop: Floats, energy: Floats, low: Floats, full: Floats,
    knee: Floats, beta: Floats, dc_full: Floats, law: npt.NDArray[np.int16], table: Floats,
    limit: Ints, share: Floats, phases: bool,
    taken: Floats, given: Floats, lost: Floats, net_kwh: Floats,
) -> None:
    """Let every setpoint work for h hours.

    ``energy`` [kWh] and the registers at the plug ``taken``, ``given`` and ``lost`` [kWh] are
    updated in place; ``net_kwh`` (limits, 4) receives the net energy right below each limit.
    """
    net_kwh[:] = 0.0
    for i in range(power.size):
        P = power[i]
        if P == 0.0:
            continue
        row = table[law[i]]
        if P > 0.0:
            e, plug, loss = charge_step(
                P, h, energy[i], min(stop[i], full[i]), knee[i], beta[i], dc_full[i],
                row[0], row[1], row[2],
            )
            taken[i] += plug
        else:
            e, plug, loss = discharge_step(-P, h, energy[i], low[i], row[3], row[4], row[5])
            given[i] += plug
            plug = -plug
        energy[i] = e
        lost[i] += loss
        net_kwh[limit[i], 0] += plug
        if phases:
            for k in range(3):
                net_kwh[limit[i], k + 1] += plug * share[i, k]


@njit(cache=True)
def reach_each(
    h: Floats, power: Floats, energy: Floats, stop: Floats, knee: Floats, beta: Floats,
    dc_full: Floats, law: npt.NDArray[np.int16], table: Floats,
) -> Floats:
    """Energy that full power from arrival would have stored by departure [kWh]."""
    out = np.empty(h.size)
    for i in range(h.size):
        row = table[law[i]]
        out[i], _, _ = charge_step(
            power[i], h[i], energy[i], stop[i], knee[i], beta[i], dc_full[i],
            row[0], row[1], row[2],
        )
    return out
