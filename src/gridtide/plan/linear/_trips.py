"""Rows and columns of the drives between the stays of one vehicle.

Each stay that continues has its energy b at the start and what was charged on the way, s:

    drive       b - e_end of the stay before - s = -driven,  min ≤ b,  0 ≤ s
    as little   s ≤ s_most·z,  b ≤ min + (b_most - min)·(1 - z), only where ``Modes`` asks for it

Charging on the way has the price of a shortfall. Where that is less than what energy is worth,
or where two targets after it are out of reach, the relaxation takes more than the drive needs:
there z says whether the battery held too little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._chains import continuing, generations
from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Bools, Floats, Ints

LOOSE_KWH = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Drives:
    """Columns of the drives.

    Parameters
    ----------
    end
        Column of the energy at the end of each stay; -1 where it is the arrival, shape (n,).
    start
        Column of the energy at the start of each stay; -1 where that is the arrival, shape (n,).
    rows
        Rows that determine ``start``.
    en_route, stay
        Columns of what is charged on the way, and the stays after it.
    """

    end: Ints
    start: Ints
    rows: Ints
    en_route: Ints
    stay: Ints


def add_drives(layout: Layout, build: Builder, energy: Ints, price: float) -> Drives:
    """Add the drives; ``price`` is that of charging on the way [currency/kWh]."""
    problem, starts = layout.problem, layout.starts
    rows = continuing(problem)
    end, stays = np.full(len(problem), -1), layout.last >= 0
    end[stays] = energy[layout.last[stays]]
    start = np.full(len(problem), -1)
    if len(rows) == 0:
        return Drives(end=end, start=start, rows=rows, en_route=rows, stay=rows)
    assert problem.driven_kwh is not None
    start[rows] = build.columns(len(rows), starts.low_kwh[rows], starts.high_kwh[rows])
    for later in generations(problem)[1:]:
        away = later[layout.last[later] < 0]
        end[away] = start[away]
    before = end[rows - 1]
    known = before < 0
    change = np.where(known, problem.arrival_kwh[rows - 1], 0.0) - problem.driven_kwh[rows]
    equations = build.rows(len(rows), change, change)
    build.entries(equations, start[rows], 1.0)
    build.entries(equations[~known], before[~known], -1.0)
    aided = starts.en_route_most_kwh[rows] > 0
    stay = rows[aided]
    least, most = starts.en_route_least_kwh[stay], starts.en_route_most_kwh[stay]
    en_route = build.columns(len(stay), least, most, price)
    build.entries(equations[aided], en_route, -1.0)
    return Drives(end=end, start=start, rows=equations, en_route=en_route, stay=stay)


def add_modes(layout: Layout, build: Builder, drives: Drives, places: Bools) -> Ints:
    """Let ``places`` charge on the way only what keeps the minimum; the columns, shape (n,)."""
    columns = np.full(len(places), -1)
    asked = places[drives.stay]
    stay, en_route = drives.stay[asked], drives.en_route[asked]
    columns[stay] = z = build.columns(len(stay), 0.0, 1.0, integer=True)
    rows = build.rows(len(stay), -np.inf, 0.0)
    build.entries(rows, en_route, 1.0)
    build.entries(rows, z, -layout.starts.en_route_most_kwh[stay])
    high = layout.starts.high_kwh[stay]
    rows = build.rows(len(stay), -np.inf, high)
    build.entries(rows, drives.start[stay], 1.0)
    build.entries(rows, z, high - layout.problem.min_kwh[stay])
    return columns


def charged_too_much(layout: Layout, drives: Drives, x: Floats) -> Bools:
    """Stays before which more was charged on the way than the drive needed, shape (n,)."""
    loose = np.zeros(len(layout.problem), dtype=bool)
    above = x[drives.start[drives.stay]] > layout.problem.min_kwh[drives.stay] + LOOSE_KWH
    loose[drives.stay] = above & (x[drives.en_route] > LOOSE_KWH)
    return loose
