"""Reserve: whether what is offered is held by vehicles, below every limit, and pays as claimed.

A call comes at the start of a step of a block, lasts its hours, and all blocks of one direction
may be called together. From the shares that the plan holds it follows, start by start, what
plugs, batteries and limits must have free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.blocks import Reserve
from gridtide.plan.problem import Bools, Floats, Ints, Problem
from gridtide.plan.stored_plan import Shares, StoredOffer
from gridtide.plan.verify._checks import Worst
from gridtide.plan.verify._limits import Flows, Room
from gridtide.plan.verify._stay_costs import carbon_price
from gridtide.plan.verify._stays import Energies, Stays, taper_line
from gridtide.plan.verify.verdict import Check

ALLOWED_KW = 1e-5
ALLOWED_KWH = 1e-5
RELATIVE = 1e-6


@dataclass(frozen=True, slots=True)
class _Held:
    """Shares of some stays in one direction: stay, pair at the start, hours, kWh per kW, steps."""

    block: Ints
    row: Ints
    step: Ints
    kw: Floats
    kwh: Floats
    lasts: Ints


class ReserveChecks:
    """Looks at shares part by part.

    Parameters
    ----------
    problem
        With blocks of reserve.
    offers
        As claimed, one for each block.
    shares
        As held, sorted by stay.
    """

    def __init__(self, problem: Problem, offers: list[StoredOffer], shares: Shares) -> None:
        self._problem, self._offers, self._shares = problem, offers, shares
        blocks, steps = problem.reserves, problem.steps
        self._last = [_last_steps(problem.step_h, block.duration_h) for block in blocks]
        self._longest = max(int(last.max()) for last in self._last)
        self._sums = np.zeros((2, len(blocks), steps))
        self._cost = np.zeros(len(blocks))
        count = len(problem.limit_names)
        self._called = np.zeros((2, self._longest, count, steps))
        self.presence = Worst("reserve presence", "kW", 0.0)
        self.power = Worst("reserve power", "kW", ALLOWED_KW)
        self.energy = Worst("reserve energy", "kWh", ALLOWED_KWH)

    def look(self, stays: Stays, power_kw: Floats, energies: Energies) -> None:
        """Take in the shares of some stays."""
        held = self._held(stays)
        problem, begin = (
            self._problem,
            np.maximum(self._problem.arrive[stays.first : stays.stop], 0),
        )
        over = held.step + held.lasts
        gone = (held.step < begin[held.row]) | (over > begin[held.row] + stays.length[held.row])
        gone |= ~_may_serve(problem, held, stays.first)
        wrong = np.where(gone, held.kw, 0.0)
        absent = np.bincount(held.row, wrong, len(begin)).astype(float)
        self.presence.look(stays, absent, by_pair=False)
        there = ~gone & (held.kw > 0)
        held = _Held(*(getattr(held, name)[there] for name in _Held.__slots__))
        chance = _chance(problem, stays.first + held.row, held.step)
        np.add.at(self._sums[0], (held.block, held.step), held.kw)
        np.add.at(self._sums[1], (held.block, held.step), chance * held.kw)
        self._add_cost(stays, held)
        start = stays.end - stays.length + 1
        for sign in (-1.0, 1.0):
            of_sign = np.array([block.sign == sign for block in problem.reserves])
            mine = of_sign[held.block]
            part = _Held(*(getattr(held, name)[mine] for name in _Held.__slots__))
            if len(part.kw):
                self._direction(stays, part, sign, start, begin, power_kw, energies)

    def _held(self, stays: Stays) -> _Held:
        """Shares of these stays, with what they need."""
        given, problem = self._shares, self._problem
        at = slice(*np.searchsorted(given.stay, (stays.first, stays.stop)))
        block, step, row = given.block[at], given.step[at], given.stay[at] - stays.first
        clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
        kwh, lasts = np.zeros(len(block)), np.zeros(len(block), dtype=np.int64)
        for b, reserve in enumerate(problem.reserves):
            mine = block == b
            lasts[mine] = self._last[b][step[mine]]
            since = np.maximum(problem.arrive[stays.first + row[mine]], reserve.from_step)
            passed = np.maximum(clock[step[mine]] - clock[np.minimum(since, problem.steps)], 0.0)
            hours = reserve.duration_h + reserve.activation_share * passed
            kwh[mine] = hours * _per_kwh(stays, reserve, self._last[b])[row[mine]]
        return _Held(block, row, step, given.kw[at], kwh, lasts)

    def _direction(
        self,
        stays: Stays,
        held: _Held,
        sign: float,
        start: Ints,
        begin: Ints,
        power_kw: Floats,
        energies: Energies,
    ) -> None:
        """Call all shares of one direction together from each step."""
        problem = self._problem
        key, call = np.unique(held.row * problem.steps + held.step, return_inverse=True)
        row, step = key // problem.steps, key % problem.steps
        pair = start[row] + step - begin[row]
        lasts = np.zeros(len(key), dtype=np.int64)
        np.maximum.at(lasts, call, held.lasts)
        need = np.bincount(call, held.kw * held.kwh, len(key))
        free = _free_kwh(stays, energies, sign)
        most = stays.own(problem.max_discharge_kw if sign < 0 else problem.max_charge_kw)
        limit = problem.limit[stays.first + row]
        for j in range(int(lasts.max()) + 1):
            node = np.minimum(np.maximum(pair + j - 1, 0), len(power_kw) - 1)
            left = np.where((j == 0) & (step == begin[row]), free.start[row], free.after[node])
            self._worst(self.energy, stays, row, np.where(lasts >= j, need - left, 0.0))
            if j == int(lasts.max()):
                break
            kw = np.bincount(call, np.where(held.lasts > j, held.kw, 0.0), len(key))
            there = np.minimum(pair + j, len(power_kw) - 1)
            beyond = np.where(lasts > j, kw - (most[row] - sign * power_kw[there]), 0.0)
            self._worst(self.power, stays, row, beyond)
            below = limit >= 0
            side = 0 if sign < 0 else 1
            np.add.at(self._called[side, j], (limit[below], step[below]), kw[below])

    def _worst(self, worst: Worst, stays: Stays, row: Ints, excess: Floats) -> None:
        by_stay = np.zeros(len(stays.length))
        np.maximum.at(by_stay, row, excess)
        worst.look(stays, by_stay, by_pair=False)

    def _add_cost(self, stays: Stays, held: _Held) -> None:
        """Add what being called in the mean costs: wear, and the loss of a refill."""
        problem = self._problem
        gain, draw = stays.losses.gain.min(axis=1), stays.losses.draw.max(axis=1)
        price_in = _import_price(problem)
        stay = stays.first + held.row
        wear = problem.wear_price_per_kwh[stay]
        if problem.wear_depth_price_per_kwh is not None:
            wear = wear + problem.wear_depth_price_per_kwh[stay].mean(axis=1)
        lost = (draw / gain - 1.0)[held.row]
        price = np.maximum(price_in[_meter(problem)[stay], held.step], 0.0)
        per_kwh = np.where(problem.max_discharge_kw[stay] > 0, wear + lost * price, 0.0)
        share = np.array([b.activation_share * (b.direction == "up") for b in problem.reserves])
        cost = share[held.block] * held.kw * per_kwh * problem.step_h[held.step]
        self._cost += np.bincount(held.block, cost, len(self._cost))

    def cost(self) -> float:
        """Return what the offers add to the objective, recomputed."""
        return sum(
            float(self._cost[b]) + penalty - revenue
            for b, (revenue, penalty) in enumerate(self._money())
        )

    def most_revenue(self) -> float:
        """Most that all blocks could earn, if every charger did all it can."""
        able = float((self._problem.max_charge_kw + self._problem.max_discharge_kw).sum())
        return sum(
            max(block.price_per_kw_h, 0.0)
            * min(able, block.most_kw)
            * float(self._problem.step_h[block.from_step : block.to_step].sum())
            for block in self._problem.reserves
        )

    def _money(self) -> list[tuple[float, float]]:
        """Revenue and penalty of each offer."""
        found = []
        for block, offer in zip(self._problem.reserves, self._offers, strict=True):
            hours = float(self._problem.step_h[block.from_step : block.to_step].sum())
            broken = max(block.committed_kw - offer.offered_kw, 0.0)
            revenue = block.price_per_kw_h * offer.offered_kw * hours
            found.append((revenue, block.penalty_per_kw_h * broken * hours))
        return found

    def checks(self, room: Room, flows: Flows) -> list[Check]:
        """Return what was found; net powers are those of all limits."""
        return [
            self._offered(),
            self.presence.check("shares are held by who stays to the end", "a share is not there"),
            self.power.check("every plug has its share free", "a plug lacks power for its share"),
            self.energy.check(
                "every battery has its share free, the promise kept", "a battery lacks energy"
            ),
            self._below_limits(room, flows),
            self._paid(),
        ]

    def _offered(self) -> Check:
        """Whether shares add up to what is offered in every step of each block."""
        worst, said, open_ = 0.0, "shares add up to what is offered in every step", []
        for b, (block, offer) in enumerate(zip(self._problem.reserves, self._offers, strict=True)):
            inside = slice(block.from_step, block.to_step)
            sums = self._sums[0, b, inside]
            beyond = max(-offer.offered_kw, offer.offered_kw - block.most_kw, 0.0)
            if block.confidence < 1.0 and self._problem.availability is not None:
                open_.append(block.name)
                short = block.confidence * offer.offered_kw - self._sums[1, b, inside].min()
            else:
                short = float(np.abs(sums - offer.offered_kw).max(initial=0.0))
            if (wrong := max(float(short), beyond)) > max(worst, _allowed(offer.offered_kw)):
                worst, said = wrong, f"{block.name} offers {offer.offered_kw:.6g} kW, not held so"
        passed: bool | None = worst == 0.0
        if passed and open_:
            passed = None
            said += f"; at a confidence only in the mean: {', '.join(open_)}"
        return Check(
            name="reserve offered", passed=passed, figure=worst, allowed=ALLOWED_KW, unit="kW",
            said=said,
        )  # fmt: skip

    def _below_limits(self, room: Room, flows: Flows) -> Check:
        """Whether every limit holds with all shares of a direction called."""
        problem, worst, said = self._problem, 0.0, "every limit holds with all shares called"
        steps = np.arange(problem.steps)
        for side, sign in ((0, -1.0), (1, 1.0)):
            for j in range(self._longest):
                called = self._called[side, j]
                for child in range(len(called) - 1, -1, -1):
                    if problem.limit_parent[child] >= 0:
                        called[problem.limit_parent[child]] += called[child]
                at = np.minimum(steps + j, problem.steps - 1)
                net = flows.net_kw[:, at] + sign * called
                edge = room.lower_kw[:, at] - net if sign < 0 else net - room.upper_kw[:, at]
                over = np.where(called > 0, edge, 0.0)
                if over.max(initial=0.0) > max(worst, ALLOWED_KW):
                    worst = float(over.max())
                    limit, step = np.unravel_index(int(np.argmax(over)), over.shape)
                    name = problem.limit_names[limit]
                    said = f"exceeded by {worst:.3g} kW: {name}, called in step {step}"
        return Check(
            name="reserve below limits", passed=worst == 0.0, figure=worst, allowed=ALLOWED_KW,
            unit="kW", said=said,
        )  # fmt: skip

    def _paid(self) -> Check:
        """Whether each offer earns and costs what it claims."""
        worst, said = 0.0, "revenue, activation cost and penalty are as claimed"
        for b, (revenue, penalty) in enumerate(self._money()):
            offer = self._offers[b]
            for what, claimed, found in (
                ("earns", offer.revenue, revenue),
                ("costs when called", offer.activation_cost, float(self._cost[b])),
                ("pays for what is not kept", offer.penalty, penalty),
            ):
                wrong = abs(claimed - found)
                if wrong > max(worst, _allowed(found)):
                    worst, said = wrong, f"{offer.name} {what} {found:.9g}, claimed {claimed:.9g}"
        return Check(
            name="reserve money", passed=worst == 0.0, figure=worst, allowed=RELATIVE,
            unit="currency", said=said,
        )  # fmt: skip


def _allowed(value: float) -> float:
    return ALLOWED_KW + RELATIVE * abs(value)


def _last_steps(step_h: Floats, duration_h: float) -> Ints:
    """Count the steps that a call from each step lasts within the horizon, shape (T,)."""
    end = np.cumsum(step_h)
    begin = end - step_h
    return np.array(
        [1 + int(np.sum(end[k:-1] < begin[k] + duration_h - 1e-9)) for k in range(len(step_h))]
    )


def _per_kwh(stays: Stays, reserve: Reserve, lasts: Ints) -> Floats:
    """Energy that a called kWh changes in each battery at most, shape (r,)."""
    gives = stays.own(stays.problem.max_discharge_kw) > 0
    gain: Floats = stays.losses.gain.max(axis=1)
    draw: Floats = stays.losses.draw.max(axis=1)
    if reserve.direction == "up":
        return np.where(gives, draw, gain)
    several = bool(np.any(lasts[reserve.from_step : reserve.to_step] > 1))
    return np.where(gives & several, draw, gain)


def _may_serve(problem: Problem, held: _Held, first: int) -> Bools:
    """Whether each share stands within its block, below its limit, and may be counted on."""
    begin = np.array([block.from_step for block in problem.reserves])
    end = np.array([block.to_step for block in problem.reserves])
    good: Bools = (held.step >= begin[held.block]) & (held.step < end[held.block])
    chance = _chance(problem, first + held.row, held.step)
    sure = np.array([block.confidence >= 1.0 for block in problem.reserves])
    good &= np.where(sure[held.block], chance >= 1.0, chance > 0.0)
    for b, block in enumerate(problem.reserves):
        if not block.limit:
            continue
        inside = np.zeros(len(problem.limit_names) + 1, dtype=bool)
        inside[problem.limit_names.index(block.limit)] = True
        for j, parent in enumerate(problem.limit_parent):
            inside[j] |= parent >= 0 and inside[parent]
        good &= (held.block != b) | inside[problem.limit[first + held.row]]
    return good


def _chance(problem: Problem, stay: Ints, step: Ints) -> Floats:
    given = problem.availability
    if given is None:
        return np.ones(len(stay))
    chance: Floats = given[stay] if given.ndim == 1 else given[stay, step]
    return chance


def _import_price(problem: Problem) -> Floats:
    """Price of import at each meter, or at plugs, shape (max(k, 1), T)."""
    price: Floats = problem.price_import_per_kwh + carbon_price(problem)
    return price


def _meter(problem: Problem) -> Ints:
    """Row of the prices that bills each stay, shape (n,)."""
    row = np.full(len(problem.limit_names) + 1, -1)
    row[problem.meters] = np.arange(len(problem.meters))
    for j, parent in enumerate(problem.limit_parent):
        row[j] = row[parent] if row[j] < 0 and parent >= 0 else row[j]
    meter: Ints = np.maximum(row, 0)[problem.limit]
    return meter


@dataclass(frozen=True, slots=True)
class _Free:
    """Energy that calls find free at the start of each stay, and at the end of each step."""

    start: Floats
    after: Floats


def _free_kwh(stays: Stays, energies: Energies, sign: float) -> _Free:
    """Energy below the window's upper end, or above what window and promise must keep."""
    problem = stays.problem
    if sign > 0:
        top = stays.own(problem.max_kwh)
        return _Free(
            np.maximum(top, energies.arrival) - energies.arrival,
            np.maximum(top[stays.row], energies.after) - energies.after,
        )
    gives = stays.own(problem.max_discharge_kw) > 0
    low = np.where(gives, stays.own(problem.min_kwh), -np.inf)
    must_start, must = _must_keep(stays, energies)
    return _Free(
        energies.arrival - np.maximum(np.minimum(low, energies.arrival), must_start),
        energies.after - np.maximum(np.minimum(low[stays.row], energies.after), must),
    )


def _must_keep(stays: Stays, energies: Energies) -> tuple[Floats, Floats]:
    """Energy from which full power still gives what is promised: at the start, after each step."""
    followed = np.append(stays.follows[1:], False)
    due = np.minimum(stays.due_kwh, energies.at_end)
    promised = np.where(followed, energies.at_end, due)
    every = np.arange(len(promised))
    flow = stays.losses.battery_kw(every, stays.own(stays.problem.max_charge_kw))
    flow = np.maximum(flow, 0.0)
    line = taper_line(stays, np.maximum(stays.own(stays.problem.max_kwh), energies.arrival))
    hours, longest = stays.table(stays.hours), int(stays.length.max(initial=0))
    table, now = np.zeros((len(promised), max(longest, 1))), promised.copy()
    for place in range(longest - 1, -1, -1):
        here = place < stays.length
        table[:, place] = np.where(here, now, 0.0)
        h = hours[:, place]
        before = now - h * flow
        if line is not None:
            full, fall, start = line
            bent = now * (1.0 + h * fall) - h * (full + fall * start)
            before = np.where(fall > 0, np.maximum(before, bent), before)
        now = np.where(here & np.isfinite(now), np.minimum(before, now), now)
    return now, table[stays.row, stays.place]
