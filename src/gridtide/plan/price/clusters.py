"""Groups of a fleet that few vehicles share, and how much of the gap lies in each."""

from __future__ import annotations

import numpy as np

from gridtide.plan.price.bound import cost_by_row, excess_kw, rows_least, seen_prices
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.groups import Group, find_clusters
from gridtide.plan.price.mend import KEPT_KW
from gridtide.plan.price.missing import stays_of
from gridtide.plan.problem import Bools, Floats, Ints, Problem

MOST = 400
"""Stays below one limit up to which they are one linear problem."""
BATCH = 64
"""Stays of small groups that are put into one: putting together costs time too."""

Prices = tuple[Floats, Floats]
"""Of net powers and of peaks on each row, both shape (r, T)."""


class Clusters:
    """The groups that are small enough to be solved exactly.

    Parameters
    ----------
    problem, fleet
        What is planned.
    """

    def __init__(self, problem: Problem, fleet: Fleet) -> None:
        self.fleet = fleet
        self.groups = find_clusters(problem, fleet.stays, fleet.book, MOST)
        self.size = np.array([len(group.vehicles) for group in self.groups], dtype=np.int64)
        self._of_vehicle = np.full(len(fleet.stays.vehicle) - 1, -1)
        self.of_row = np.full(len(fleet.book.limit), -1)
        for g, group in enumerate(self.groups):
            self._of_vehicle[group.vehicles] = g
            self.of_row[group.rows] = g
        self.of_stay = np.repeat(self._of_vehicle, np.diff(fleet.stays.vehicle))

    def shared(self, values: Floats) -> Floats:
        """Leave values of the rows above all groups, zero on the groups' own, shape (r, T)."""
        above: Floats = np.where(self.of_row[:, None] >= 0, 0.0, values)
        return above

    def with_own(self, prices: Prices, own: Prices, which: Bools) -> Prices:
        """Take the own rows of some groups from ``own``; ``which`` has shape (groups,)."""
        home = (self.of_row >= 0)[:, None]
        home[home[:, 0], 0] = which[self.of_row[home[:, 0]]]
        return np.where(home, own[0], prices[0]), np.where(home, own[1], prices[1])

    def gaps(self, power: Floats, prices: Prices) -> Floats:
        """Cost of each group at the prices of all rows above it, less its least cost there.

        Infinite where a group exceeds a limit of its own.
        """
        fleet, (price, peak) = self.fleet, prices
        net = fleet.net_of(power)
        seen = seen_prices(fleet.book, price + peak)
        above = seen_prices(fleet.book, self.shared(price + peak))
        each = fleet.gaps(seen, above, power)
        step_h = fleet.stays.step_h
        rows = cost_by_row(fleet.book, net, step_h)
        rows -= rows_least(fleet.book, price, peak, step_h)
        rows[excess_kw(fleet.book, net).max(axis=1, initial=0.0) > KEPT_KW] = np.inf
        return self._summed(each, rows)

    def _summed(self, each: Floats, rows: Floats) -> Floats:
        total = np.zeros(len(self.groups))
        for home, part in ((self._of_vehicle, each), (self.of_row, rows)):
            np.add.at(total, home[home >= 0], part[home >= 0])
        return total

    def in_groups(self, which: Bools) -> Ints:
        """Stays of the vehicles of some groups; ``which`` has shape (groups,)."""
        inside = np.flatnonzero(self.of_stay >= 0)
        some: Ints = inside[which[self.of_stay[inside]]]
        return some

    def stays(self, groups: list[Group]) -> Ints:
        """Stays of some groups' vehicles."""
        return np.concatenate([stays_of(self.fleet, group) for group in groups])

    def batched(self, which: Ints) -> list[list[Group]]:
        """Put small groups together."""
        batches: list[list[Group]] = []
        room = 0
        for g in which:
            group = self.groups[g]
            if len(group.vehicles) > room:
                batches.append([])
                room = BATCH
            batches[-1].append(group)
            room -= len(group.vehicles)
        return batches


def largest(gaps: Floats, spare: float) -> Ints:
    """List the groups with the largest gaps; all others together have at most ``spare``."""
    order = np.argsort(-gaps, kind="stable")
    left = np.cumsum(np.maximum(gaps[order], 0.0)[::-1])[::-1]
    which: Ints = order[left > spare]
    return which
