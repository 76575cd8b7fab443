"""Some stays of a problem: what binds them, pair by pair, and how their energy runs.

A fleet is looked at some stays at a time, never more than ``MOST_PLACES`` places of a stay and a
step, and a vehicle's stays are kept together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gridtide.plan.problem import Bools, Floats, Ints, Problem
from gridtide.plan.verify._losses import Losses, losses_of

MOST_PLACES = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """Stays ``first <= i < stop`` with their P plugged pairs.

    Parameters
    ----------
    problem
        Whose stays they are.
    first, stop
        Which.
    length
        Steps plugged in, shape (r,).
    row, place, step, hours
        Of each pair: stay counted from ``first``, steps since it was plugged in, step and its
        length [h], shape (P,).
    end
        Index of the last pair of a stay, -1 for none, shape (r,).
    losses
        Between plug and battery.
    due_kwh
        Energy wanted at the end, ``-inf`` for none, shape (r,).
    follows
        Stays that continue the one before, shape (r,).
    trips
        How many stays of the vehicle came before, shape (r,).
    """

    problem: Problem
    first: int
    stop: int
    length: Ints
    row: Ints
    place: Ints
    step: Ints
    hours: Floats
    end: Ints
    losses: Losses
    due_kwh: Floats
    follows: Bools
    trips: Ints

    def own(self, values: Floats) -> Floats:
        """Return what belongs to these stays of an array over all."""
        return values[self.first : self.stop]

    def by_pair(self, values: Floats) -> Floats:
        """Return each pair's value of an array over all stays."""
        pairs: Floats = values[self.first : self.stop][self.row]
        return pairs

    def limit(self) -> Ints:
        """Return the limit right above each pair, -1 for none, shape (P,)."""
        above: Ints = self.problem.limit[self.first : self.stop][self.row]
        return above

    def running_sum(self, values: Floats) -> Floats:
        """Add up along each stay, shape (P,)."""
        table = self.table(values)
        return np.cumsum(table, axis=1)[self.row, self.place]

    def table(self, values: Floats) -> Floats:
        """Lay pairs out by stay and place, 0 beyond the end of a stay, shape (r, longest)."""
        table = np.zeros((len(self.length), max(int(self.length.max(initial=0)), 1)))
        table[self.row, self.place] = values
        return table

    def last(self, values: Floats, otherwise: Floats) -> Floats:
        """Return each stay's value at its last pair, or else what it has without one."""
        if len(values) == 0:
            return otherwise
        return np.where(self.end >= 0, values[self.end], otherwise)


def lengths(problem: Problem) -> Ints:
    """Return the number of steps in which each stay is plugged in, shape (n,)."""
    from_step = np.clip(problem.arrive, 0, problem.steps)
    to_step = np.clip(problem.depart, 0, problem.steps)
    return np.where(problem.depart > problem.arrive, np.maximum(to_step - from_step, 0), 0)


