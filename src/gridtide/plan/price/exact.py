"""Exact prices, and exact schedules, where few vehicles share a limit: group by group, by HiGHS.

Averages over sweeps come near the optimum where many vehicles share a limit. Where a handful
does, their limit's price jumps between the few schedules that there are, and the bound stays
percents below the cost. But a handful is a small linear problem: at given prices of all limits
above, its duals are the best prices of the group's own limits, and they prove its part of the
bound. Its schedule is planned anew likewise, with all others as they are. Both are done where
the gap lies, largest first. The scheme is that of G. B. Dantzig, P. Wolfe: Decomposition
Principle for Linear Programs, 1960, doi:10.1287/opre.8.1.101, with sweeps for its master.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from gridtide.plan.linear._at_prices import prices_beside
from gridtide.plan.price._kernel_clusters import add_net, vehicle_gaps
from gridtide.plan.price.bound import (
    cost_by_row,
    excess_kw,
    rows_least,
    seen_prices,
    within_rates,
)
from gridtide.plan.price.fleet import LANES, Fleet
from gridtide.plan.price.groups import Group, find_clusters
from gridtide.plan.price.mend import KEPT_KW, part_of, places_of, stays_of
from gridtide.plan.problem import BY_LIMIT, Floats, Ints, Problem, take_stays

MOST = 400
"""Stays below one limit up to which they are one linear problem."""
BATCH = 64
"""Stays of small groups that are put into one: putting together costs time too."""

STAYS_PER_SWEEP = 1.0
"""Groups of so many stays for every sweep made are solved exactly: by then sweeps took as long."""

Prices = tuple[Floats, Floats]
"""Of net powers and of peaks on each row, both shape (r, T)."""


class Clusters:
    """The groups of a fleet that are small enough to be solved exactly.

    Parameters
    ----------
    problem, fleet
        What is planned.
    plan
        Plans a problem exactly: powers of its plugged steps, shape (N,).
    """

    def __init__(self, problem: Problem, fleet: Fleet, plan: Callable[[Problem], Floats]) -> None:
        self._problem, self._fleet, self._plan = problem, fleet, plan
        self.groups = find_clusters(problem, fleet.stays, fleet.book, MOST)
        self.size = np.array([len(group.vehicles) for group in self.groups], dtype=np.int64)
        self._sharp = np.zeros(len(self.groups), dtype=bool)
        self._of_vehicle = np.full(len(fleet.stays.vehicle) - 1, -1)
        self._of_row = np.full(len(fleet.book.limit), -1)
        for g, group in enumerate(self.groups):
            self._of_vehicle[group.vehicles] = g
            self._of_row[group.rows] = g

    @property
    def own(self) -> Ints:
        """Rows that are below one of the groups' limits, or that limit."""
        return np.flatnonzero(self._of_row >= 0)

    def gaps(self, power: Floats, net: Floats, prices: Prices) -> Floats:
        """Cost of each group at the prices of all rows above it, less its least cost there."""
        fleet, (price, peak) = self._fleet, prices
        both = price + peak
        above = seen_prices(fleet.book, np.where(self._of_row[:, None] >= 0, 0.0, both))
        each = np.zeros(len(self._of_vehicle))
        fleet.by_lane(vehicle_gaps, seen_prices(fleet.book, both), above, power, each)
        step_h = fleet.stays.step_h
        rows = cost_by_row(fleet.book, net, step_h)
        rows -= rows_least(fleet.book, price, peak, step_h)
        gaps = np.zeros(len(self.groups))
        for home, part in ((self._of_vehicle, each), (self._of_row, rows)):
            np.add.at(gaps, home[home >= 0], part[home >= 0])
        return gaps

    def sharpen(
        self, power: Floats, net: Floats, prices: Prices, sweeps: int, spare: float, until_s: float
    ) -> Prices | None:
        """Replace loose prices where the gap lies; None where little of it lies in small groups.

        Parameters
        ----------
        power, net
            A schedule, and its net power on the rows.
        prices
            Those on shared rows are taken as they are.
        sweeps
            Made so far: the larger a group, the more sweeps come before its linear problem.
        spare
            Gap that may be left to these groups together [currency].
        until_s
            Monotonic time at which to stop [s].
        """
        gaps = np.where(self.size <= STAYS_PER_SWEEP * sweeps, self.gaps(power, net, prices), 0.0)
        which = _largest(gaps, spare)
        if len(which) == 0:
            return None
        self._sharp[which] = True
        return self._prove(which, prices, until_s)

    def mend(
        self, power: Floats, net: Floats, prices: Prices, spare: float, until_s: float
    ) -> Floats:
        """Plan the groups anew that cost more than ``prices`` have proven; the powers, (N,)."""
        gaps = np.where(self._sharp, self.gaps(power, net, prices), 0.0)
        return self._replan(_largest(gaps, spare), power, until_s)

    def _prove(self, which: Ints, prices: Prices, until_s: float) -> Prices:
        """Replace the prices of some groups' own rows by the best, as far as time allows."""
        price, peak = (part.copy() for part in prices)
        shared = np.where(self._of_row[:, None] >= 0, 0.0, price + peak)
        above = seen_prices(self._fleet.book, shared)
        batches = self._batched(which)
        with ThreadPoolExecutor(LANES) as pool:
            found = pool.map(lambda groups: self._own_prices(groups, above, until_s), batches)
            for rows, own_price, own_peak in found:
                price[rows], peak[rows] = own_price, own_peak
        within_rates(self._fleet.book, peak, self._fleet.stays.step_h)
        return price, peak

    def _batched(self, which: Ints) -> list[list[Group]]:
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

    def _own_prices(
        self, groups: list[Group], above: Floats, until_s: float
    ) -> tuple[Ints, Floats, Floats]:
        """Rows of some groups and the best prices on them; none where time is up."""
        fleet, book = self._fleet, self._fleet.book
        stays = np.concatenate([stays_of(fleet, group) for group in groups])
        rows = np.sort(np.concatenate([group.rows for group in groups]))
        left_s = until_s - time.monotonic()
        none = np.zeros((0, len(fleet.stays.step_h)))
        if left_s <= 0:
            return rows[:0], none, none
        limits = rows[book.phase[rows] < 0]
        found = prices_beside(
            _alone(self._problem, stays, limits),
            above[book.path_of[stays]],
            short_price=float(fleet.stays.short_price[0]),
            drive_price=fleet.stays.drive_price,
            recover_price=fleet.stays.recover_price,
            limit_s=left_s,
        )
        if found is None:
            return rows[:0], none, none
        at, phase = np.searchsorted(limits, book.limit[rows]), book.phase[rows]
        price, peak = found.limit_price[at], found.peak_price[at]
        if found.phase_price is not None:
            price[phase >= 0] = found.phase_price[at, phase][phase >= 0]
            peak[phase >= 0] = 0.0
        return rows, price, peak

    def _replan(self, which: Ints, power: Floats, until_s: float) -> Floats:
        """Plan some groups anew, batch by batch, with all others as they are; the powers, (N,).

        Each batch can only become cheaper. Where limits were not kept all stays as it was.
        """
        fleet, after = self._fleet, power.copy()
        net = fleet.net_of(after)
        for groups in self._batched(which):
            if time.monotonic() >= until_s:
                break
            stays = np.concatenate([stays_of(fleet, group) for group in groups])
            at = places_of(fleet, stays)
            add_net(fleet.stays, stays, fleet.rows, after, net, -1.0)
            after[at] = self._plan(part_of(self._problem, stays, net, fleet))
            add_net(fleet.stays, stays, fleet.rows, after, net, 1.0)
        kept = excess_kw(fleet.book, fleet.net_of(after)).max(initial=0.0) <= KEPT_KW
        return after if kept else power


