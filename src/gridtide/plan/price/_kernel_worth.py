"""The worth of stored energy along the best schedule of a vehicle at given prices.

It proves the schedule's cost to be the least: with the worth y of each step, every step and
every node is cheapest as it is (the conditions of optimality of the linear problem). Going back,
the worths that allow this are an interval; going forward, one of each is taken.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_costs import bands_of, floor_of
from gridtide.plan.price._kernel_law import lay_step, stored_kw
from gridtide.plan.price._kernel_stay import (
    parts_forward,
    stay_forward,
    tapering,
    value_back,
)
from gridtide.plan.price._kernel_sweep import see_prices
from gridtide.plan.price.stays import Stays, Work
from gridtide.plan.problem import Floats, Ints

NEAR = 1e-9


@njit(cache=True, nogil=True)
def held_slopes(stays: Stays, i: int, k: int, energy: float) -> tuple[float, float]:
    """Slopes of the cost of holding energy at the end of step ``k``, to the left and right."""
    stay, left, right = stays.each[i], 0.0, 0.0
    bands = stays.band_price.shape[2]
    if bands > 0:
        row = k if stays.band_price.shape[1] > 1 else 0
        left = right = stays.band_price[i, row, 0]
        for m in range(1, bands):
            more = stays.band_price[i, row, m] - stays.band_price[i, row, m - 1]
            left += more if energy > stays.band_edge[i, m] + NEAR else 0.0
            right += more if energy >= stays.band_edge[i, m] - NEAR else 0.0
    if stays.recover_price > 0.0:
        floor = floor_of(stays, i, k)
        if stay.low_kwh < floor:
            left -= stays.recover_price if energy <= floor + NEAR else 0.0
            right -= stays.recover_price if energy < floor - NEAR else 0.0
        if stay.high_kwh > stay.max_kwh:
            left += stays.recover_price if energy > stay.max_kwh + NEAR else 0.0
            right += stays.recover_price if energy >= stay.max_kwh - NEAR else 0.0
    if stays.together.shape[0] > 0:
        left, right = left + stays.together[0, k], right + stays.together[0, k]
    return left * stays.step_h[k], right * stays.step_h[k]


@njit(cache=True, nogil=True)
def end_slopes(stays: Stays, i: int, energy: float) -> tuple[float, float]:
    """Slopes of the shortfall's cost, less the end value, left and right."""
    stay, left, right = stays.each[i], 0.0, 0.0
    bands = bands_of(stays, i)
    width, before = stay.wanted_kwh / bands, 0.0
    for m in range(bands):
        at, more = stay.due_kwh - m * width, stays.short_price[m] - before
        before = stays.short_price[m]
        left -= more if energy <= at + NEAR else 0.0
        right -= more if energy < at - NEAR else 0.0
    for m in range(stays.beyond_kwh.size):
        at = stay.due_kwh - stays.beyond_kwh[m]
        left -= stays.beyond_price[m] if energy <= at + NEAR else 0.0
        right -= stays.beyond_price[m] if energy < at - NEAR else 0.0
    left -= stay.end_price if energy <= stay.end_level_kwh + NEAR else 0.0
    right -= stay.end_price if energy < stay.end_level_kwh - NEAR else 0.0
    return left, right


@njit(cache=True, nogil=True)
def on_taper(stays: Stays, i: int, kw: float, hours: float, before: float, energy: float) -> bool:
    """Whether a step that charges ends where the taper lets it."""
    bend, fade, full = tapering(stays, i)
    if fade <= 0.0 or kw <= 0.0 or energy <= bend - NEAR:
        return False
    return bool(energy >= (before + hours * full) / (1.0 + hours * fade) - NEAR)


