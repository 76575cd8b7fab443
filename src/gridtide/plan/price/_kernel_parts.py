"""The cheapest schedule of a vehicle whose losses come in parts: its steps, backward and forward.

With one efficiency each way a step adds two segments to V; here it adds one for each part. A
taper bounds the power by a line that falls with the energy at the end of the step. With one, V
before the step is what two sorted lists merge to, from the highest energy down: where a further
part would cross the line, both are followed along it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_law import flow_in_parts, lay_step
from gridtide.plan.price._kernel_value import insert
from gridtide.plan.problem import Floats

SAME_KWH = 1e-12


@njit(cache=True, nogil=True, inline="always")
def step_back(
    law: Floats,
    i: int,
    hours: float,
    buy: float,
    worth: float,
    least_kw: float,
    most_kw: float,
    planned_kw: float,
    change: float,
    taper: tuple[float, float],
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    ends: tuple[float, float, float],
    up: Floats,
    work: Floats,
    merged: Floats,
) -> tuple[int, int, float, float, float]:
    """Go back one step of stay ``i``; keep its thresholds, one for each part.

    ``ends`` are both ends of V and its value at the lower one, ``taper`` the fall [1/h] and the
    power that it falls from at no energy [kW].
    """
    lo, hi, v = ends
    rate, width, place = work[0], work[1], work[2]
    lay_step(law, i, buy, worth, least_kw, most_kw, planned_kw, change, rate, width)
    keep_thresholds(slope, length, head, tail, lo, rate, up, place)
    least = flow_in_parts(law, i, least_kw) * hours
    if taper[0] > 0.0:
        head, tail, flow, cost = merge(
            slope, length, head, tail, hi, rate, width, hours, taper, least, merged
        )
    else:
        head, tail, flow, cost = insert_each(
            slope, length, head, tail, rate, width, hours, place, least
        )
    cost += hours * least_kw * (buy if least_kw > 0.0 else worth)
    if change > 0.0 and not np.isnan(planned_kw):
        cost += hours * change * abs(least_kw - planned_kw)
    return head, tail, lo - flow, hi - least, v + cost


@njit(cache=True, nogil=True, inline="always")
def insert_each(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    rate: Floats,
    width: Floats,
    hours: float,
    place: Floats,
    flow: float,
) -> tuple[int, int, float, float]:
    """Insert each part at its place, the highest first.

    ``flow`` is the least energy stored. Returns head, tail, the most energy stored and what it
    costs beyond the least.
    """
    moved, cost = 0, 0.0
    for m in range(rate.size):
        kwh = width[m] * hours
        if kwh > 0.0:
            before = head
            head, tail = insert(slope, length, head, tail, int(place[m]) + moved, -rate[m], kwh)
            # What is below has moved along with the head, and so have the places there.
            moved += head - before
            flow += kwh
            cost += rate[m] * kwh
    return head, tail, flow, cost


@njit(cache=True, nogil=True, inline="always")
def keep_thresholds(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    rate: Floats,
    up: Floats,
    place: Floats,
) -> None:
    """Fill up to which energy at the end of the step each part is used.

    Also the place in the list before which each part has its own, in order. Of what is worth as
    much later as now, least is charged and least discharged.
    """
    at, j = lo, head
    for m in range(rate.size - 1, -1, -1):
        while j < tail and (
            slope[j] < -rate[m] or (2 * m < rate.size - 1 and slope[j] == -rate[m])
        ):
            at += length[j]
            j += 1
        place[m], up[m] = j, at


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
) -> tuple[int, int, float, float]:
    """Merge V and the cost of a step, from its upper end ``hi`` down; return as the above does.

    The merged list fills ``merged`` from its end and is put back into the middle of the arrays.
    """
    first, flow, cost = merge_down(
        slope, length, head, tail, hi, rate, width, hours, taper, flow, merged[0], merged[1]
    )
    count = merged.shape[1] - first
    head = (slope.size - count) // 2
    for j in range(count):
        slope[head + j], length[head + j] = merged[0, first + j], merged[1, first + j]
    return head, head + count, flow, cost


@njit(cache=True, nogil=True)
def merge_down(
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
    """Fill the merged list downwards; return its first place, the most energy stored and its cost.

    Along the taper each kWh less at the end of the step lets ``hours * fall`` more be stored.
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
            more = hours * fall
            part = min(over, left / more)
            merged[place] = (slope[b] - more * rate[m]) / (1.0 + more)
            wide[place] = part * (1.0 + more)
            to -= part
            flow += part * more
            cost += rate[m] * part * more
            over -= part
            left -= part * more


@njit(cache=True, nogil=True, inline="always")
def step_forward(width: Floats, hours: float, least: float, up: Floats) -> float:
    """Energy at the end of a step that can end with ``least``, by the thresholds of its parts."""
    to = least
    for m in range(width.size):
        if to >= up[m]:
            break
        to = min(up[m], to + hours * width[m])
    return to
