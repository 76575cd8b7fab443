"""One pass over the vehicles of some groups: each answers the prices of the moment.

A vehicle moves from its schedule towards its exact best answer as far as an exact line search
finds worthwhile (block-coordinate Frank-Wolfe: S. Lacoste-Julien et al., 2013, arXiv 1207.4747);
the next vehicle sees the powers, and so the prices, that this left.
"""

from __future__ import annotations

from numba import njit

from gridtide.plan.price._kernel_stay import go_forward, own_cost, value_back

TRIALS = 4
# Planes of Rows.limit and Rows.term.
FLAT, CENTRE = 0, 1
MULT, PULL, AT, LEAST, MOST = 0, 1, 2, 3, 4


@njit(cache=True, nogil=True, inline="always")
def read_prices(stay, rows, net, shared, begin, buy):  # type: ignore[no-untyped-def]
    """Fill the prices that a stay sees, by the limits above it."""
    arrive, steps, j = stay.arrive, stay.steps, stay.limit
    limit, term = rows.limit, rows.term
    for q in range(steps):
        buy[begin + q] = 0.0
    while j >= 0:
        place = rows.place[j]
        power = net if place < 0 else shared
        at = j if place < 0 else place
        for q in range(steps):
            buy[begin + q] += limit[j, FLAT, arrive + q]
        if rows.square[j] > 0.0:
            for q in range(steps):
                t = arrive + q
                buy[begin + q] += rows.square[j] * (power[at, t] - limit[j, CENTRE, t])
        for k in range(rows.first[j], rows.first[j + 1]):
            for q in range(steps):
                t = arrive + q
                part = term[k, MULT, t] + term[k, PULL, t] * (power[at, t] - term[k, AT, t])
                buy[begin + q] += min(max(part, term[k, LEAST, t]), term[k, MOST, t])
        j = rows.parent[j]


@njit(cache=True, nogil=True, inline="always")
def rise_at(stay, rows, net, shared, begin, change, share, mirror, step_h):  # type: ignore[no-untyped-def]
    """Rise of the cost of the limits above a stay per share of its change, beyond share 0."""
    arrive, steps, j, rise = stay.arrive, stay.steps, stay.limit, 0.0
    term = rows.term
    while j >= 0:
        place = rows.place[j]
        power = net if place < 0 else shared
        at = j if place < 0 else place
        scale = share if place < 0 else share * mirror
        if rows.square[j] > 0.0:
            for q in range(steps):
                move = change[begin + q]
                rise += rows.square[j] * scale * move * move * step_h[arrive + q]
        for k in range(rows.first[j], rows.first[j + 1]):
            for q in range(steps):
                t, move = arrive + q, change[begin + q]
                old = term[k, MULT, t] + term[k, PULL, t] * (power[at, t] - term[k, AT, t])
                new = old + term[k, PULL, t] * scale * move
                old = min(max(old, term[k, LEAST, t]), term[k, MOST, t])
                new = min(max(new, term[k, LEAST, t]), term[k, MOST, t])
                rise += (new - old) * move * step_h[t]
        j = rows.parent[j]
    return rise


@njit(cache=True, nogil=True, inline="always")
def move_net(stay, rows, net, shared, begin, change, mirror):  # type: ignore[no-untyped-def]
    """Add a change of power to all limits above a stay."""
    arrive, steps, j = stay.arrive, stay.steps, stay.limit
    while j >= 0:
        place = rows.place[j]
        if place < 0:
            for q in range(steps):
                net[j, arrive + q] += change[begin + q]
        else:
            for q in range(steps):
                shared[place, arrive + q] += mirror * change[begin + q]
        j = rows.parent[j]


@njit(cache=True, nogil=True, inline="always")
def mix(stay, old, new, share, begin):  # type: ignore[no-untyped-def]
    """Mix two schedules of a stay in the energy stored, where every mix is feasible: into new."""
    gain, draw = stay.gain, stay.draw
    for p in range(begin, begin + stay.steps):
        a = old[p] * (gain if old[p] > 0.0 else draw)
        b = new[p] * (gain if new[p] > 0.0 else draw)
        flow = a + share * (b - a)
        new[p] = flow / (gain if flow > 0.0 else draw)


