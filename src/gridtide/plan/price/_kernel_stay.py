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

from numba import njit

BURN = 1e-12


@njit(cache=True, nogil=True)
def split(slope, length, count, lo, at):  # type: ignore[no-untyped-def]
    """Break the segment that holds energy ``at``; return its upper part's index and the count."""
    below = lo
    for j in range(count):
        if at <= below + 1e-12:
            return j, count
        if at < below + length[j] - 1e-12:
            for m in range(count, j + 1, -1):
                slope[m], length[m] = slope[m - 1], length[m - 1]
            slope[j + 1], length[j + 1] = slope[j], below + length[j] - at
            length[j] = at - below
            return j + 1, count + 1
        below += length[j]
    return count, count


@njit(cache=True, nogil=True)
def steepen_below(slope, length, count, lo, v, at, price):  # type: ignore[no-untyped-def]
    """Add ``price`` x max(0, at - e) to V; return the count and V at the lower end."""
    if price == 0.0 or at <= lo:
        return count, v
    upper, count = split(slope, length, count, lo, at)
    for j in range(upper):
        slope[j] -= price
    return count, v + price * (at - lo)


@njit(cache=True, nogil=True)
def steepen_above(slope, length, count, lo, v, at, price):  # type: ignore[no-untyped-def]
    """Add ``price`` x max(0, e - at) to V; return the count and V at the lower end."""
    if price == 0.0:
        return count, v
    upper, count = split(slope, length, count, lo, at)
    for j in range(upper, count):
        slope[j] += price
    return count, v + price * max(0.0, lo - at)


@njit(cache=True, nogil=True)
def trim(slope, length, count, lo, hi, v, low, high):  # type: ignore[no-untyped-def]
    """Cut V to the window; return the count, both ends and V at the lower one."""
    cut = 0
    while cut < count and lo < low:
        part = min(length[cut], low - lo)
        v += slope[cut] * part
        if length[cut] > part:
            length[cut] -= part
            lo = low
            break
        lo += part
        cut += 1
    if cut > 0:
        count -= cut
        for j in range(count):
            slope[j], length[j] = slope[j + cut], length[j + cut]
    while count > 0 and hi > high:
        part = min(length[count - 1], hi - high)
        if length[count - 1] > part:
            length[count - 1] -= part
            hi = high
            break
        hi -= part
        count -= 1
    return count, lo, hi, v


@njit(cache=True, nogil=True)
def due_cost(stays, i, slope, length, count, lo, v):  # type: ignore[no-untyped-def]
    """Add what energy missing on departure costs: first bands first."""
    due = stays.due_kwh[i]
    if due == -float("inf"):
        return count, v
    bands = stays.short_price.size
    width = max(due - stays.wanted_from_kwh[i], 0.0) / bands
    before = 0.0
    for m in range(bands):
        price = stays.short_price[m]
        count, v = steepen_below(slope, length, count, lo, v, due - m * width, price - before)
        before = price
        if width == 0.0:
            break
    return count, v


@njit(cache=True, nogil=True)
def node_cost(stays, i, k, slope, length, count, lo, v):  # type: ignore[no-untyped-def]
    """Add what holding energy at the end of step ``k`` costs, and being outside the window."""
    hours = stays.step_h[k]
    if stays.bands > 0:
        row = k if stays.band_price.shape[1] > 1 else 0
        at = k if stays.band_base.shape[1] > 1 else 0
        first = hours * stays.band_price[i, row, 0]
        v += hours * stays.band_base[i, at] + first * (lo - stays.band_edge[i, 0])
        for j in range(count):
            slope[j] += first
        for m in range(1, stays.bands):
            more = hours * (stays.band_price[i, row, m] - stays.band_price[i, row, m - 1])
            count, v = steepen_above(slope, length, count, lo, v, stays.band_edge[i, m], more)
    if stays.recover_price > 0.0:
        price = hours * stays.recover_price
        if stays.low_kwh[i] < stays.min_kwh[i]:
            count, v = steepen_below(slope, length, count, lo, v, stays.min_kwh[i], price)
        if stays.high_kwh[i] > stays.max_kwh[i]:
            count, v = steepen_above(slope, length, count, lo, v, stays.max_kwh[i], price)
    return count, v


@njit(cache=True, nogil=True)
def end_cost(stays, i, slope, length, count, lo, v):  # type: ignore[no-untyped-def]
    """Take off what energy held at the end of the last stay is worth, up to a level."""
    if stays.end_price.size == 0:
        return count, v
    price, level = stays.end_price[i], stays.end_level_kwh[i]
    count, v = steepen_below(slope, length, count, lo, v, level, price)
    return count, v - price * level


@njit(cache=True, nogil=True)
def tapered(stays, i, hours):  # type: ignore[no-untyped-def]
    """Bend, shrinking and shift of the taper: above the bend e' <= shrink * (e + shift)."""
    if stays.taper.size == 0 or stays.taper[i, 1] <= 0.0:
        return float("inf"), 1.0, 0.0
    full, fade, since = stays.taper[i, 0], stays.taper[i, 1], stays.taper[i, 2]
    bend = since + (full - stays.charge_kw[i] * stays.gain[i]) / fade
    return bend, 1.0 / (1.0 + hours * fade), hours * (full + fade * since)