@njit(cache=True, nogil=True)
def power_slopes(
    stays: Stays,
    i: int,
    q: int,
    buy: float,
    sell: float,
    kw: float,
    rate: Floats,
    width: Floats,
) -> tuple[float, float]:
    """Slopes of the cost of step ``q`` in the energy stored at a power, to the left and right."""
    stay, left, right = stays.each[i], -np.inf, np.inf
    if stays.law.shape[0] > 0:
        planned = stays.planned_kw[stay.start + q] if stays.planned_kw.size > 0 else np.nan
        lay_step(
            stays.law, i, buy, sell - stay.wear, -stay.discharge_kw, stay.charge_kw,
            planned, stays.change_price, rate, width,
        )  # fmt: skip
    else:
        up, down = buy / stay.gain, (sell - stay.wear) / stay.draw
        room, fall = stay.charge_kw * stay.gain, stay.discharge_kw * stay.draw
        if down > up and room > 0.0 and fall > 0.0:
            # Burning would pay: V has the chord between full powers there.
            up = down = (up * room + down * fall) / (room + fall)
        rate[0], rate[1], rate[2] = down, up, up
        width[0], width[1], width[2] = fall, room, 0.0
    flow = stored_kw(stays, i, kw)
    at = stored_kw(stays, i, -stay.discharge_kw)
    for m in range(rate.size):
        if width[m] <= NEAR:
            continue
        if flow > at + NEAR:
            left = rate[m]
        at += width[m]
        if flow < at - NEAR:
            return left, rate[m]
    return left, right


@njit(cache=True, nogil=True)
def stay_worths(
    stays: Stays,
    i: int,
    least: float,
    most: float,
    begin: int,
    buy: Floats,
    sell: Floats,
    power: Floats,
    start: float,
    low_y: Floats,
    high_y: Floats,
) -> tuple[float, float]:
    """Go back through stay ``i`` from the worths after it; fill intervals, return that before it.

    ``start`` is the energy at its start; energies at its nodes follow from the powers.
    """
    stay, steps = stays.each[i], stays.each[i].steps
    fade = tapering(stays, i)[1]
    rate, width = np.empty((2, 2 * stays.law.shape[2] + 1))
    energy = start
    for q in range(steps):
        energy += stored_kw(stays, i, power[begin + q]) * stays.step_h[stay.arrive + q]
    for q in range(steps, -1, -1):
        left, right = 0.0, 0.0
        if q > 0:
            left, right = held_slopes(stays, i, stay.arrive + q - 1, energy)
        if q == steps:
            a, b = end_slopes(stays, i, energy)
            left, right = left + a, right + b
        if q == 0 and steps > 0:
            break
        least = least - right
        most = most - left
        if energy <= stay.low_kwh + NEAR:
            most = np.inf
        if energy >= stay.high_kwh - NEAR:
            least = -np.inf
        if q == 0:
            break
        p, hours = begin + q - 1, stays.step_h[stay.arrive + q - 1]
        kw = power[p]
        before = energy - stored_kw(stays, i, kw) * hours
        bottom, top = power_slopes(stays, i, q - 1, buy[p], sell[p], kw, rate, width)
        if on_taper(stays, i, kw, hours, before, energy):
            least = (least + bottom * hours * fade) / (1.0 + hours * fade)
            # Full power up to the very bend: charger or taper may be what holds it.
            if kw < stay.charge_kw - NEAR:
                most = (most + top * hours * fade) / (1.0 + hours * fade)
            top = np.inf
        least, most = max(least, bottom), min(most, top)
        if least > most:
            least = most = 0.5 * (least + most)
        low_y[p], high_y[p] = least, most
        energy = before
    return least, most


