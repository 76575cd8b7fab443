"""Compiled rainflow counting, ASTM E1049-85 5.4.4, one point after another.

Reversals wait on a stack until a later, larger range closes them; the stack and what is known of
the last points is all that is carried from one part of a series to the next.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Stack(NamedTuple):
    """Open reversals, and what is known of the last points.

    ``state`` holds the number of open reversals, the number of points seen, the last value that
    differed from the one before it, and the slope that led to it.
    """

    value: Floats
    place: Ints
    state: Floats

    @classmethod
    def of(cls, room: int) -> Stack:
        """Make an empty stack with room for so many reversals."""
        return cls(np.empty(room), np.empty(room, dtype=np.int64), np.zeros(4))


class Closed(NamedTuple):
    """Cycles as they close; arrays of equal length."""

    size: Floats
    mean: Floats
    weight: Floats
    i_start: Ints
    i_end: Ints

    @classmethod
    def of(cls, room: int) -> Closed:
        """Make room for so many cycles."""
        size, mean, weight = np.empty(room), np.empty(room), np.empty(room)
        places = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        return cls(size, mean, weight, *places)


@njit(cache=True, error_model="numpy")
def count(series: Floats, last_part: bool, stack: Stack, out: Closed) -> int:
    """Go on with more points; return how many cycles they closed.

    With ``last_part`` the last point counts as a reversal, and what then remains open as half
    cycles. The stack needs room for its reversals, all points and two more, ``out`` as much.
    """
    value, place, state = stack.value, stack.place, stack.state
    size, mean, weight, i_start, i_end = out
    top, seen = int(state[0]), int(state[1])
    last, slope = state[2], state[3]
    n, i = 0, 0
    if seen == 0 and series.size > 0:
        last = series[0]
        value[0], place[0] = last, 0
        top, seen, i = 1, 1, 1
    more_than_one = seen + series.size - i > 1
    points = series.size + (1 if last_part and more_than_one else 0)
    while i < points:
        if i < series.size:
            x = series[i]
            i += 1
            seen += 1
            if x == last:
                continue
            rise = x - last
            turns = slope * rise < 0.0
            before, last, slope = last, x, rise
            if not turns:
                continue
            value[top], place[top] = before, seen - 2
        else:  # the end of the series is a reversal
            value[top], place[top] = last, seen - 1
            i += 1
        top += 1
        while top >= 3:
            X = abs(value[top - 1] - value[top - 2])
            Y = abs(value[top - 2] - value[top - 3])
            if X < Y:
                break
            size[n], mean[n] = Y, 0.5 * (value[top - 3] + value[top - 2])
            i_start[n], i_end[n] = place[top - 3], place[top - 2]
            if top == 3:  # Y contains the starting point: half a cycle
                weight[n] = 0.5
                value[0], place[0] = value[1], place[1]
                value[1], place[1] = value[2], place[2]
                top = 2
            else:
                weight[n] = 1.0
                value[top - 3], place[top - 3] = value[top - 1], place[top - 1]
                top -= 2
            n += 1
    if last_part:
        for k in range(top - 1):
            size[n], mean[n] = abs(value[k] - value[k + 1]), 0.5 * (value[k] + value[k + 1])
            i_start[n], i_end[n] = place[k], place[k + 1]
            weight[n] = 0.5
            n += 1
        top, seen, last, slope = 0, 0, 0.0, 0.0
    state[0], state[1], state[2], state[3] = top, seen, last, slope
    return n
