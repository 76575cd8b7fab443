"""The promise first, by price: the largest shortfall, then their sum, and only then the cost.

Three prices, each so much steeper than the one before that nothing is sold: of energy, of a kWh
missing, and of a kWh that one driver misses beyond a largest shortfall that is known. That is
the largest of what can be proven: what a stay cannot reach by itself, and what the linear
problem of few vehicles below their own limits says that one of them has to miss. What one such
group has to bear the others may: between them only the sum counts.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gridtide.plan._layout import lay_out, total_base_kw
from gridtide.plan.linear._largest import least_largest_kwh
from gridtide.plan.price._kernel_fleet import most_energy
from gridtide.plan.price.clusters import Clusters
from gridtide.plan.price.exact import Exact, own_problem
from gridtide.plan.price.fleet import LANES, Fleet
from gridtide.plan.price.missing import AVOIDABLE_KWH, avoidable_kwh, missing_kwh
from gridtide.plan.price.stays import Stays, lay_stays
from gridtide.plan.problem import Bools, Floats, Problem

STEEPER = 10.0
"""From the price of one wish to that of the wish before it."""
SCARCE = 0.5
"""Share of the least steep price from which on a limit's price tells of a shortage."""
FORCED = 1e-3
"""Where more than this share of what vehicles want is missing, limits most likely force it."""
SAME_KWH = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Prices of what comes before the cost.

    Parameters
    ----------
    relief
        Of base load beyond a limit that vehicles could relieve [currency/kWh]; 0 where there is
        none.
    short
        Of a kWh missing [currency/kWh].
    beyond
        Of a kWh that one driver misses beyond the largest shortfall, on top; 0 for no such wish.
    recover
        Of being outside the window [currency/kWh/h].
    scarce
        A limit whose price is higher tells of a shortage [currency/kWh].
    """

    relief: float = 0.0
    short: float
    beyond: float
    recover: float
    scarce: float


def wishes(problem: Problem, steep: float) -> Wishes:
    """Stack the prices of wishes above ``steep``, at which no shortfall is worth its saving."""
    if problem.promise != "first":
        priced = problem.shortfall_price_per_kwh
        scarce = SCARCE * min(priced, steep)
        return Wishes(short=priced, beyond=0.0, recover=STEEPER * steep, scarce=scarce)
    # One driver's kWh can cost others energy over and over, for what limits allow only them.
    relief = STEEPER * steep if _overloaded(problem) else 0.0
    short = STEEPER * max(relief, steep)
    return Wishes(
        relief=relief,
        short=short,
        beyond=STEEPER * short,
        recover=STEEPER**2 * short,
        scarce=SCARCE * steep,
    )


def gentler(prices: Wishes) -> Wishes:
    """Lower the prices of missing energy for what sweeps alone have to find."""
    return replace(prices, short=prices.short / STEEPER, beyond=prices.beyond / STEEPER)


def _overloaded(problem: Problem) -> bool:
    """Whether base load alone is beyond a limit anywhere."""
    base = total_base_kw(problem)
    return bool(np.any(base > problem.import_kw) or np.any(-base > problem.export_kw))


def promised_stays(problem: Problem, prices: Wishes) -> Stays:
    """Lay stays whose missing energy costs what the order of wishes asks for."""
    stays = lay_stays(problem, short_price=prices.short, recover_price=prices.recover)
    bands = problem.shortfall_band_price_per_kwh
    if bands is None or problem.promise != "first":
        return stays
    return stays._replace(short_price=np.asarray(bands, dtype=float) + prices.short)


class Promise:
    """What is known of the largest shortfall, and which groups have to be short.

    Parameters
    ----------
    problem, exact
        What is planned, and its groups that are small enough for a linear problem.
    prices
        Of the wishes.
    """

    def __init__(self, problem: Problem, exact: Exact, prices: Wishes) -> None:
        self._problem, self._exact, self.prices = problem, exact, prices
        self._fleet = exact.fleet
        self.least_kwh = _unavoidable_kwh(problem, self._fleet)

    @property
    def _clusters(self) -> Clusters:
        return self._exact.clusters

    @cached_property
    def _least(self) -> Floats:
        """Least largest shortfall of each group; NaN where it was not asked, shape (groups,)."""
        return np.full(len(self._clusters.groups), np.nan)

    def missing(self, power: Floats) -> bool:
        """Whether anybody misses more than the stay forces; else no group need be looked at."""
        return bool(avoidable_kwh(self._fleet, power).sum() > AVOIDABLE_KWH)

    @property
    def first(self) -> bool:
        """Whether the promise comes before the cost."""
        return self._problem.promise == "first"

    def dearer(self, power: Floats) -> float:
        """Return what missing energy costs beyond the problem's own price [currency].

        Nothing where the largest shortfall is found by price, roughly: nor will the gap be small.
        """
        more = self.prices.short - self._problem.shortfall_price_per_kwh
        if not self.first or len(self._fleet.stays.beyond_kwh) > 1:
            return 0.0
        return more * float(missing_kwh(self._fleet, power).sum())

    def forced(self, power: Floats) -> Bools:
        """Tell in which groups limits most likely force a shortage: shape (groups,), or (0,)."""
        missing, wanted = avoidable_kwh(self._fleet, power), self._fleet.stays.each["wanted_kwh"]
        if missing.sum() <= AVOIDABLE_KWH:
            return np.zeros(0, dtype=bool)
        wanted = np.where(np.isfinite(wanted), wanted, 0.0)
        forced: Bools = self._summed(missing) > FORCED * np.maximum(self._summed(wanted), 1.0)
        return forced

    def forced_elsewhere(self, power: Floats) -> bool:
        """Whether limits most likely force a shortage on vehicles of no group."""
        out, each = self._clusters.of_stay < 0, self._fleet.stays.each
        wanted = each["wanted_kwh"][out & np.isfinite(each["wanted_kwh"])].sum()
        missing = float(avoidable_kwh(self._fleet, power)[out].sum())
        return missing > FORCED * max(float(wanted), 1.0)

    def short(self, power: Floats, more_than_kwh: float) -> Bools:
        """Tell in which groups more energy is missing than stays force, shape (groups,)."""
        missing = avoidable_kwh(self._fleet, power)
        if missing.sum() <= AVOIDABLE_KWH:
            return np.zeros(0, dtype=bool)
        short: Bools = self._summed(missing) > more_than_kwh
        return short

    def _summed(self, by_stay: Floats) -> Floats:
        of = self._clusters.of_stay
        held = of >= 0
        summed = np.bincount(of[held], weights=by_stay[held], minlength=len(self._least))
        return summed.astype(float)

    def share_out(self, power: Floats, among: Bools, until_s: float) -> float | None:
        """Raise the least that the largest shortfall can be.

        The first time the hardest pressed groups are asked, later all that are short of more.

        Parameters
        ----------
        power
            A schedule.
        among
            Groups whose shortfalls it tells, shape (groups,).
        until_s
            Monotonic time at which to stop [s].

        Returns
        -------
        float or None
            The largest shortfall beyond which energy should cost more; None where it stays.
        """
        if not self.first:
            return None
        before = self._fleet.stays
        over = self._over(power, among)
        while len(over) and time.monotonic() < until_s:
            self._ask(over[:LANES], until_s)
            self.least_kwh = max(self.least_kwh, float(np.nanmax(self._least)))
            over = over[LANES:] if len(before.beyond_kwh) else over[:0]
        if len(before.beyond_kwh) and self.least_kwh <= before.beyond_kwh[0]:
            return None
        return self.least_kwh

    def _over(self, power: Floats, among: Bools) -> list[int]:
        """List groups, not yet asked, with a shortfall beyond the largest known, by their need."""
        missing, of = missing_kwh(self._fleet, power), self._clusters.of_stay
        held = of >= 0
        worst = np.zeros(len(self._least))
        np.maximum.at(worst, of[held], missing[held])
        need = self._summed(missing) / np.maximum(self._clusters.size, 1)
        over = among & (worst > self.least_kwh + SAME_KWH) & np.isnan(self._least)
        order = np.argsort(-need, kind="stable")
        return [int(g) for g in order if over[g]]

    def _ask(self, which: list[int], until_s: float) -> None:
        """Find out what the largest shortfall of some groups has to be."""
        left_s = max(until_s - time.monotonic(), 0.1)

        def least(g: int) -> float:
            alone = own_problem(self._problem, self._fleet, [self._clusters.groups[g]])
            return least_largest_kwh(replace(alone, promise="first"), left_s)

        with ThreadPoolExecutor(LANES) as pool:
            self._least[which] = list(pool.map(least, which))


def _unavoidable_kwh(problem: Problem, fleet: Fleet) -> float:
    """Return the largest shortfall that no plan can avoid, whatever the limits [kWh]."""
    reach = np.zeros(len(problem))
    most_energy(fleet.stays, fleet.everyone, reach)
    due = fleet.stays.each["due_kwh"]
    least = float(np.max(due - reach, initial=0.0, where=np.isfinite(due)))
    if problem.continues is not None:
        starts = lay_out(problem, relax_standby=True, pairs=False).starts
        least = max(least, float(starts.en_route_least_kwh.max(initial=0.0)))
    return least