@njit(cache=True, nogil=True)
def sweep(stays, members, rows, net, shared, mirror, power, plug_price, work):  # type: ignore[no-untyped-def]
    """Let the vehicles ``members`` answer in turn; return what all of them could still gain."""
    slope, length, up, down, link, buy, sell, best, change = work
    each, total = stays.each, 0.0
    for u in members:
        first, last = stays.vehicle[u], stays.vehicle[u + 1] - 1
        begin = each[first].start
        size = each[last].start + each[last].steps - begin
        now = power[begin : begin + size]
        for i in range(first, last + 1):
            stay = each[i]
            at = stay.start - begin
            read_prices(stay, rows, net, shared, at, buy)
            add_plug_prices(stay, plug_price, at, buy, sell)
        value_back(stays, first, last, buy, sell, up, down, link, slope, length)
        go_forward(stays, first, last, up, down, link, best)
        gain = own_cost(stays, first, last, buy, sell, best)
        gain -= own_cost(stays, first, last, buy, sell, now)
        if gain >= -1e-12:
            continue
        total -= gain
        for p in range(size):
            change[p] = best[p] - now[p]
        share = line_search(stays, first, last, rows, net, shared, begin, change, mirror, gain)
        if share < 1.0:
            for i in range(first, last + 1):
                mix(each[i], now, best, share, each[i].start - begin)
        for p in range(size):
            change[p] = best[p] - now[p]
            now[p] = best[p]
        for i in range(first, last + 1):
            move_net(each[i], rows, net, shared, each[i].start - begin, change, mirror)
    return total


@njit(cache=True, nogil=True, inline="always")
def add_plug_prices(stay, plug_price, begin, buy, sell):  # type: ignore[no-untyped-def]
    """Let energy be billed at each plug where there is no meter."""
    for q in range(stay.steps):
        sell[begin + q] = buy[begin + q]
    if plug_price.shape[0] > 0:
        for q in range(stay.steps):
            buy[begin + q] += plug_price[0, stay.arrive + q]
            sell[begin + q] += plug_price[1, stay.arrive + q]


@njit(cache=True, nogil=True, inline="always")
def line_search(stays, first, last, rows, net, shared, begin, change, mirror, gain):  # type: ignore[no-untyped-def]
    """Find the share of a move at which the falling cost begins to rise (regula falsi)."""
    low, high, at_low, share, at_high = 0.0, 1.0, gain, 1.0, 0.0
    for trial in range(TRIALS):
        rise = gain
        for i in range(first, last + 1):
            stay = stays.each[i]
            at = stay.start - begin
            rise += rise_at(stay, rows, net, shared, at, change, share, mirror, stays.step_h)
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
def update_multipliers(rows, net, limits):  # type: ignore[no-untyped-def]
    """Take the prices of the moment as multipliers."""
    term = rows.term
    for j in limits:
        for k in range(rows.first[j], rows.first[j + 1]):
            for t in range(net.shape[1]):
                part = term[k, MULT, t] + term[k, PULL, t] * (net[j, t] - term[k, AT, t])
                term[k, MULT, t] = min(max(part, term[k, LEAST, t]), term[k, MOST, t])


@njit(cache=True, nogil=True)
def sum_net(stays, parent, power, net):  # type: ignore[no-untyped-def]
    """Add the powers of all stays up the tree; limits stand behind their parents."""
    net[:] = 0.0
    for i in range(len(stays.each)):
        j = stays.each[i].limit
        if j < 0:
            continue
        arrive = stays.each[i].arrive
        for q in range(stays.each[i].steps):
            net[j, arrive + q] += power[stays.each[i].start + q]
    for j in range(len(parent) - 1, -1, -1):
        if parent[j] >= 0:
            for t in range(net.shape[1]):
                net[parent[j], t] += net[j, t]


@njit(cache=True, nogil=True)
def average(stays, power, mean, weight):  # type: ignore[no-untyped-def]
    """Move the mean schedule towards the present one, in stored energy."""
    for i in range(len(stays.each)):
        stay = stays.each[i]
        gain, draw = stay.gain, stay.draw
        for p in range(stay.start, stay.start + stay.steps):
            a = mean[p] * (gain if mean[p] > 0.0 else draw)
            b = power[p] * (gain if power[p] > 0.0 else draw)
            flow = a + weight * (b - a)
            mean[p] = flow / (gain if flow > 0.0 else draw)
