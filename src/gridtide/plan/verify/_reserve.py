"""Calls of reserve followed vehicle by vehicle, as the shares in a plan's file say.

All blocks of one direction are called together from the start of each of their steps, at full
power, each for its time. What a call asks of a vehicle is followed with its battery's own
efficiencies, standby loss and taper; what it asks of limits is gathered by start and by steps
since, to be compared once the whole plan is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Bools, Floats, Ints, Problem
from gridtide.plan.verify._blocks import (
    SAME_H,
    call_price,
    chance_of,
    drift_kwh,
    may_serve,
    must_hold_kwh,
    over_at,
    uncertain,
)
from gridtide.plan.verify._checks import ROUNDING, Worst, too_small_kw
from gridtide.plan.verify._limits import carry_up, phase_share, share_in_use
from gridtide.plan.verify._shares import Called
from gridtide.plan.verify._stays import Energies, Stays, taper_line, windows

ALLOWED = 1e-5
"""Of a called power [kW] and of the energy that a call leaves [kWh]: tenfold that of a plan."""
REST_KW = 1e-9
SIGN = {"up": -1.0, "down": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """S vehicles that are called from the start of a step.

    Parameters
    ----------
    sign
        -1 for up, +1 for down.
    pair
        Stay and step, among the pairs of the stays, shape (S,).
    hours
        The different times for which blocks are called, rising, shape (D,).
    kw
        Shares of the blocks of each time, shape (S, D).
    drift_kwh
        Moved by the mean activation before, shape (S,).
    """

    sign: float
    pair: Ints
    hours: Floats
    kw: Floats
    drift_kwh: Floats


class Calls:
    """Follows calls part by part, and gathers what they ask of limits.

    Parameters
    ----------
    problem
        With its blocks.
    precision
        Of the powers in the file.

    Attributes
    ----------
    sum_kw
        Shares of each block from each step, shape (blocks, T).
    called_kw, called_phase_kw
        By direction: change of the net power below each limit by calls from the start of each
        step, so many steps later, shape (offsets, m, T); by phase (offsets, m, 3, T).
    margin_kw
        By direction of the margin: power that vehicles have free beside the calls of that
        direction, right below each limit and last without one, shape (m + 1, T).
    activation_cost
        By block [currency], shape (blocks,).
    chances
        By block that counts availability: stay, step, share and chance of each, in parts.
    """

    def __init__(self, problem: Problem, precision: str) -> None:
        blocks, steps, m = problem.reserves, problem.steps, len(problem.limit_names)
        self._rounding, self._parent = ROUNDING[precision], problem.limit_parent
        self.sum_kw = np.zeros((len(blocks), steps))
        self.activation_cost = np.zeros(len(blocks))
        self.chances: dict[int, list[tuple[Ints, Ints, Floats, Floats]]] = {}
        self.called_kw, self.called_phase_kw = {}, {}
        for sign in SIGN.values():
            own = [b for b in blocks if SIGN[b.direction] == sign]
            lasts = [int(np.max(over_at(problem, b) - np.arange(steps))) for b in own]
            longest = max(lasts, default=0)
            self.called_kw[sign] = np.zeros((longest, m, steps))
            phased = m if problem.phase_kw is not None else 0
            self.called_phase_kw[sign] = np.zeros((longest, phased, 3, steps))
        self.margin_kw = {sign: np.zeros((m + 1, steps)) for sign in SIGN.values()}
        self.away = Worst("reserve vehicles", "kW", 0.0)
        self.power = Worst("reserve power", "kW", ALLOWED)
        self.taper = Worst("reserve power", "kW", ALLOWED)
        self.window = Worst("reserve energy", "kWh", ALLOWED)
        self.promise = Worst("reserve promise", "kWh", ALLOWED)
        self.smallest = Worst("reserve smallest power", "kW", ALLOWED)

    def look(
        self, stays: Stays, power_kw: Floats, energies: Energies, called: Called, wear: Floats
    ) -> None:
        """Take in some stays with their shares; ``wear`` is their price, shape (r,)."""
        able = np.zeros(len(called), dtype=bool)
        for b, block in enumerate(stays.problem.reserves):
            mine = called.block == b
            row, step, kw = called.row[mine], called.step[mine], called.kw[mine]
            self.sum_kw[b] += np.bincount(step, weights=kw, minlength=stays.problem.steps)
            price = call_price(stays, block, row, step, wear)
            spent = price * kw * stays.problem.step_h[step] * block.activation_share
            self.activation_cost[b] += float(np.sum(spent))
            able[mine] = may_serve(stays, block, energies, row, step)
            if uncertain(stays.problem, block):
                stay = stays.first + row
                chance = chance_of(stays.problem, stay, step)
                self.chances.setdefault(b, []).append((stay, step, kw, chance))
        self.away.look_at(stays, np.where(able, 0.0, called.kw), called.row, called.step)
        kept = called.some(able)
        follow = _Follower(self, stays, power_kw, energies, self._rounding)
        for sign in SIGN.values():
            starts = _starts(stays, kept, sign)
            if starts is not None:
                follow.to_the_end(starts)
            self._margins(stays, power_kw, energies, starts, sign)

    def up_the_tree(self) -> None:
        """Add to each limit what is called below the limits below it."""
        for called in (*self.called_kw.values(), *self.called_phase_kw.values()):
            for flows in called:
                if len(flows):
                    carry_up(flows, self._parent)

    def _margins(
        self, stays: Stays, power_kw: Floats, energies: Energies, starts: Starts | None, sign: float
    ) -> None:
        """Gather what is free in a direction beside its calls, for blocks of the other one."""
        problem = stays.problem
        asking = [
            b for b in problem.reserves if b.opposite_share > 0 and SIGN[b.direction] == -sign
        ]
        if not asking:
            return
        most, least = stays.by_pair(problem.max_charge_kw), stays.by_pair(problem.max_discharge_kw)
        free = most - power_kw if sign > 0 else power_kw + least
        if starts is not None:
            free[starts.pair] -= starts.kw.sum(axis=1)
        able = np.zeros(len(free), dtype=bool)
        for block in asking:
            able |= may_serve(stays, block, energies, stays.row, stays.step)
        free = np.where(able, np.maximum(free, 0.0), 0.0)
        place = stays.limit() % len(self.margin_kw[sign]) * problem.steps + stays.step
        self.margin_kw[sign] += np.bincount(
            place, weights=free, minlength=self.margin_kw[sign].size
        ).reshape(self.margin_kw[sign].shape)


def _starts(stays: Stays, called: Called, sign: float) -> Starts | None:
    """Put the shares of one direction together by vehicle and step."""
    problem = stays.problem
    mine = np.array([SIGN[block.direction] == sign for block in problem.reserves])
    called = called.some(mine[called.block])
    if len(called) == 0:
        return None
    begin = stays.end - stays.length + 1
    place = called.step - np.maximum(problem.arrive[stays.first + called.row], 0)
    pair, start = np.unique(begin[called.row] + place, return_inverse=True)
    lasts = np.array([block.duration_h for block in problem.reserves])
    hours, kind = np.unique(lasts[called.block], return_inverse=True)
    size = len(pair) * len(hours)
    kw: Floats = np.bincount(start * len(hours) + kind, weights=called.kw, minlength=size).astype(
        float
    )
    drift = np.zeros(len(called))
    for b, block in enumerate(problem.reserves):
        own = called.block == b
        drift[own] = drift_kwh(stays, block, called.row[own], called.step[own], called.kw[own])
    moved: Floats = np.bincount(start, weights=drift, minlength=len(pair)).astype(float)
    return Starts(
        sign=sign, pair=pair, hours=hours, kw=kw.reshape(len(pair), len(hours)), drift_kwh=moved
    )


class _Follower:
    """Follows calls of some stays, step by step."""

    def __init__(
        self, calls: Calls, stays: Stays, power_kw: Floats, energies: Energies, rounding: float
    ) -> None:
        self._calls, self._stays, self._power = calls, stays, power_kw
        self._energies, self._rounding = energies, rounding
        self._low, self._high = windows(stays, energies.arrival)
        self._line = taper_line(stays, self._high)
        self._must = must_hold_kwh(stays, energies)
        moved = stays.table(stays.hours * np.abs(power_kw)).sum(axis=1)
        self._rounded_kwh = 2.0 * rounding * moved

    def to_the_end(self, starts: Starts) -> None:
        """Follow calls from their starts until the last of each vehicle's is over."""
        stays, pair = self._stays, starts.pair
        first = np.where(
            stays.place[pair] > 0, self._energies.after[pair - 1],
            self._energies.arrival[stays.row[pair]],
        )  # fmt: skip
        energy, passed = first + starts.sign * starts.drift_kwh, np.zeros(len(pair))
        longest = np.max(np.where(starts.kw > 0, starts.hours, 0.0), axis=1)
        left, offset = np.arange(len(pair)), 0
        while len(left):
            at = pair[left] + offset
            self._gather(starts, left, at, passed, offset)
            energy = self._step(starts, left, at, passed, energy)
            passed = passed + stays.hours[at]
            over = (passed >= longest[left] - SAME_H) | (at == stays.end[stays.row[at]])
            self._ended(at[over], energy[over], pair[left[over]])
            left, energy, passed, offset = left[~over], energy[~over], passed[~over], offset + 1

    def _gather(self, starts: Starts, left: Ints, at: Ints, passed: Floats, offset: int) -> None:
        """Add what calls change in one of their steps to the limits right above."""
        stays, problem = self._stays, self._stays.problem
        lasting = starts.hours > passed[:, None] + SAME_H
        change = starts.sign * np.sum(starts.kw[left] * lasting, axis=1)
        limit, steps = stays.limit()[at], problem.steps
        held = limit >= 0
        place = (limit * steps + stays.step[starts.pair[left]])[held]
        into = self._calls.called_kw[starts.sign][offset]
        into += np.bincount(place, weights=change[held], minlength=into.size).reshape(into.shape)
        if problem.phase_kw is None:
            return
        stay, power = (stays.first + stays.row[at])[held], self._power[at][held]
        called = power + change[held]
        if problem.one_phase_kw is None:
            by_phase = change[held][:, None] * phase_share(problem, stay)
        else:
            by_phase = called[:, None] * share_in_use(problem, stay, called)
            by_phase -= power[:, None] * share_in_use(problem, stay, power)
        phased = self._calls.called_phase_kw[starts.sign][offset]
        for phase in range(3):
            sums = np.bincount(place, weights=by_phase[:, phase], minlength=into.size)
            phased[:, phase] += sums.reshape(into.shape)

    def _step(self, starts: Starts, left: Ints, at: Ints, passed: Floats, energy: Floats) -> Floats:
        """Follow one step of calls; blocks may end within it, one after the other."""
        hours, power = self._stays.hours[at], self._power[at]
        row, began = self._stays.row[at], np.zeros(len(at))
        for kind, lasts in enumerate(starts.hours):
            until = np.clip(lasts - passed, began, hours)
            called = power + starts.sign * starts.kw[left, kind:].sum(axis=1)
            called = np.where(np.abs(called) < REST_KW, 0.0, called)
            flow = self._stays.losses.battery_kw(row, called)
            energy = energy + (until - began) * flow
            self._powers(at, called, flow, energy, until > began + SAME_H)
            began = until
        flow = self._stays.losses.battery_kw(row, power)
        return energy + (hours - began) * flow

    def _powers(self, at: Ints, called: Floats, flow: Floats, energy: Floats, on: Bools) -> None:
        """Look whether chargers and batteries can do what is called."""
        stays, problem = self._stays, self._stays.problem
        row, step, stay = stays.row[at], stays.step[at], stays.first + stays.row[at]
        most, least = problem.max_charge_kw[stay], problem.max_discharge_kw[stay]
        over = np.maximum(called - most, -least - called) - self._rounding * (most + least)
        self._calls.power.look_at(stays, np.where(on, over, 0.0), row, step)
        lacks = too_small_kw(problem, stay, called)
        self._calls.smallest.look_at(stays, np.where(on, lacks, 0.0), row, step)
        if self._line is not None:
            full, fall, start = (values[row] for values in self._line)
            taken = flow - (full - fall * (energy - start)) - self._rounding * np.abs(full)
            self._calls.taper.look_at(stays, np.where(on & (called > 0), taken, 0.0), row, step)
        # What leaves the window within a step and is back at its end is looked at here too.
        self._windows(at, np.where(on, energy, self._low[row]))

    def _windows(self, at: Ints, energy: Floats) -> None:
        stays, row = self._stays, self._stays.row[at]
        beyond = np.maximum(self._low[row] - energy, energy - self._high[row])
        self._calls.window.look_at(stays, beyond - self._rounded_kwh[row], row, stays.step[at])

    def _ended(self, at: Ints, energy: Floats, start: Ints) -> None:
        """Look what the last step of calls leaves."""
        stays, row = self._stays, self._stays.row[at]
        self._windows(at, energy)
        lacks = self._must[row, stays.place[at] + 1] - energy - 2.0 * self._rounded_kwh[row]
        self._calls.promise.look_at(stays, lacks, row, stays.step[start])
