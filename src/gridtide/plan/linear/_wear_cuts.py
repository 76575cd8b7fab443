"""Wear by depth, cut by cut: only the levels and the turning points that a plan runs into.

What a level's deep store gives over a stay is a convex function of the energy profile: each
excursion falls from a peak e_s, less the shallow store, to a valley e_t. For any peaks and
valleys in turn

    D ≥ Σ (e_s - j·width - e_t)

holds, with the store's start in place of the first peak. The plan is solved, its own turning
points give the rows that it breaks, and it is solved again from where it stood: few levels ever
matter, so this is several times quicker than all rows at once (``gridtide bench plan_site_wear``).
Every round gives a proven lower bound, and the last one is exact. Rows are drawn from a point
between the best schedule so far and the relaxation (in-out separation [1]_), which needs fewer.

References
----------
.. [1] W. Ben-Ameur, J. Neto: Acceleration of cutting-plane and column generation algorithms:
   Applications to network design, 2007, doi:10.1002/net.20137.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.linear._solver import Solver
from gridtide.plan.linear._wear import Levels
from gridtide.plan.problem import Floats, Ints

MOVED_KWH = 1e-9
BROKEN_KWH = 1e-6


@dataclass(frozen=True, slots=True)
class _Turns:
    """Entries of the rows, one per turning point: vehicle, level, place, sign; and constants."""

    vehicle: Ints
    level: Ints
    step: Ints
    sign: Floats
    constant: Floats


class DepthCuts:
    """The rows of one plan.

    Parameters
    ----------
    levels
        The levels by depth of what is planned.
    columns
        Columns of the energies at the levels' places, shape (K,).
    """

    def __init__(self, levels: Levels, columns: Ints) -> None:
        nodes, count = levels.nodes, len(levels.size_kwh)
        begin = np.flatnonzero(nodes.first)
        places = np.arange(len(columns))
        place = places - np.repeat(begin, np.diff(begin, append=len(columns)))
        self._levels = levels
        self._columns = np.full((count, int(place.max(initial=-1)) + 1), -1)
        self._columns[nodes.vehicle, place] = columns
        self._deep = levels.deep_kwh
        most = np.bincount(nodes.vehicle, nodes.fall_kwh, minlength=count)
        self._most: Floats = most.astype(float)
        self._given = np.full(levels.size_kwh.shape, -1)
        self._priced = levels.price_per_kwh > 0

    def add(self, solver: Solver, point: Floats, x: Floats) -> int:
        """Add the rows drawn from a point that the relaxation's solution breaks; their number."""
        turns = self._turns(point)
        needed = turns.constant.copy()
        held = x[self._columns[turns.vehicle, turns.step]] * turns.sign
        np.add.at(needed, (turns.vehicle, turns.level), held)
        given = np.where(self._given >= 0, x[self._given], 0.0)
        broken = self._priced & (needed - given > BROKEN_KWH)
        i, j = np.nonzero(broken)
        if len(i) == 0:
            return 0
        self._open(solver, i, j)
        row = np.full(broken.shape, -1)
        row[i, j] = np.arange(len(i))
        of = row[turns.vehicle, turns.level]
        kept = of >= 0
        rows = np.concatenate((np.arange(len(i)), of[kept]))
        at = self._columns[turns.vehicle[kept], turns.step[kept]]
        columns = np.concatenate((self._given[i, j], at))
        values = np.concatenate((np.ones(len(i)), -turns.sign[kept]))
        solver.add_rows(turns.constant[i, j], rows, columns, values)
        return len(i)

    def _open(self, solver: Solver, i: Ints, j: Ints) -> None:
        """Give levels that had none yet a column for what they give."""
        new = self._given[i, j] < 0
        i, j = i[new], j[new]
        price = self._levels.price_per_kwh[i, j]
        self._given[i, j] = solver.add_columns(price, self._most[i])

    def _turns(self, x: Floats) -> _Turns:
        """Follow the deep stores of all levels along the energies and note where they fall."""
        energy = np.where(self._columns >= 0, x[self._columns], np.nan)
        size = self._levels.size_kwh
        deep, constant = self._deep.copy(), np.zeros_like(self._deep)
        # Where the deep store's present energy comes from: a step, or -1 for its start, and the
        # constant that goes with it.
        source, beside = np.full(deep.shape, -1), self._deep.copy()
        found: list[tuple[Ints, Ints, Ints, Floats]] = []
        for k in range(energy.shape[1]):
            now = energy[:, k, None]
            falls, rises = deep > now + MOVED_KWH, deep < now - size - MOVED_KWH
            i, j = np.nonzero(falls)
            constant[i, j] += beside[i, j]
            found.append((i, j, np.full(len(i), k), np.full(len(i), -1.0)))
            later = source[i, j] >= 0
            i, j = i[later], j[later]
            found.append((i, j, source[i, j], np.ones(len(i))))
            source[falls | rises] = k
            beside = np.where(falls, 0.0, np.where(rises, -size, beside))
            deep = np.where(falls, now, np.where(rises, now - size, deep))
        vehicle, level, step, sign = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return _Turns(vehicle, level, step, sign, constant)
