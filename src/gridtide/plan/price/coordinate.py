"""Plan a fleet by price: sweep, average, prove a bound, keep the limits, until the gap is closed.

Multipliers on all limits are raised where limits are exceeded and lowered where there is room
(the method of multipliers: D. P. Bertsekas, Constrained Optimization and Lagrange Multiplier
Methods, 1982); vehicles answer one after the other. Prices averaged over the sweeps prove the
lower bound, and the schedule averaged likewise, brought within all limits, is the plan.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gridtide.core import stream
from gridtide.plan.price._kernel_fleet import charge_at_once, cut_to_window
from gridtide.plan.price.bound import excess_kw, stored_away_kwh, stored_rate, within_rates
from gridtide.plan.price.exact import Exact
from gridtide.plan.price.fleet import LANES, LEAST_PRICE, Fleet
from gridtide.plan.price.held import HeldPrices
from gridtide.plan.price.mend import Plan
from gridtide.plan.price.missing import AVOIDABLE_KWH
from gridtide.plan.price.promise import STEEPER, Promise, Wishes
from gridtide.plan.price.rows import FLAT, PULL, STORED, WHOLE
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Bools, Floats, Ints, Problem
from gridtide.plan.start import Start

MEMORY = 9
"""How slowly averages forget: sweep k counts MEMORY / (k + MEMORY)."""
FIRST_CHECK = 12
HOPEFUL = 3.0
"""The limits are kept for a trial where the gap before is at most so many times the wanted."""
LOOK = 2
SLOW = 0.6
FIRM = ("import", "export", "stored least", "stored most")
"""Kinds of prices that react harder where excess stays."""
HARDER, SOFTER, FIRMEST = 2.0, 0.9, 1e4
EXCESS = 2e-4
CLEAN_KW = 1e-9
KEPT_KW = 5e-7
STALL, PATIENCE = 0.01, 8
"""A run ends where so many checks in a row each close less than this share of the gap."""
EXACT_FROM, EXACT_AGAIN = 24, 2
"""Small groups get exact prices after so many sweeps, and again after so many times as many."""
PROVEN_KWH = 1e-4
"""Groups whose gap is worth no more than so much missing energy are left as they are."""
SETTLED_KWH = 1e-3
"""Groups that miss more than this are planned exactly before a run ends."""
VEHICLES_PER_SWEEP = 2.0
"""Groups of so many vehicles for each sweep made: by then the sweeps took about as long."""
HELD_GAP = 5e-3
"""Of what reserve is worth, so much may be left open."""
DEAR = ((1.5, LANES), (3.0, LANES), (10.0, LANES), (30.0, LANES), (np.inf, LANES), (np.inf, 1))
"""What keeping limits may cost in each pass, and lanes: of two, each takes off but half."""


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
    exactly
        Plans a small problem exactly and gives the powers of its plugged steps.
    prices
        Of what comes before the cost; those of ``stays`` come from them.
    settles
        Whether groups that are short are planned exactly early on, and held so.
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
        exactly: Plan,
        prices: Wishes,
        settles: bool = True,
        caps_kw: tuple[Floats, ...] | None = None,
    ) -> None:
        self.fleet = Fleet(problem, stays, prices.relief, caps_kw)
        self._exact = Exact(problem, self.fleet, exactly)
        self.promise = Promise(problem, self._exact, prices)
        # In single precision rounding alone looks short: mending at the end is all there is.
        self._exactly_short = self.fleet.mean.dtype == np.float64
        self._settles = settles and self._exactly_short
        self._check, self.scarce = FIRST_CHECK, False
        self._exact_at = EXACT_FROM
        self._own: tuple[Floats, Floats] | None = None
        self._gap, self._end = gap, time.monotonic() + limit_s
        self._orders = stream(0, "order of groups")
        self._price, self._peak = self.fleet.prices()
        self.progress = Progress(price=self._price.copy(), peak=self._peak.copy())
        self._over: Floats | None = None
        self._warm, self._known = False, 0
        self._best: Floats | None = None
        self._dearer = self._turnover = 0.0
        self._least, self._rough, self._idle = np.inf, np.inf, 0
        self._before = (np.inf, -np.inf)
        self._softest = self.fleet.rows.term[:, PULL, :1].copy()
        self.uncontrolled_cost = self._uncontrolled_cost(problem)

    @cached_property
    def _settled(self) -> Bools:
        """Groups that are planned exactly and held so, shape (groups,)."""
        return np.zeros(len(self._exact.clusters.groups), dtype=bool)

    def start_from(self, start: Start) -> None:
        """Begin at an earlier plan's powers and prices."""
        fleet, book = self.fleet, self.fleet.book
        fleet.power[:] = start.power_kw
        cut_to_window(fleet.stays, fleet.power)
        fleet.mean[:] = fleet.power
        fleet.net = fleet.net_of(fleet.power)
        self._price, self._peak = np.zeros((2, *fleet.net.shape))
        whole, phased, stored = book.phase == WHOLE, book.phase >= 0, book.phase == STORED
        self._price[whole] = start.limit_price[book.limit[whole]]
        self._peak[whole] = start.peak_price[book.limit[whole]]
        if start.phase_price is not None:
            self._price[phased] = start.phase_price[book.limit[phased], book.phase[phased]]
        if start.stored_price is not None:
            self._price[stored] = start.stored_price[book.limit[stored]]
        unknown = np.isnan(self._price)
        self._price[unknown] = fleet.rows.price[:, FLAT][unknown]
        self._peak[np.isnan(self._peak)] = 0.0
        within_rates(book, self._peak, fleet.stays.step_h)
        fleet.set_prices(self._price, self._peak)
        self._warm, self._known, self._check = True, 2 * MEMORY, 0

    def run(self) -> Floats:
        """Return the powers of the plan at the plugged steps, shape (N,); progress tells the rest.

        An interrupt from the keyboard ends the run with the best so far.
        """
        try:
            while not self._over_time():
                if self.progress.sweeps >= self._check:
                    if self._checked():
                        return self._result()
                    if self.scarce:
                        return self.fleet.mean
                    # The check may not have kept the limits: that is still to come.
                    if self._stalled():
                        self._solve_exactly(np.inf)
                        break
                    self._check += max(4, self._check // 6)
                self._sweep()
        except KeyboardInterrupt:
            self.progress.interrupted = True
        self._prove()
        self._keep()
        return self._result()

    def polish(self, power: Floats, until_s: float) -> Bools:
        """Plan short groups exactly once more, in place, now that all prices are known.

        Takes the place of the schedule that was swept: no sweep can follow.

        Returns
        -------
        Bools
            Stays whose groups are proven to miss no less, shape (n,).
        """
        fleet, exact = self.fleet, self._exact
        spare = PROVEN_KWH * float(fleet.stays.short_price[0])
        proven = np.zeros(len(fleet.stays.each), dtype=bool)
        if not self._exactly_short or not self.promise.missing(power):
            return proven
        short = self.promise.short(power, AVOIDABLE_KWH)
        gaps = exact.clusters.gaps(power, (self.progress.price, self.progress.peak))
        loose = np.flatnonzero(short & (gaps > spare))
        if len(loose) and time.monotonic() < until_s:
            self._own = exact.prices_of(loose, self._prices(), until_s)
            self._prove()
            after = fleet.power
            after[:] = power
            exact.plan_of(loose, after, until_s)
            net = fleet.net_of(after)
            kept = excess_kw(fleet.book, net).max(initial=0.0) <= KEPT_KW
            if kept and self._cost(after, net) < self._cost(power, fleet.net_of(power)):
                power[:] = after
            gaps = exact.clusters.gaps(power, (self.progress.price, self.progress.peak))
        proven[exact.clusters.in_groups(short & (gaps <= spare))] = True
        return proven

    def let_go(self) -> None:
        """Let go what only sweeps and their prices need: none follow."""
        self.fleet.rows = self.fleet.rows._replace(term=np.zeros((0, 5, 0)))
        self._price = self._peak = self._softest = np.zeros((0, 0))
        self._over = self._own = None

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
        weight = MEMORY / (progress.sweeps + self._known + MEMORY)
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
        kinds = fleet.book.kind
        firm = np.array([kind in FIRM for kind in kinds], dtype=bool)
        over = excess_kw(fleet.book, fleet.net)
        over[fleet.book.stored] = stored_away_kwh(fleet.book, fleet.net)
        over = over[owner]
        if self._over is not None:
            room = np.maximum(fleet.book.upper_kw, -fleet.book.lower_kw).max(axis=1)[owner]
            stays = (over > SLOW * self._over) & (over > EXCESS * room[:, None]) & firm[:, None]
            term[:, PULL] *= np.where(stays, HARDER, SOFTER)
            np.clip(term[:, PULL], self._softest, FIRMEST * self._softest, out=term[:, PULL])
        self._over = over

    def _checked(self) -> bool:
        """Prove a bound; where the gap looks closed, keep the limits and see."""
        fleet, progress = self.fleet, self.progress
        if self._settles and (self._warm or progress.sweeps >= EXACT_FROM):
            self._settle(fleet.mean, self.promise.forced(fleet.mean))
        self._prove()
        self._dearer = self.promise.dearer(fleet.mean)
        rough = self._cost(fleet.mean, fleet.net_of(fleet.mean))
        if fleet.held is not None:
            # Its gap may stay open for long: what stalls is told by schedules as they are.
            self._rough = min(self._rough, rough)
        if rough - progress.bound <= HOPEFUL * self._wanted(rough):
            self._keep()
        elif progress.sweeps < self._exact_at:
            return False
        if not self.closed and progress.sweeps >= self._exact_at:
            self._exact_at = EXACT_AGAIN * progress.sweeps
            self._solve_exactly(VEHICLES_PER_SWEEP * progress.sweeps)
        if not self.closed or not self._settles:
            return self.closed
        # What others could have shared with those who are short is seen last.
        power = self._result()
        return not self._settle(power, self.promise.short(power, SETTLED_KWH)) and not self.scarce

    def _settle(self, power: Floats, short: Bools) -> bool:
        """Plan groups exactly whose own limits force a shortage, and hold them so."""
        fleet, promise = self.fleet, self.promise
        if not promise.missing(power):
            return False
        settled = self._settled
        new = short & ~settled
        if promise.forced_elsewhere(power) or (new.any() and self._shortage_above()):
            self.scarce = promise.first and len(fleet.stays.beyond_kwh) == 0
            return False
        if not new.any():
            return False
        settled |= new
        which = settled if self._shared_out(power) else new
        power = self._planned(np.flatnonzero(which), power)
        while self._shared_out(power) and not self._over_time():
            power = self._planned(np.flatnonzero(settled), power)
        fleet.mean[:], fleet.power[:] = power, power
        fleet.net = fleet.net_of(power)
        fleet.hold(self._exact.clusters.in_groups(settled))
        return True

    def _shared_out(self, power: Floats) -> bool:
        """Whether the largest shortfall of settled groups has turned out to be a larger one."""
        most_kwh = self.promise.share_out(power, self._settled, self._end)
        if most_kwh is None:
            return False
        self.share(most_kwh)
        return True

    def share(self, *most_kwh: float) -> None:
        """Price what one driver misses beyond so many kWh, ever more steeply, from now on."""
        steeper = self.promise.prices.beyond * STEEPER ** np.arange(len(most_kwh))
        self.fleet.stays = self.fleet.stays._replace(
            beyond_kwh=np.array(most_kwh), beyond_price=np.asarray(steeper, dtype=float)
        )
        # Costs and bounds so far were by other prices of what is missing.
        self.progress.bound, self.progress.cost = -np.inf, np.inf
        self._best, self._least, self._idle = None, np.inf, 0
        self._before, self._check, self.scarce = (np.inf, -np.inf), self.progress.sweeps, False

    def react(self, price: float) -> None:
        """Let limits react as if this were the highest price of energy [currency/kWh]."""
        firmer = price / LEAST_PRICE
        self.fleet.rows.term[:, PULL] *= firmer
        self._softest *= firmer

    def _planned(self, which: Ints, power: Floats) -> Floats:
        """Price some groups' limits exactly, and plan them so, where the swept schedule was."""
        self._own = self._exact.prices_of(which, self._prices(), self._end)
        swept = self.fleet.power
        swept[:] = power
        return self._exact.plan_of(which, swept, self._end)

    def _prices(self) -> tuple[Floats, Floats]:
        """Averages of the prices so far, but for what groups were found to be worth exactly."""
        prices, exact = (self._price, self._peak), self._exact
        if self._own is None:
            return prices
        return exact.clusters.with_own(prices, self._own, exact.asked)

    def _shortage_above(self) -> bool:
        """Whether limits above the groups force the shortage: no group can tell then."""
        book, stays = self.fleet.book, self.fleet.stays
        above = self._exact.clusters.shared(self._price - self.fleet.rows.price[:, FLAT])
        steep = self.promise.prices.scarce * float(stays.each["gain"].min(initial=1.0))
        return bool(np.any(np.where(book.square[:, None] > 0, 0.0, above) > steep))

    def _solve_exactly(self, most: float) -> None:
        """Where few vehicles share limits, let linear problems of theirs close the gap."""
        if self.fleet.held is not None:
            return  # these know nothing of reserve
        fleet, exact, prices = self.fleet, self._exact, self._prices()
        rough = fleet.cost(fleet.mean, fleet.net_of(fleet.mean))
        spare = 0.5 * self._gap * self.scale(rough)
        own = exact.sharpen(fleet.mean, prices, most, self._settled, spare, self._end)
        if own is None:
            return
        self._own = own
        self._try(*own)
        self._keep_instead(exact.replan(fleet.mean, own, 0.5 * spare, self._end))

    def _keep_instead(self, power: Floats) -> None:
        """Bring another schedule than the mean within all limits, and remember it if it is best."""
        mean, self.fleet.mean = self.fleet.mean, power
        try:
            self._keep()
        finally:
            # In single precision there is no room for both: sweeps go on from the better one.
            if mean.dtype == np.float64:
                self.fleet.mean = mean

    @property
    def closed(self) -> bool:
        """Whether the gap is."""
        cost = self.progress.cost if self._best is None else self._least
        apart = cost - self.progress.bound
        return bool(np.isfinite(apart)) and apart <= self._wanted(cost)

    def _wanted(self, cost: float) -> float:
        """Gap at which to stop [currency]: with reserve a part of what that is worth, too."""
        return self._gap * self.scale(cost) + HELD_GAP * self._turnover

    def _cost(self, power: Floats, net: Floats) -> float:
        """Cost of a schedule, less what its reserve earns."""
        offered = self.fleet.offered(power, net).cost
        self._turnover = abs(offered)
        return self.fleet.cost(power, net) + offered

    def scale(self, cost: float) -> float:
        """Return what a gap is measured by [currency]: a cost without what wishes add to it."""
        return max(abs(cost - self._dearer), self.uncontrolled_cost, 1.0)

    def _prove(self) -> None:
        held = self.fleet.held
        mean, now = (None, None) if held is None else (held.mean, held.now)
        self._try(self._price, self._peak, mean)
        self._try(*self.fleet.prices(), now)
        if self._own is not None:
            self._try(*self._prices(), mean)

    def _try(self, price: Floats, peak: Floats, held: HeldPrices | None = None) -> None:
        bound = self.fleet.bound(price, peak, held)
        if bound > self.progress.bound:
            self.progress.bound = bound
            self.progress.price[:], self.progress.peak[:] = price, peak

    def _keep(self) -> None:
        """Bring the mean schedule within all limits, in place, and price it."""
        fleet = self.fleet
        self._stay_in_windows()
        net = fleet.net_of(fleet.mean)
        which = fleet.groups
        for dear, lanes in DEAR:
            fleet.keep_limits(fleet.mean, net, which, dear, lanes)
            self._stay_in_windows()
            net = fleet.net_of(fleet.mean)
            which = fleet.exceeding(net, CLEAN_KW)
            if not which:
                break
        fleet.groups, moving = fleet.all_groups, fleet.groups
        if which := fleet.exceeding(net, KEPT_KW):
            # One share for all of them: so every net power shrinks by it, shared rows' too.
            share = float(np.max(excess_kw(fleet.book, net) / np.maximum(np.abs(net), 1e-12)))
            for group in which:
                fleet.towards_rest(fleet.mean, group, min(share * (1 + 1e-6), 1.0))
            self._stay_in_windows()
            net = fleet.net_of(fleet.mean)
        fleet.groups = moving
        self.progress.cost = self._cost(fleet.mean, net)
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
                # In place: for a moment there would be three.
                if self._best is None:
                    self._best = np.empty_like(fleet.mean)
                self._best[:] = fleet.mean

    def _result(self) -> Floats:
        """Return the cheapest schedule that kept the limits."""
        if self._best is not None:
            self.progress.cost = self._least
            return self._best
        return self.fleet.mean

    def _uncontrolled_cost(self, problem: Problem) -> float:
        """Cost of charging at once on arrival, limits and wishes of theirs left aside.

        What comes of it is also the first mean schedule: good to have if a run is interrupted.
        """
        fleet = self.fleet
        charge_at_once(fleet.stays, fleet.mean)
        net = fleet.net_of(fleet.mean)
        wished = float(np.sum(stored_rate(fleet.book, net) * fleet.stays.step_h))
        return abs(fleet.usual_cost(problem, fleet.mean, net) - wished)
