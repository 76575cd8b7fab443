"""V(e): the least cost of all that is still to come, as a list of segments over stored energy.

V is convex and piecewise linear. The list is sorted by slope [currency/kWh] and stands in the
places ``head`` up to ``tail`` of two arrays, with room on both sides; ``lo`` and ``hi`` are the
ends of V [kWh] and ``v`` its value at ``lo``.
"""

from __future__ import annotations

from numba import njit

from gridtide.plan.problem import Floats

SAME_KWH = 1e-12


@njit(cache=True, nogil=True)
def split(
    slope: Floats, length: Floats, head: int, tail: int, lo: float, at: float
) -> tuple[int, int]:
    """Break the segment that holds energy ``at``; return the first place above it, and the tail."""
    below = lo
    for j in range(head, tail):
        if at <= below + SAME_KWH:
            return j, tail
        if at < below + length[j] - SAME_KWH:
            for m in range(tail, j + 1, -1):
                slope[m], length[m] = slope[m - 1], length[m - 1]
            slope[j + 1], length[j + 1] = slope[j], below + length[j] - at
            length[j] = at - below
            return j + 1, tail + 1
        below += length[j]
    return tail, tail


@njit(cache=True, nogil=True)
def steepen_below(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    v: float,
    at: float,
    price: float,
) -> tuple[int, float]:
    """Add ``price`` x max(0, at - e); return the tail and V at the lower end."""
    if price == 0.0 or at <= lo:
        return tail, v
    above, tail = split(slope, length, head, tail, lo, at)
    for j in range(head, above):
        slope[j] -= price
    return tail, v + price * (at - lo)


@njit(cache=True, nogil=True)
def steepen_above(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    v: float,
    at: float,
    price: float,
) -> tuple[int, float]:
    """Add ``price`` x max(0, e - at); return the tail and V at the lower end."""
    if price == 0.0:
        return tail, v
    above, tail = split(slope, length, head, tail, lo, at)
    for j in range(above, tail):
        slope[j] += price
    return tail, v + price * max(0.0, lo - at)


@njit(cache=True, nogil=True, inline="always")
def trim(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    hi: float,
    v: float,
    low: float,
    high: float,
) -> tuple[int, int, float, float, float]:
    """Cut V to a window; return head, tail, both ends and V at the lower one."""
    while lo < low and head < tail:
        part = low - lo
        if length[head] > part:
            v += slope[head] * part
            length[head] -= part
            lo = low
        else:
            v += slope[head] * length[head]
            lo += length[head]
            head += 1
    while hi > high and head < tail:
        part = hi - high
        if length[tail - 1] > part:
            length[tail - 1] -= part
            hi = high
        else:
            hi -= length[tail - 1]
            tail -= 1
    return head, tail, lo, hi, v


@njit(cache=True, nogil=True)
def value_at(
    slope: Floats, length: Floats, head: int, tail: int, lo: float, v: float, energy: float
) -> float:
    """V at an energy between its ends."""
    at = lo
    for j in range(head, tail):
        # Segments of no length lie between others where a power is given, or a window has no width.
        if at >= energy:
            break
        part = min(length[j], energy - at)
        v += slope[j] * part
        at += part
    return v


@njit(cache=True, nogil=True)
def stretch_tapered(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    lo: float,
    a: int,
    bend: float,
    stretch: float,
    sc: float,
) -> tuple[int, int]:
    """Charging above the bend stores less: stretch what lies between the bend and place ``a``."""
    cut = head
    if lo < bend:
        cut, more = split(slope, length, head, tail, lo, bend)
        a, tail = a + more - tail, more
    for j in range(cut, a):
        length[j] *= stretch
        slope[j] = slope[j] / stretch + (1.0 - 1.0 / stretch) * sc
    return a, tail


@njit(cache=True, nogil=True, inline="always")
def insert(
    slope: Floats,
    length: Floats,
    head: int,
    tail: int,
    at: int,
    new_slope: float,
    new_length: float,
) -> tuple[int, int]:
    """Put a segment before the place ``at``, moving the shorter side; return head and tail."""
    if at - head < tail - at:
        for j in range(head, at):
            slope[j - 1], length[j - 1] = slope[j], length[j]
        slope[at - 1], length[at - 1] = new_slope, new_length
        head -= 1
    else:
        for j in range(tail - 1, at - 1, -1):
            slope[j + 1], length[j + 1] = slope[j], length[j]
        slope[at], length[at] = new_slope, new_length
        tail += 1
    return head, tail
