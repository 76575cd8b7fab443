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
SMALL_KWH = 1e-9


@njit(cache=True, error_model="numpy")
def _within_battery(
    P: float,
    reason: int,
    e: float,
    low: float,
    stop: float,
    full: float,
    max_charge: float,
    max_discharge: float,
    doubt: bool,
    h: float,
    a: float,
    b: float,
    c: float,
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


@njit(cache=True, error_model="numpy")
def _raise_to(
    needed: float,
    P: float,
    taper: bool,
    max_charge: float,
    min_power: float,
    a: float,
    b: float,
    c: float,
    da: float,
    db: float,
    dc: float,
) -> float:
    """Power at the plug that brings ``needed`` kW to the cells, so that the promise is kept."""
    if needed < 0.0:
        return -float(plug_discharging(-needed, da, db, dc))
    if taper:  # the battery slows down within the step: only full power is sure
        return max_charge
    return max(P, min(max(float(plug_charging(needed, a, b, c)), min_power), max_charge))


@njit(cache=True, error_model="numpy")
def _above_minimum(
    P: float, reason: int, minimum: float, owed: bool, can_give: bool, step: int, i: int
) -> tuple[float, int]:
    """Below the minimum current switch on and off so that the mean follows the wish.

    ``owed`` says that the promise needs charging in this very step, ``can_give`` that floor
    and promise allow discharging at the minimum for the whole step.
    """
    if P == 0.0 or abs(P) >= minimum - SMALL_KW:
        return P, reason
    share = abs(P) / minimum
    phase = (i * GOLDEN) % 1.0
    on = floor((step + 1) * share + phase) > floor(step * share + phase)
    if P < 0.0:
        return (-minimum if on and can_give else 0.0), MINIMUM_CURRENT
    return (minimum if on or owed else 0.0), MINIMUM_CURRENT


@njit(cache=True, error_model="numpy")
def _whole_steps(P: float, step: float) -> float:
    """Round down, towards zero, to a multiple of the charger's step."""
    units = floor(abs(P) / step + 1e-9) * step
    return units if P > 0.0 else -units


@njit(cache=True, error_model="numpy")
def narrow_each(
    now: float,
    until: float,
    step: int,
    at: npt.NDArray[np.int64],
    wish_power: Floats,
    wish_stop: Floats,
    wish_reason: npt.NDArray[np.uint8],
    departure: Floats,
    energy: Floats,
    low: Floats,
    full: Floats,
    target: Floats,
    max_charge: Floats,
    max_discharge: Floats,
    knee: Floats,
    beta: Floats,
    dc_full: Floats,
    participates: npt.NDArray[np.bool_],
    doubt: npt.NDArray[np.bool_],
    min_power: Floats,
    power_step: Floats,
    law: npt.NDArray[np.int16],
    table: Floats,
    limit: npt.NDArray[np.int64],
    share: Floats,
    phases: bool,
    power: Floats,
    stop: Floats,
    reason: npt.NDArray[np.uint8],
    sure: Floats,
    net: Floats,
    net_sure: Floats,
) -> None:
    """Narrow the wish for the chargers ``at``, those with a vehicle, into ``power``.

    ``stop`` and ``reason`` go with it; other chargers keep what these arrays hold. ``sure``
    receives the mean power that will surely flow: less than ``power`` where the battery fills
    up or slows down within the step. ``net`` and ``net_sure`` receive the sums of both right
    below each limit, shape (limits, 4).
    """
    h = (until - now) / 3600.0
    for i in at:
        k = law[i]
        a, b, c = table[k, 0], table[k, 1], table[k, 2]
        da, db, dc = table[k, 3], table[k, 4], table[k, 5]
        e = energy[i]
        end = min(wish_stop[i], full[i])
        P, why = _within_battery(
            wish_power[i],
            wish_reason[i],
            e,
            low[i],
            end,
            full[i],
            max_charge[i],
            max_discharge[i],
            doubt[i],
            h,
            da,
            db,
            dc,
        )
        left = (departure[i] - now) / 3600.0
        least = 0.0
        if left > 0.0 and target[i] >= 0.0 and participates[i]:  # both are known
            goal = min(target[i], full[i])
            until_then = min(h, left)
            then = e
            if P > 0.0:
                then += cells_charging(P, a, b, c) * until_then
            elif P < 0.0:
                then -= cells_discharging(-P, da, db, dc) * until_then
            if min(e, then) < goal or P < 0.0:  # else the promise is kept in any case
                least = goal - max(left - h, 0.0) * dc_full[i]
                if goal > knee[i]:
                    least = energy_needed(goal, left - h, knee[i], beta[i], dc_full[i])
            if then < least - SMALL_KWH:
                P = _raise_to(
                    (least - e) / until_then,
                    P,
                    least > knee[i],
                    max_charge[i],
                    min_power[i],
                    a,
                    b,
                    c,
                    da,
                    db,
                    dc,
                )
                why = PROMISE
                end = goal  # the promise itself never charges beyond the target
        else:
            end = full[i] if isnan(target[i]) else min(target[i], full[i])
            P = max_charge[i] if e < end else 0.0
            why = TARGET_REACHED
            if e < end:
                why = DEPARTURE_UNKNOWN if participates[i] else OPTED_OUT
        if P != 0.0 and abs(P) < min_power[i]:
            spare = e - max(low[i], least)
            P, why = _above_minimum(
                P,
                why,
                min_power[i],
                e < least - SMALL_KWH,
                cells_discharging(min_power[i], da, db, dc) * h <= spare,
                step,
                i,
            )
        flow = P
        if P > 0.0:
            if e > knee[i]:
                pace = plug_charging(dc_full[i] - beta[i] * (e - knee[i]), a, b, c)
                if pace < P:
                    P = pace
                    why = BATTERY_PACE
            flow = P
            if e + P * h > min(end, knee[i]):
                _, plug, _ = charge_step(P, h, e, end, knee[i], beta[i], dc_full[i], a, b, c)
                flow = plug / h
        if power_step[i] > 0.0:
            P = _whole_steps(P, power_step[i])
            flow = min(flow, P)
        power[i] = P
        stop[i] = end
        reason[i] = why
        sure[i] = flow
        node = limit[i]
        net[node, 0] += P
        net_sure[node, 0] += flow
        if phases:
            for j in range(3):
                net[node, j + 1] += P * share[i, j]
                net_sure[node, j + 1] += flow * share[i, j]