@njit(cache=True, nogil=True)
def worths(
    stays: Stays,
    members: Ints,
    plug_price: Floats,
    work: Work,
    seen: Floats,
    value: Floats,
    arrival: Floats,
) -> None:
    """Fill the worth of energy in each step, and on each arrival, of the vehicles ``members``."""
    slope, length, up, down, buy, sell, power, low_y, high_y, start = work[:10]
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        origin = stays.each[first].start
        see_prices(stays, first, last, seen, plug_price, buy, sell)
        none = buy[:0]
        bought = fill_starts(stays, first, last, buy, sell, up, down, slope, length)
        value_back(stays, first, last, buy, sell, none, none, up, down, slope, length)
        energy = stays.each[first].held_kwh
        for i in range(first, last + 1):
            if i > first:
                left = energy - stays.each[i].driven_kwh
                energy = max(left, stays.each[i].low_kwh, bought[i - first])
                bought[i - first] = energy - left
            start[i - first] = energy
            begin = stays.each[i].start - origin
            if stays.law.shape[0] > 0:
                energy = parts_forward(stays, i, begin, energy, none, none, up, power)
            else:
                energy = stay_forward(stays, i, begin, energy, none, none, up, down, power)
        least = most = 0.0
        for i in range(last, first - 1, -1):
            begin = stays.each[i].start - origin
            least, most = stay_worths(
                stays,
                i,
                least,
                most,
                begin,
                buy,
                sell,
                power,
                start[i - first],
                low_y,
                high_y,
            )
            if i > first:
                # What arrives at the minimum may have been bought on the way, at most at its price.
                if start[i - first] <= stays.each[i].low_kwh + NEAR:
                    most = np.inf
                most = min(most, stays.drive_price)
                least = min(least, most)
                if bought[i - first] > NEAR:
                    least = most = stays.drive_price
            slope[i - first], length[i - first] = least, most
        choose(
            stays,
            first,
            last,
            origin,
            slope,
            length,
            low_y,
            high_y,
            power,
            start,
            buy,
            sell,
            value,
            arrival,
        )


@njit(cache=True, nogil=True)
def fill_starts(
    stays: Stays,
    first: int,
    last: int,
    buy: Floats,
    sell: Floats,
    up: Floats,
    down: Floats,
    slope: Floats,
    length: Floats,
) -> Floats:
    """Return up to which energy the bound lets each stay of a vehicle begin by buying on the way.

    More than a drive takes is never bought; where that would pay, the bound is that of plans that
    could (see :func:`._kernel_stay.link_back`), and so are the worths that prove it.
    """
    level = np.full(last - first + 1, -np.inf)
    size = 1 if stays.law.shape[0] == 0 else 2 * stays.law.shape[2] + 1
    for i in range(first + 1, last + 1):
        p = stays.each[i].start - stays.each[first].start
        none = buy[:0]
        head, tail, lo, _ = value_back(
            stays, i, last, buy[p:], sell[p:], none, none, up[p * size :], down[p:], slope, length
        )
        at, j = lo, head
        while j < tail and slope[j] < -stays.drive_price:
            at += length[j]
            level[i - first] = min(at, stays.each[i].held_kwh)
            j += 1
    return level


@njit(cache=True, nogil=True)
def choose(
    stays: Stays,
    first: int,
    last: int,
    origin: int,
    low_a: Floats,
    high_a: Floats,
    low_y: Floats,
    high_y: Floats,
    power: Floats,
    start: Floats,
    buy: Floats,
    sell: Floats,
    value: Floats,
    arrival: Floats,
) -> None:
    """Take one worth of each interval, changing as little as the nodes allow."""
    y, (rate, width) = 0.0, np.empty((2, 2 * stays.law.shape[2] + 1))
    for i in range(first, last + 1):
        stay = stays.each[i]
        y = min(max(y, low_a[i - first]), high_a[i - first])
        if not np.isfinite(y):
            y = 0.0
        arrival[i] = y
        energy = start[i - first]
        fade = tapering(stays, i)[1]
        for q in range(stay.steps):
            p, hours = stay.start - origin + q, stays.step_h[stay.arrive + q]
            y = min(max(y, low_y[p]), high_y[p])
            value[stay.start + q] = y
            kw, before = power[p], energy
            energy += stored_kw(stays, i, kw) * hours
            if kw < stay.charge_kw - NEAR and on_taper(stays, i, kw, hours, before, energy):
                left, _ = power_slopes(stays, i, q, buy[p], sell[p], kw, rate, width)
                y += max(y - left, 0.0) * hours * fade
            left, right = held_slopes(stays, i, stay.arrive + q, energy)
            y += min(max(0.0, left), right)
