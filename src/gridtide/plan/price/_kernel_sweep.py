"""One pass over the vehicles of some groups: each answers the prices of the moment.

A vehicle moves from its schedule towards its exact best answer as far as an exact line search
finds worthwhile (block-coordinate Frank-Wolfe: S. Lacoste-Julien et al., 2013, arXiv 1207.4747);
the next vehicle sees the powers, and so the prices, that this left.
"""

from __future__ import annotations

from numba import njit

from gridtide.plan.price._kernel_calls import (
    add_share_prices,
    answer_now,
    fill_new_terms,
    share_rise,
)
from gridtide.plan.price._kernel_costs import own_cost
from gridtide.plan.price._kernel_law import plug_kw, stored_kw
from gridtide.plan.price._kernel_stay import go_forward, value_back
from gridtide.plan.price._kernel_stored import add_stored, fill_shift, see_stored
from gridtide.plan.price.calls import Calls, CallWork
from gridtide.plan.price.rows import AT, CENTRE, FLAT, LEAST, MOST, MULT, PULL, Rows
from gridtide.plan.price.stays import Stay, Stays, Work
from gridtide.plan.problem import Floats, Ints

TRIALS = 4
NEAR = 0.05
"""With reserve, whose rise takes long to tell, a share is near enough where it is so flat."""


@njit(cache=True, nogil=True, inline="always")
def read_prices(
    stay: Stay,
    rows: Rows,
    net: Floats,
    shared: Floats,
    begin: int,
    buy: Floats,
    stored: Floats,
) -> None:
    """Fill the prices that a stay sees, by the rows above it; ``stored`` as ``Stays.together``."""
    arrive, steps, price, term = stay.arrive, stay.steps, rows.price, rows.term
    for q in range(steps):
        buy[begin + q] = 0.0
    if stored.shape[0] > 0:
        stored[0, arrive : arrive + steps] = 0.0
    for m in range(rows.path[stay.path], rows.path[stay.path + 1]):
        j, weight = rows.row[m], rows.weight[m]
        local = rows.place[j] < 0
        power, at = (net, j) if local else (shared, rows.place[j])
        into, to = (stored[0], arrive) if rows.stored[j] else (buy, begin)
        for q in range(steps):
            into[to + q] += weight * price[j, FLAT, arrive + q]
        if rows.square[j] > 0.0:
            for q in range(steps):
                t = arrive + q
                buy[begin + q] += weight * rows.square[j] * (power[at, t] - price[j, CENTRE, t])
        for k in range(rows.first[j], rows.first[j + 1]):
            for q in range(steps):
                t = arrive + q
                part = term[k, MULT, t] + term[k, PULL, t] * (power[at, t] - term[k, AT, t])
                into[to + q] += weight * min(max(part, term[k, LEAST, t]), term[k, MOST, t])


@njit(cache=True, nogil=True, inline="always")
def rise_at(
    stay: Stay,
    rows: Rows,
    net: Floats,
    shared: Floats,
    begin: int,
    change: Floats,
    shift: Floats,
    share: float,
    mirror: float,
    step_h: Floats,
) -> float:
    """Rise of the cost of the rows above a stay per share of its change, beyond share 0."""
    arrive, steps, term, rise = stay.arrive, stay.steps, rows.term, 0.0
    for m in range(rows.path[stay.path], rows.path[stay.path + 1]):
        j, weight = rows.row[m], rows.weight[m]
        local = rows.place[j] < 0
        power, at = (net, j) if local else (shared, rows.place[j])
        scale = weight * (share if local else share * mirror)
        moves = shift if rows.stored[j] else change
        if rows.square[j] > 0.0:
            for q in range(steps):
                move = change[begin + q]
                rise += weight * rows.square[j] * scale * move * move * step_h[arrive + q]
        for k in range(rows.first[j], rows.first[j + 1]):
            for q in range(steps):
                t, move = arrive + q, moves[begin + q]
                old = term[k, MULT, t] + term[k, PULL, t] * (power[at, t] - term[k, AT, t])
                new = old + term[k, PULL, t] * scale * move
                old = min(max(old, term[k, LEAST, t]), term[k, MOST, t])
                new = min(max(new, term[k, LEAST, t]), term[k, MOST, t])
                rise += weight * (new - old) * move * step_h[t]
    return rise


