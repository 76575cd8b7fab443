"""How stations answer: a setpoint arrives late, and power then moves at a limited pace."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True, error_model="numpy", inline="always")
def towards(power: float, goal: float, seconds: float, pace: float) -> tuple[float, float]:
    """Power after moving towards a goal, and the energy on the way [kW, kW·s]."""
    gap = goal - power
    if gap == 0.0 or seconds <= 0.0:
        return power, power * seconds
    reach = pace * seconds
    if abs(gap) <= reach:
        moving = abs(gap) / pace
        return goal, 0.5 * (power + goal) * moving + goal * (seconds - moving)
    end = power + reach if gap > 0.0 else power - reach
    return end, 0.5 * (power + end) * seconds


@njit(cache=True, error_model="numpy")
def answer_all(
    now: float,
    until: float,
    told_s: Floats,
    told_kw: Floats,
    newest: int,
    kept: int,
    latency_s: Floats,
    pace: Floats,
    session: Ints,
    arrival_s: Floats,
    power: Floats,
    mean: Floats,
) -> None:
    """Move every station from ``now`` to ``until``; ``power`` is moved on, ``mean`` written.

    ``told_s`` and ``told_kw`` (kept, n) are a ring of what stations were told and when. What
    was told to the vehicle before is not heard by the next.
    """
    size = told_s.size
    for i in range(power.size):
        if session[i] < 0:
            power[i] = mean[i] = 0.0
            continue
        began = max(now, arrival_s[i])
        first = second = 0.0
        change = until
        for back in range(kept):
            row = (newest - back) % size
            if told_s[row] < arrival_s[i]:
                break
            heard = told_s[row] + latency_s[i]
            if heard >= until:
                continue
            if heard > began:
                if change == until:
                    second, change = told_kw[row, i], heard
                continue
            first = told_kw[row, i]
            break
        at, energy = towards(power[i], first, change - began, pace[i])
        if change < until:
            at, more = towards(at, second, until - change, pace[i])
            energy += more
        power[i] = at
        mean[i] = energy / (until - began)