def in_parts(problem: Problem, *, chord: bool) -> Iterator[Stays]:
    """Give all stays of a problem, some at a time.

    Parameters
    ----------
    problem
        Whose stays.
    chord
        Whether the standby loss is spread over the power, as it is at full power.
    """
    length = lengths(problem)
    rows = max(1, MOST_PLACES // max(int(length.max(initial=0)), 1))
    first = 0
    while first < len(length):
        stop = min(first + rows, len(length))
        while problem.continues is not None and stop < len(length) and problem.continues[stop]:
            stop += 1
        yield _stays(problem, first, stop, length[first:stop], chord)
        first = stop


def _stays(problem: Problem, first: int, stop: int, length: Ints, chord: bool) -> Stays:
    row = np.repeat(np.arange(stop - first), length)
    start = np.cumsum(length) - length
    place = np.arange(len(row)) - start[row]
    step = place + np.maximum(problem.arrive[first:stop], 0)[row]
    floor = np.full(stop - first, -np.inf)
    if problem.horizon_floor_kwh is not None:
        floor = problem.horizon_floor_kwh[first:stop]
    leaves = problem.depart[first:stop] <= problem.steps
    follows = np.zeros(stop - first, dtype=bool)
    if problem.continues is not None:
        follows = problem.continues[first:stop]
    rows = np.arange(stop - first)
    vehicle_from = np.maximum.accumulate(np.where(follows, 0, rows))
    return Stays(
        problem=problem,
        first=first,
        stop=stop,
        length=length,
        row=row,
        place=place,
        step=step,
        hours=problem.step_h[step],
        end=np.where(length > 0, start + length - 1, -1),
        losses=losses_of(problem, first, stop, chord=chord),
        due_kwh=np.where(leaves, problem.target_kwh[first:stop], floor),
        follows=follows,
        trips=rows - vehicle_from,
    )


@dataclass(frozen=True, slots=True)
class Energies:
    """Stored energy along stays [kWh].

    Parameters
    ----------
    arrival, at_end
        At the start and the end of each stay, shape (r,).
    after
        At the end of each pair's step, shape (P,).
    on_the_way
        Charged on the way to the stay because the battery did not hold the drive, shape (r,).
    """

    arrival: Floats
    at_end: Floats
    after: Floats
    on_the_way: Floats


def follow(stays: Stays, power_kw: Floats) -> Energies:
    """Follow powers through the batteries, trip by trip."""
    flow = stays.losses.battery_kw(stays.row, power_kw)
    change = stays.running_sum(stays.hours * flow)
    whole = stays.last(change, np.zeros(len(stays.length)))
    arrival = stays.own(stays.problem.arrival_kwh).copy()
    added = np.zeros(len(arrival))
    for trip in range(1, int(stays.trips.max(initial=0)) + 1):
        at = np.flatnonzero(stays.trips == trip)
        held = arrival[at - 1] + whole[at - 1] - driven_kwh(stays)[at]
        added[at] = np.maximum(stays.own(stays.problem.min_kwh)[at] - held, 0.0)
        arrival[at] = held + added[at]
    return Energies(arrival, arrival + whole, arrival[stays.row] + change, added)


def driven_kwh(stays: Stays) -> Floats:
    """Energy that the drive to each stay takes, shape (r,)."""
    if stays.problem.driven_kwh is None:
        return np.zeros(len(stays.length))
    return stays.own(stays.problem.driven_kwh)


def windows(stays: Stays, arrival_kwh: Floats) -> tuple[Floats, Floats]:
    """Window of the energy of each stay: the battery's own, or up to where it arrived."""
    problem = stays.problem
    low = np.minimum(stays.own(problem.min_kwh), arrival_kwh)
    return low, np.maximum(stays.own(problem.max_kwh), arrival_kwh)


def taper_line(stays: Stays, high_kwh: Floats) -> tuple[Floats, Floats, Floats] | None:
    """Return how far charging may go at an energy: full power, its fall per kWh, from where.

    At the battery, charging takes at most ``full - fall·(energy at the end of the step - from)``:
    all of the charger's power at ``taper_from_kwh``, the share ``taper_end`` of it at ``max_kwh``.
    Above that, for a vehicle that arrived there, the line goes on, not below nothing.
    """
    problem = stays.problem
    if problem.taper_from_kwh is None or problem.taper_end is None:
        return None
    start, left = stays.own(problem.taper_from_kwh), stays.own(problem.taper_end)
    # What power flows at, without the standby loss however it is taken.
    bare = losses_of(replace(problem, standby_kw=None), stays.first, stays.stop, chord=False)
    full = bare.battery_kw(np.arange(len(start)), stays.own(problem.max_charge_kw))
    width = stays.own(problem.max_kwh) - start
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.where(width > 1e-9, full * (1.0 - left) / width, 0.0)
    return full, np.minimum(fall, full / np.maximum(high_kwh - start, 1e-9)), start
