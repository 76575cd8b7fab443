"""The cheapest schedule of a vehicle whose losses come in parts: its steps, backward and forward.

With one efficiency each way a step adds two segments to V, and ``stay_back`` puts them into the
list. Here a step's cost has more of them, and V before the step is what two sorted lists merge
to, from the highest energy down. A taper bounds the power by a line that falls with the energy
at the end of the step: where a further part would cross it, both lists are followed along it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_law import lay_step, step_cost, stored_kw
from gridtide.plan.price.stays import DRAW_FROM, GAIN_FROM, Stays
from gridtide.plan.problem import Floats

SAME_KWH = 1e-12


@njit(cache=True, nogil=True)
def step_back(
    stays: Stays,
    i: int,
    hours: float,
    buy: float,
    sell: float,
    least_kw: float,
    most_kw: float,
    taper: tuple[float, float],
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    ends: tuple[float, float, float],
    up: Floats,
    down: Floats,
    work: Floats,
) -> tuple[int, int, float, float, float]:
    """Go back one step of stay ``i``; keep its thresholds, one each way and part.

    ``ends`` are both ends of V and its value at the lower one, ``taper`` the fall [1/h] and the
    power that it falls from at no energy [kW].
    """
    lo, hi, v = ends
    parts = stays.law.shape[2]
    rate, width = work[0, : 2 * parts], work[1, : 2 * parts]
    lay_step(stays, i, buy, sell, least_kw, most_kw, rate, width)
    keep_thresholds(slope, length, head, tail, lo, rate, up, down)
    merged, wide = work[2], work[3]
    first, flow, cost = merge(slope, length, head, tail, hi, rate, width, hours, taper,
                              stored_kw(stays, i, least_kw) * hours, merged, wide)  # fmt: skip
    cost += hours * step_cost(stays, i, buy, sell, least_kw)
    count = merged.size - first
    head = (slope.size - count) // 2
    slope[head : head + count], length[head : head + count] = merged[first:], wide[first:]
    start = hi - stored_kw(stays, i, least_kw) * hours
    return head, head + count, lo - flow, start, v + cost


@njit(cache=True, nogil=True)
def keep_thresholds(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    rate: Floats,
    up: Floats,
    down: Floats,
) -> None:
    """Fill up to which energy each part of charging goes, and down to which one of discharging."""
    parts, at, j = rate.size // 2, lo, head
    for m in range(rate.size - 1, -1, -1):
        charging = m >= parts
        while j < tail and (slope[j] < -rate[m] or (not charging and slope[j] == -rate[m])):
            at += length[j]
            j += 1
        if charging:
            up[m - parts] = at
        else:
            down[parts - 1 - m] = at


@njit(cache=True, nogil=True)
def merge(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    hi: float,
    rate: Floats,
    width: Floats,
    hours: float,
    taper: tuple[float, float],
    flow: float,
    merged: Floats,
    wide: Floats,
) -> tuple[int, float, float]:
    """Merge V and the cost of a step, downwards into the ends of ``merged`` and ``wide``.

    Begins at the energy ``hi`` at the end of the step and the least energy stored in it, ``flow``
    [kWh]. Returns the first place, the most energy stored and what it costs beyond the least.
    """
    fall, full = taper
    to, cost, place, b, m = hi, 0.0, merged.size, tail - 1, 0
    over = length[b] if b >= head else 0.0
    left = width[0] * hours
    while True:
        while m < rate.size and left <= SAME_KWH:
            m += 1
            left = width[m] * hours if m < rate.size else 0.0
        while b >= head and over <= 0.0:
            b -= 1
            over = length[b] if b >= head else 0.0
        room = hours * (full - fall * to) - flow if fall > 0.0 else np.inf
        flows, falls = m < rate.size, b >= head
        if not falls and (not flows or room <= SAME_KWH):
            return place, flow, cost
        place -= 1
        if falls and (not flows or slope[b] >= -rate[m] or room < -SAME_KWH):
            merged[place], wide[place] = slope[b], over
            to -= over
            over = 0.0
        elif room > SAME_KWH:
            part = min(left, room)
            merged[place], wide[place] = -rate[m], part
            flow += part
            cost += rate[m] * part
            left -= part
        else:
            # Along the taper: each kWh less at the end lets so much more be stored in the step.
            more = hours * fall
            part = min(over, left / more)
            merged[place] = (slope[b] - more * rate[m]) / (1.0 + more)
            wide[place] = part * (1.0 + more)
            to -= part
            flow += part * more
            cost += rate[m] * part * more
            over -= part
            left -= part * more


@njit(cache=True, nogil=True)
def step_forward(
    stays: Stays, i: int, hours: float, energy: float, up: Floats, down: Floats
) -> float:
    """Energy at the end of a step that begins with ``energy``, by the thresholds of each part."""
    law, parts = stays.law[i], stays.law.shape[2]
    to, limit = energy, stays.each[i].charge_kw
    for j in range(parts):
        if to < up[j]:
            end = min(law[GAIN_FROM, j + 1], limit) if j + 1 < parts else limit
            most = energy + hours * stored_kw(stays, i, end)
            to = max(min(up[j], most), to)
    if to > energy:
        return to
    limit = stays.each[i].discharge_kw
    for j in range(parts):
        if to > down[j]:
            end = min(law[DRAW_FROM, j + 1], limit) if j + 1 < parts else limit
            least = energy + hours * stored_kw(stays, i, -end)
            to = min(max(down[j], least), to)
    return to
