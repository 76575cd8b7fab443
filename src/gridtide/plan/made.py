"""A plan: its schedule and its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridtide.plan._accounts import Schedule
from gridtide.plan.blocks import Offer
from gridtide.plan.certificate import Certificate
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.slacks import Slack

if TYPE_CHECKING:
    from gridtide.plan.price import FleetSchedule

GAP_CLOSED = 1e-6
"""Up to this gap a plan counts as optimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule with its certificate.

    Parameters
    ----------
    status
        ``"optimal"``, ``"optimal_with_gap"``, or ``"best_effort"`` where a wish is not met.
    schedule
        Powers and what follows from them: energy, wear, shortfall. Large fleets keep the powers
        of plugged steps only; the properties of the plan spread them.
    objective
        Cost of the schedule: energy, demand charge, wear, shortfall and, where asked for, carbon
        and the end value [currency].
    lower_bound
        No schedule costs less [currency].
    hard_violation_kw
        Largest excess over a limit that vehicles cause [kW].
    slacks
        What could not be, by name.
    cpu_s
        CPU time that solving took [s].
    notes
        What a reader should know about how the answer was found.
    wear_model
        The wear model that objective and lower bound hold for.
    segment_kwh
        Energy by segment of depth at each node, shape (n, T + 1, J), to be carried over to the
        next plan; None where wear was not planned by segments.
    en_route_kwh
        Charged on the way to each stay because the battery held too little for the drive,
        shape (n,); None where nobody has several stays.
    certificate
        Prices that prove a lower bound, for ``gridtide plan verify``.
    bound_by
        What ``lower_bound`` rests on: ``"duality"``, where the certificate proves it alone; else
        ``"branch and bound"``, ``"segments"`` of wear by depth, ``"linear program"``,
        ``"order of wishes"`` (what came before the cost) or ``"reserve"`` (its rows), where it may
        prove less.
    standby_chord
        Whether cost and bound are those of standby losses spread over the power.
    linear_wear_per_kwh
        Price of wear per discharged kWh that cost and bound hold for instead of the problem's,
        shape (n,); None where they hold for the problem's own.
    uncontrolled_cost
        What charging at once on arrival would cost, limits left aside [currency]; 0 where it was
        not looked at.
    sweeps
        Passes over all vehicles that coordination by price took; 0 without.
    reserves
        What is offered in each block of reserve, proven. ``objective`` counts what is offered;
        ``lower_bound`` holds for the rows of reserve.
    """

    status: str
    schedule: Schedule | FleetSchedule
    objective: float
    lower_bound: float
    hard_violation_kw: float
    slacks: tuple[Slack, ...]
    cpu_s: float
    notes: tuple[str, ...]
    wear_model: str
    segment_kwh: Floats | None = None
    en_route_kwh: Floats | None = None
    certificate: Certificate | None = None
    bound_by: str = "duality"
    standby_chord: bool = False
    linear_wear_per_kwh: Floats | None = None
    uncontrolled_cost: float = 0.0
    sweeps: int = 0
    reserves: tuple[Offer, ...] = ()

    @property
    def gap(self) -> float:
        """(objective - lower bound) / max(abs(objective), uncontrolled cost, 1)."""
        scale = max(abs(self.objective), self.uncontrolled_cost, 1.0)
        return (self.objective - self.lower_bound) / scale

    @property
    def shortfall_kwh(self) -> Floats:
        """Energy missing on departure, shape (n,)."""
        return self.schedule.shortfall_kwh

    @property
    def plugged_kw(self) -> Floats:
        """Power in each plugged step, stay by stay, shape (N,); positive is charging."""
        return self.schedule.plugged_kw

    @property
    def net_kw(self) -> Floats:
        """Net power of the vehicles below each limit, shape (m, T)."""
        return self.schedule.net_kw

    @property
    def stored_kwh(self) -> Floats:
        """Energy held together below limits that bound it at the end of each step, (m, T)."""
        return self.schedule.stored_kwh

    @property
    def power_kw(self) -> Floats:
        """Power at each plug, positive is charging, shape (n, T)."""
        return self.schedule.power_kw

    @property
    def energy_kwh(self) -> Floats:
        """Energy in each battery at the nodes of its stay, NaN elsewhere, shape (n, T + 1)."""
        return self.schedule.energy_kwh

    @property
    def wear_cycle(self) -> Floats:
        """What wear by cycling costs in each step, part of the objective [currency], (n, T)."""
        return self.schedule.wear_cycle

    @property
    def wear_holding(self) -> Floats:
        """What wear by holding costs in each step, part of the objective [currency], (n, T)."""
        return self.schedule.wear_holding


def wear_model(problem: Problem) -> str:
    """Say what wear was priced by, with the name of the model behind it."""
    parts = []
    if problem.wear_depth_price_per_kwh is not None:
        parts.append(f"depth segments ({problem.wear_depth_price_per_kwh.shape[1]})")
    if np.any(problem.wear_price_per_kwh != 0):
        parts.append("linear price per discharged kWh")
    if problem.holding_edges_kwh is not None:
        parts.append("holding price")
    if not parts:
        return "none: wear has no price"
    name = f": {problem.wear_model}" if problem.wear_model else ""
    return " and ".join(parts) + name
