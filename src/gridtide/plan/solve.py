"""Solve a planning problem: a schedule with its certificate, always.

Every answer carries the cost recomputed from the schedule, a proven lower bound, the gap between
the two and the largest violation of a hard limit. What cannot be is left as a named slack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.core import cpu_s
from gridtide.plan._layout import lay_out
from gridtide.plan._search import Search
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.slacks import Slack, name_slacks

GAP_CLOSED = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule with its certificate.

    Parameters
    ----------
    status
        ``"optimal"``, ``"optimal_with_gap"``, or ``"best_effort"`` where a wish is not met.
    objective
        Cost of the schedule: energy, demand charge, wear, shortfall and, where asked for, carbon
        and the end value [currency].
    lower_bound
        No schedule costs less [currency].
    hard_violation_kw
        Largest excess over a limit that vehicles cause [kW].
    shortfall_kwh
        Energy missing on departure, shape (n,).
    power_kw
        At each plug, positive is charging, shape (n, T).
    energy_kwh
        In each battery at the nodes of its stay, NaN elsewhere, shape (n, T + 1).
    slacks
        What could not be, by name.
    cpu_s
        CPU time that solving took [s].
    notes
        What a reader should know about how the answer was found.
    """

    status: str
    objective: float
    lower_bound: float
    hard_violation_kw: float
    shortfall_kwh: Floats
    power_kw: Floats
    energy_kwh: Floats
    slacks: tuple[Slack, ...]
    cpu_s: float
    notes: tuple[str, ...]

    @property
    def gap(self) -> float:
        """(objective - lower bound) / max(1, abs(objective))."""
        return (self.objective - self.lower_bound) / max(1.0, abs(self.objective))


def solve(problem: Problem, *, time_limit_s: float = 20.0, relax_standby: bool = False) -> Plan:
    """Plan all vehicles.

    Parameters
    ----------
    problem
        What is to be planned.
    time_limit_s
        Wall time after which the best schedule so far is returned [s].
    relax_standby
        Spread the standby loss over the power (its chord at full power) instead of deciding
        when each plug is on. Cost and bound are then those of the relaxed losses, as a note says.

    Returns
    -------
    Plan
        Always a schedule within all limits that vehicles can keep.
    """
    began = cpu_s()
    layout = lay_out(problem, relax_standby=relax_standby)
    found = Search(layout, time_limit_s).find()
    schedule = found.schedule
    slacks = name_slacks(layout, schedule)
    bound = min(found.bound, schedule.objective)
    gap = (schedule.objective - bound) / max(1.0, abs(schedule.objective))
    status = "optimal" if gap <= GAP_CLOSED else "optimal_with_gap"
    notes = list(found.notes)
    if relax_standby and problem.standby_kw is not None and np.any(problem.standby_kw > 0):
        notes.append("standby loss taken as at full power (chord)")
    return Plan(
        status="best_effort" if slacks else status,
        objective=schedule.objective,
        lower_bound=bound,
        hard_violation_kw=schedule.violation_kw,
        shortfall_kwh=schedule.shortfall_kwh,
        power_kw=schedule.power_kw,
        energy_kwh=schedule.energy_kwh,
        slacks=slacks,
        cpu_s=cpu_s() - began,
        notes=tuple(notes),
    )
