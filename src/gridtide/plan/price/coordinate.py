"""Plan a fleet by price: sweep, average, prove a bound, keep the limits, until the gap is closed.

Multipliers on all limits are raised where limits are exceeded and lowered where there is room
(the method of multipliers: D. P. Bertsekas, Constrained Optimization and Lagrange Multiplier
Methods, 1982); vehicles answer one after the other. Prices averaged over the sweeps prove the
lower bound, and the schedule averaged likewise, brought within all limits, is the plan.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from gridtide.core import stream
from gridtide.plan.price._kernel_fleet import charge_at_once, cut_to_window
from gridtide.plan.price.bound import excess_kw
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.rows import FLAT, PULL
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.start import Start

MEMORY = 9
"""How slowly averages forget: sweep k counts MEMORY / (k + MEMORY)."""
FIRST_CHECK = 12
HOPEFUL = 3.0
"""The limits are kept for a trial where the gap before is at most so many times the wanted."""
LOOK = 2
SLOW = 0.6
HARDER, SOFTER = 2.0, 0.9
EXCESS = 2e-4
CLEAN_KW = 1e-9
DEAR = (1.5, 3.0, 10.0, 30.0, 1e12, 1e12)


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a coordination is; the best bound so far and the prices that prove it."""

    sweeps: int = 0
    bound: float = -np.inf
    cost: float = np.inf
    price: Floats
    peak: Floats
    interrupted: bool = False


class Coordination:
    """One run towards a gap.

    Parameters
    ----------
    problem, stays
        What is to be planned.
    gap
        Relative gap at which to stop.
    limit_s
        Wall time after which the best so far is taken [s].
    """

    def __init__(self, problem: Problem, stays: Stays, *, gap: float, limit_s: float) -> None:
        self.fleet = Fleet(problem, stays)
        self._gap, self._end = gap, time.monotonic() + limit_s
        self._orders = stream(0, "order of groups")
        self._price, self._peak = self.fleet.prices()
        self.progress = Progress(price=self._price.copy(), peak=self._peak.copy())
        self._over: Floats | None = None
        self._warm = False
        self._softest = self.fleet.rows.term[:, PULL].copy()
        self.unit = max(self._uncontrolled_cost(), 1.0)

    def start_from(self, start: Start) -> None:
        """Begin at an earlier plan's powers and prices."""
        fleet, book = self.fleet, self.fleet.book
        fleet.power[:] = start.power_kw
        cut_to_window(fleet.stays, fleet.power)
        fleet.mean[:] = fleet.power
        fleet.net = fleet.net_of(fleet.power)
        self._price, self._peak = np.zeros((2, *fleet.net.shape))
        whole = book.phase < 0
        self._price[whole] = start.limit_price[book.limit[whole]]
        self._peak[whole] = start.peak_price[book.limit[whole]]
        if start.phase_price is not None:
            self._price[~whole] = start.phase_price[book.limit[~whole], book.phase[~whole]]
        unknown = np.isnan(self._price)
        self._price[unknown] = fleet.rows.price[:, FLAT][unknown]
        self._peak[np.isnan(self._peak)] = 0.0
        fleet.set_prices(self._price, self._peak)
        self._warm = True

    def run(self) -> Floats:
        """Return the powers of the plan at the plugged steps, shape (N,); progress tells the rest.

        An interrupt from the keyboard ends the run with the best so far.
        """
        check = 0 if self._warm else FIRST_CHECK
        try:
            while not self._over_time():
                if self.progress.sweeps == check:
                    if self._checked():
                        return self.fleet.mean
                    check += max(4, check // 6)
                self._sweep()
        except KeyboardInterrupt:
            self.progress.interrupted = True
        self._prove()
        self._keep()
        return self.fleet.mean

    def _over_time(self) -> bool:
        return time.monotonic() >= self._end

    def _sweep(self) -> None:
        fleet, progress = self.fleet, self.progress
        fleet.sweep(self._orders.permutation(len(fleet.groups)))
        known = 2 * MEMORY if self._warm else 0
        weight = MEMORY / (progress.sweeps + known + MEMORY)
        price, peak = fleet.prices()
        self._price += weight * (price - self._price)
        self._peak += weight * (peak - self._peak)
        fleet.average(weight)
        progress.sweeps += 1
        if progress.sweeps % LOOK == 0:
            self._adapt()

    def _adapt(self) -> None:
        """Let prices react harder where excess stays, and softer again where it has gone."""
        fleet = self.fleet
        owner, term = fleet.book.owner, fleet.rows.term
        firm = np.array([kind in ("import", "export") for kind in fleet.book.kind], dtype=bool)
        over = excess_kw(fleet.book, fleet.net)[owner]
        if self._over is not None:
            room = np.maximum(fleet.book.upper_kw, -fleet.book.lower_kw).max(axis=1)[owner]
            stays = (over > SLOW * self._over) & (over > EXCESS * room[:, None]) & firm[:, None]
            term[:, PULL] *= np.where(stays, HARDER, SOFTER)
            np.maximum(term[:, PULL], self._softest, out=term[:, PULL])
        self._over = over

    def _checked(self) -> bool:
        """Prove a bound; where the gap looks closed, keep the limits and see."""
        self._prove()
        fleet, progress = self.fleet, self.progress
        rough = fleet.cost(fleet.mean, fleet.net_of(fleet.mean))
        if rough - progress.bound > HOPEFUL * self._gap * self._scale(rough):
            return False
        self._keep()
        return progress.cost - progress.bound <= self._gap * self._scale(progress.cost)

    def _scale(self, cost: float) -> float:
        return max(abs(cost), self.unit)

    def _prove(self) -> None:
        for price, peak in ((self._price, self._peak), self.fleet.prices()):
            bound = self.fleet.bound(price, peak)
            if bound > self.progress.bound:
                self.progress.bound = bound
                self.progress.price, self.progress.peak = price.copy(), peak.copy()

    def _keep(self) -> None:
        """Bring the mean schedule within all limits, in place, and price it."""
        fleet = self.fleet
        net = fleet.net_of(fleet.mean)
        which = fleet.groups
        for dear in DEAR:
            fleet.keep_limits(fleet.mean, net, which, dear)
            net = fleet.net_of(fleet.mean)
            which = fleet.exceeding(net, CLEAN_KW)
            if not which:
                break
        for group in which:
            over = excess_kw(fleet.book, net)
            share = np.max(over / np.maximum(np.abs(net), 1e-12))
            fleet.towards_rest(fleet.mean, group, min(float(share) * (1 + 1e-6), 1.0))
        if which:
            net = fleet.net_of(fleet.mean)
        self.progress.cost = fleet.cost(fleet.mean, net)

    def _uncontrolled_cost(self) -> float:
        """Cost of charging at once on arrival, limits left aside."""
        fleet = self.fleet
        charge_at_once(fleet.stays, fleet.mean)
        cost = fleet.cost(fleet.mean, fleet.net_of(fleet.mean))
        fleet.mean[:] = 0.0
        return abs(cost)