@njit(cache=True, nogil=True)
def step_back(stays, i, k, buy, sell, slope, length, count, lo, hi, v):  # type: ignore[no-untyped-def]
    """Go back over step ``k``: both thresholds, and V before it (count, ends, value at lo)."""
    hours, gain, draw = stays.step_h[k], stays.gain[i], stays.draw[i]
    room, fall = stays.charge_kw[i] * hours * gain, stays.discharge_kw[i] * hours * draw
    worn = sell - stays.wear[i]
    sc, sd = -buy / gain, -worn / draw
    burns = sd < sc - BURN and room > 0.0 and fall > 0.0
    if burns:
        # Burning would pay: of the two rays only the hull is used, their chord.
        sc = sd = -(buy * room / gain + worn * fall / draw) / (room + fall)
    elif fall == 0.0 or sd < sc:
        sd = max(sc, sd)
    a, up_to = 0, lo
    while a < count and slope[a] < sc:
        up_to += length[a]
        a += 1
    start, charged = lo - room, room
    bend, shrink, shift = tapered(stays, i, hours)
    if up_to > bend and not burns:
        cut = 0
        if lo < bend:
            cut, more = split(slope, length, count, lo, bend)
            a, count = a + more - count, more
        else:
            start = lo / shrink - shift
        for j in range(cut, a):
            length[j] /= shrink
            slope[j] = shrink * slope[j] + (1.0 - shrink) * sc
        charged = shift - up_to * (1.0 / shrink - 1.0)
    v += buy / gain * (lo - start)
    b, down_to = a, up_to
    while b < count and slope[b] <= sd:
        down_to += length[b]
        b += 1
    first, second = int(charged > 0.0), int(fall > 0.0)
    if second + first > 0:
        for j in range(count - 1, b - 1, -1):
            slope[j + first + second], length[j + first + second] = slope[j], length[j]
    if first:
        for j in range(b - 1, a - 1, -1):
            slope[j + 1], length[j + 1] = slope[j], length[j]
        slope[a], length[a] = sc, charged
    if second:
        slope[b + first], length[b + first] = sd, fall
    return up_to, down_to, count + first + second, start, hi + fall, v


@njit(cache=True, nogil=True)
def link_back(stays, i, slope, length, count, lo, hi, v):  # type: ignore[no-untyped-def]
    """Go back over the drive before stay ``i``: energy may be bought on the way."""
    price = stays.short_price[stays.short_price.size - 1]
    steep, at = 0, lo
    while steep < count and slope[steep] < -price:
        v += (slope[steep] + price) * length[steep]
        at += length[steep]
        slope[steep] = -price
        steep += 1
    # v was V(lo) of the old slopes; the flatter ones end at the same V(at).
    lo, hi = lo + stays.driven_kwh[i], hi + stays.driven_kwh[i]
    more = lo - stays.low_kwh[i - 1]
    if more > 0.0:
        for j in range(count - 1, -1, -1):
            slope[j + 1], length[j + 1] = slope[j], length[j]
        slope[0], length[0] = -price, more
        count, lo, v = count + 1, lo - more, v + price * more
    return at, count, lo, hi, v


@njit(cache=True, nogil=True)
def window(stays, i, k):  # type: ignore[no-untyped-def]
    """Hard window at the end of the k-th step of stay ``i``."""
    if stays.floor_kwh.size == 0:
        return stays.low_kwh[i], stays.high_kwh[i]
    return stays.floor_kwh[stays.start[i] + k], stays.high_kwh[i]


@njit(cache=True, nogil=True)
def value_back(stays, first, last, buy, sell, up, down, link, slope, length):  # type: ignore[no-untyped-def]
    """Go back through the stays ``first..last`` of one vehicle and keep the thresholds.

    ``buy`` and ``sell`` are prices [currency/kWh], ``up`` and ``down`` the thresholds [kWh], all
    stay by stay, step by step; ``link`` is the energy to have after each drive [kWh]. Returns V
    at the first arrival: count, lower end and the value there.
    """
    lo, hi, v, count = stays.low_kwh[last], stays.high_kwh[last], 0.0, 1
    slope[0], length[0] = 0.0, hi - lo
    count, v = end_cost(stays, last, slope, length, count, lo, v)
    for i in range(last, first - 1, -1):
        if i < last:
            link[i + 1 - first], count, lo, hi, v = link_back(
                stays, i + 1, slope, length, count, lo, hi, v
            )
            low, high = stays.low_kwh[i], stays.high_kwh[i]
            count, lo, hi, v = trim(slope, length, count, lo, hi, v, low, high)
        count, v = due_cost(stays, i, slope, length, count, lo, v)
        begin = stays.start[i] - stays.start[first]
        for q in range(stays.start[i + 1] - stays.start[i] - 1, -1, -1):
            k, low_high = stays.arrive[i] + q, window(stays, i, q)
            count, lo, hi, v = trim(
                slope, length, count, lo, hi, v, low_high[0], low_high[1]
            )
            count, v = node_cost(stays, i, k, slope, length, count, lo, v)
            up[begin + q], down[begin + q], count, lo, hi, v = step_back(
                stays, i, k, buy[begin + q], sell[begin + q], slope, length, count, lo, hi, v
            )
        if i > first:
            low, high = stays.low_kwh[i], stays.high_kwh[i]
            count, lo, hi, v = trim(slope, length, count, lo, hi, v, low, high)
    return count, lo, v


