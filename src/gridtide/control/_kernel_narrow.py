"""Compiled narrowing for each charger: battery, promise, pace, power steps, minimum current.

Only the promise, and the charging of those whose departure is unknown, may raise a power.
"""

from __future__ import annotations

from math import ceil, floor, isnan
from typing import NamedTuple

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
from gridtide.fleet import add_to_limit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

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
PER_HOUR = 1.0 / 3600.0


class Plugs(NamedTuple):
    """What is plugged in, as compiled code takes it: fields of :class:`Image` of the same name."""

    session: Ints
    arrival_s: Floats
    departure_s: Floats
    energy_kwh: Floats
    capacity_kwh: Floats
    floor_kwh: Floats
    full_kwh: Floats
    target_kwh: Floats
    arrival_kwh: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    knee_kwh: Floats
    taper_per_h: Floats
    full_power_dc_kw: Floats
    wear_price_per_kwh: Floats
    participates: Bools

    @classmethod
    def empty(cls, chargers: int) -> Plugs:
        """Nothing plugged in anywhere."""
        floats = {name: np.zeros(chargers) for name in cls._fields[1:-1]}
        session = np.full(chargers, -1, dtype=np.int64)
        return cls(session=session, participates=np.zeros(chargers, dtype=np.bool_), **floats)


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
def whole_steps(P: float, step: float, up: bool) -> float:
    """Round to a multiple of the charger's step: towards zero, or ``up`` away from it."""
    if step <= 0.0:
        return P
    units = ceil(abs(P) / step - 1e-9) if up else floor(abs(P) / step + 1e-9)
    return units * step if P > 0.0 else -units * step


@njit(cache=True, error_model="numpy")
def _narrow_one(
    i: int,
    P: float,
    reason: int,
    e: float,
    end: float,
    left: float,
    h: float,
    step: int,
    low: float,
    full: float,
    target: float,
    max_charge: float,
    max_discharge: float,
    knee: float,
    beta: float,
    dc_full: float,
    participates: bool,
    doubt: bool,
    min_power: float,
    power_step: float,
    k: int,
    table: Floats,
) -> tuple[float, float, int, float]:
    """Narrow the wish for charger ``i``: power, stop, reason, and the power that surely flows."""
    a, b, c = table[k, 0], table[k, 1], table[k, 2]
    da, db, dc = table[k, 3], table[k, 4], table[k, 5]
    P, why = _within_battery(
        P, reason, e, low, end, full, max_charge, max_discharge, doubt, h, da, db, dc
    )
    least = 0.0
    goal = min(target, full)
    # Past the stated departure the driver may come at any time: the target stays aboard.
    overdue = left <= 0.0 and e >= goal - SMALL_KWH
    if (left > 0.0 or overdue) and target >= 0.0 and participates:  # both are known
        until_then = h if overdue else min(h, left)
        then = e
        if P > 0.0:
            then += cells_charging(P, a, b, c) * until_then
        elif P < 0.0:
            then -= cells_discharging(-P, da, db, dc) * until_then
        if min(e, then) < goal or P < 0.0:  # else the promise is kept in any case
            least = energy_needed(goal, left - h, knee, beta, dc_full)
        if then < least - SMALL_KWH:
            needed = (least - e) / until_then
            taper = least > knee
            P = _raise_to(needed, P, taper, max_charge, min_power, a, b, c, da, db, dc)
            why = PROMISE
            end = goal  # the promise itself never charges beyond the target
        elif overdue and P == 0.0:
            why = TARGET_REACHED
    else:
        end = full if isnan(target) else min(target, full)
        P = max_charge if e < end else 0.0
        why = TARGET_REACHED
        if e < end:
            why = DEPARTURE_UNKNOWN if participates else OPTED_OUT
    P = min(whole_steps(P, power_step, why == PROMISE and P > 0.0), max_charge)
    if P > 0.0 and e > knee:
        pace = max(plug_charging(dc_full - beta * (e - knee), a, b, c), min_power)
        if pace < P:  # the battery itself takes no more: rounding down would take from it
            P = min(whole_steps(pace, power_step, True), P)
            why = BATTERY_PACE
    most = max_charge if P > 0.0 else max_discharge
    minimum = min(whole_steps(min_power, power_step, True), most)
    if P != 0.0 and abs(P) < minimum:
        owed = e < least - SMALL_KWH
        can_give = cells_discharging(minimum, da, db, dc) * h <= e - max(low, least)
        P, why = _above_minimum(P, why, minimum, owed, can_give, step, i)
    flow = P
    if P > 0.0 and e + P * h > min(end, knee):
        _, plug, _ = charge_step(P, h, e, end, knee, beta, dc_full, a, b, c)
        flow = plug / h
    return P, end, why, flow


