"""Coordination by price: passes over all vehicles, bounds, averaging.

Groups of vehicles below one limit each are worked through by two lanes side by side. A lane sees
its own group's limits as they are; of the limits above the groups it keeps a copy and counts
each change twice, for the other lane moves alike at the same time. What the lanes did is added
up in a fixed order, so that plans do not depend on how many threads there are.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gridtide.plan.price._kernel_sweep import average, sum_net, sweep, update_multipliers
from gridtide.plan.price.bound import (
    limit_prices,
    new_work,
    own_costs,
    rows_bound,
    rows_cost,
    seen_prices,
    values,
    violation_kw,
)
from gridtide.plan.price.rows import Book, level_peaks, make_rows
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats, Ints, Problem

LANES = 2
GROUP = 400


class Coordinator:
    def __init__(
        self, problem: Problem, stays: Stays, book: Book, pull, tight, dtype=np.float64
    ) -> None:
        self.problem, self.stays, self.book = problem, stays, book
        self.net = np.zeros((max(len(problem.limit_names), 1), problem.steps))
        self.power = np.zeros(stays.each["steps"].sum(), dtype=dtype)
        self.mean = self.power.copy()
        self.groups, self.place, self.local = self.make_groups()
        self.rows = make_rows(problem, book, self.place, pull, tight)
        self.shared_limits = np.flatnonzero(self.place >= 0)
        self.works = [new_work(stays) for _ in range(LANES)]
        self.pool = ThreadPoolExecutor(LANES)
        plugs = len(problem.meters) == 0
        self.plug_price = (
            np.stack((book.price_in[0], book.price_out[0])) if plugs else np.zeros((0, 1))
        )

    def make_groups(self):
        """Cut the tree below the limits that have more vehicles than a group may."""
        stays, parent = self.stays, self.problem.limit_parent
        count = len(parent)
        heads = stays.each["limit"][stays.vehicle[:-1]]
        below = np.bincount(heads[heads >= 0], minlength=count).astype(np.int64)
        for j in range(count - 1, -1, -1):
            if parent[j] >= 0:
                below[parent[j]] += below[j]
        root = np.arange(count)
        for j in range(count):
            if parent[j] >= 0 and below[root[parent[j]]] <= GROUP:
                root[j] = root[parent[j]]
        upper = np.zeros(count, dtype=bool)
        upper[below > GROUP] = True
        # a limit above a group's root is shared
        place = np.full(max(count, 1), -1)
        place[:count][upper] = np.arange(upper.sum())
        key = np.where(heads >= 0, root[np.maximum(heads, 0)] if count else 0, -1)
        order = np.argsort(key, kind="stable")
        cuts = np.flatnonzero(np.diff(key[order])) + 1
        groups = []
        for part in np.split(order, cuts):
            at = int(key[part[0]])
            whole = at >= 0 and not upper[at]
            locals_ = np.flatnonzero((root == at) & ~upper) if whole else np.zeros(0, dtype=int)
            if whole:
                groups.append((part, locals_))
            else:
                for piece in np.array_split(part, max(1, -(-len(part) // GROUP))):
                    groups.append((piece, locals_))
        return groups, place, None

    def _lane(self, lane, group, shared):
        members, locals_ = self.groups[group]
        gain = sweep(
            self.stays,
            members,
            self.rows,
            self.net,
            shared,
            float(self.mirror),
            self.power,
            self.plug_price,
            self.works[lane],
        )
        update_multipliers(self.rows, self.net, locals_)
        return gain

    def sweep_all(self):
        total = 0.0
        count = len(self.groups)
        step_h = self.stays.step_h
        base = (
            self.rng.permutation(count)
            if getattr(self, "rng", None) is not None
            else np.arange(count)
        )
        for at in range(0, count, LANES):
            chunk = base[at : at + LANES]
            self.mirror = len(chunk) * getattr(self, "extra", 1.0)
            level_peaks(self.book, self.rows, self.net, step_h)
            before = self.net[self.shared_limits]
            shares = [before.copy() for _ in chunk]
            if len(chunk) == 1:
                total += self._lane(0, chunk[0], shares[0])
            else:
                jobs = [
                    self.pool.submit(self._lane, n, g, s)
                    for n, (g, s) in enumerate(zip(chunk, shares))
                ]
                total += sum(job.result() for job in jobs)
            after = before.copy()
            for s in shares:
                after += (s - before) / self.mirror
            self.net[self.shared_limits] = after
        update_multipliers(self.rows, self.net, self.shared_limits)
        return total

    def bound(self, price, peak):
        seen = seen_prices(price + peak, self.rows)
        if len(seen) == 0:
            seen = np.zeros((1, self.problem.steps))
        jobs = [self.pool.submit(self._values, n, seen) for n in range(LANES)]
        total = sum(job.result() for job in jobs)
        return total + rows_bound(self.book, price, peak, self.stays.step_h)

    def _values(self, lane, seen):
        count = len(self.stays.vehicle) - 1
        members = np.arange(count * lane // LANES, count * (lane + 1) // LANES)
        return values(self.stays, members, seen, self.plug_price, self.works[lane])

    def cost(self, power):
        net = np.zeros_like(self.net)
        sum_net(self.stays, self.problem.limit_parent, power, net)
        members = np.arange(len(self.stays.vehicle) - 1)
        own = own_costs(self.stays, members, power, self.plug_price, self.works[0])
        return own + rows_cost(self.book, net, self.stays.step_h), violation_kw(self.book, net), net

    def prices(self, net):
        return limit_prices(self.book, self.rows, net, self.stays.step_h)
