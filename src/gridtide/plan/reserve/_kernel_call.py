"""A call followed to the end of the recovery, compiled: see :mod:`.worst_call`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridtide.plan.problem import Floats, Ints
from gridtide.plan.reserve._kernel_sharing import share

SAME_KWH = 1e-9


class Met(NamedTuple):
    """A plan as a call meets it: n vehicles, T steps, m limits; what is not there has no rows.

    Parameters
    ----------
    power_kw, energy_kwh, must_kwh
        Of the plan, and the must-charge curve, shape (n, T) and (n, T + 1).
    recovery_kw
        The optimiser's own recovery, shape (n, T) or none.
    limit, rank
        Limit above each vehicle, and its class of departure, shape (n,).
    own
        Least and most energy, charging and discharging power, standby loss, energy to spare at the
        end, shape (n, 6).
    gain, draw
        Slopes and offsets of the losses, shape (n, 2, P) and (n, 2, Q).
    taper
        Full power at the cells, its fall, and from where, shape (n, 3) or none.
    step_h, parent
        Shape (T,) and (m,).
    room
        Lower and upper room, and net power of the plan, shape (3, m, T).
    phase_share, phase_room
        Shares of L1, L2, L3, shape (n, 3), and lower and upper room and net power by phase, shape
        (3, m, 3, T); or none.
    """

    power_kw: Floats
    energy_kwh: Floats
    must_kwh: Floats
    recovery_kw: Floats
    limit: Ints
    rank: Ints
    own: Floats
    gain: Floats
    draw: Floats
    taper: Floats
    step_h: Floats
    parent: Ints
    room: Floats
    phase_share: Floats
    phase_room: Floats


LOW, HIGH, CHARGE, DISCHARGE, STANDBY, SPARE = range(6)
WINDOW, PROMISE, POWER = 1, 2, 3


@njit(cache=True, nogil=True)
def flow_of(met: Met, i: int, kw: float) -> float:
    """Power into the cells at a power at the plug."""
    if abs(kw) <= 1e-9:
        return 0.0
    law = met.gain[i] if kw > 0.0 else met.draw[i]
    flow = np.inf
    for j in range(law.shape[1]):
        flow = min(flow, law[0, j] * kw + law[1, j])
    return float(flow - met.own[i, STANDBY])


@njit(cache=True, nogil=True)
def plug_of(met: Met, i: int, flow: float) -> float:
    """Power at the plug for a power into the cells."""
    wanted = flow + met.own[i, STANDBY]
    if wanted == 0.0:
        return 0.0
    law = met.gain[i] if wanted > 0.0 else met.draw[i]
    kw = -np.inf
    for j in range(law.shape[1]):
        kw = max(kw, (wanted - law[1, j]) / law[0, j])
    return 0.0 if flow <= 0.0 and kw > 0.0 else float(kw)


@njit(cache=True, nogil=True)
def most_charge(met: Met, i: int, energy: float, hours: float) -> float:
    """Charging power that plug and taper allow over a step."""
    if met.taper.shape[0] == 0:
        return float(met.own[i, CHARGE])
    full, fall, since = met.taper[i]
    flow = (full - fall * (energy - since)) / (1.0 + fall * hours)
    wanted = max(flow + met.own[i, STANDBY], 0.0)
    if wanted == 0.0:
        return 0.0
    kw = -np.inf
    for j in range(met.gain.shape[2]):
        kw = max(kw, (wanted - met.gain[i, 1, j]) / met.gain[i, 0, j])
    return float(min(met.own[i, CHARGE], kw))


@njit(cache=True, nogil=True)
def power_excess(met: Met, i: int, kw: float, energy: float) -> float:
    """How far a power is beyond plug and taper [kW]."""
    above = max(kw - met.own[i, CHARGE], -met.own[i, DISCHARGE] - kw)
    if met.taper.shape[0] > 0 and kw > 0.0 and met.taper[i, 1] > 0.0:
        bent = met.taper[i, 0] - met.taper[i, 1] * (energy - met.taper[i, 2])
        above = max(above, flow_of(met, i, kw) - bent)
    return float(above)


@njit(cache=True, nogil=True)
def energy_excess(met: Met, i: int, node: int, energy: float) -> tuple[float, int]:
    """How far an energy is beyond the window or the promise [kWh], and which."""
    plan = met.energy_kwh[i, node]
    low, high = min(met.own[i, LOW], plan) - energy, energy - max(met.own[i, HIGH], plan)
    window, must = max(low, high), met.must_kwh[i, node] - energy
    return (must, PROMISE) if must > window else (window, WINDOW)


@njit(cache=True, nogil=True)
def limits_excess(met: Met, who: Ints, t: int, power: Floats, over: Floats) -> None:
    """Raise how far each limit is exceeded in a step [kW], the phases' too."""
    limits, phases = met.parent.size, met.phase_room.shape[1] > 0
    moved = np.zeros((limits, 4))
    for a in range(who.size):
        i = who[a]
        j = met.limit[i]
        if j < 0:
            continue
        more = power[a] - met.power_kw[i, t]
        moved[j, 3] += more
        if phases:
            for f in range(3):
                moved[j, f] += more * met.phase_share[i, f]
    for j in range(limits - 1, -1, -1):
        if met.parent[j] >= 0:
            moved[met.parent[j]] += moved[j]
        net = met.room[2, j, t] + moved[j, 3]
        over[j] = max(over[j], met.room[0, j, t] - net, net - met.room[1, j, t])
        if phases:
            for f in range(3):
                net = met.phase_room[2, j, f, t] + moved[j, f]
                beyond = max(met.phase_room[0, j, f, t] - net, net - met.phase_room[1, j, f, t])
                over[j] = max(over[j], beyond)


