"""Energy that vehicles hold together below limits: what it costs, and what prices on it prove."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.stored_plan import Head
from gridtide.plan.verify._limits import carry_up
from gridtide.plan.verify._stays import Energies, Stays
from gridtide.plan.verify.verdict import Check

SIDES = ("stored_below_least", "stored_above_most")
ALLOWED_KWH = 2e-6
ROUNDING = {"float64": 1e-12, "float32": 1e-7}


@dataclass(slots=True, kw_only=True)
class Together:
    """Energy right below each limit at the end of each step, gathered part by part [kWh].

    Parameters
    ----------
    held_kwh
        Of the plan, shape (m, T).
    least_kwh, most_kwh
        What batteries that are plugged in can hold at all, shape (m, T).
    """

    held_kwh: Floats
    least_kwh: Floats
    most_kwh: Floats

    @classmethod
    def none(cls, problem: Problem) -> Together:
        """Return what nobody holds."""
        shape = (len(problem.limit_names), problem.steps)
        return cls(held_kwh=np.zeros(shape), least_kwh=np.zeros(shape), most_kwh=np.zeros(shape))

    def add(self, stays: Stays, energies: Energies) -> None:
        """Add the pairs of some stays to the limit right above each."""
        limit = stays.limit()
        held = np.flatnonzero(limit >= 0)
        place: Ints = limit[held] * stays.problem.steps + stays.step[held]
        low, high = _reach(stays)
        for energy, into in (
            (energies.after, self.held_kwh),
            (low[stays.row], self.least_kwh),
            (high[stays.row], self.most_kwh),
        ):
            np.add.at(into.reshape(-1), place, energy[held])

    def up_the_tree(self, parent: Ints) -> None:
        """Add to each limit what is below the limits below it."""
        for energy in (self.held_kwh, self.least_kwh, self.most_kwh):
            carry_up(energy, parent)


def _reach(stays: Stays) -> tuple[Floats, Floats]:
    """Least and most that each battery can hold while it is plugged in, both shape (r,)."""
    problem = stays.problem
    arrival, least = stays.own(problem.arrival_kwh), stays.own(problem.min_kwh)
    low = np.where(stays.follows, least, np.minimum(least, arrival))
    high = np.maximum(stays.own(problem.max_kwh), np.where(stays.follows, least, arrival))
    for trip in range(1, int(stays.trips.max(initial=0)) + 1):
        at = np.flatnonzero(stays.trips == trip)
        high[at] = np.maximum(high[at], high[at - 1])
    return low, high


def bounded(problem: Problem) -> bool:
    """Whether any limit bounds what vehicles hold together."""
    return problem.stored_least_kwh is not None or problem.stored_most_kwh is not None


def _away(problem: Problem, held_kwh: Floats) -> tuple[Floats, Floats]:
    """Return what is missing from the least and what is beyond the most, both shape (m, T)."""
    none = np.zeros_like(held_kwh)
    least, most = problem.stored_least_kwh, problem.stored_most_kwh
    missing = none if least is None else np.maximum(least - held_kwh, 0.0)
    return missing, none if most is None else np.maximum(held_kwh - most, 0.0)


def stored_rate(problem: Problem, held_kwh: Floats) -> Floats:
    """Cost of holding too little or too much, per hour, shape (m, T)."""
    missing, beyond = _away(problem, held_kwh)
    return problem.stored_price_per_kwh_h * (missing + beyond)


def stored_bound(problem: Problem, price: Floats, together: Together) -> float:
    """Return the least that energies held together can cost less what prices give for them."""
    low, high = together.least_kwh, together.most_kwh
    bends = [b for b in (problem.stored_least_kwh, problem.stored_most_kwh) if b is not None]
    best = np.full(low.shape, np.inf)
    for at in (low, high, *bends):
        held = np.clip(at, low, high)
        best = np.minimum(best, stored_rate(problem, held) - price * held)
    return float(np.sum(problem.step_h * best))


def check_stored(head: Head, problem: Problem, together: Together) -> Check:
    """Whether limits below which too little or too much is held are named, with how much."""
    worst, said, count = 0.0, "", 0
    for name, away in zip(SIDES, _away(problem, together.held_kwh), strict=True):
        for limit, found in zip(problem.limit_names, away.max(axis=1, initial=0.0), strict=True):
            named = max(
                (s.amount for s in head.claims.slacks if (s.name, s.entity) == (name, limit)),
                default=0.0,
            )
            count += found > ALLOWED_KWH
            if abs(named - found) > worst:
                worst = float(abs(named - found))
                said = f"{limit}, {name}: {found:.6g} kWh found, {named:.6g} named"
    allowed = ALLOWED_KWH + ROUNDING[head.precision] * float(together.most_kwh.max(initial=0.0))
    passed = worst <= allowed
    if passed:
        limits = len(problem.limit_names)
        said = f"{count} of {limits} limits hold too little or too much together, all named"
    return Check(name="stored", passed=passed, figure=worst, allowed=allowed, unit="kWh", said=said)