@njit(cache=True, nogil=True, inline="always")
def move_net(
    stay: Stay,
    rows: Rows,
    net: Floats,
    shared: Floats,
    begin: int,
    change: Floats,
    shift: Floats,
    mirror: float,
) -> None:
    """Add a change of power, and the shift of energy with it, to all rows above a stay."""
    arrive, steps = stay.arrive, stay.steps
    for m in range(rows.path[stay.path], rows.path[stay.path + 1]):
        j, weight = rows.row[m], rows.weight[m]
        place, moves = rows.place[j], shift if rows.stored[j] else change
        if place < 0:
            for q in range(steps):
                net[j, arrive + q] += weight * moves[begin + q]
        else:
            for q in range(steps):
                shared[place, arrive + q] += mirror * weight * moves[begin + q]


@njit(cache=True, nogil=True, inline="always")
def mix(stays: Stays, i: int, old: Floats, new: Floats, share: float, begin: int) -> None:
    """Mix two schedules of a stay in the energy stored, where every mix is feasible: into new."""
    for p in range(begin, begin + stays.each[i].steps):
        a, b = stored_kw(stays, i, old[p]), stored_kw(stays, i, new[p])
        new[p] = plug_kw(stays, i, a + share * (b - a))


@njit(cache=True, nogil=True)
def sweep(
    stays: Stays,
    members: Ints,
    rows: Rows,
    net: Floats,
    shared: Floats,
    mirror: float,
    power: Floats,
    plug_price: Floats,
    work: Work,
    calls: Calls,
    held: CallWork,
) -> float:
    """Let the vehicles ``members`` answer in turn; return what all of them could still gain."""
    slope, length, up, down, buy, sell, best, change, shift = work[:9]
    together = stays.together.shape[0] > 0
    each, none, total, reserve = stays.each, buy[:0], 0.0, calls.first.size > 1
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        begin = each[first].start
        size = each[last].start + each[last].steps - begin
        now = power[begin : begin + size]
        for i in range(first, last + 1):
            stay = each[i]
            at = stay.start - begin
            read_prices(stay, rows, net, shared, at, buy, stays.together)
            add_plug_prices(stay, plug_price, at, buy, sell)
        called = reserve and calls.first[first + 1] > calls.first[first]
        if called:
            answer_now(stays, calls, first, now, held)
            add_share_prices(stays, calls, first, 1.0, buy, sell, held)
        value_back(stays, first, last, buy, sell, none, none, up, down, slope, length)
        go_forward(stays, first, last, none, none, up, down, best)
        gain = own_cost(stays, first, last, buy, sell, best)
        gain -= own_cost(stays, first, last, buy, sell, now)
        if gain >= -1e-12:
            continue
        total -= gain
        for p in range(size):
            change[p] = best[p] - now[p]
        if together:
            fill_shift(stays, first, last, now, best, shift)
        if called:
            fill_new_terms(stays, calls, first, best, held)
            share = search_with_calls(
                stays, first, rows, net, shared, change, shift, mirror, gain, calls, held
            )
        else:
            share = line_search(
                stays, first, last, rows, net, shared, begin, change, shift, mirror, gain
            )
        if share < 1.0:
            for i in range(first, last + 1):
                mix(stays, i, now, best, share, each[i].start - begin)
            if together:
                fill_shift(stays, first, last, now, best, shift)
        for p in range(size):
            # What is kept may be rounded to single precision, and that is what moves.
            old = now[p]
            now[p] = best[p]
            change[p] = now[p] - old
        for i in range(first, last + 1):
            move_net(each[i], rows, net, shared, each[i].start - begin, change, shift, mirror)
    return total


@njit(cache=True, nogil=True, inline="always")
def add_plug_prices(stay: Stay, plug_price: Floats, begin: int, buy: Floats, sell: Floats) -> None:
    """Let energy be billed at each plug where there is no meter."""
    for q in range(stay.steps):
        sell[begin + q] = buy[begin + q]
    if plug_price.shape[0] > 0:
        for q in range(stay.steps):
            buy[begin + q] += plug_price[0, stay.arrive + q]
            sell[begin + q] += plug_price[1, stay.arrive + q]


