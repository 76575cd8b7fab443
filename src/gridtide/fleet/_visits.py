"""Visits while they are drawn: candidates, times on the grid, one at a time per unit."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, fields, replace

import numpy as np

from gridtide.fleet.arrays import Bools, Floats, Ints


@dataclass(slots=True, frozen=True)
class Visits:
    """Visits of units (vehicles or chargers); arrays of shape (visits,)."""

    unit: Ints
    arrival_s: Ints
    departure_s: Ints
    stated_s: Floats
    energy_kwh: Floats
    need_known: Bools

    def take(self, which: Ints | Bools) -> Visits:
        """Return some of the visits, or all in another order."""
        return replace(self, **{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def __len__(self) -> int:
        """Return the number of visits."""
        return self.unit.size


def one_at_a_time(visits: Visits, rng: np.random.Generator) -> Visits:
    """Of visits of a unit that overlap, keep those that a random order puts first.

    To prefer the earlier one instead would let too few vehicles arrive late in the day.
    """
    visits = visits.take(np.lexsort((visits.departure_s, visits.arrival_s, visits.unit)))
    one, other = _overlapping(visits)
    rank = rng.permutation(len(visits))
    behind = np.where(rank[one] > rank[other], one, other)
    ahead = one + other - behind
    in_doubt = np.ones(len(visits), dtype=np.bool_)
    kept = np.zeros(len(visits), dtype=np.bool_)
    while in_doubt.any():
        open_pair = in_doubt[one] & in_doubt[other]
        first = in_doubt.copy()
        first[behind[open_pair]] = False
        kept |= first
        in_doubt &= ~first
        in_doubt[behind[first[ahead]]] = False
    return visits.take(kept)


def _overlapping(visits: Visits) -> tuple[Ints, Ints]:
    """Pairs of visits of a unit that overlap; visits are sorted by unit and arrival."""
    pairs = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for lag in range(1, len(visits)):
        other = np.arange(lag, len(visits))
        one = other - lag
        overlap = (visits.unit[one] == visits.unit[other]) & (
            visits.arrival_s[other] < visits.departure_s[one]
        )
        # Who overlaps the visit after the next overlaps the next one, too.
        if not overlap.any():
            break
        pairs.append((one[overlap], other[overlap]))
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


def first_free(visits: Visits, plugs: int) -> Ints:
    """Give each visit, in order of arrival, a free plug; -1 where none is free."""
    free = list(range(plugs))
    busy: list[tuple[int, int]] = []
    plug = np.full(len(visits), -1, dtype=np.int64)
    for k in np.lexsort((visits.unit, visits.arrival_s)):
        while busy and busy[0][0] <= visits.arrival_s[k]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            plug[k] = heapq.heappop(free)
            heapq.heappush(busy, (int(visits.departure_s[k]), int(plug[k])))
    return plug


def on_steps(visits: Visits, step_s: int) -> Visits:
    """Round times to whole steps; a visit lasts one step at least."""
    if step_s == 0:
        return visits
    arrival = _round(visits.arrival_s, step_s)
    departure = np.maximum(_round(visits.departure_s, step_s), arrival + step_s)
    stated = np.maximum(np.round(visits.stated_s / step_s) * step_s, arrival + step_s)
    return replace(visits, arrival_s=arrival, departure_s=departure, stated_s=stated)


def _round(time_s: Ints, step_s: int) -> Ints:
    return (time_s + step_s // 2) // step_s * step_s


def within_power(visits: Visits, power_kw: float) -> Visits:
    """Cap the energy at what the power gives in the stay."""
    stay_h = (visits.departure_s - visits.arrival_s) / 3600.0
    return replace(visits, energy_kwh=np.minimum(visits.energy_kwh, power_kw * stay_h))
