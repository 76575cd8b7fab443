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
from gridtide.plan.price.bound import excess_kw, within_rates
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.rows import FLAT, PULL
from gridtide.plan.price.stays import Stays, usual_prices
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
KEPT_KW = 5e-7
STALL, PATIENCE = 0.01, 8
"""A run ends where so many checks in a row each close less than this share of the gap."""
HELD_GAP = 5e-3
"""Of what reserve is worth, so much may be left open."""
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
    caps_kw
        As of :func:`.calls.lay_calls`.
    """

    def __init__(
        self,
        problem: Problem,
        stays: Stays,
        *,
        gap: float,
        limit_s: float,
        caps_kw: tuple[Floats, ...] | None = None,
    ) -> None:
        self.fleet = Fleet(problem, stays, caps_kw)
        self._gap, self._end = gap, time.monotonic() + limit_s
        self._orders = stream(0, "order of groups")
        self._price, self._peak = self.fleet.prices()
        self.progress = Progress(price=self._price.copy(), peak=self._peak.copy())
        self._over: Floats | None = None
        self._warm = False
        self._best: Floats | None = None
        self._least, self._rough = np.inf, np.inf
        self._idle, self._turnover = 0, 0.0
        self._before = (np.inf, -np.inf)
        self._softest = self.fleet.rows.term[:, PULL].copy()
        self.uncontrolled_cost = self._uncontrolled_cost(problem)

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
        within_rates(book, self._peak, fleet.stays.step_h)
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
                        return self._result()
                    # The check may not have kept the limits: that is still to come.
                    if self._stalled():
                        break
                    check += max(4, check // 6)
                self._sweep()
        except KeyboardInterrupt:
            self.progress.interrupted = True
        self._prove()
        self._keep()
        return self._result()

    def _stalled(self) -> bool:
        """Whether many checks in a row have brought hardly anything."""
        progress = self.progress
        least = min(self._least, self._rough)
        before, self._before = self._before, (least, progress.bound)
        better = before[0] - least + progress.bound - before[1]
        apart = least - progress.bound
        self._idle = self._idle + 1 if np.isfinite(apart) and better < STALL * apart else 0
        return self._idle >= PATIENCE

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
        if fleet.held is not None:
            fleet.held.average(weight)
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
        rough = self._cost(fleet.net_of(fleet.mean))
        if fleet.held is not None:
            # Its gap may stay open for long: what stalls is told by schedules as they are.
            self._rough = min(self._rough, rough)
        if rough - progress.bound > HOPEFUL * self._wanted(rough):
            return False
        self._keep()
        return self.closed

    @property
    def closed(self) -> bool:
        """Whether the gap is."""
        return self.progress.cost - self.progress.bound <= self._wanted(self.progress.cost)

    def _wanted(self, cost: float) -> float:
        """Gap at which to stop [currency]: with reserve a part of what that is worth, too."""
        return self._gap * self.scale(cost) + HELD_GAP * self._turnover

    def _cost(self, net: Floats) -> float:
        """Cost of the mean schedule, less what its reserve earns."""
        fleet = self.fleet
        offered = fleet.offered(fleet.mean, net).cost
        self._turnover = abs(offered)
        return fleet.cost(fleet.mean, net) + offered

    def scale(self, cost: float) -> float:
        """Return what a gap is measured by [currency]."""
        return max(abs(cost), self.uncontrolled_cost, 1.0)

    def _prove(self) -> None:
        held = self.fleet.held
        mean, now = (None, None) if held is None else (held.mean, held.now)
        for price, peak, its in ((self._price, self._peak, mean), (*self.fleet.prices(), now)):
            bound = self.fleet.bound(price, peak, its)
            if bound > self.progress.bound:
                self.progress.bound = bound
                self.progress.price, self.progress.peak = price.copy(), peak.copy()

    def _keep(self) -> None:
        """Bring the mean schedule within all limits, in place, and price it."""
        fleet = self.fleet
        self._stay_in_windows()
        net = fleet.net_of(fleet.mean)
        which = fleet.groups
        for dear in DEAR:
            fleet.keep_limits(fleet.mean, net, which, dear)
            self._stay_in_windows()
            net = fleet.net_of(fleet.mean)
            which = fleet.exceeding(net, CLEAN_KW)
            if not which:
                break
        if which := fleet.exceeding(net, KEPT_KW):
            # One share for all of them: so every net power shrinks by it, shared rows' too.
            share = float(np.max(excess_kw(fleet.book, net) / np.maximum(np.abs(net), 1e-12)))
            for group in which:
                fleet.towards_rest(fleet.mean, group, min(share * (1 + 1e-6), 1.0))
            self._stay_in_windows()
            net = fleet.net_of(fleet.mean)
        self.progress.cost = self._cost(net)
        self._remember()

    def _stay_in_windows(self) -> None:
        """Cut what mixing left outside a window: after drives with energy bought on the way."""
        if len(self.fleet.stays.vehicle) - 1 < len(self.fleet.stays.each):
            cut_to_window(self.fleet.stays, self.fleet.mean)

    def _remember(self) -> None:
        """Keep the cheapest schedule so far; a fleet in single precision has no room for it."""
        fleet = self.fleet
        if self.progress.cost < self._least:
            self._least = self.progress.cost
            if fleet.mean.dtype == np.float64:
                self._best = fleet.mean.copy()

    def _result(self) -> Floats:
        """Return the cheapest schedule that kept the limits."""
        if self._best is not None and self._least < self.progress.cost:
            self.progress.cost = self._least
            return self._best
        return self.fleet.mean

    def _uncontrolled_cost(self, problem: Problem) -> float:
        """Cost of charging at once on arrival, limits left aside, at the problem's own prices.

        What comes of it is also the first mean schedule: good to have if a run is interrupted.
        """
        fleet, stays = self.fleet, self.fleet.stays
        charge_at_once(stays, fleet.mean)
        fleet.stays = usual_prices(stays, problem)
        cost = fleet.cost(fleet.mean, fleet.net_of(fleet.mean))
        fleet.stays = stays
        return abs(cost)
