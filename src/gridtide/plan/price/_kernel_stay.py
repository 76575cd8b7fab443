"""The cheapest schedule of one vehicle at given prices: exact, by dynamic programming.

The cost V(e) of all that is still to come is a convex, piecewise linear function of the stored
energy e. It is kept as a list of segments, sorted by slope; one step backward adds the segments
of that step's own cost to the list, which is the infimal convolution of the two, and cuts the
list to the battery's window. Nothing is discretised.

Only two thresholds a step are needed to go forward: charge up to one, discharge down to the
other. The idea is the warehouse problem: A. Charnes, W. W. Cooper: Generalizations of the
Warehousing Model, 1955, doi:10.1057/jors.1955.20.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_costs import due_cost, node_cost
from gridtide.plan.price._kernel_law import flow_in_parts, lay_step, plug_kw, stored_kw
from gridtide.plan.price._kernel_parts import step_back, step_forward
from gridtide.plan.price._kernel_value import insert, steepen_below, stretch_tapered, trim
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats

BURN = 1e-12


@njit(cache=True, nogil=True, inline="always")
def tapering(stays: Stays, i: int) -> tuple[float, float, float]:
    """Bend [kWh], fall [1/h] and power it falls from [kW] of the taper of a stay.

    Above the bend a step ends at e' <= (e + hours * power) / (1 + hours * fall).
    """
    if stays.taper.shape[0] == 0 or stays.taper[i, 1] <= 0.0:
        return np.inf, 0.0, 0.0
    stay, full, fall, since = stays.each[i], stays.taper[i, 0], stays.taper[i, 1], stays.taper[i, 2]
    return (
        since + (full - stored_kw(stays, i, stay.charge_kw)) / fall,
        fall,
        full + fall * since,
    )


@njit(cache=True, nogil=True, inline="always")
def stay_back(
    stays: Stays,
    i: int,
    begin: int,
    buy: Floats,
    sell: Floats,
    most: Floats,
    least: Floats,
    up: Floats,
    down: Floats,
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    hi: float,
    v: float,
) -> tuple[int, int, float, float, float]:
    """Go back through the steps of stay ``i``, whose prices and thresholds start at ``begin``.

    Power is at most ``most`` and at least ``least`` [kW] where these are not empty.
    """
    stay, step_h = stays.each[i], stays.step_h
    steps, arrive, low, high = stay.steps, stay.arrive, stay.low_kwh, stay.high_kwh
    per_gain, per_draw, wear = 1.0 / stay.gain, 1.0 / stay.draw, stay.wear
    charge, discharge = stay.charge_kw * stay.gain, stay.discharge_kw * stay.draw
    bend, fade, full = tapering(stays, i)
    costly = stays.band_price.shape[2] > 0 or stays.recover_price > 0.0
    costly |= stays.together.shape[0] > 0
    for q in range(steps - 1, -1, -1):
        p, hours = begin + q, step_h[arrive + q]
        head, tail, lo, hi, v = trim(slope, length, head, tail, lo, hi, v, low, high)
        if costly:
            tail, v = node_cost(stays, i, arrive + q, slope, length, head, tail, lo, v)
        taken = given = 0.0  # at least so much is stored, or taken out, in this step
        if most.size > 0:
            charge, discharge = max(most[p], 0.0) * stay.gain, max(-least[p], 0.0) * stay.draw
            taken, given = (
                max(least[p], 0.0) / per_gain * hours,
                max(-most[p], 0.0) / per_draw * hours,
            )
            if fade > 0.0:
                bend = stays.taper[i, 2] + (stays.taper[i, 0] - charge) / fade
        room, fall = charge * hours, discharge * hours
        cost, worth = buy[p] * per_gain, (sell[p] - wear) * per_draw
        sc, sd = -cost, -worth
        burns = sd < sc - BURN and room > 0.0 and fall > 0.0
        if burns:
            # Burning would pay: of the two rays only the hull is used, their chord.
            sc = sd = -(cost * room + worth * fall) / (room + fall)
        elif sd < sc:
            sd = sc
        a, up_to = head, lo
        while a < tail and slope[a] < sc:
            up_to += length[a]
            a += 1
        start, charged = lo - room + given, room - taken
        if up_to > bend and not burns:
            stretch = 1.0 + hours * fade
            a, tail = stretch_tapered(slope, length, head, tail, lo, a, bend, stretch, sc)
            if lo >= bend:
                start = lo * stretch - hours * full
            charged = hours * full - up_to * (stretch - 1.0) - taken
        v += cost * (lo - start) if given == 0.0 else -worth * given
        before, b, down_to = head, a, np.inf
        if fall > 0.0:
            down_to = up_to
            while b < tail and slope[b] <= sd:
                down_to += length[b]
                b += 1
        if fall > 0.0:
            head, tail = insert(slope, length, head, tail, b, sd, max(fall - given, 0.0))
        if charged > 0.0:
            # The segments below place b have moved along with the head.
            a += head - before
            head, tail = insert(slope, length, head, tail, a, sc, charged)
        lo, hi = start, hi + fall - taken
        up[p], down[p] = up_to, down_to
    return head, tail, lo, hi, v


@njit(cache=True, nogil=True)
def parts_back(
    stays: Stays,
    i: int,
    begin: int,
    buy: Floats,
    sell: Floats,
    most: Floats,
    least: Floats,
    up: Floats,
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    hi: float,
    v: float,
) -> tuple[int, int, float, float, float]:
    """Go back through the steps of stay ``i`` as :func:`stay_back` does, with losses in parts."""
    stay = stays.each[i]
    most_kw, least_kw = stay.charge_kw, -stay.discharge_kw
    _, fade, full = tapering(stays, i)
    size = 2 * stays.law.shape[2] + 1
    work = np.empty((3, size))
    merged = np.empty((2, slope.size if fade > 0.0 else 0))
    costly = stays.band_price.shape[2] > 0 or stays.recover_price > 0.0
    costly |= stays.together.shape[0] > 0
    for q in range(stay.steps - 1, -1, -1):
        p, k = begin + q, stay.arrive + q
        low, high = stay.low_kwh, stay.high_kwh
        head, tail, lo, hi, v = trim(slope, length, head, tail, lo, hi, v, low, high)
        if costly:
            tail, v = node_cost(stays, i, k, slope, length, head, tail, lo, v)
        if most.size > 0:
            most_kw, least_kw = most[p], least[p]
        planned = stays.planned_kw[stay.start + q] if stays.planned_kw.size > 0 else np.nan
        head, tail, lo, hi, v = step_back(
            stays.law, i, stays.step_h[k], buy[p], sell[p] - stay.wear, least_kw, most_kw,
            planned, stays.change_price, (fade, full), slope, length, head, tail, (lo, hi, v),
            up[p * size : (p + 1) * size], work, merged,
        )  # fmt: skip
    return head, tail, lo, hi, v


@njit(cache=True, nogil=True)
def link_back(
    stays: Stays,
    i: int,
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    hi: float,
    v: float,
) -> tuple[int, int, float, float, float]:
    """Go back over the drive before stay ``i``; what is missing for it is bought on the way.

    Returns V as a function of what was left with. Where more than needed would be bought, for
    two later targets are out of reach, this is the hull of V and proves a bound only.
    """
    price, j = stays.drive_price, head
    while j < tail and slope[j] < -price:
        v += (slope[j] + price) * length[j]
        slope[j] = -price
        j += 1
    lo, hi = lo + stays.each[i].driven_kwh, hi + stays.each[i].driven_kwh
    more = lo - stays.each[i - 1].low_kwh
    if more > 0.0:
        head -= 1
        slope[head], length[head] = -price, more
        lo, v = lo - more, v + price * more
    return head, tail, lo, hi, v


@njit(cache=True, nogil=True)
def value_back(
    stays: Stays,
    first: int,
    last: int,
    buy: Floats,
    sell: Floats,
    most: Floats,
    least: Floats,
    up: Floats,
    down: Floats,
    slope: Floats,
    length: Floats,
) -> tuple[int, int, float, float]:
    """Go back through the stays ``first..last`` of one vehicle and keep the thresholds.

    ``buy`` and ``sell`` are prices [currency/kWh], ``up`` and ``down`` the thresholds [kWh], all
    stay by stay, step by step. Returns V at the first arrival: head, tail, lower end and the
    value there.
    """
    head = slope.size // 2
    tail, lo, hi, v = head + 1, stays.each[last].low_kwh, stays.each[last].high_kwh, 0.0
    slope[head], length[head] = 0.0, hi - lo
    for i in range(last, first - 1, -1):
        if i < last:
            low, high = stays.each[i + 1].low_kwh, stays.each[i + 1].held_kwh
            head, tail, lo, hi, v = trim(slope, length, head, tail, lo, hi, v, low, high)
            head, tail, lo, hi, v = link_back(stays, i + 1, slope, length, head, tail, lo, hi, v)
            low, high = stays.each[i].low_kwh, stays.each[i].high_kwh
            head, tail, lo, hi, v = trim(slope, length, head, tail, lo, hi, v, low, high)
        price, level = stays.each[i].end_price, stays.each[i].end_level_kwh
        tail, v = steepen_below(slope, length, head, tail, lo, v, level, price)
        v -= price * level
        tail, v = due_cost(stays, i, slope, length, head, tail, lo, v)
        begin = stays.each[i].start - stays.each[first].start
        if stays.law.shape[0] > 0:
            head, tail, lo, hi, v = parts_back(
                stays, i, begin, buy, sell, most, least, up, slope, length,
                head, tail, lo, hi, v,
            )  # fmt: skip
            continue
        head, tail, lo, hi, v = stay_back(
            stays, i, begin, buy, sell, most, least, up, down, slope, length, head, tail, lo, hi, v
        )
    return head, tail, lo, v


@njit(cache=True, nogil=True)
def go_forward(
    stays: Stays,
    first: int,
    last: int,
    most: Floats,
    least: Floats,
    up: Floats,
    down: Floats,
    power: Floats,
) -> None:
    """Follow the thresholds from the energy held; fill the powers at the plug [kW]."""
    energy, origin = stays.each[first].held_kwh, stays.each[first].start
    for i in range(first, last + 1):
        if i > first:
            energy = max(energy - stays.each[i].driven_kwh, stays.each[i].low_kwh)
        begin = stays.each[i].start - origin
        if stays.law.shape[0] > 0:
            energy = parts_forward(stays, i, begin, energy, most, least, up, power)
        else:
            energy = stay_forward(stays, i, begin, energy, most, least, up, down, power)


@njit(cache=True, nogil=True, inline="always")
def stay_forward(
    stays: Stays,
    i: int,
    begin: int,
    energy: float,
    most: Floats,
    least: Floats,
    up: Floats,
    down: Floats,
    power: Floats,
) -> float:
    """Follow the thresholds of stay ``i`` from ``energy``; return the energy at its end."""
    stay, step_h = stays.each[i], stays.step_h
    gain, draw = stay.gain, stay.draw
    charge, discharge = stay.charge_kw * gain, stay.discharge_kw * draw
    low, high, arrive = stay.low_kwh, stay.high_kwh, stay.arrive
    bend, fade, full = tapering(stays, i)
    for q in range(stay.steps):
        p, hours = begin + q, step_h[arrive + q]
        to = energy
        if energy < up[p]:
            to = min(up[p], energy + charge * hours)
        elif energy > down[p]:
            to = max(down[p], energy - discharge * hours)
        if most.size > 0:
            # Bounds of power are bounds of the energy at the end of the step.
            to = min(to, energy + most[p] * (gain if most[p] > 0.0 else draw) * hours)
            to = max(to, energy + least[p] * (gain if least[p] > 0.0 else draw) * hours)
        if to > bend:
            to = min(to, max((energy + hours * full) / (1.0 + hours * fade), energy))
        to = min(max(to, low), high)
        power[p] = (to - energy) / (hours * (gain if to > energy else draw))
        energy = to
    return float(energy)


@njit(cache=True, nogil=True)
def parts_forward(
    stays: Stays,
    i: int,
    begin: int,
    energy: float,
    most: Floats,
    least: Floats,
    up: Floats,
    power: Floats,
) -> float:
    """Follow stay ``i`` from ``energy`` as :func:`stay_forward` does, with losses in parts."""
    stay, size = stays.each[i], 2 * stays.law.shape[2] + 1
    bend, fade, full = tapering(stays, i)
    most_kw, least_kw = stay.charge_kw, -stay.discharge_kw
    rate, width = np.empty((2, size))
    for q in range(stay.steps):
        p, hours = begin + q, stays.step_h[stay.arrive + q]
        if most.size > 0:
            most_kw, least_kw = most[p], least[p]
        planned = stays.planned_kw[stay.start + q] if stays.planned_kw.size > 0 else np.nan
        # How wide parts are does not depend on prices.
        lay_step(
            stays.law, i, 0.0, 0.0, least_kw, most_kw, planned, stays.change_price, rate, width
        )
        start = energy + hours * flow_in_parts(stays.law, i, least_kw)
        to = step_forward(width, hours, start, up[p * size : (p + 1) * size])
        if to > bend:
            to = min(to, max((energy + hours * full) / (1.0 + hours * fade), energy))
        to = min(max(to, stay.low_kwh), stay.high_kwh)
        power[p] = plug_kw(stays, i, (to - energy) / hours)
        energy = to
    return float(energy)
