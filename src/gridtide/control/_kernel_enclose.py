"""Compiled narrowing by the battery's own limits, charger by charger, before any wish is read.

What the cells may take is a flat power and, above the knee, a falling line; a lower flat power
meets the same line later.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery import (
    EnvelopeLaw,
    VoltageLaw,
    cells_charging,
    cells_discharging,
    charge_limit_kw,
    discharge_limit_kw,
    energy_needed,
    plug_charging,
    plug_discharging,
    within_voltage,
)
from gridtide.control._kernel_narrow import Plugs, whole_steps
from gridtide.core import Reason
from gridtide.fleet import add_to_limit, up_the_tree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

BATTERY_WINDOW = int(Reason.BATTERY_WINDOW)
BATTERY_VOLTAGE = int(Reason.BATTERY_VOLTAGE)
BUDGET_SPENT = int(Reason.BUDGET_SPENT)
DWELL = int(Reason.DWELL)
CONDITIONING = int(Reason.CONDITIONING)
FLOOR_REACHED = int(Reason.FLOOR_REACHED)
BATTERY_FULL = int(Reason.BATTERY_FULL)
NOT_BIDIRECTIONAL = int(Reason.NOT_BIDIRECTIONAL)
TARGET_REACHED = int(Reason.TARGET_REACHED)

SMALL_KW = 1e-9
SMALL_KWH = 1e-9
PER_HOUR = 1.0 / 3600.0


@njit(cache=True, error_model="numpy")
def _usable(plug: float, step: float, minimum: float) -> float:
    """Power at the plug that the charger can hold without passing ``plug``."""
    plug = whole_steps(plug, step, False)
    return plug if plug >= minimum else 0.0


@njit(cache=True, error_model="numpy")
def _promise_waits(
    e: float, goal: float, left: float, h: float, knee: float, beta: float, dc_full: float
) -> bool:
    """Whether full power after these h hours still keeps the promise, or none is known."""
    if not (left > 0.0 and goal >= 0.0):
        return True
    least: float = energy_needed(goal, left - h, knee, beta, dc_full)
    return e >= least - SMALL_KWH


@njit(cache=True, error_model="numpy")
def enclose_each(
    now: float,
    until: float,
    plugs: Plugs,
    temperature: Floats,
    auxiliary: Floats,
    discharged: Floats,
    direction: npt.NDArray[np.int8],
    since: Floats,
    declared: Floats,
    min_power: Floats,
    power_step: Floats,
    index: npt.NDArray[np.int32],
    table: Floats,
    law: EnvelopeLaw,
    chemistry: npt.NDArray[np.int8],
    voltage: VoltageLaw,
    inner: Plugs,
    doubt: npt.NDArray[np.bool_],
    why_charge: Codes,
    why_discharge: Codes,
) -> None:
    """Narrow in ``inner``, a copy of ``plugs``, what each battery may take and give.

    ``doubt`` is raised where a temperature is unknown or a declaration stale; ``why_charge``
    and ``why_discharge`` receive the reason of each cut, 0 for none. Voltages count where
    ``chemistry`` is not -1.
    """
    h = (until - now) * PER_HOUR
    for i in range(plugs.session.size):
        if plugs.session[i] < 0:
            continue
        k, capacity, T = index[i], plugs.capacity_kwh[i], temperature[i]
        a, b, c = table[k, 0], table[k, 1], table[k, 2]
        da, db, dc = table[k, 3], table[k, 4], table[k, 5]
        full, target, e = plugs.full_kwh[i], plugs.target_kwh[i], plugs.energy_kwh[i]
        goal = min(target, full) if target >= 0.0 else full
        window = max(law.top_soc * capacity, goal)
        full = inner.full_kwh[i] = min(full, window, law.hard_top_soc * capacity)
        inner.floor_kwh[i] = max(plugs.floor_kwh[i], law.floor_soc * capacity)
        if e > full and target > full:  # once given, it could not be charged again
            inner.floor_kwh[i] = max(inner.floor_kwh[i], min(target, e))
        unknown = law.by_temperature and np.isnan(T)
        if unknown or not now - declared[i] <= law.stale_s:
            doubt[i] = True
        # Charging: at the cells, then at the plug.
        dc_full = plugs.full_power_dc_kw[i]
        most, why = charge_limit_kw(dc_full, capacity, T, law)
        if chemistry[i] >= 0 and most > 0.0:
            slow = within_voltage(most, chemistry[i], e, T, capacity, h, voltage)
            if slow < most:
                most, why = slow, BATTERY_VOLTAGE
        plug = plugs.max_charge_kw[i]
        if most < dc_full - SMALL_KW:
            plug = min(plug, plug_charging(most, a, b, c))
            why_charge[i] = why
        if auxiliary[i] > 0.0 and plugs.max_charge_kw[i] - auxiliary[i] < plug:
            plug = max(plugs.max_charge_kw[i] - auxiliary[i], 0.0)
            why_charge[i] = CONDITIONING
        if plug < plugs.max_charge_kw[i]:
            plug = _usable(plug, power_step[i], min_power[i])
            most = cells_charging(plug, a, b, c)
            beta = plugs.taper_per_h[i]
            if beta > 0.0:
                knee = inner.knee_kwh[i] = plugs.knee_kwh[i] + (dc_full - most) / beta
                if knee >= full:
                    inner.knee_kwh[i] = max(full, plugs.knee_kwh[i])
                    inner.taper_per_h[i] = 0.0
            inner.full_power_dc_kw[i] = most
            inner.max_charge_kw[i] = plug
        turned = now - since[i] < law.dwell_s
        left = (plugs.departure_s[i] - now) * PER_HOUR
        if turned and direction[i] < 0 and plugs.participates[i] and not np.isnan(target):
            kept = _promise_waits(
                e,
                min(target, full),
                left,
                h,
                inner.knee_kwh[i],
                inner.taper_per_h[i],
                inner.full_power_dc_kw[i],
            )
            if kept:  # the promise does not wait for the dwell
                inner.max_charge_kw[i] = 0.0
                why_charge[i] = DWELL
        # Discharging.
        plug = plugs.max_discharge_kw[i]
        if plug <= 0.0:
            continue
        given = cells_discharging(plug, da, db, dc)
        most, why = discharge_limit_kw(given, capacity, T, law)
        if chemistry[i] >= 0 and most > 0.0:
            slow = within_voltage(-most, chemistry[i], e, T, capacity, h, voltage)
            if slow < most:
                most, why = slow, BATTERY_VOLTAGE
        budget = min(law.yearly_kwh, law.yearly_cycles * capacity) - discharged[i]
        if budget < most * h:
            most, why = max(budget, 0.0) / h, BUDGET_SPENT
        if turned and direction[i] > 0:
            most, why = 0.0, DWELL
        if most < given - SMALL_KW:
            plug = min(plug, plug_discharging(most, da, db, dc))
            inner.max_discharge_kw[i] = _usable(plug, power_step[i], min_power[i])
            why_discharge[i] = why


@njit(cache=True, error_model="numpy")
def tell_cuts(
    plugs: Plugs,
    inner: Plugs,
    why_charge: Codes,
    why_discharge: Codes,
    wished: Floats,
    wish_reason: Codes,
    power: Floats,
    reason: Codes,
) -> None:
    """Give each power that the battery's own limits cut their reason, in place."""
    for i in range(power.size):
        if plugs.session[i] < 0:
            continue
        P, wish, e = power[i], wished[i], plugs.energy_kwh[i]
        charge, discharge = inner.max_charge_kw[i], inner.max_discharge_kw[i]
        changed = reason[i] != wish_reason[i]
        if why_charge[i] > 0 and P >= 0.0 and charge - SMALL_KW <= P:
            ended = reason[i] == TARGET_REACHED or reason[i] == BATTERY_FULL
            raised = changed and not ended and wish >= 0.0
            if (wish > charge + SMALL_KW or raised) and not ended:
                reason[i] = why_charge[i]
        if wish >= 0.0:
            lowered = inner.full_kwh[i] < plugs.full_kwh[i]
            if reason[i] == BATTERY_FULL and lowered and e < plugs.full_kwh[i]:
                reason[i] = BATTERY_WINDOW
            continue
        if reason[i] == NOT_BIDIRECTIONAL and why_discharge[i] > 0:
            reason[i] = why_discharge[i]
        elif reason[i] == FLOOR_REACHED and inner.floor_kwh[i] > plugs.floor_kwh[i]:
            if e > plugs.floor_kwh[i]:
                reason[i] = BATTERY_WINDOW
        elif P < 0.0 and why_discharge[i] > 0 and not changed and wish < -discharge - SMALL_KW:
            reason[i] = why_discharge[i]


@njit(cache=True, error_model="numpy")
def beside_setpoints(auxiliary: Floats, limit: Ints, share: Floats, parent: Ints) -> Floats:
    """Net power below each limit that vehicles draw beside their setpoints, (limits, 4)."""
    net = np.zeros((parent.size, 4))
    for i in range(auxiliary.size):
        if auxiliary[i] > 0.0:
            add_to_limit(net, limit[i], auxiliary[i], share, i, True)
    up_the_tree(net, parent)
    return net