def _largest(gaps: Floats, spare: float) -> Ints:
    """Groups with the largest gaps, so many that the others together have at most ``spare``."""
    order = np.argsort(-gaps, kind="stable")
    left = np.cumsum(np.maximum(gaps[order], 0.0)[::-1])[::-1]
    which: Ints = order[left > spare]
    return which


def _alone(problem: Problem, stays: Ints, limits: Ints) -> Problem:
    """Take some stays with the limits that only they are below; what is above is left out."""
    place = np.full(len(problem.limit_names) + 1, -1)
    place[limits] = np.arange(len(limits))
    told: dict[str, Any] = {
        name: getattr(problem, name)[limits]
        for name in BY_LIMIT
        if getattr(problem, name) is not None
    }
    told |= {
        "limit": place[problem.limit[stays]],
        "limit_names": tuple(problem.limit_names[j] for j in limits),
        "limit_parent": place[problem.limit_parent[limits]],
        "base_load_kw": problem.base_load_kw[limits],
        "promise": "priced",
    }
    return replace(take_stays(problem, stays), **told | _billed(problem, place))


def _billed(problem: Problem, place: Ints) -> dict[str, Any]:
    """Meters among the limits of ``place``; where all are above, their prices are as well."""
    if len(problem.meters) == 0:
        return {}
    meters = place[problem.meters]
    known = meters >= 0
    prices = problem.price_import_per_kwh[known], problem.price_export_per_kwh[known]
    told: dict[str, Any] = {}
    if not known.any():
        prices = np.zeros((1, problem.steps)), np.zeros((1, problem.steps))
        told["carbon_kg_per_kwh"] = None
    both = {"price_import_per_kwh": prices[0], "price_export_per_kwh": prices[1]}
    return told | both | {"meters": meters[known]}
