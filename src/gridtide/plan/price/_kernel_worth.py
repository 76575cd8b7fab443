"""The worth of stored energy along the best schedule of a vehicle at given prices.

It proves the schedule's cost to be the least: with the worth y of each step, every step and
every node is cheapest as it is (the conditions of optimality of the linear problem). Going back,
the worths that allow this are an interval; going forward, one of each is taken.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_stay import bands_of, go_forward, tapering, value_back
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
        if stay.low_kwh < stay.min_kwh:
            left -= stays.recover_price if energy <= stay.min_kwh + NEAR else 0.0
            right -= stays.recover_price if energy < stay.min_kwh - NEAR else 0.0
        if stay.high_kwh > stay.max_kwh:
            left += stays.recover_price if energy > stay.max_kwh + NEAR else 0.0
            right += stays.recover_price if energy >= stay.max_kwh - NEAR else 0.0
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
    left -= stay.end_price if energy <= stay.end_level_kwh + NEAR else 0.0
    right -= stay.end_price if energy < stay.end_level_kwh - NEAR else 0.0
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
    stay = stays.each[i]
    gain, draw, steps = stay.gain, stay.draw, stay.steps
    bend, fade, full = tapering(stays, i)
    energy = start
    for q in range(steps):
        flow = power[begin + q] * (gain if power[begin + q] > 0.0 else draw)
        energy += flow * stays.step_h[stay.arrive + q]
    for q in range(steps, -1, -1):
        left, right = 0.0, 0.0
        if q > 0:
            left, right = held_slopes(stays, i, stay.arrive + q - 1, energy)
        if q == steps:
            a, b = end_slopes(stays, i, energy)
            left, right = left + a, right + b
        if q == 0 and steps > 0:
            break
        floor = stay.low_kwh
        if stays.floor_kwh.size > 0 and q > 0:
            floor = stays.floor_kwh[stay.start + q - 1]
        least = least - right
        most = most - left
        if energy <= floor + NEAR:
            most = np.inf
        if energy >= stay.high_kwh - NEAR:
            least = -np.inf
        if q == 0:
            break
        p, hours = begin + q - 1, stays.step_h[stay.arrive + q - 1]
        kw = power[p]
        flow = kw * (gain if kw > 0.0 else draw) * hours
        up, down = buy[p] / gain, (sell[p] - stay.wear) / draw
        room, fall = stay.charge_kw * gain, stay.discharge_kw * draw
        if down > up and room > 0.0 and fall > 0.0:
            # Burning would pay: V has the chord between full powers there.
            up = down = (up * room + down * fall) / (room + fall)
        before = energy - flow
        tapers = fade > 0.0 and energy > bend - NEAR
        tapers = tapers and energy >= (before + hours * full) / (1.0 + hours * fade) - NEAR
        if tapers and kw > 0.0:
            least = (least + up * hours * fade) / (1.0 + hours * fade)
            # Full power up to the very bend: charger or taper may be what holds it.
            if kw < stay.charge_kw - NEAR:
                most = (most + up * hours * fade) / (1.0 + hours * fade)
        bottom, top = down, up
        if stay.charge_kw == 0.0 or kw >= stay.charge_kw - NEAR or tapers:
            top = np.inf
        if stay.discharge_kw == 0.0 or kw <= -stay.discharge_kw + NEAR:
            bottom = -np.inf
        if kw > NEAR and stay.charge_kw > 0.0:
            bottom = up
        elif kw < -NEAR:
            top = down
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
        value_back(stays, first, last, buy, sell, none, none, up, down, slope, length)
        go_forward(stays, first, last, none, none, up, down, power)
        energy = stays.each[first].held_kwh
        for i in range(first, last + 1):
            stay = stays.each[i]
            if i > first:
                energy = max(energy - stay.driven_kwh, stay.low_kwh)
            start[i - first] = energy
            for q in range(stay.steps):
                kw = power[stay.start - origin + q]
                energy += (
                    kw * (stay.gain if kw > 0.0 else stay.draw) * stays.step_h[stay.arrive + q]
                )
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
            value,
            arrival,
        )


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
    value: Floats,
    arrival: Floats,
) -> None:
    """Take one worth of each interval, changing as little as the nodes allow."""
    y = 0.0
    for i in range(first, last + 1):
        stay = stays.each[i]
        y = min(max(y, low_a[i - first]), high_a[i - first])
        if not np.isfinite(y):
            y = 0.0
        arrival[i] = y
        energy = start[i - first]
        bend, fade, full = tapering(stays, i)
        for q in range(stay.steps):
            p, hours = stay.start - origin + q, stays.step_h[stay.arrive + q]
            y = min(max(y, low_y[p]), high_y[p])
            value[stay.start + q] = y
            kw = power[p]
            before = energy
            energy += kw * (stay.gain if kw > 0.0 else stay.draw) * hours
            up = buy[p] / stay.gain
            tapers = fade > 0.0 and 0.0 < kw < stay.charge_kw - NEAR and energy > bend - NEAR
            if tapers and energy >= (before + hours * full) / (1.0 + hours * fade) - NEAR:
                y += max(y - up, 0.0) * hours * fade
            left, right = held_slopes(stays, i, stay.arrive + q, energy)
            y += min(max(0.0, left), right)
