"""Energies of a vehicle in the order of time: at the end of each step, and after each drive.

Wear by depth follows a battery through all its stays. Between two of them it falls by the drive,
so the start of a stay that continues is a place of its own, just before the stay's pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._chains import continuing, first_stay, generations
from gridtide.plan._layout import Layout, most_kw
from gridtide.plan.problem import Bools, Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """K places, vehicle by vehicle.

    Parameters
    ----------
    pair
        Place of each pair, shape (N,).
    stay, start
        Stays that continue and the places of their starts, both shape (r,).
    vehicle
        Row of the first stay of the vehicle, shape (K,).
    row
        Row of the stay itself, shape (K,).
    first
        Whether it is the vehicle's first place, shape (K,).
    low_kwh
        Lowest energy there, shape (K,).
    lowest_kwh, highest_kwh
        Lowest and highest energy up to there, shape (K,).
    fall_kwh
        Largest fall of energy to there, shape (K,).
    """

    pair: Ints
    stay: Ints
    start: Ints
    vehicle: Ints
    row: Ints
    first: Bools
    low_kwh: Floats
    lowest_kwh: Floats
    highest_kwh: Floats
    fall_kwh: Floats

    def columns(self, energy: Ints, start: Ints) -> Ints:
        """Columns of all places from those of the pairs, (N,), and of the stays' starts, (n,)."""
        columns = np.empty(len(self.row), dtype=np.int64)
        columns[self.pair], columns[self.start] = energy, start[self.stay]
        return columns


def _highest_so_far(problem: Problem, row: Ints, values: Floats) -> Floats:
    """Largest value of a vehicle up to each place; within a stay it never falls, shape (K,)."""
    last = np.full(len(problem), -1)
    last[row] = np.arange(len(row))
    before = np.full(len(problem), -np.inf)
    for rows in generations(problem)[1:]:
        held = np.where(last[rows - 1] >= 0, values[last[rows - 1]], -np.inf)
        before[rows] = np.maximum(before[rows - 1], held)
    highest: Floats = np.maximum(values, before[row])
    return highest


def find_nodes(layout: Layout) -> Nodes:
    """Find the places of a layout, and what can be reached there."""
    problem, v, stay = layout.problem, layout.vehicle, continuing(layout.problem)
    drives = np.zeros(len(problem), dtype=np.int64)
    drives[stay] = 1
    extra = np.cumsum(drives)
    pairs_before = np.searchsorted(v, np.arange(len(problem)))
    pair, start = np.arange(len(v)) + extra[v], (pairs_before + extra - 1)[stay]
    row = np.empty(len(v) + len(stay), dtype=np.int64)
    row[pair], row[start] = v, stay
    low, high, fall = np.empty(len(row)), np.empty(len(row)), np.empty(len(row))
    low[pair], high[pair] = within_reach(layout)
    low[start], high[start] = layout.starts.low_kwh[stay], layout.starts.high_kwh[stay]
    fall[pair] = largest_fall_kwh(layout)
    fall[start] = 0.0 if problem.driven_kwh is None else problem.driven_kwh[stay]
    vehicle = first_stay(problem)[row]
    return Nodes(
        pair=pair,
        stay=stay,
        start=start,
        vehicle=vehicle,
        row=row,
        first=np.diff(vehicle, prepend=-1) != 0,
        low_kwh=low,
        lowest_kwh=-_highest_so_far(problem, row, -low),
        highest_kwh=_highest_so_far(problem, row, high),
        fall_kwh=fall,
    )


def within_reach(layout: Layout) -> tuple[Floats, Floats]:
    """Lowest and highest energy that each pair can end its step with, both shape (N,)."""
    problem, v = layout.problem, layout.vehicle
    rise, fall = most_kw(problem, layout.law, layout.standby_kw)
    clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    hours = clock[layout.step + 1] - clock[np.maximum(problem.arrive, 0)[v]]
    low, high = layout.starts.low_kwh[v], layout.starts.high_kwh[v]
    high = np.minimum(high + rise[v] * hours, layout.high_kwh)
    return np.maximum(low - fall[v] * hours, layout.low_kwh), high


def largest_fall_kwh(layout: Layout) -> Floats:
    """Return the largest fall of energy in each pair's step, shape (N,)."""
    most = most_kw(layout.problem, layout.law, layout.standby_kw)[1]
    return np.minimum(layout.hours * most[layout.vehicle], layout.high_kwh - layout.low_kwh)
