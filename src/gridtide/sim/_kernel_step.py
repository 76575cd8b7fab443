"""One control step of all plugs at once, compiled: physics, registers, net power by limit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery import charge_step, discharge_step

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True, error_model="numpy")
def step_all(
    h: float,
    power: Floats,
    stop: Floats,
    energy: Floats,
    low: Floats,
    full: Floats,
    knee: Floats,
    beta: Floats,
    dc_full: Floats,
    law: npt.NDArray[np.int16],
    table: Floats,
    limit: Ints,
    share: Floats,
    phases: bool,
    taken: Floats,
    given: Floats,
    lost: Floats,
    net_kwh: Floats,
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
        k = law[i]
        before = energy[i]
        if P > 0.0:
            a, b, c = table[k, 0], table[k, 1], table[k, 2]
            end = min(stop[i], full[i])
            stored = (P - a - b * P - c * P * P) * h
            plug = P * h
            if stored > 0.0 and before + stored <= min(end, knee[i]):
                e = before + stored  # the usual case of charge_step
                loss = (a + b * P + c * P * P) * h
            else:
                e, plug, loss = charge_step(
                    P, h, before, end, knee[i], beta[i], dc_full[i], a, b, c
                )
            taken[i] += plug
        else:
            e, plug, loss = discharge_step(
                -P, h, before, low[i], table[k, 3], table[k, 4], table[k, 5]
            )
            given[i] += plug
            plug = -plug
        energy[i] = e
        lost[i] += loss
        node = limit[i]
        net_kwh[node, 0] += plug
        if phases:
            for j in range(3):
                net_kwh[node, j + 1] += plug * share[i, j]


@njit(cache=True, error_model="numpy")
def reach_each(
    h: Floats,
    power: Floats,
    energy: Floats,
    stop: Floats,
    knee: Floats,
    beta: Floats,
    dc_full: Floats,
    law: npt.NDArray[np.int16],
    table: Floats,
) -> Floats:
    """Energy that full power from arrival would have stored by departure [kWh]."""
    out = np.empty(h.size)
    for i in range(h.size):
        row = table[law[i]]
        out[i], _, _ = charge_step(
            power[i],
            h[i],
            energy[i],
            stop[i],
            knee[i],
            beta[i],
            dc_full[i],
            row[0],
            row[1],
            row[2],
        )
    return out


@njit(cache=True, error_model="numpy")
def read_registers(
    which: Ints, taken: Floats, given: Floats, in_wh: Ints, out_wh: Ints, rounding_wh: float
) -> tuple[Ints, Ints]:
    """Whole Wh since the last reading of some chargers; the readings are moved on."""
    import_wh = np.empty(which.size, dtype=np.int64)
    export_wh = np.empty(which.size, dtype=np.int64)
    for k in range(which.size):
        i = which[k]
        now_in = np.int64(taken[i] * 1000.0 + rounding_wh)
        now_out = np.int64(given[i] * 1000.0 + rounding_wh)
        import_wh[k] = now_in - in_wh[i]
        export_wh[k] = now_out - out_wh[i]
        in_wh[i] = now_in
        out_wh[i] = now_out
    return import_wh, export_wh