@njit(cache=True, nogil=True, inline="always")
def see_prices(
    stays: Stays,
    first: int,
    last: int,
    seen: Floats,
    plug_price: Floats,
    buy: Floats,
    sell: Floats,
) -> None:
    """Fill the prices of a vehicle's stays with what their paths see, given for all."""
    origin = stays.each[first].start
    for i in range(first, last + 1):
        stay = stays.each[i]
        at = stay.start - origin
        for q in range(stay.steps):
            buy[at + q] = seen[stay.path, stay.arrive + q]
        add_plug_prices(stay, plug_price, at, buy, sell)
    if stays.together.shape[0] > 0:
        see_stored(stays, first, last, seen)


@njit(cache=True, nogil=True, inline="always")
def line_search(
    stays: Stays,
    first: int,
    last: int,
    rows: Rows,
    net: Floats,
    shared: Floats,
    begin: int,
    change: Floats,
    shift: Floats,
    mirror: float,
    gain: float,
) -> float:
    """Find the share of a move at which the falling cost begins to rise (regula falsi)."""
    low, high, at_low, share, at_high = 0.0, 1.0, gain, 1.0, 0.0
    for trial in range(TRIALS):
        rise = gain
        for i in range(first, last + 1):
            stay = stays.each[i]
            at = stay.start - begin
            rise += rise_at(stay, rows, net, shared, at, change, shift, share, mirror, stays.step_h)
        if rise <= 0.0:
            if trial == 0:
                return 1.0
            low, at_low = share, rise
            at_high *= 0.5
        else:
            high, at_high = share, rise
            at_low *= 0.5 if trial > 0 else 1.0
        share = low + (high - low) * at_low / (at_low - at_high)
    return share


@njit(cache=True, nogil=True)
def search_with_calls(
    stays: Stays,
    i: int,
    rows: Rows,
    net: Floats,
    shared: Floats,
    change: Floats,
    shift: Floats,
    mirror: float,
    gain: float,
    calls: Calls,
    held: CallWork,
) -> float:
    """As :func:`line_search`, for a vehicle of one stay that can hold reserve.

    Apart from it, and not inlined: plans without reserve are quicker so.
    """
    stay = stays.each[i]
    low, high, at_low, share, at_high = 0.0, 1.0, gain, 1.0, 0.0
    for trial in range(TRIALS):
        rise = gain + rise_at(
            stay, rows, net, shared, 0, change, shift, share, mirror, stays.step_h
        )
        rise += share_rise(calls, i, share, held)
        if trial > 0 and abs(rise) < NEAR * -gain:
            break
        if rise <= 0.0:
            if trial == 0:
                return 1.0
            low, at_low = share, rise
            at_high *= 0.5
        else:
            high, at_high = share, rise
            at_low *= 0.5 if trial > 0 else 1.0
        share = low + (high - low) * at_low / (at_low - at_high)
    return share


@njit(cache=True, nogil=True)
def update_multipliers(rows: Rows, net: Floats, which: Ints) -> None:
    """Take the prices of the moment as multipliers."""
    term = rows.term
    for j in which:
        for k in range(rows.first[j], rows.first[j + 1]):
            for t in range(net.shape[1]):
                part = term[k, MULT, t] + term[k, PULL, t] * (net[j, t] - term[k, AT, t])
                term[k, MULT, t] = min(max(part, term[k, LEAST, t]), term[k, MOST, t])


@njit(cache=True, nogil=True)
def add_net(
    stays: Stays, members: Ints, rows: Rows, power: Floats, net: Floats, share: float
) -> None:
    """Add a share of what the vehicles ``members`` do to the rows above them."""
    for u in members:
        for i in range(stays.vehicle[u], stays.vehicle[u + 1]):
            stay = stays.each[i]
            for m in range(rows.path[stay.path], rows.path[stay.path + 1]):
                j, weight = rows.row[m], share * rows.weight[m]
                if rows.stored[j]:
                    continue
                for q in range(stay.steps):
                    net[j, stay.arrive + q] += weight * power[stay.start + q]
    if rows.stored.any():
        add_stored(stays, members, rows, power, net, share)


@njit(cache=True, nogil=True)
def average(stays: Stays, power: Floats, mean: Floats, weight: float) -> None:
    """Move the mean schedule towards the present one, in stored energy."""
    for i in range(len(stays.each)):
        stay = stays.each[i]
        for p in range(stay.start, stay.start + stay.steps):
            a, b = stored_kw(stays, i, mean[p]), stored_kw(stays, i, power[p])
            mean[p] = plug_kw(stays, i, a + weight * (b - a))
