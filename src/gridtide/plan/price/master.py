"""The master problem: how schedules that groups have offered mix best below the rows they share.

Each group takes a mix of what it has done and what its linear problems offered at several
prices. The limits above see the mixes' powers alone, so this is a small linear problem, whatever
the vehicles are; its duals are the prices to ask the groups next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.linear._linear import Builder
from gridtide.plan.linear._solver import Solver
from gridtide.plan.price.clusters import Clusters, Prices
from gridtide.plan.price.rows import Book, crosses
from gridtide.plan.problem import Bools, Floats, Ints

TANGENTS = 9
"""Points of each square of load."""
ROUNDED_KW = 1e-6


@dataclass(frozen=True, slots=True)
class Mix:
    """What the master problem says.

    Parameters
    ----------
    share
        Of each schedule in the mix of each group, shape (k, groups); each column adds up to 1.
    prices
        Those it began with, the shared rows' replaced by its duals.
    """

    share: Floats
    prices: Prices


def mix_schedules(
    clusters: Clusters, which: Ints, powers: list[Floats], prices: Prices, limit_s: float
) -> Mix | None:
    """Mix the schedules ``powers`` of some groups; all others do what the first of them says.

    Parameters
    ----------
    clusters
        The groups.
    which
        Those that may mix.
    powers
        Schedules of the fleet, the first within all limits.
    prices
        On all rows.
    limit_s
        Wall time [s].

    Returns
    -------
    Mix or None
        None where time is up.
    """
    draft = _Draft(clusters, which, powers, prices[0])
    solver = Solver(draft.build.finish(), whole=False)
    found = solver.minimise(solver.cost, limit_s)
    if found is None or found.duals is None:
        return None
    share = np.maximum(found.x[draft.share], 0.0)
    return Mix(share / share.sum(axis=0), draft.prices(prices, found.duals))


class _Draft:
    """Columns and rows, put together; net powers are counted from what others do."""

    def __init__(
        self, clusters: Clusters, which: Ints, powers: list[Floats], price: Floats
    ) -> None:
        fleet, self.build = clusters.fleet, Builder()
        self._book, self._hours = fleet.book, fleet.stays.step_h
        nets = [fleet.net_of(power) for power in powers]
        self.rows = _live(self._book, clusters)
        shape = len(self.rows), len(self._hours)
        self._balance = self.build.rows(self.rows.size * len(self._hours), 0.0, 0.0).reshape(shape)
        self.share = self._shares(clusters, which, powers, nets)
        self._others = self._add_groups(clusters, which, powers, nets[0], price)
        self._site = self._book.base_kw[self.rows] + self._others
        self._most = np.maximum(self._book.upper_kw, -self._book.lower_kw)[self.rows]
        self._most = self._most + np.abs(self._site) + 1.0
        self._net = self._nets()
        self._tariffs()
        self._peak = np.full(shape, -1)
        self._demand()
        self._squares(nets[0])

    def _shares(
        self, clusters: Clusters, which: Ints, powers: list[Floats], nets: list[Floats]
    ) -> Ints:
        """Add a share of each schedule in each group's mix, none of those beyond own limits."""
        each = zip(powers, nets, strict=True)
        costs = np.array([clusters.costs(power, net)[which] for power, net in each])
        within = np.isfinite(costs)
        within[0] = True
        costs[~within] = 0.0
        costs[0] = np.where(np.isfinite(costs[0]), costs[0], 0.0)
        columns = self.build.columns(costs.size, 0.0, within.ravel().astype(float), costs.ravel())
        rows = self.build.rows(len(which), 1.0, 1.0)
        self.build.entries(np.tile(rows, len(powers)), columns, 1.0)
        return columns.reshape(costs.shape)

    def _add_groups(
        self, clusters: Clusters, which: Ints, powers: list[Floats], net: Floats, price: Floats
    ) -> Floats:
        """Add the groups' powers to the balances; return what all others do there, (live, T)."""
        others = net[self.rows]
        place = np.full(len(net), -1)
        place[self.rows] = np.arange(len(self.rows))
        for b, g in enumerate(which):
            above, own = clusters.nets_above(g, powers)
            live = place[above] >= 0
            given = price[above[~live]] * self._hours
            self.build.price(self.share[:, b], np.sum(own[:, ~live] * given, axis=(1, 2)))
            above, own = place[above[live]], own[:, live]
            others[above] -= own[0]
            k, j, t = np.nonzero(own)
            self.build.entries(self._balance[above[j], t], self.share[k, b], own[k, j, t])
        return others

    def _nets(self) -> Ints:
        """Add net powers, with their prices where these are the same on both sides of zero."""
        book, rows = self._book, self.rows
        price = np.where(book.base_kw + book.upper_kw <= 0, book.price_out, book.price_in)[rows]
        split = np.array([_split(book, j) for j in rows], dtype=bool).reshape(price.shape)
        price = np.where(split, 0.0, price) * self._hours
        # The first schedules keep the limits to rounding.
        lower = book.lower_kw[rows] - self._others - ROUNDED_KW
        upper = book.upper_kw[rows] - self._others + ROUNDED_KW
        net = self.build.columns(price.size, lower.ravel(), upper.ravel(), price.ravel())
        self.build.entries(self._balance.ravel(), net, -1.0)
        return net.reshape(price.shape)

    def _tariffs(self) -> None:
        """Import and export apart, where a meter can stand on either side of zero."""
        book, hours = self._book, self._hours
        for place, j in enumerate(self.rows):
            at = np.flatnonzero(_split(book, j))
            most, site = self._most[place, at], self._site[place, at]
            into = self.build.columns(len(at), 0.0, most, book.price_in[j, at] * hours[at])
            out = self.build.columns(len(at), 0.0, most, -book.price_out[j, at] * hours[at])
            rows = self.build.rows(len(at), -site, -site)
            self.build.entries(rows, self._net[place, at], 1.0)
            self.build.entries(rows, into, -1.0)
            self.build.entries(rows, out, 1.0)

    def _demand(self) -> None:
        book = self._book
        for place, j in enumerate(self.rows):
            for q in np.flatnonzero(book.rate[j] > 0):
                at = np.flatnonzero(book.period == q)
                most = book.peak_kw[j, q] + self._most[place].max()
                peak = self.build.columns(1, book.peak_kw[j, q], most, book.rate[j, q])
                rows = self.build.rows(len(at), self._site[place, at], np.inf)
                self.build.entries(rows, np.repeat(peak, len(at)), 1.0)
                self.build.entries(rows, self._net[place, at], -1.0)
                self._peak[place, at] = rows

    def _squares(self, net: Floats) -> None:
        """Tangents of the squares: at the present net power and over all that there can be."""
        book = self._book
        for place, j in enumerate(self.rows):
            if book.square[j] <= 0:
                continue
            share = np.linspace(0.0, 1.0, TANGENTS)[:, None]
            points = book.lower_kw[j] + share * (book.upper_kw[j] - book.lower_kw[j])
            points = np.concatenate((points, net[j][None, :]))
            cost = 0.5 * book.square[j] * self._hours
            away = self._most[place] + np.abs(book.centre_kw[j])
            square = self.build.columns(len(cost), 0.0, away**2, cost)
            for point in points:
                slope = 2.0 * (point - book.centre_kw[j])
                value = (point - book.centre_kw[j]) ** 2 + slope * (self._others[place] - point)
                rows = self.build.rows(len(cost), value, np.inf)
                self.build.entries(rows, square, 1.0)
                self.build.entries(rows, self._net[place], -slope)

    def prices(self, before: Prices, duals: Floats) -> Prices:
        """Read the prices of the shared rows."""
        price, peak = (part.copy() for part in before)
        total = -duals[self._balance] / self._hours
        charged = np.where(self._peak >= 0, np.maximum(duals[self._peak], 0.0), 0.0) / self._hours
        price[self.rows], peak[self.rows] = total - charged, charged
        return price, peak


def _split(book: Book, j: int) -> Bools:
    """Steps in which import and export at a meter are priced apart, and convexly."""
    return crosses(book, j) & (book.price_in[j] >= book.price_out[j])


def _live(book: Book, clusters: Clusters) -> Ints:
    """Rows above the groups whose price is not known beforehand."""
    live = np.zeros(len(book.limit), dtype=bool)
    live[book.owner] = True
    live |= book.square > 0
    live &= clusters.of_row < 0
    return np.flatnonzero(live)
