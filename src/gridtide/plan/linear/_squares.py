"""Squares of load, tangent by tangent: a convex cost that a linear problem meets where it matters.

A column u stands for the square of a limit's net power y less its centre c, in parts of the
widest distance D:

    u ≥ ((y0 - c)² + 2·(y0 - c)·(y - y0)) / D   for points y0,   cost dt·price·D·u

It counts in hundredths of a kW: the solver leaves rows broken by 1e-7.

Any set of points gives a lower bound. The plan is solved, its own net powers give the tangents
that it breaks, and it is solved again from where it stood (Kelley's cutting planes [1]_, each
square by itself).

References
----------
.. [1] J. E. Kelley: The cutting-plane method for solving convex programs, 1960,
   doi:10.1137/0108053.
"""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.linear._solver import Solver
from gridtide.plan.problem import Bools, Floats, Ints

PARTS_PER_KW = 100.0
BROKEN = 1e-7
FIRST_POINTS = 9


class Squares:
    """The squares of one problem, with the tangents found so far.

    Parameters
    ----------
    layout
        What is planned.
    """

    def __init__(self, layout: Layout) -> None:
        problem = layout.problem
        self.limit, self.step = np.nonzero(square_places(layout))
        at = self.limit, self.step
        self._lower = np.maximum(layout.lower_kw, layout.least_kw)[at]
        self._upper = np.minimum(layout.upper_kw, layout.most_kw)[at]
        reference = problem.load_reference_kw
        self._centre = (0.0 if reference is None else reference[at]) - layout.base_kw[at]
        ends = np.abs(np.stack((self._lower, self._upper)) - self._centre)
        self._reach = np.maximum(ends.max(axis=0, initial=0.0), 1e-9)
        price = problem.load_square_price_per_kw2h
        each = np.zeros(len(self.limit)) if price is None else price[self.limit]
        self._part = self._reach / PARTS_PER_KW
        self._cost = each * problem.step_h[self.step] * self._part
        self._points = [self._first()]
        self._square = self._net = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        """Return the number of squares."""
        return len(self.limit)

    def assemble(self, build: Builder, net: Ints) -> None:
        """Add the columns, and a row for every tangent found so far.

        Parameters
        ----------
        build
            Takes columns and rows.
        net
            Columns of the net power, shape (m, T).
        """
        if not len(self):
            return
        self._net = net[self.limit, self.step]
        self._square = build.columns(len(self), 0.0, self._reach**2 / self._part, self._cost)
        for place, point in self._points:
            lower, slope = self._tangents(place, point)
            rows = build.rows(len(place), lower, np.inf)
            build.entries(rows, self._square[place], 1.0)
            build.entries(rows, self._net[place], -slope)

    def add(self, solver: Solver, point: Floats, x: Floats) -> int:
        """Add the tangents at a point, and at the solution itself, that the solution breaks."""
        count = 0
        for y0 in (x[self._net], point[self._net]):
            lower, slope = self._tangents(np.arange(len(self)), y0)
            broken = lower + slope * x[self._net] - x[self._square] > BROKEN
            place = np.flatnonzero(broken)
            if len(place):
                self._give(solver, place, lower[place], slope[place])
                self._points.append((place, y0[place]))
            count += len(place)
        return count

    def note(self, x: Floats) -> None:
        """Keep the tangents at a solution for the next time that the matrix is built."""
        self._points.append((np.arange(len(self)), x[self._net]))

    def _give(self, solver: Solver, place: Ints, lower: Floats, slope: Floats) -> None:
        rows = np.tile(np.arange(len(place)), 2)
        columns = np.concatenate((self._square[place], self._net[place]))
        solver.add_rows(lower, rows, columns, np.concatenate((np.ones(len(place)), -slope)))

    def _first(self) -> tuple[Ints, Floats]:
        """Points spread over the range of every net power."""
        share = np.linspace(0.0, 1.0, FIRST_POINTS)
        points = self._lower[:, None] + (self._upper - self._lower)[:, None] * share
        return np.repeat(np.arange(len(self)), FIRST_POINTS), points.ravel()

    def _tangents(self, place: Ints, point: Floats) -> tuple[Floats, Floats]:
        """Return value at y = 0 and slope of the tangents at some points."""
        away, part = point - self._centre[place], self._part[place]
        return (away**2 - 2.0 * away * point) / part, 2.0 * away / part


def square_places(layout: Layout) -> Bools:
    """Tell which limits and steps have a square that vehicles can move, shape (m, T)."""
    price = layout.problem.load_square_price_per_kw2h
    busy = (layout.most_kw > 0) | (layout.least_kw < 0)
    return np.zeros_like(busy) if price is None else busy & (price > 0)[:, None]


def fixed_square_cost(layout: Layout) -> float:
    """Cost of the squares that no vehicle can move [currency]."""
    problem, price = layout.problem, layout.problem.load_square_price_per_kw2h
    if price is None:
        return 0.0
    away = layout.base_kw.copy()
    if problem.load_reference_kw is not None:
        away -= problem.load_reference_kw
    away[square_places(layout)] = 0.0
    return float(price @ (away**2 @ problem.step_h))


def steepest_square_per_kwh(layout: Layout) -> float:
    """Most that a kWh can change the squares of all limits above it [currency/kWh]."""
    problem, price = layout.problem, layout.problem.load_square_price_per_kw2h
    if price is None:
        return 0.0
    centre = -layout.base_kw
    if problem.load_reference_kw is not None:
        centre = centre + problem.load_reference_kw
    away = np.maximum(np.abs(layout.most_kw - centre), np.abs(layout.least_kw - centre))
    slope = 2.0 * price * away.max(axis=1, initial=0.0)
    for j, parent in enumerate(problem.limit_parent):
        if parent >= 0:
            slope[j] += slope[parent]
    return float(slope.max(initial=0.0))
