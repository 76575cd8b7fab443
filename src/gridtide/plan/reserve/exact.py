"""One vehicle's optimum at given prices of energy and reserve: exact for calls within a step.

With y the energy at the end of a step that begins with e, p(y - e) the power at the plug,

    V_k(e) = min over y of  cost(y - e) + V_k+1(y)
             - up·min(p + Pd, (e - m_k)/u, (y - m_k+1)/u)
             - down·min(Pc - p, (h_k - e)/w, (h_k+1 - y)/w)

All of it is jointly convex and piecewise linear in (e, y) unless burning energy pays, so that V_k
is convex and piecewise linear in e. For a given e the best y is a kink of V_k+1, an end of the
power's range, rest, or where two terms of a minimum are equal: lines y(e), and V_k can only have
kinks where two of these lines cross. V_k is evaluated at all crossings, and what is collinear is
dropped. This is O(n²) a step: a reference to measure others by, not a planner of fleets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Floats

SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One vehicle over its L steps, with prices of energy and reserve.

    Parameters
    ----------
    hours
        Length of each step [h], shape (L,).
    buy, sell
        Price of charging, and earned by discharging, wear taken off [currency/kWh], shape (L,).
    up, down
        Worth of a kW of reserve held in each step [currency/kW], shape (L,).
    up_energy, down_energy
        Energy that a kW of it needs [kWh/kW], above 0.
    max_charge_kw, max_discharge_kw
        At the plug.
    gain, draw
        Energy stored per kWh charged, taken per kWh discharged.
    keep_kwh, high_kwh
        Least energy (window and must-charge curve) and most at each node, shape (L + 1,).
    arrival_kwh
        At the start, within the two.
    """

    hours: Floats
    buy: Floats
    sell: Floats
    up: Floats
    down: Floats
    up_energy: float
    down_energy: float
    max_charge_kw: float
    max_discharge_kw: float
    gain: float
    draw: float
    keep_kwh: Floats
    high_kwh: Floats
    arrival_kwh: float


def least_cost(stay: Stay) -> float:
    """Least cost of a stay less what its reserve earns [currency]; ``inf`` where there is none."""
    energy = np.array([stay.keep_kwh[-1], stay.high_kwh[-1]])
    value = np.zeros(2)
    for k in range(len(stay.hours) - 1, -1, -1):
        energy, value = _back(stay, k, energy, value)
        if len(energy) == 0:
            return float("inf")
    if not energy[0] - SAME <= stay.arrival_kwh <= energy[-1] + SAME:
        return float("inf")
    return float(np.interp(stay.arrival_kwh, energy, value))


def _back(stay: Stay, k: int, energy: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Go back one step: kinks of V_k and its values there."""
    lines = _lines(stay, k, energy)
    slope, level = lines[:, 0], lines[:, 1]
    steeper = slope[:, None] - slope[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = (level[None, :] - level[:, None]) / steeper
    at = crossing[np.abs(steeper) > 1e-12]
    ends = np.array([stay.keep_kwh[k], stay.high_kwh[k]])
    at = np.unique(np.concatenate((at[(at > ends[0]) & (at < ends[1])], ends)))
    at = at[np.concatenate(([True], np.diff(at) > SAME))]
    best = _value(stay, k, at, lines, energy, value)
    reached = np.isfinite(best)
    return _without_collinear(at[reached], best[reached])


def _lines(stay: Stay, k: int, energy: Floats) -> Floats:
    """Lines y = slope·e + level on which the best y can be, shape (lines, 2)."""
    hours = stay.hours[k]
    per_c, per_d = 1.0 / (stay.gain * hours), 1.0 / (stay.draw * hours)
    rise, fall = stay.max_charge_kw / per_c, stay.max_discharge_kw / per_d
    lines = [(0.0, float(e)) for e in energy]
    lines += [(1.0, 0.0), (1.0, rise), (1.0, -fall)]
    for sign, per_kw, room, bound in (
        (1.0, stay.up_energy, stay.max_discharge_kw, stay.keep_kwh),
        (-1.0, stay.down_energy, stay.max_charge_kw, stay.high_kwh),
    ):
        lines.append((1.0, float(bound[k + 1] - bound[k])))
        for per in (per_c, per_d):
            # sign·per·(y - e) + room = sign·(e - bound)/per_kw, and the same with y for e.
            lines.append((1.0 + 1.0 / (per_kw * per), -(bound[k] / per_kw + sign * room) / per))
            tilt = per - 1.0 / per_kw
            if abs(tilt) > 1e-12:
                lines.append((per / tilt, -(bound[k + 1] / per_kw + sign * room) / tilt))
    return np.array(lines)


def _value(stay: Stay, k: int, at: Floats, lines: Floats, energy: Floats, value: Floats) -> Floats:
    """Least cost from each energy over the candidates, shape (energies,)."""
    e = at[:, None]
    y = lines[None, :, 0] * e + lines[None, :, 1]
    hours = stay.hours[k]
    change = (y - e) / hours
    power = np.where(change > 0, change / stay.gain, change / stay.draw)
    inside = (power <= stay.max_charge_kw + SAME) & (power >= -stay.max_discharge_kw - SAME)
    inside &= (y >= energy[0] - SAME) & (y <= energy[-1] + SAME)
    cost = hours * np.where(power > 0, stay.buy[k], stay.sell[k]) * power
    free = np.minimum(e - stay.keep_kwh[k], y - stay.keep_kwh[k + 1]) / stay.up_energy
    cost = cost - stay.up[k] * np.minimum(power + stay.max_discharge_kw, free)
    free = np.minimum(stay.high_kwh[k] - e, stay.high_kwh[k + 1] - y) / stay.down_energy
    cost = cost - stay.down[k] * np.minimum(stay.max_charge_kw - power, free)
    total = np.where(inside, cost + np.interp(y, energy, value), np.inf)
    return np.asarray(total.min(axis=1))


def _without_collinear(energy: Floats, value: Floats) -> tuple[Floats, Floats]:
    if len(energy) < 3:
        return energy, value
    slope = np.diff(value) / np.diff(energy)
    bent = np.abs(np.diff(slope)) > 1e-9 * (1.0 + np.abs(slope[1:]))
    keep = np.concatenate(([True], bent, [True]))
    return energy[keep], value[keep]
