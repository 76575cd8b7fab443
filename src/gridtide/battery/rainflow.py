"""Cycle counting: rainflow after ASTM E1049-85, section 5.4.4.

A series is reduced to its reversals; the first and the last point count as such. Ranges that a
later, larger range closes are full cycles, those that contain the starting point and those still
open at the end are half cycles. ``count * range`` summed, twice, is the total variation.

Counting can go on: the reversals that are still open are carried from one part of a series to
the next, so that a month at a time gives the same cycles as all at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_rainflow import Closed, Stack, count
from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycles:
    """Cycles in the order in which they close; arrays of shape (cycles,).

    Parameters
    ----------
    range, mean
        Of the two reversals, in the unit of the series.
    count
        1 for a full cycle, 0.5 for half of one.
    i_start, i_end
        Where the two reversals stand in the series.
    """

    range: Floats
    mean: Floats
    count: Floats
    i_start: Ints
    i_end: Ints

    def __len__(self) -> int:
        """Return the number of cycles, full and half."""
        return len(self.range)


class CycleCounter:
    """Counts the cycles of a series that comes in parts.

    Examples
    --------
    >>> counter = CycleCounter()
    >>> january = counter.feed([0.8, 0.5, 0.7, 0.3])
    >>> february = counter.feed([0.9, 0.6])
    >>> still_open = counter.finish()
    """

    def __init__(self) -> None:
        self._stack = Stack.of(0)

    def feed(self, series: npt.ArrayLike) -> Cycles:
        """Go on with more points and return the cycles that they close.

        Raises
        ------
        InputError
            If the series is not one row of finite numbers.
        """
        self._stack, cycles = _count(self._stack, _checked(series), last_part=False)
        return cycles

    def finish(self) -> Cycles:
        """End the series: what is open counts as half cycles. The counter can begin anew."""
        self._stack, cycles = _count(self._stack, np.empty(0), last_part=True)
        return cycles


def count_cycles(series: npt.ArrayLike) -> Cycles:
    """Count the cycles of a whole series.

    The same cycles in the same order as the PyPI package ``rainflow`` 3.2.0 (MIT), but for a
    series of two points, where that returns none and this the half cycle that it is.

    Parameters
    ----------
    series
        Shape (points,), in any unit.

    Raises
    ------
    InputError
        If the series is not one row of finite numbers.
    """
    return _count(Stack.of(0), _checked(series), last_part=True)[1]


def _checked(series: npt.ArrayLike) -> Floats:
    points = np.ascontiguousarray(series, dtype=np.float64)
    if points.ndim != 1:
        what, mend = f"has the shape {points.shape}", "Count one series at a time"
        raise InputError([Finding("series", what, mend)])
    bad = np.flatnonzero(~np.isfinite(points))
    if bad.size:
        what = f"holds {points[bad[0]]} at position {bad[0]}"
        raise InputError([Finding("series", what, "Fill gaps before counting cycles")])
    return points


def _count(before: Stack, points: Floats, *, last_part: bool) -> tuple[Stack, Cycles]:
    """Count more points on a copy of the stack that has room for them."""
    top = int(before.state[0])
    room = top + points.size + 2
    stack, out = Stack.of(room), Closed.of(room)
    stack.value[:top], stack.place[:top] = before.value[:top], before.place[:top]
    stack.state[:] = before.state
    n = count(points, last_part, stack, out)
    return stack, Cycles(
        range=out.size[:n],
        mean=out.mean[:n],
        count=out.weight[:n],
        i_start=out.i_start[:n],
        i_end=out.i_end[:n],
    )
