"""Passes over many vehicles that move nothing, and the pass that keeps every limit."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_calls import add_share_prices, answer_now, price_kept
from gridtide.plan.price._kernel_costs import own_cost
from gridtide.plan.price._kernel_law import plug_kw, stored_kw
from gridtide.plan.price._kernel_stay import go_forward, tapering, value_back
from gridtide.plan.price._kernel_stored import fill_shift, keep_stored
from gridtide.plan.price._kernel_sweep import add_plug_prices, mix, move_net, see_prices
from gridtide.plan.price._kernel_value import value_at
from gridtide.plan.price.calls import Calls, CallWork
from gridtide.plan.price.rows import CENTRE, Rows
from gridtide.plan.price.stays import Stays, Work
from gridtide.plan.problem import Floats, Ints

LEAST_SPAN = 1e-3
"""Span of the prices of one vehicle at least [currency/kWh]: in one step there is but one price."""


@njit(cache=True, nogil=True)
def least_costs(
    stays: Stays,
    members: Ints,
    plug_price: Floats,
    work: Work,
    seen: Floats,
    each: Floats,
    calls: Calls,
    held: CallWork,
) -> float:
    """Least cost of the vehicles ``members`` at the prices that each path sees.

    Fills that of each vehicle, shape (v,), unless ``each`` is empty. ``stays.short_price`` is the
    thread's own where there is reserve.
    """
    slope, length, up, down, buy, sell = work[:6]
    total, promise = 0.0, stays.short_price.copy()
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        see_prices(stays, first, last, seen, plug_price, buy, sell)
        if calls.first.size > 1:
            total += price_kept(stays, calls, first, buy, sell, held, promise)
        none = buy[:0]
        head, tail, lo, v = value_back(
            stays, first, last, buy, sell, none, none, up, down, slope, length
        )
        least = value_at(slope, length, head, tail, lo, v, stays.each[first].held_kwh)
        if each.size > 0:
            each[u] = least
        total += least
    return total


@njit(cache=True, nogil=True)
def own_costs(
    stays: Stays,
    members: Ints,
    plug_price: Floats,
    work: Work,
    seen: Floats,
    each: Floats,
    power: Floats,
) -> float:
    """Cost of schedules at the prices that each path sees, likewise.

    Wear, holding, shortfall and energy at each plug included.
    """
    buy, sell = work[4], work[5]
    total = 0.0
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        see_prices(stays, first, last, seen, plug_price, buy, sell)
        begin, end = stays.each[first].start, stays.each[last].start + stays.each[last].steps
        cost = own_cost(stays, first, last, buy, sell, power[begin:end])
        if each.size > 0:
            each[u] = cost
        total += cost
    return total


@njit(cache=True, nogil=True)
def curvature(stays: Stays, first: int, last: int, rows: Rows, change: Floats) -> float:
    """How much steeper the squares of the rows above a vehicle are after a change than before."""
    total, begin = 0.0, stays.each[first].start
    for i in range(first, last + 1):
        stay = stays.each[i]
        for m in range(rows.path[stay.path], rows.path[stay.path + 1]):
            j, weight = rows.row[m], rows.weight[m]
            if rows.square[j] <= 0.0:
                continue
            # The other lane may move alike.
            both = weight * weight * rows.square[j] * (1.0 if rows.place[j] < 0 else 2.0)
            for q in range(stay.steps):
                move = change[stay.start - begin + q]
                total += both * move * move * stays.step_h[stay.arrive + q]
    return total


@njit(cache=True, nogil=True)
def keep_limits(
    stays: Stays,
    members: Ints,
    rows: Rows,
    net: Floats,
    shared: Floats,
    room: Floats,
    shared_room: Floats,
    price: Floats,
    power: Floats,
    plug_price: Floats,
    margin: float,
    dear: float,
    work: Work,
    calls: Calls,
    held: CallWork,
) -> float:
    """Let vehicles answer true prices within what all rows leave; return what they saved.

    ``price`` is without the squares of rows, which are priced as they are at the moment.
    ``room`` holds the lower and the upper bound of each row, shape (2, r, T). No answer adds to
    an excess, each takes off what it can, and none costs more but for that. What taking a kWh
    off may cost is ``dear`` times the span of prices that the vehicle sees.
    Where rows have squares a vehicle goes as far as that pays, or as excess needs; with reserve,
    which is no matter of one vehicle's prices, only as far as excess needs.
    """
    slope, length, up, down, buy, sell, best, change, most, least, shift = work[:11]
    saved = 0.0
    together = stays.together.shape[0] > 0
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        begin = stays.each[first].start
        size = stays.each[last].start + stays.each[last].steps - begin
        now = power[begin : begin + size]
        if together:
            keep_stored(stays, first, last, rows, (net, shared), (room, shared_room), now)
        over, dearest, cheapest, needed = 0.0, -np.inf, np.inf, 0.0
        for i in range(first, last + 1):
            stay = stays.each[i]
            at = stay.start - begin
            for q in range(stay.steps):
                buy[at + q] = price[stay.path, stay.arrive + q]
                most[at + q], least[at + q] = stay.charge_kw, -stay.discharge_kw
            for m in range(rows.path[stay.path], rows.path[stay.path + 1]):
                j, weight = rows.row[m], rows.weight[m]
                if weight <= 0.0 or rows.stored[j]:
                    continue
                local = rows.place[j] < 0
                here, bounds = (net, room) if local else (shared, shared_room)
                r = j if local else rows.place[j]
                for q in range(stay.steps):
                    t, p = stay.arrive + q, at + q
                    high = now[p] + (bounds[1, r, t] - here[r, t] - margin) / weight
                    low = now[p] + (bounds[0, r, t] - here[r, t] + margin) / weight
                    most[p], least[p] = min(most[p], high), max(least[p], low)
                if rows.square[j] > 0.0:
                    for q in range(stay.steps):
                        off = here[r, stay.arrive + q] - rows.price[j, CENTRE, stay.arrive + q]
                        buy[at + q] += weight * rows.square[j] * off
            add_plug_prices(stay, plug_price, at, buy, sell)
            for p in range(at, at + stay.steps):
                # Rows may ask for more than the charger can do.
                most[p], least[p] = max(most[p], -stay.discharge_kw), min(least[p], stay.charge_kw)
        for p in range(size):
            beyond = max(now[p] - most[p], least[p] - now[p])
            over += beyond if beyond > 1e-9 else 0.0
            change[p] = beyond
            dearest, cheapest = max(dearest, buy[p]), min(cheapest, sell[p])
            # Where rows exclude what is, rest is the way out.
            if least[p] > most[p]:
                most[p] = least[p] = 0.5 * (least[p] + most[p])
            most[p], least[p] = max(most[p], min(now[p], 0.0)), min(least[p], max(now[p], 0.0))
        called = calls.first.size > 1 and calls.first[first + 1] > calls.first[first]
        if called:
            if over == 0.0:
                continue
            answer_now(stays, calls, first, now, held)
            add_share_prices(stays, calls, first, 1.0, buy, sell, held)
        value_back(stays, first, last, buy, sell, most, least, up, down, slope, length)
        go_forward(stays, first, last, most, least, up, down, best)
        gain = own_cost(stays, first, last, buy, sell, now)
        gain -= own_cost(stays, first, last, buy, sell, best)
        # Hours of a step are at most those of the first; a rough price is enough here.
        span = max(dearest - cheapest, LEAST_SPAN)
        may_cost = dear * span * over * stays.step_h[0] if over > 0.0 else 0.0
        if gain <= 1e-12 and (over == 0.0 or -gain > may_cost):
            continue
        for p in range(size):
            moved = best[p] - now[p]
            if change[p] > 1e-9 and abs(moved) > 1e-12:
                needed = max(needed, min(change[p] / abs(moved), 1.0))
            change[p] = moved
        curve = curvature(stays, first, last, rows, change)
        if called or (curve > 0.0 and gain < curve):
            share = needed if called else max(gain / curve, needed)
            for i in range(first, last + 1):
                mix(stays, i, now, best, share, stays.each[i].start - begin)
        saved += gain
        if together:
            fill_shift(stays, first, last, now, best, shift)
        for p in range(size):
            old = now[p]
            now[p] = best[p]
            change[p] = now[p] - old
        for i in range(first, last + 1):
            at = stays.each[i].start - begin
            move_net(stays.each[i], rows, net, shared, at, change, shift, 1.0)
    return saved


@njit(cache=True, nogil=True)
def charge_at_once(stays: Stays, power: Floats) -> None:
    """Charge every vehicle at full power on arrival until it has what it is due."""
    for u in range(len(stays.vehicle) - 1):
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        energy = stays.each[first].held_kwh
        for i in range(first, last + 1):
            stay = stays.each[i]
            if i > first:
                energy = max(energy - stay.driven_kwh, stay.low_kwh)
            bend, fade, full = tapering(stays, i)
            charge = stored_kw(stays, i, stay.charge_kw)
            for q in range(stay.steps):
                p, hours = stay.start + q, stays.step_h[stay.arrive + q]
                to = min(energy + charge * hours, stay.high_kwh, stay.due_kwh)
                if to > bend:
                    to = min(to, (energy + hours * full) / (1.0 + hours * fade))
                power[p] = plug_kw(stays, i, max(to - energy, 0.0) / hours)
                energy = max(to, energy)


@njit(cache=True, nogil=True)
def most_energy(stays: Stays, members: Ints, end: Floats) -> None:
    """Fill what stays of some vehicles end with when charging at full power all the time."""
    for u in members:
        first = stays.vehicle[u]
        energy = stays.each[first].held_kwh
        for i in range(first, stays.vehicle[u + 1]):
            stay = stays.each[i]
            if i > first:
                energy = max(energy - stay.driven_kwh, stay.low_kwh)
            bend, fade, full = tapering(stays, i)
            charge = stored_kw(stays, i, stay.charge_kw)
            for q in range(stay.steps):
                hours = stays.step_h[stay.arrive + q]
                to = min(energy + charge * hours, stay.high_kwh)
                if to > bend:
                    to = min(to, (energy + hours * full) / (1.0 + hours * fade))
                energy = max(to, energy)
            end[i] = energy


@njit(cache=True, nogil=True)
def cut_to_window(stays: Stays, power: Floats) -> None:
    """Cut powers to what charger, battery and taper take, in place."""
    for u in range(len(stays.vehicle) - 1):
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        energy = stays.each[first].held_kwh
        for i in range(first, last + 1):
            stay = stays.each[i]
            if i > first:
                energy = max(energy - stay.driven_kwh, stay.low_kwh)
            bend, fade, full = tapering(stays, i)
            for q in range(stay.steps):
                p, hours = stay.start + q, stays.step_h[stay.arrive + q]
                kw = min(max(power[p], -stay.discharge_kw), stay.charge_kw)
                to = energy + stored_kw(stays, i, kw) * hours
                if to > bend:
                    to = min(to, max((energy + hours * full) / (1.0 + hours * fade), energy))
                to = min(max(to, stay.low_kwh), stay.high_kwh)
                power[p] = plug_kw(stays, i, (to - energy) / hours)
                energy = to


@njit(cache=True, nogil=True)
def towards_rest(stays: Stays, members: Ints, share: float, power: Floats) -> None:
    """Scale the schedules of some vehicles towards rest, which keeps every limit."""
    for u in members:
        for i in range(stays.vehicle[u], stays.vehicle[u + 1]):
            stay = stays.each[i]
            for p in range(stay.start, stay.start + stay.steps):
                power[p] *= 1.0 - share
