"""Exact prices, and exact schedules, where few vehicles share a limit: group by group, by HiGHS.

Averages over sweeps come near the optimum where many vehicles share a limit. Where a handful
does, their limit's price jumps between the few schedules that there are, and the bound stays
percents below the cost. But a handful is a small linear problem: at given prices of all limits
above, its duals are the best prices of the group's own limits, and they prove its part of the
bound (the subproblem of G. B. Dantzig, P. Wolfe: Decomposition Principle for Linear Programs,
1960, doi:10.1287/opre.8.1.101; sweeps are its master). What the group does is then planned
exactly with all others as their mean schedules are: these are right about what they share, long
before they keep every group's own limits. All of it is done where the gap lies, largest first.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gridtide.plan.linear._at_prices import prices_beside
from gridtide.plan.price._kernel_sweep import add_net
from gridtide.plan.price.bound import seen_prices, within_rates
from gridtide.plan.price.clusters import Clusters, Prices, largest
from gridtide.plan.price.fleet import LANES, Fleet
from gridtide.plan.price.groups import Group
from gridtide.plan.price.mend import Plan, ahead_of, limits_above, part_of, places_of
from gridtide.plan.price.missing import stays_of
from gridtide.plan.price.rows import STORED, WHOLE
from gridtide.plan.problem import BY_LIMIT, Bools, Floats, Ints, Problem, take_stays


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of some groups and what they are worth: net power and peak, both shape (rows, T)."""

    rows: Ints
    price: Floats
    peak: Floats


class Exact:
    """Small groups of a fleet, solved exactly.

    Parameters
    ----------
    problem, fleet
        What is planned.
    plan
        Plans a problem exactly: powers of its plugged steps, shape (N,).
    """

    def __init__(self, problem: Problem, fleet: Fleet, plan: Plan) -> None:
        self._problem, self.fleet, self._plan = problem, fleet, plan

    @cached_property
    def clusters(self) -> Clusters:
        """The groups; most large fleets never ask for them."""
        return Clusters(self._problem, self.fleet)

    @cached_property
    def asked(self) -> Bools:
        """Groups whose prices have been exact."""
        return np.zeros(len(self.clusters.groups), dtype=bool)

    def sharpen(
        self,
        power: Floats,
        prices: Prices,
        most: float,
        urgent: Bools,
        spare: float,
        until_s: float,
    ) -> Prices | None:
        """Replace loose prices where the gap lies; None where little of it lies in small groups.

        Parameters
        ----------
        power
            A schedule. Groups whose own limits it exceeds are asked in any case.
        prices
            Those on shared rows are taken as they are.
        most
            Vehicles of the groups that may be asked: large ones take longer, for each of them too.
        urgent
            Groups that may be asked whatever their size, shape (groups,).
        spare
            Gap that may be left to these groups together [currency].
        until_s
            Monotonic time at which to stop [s].
        """
        clusters = self.clusters
        gaps = clusters.gaps(power, prices)
        gaps[(clusters.size > most) & ~urgent] = 0.0
        which = largest(gaps, spare)
        if len(which) == 0:
            return None
        return self.prices_of(which, prices, until_s)

    def prices_of(self, which: Ints, prices: Prices, until_s: float) -> Prices:
        """Replace the prices of some groups' own rows by the best at those of all rows above."""
        self.asked[which] = True
        price, peak = (part.copy() for part in prices)
        for answer in self._answers(self.clusters.batched(which), price + peak, until_s):
            price[answer.rows], peak[answer.rows] = answer.price, answer.peak
        within_rates(self.fleet.book, peak, self.fleet.stays.step_h)
        return price, peak

    def replan(self, power: Floats, prices: Prices, spare: float, until_s: float) -> Floats:
        """Plan groups anew, others as they are, that exceed own limits or cost more than proven.

        Parameters
        ----------
        power
            A schedule; shared limits should nearly be kept.
        prices
            What is proven by.
        spare
            Cost beyond that which may be left to all groups together [currency].
        until_s
            Monotonic time at which to stop [s].
        """
        gaps = np.where(self.asked, self.clusters.gaps(power, prices), 0.0)
        return self.plan_of(largest(gaps, spare), power.copy(), until_s)

    def plan_of(self, which: Ints, power: Floats, until_s: float) -> Floats:
        """Plan some groups anew, in place and with all others as they are; return ``power``."""
        fleet, clusters = self.fleet, self.clusters
        net = fleet.net_of(power)
        # A thread, as for prices: it takes the memory over that those have left.
        with ThreadPoolExecutor(1) as pool:
            for groups in clusters.batched(which):
                if time.monotonic() >= until_s:
                    break
                stays = clusters.stays(groups)
                vehicles = np.concatenate([group.vehicles for group in groups])
                add_net(fleet.stays, vehicles, fleet.rows, power, net, -1.0)
                part = part_of(self._problem, stays, net, fleet)
                limits = limits_above(self._problem, self._problem.limit[stays])
                planned = pool.submit(self._plan, part, ahead_of(fleet, limits))
                power[places_of(fleet, stays)] = planned.result()
                add_net(fleet.stays, vehicles, fleet.rows, power, net, 1.0)
        return power

    def _answers(self, batches: list[list[Group]], price: Floats, until_s: float) -> list[Answer]:
        """Solve batches side by side at these prices of the rows above, while there is time."""
        above = seen_prices(self.fleet.book, self.clusters.shared(price))
        with ThreadPoolExecutor(LANES) as pool:
            found = pool.map(lambda groups: self._answer(groups, above, until_s), batches)
            return [answer for answer in found if answer is not None]

    def _answer(self, groups: list[Group], above: Floats, until_s: float) -> Answer | None:
        fleet, book = self.fleet, self.fleet.book
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            return None
        rows = np.sort(np.concatenate([group.rows for group in groups]))
        limits, path = rows[book.phase[rows] == WHOLE], book.path_of[self.clusters.stays(groups)]
        proof = prices_beside(
            own_problem(self._problem, fleet, groups),
            above[path],
            stored_above=above[path + len(book.path) - 1] if len(book.stored) else None,
            short_price=float(fleet.stays.short_price[0]),
            drive_price=fleet.stays.drive_price,
            recover_price=fleet.stays.recover_price,
            ahead=ahead_of(fleet, book.limit[limits]),
            limit_s=left_s,
        )
        if proof is None:
            return None
        at = np.searchsorted(limits, book.limit[rows])
        phase, price, peak = book.phase[rows], proof.limit_price[at], proof.peak_price[at]
        if proof.phase_price is not None:
            price[phase >= 0] = proof.phase_price[at, phase][phase >= 0]
        if proof.stored_price is not None:
            price[phase == STORED] = proof.stored_price[at][phase == STORED]
        peak[phase != WHOLE] = 0.0
        return Answer(rows, price, peak)


def own_problem(problem: Problem, fleet: Fleet, groups: list[Group]) -> Problem:
    """Take some groups with the limits that only they are below; what is above is left out."""
    stays = np.concatenate([stays_of(fleet, group) for group in groups])
    rows = np.sort(np.concatenate([group.rows for group in groups]))
    limits = fleet.book.limit[rows[fleet.book.phase[rows] == WHOLE]]
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
    if problem.shortfall_band_price_per_kwh is not None:
        told["shortfall_band_price_per_kwh"] = fleet.stays.short_price
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
