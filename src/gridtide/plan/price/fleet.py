"""A fleet under coordination: its schedules, its net powers, and the passes over its vehicles.

Groups are worked through by two lanes side by side. A lane sees its own group's rows as they
are; of the shared rows it keeps a copy and counts each change twice, for the other lane moves
alike at the same time. What the lanes did is added up in a fixed order, so that plans do not
depend on how many threads there are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gridtide.plan.price._kernel_calls import renew
from gridtide.plan.price._kernel_fleet import keep_limits, least_costs, own_costs, towards_rest
from gridtide.plan.price._kernel_sweep import add_net, average, sweep, update_multipliers
from gridtide.plan.price._kernel_worth import worths
from gridtide.plan.price.bound import (
    excess_kw,
    peaks,
    prices_now,
    rows_bound,
    rows_cost,
    seen_prices,
)
from gridtide.plan.price.calls import Calls, call_work, lay_calls
from gridtide.plan.price.groups import Group, make_groups
from gridtide.plan.price.held import Held, HeldPrices, Offered
from gridtide.plan.price.relief import relief_price, stay_on_side
from gridtide.plan.price.rows import (
    FAR,
    FLAT,
    LEAST,
    MOST,
    MULT,
    STORED,
    Book,
    Rows,
    demand_terms,
    keep_book,
    level_peaks,
    make_rows,
)
from gridtide.plan.price.stays import Stays, segments, usual_prices
from gridtide.plan.problem import Floats, Ints, Problem

LANES = 2
SINGLE_PRECISION = 16_000_000
"""From so many plugged steps on, powers are kept in single precision."""
TIGHT = 1e-4
LEAST_PRICE = 1e-3
"""Limits react as if energy cost at least so much [currency/kWh]."""
PACE, PACE_TOP = 0.5, 0.25
"""How far weights of reserve move towards their answer in a sweep: those of stays, of limits."""
NONE: Floats = np.zeros(0)
_POOL = ThreadPoolExecutor(LANES, thread_name_prefix="gridtide-plan")


class Fleet:
    """Schedules of all vehicles and the passes that better them.

    Parameters
    ----------
    problem, stays
        What is to be planned.
    relief_price
        Of base load beyond limits that vehicles leave so [currency/kWh].
    caps_kw
        As of :func:`.calls.lay_calls`.
    """

    def __init__(
        self,
        problem: Problem,
        stays: Stays,
        relief_price: float = 0.0,
        caps_kw: tuple[Floats, ...] | None = None,
    ) -> None:
        self.stays = stays
        self.everyone: Ints = np.arange(len(stays.vehicle) - 1)
        self.book: Book = keep_book(problem, stays, relief_price)
        stays.each["path"] = self.book.path_of
        self.all_groups, place = make_groups(problem, stays, self.book)
        self.groups = self.all_groups
        self.rows: Rows = make_rows(self.book, place, self._pulls(problem), TIGHT)
        self.shared: Ints = np.flatnonzero(place >= 0)
        self._shared_demand, self._demand = self._demand_by_group()
        count = int(stays.each["steps"].sum())
        kind: Any = np.float32 if count > SINGLE_PRECISION else np.float64
        self.power = np.zeros(count, dtype=kind)
        self.mean = np.zeros(count, dtype=kind)
        self.net = self.net_of(self.power)
        self.calls: Calls = lay_calls(problem, stays, caps_kw)
        self.held = Held(problem, self.book, self.calls) if len(self.calls.first) > 1 else None
        self._called = np.zeros((len(problem.limit_names), problem.steps))
        self._call_work = [call_work(self.calls, stays) for _ in range(LANES)]
        self._see_reserve()
        above = np.repeat(np.arange(len(self.rows.path) - 1), np.diff(self.rows.path))
        self._kept = int(np.bincount(above, self.rows.stored[self.rows.row]).max(initial=0))
        size = segments(stays, self._kept)
        self._work = [tuple(np.zeros(size) for _ in range(11)) for _ in range(LANES)]
        self._together = np.zeros((LANES, 1 if self._kept else 0, problem.steps))

    def _see_reserve(self) -> None:
        """Let stays and limits see what reserve is worth at the moment."""
        if self.held is None:
            return
        now, limits = self.held.now, len(self._called)
        self.calls.top[:], self.calls.leaf[:] = now.top, now.leaf
        self.rows.price[:limits, FLAT] += now.called - self._called
        self._called = now.called

    def _demand_by_group(self) -> tuple[Ints, list[Ints]]:
        """Terms of demand charges on shared rows, and on the rows of each group."""
        terms = demand_terms(self.book)
        home = np.full(len(self.book.limit), -1)
        for g, group in enumerate(self.groups):
            home[group.rows] = g
        at = home[self.book.owner[terms]]
        order = np.argsort(at, kind="stable")
        cuts = np.searchsorted(at[order], np.arange(len(self.groups) + 1))
        of_group = [terms[order[a:b]] for a, b in itertools.pairwise(cuts)]
        return terms[at < 0], of_group

    def _pulls(self, problem: Problem) -> Floats:
        """Reactions to start with: gentle, and gentler the more vehicles share a row."""
        book, each = self.book, self.stays.each
        plugged = np.bincount(each["path"], minlength=len(book.path) - 1)
        below = np.zeros(len(book.limit))
        np.add.at(below, book.row, np.repeat(plugged, np.diff(book.path)) * (book.weight > 0))
        price = max(float(np.abs(problem.price_import_per_kwh).max()), LEAST_PRICE)
        power = float(each["charge_kw"].mean()) if len(each) else 1.0
        energy = float((each["high_kwh"] - each["low_kwh"]).mean()) if len(each) else 1.0
        firm = np.array([1.7 if kind in ("import", "export") else 2.8 for kind in book.kind])
        # A kWh that is held for a step is worth what energy is.
        energy *= float(problem.step_h.mean())
        reach = np.where(book.phase[book.owner] == STORED, energy, power)
        pull: Floats = firm * price / (np.maximum(reach, 1e-3) * np.maximum(below[book.owner], 1.0))
        return pull

    def sweep(self, order: Ints) -> float:
        """Let all vehicles answer once, groups in this order; return what they could still gain."""
        step_h, gained = self.stays.step_h, 0.0
        # Base loads alone have peaks to be priced too: once, even where there is no group.
        for at in range(0, max(len(order), 1), LANES):
            chunk = [self.groups[g] for g in order[at : at + LANES]]
            for terms in (self._shared_demand, *(self._demand[g] for g in order[at : at + LANES])):
                level_peaks(self.book, self.rows, self.net, step_h, terms)
            before = self.net[self.shared]
            copies = [before.copy() for _ in chunk]
            mirror = float(len(chunk))
            lanes = zip(range(LANES), chunk, copies, strict=False)
            gained += _side_by_side([partial(self._sweep_group, mirror, *lane) for lane in lanes])
            for copy in copies:
                self.net[self.shared] += (copy - before) / mirror
        update_multipliers(self.rows, self.net, self.shared)
        if self.held is not None:
            self.held.renew(self.net, self._shares(self.power, PACE), PACE_TOP)
            self._see_reserve()
        return gained

    def _shares(self, power: Floats, pace: float) -> Floats:
        """Add up the shares of a schedule; see :func:`._kernel_calls.renew`."""
        shape = (3, *self.calls.leaf.shape)
        sums = [np.zeros(shape) for _ in range(LANES)]
        memory = list(zip(self._call_work, sums, strict=True))
        self.by_lane(renew, power, pace, self.calls, each=memory)
        return np.asarray(sum(sums))

    def offered(self, power: Floats, net: Floats) -> Offered:
        """Return what a schedule can offer as reserve, by the rows."""
        if self.held is None:
            return Offered(np.zeros(0), 0.0)
        return self.held.offered(net, self._shares(power, 0.0))

    def _sweep_group(self, mirror: float, lane: int, group: Group, shared: Floats) -> float:
        plug_price = self.book.plug_price
        gained = sweep(
            self._stays_of_lane(lane),
            group.vehicles,
            self.rows,
            self.net,
            shared,
            mirror,
            self.power,
            plug_price,
            self._work[lane],
            self.calls,
            self._call_work[lane],
        )
        update_multipliers(self.rows, self.net, group.rows)
        return float(gained)

    def _stays_of_lane(self, lane: int) -> Stays:
        """Return the stays with memory of a lane's own for what kernels change in them."""
        return self.stays._replace(
            # What missing energy costs is changed where the promise is worth something to reserve.
            short_price=self.stays.short_price.copy(),
            together=self._together[lane],
        )

    def _stays_kept(self) -> Stays:
        """Return the stays with memory for what each is to hold for all to hold enough."""
        rows = 1 + 2 * self._kept if self._kept else 0
        return self.stays._replace(together=np.zeros((rows, self._together.shape[2])))

    def average(self, weight: float) -> None:
        """Move the mean schedule towards the present one."""
        average(self.stays, self.power, self.mean, weight)

    def prices(self) -> tuple[Floats, Floats]:
        """Return the prices of the moment on each row, of net power and of peaks.

        What calls of reserve add is left out.
        """
        price, peak = prices_now(self.book, self.rows, self.net, self.stays.step_h)
        price[: len(self._called)] -= self._called
        return price, peak

    def bound(self, price: Floats, peak: Floats, held: HeldPrices | None = None) -> float:
        """Prove a lower bound by prices on the rows and, with reserve, by what it is worth."""
        total = price + peak
        if held is not None:
            total[: len(self._called)] += held.called
            self.calls.top[:], self.calls.leaf[:] = held.top, held.leaf
        seen = seen_prices(self.book, total)
        own = self._least_costs(seen, NONE)
        own += rows_bound(self.book, price, peak, self.stays.step_h)
        if held is not None:
            own += held.constant
            self._see_reserve()
        return own

    def _least_costs(self, seen: Floats, each: Floats) -> float:
        return self.by_lane(least_costs, seen, each, self.calls, each=list(zip(self._call_work)))

    def gaps(self, seen: Floats, above: Floats, power: Floats) -> Floats:
        """Cost of schedules at the prices ``above``, less the least at ``seen``, shape (v,)."""
        least, cost = np.zeros((2, len(self.everyone)))
        self._least_costs(seen, least)
        self.by_lane(own_costs, above, cost, power)
        return np.subtract(cost, least, out=cost)

    def worths(self, price: Floats, peak: Floats) -> tuple[Floats, Floats]:
        """Worth of stored energy in each plugged step, shape (N,), and on each arrival, (n,).

        Takes the place of the schedule that was swept: no sweep can follow.
        """
        seen = seen_prices(self.book, price + peak)
        # The schedule on the way is not needed any more: its memory takes the worths.
        value = self.power
        arrival = np.zeros(len(self.stays.each))
        self.by_lane(worths, seen, value, arrival)
        return value, arrival

    def set_prices(self, price: Floats, peak: Floats) -> None:
        """Take prices on the rows, as :meth:`prices` gives them, for multipliers."""
        book, term = self.book, self.rows.term
        level_peaks(book, self.rows, self.net, self.stays.step_h, demand_terms(book))
        left = price - self.rows.price[:, FLAT]
        left[: len(self._called)] += self._called
        # What tariffs and relief can be worth goes to them first: limits take what is beyond.
        for k in sorted(range(len(book.kind)), key=lambda k: book.kind[k] in ("import", "export")):
            j = book.owner[k]
            demand = book.kind[k].startswith("demand")
            given = peak[j] if demand else left[j]
            term[k, MULT] = np.clip(given, term[k, LEAST], term[k, MOST])
            if not demand:
                left[j] -= term[k, MULT]

    def cost(self, power: Floats, net: Floats) -> float:
        """Cost of a schedule with its net powers."""
        nothing = seen_prices(self.book, np.zeros_like(self.book.base_kw))
        own = self.by_lane(own_costs, nothing, NONE, power)
        return own + rows_cost(self.book, net, self.stays.step_h)

    def usual_cost(self, problem: Problem, power: Floats, net: Floats) -> float:
        """Cost of a schedule as the problem prices it, without what wishes cost."""
        stays, book = self.stays, self.book
        self.stays, self.book = usual_prices(stays, problem), replace(book, relief_price=0.0)
        try:
            return self.cost(power, net)
        finally:
            self.stays, self.book = stays, book

    def by_lane(
        self, kernel: Callable[..., float | None], *given: Any, each: Sequence[tuple[Any, ...]] = ()
    ) -> float:
        """Run a kernel over all vehicles, each lane its part of them; add up what it returns.

        ``each`` holds what comes last for each lane.
        """
        parts = np.array_split(self.everyone, LANES)
        plug_price, jobs = self.book.plug_price, []
        for k, part in enumerate(parts):
            last, stays = each[k] if each else (), self._stays_of_lane(k)
            jobs.append(partial(kernel, stays, part, plug_price, self._work[k], *given, *last))
        return _side_by_side(jobs)

    def net_of(self, power: Floats) -> Floats:
        """Net power on each row [kW], and what rows of energy hold [kWh], shape (r, T)."""
        net = np.zeros_like(self.book.base_kw)
        add_net(self.stays, self.everyone, self.rows, power, net, 1.0)
        return net

    def keep_limits(
        self, power: Floats, net: Floats, which: Sequence[Group], dear: float, lanes: int = LANES
    ) -> None:
        """Take excess off and answer true prices, within what all rows leave.

        Peaks that are paid for are kept too: nothing here may raise one. Taking a kWh off may
        cost a vehicle ``dear`` times the span of its prices; others may take it off for less. Of
        what shared rows leave, each of some ``lanes`` may use but its part.
        """
        book, margin = self.book, 4e-6 if power.dtype == np.float32 else 0.0
        room = np.stack((book.lower_kw, book.upper_kw))
        paid = peaks(book, net)
        for q in range(paid.shape[1]):
            inside = np.flatnonzero(book.period == q)
            held = np.flatnonzero(book.rate[:, q] > 0)
            level = paid[held, q, None] - book.base_kw[np.ix_(held, inside)]
            room[1][np.ix_(held, inside)] = np.minimum(room[1][np.ix_(held, inside)], level)
        self._stay_on_side(room, net)
        room[:, book.stored] = np.clip(book.stored_kwh, -FAR, FAR)
        true = self._true_prices(net)
        true[: len(self._called)] += self._called
        price = seen_prices(book, true)
        for at in range(0, len(which), lanes):
            chunk = which[at : at + lanes]
            before = net[self.shared]
            copies = [before.copy() for _ in chunk]
            # Each lane may use its share of what the shared rows leave, and no more.
            part = before + (room[:, self.shared] - before) / len(chunk)
            _side_by_side(
                [
                    partial(
                        keep_limits,
                        self._stays_kept(),
                        group.vehicles,
                        self.rows,
                        net,
                        copy,
                        room,
                        part,
                        price,
                        power,
                        book.plug_price,
                        margin,
                        dear,
                        self._work[lane],
                        self.calls,
                        self._call_work[lane],
                    )
                    for lane, (group, copy) in enumerate(zip(chunk, copies, strict=True))
                ]
            )
            for copy in copies:
                net[self.shared] += copy - before

    def _stay_on_side(self, room: Floats, net: Floats) -> None:
        """Let no meter cross zero, where its price changes."""
        book = self.book
        kinked, site = book.price_in != book.price_out, net + book.base_kw
        lower, upper = room
        lower[:] = np.where(kinked & (site >= 0), np.maximum(lower, -book.base_kw), lower)
        upper[:] = np.where(kinked & (site <= 0), np.minimum(upper, -book.base_kw), upper)
        stay_on_side(book, room, net)

    def _true_prices(self, net: Floats) -> Floats:
        """Cost of a kWh more on each row, without any multiplier and squares."""
        book = self.book
        site = net + book.base_kw
        price: Floats = np.where(site >= 0, book.price_in, book.price_out)
        return price + relief_price(book, net)

    def exceeding(self, net: Floats, more_than_kw: float) -> list[Group]:
        """List the groups below a row that is exceeded."""
        bad = excess_kw(self.book, net).max(axis=1) > more_than_kw
        if bad[self.shared].any():
            return self.groups
        return [group for group in self.groups if bad[group.rows].any()]

    def hold(self, stays: Ints) -> None:
        """Let the vehicles of some stays keep what they do from now on."""
        of_stay = np.repeat(np.arange(len(self.stays.vehicle) - 1), np.diff(self.stays.vehicle))
        moves = np.ones(len(self.stays.vehicle) - 1, dtype=bool)
        moves[of_stay[stays]] = False
        self.groups = [
            Group(group.vehicles[moves[group.vehicles]], group.rows) for group in self.all_groups
        ]

    def towards_rest(self, power: Floats, group: Group, share: float) -> None:
        """Scale the schedules of a group towards rest, which keeps every limit."""
        towards_rest(self.stays, group.vehicles, share, power)


def _side_by_side(jobs: Sequence[Callable[[], float | None]]) -> float:
    """Run jobs at the same time and add up what they return."""
    if len(jobs) == 1:
        return float(jobs[0]() or 0.0)
    running = [_POOL.submit(job) for job in jobs]
    try:
        return sum(float(job.result() or 0.0) for job in running)
    finally:
        wait(running)  # after an interrupt no lane may go on beside what follows