@njit(cache=True, nogil=True)
def value_at(slope, length, count, lo, v, energy):  # type: ignore[no-untyped-def]
    """V at an energy within its ends."""
    at = lo
    for j in range(count):
        part = min(length[j], energy - at)
        if part <= 0.0:
            break
        v += slope[j] * part
        at += part
    return v


@njit(cache=True, nogil=True)
def go_forward(stays, first, last, up, down, link, power):  # type: ignore[no-untyped-def]
    """Follow the thresholds from the energy held; fill the powers at the plug [kW]."""
    energy = stays.held_kwh[first]
    for i in range(first, last + 1):
        if i > first:
            energy = max(energy - stays.driven_kwh[i], link[i - first], stays.low_kwh[i])
        gain, draw, begin = stays.gain[i], stays.draw[i], stays.start[i] - stays.start[first]
        for q in range(stays.start[i + 1] - stays.start[i]):
            k, p = stays.arrive[i] + q, begin + q
            hours = stays.step_h[k]
            power[p] = 0.0
            low, high = window(stays, i, q)
            if energy < up[p]:
                to = min(up[p], energy + stays.charge_kw[i] * hours * gain, high)
                bend, shrink, shift = tapered(stays, i, hours)
                if to > bend:
                    to = max(min(to, shrink * (energy + shift)), energy)
                power[p] = (to - energy) / (hours * gain)
                energy = to
            elif energy > down[p]:
                to = max(down[p], energy - stays.discharge_kw[i] * hours * draw, low)
                if to < energy:
                    power[p] = (to - energy) / (hours * draw)
                    energy = to


@njit(cache=True, nogil=True)
def short_cost(stays, i, energy):  # type: ignore[no-untyped-def]
    """Cost of the energy missing on departure [currency]."""
    missing = stays.due_kwh[i] - energy
    if missing <= 0.0:
        return 0.0
    bands = stays.short_price.size
    width = max(stays.due_kwh[i] - stays.wanted_from_kwh[i], 0.0) / bands
    if bands == 1 or width == 0.0:
        return stays.short_price[0] * missing
    cost = 0.0
    for m in range(bands):
        part = missing if m == bands - 1 else min(missing, width)
        cost += stays.short_price[m] * part
        missing -= part
        if missing <= 0.0:
            break
    return cost


@njit(cache=True, nogil=True)
def held_cost(stays, i, k, energy):  # type: ignore[no-untyped-def]
    """Cost of holding ``energy`` at the end of step ``k``, the way back to the window included."""
    cost = 0.0
    if stays.bands > 0:
        row = k if stays.band_price.shape[1] > 1 else 0
        at = k if stays.band_base.shape[1] > 1 else 0
        before = stays.band_price[i, row, 0]
        cost = stays.band_base[i, at] + before * (energy - stays.band_edge[i, 0])
        for m in range(1, stays.bands):
            price = stays.band_price[i, row, m]
            cost += (price - before) * max(0.0, energy - stays.band_edge[i, m])
            before = price
    if stays.recover_price > 0.0:
        below = max(0.0, stays.min_kwh[i] - energy) if stays.low_kwh[i] < stays.min_kwh[i] else 0.0
        above = max(0.0, energy - stays.max_kwh[i]) if stays.high_kwh[i] > stays.max_kwh[i] else 0.0
        cost += stays.recover_price * (below + above)
    return cost * stays.step_h[k]


@njit(cache=True, nogil=True)
def own_cost(stays, first, last, buy, sell, power):  # type: ignore[no-untyped-def]
    """Cost of a schedule at these prices, with wear, holding, shortfall and end value."""
    energy, cost = stays.held_kwh[first], 0.0
    on_way = stays.short_price[stays.short_price.size - 1]
    for i in range(first, last + 1):
        if i > first:
            energy -= stays.driven_kwh[i]
            missing = max(0.0, stays.low_kwh[i] - energy)
            cost += on_way * missing
            energy += missing
        begin = stays.start[i] - stays.start[first]
        for q in range(stays.start[i + 1] - stays.start[i]):
            k, kw = stays.arrive[i] + q, power[begin + q]
            hours = stays.step_h[k]
            if kw > 0.0:
                energy += kw * hours * stays.gain[i]
                cost += buy[begin + q] * kw * hours
            else:
                energy += kw * hours * stays.draw[i]
                cost += (sell[begin + q] - stays.wear[i]) * kw * hours
            if stays.bands > 0 or stays.recover_price > 0.0:
                cost += held_cost(stays, i, k, energy)
        cost += short_cost(stays, i, energy)
    if stays.end_price.size > 0:
        cost -= stays.end_price[last] * min(energy, stays.end_level_kwh[last])
    return cost