@njit(cache=True, error_model="numpy")
def narrow_each(
    now: float,
    until: float,
    step: int,
    at: npt.NDArray[np.uint64],
    wish_power: Floats,
    wish_stop: Floats,
    wish_reason: npt.NDArray[np.uint8],
    plugs: Plugs,
    doubt: npt.NDArray[np.bool_],
    min_power: Floats,
    power_step: Floats,
    law: npt.NDArray[np.int32],
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
) -> bool:
    """Narrow the wish for the chargers ``at``, those with a vehicle, into ``power``.

    ``stop`` and ``reason`` go with it; other chargers keep what these arrays hold. ``sure``
    receives the mean power that will surely flow: less than ``power`` where the battery fills
    up or slows down within the step. ``net`` and ``net_sure`` receive the sums of both right
    below each limit, shape (limits, 4).

    Most wishes can stand as they are. A few comparisons find those; the rest is narrowed with
    all that it takes, which would come to the same for them.

    Returns
    -------
    bool
        False, with nothing to rely on, where a wish is not a number.
    """
    energy, low, full, target = plugs.energy_kwh, plugs.floor_kwh, plugs.full_kwh, plugs.target_kwh
    max_charge, max_discharge = plugs.max_charge_kw, plugs.max_discharge_kw
    knee, beta, dc_full = plugs.knee_kwh, plugs.taper_per_h, plugs.full_power_dc_kw
    departure, participates = plugs.departure_s, plugs.participates
    h = (until - now) * PER_HOUR
    for i in at:
        P, e, why = wish_power[i], energy[i], int(wish_reason[i])
        if isnan(P) or isnan(wish_stop[i]):
            return False
        end = min(wish_stop[i], full[i])
        left = (departure[i] - now) * PER_HOUR
        k = law[i]
        if P > 0.0:
            then = e + cells_charging(P, table[k, 0], table[k, 1], table[k, 2]) * h
            stands = e + P * h <= min(end, knee[i]) and min_power[i] <= P <= max_charge[i]
        elif P < 0.0:
            then = e - cells_discharging(-P, table[k, 3], table[k, 4], table[k, 5]) * h
            stands = then >= low[i] and min_power[i] <= -P <= max_discharge[i] and not doubt[i]
        else:
            then = e
            stands = True
        # Full power is slowest at the goal: a bound that needs no logarithm.
        goal = min(target[i], full[i])
        slowest = dc_full[i] - beta[i] * max(goal - knee[i], 0.0)
        kept = participates[i] and left >= h and then >= goal - (left - h) * slowest
        flow = P
        if not (stands and kept and power_step[i] == 0.0):
            P, end, why, flow = _narrow_one(
                int(i),
                P,
                why,
                e,
                end,
                left,
                h,
                step,
                low[i],
                full[i],
                target[i],
                max_charge[i],
                max_discharge[i],
                knee[i],
                beta[i],
                dc_full[i],
                participates[i],
                doubt[i],
                min_power[i],
                power_step[i],
                k,
                table,
            )
        power[i] = P
        stop[i] = end
        reason[i] = why
        sure[i] = flow
        add_to_limit(net, limit[i], P, share, i, phases)
        add_to_limit(net_sure, limit[i], flow, share, i, phases)
    return True
