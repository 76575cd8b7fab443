"""Groups of a fleet that few vehicles share, and how much of the gap lies in each."""

from __future__ import annotations

import numpy as np

from gridtide.plan.price._kernel_clusters import add_net, costs_by_vehicle, vehicle_gaps
from gridtide.plan.price.bound import cost_by_row, excess_kw, rows_least, seen_prices
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.groups import Group, find_clusters
from gridtide.plan.price.mend import KEPT_KW, stays_of
from gridtide.plan.problem import Floats, Ints, Problem

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
        self._scratch: Floats | None = None

    def shared(self, values: Floats) -> Floats:
        """Leave values of the rows above all groups, zero on the groups' own, shape (r, T)."""
        above: Floats = np.where(self.of_row[:, None] >= 0, 0.0, values)
        return above

    def with_own(self, prices: Prices, own: Prices) -> Prices:
        """Take the groups' own rows from ``own``."""
        home = self.of_row[:, None] >= 0
        return np.where(home, own[0], prices[0]), np.where(home, own[1], prices[1])

    def gaps(self, power: Floats, net: Floats, prices: Prices) -> Floats:
        """Cost of each group at the prices of all rows above it, less its least cost there."""
        fleet, (price, peak) = self.fleet, prices
        seen = seen_prices(fleet.book, price + peak)
        above = seen_prices(fleet.book, self.shared(price + peak))
        each = np.zeros(len(self._of_vehicle))
        fleet.by_lane(vehicle_gaps, seen, above, power, each)
        step_h = fleet.stays.step_h
        rows = cost_by_row(fleet.book, net, step_h)
        rows -= rows_least(fleet.book, price, peak, step_h)
        return self._summed(each, rows)

    def costs(self, power: Floats, net: Floats) -> Floats:
        """Cost of each group and of its own rows; infinite where one of these is exceeded."""
        fleet, each = self.fleet, np.zeros(len(self._of_vehicle))
        fleet.by_lane(costs_by_vehicle, power, each)
        rows = cost_by_row(fleet.book, net, fleet.stays.step_h)
        rows[excess_kw(fleet.book, net).max(axis=1) > KEPT_KW] = np.inf
        return self._summed(each, rows)

    def _summed(self, each: Floats, rows: Floats) -> Floats:
        total = np.zeros(len(self.groups))
        for home, part in ((self._of_vehicle, each), (self.of_row, rows)):
            np.add.at(total, home[home >= 0], part[home >= 0])
        return total

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

    def nets_above(self, g: int, powers: list[Floats]) -> tuple[Ints, Floats]:
        """Rows above a group that others share, and its net power there by each schedule.

        Returns
        -------
        tuple
            The rows, shape (s,), and net powers, shape (k, s, T).
        """
        fleet, group = self.fleet, self.groups[g]
        stays = stays_of(fleet, group)
        above = self._above(stays)
        if self._scratch is None:
            self._scratch = np.zeros_like(fleet.net)
        nets = np.zeros((len(powers), len(above), self._scratch.shape[1]))
        for k, power in enumerate(powers):
            add_net(fleet.stays, stays, fleet.rows, power, self._scratch, 1.0)
            nets[k] = self._scratch[above]
            self._scratch[above] = self._scratch[group.rows] = 0.0
        return above, nets

    def _above(self, stays: Ints) -> Ints:
        """Rows above some stays that they share with other groups."""
        book = self.fleet.book
        paths = np.unique(book.path_of[stays])
        rows = np.concatenate([book.row[book.path[c] : book.path[c + 1]] for c in paths])
        return np.unique(rows[self.of_row[rows] < 0])


def largest(gaps: Floats, spare: float) -> Ints:
    """Groups with the largest gaps, so many that the others together have at most ``spare``."""
    order = np.argsort(-gaps, kind="stable")
    left = np.cumsum(np.maximum(gaps[order], 0.0)[::-1])[::-1]
    which: Ints = order[left > spare]
    return which
