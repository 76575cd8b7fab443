"""One day of synthetic battery telemetry for one vehicle after another, compiled."""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Packs(NamedTuple):
    """What the synthetic vehicles really are; arrays of shape (vehicles,)."""

    capacity_kwh: Floats
    series: Floats
    power_kw: Floats
    growth: Floats
    ocv_offset_v: Floats
    tau_s: Floats
    loss_kw: Floats
    loss_share: Floats
    current_gain: Floats
    power_gain: Floats
    soc_step: Floats
    soc_lag: Ints
    by_charge: npt.NDArray[np.bool_]
    target: Floats
    air_c: Floats


class Stay(NamedTuple):
    """The stay of each vehicle on one day; ``set_kw`` has the shape (vehicles, quarter hours)."""

    arrive: Ints
    leave: Ints
    warms_up: npt.NDArray[np.bool_]
    set_kw: Floats


class Carried(NamedTuple):
    """What goes on from day to day; arrays of shape (vehicles,)."""

    charge: Floats
    drop_v: Floats
    temp_c: Floats
    bias: Floats
    in_kwh: Floats
    out_kwh: Floats


@njit(cache=True, error_model="numpy")
def live_a_day(
    packs: Packs,
    stay: Stay,
    carried: Carried,
    grid_ocv: Floats,
    grid_energy: Floats,
    grid_r0: Floats,
    grid_r1: Floats,
    activation_k: float,
    noise: Floats,
    out: Floats,
) -> None:
    """Simulate a day in minutes from noon.

    ``grid_ocv``, ``grid_energy``, ``grid_r0`` and ``grid_r1`` hold voltage, share of energy
    and resistances of 1 Ah over charge, at equal steps. ``noise`` (vehicles, minutes, 6) is
    standard normal. ``out`` (11, vehicles, minutes) receives SOC, plug kW, pack kW,
    pack V, pack A, pack °C, air °C, both registers, and the limits that the vehicle declares;
    minutes before arrival and after departure stay NaN.
    """
    n, minutes = out.shape[1], out.shape[2]
    last = grid_ocv.size - 1
    h = 1.0 / 60.0
    for i in range(n):
        capacity, series, power = packs.capacity_kwh[i], packs.series[i], packs.power_kw[i]
        ah = capacity * 1000.0 / (series * grid_ocv.mean())
        e = exp(-60.0 / packs.tau_s[i])
        store = 0.0017 * capacity
        s, drop, temp = carried.charge[i], carried.drop_v[i], carried.temp_c[i]
        bias = carried.bias[i]
        for k in range(minutes):
            bias = bias * 0.9972 + 0.008 * 0.0748 * noise[i, k, 0]
            air = packs.air_c[i] + 5.0 * np.sin(2.0 * np.pi * (k / minutes + 0.05))
            if k < stay.arrive[i] or k >= stay.leave[i]:
                temp += 0.02 * (air - temp) * h / store
                drop *= e
                continue
            place = min(max(s, 0.0), 1.0) * last
            low = min(int(place), last - 1)
            part = place - low
            ocv = grid_ocv[low] + part * (grid_ocv[low + 1] - grid_ocv[low])
            by_energy = grid_energy[low] + part * (grid_energy[low + 1] - grid_energy[low])
            P = stay.set_kw[i, k // 15]
            if (P > 0.0 and s >= packs.target[i]) or (P < 0.0 and s <= 0.3):
                P = 0.0
            cold = min(max((temp + 5.0) / 15.0, 0.2), 1.0)
            limit = power * min(max(1.0 - 3.0 * (s - 0.8), 0.3), 1.0) * cold
            P = min(P, limit)
            if abs(P) < 1.4:
                P = 0.0
            extra = 2.0 if stay.warms_up[i] and k >= stay.leave[i] - 12 else 0.0
            loss = packs.loss_kw[i] + packs.loss_share[i] * abs(P) if P != 0.0 else 0.0
            cells = P - loss
            cell_ocv = ocv + packs.ocv_offset_v[i]
            factor = packs.growth[i] * exp(activation_k * (1.0 / (temp + 273.15) - 1.0 / 298.15))
            r0 = (grid_r0[low] + part * (grid_r0[low + 1] - grid_r0[low])) / ah * factor
            r1 = (grid_r1[low] + part * (grid_r1[low + 1] - grid_r1[low])) / ah * factor
            root = (cell_ocv + drop) ** 2 + 4.0 * r0 * cells * 1000.0 / series
            amp = (np.sqrt(root) - cell_ocv - drop) / (2.0 * r0)
            drop = drop * e + r1 * amp * (1.0 - e)
            volt = series * (cell_ocv + amp * r0 + drop)
            s += amp * h / ah
            heat = abs(loss) * 0.4 + series * amp * amp * (r0 + r1) / 1000.0
            heat += 3.0 if temp < 5.0 and P > 0.0 else 0.0
            temp += (heat + 0.02 * (air - temp)) * h / store
            plug = min(P + extra, power) if P >= 0.0 else P + extra
            carried.in_kwh[i] += max(plug, 0.0) * h
            carried.out_kwh[i] += max(-plug, 0.0) * h
            told = (s if packs.by_charge[i] else by_energy) + bias
            out[0, i, k] = min(max(told, 0.0), 1.0)
            out[1, i, k] = plug * packs.power_gain[i] + 0.005 * noise[i, k, 1]
            out[4, i, k] = amp * packs.current_gain[i] + 0.01 * noise[i, k, 2]
            out[3, i, k] = volt + 0.003 * series * noise[i, k, 3]
            out[2, i, k] = out[3, i, k] * out[4, i, k] / 1000.0 + 0.01 * noise[i, k, 4]
            out[5, i, k] = temp + 0.1 * noise[i, k, 5]
            out[6, i, k] = air
            out[7, i, k], out[8, i, k] = carried.in_kwh[i], carried.out_kwh[i]
            out[9, i, k] = limit
            out[10, i, k] = power * min(max((s - 0.1) / 0.1, 0.0), 1.0)
        carried.charge[i], carried.drop_v[i], carried.temp_c[i] = s, drop, temp
        carried.bias[i] = bias
