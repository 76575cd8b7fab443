"""Compiled narrowing: battery, then promise, then minimum current, for each charger.

Every function takes the power wished so far and returns it narrowed, with the reason.
"""

from __future__ import annotations

from math import floor, isnan

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery import (
    cells_charging,
    cells_discharging,
    charge_step,
    energy_needed,
    plug_charging,
    plug_discharging,
)
from gridtide.core import Reason

Floats = npt.NDArray[np.float64]

NOT_CONNECTED = int(Reason.NOT_CONNECTED)
TARGET_REACHED = int(Reason.TARGET_REACHED)
PROMISE = int(Reason.PROMISE)
DEPARTURE_UNKNOWN = int(Reason.DEPARTURE_UNKNOWN)
NOT_BIDIRECTIONAL = int(Reason.NOT_BIDIRECTIONAL)
FLOOR_REACHED = int(Reason.FLOOR_REACHED)
BATTERY_FULL = int(Reason.BATTERY_FULL)
BATTERY_PACE = int(Reason.BATTERY_PACE)
MINIMUM_CURRENT = int(Reason.MINIMUM_CURRENT)
OPTED_OUT = int(Reason.OPTED_OUT)
DATA_IN_DOUBT = int(Reason.DATA_IN_DOUBT)

GOLDEN = 0.6180339887498949
SMALL_KW = 1e-9


@njit(cache=True)
def _within_battery(
    P: float, reason: int, e: float, low: float, stop: float, full: float,
    max_charge: float, max_discharge: float, doubt: bool, h: float,
    a: float, b: float, c: float,
) -> tuple[float, int]:
    """Keep the power within charger, vehicle and store; discharge only what h hours can give."""
    if P > 0.0:
        if e >= stop:
            return 0.0, BATTERY_FULL if stop >= full else TARGET_REACHED
        return min(P, max_charge), reason
    if P == 0.0:
        return 0.0, reason
    if max_discharge <= 0.0:
        return 0.0, NOT_BIDIRECTIONAL
    if doubt:
        return 0.0, DATA_IN_DOUBT
    if e <= low:
        return 0.0, FLOOR_REACHED
    D = min(-P, max_discharge)
    if cells_discharging(D, a, b, c) * h <= e - low:
        return -D, reason
    return -plug_discharging((e - low) / h, a, b, c), FLOOR_REACHED


@njit(cache=True)
def _keep_promise(
    P: float, reason: int, e: float, least: float, knee: float, h: float, max_charge: float,
    min_power: float, charge: tuple[float, float, float], discharge: tuple[float, float, float],
) -> tuple[float, int]:
    """Raise the power until the battery holds ``least`` after h hours."""
    if P >= 0.0:
        gain = cells_charging(P, *charge)
    else:
        gain = -cells_discharging(-P, *discharge)
    if e + gain * h >= least - 1e-9:
        return P, reason
    needed = (least - e) / h
    if needed < 0.0:
        return -plug_discharging(-needed, *discharge), PROMISE
    if least > knee:  # the battery slows down within the step: only full power is sure
        return max_charge, PROMISE
    raised = min(max(plug_charging(needed, *charge), min_power), max_charge)
    return max(P, raised), PROMISE


@njit(cache=True)
def _above_minimum(P: float, reason: int, least: float, step: int, i: int) -> tuple[float, int]:
    """Below the minimum current switch on and off so that the mean follows the wish."""
    if P == 0.0 or abs(P) >= least - SMALL_KW:
        return P, reason
    if P < 0.0:
        return 0.0, MINIMUM_CURRENT
    share = P / least
    phase = (i * GOLDEN) % 1.0
    on = floor((step + 1) * share + phase) > floor(step * share + phase)
    return (least if on else 0.0), MINIMUM_CURRENT


@njit(cache=True)
def narrow_each(
    now: float, until: float, step: int,
    session: npt.NDArray[np.int64], departure: Floats, energy: Floats, low: Floats, full: Floats,
    target: Floats, max_charge: Floats, max_discharge: Floats, knee: Floats, beta: Floats,
    dc_full: Floats, participates: npt.NDArray[np.bool_], doubt: npt.NDArray[np.bool_],
    min_power: Floats, power_step: Floats, law: npt.NDArray[np.int16], table: Floats,
    power: Floats, stop: Floats, reason: npt.NDArray[np.uint8], sure: Floats,
) -> None:
    """Narrow ``power``, ``stop`` and ``reason`` in place; they hold the wish on entry.

    ``sure`` receives the mean power that will surely flow: less than ``power`` where the
    battery fills up or slows down within the step.
    """
    h = (until - now) / 3600.0
    for i in range(power.size):
        if session[i] < 0:
            power[i] = 0.0
            sure[i] = 0.0
            reason[i] = NOT_CONNECTED
            continue
        row = table[law[i]]
        charge = (row[0], row[1], row[2])
        discharge = (row[3], row[4], row[5])
        e = energy[i]
        end = min(stop[i], full[i])
        P, why = _within_battery(
            power[i], reason[i], e, low[i], end, full[i], max_charge[i], max_discharge[i],
            doubt[i], h, discharge[0], discharge[1], discharge[2],
        )
        left = (departure[i] - now) / 3600.0
        if isnan(left) or isnan(target[i]) or left <= 0.0 or not participates[i]:
            goal = full[i] if isnan(target[i]) else min(target[i], full[i])
            end = goal
            P = max_charge[i] if e < goal else 0.0
            why = TARGET_REACHED if e >= goal else DEPARTURE_UNKNOWN
            if e < goal and not participates[i]:
                why = OPTED_OUT
        else:
            least = energy_needed(
                min(target[i], full[i]), left - h, knee[i], beta[i], dc_full[i]
            )
            P, why = _keep_promise(
                P, why, e, least, knee[i], h, max_charge[i], min_power[i], charge, discharge
            )
            if why == PROMISE:
                end = min(max(end, target[i]), full[i])
        P, why = _above_minimum(P, why, min_power[i], step, i)
        if P > 0.0 and e > knee[i]:
            pace = plug_charging(dc_full[i] - beta[i] * (e - knee[i]), *charge)
            if P > pace:
                P = pace
                why = BATTERY_PACE
        if power_step[i] > 0.0:
            units = floor(abs(P) / power_step[i] + 1e-9)
            P = units * power_step[i] if P > 0.0 else -units * power_step[i]
        power[i] = P
        stop[i] = end
        reason[i] = why
        sure[i] = P
        if P > 0.0 and e + P * h > min(end, knee[i]):
            _, plug, _ = charge_step(P, h, e, end, knee[i], beta[i], dc_full[i], *charge)
            sure[i] = plug / h
