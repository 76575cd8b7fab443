"""A plan coordinated by price, and what is decided after its energy."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gridtide.core import SolverError, cpu_s
from gridtide.plan._accounts import judge
from gridtide.plan._chains import first_stay
from gridtide.plan._layout import Layout, lay_out
from gridtide.plan.blocks import Offer, Reserve
from gridtide.plan.concentrate import concentrate
from gridtide.plan.made import GAP_CLOSED, Plan, wear_model
from gridtide.plan.problem import Floats, Ints, Problem, take_stays
from gridtide.plan.reserve import CUT, name_broken, prove_and_cap
from gridtide.plan.slacks import Slack, name_slacks
from gridtide.plan.start import Start

if TYPE_CHECKING:
    from gridtide.plan.price import FleetSchedule, Priced


COMPILED: list[bool] = []
"""Holds something once kernels are compiled in this process."""
FEW = 3
ROUNDS = 2
"""Plans more, at most, where calls would break what vehicles hold."""


def plan_by_price(
    problem: Problem,
    *,
    gap: float,
    time_limit_s: float,
    relax_standby: bool,
    exactly: Callable[..., Floats],
    start: Start | None,
    began: float,
) -> Plan:
    """Plan a large fleet.

    Parameters
    ----------
    problem
        Without what :func:`unknown_to_price` names.
    gap, time_limit_s, relax_standby, start
        As of ``solve``.
    exactly
        Plans a small problem exactly and gives the powers of its plugged steps.
    began
        CPU time at the start [s].

    Raises
    ------
    SolverError
        Where the problem has something that this cannot plan.
    """
    if unknown := unknown_to_price(problem):
        raise SolverError(f"the price solver does not know {', '.join(unknown)}; use highs")
    smooth = _smooth(problem)
    _compile(smooth, exactly)
    begun_s = time.monotonic()
    plan, found = _coordinated(smooth, gap, time_limit_s, start, exactly, began)
    best, caps = _completed(problem, plan, found, relax_standby, began)
    bound = best.lower_bound
    # To plan on takes, each time, no longer than planning did.
    spent_s = max(time.monotonic() - begun_s, 1.0)
    # What calls would have broken is held by others instead, as far as they can.
    for _ in range(ROUNDS if len(found.held_kw) else 0):
        left_s = min(begun_s + time_limit_s - time.monotonic(), spent_s)
        if left_s <= 0 or not any(_was_cut(offer) for offer in best.reserves):
            break
        plan, found = _coordinated(smooth, gap, left_s, found.end, exactly, began, caps_kw=caps)
        again, more = _completed(problem, plan, found, relax_standby, began)
        caps = tuple(np.minimum(a, b) for a, b in zip(caps, more, strict=True))
        best = again if again.objective < best.objective else best
    return replace(best, lower_bound=min(bound, best.objective), cpu_s=cpu_s() - began)


def _compile(problem: Problem, exactly: Callable[..., Floats]) -> None:
    """Plan a few of the vehicles once in a process, before any time limit runs.

    The first plan after an installation compiles the kernels, which takes minutes: they must not
    be taken off the time that the plan was given.
    """
    if COMPILED:
        return
    from gridtide.plan.price import solve_by_price

    few = take_stays(problem, np.arange(min(FEW, len(problem.ids))))
    solve_by_price(few, gap=1.0, time_limit_s=math.inf, exactly=exactly, start=None)
    COMPILED.append(True)


def _was_cut(offer: Offer) -> bool:
    return offer.proven_kw < offer.planned_kw * (1 - CUT) - 1e-6


def unknown_to_price(problem: Problem) -> list[str]:
    """Name what the problem has that coordination by price does not know."""
    known = {
        "wear by depth": problem.wear_depth_price_per_kwh is not None,
    }
    return [name for name, there in known.items() if there]


def _coordinated(
    problem: Problem,
    gap: float,
    time_limit_s: float,
    start: Start | None,
    exactly: Callable[..., Floats],
    began: float,
    caps_kw: tuple[Floats, ...] | None = None,
) -> tuple[Plan, Priced]:
    """Return the plan, and what it is made of."""
    # Compiled kernels, which small plans need not wait for.
    from gridtide.plan.price import solve_by_price

    found = solve_by_price(
        problem,
        gap=gap,
        time_limit_s=time_limit_s,
        exactly=exactly,
        start=start,
        caps_kw=caps_kw,
    )
    schedule = found.schedule
    slacks = _slacks(problem, schedule)
    lossy = problem.standby_kw is not None and bool(np.any(problem.standby_kw > 0))
    plan = Plan(
        status="optimal_with_gap",
        schedule=schedule,
        objective=schedule.objective,
        lower_bound=found.bound,
        hard_violation_kw=schedule.violation_kw,
        slacks=slacks,
        cpu_s=cpu_s() - began,
        notes=found.notes,
        wear_model=wear_model(problem),
        en_route_kwh=None if problem.continues is None else schedule.en_route_kwh,
        certificate=found.certificate,
        bound_by=found.bound_by,
        standby_chord=lossy,
        uncontrolled_cost=found.uncontrolled_cost,
        sweeps=found.sweeps,
    )
    closed = "optimal" if plan.gap <= GAP_CLOSED else "optimal_with_gap"
    return replace(plan, status="best_effort" if slacks else closed), found


@dataclass(frozen=True, slots=True)
class _Some:
    """Some stays of a schedule, for their names."""

    schedule: FleetSchedule
    rows: Ints

    @property
    def net_kw(self) -> Floats:
        return self.schedule.net_kw

    @property
    def stored_kwh(self) -> Floats:
        return self.schedule.stored_kwh

    @property
    def shortfall_kwh(self) -> Floats:
        return self.schedule.shortfall_kwh[self.rows]

    @property
    def en_route_kwh(self) -> Floats:
        return self.schedule.en_route_kwh[self.rows]

    def energy_of(self, stay: int) -> Floats:
        return self.schedule.energy_of(int(self.rows[stay]))


def _slacks(problem: Problem, schedule: FleetSchedule) -> tuple[Slack, ...]:
    """Name slacks; only vehicles that have one are laid out, for a million take their memory."""
    outside = (problem.arrival_kwh < problem.min_kwh) | (problem.arrival_kwh > problem.max_kwh)
    if problem.floor_kwh is not None:
        outside |= (problem.floor_kwh > problem.min_kwh[:, None]).any(axis=1)
    told = outside | (schedule.shortfall_kwh > 0) | (schedule.en_route_kwh > 0)
    first = first_stay(problem)
    of_vehicle = np.zeros(len(problem), dtype=bool)
    of_vehicle[first[told]] = True
    rows = np.flatnonzero(of_vehicle[first])
    layout = lay_out(take_stays(problem, rows), relax_standby=True, pairs=False)
    return name_slacks(layout, _Some(schedule, rows))


def _smooth(problem: Problem) -> Problem:
    """Leave out what is decided after the energy: smallest powers, and where it must be reserve."""
    together = _held_with_energy(problem)
    return replace(
        problem,
        min_charge_kw=None,
        min_discharge_kw=None,
        one_phase_kw=None,
        reserves=problem.reserves if together else (),
    )


def _held_with_energy(problem: Problem) -> bool:
    """Whether reserve is planned with the energy: not where stored energy has no one price."""
    parts = problem.charge_part_kw is not None or problem.discharge_part_kw is not None
    changes = problem.planned_kw is not None and problem.change_price_per_kwh > 0
    return problem.continues is None and not parts and not changes


def _completed(
    problem: Problem, plan: Plan, found: Priced, relax_standby: bool, began: float
) -> tuple[Plan, tuple[Floats, ...]]:
    """Decide after the energy where chargers run, and prove what reserve can be offered.

    A plan of the energy alone costs less than any that does both, but for what reserve can
    earn at most.
    """
    ranged = _any(problem.min_charge_kw) or _any(problem.min_discharge_kw)
    if not ranged and not problem.reserves:
        return plan, ()
    # What is planned by price alone has its standby loss spread over the power.
    layout = lay_out(problem, relax_standby=relax_standby or not ranged, pairs=ranged)
    notes, schedule, slacks = list(plan.notes), plan.schedule, plan.slacks
    if ranged:
        price = found.end.limit_price + found.end.peak_price
        schedule = judge(layout, concentrate(problem, plan.power_kw, price).power_kw)
        slacks = name_slacks(layout, schedule)
        notes.append("smallest powers: concentrated after coordination by price")
    together = len(found.held_kw) > 0
    offers: tuple[Offer, ...] = ()
    caps: tuple[Floats, ...] = ()
    if problem.reserves:
        wanted = found.held_kw if together else None
        offers, caps = prove_and_cap(layout, schedule.power_kw, schedule.energy_kwh, wanted)
    cost = schedule.objective + sum(offer.cost for offer in offers)
    bound = plan.lower_bound
    if offers and not together:
        notes.append("reserve: what the plan of the energy leaves; more might be sold together")
        bound -= sum(_most_revenue(layout, reserve) for reserve in problem.reserves)
    slacks = (*slacks, *name_broken(offers))
    done = replace(
        plan,
        status="best_effort" if slacks else "optimal_with_gap",
        schedule=schedule,
        objective=cost,
        lower_bound=min(bound, cost),
        hard_violation_kw=schedule.violation_kw,
        slacks=slacks,
        cpu_s=cpu_s() - began,
        notes=tuple(notes),
        reserves=offers,
        bound_by="branch and bound" if ranged else "reserve",
        certificate=None if offers else plan.certificate,
        standby_chord=plan.standby_chord and not layout.standby_kw.any(),
    )
    return done, caps


def _most_revenue(layout: Layout, reserve: Reserve) -> float:
    """Most that a block could earn: all that every charger can do, in its weakest step."""
    steps = slice(reserve.from_step, reserve.to_step)
    both = (layout.most_kw - layout.least_kw)[layout.problem.limit_parent < 0, steps].sum(axis=0)
    loose = layout.problem.limit < 0
    power = layout.problem.max_charge_kw + layout.problem.max_discharge_kw
    able = float(both.min(initial=np.inf)) if len(both) else 0.0
    able = min(able + float(power[loose].sum()), reserve.most_kw)
    hours = float(layout.problem.step_h[steps].sum())
    return max(reserve.price_per_kw_h * able * hours, 0.0)


def _any(values: Floats | None) -> bool:
    return values is not None and bool(np.any(values > 0))
