"""The swing of a whole system's frequency, in steps of some milliseconds."""

from __future__ import annotations

from math import floor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]


class Reserve(NamedTuple):
    """Power that answers the deviation of the frequency, as compiled code takes it.

    ``power`` [MW] at ``full_hz``, none within ``deadband_hz``; seen through a mean over
    ``window_s``, ``delay_s`` late, through a first-order lag ``lag_s`` and at most ``rate_mw_s``.
    ``stairs`` levels of the droop, 0 for a smooth one. ``energy_mws``: so much can be given.
    """

    power: float
    deadband_hz: float
    full_hz: float
    window_s: float
    delay_s: float
    lag_s: float
    rate_mw_s: float
    stairs: float
    energy_mws: float


@njit(cache=True, error_model="numpy", inline="always")
def asked(deviation: float, reserve: Reserve) -> float:
    """Power that the droop asks for at a deviation below nominal [MW]."""
    size = abs(deviation)
    if size <= reserve.deadband_hz:
        return 0.0
    share = min((size - reserve.deadband_hz) / (reserve.full_hz - reserve.deadband_hz), 1.0)
    if reserve.stairs > 0.0:
        share = floor(share * reserve.stairs + 1e-9) / reserve.stairs
    power = reserve.power * share
    return power if deviation > 0.0 else -power


@njit(cache=True, error_model="numpy")
def swing(
    steps: int,
    h: float,
    nominal_hz: float,
    stored_mws: float,
    damping_mw_hz: float,
    loss_mw: Floats,
    primary: Reserve,
    fleet: Reserve,
) -> tuple[Floats, Floats, Floats]:
    """Return frequency [Hz] and the power of both reserves [MW], shape (steps + 1,) each.

    ``loss_mw`` (steps,) is what generation is missing in each step. The frequency is taken at the
    end of each step with the powers at its end (semi-implicit).
    """
    frequency, first, second = np.empty(steps + 1), np.zeros(steps + 1), np.zeros(steps + 1)
    frequency[0] = nominal_hz
    given = 0.0
    for k in range(steps):
        first[k + 1] = _follow(k, h, nominal_hz, frequency, first[k], primary)
        wanted = _follow(k, h, nominal_hz, frequency, second[k], fleet)
        if wanted > 0.0 and given + wanted * h > fleet.energy_mws:
            wanted = max(fleet.energy_mws - given, 0.0) / h
        given += wanted * h
        second[k + 1] = wanted
        push = first[k + 1] + second[k + 1] - loss_mw[k]
        rate = nominal_hz / (2.0 * stored_mws)
        off = frequency[k] - nominal_hz
        frequency[k + 1] = nominal_hz + (off + h * rate * push) / (1.0 + h * rate * damping_mw_hz)
    return frequency, first, second


@njit(cache=True, error_model="numpy")
def _follow(
    k: int, h: float, nominal_hz: float, frequency: Floats, power: float, reserve: Reserve
) -> float:
    """Power at the end of step k of a reserve that is at ``power`` [MW]."""
    if reserve.power == 0.0:
        return 0.0
    newest = k - round(reserve.delay_s / h)
    if newest < 0:
        return power
    oldest = max(newest - round(reserve.window_s / h), 0)
    total = 0.0
    for j in range(oldest, newest + 1):
        total += nominal_hz - frequency[j]
    goal = asked(total / (newest - oldest + 1), reserve)
    part = h / (reserve.lag_s + h) if reserve.lag_s > 0.0 else 1.0
    change = part * (goal - power)
    most = reserve.rate_mw_s * h
    there: float = power + min(max(change, -most), most)
    return there


@njit(cache=True, error_model="numpy")
def two_areas(
    steps: int,
    h: float,
    Kp: float,
    Tp: float,
    Tt: float,
    Tg: float,
    R: float,
    B: float,
    Ki: float,
    tie: float,
    Tev: float,
    gain: Floats,
    delay: int,
    load: Floats,
) -> tuple[Floats, Floats]:
    """Return the deviations of two areas [Hz], (steps + 1, 2), and of the tie [pu], (steps + 1,).

    ``gain`` (2,) of the vehicles' droop [pu/Hz], ``delay`` in steps, ``load`` (2,) the step of
    the load [pu].
    """
    f, p_tie = np.zeros((steps + 1, 2)), np.zeros(steps + 1)
    turbine, valve, set_point, fleet = np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2)
    for k in range(steps):
        for i in range(2):
            out = p_tie[k] if i == 0 else -p_tie[k]
            seen = f[k - delay, i] if k >= delay else 0.0
            push = turbine[i] + fleet[i] - load[i] - out
            f[k + 1, i] = f[k, i] + h * (-f[k, i] + Kp * push) / Tp
            new_turbine = turbine[i] + h * (valve[i] - turbine[i]) / Tt
            valve[i] += h * (set_point[i] - f[k, i] / R - valve[i]) / Tg
            set_point[i] += h * -Ki * (B * f[k, i] + out)
            fleet[i] += h * (-gain[i] * seen - fleet[i]) / Tev
            turbine[i] = new_turbine
        p_tie[k + 1] = p_tie[k] + h * tie * (f[k, 0] - f[k, 1])
    return f, p_tie