@njit(cache=True, nogil=True)
def recover(met: Met, who: Ints, t: int, up: bool, energy: Floats, power: Floats) -> None:
    """Fill the powers of one step of recovery: what is most pressing first, below every limit."""
    hours, count, back = met.step_h[t], who.size, 1.0 if up else -1.0
    limit, rank = np.empty(count, np.int64), np.empty(count, np.int64)
    lift, asked, given = np.zeros(count), np.zeros(count), np.zeros(count)
    here = np.zeros(count, np.bool_)
    for a in range(count):
        i = who[a]
        limit[a], rank[a] = met.limit[i], met.rank[i]
        plan = met.power_kw[i, t]
        power[a] = plan
        here[a] = np.isfinite(energy[a]) and np.isfinite(met.energy_kwh[i, t + 1])
        if here[a]:
            most = most_charge(met, i, energy[a], hours) - plan if up else plan
            lift[a] = max(most, 0.0)
    room = met.room[1, :, t] - met.room[2, :, t] if up else met.room[2, :, t] - met.room[0, :, t]
    room = room.copy()
    for goal in range(4):
        if (goal == 0 and (not up or met.recovery_kw.shape[0] == 0)) or (goal == 2 and not up):
            continue
        for a in range(count):
            asked[a] = 0.0
            if not here[a]:
                continue
            i = who[a]
            plan = met.energy_kwh[i, t + 1]
            least = max(min(met.own[i, LOW], plan), met.must_kwh[i, t + 1])
            to = plan
            if goal == 1:
                to = least if up else max(met.own[i, HIGH], plan)
            elif goal == 2:
                to = max(least, plan - met.own[i, SPARE])
            if not np.isfinite(to):
                continue
            more = back * (plug_of(met, i, (to - energy[a]) / hours) - power[a])
            most = min(lift[a], met.recovery_kw[i, t]) if goal == 0 else lift[a]
            asked[a] = min(max(more, 0.0), most)
        share(asked, limit, rank, met.parent, room, np.inf, given)
        for a in range(count):
            power[a] += back * given[a]
            lift[a] -= given[a]


@njit(cache=True, nogil=True)
def follow_call(
    met: Met,
    who: Ints,
    shares: Floats,
    lasts_h: Floats,
    start: int,
    sign: float,
    drift: Floats,
    depth: Floats,
    kind: Ints,
    over: Floats,
) -> None:
    """Follow a call from a step and the recovery to the end.

    Parameters
    ----------
    met
        The plan.
    who
        Vehicles called, shape (k,); all others keep to the plan.
    shares, lasts_h
        What is called together, shape (calls, k) [kW], and for how long each, shape (calls,).
    start, sign
        Step at whose start it is called; -1 for up, +1 for down.
    drift
        What earlier activation has taken or given, shape (k,).
    depth, kind
        Filled with how far each breaks what [kWh or kW], shape (k,).
    over
        Filled with how far each limit is exceeded [kW], shape (m,).
    """
    count, steps = who.size, met.step_h.size
    energy, power = np.empty(count), np.empty(count)
    for a in range(count):
        energy[a] = met.energy_kwh[who[a], start] + sign * drift[a]
    elapsed, longest = 0.0, lasts_h.max()
    for t in range(start, steps):
        hours = met.step_h[t]
        began = 0.0
        while began < hours:
            until, calling = hours, elapsed < longest - 1e-9
            if calling:
                for c in range(lasts_h.size):
                    left = min(max(lasts_h[c] - elapsed, 0.0), hours)
                    if began < left < until:
                        until = left
                for a in range(count):
                    power[a] = met.power_kw[who[a], t]
                    for c in range(lasts_h.size):
                        if min(max(lasts_h[c] - elapsed, 0.0), hours) >= until:
                            power[a] += sign * shares[c, a]
            else:
                recover(met, who, t, sign < 0.0, energy, power)
            for a in range(count):
                if np.isfinite(energy[a]):
                    energy[a] += (until - began) * flow_of(met, who[a], power[a])
                    beyond = power_excess(met, who[a], power[a], energy[a])
                    if beyond > depth[a]:
                        depth[a], kind[a] = beyond, POWER
            limits_excess(met, who, t, power, over)
            began = until
        elapsed += hours
        back = True
        for a in range(count):
            plan = met.energy_kwh[who[a], t + 1]
            if not np.isfinite(plan) or not np.isfinite(energy[a]):
                energy[a] = np.nan
                continue
            beyond, what = energy_excess(met, who[a], t + 1, energy[a])
            if beyond > depth[a]:
                depth[a], kind[a] = beyond, what
            back = back and abs(energy[a] - plan) <= SAME_KWH
        if elapsed >= longest - 1e-9 and back:
            return
