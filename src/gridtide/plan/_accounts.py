"""A schedule judged by plain formulas, apart from the rows that it was solved with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._chains import after_drive, continuing, generations
from gridtide.plan._layout import Layout, demand_periods, phase_share
from gridtide.plan._objective_accounts import (
    band_surcharge,
    change_cost,
    square_cost,
    stored_cost,
    stored_kwh,
)
from gridtide.plan._power_range import power_range
from gridtide.plan._wear_accounts import cycle_cost, holding_cost
from gridtide.plan.problem import Floats, Ints

TINY_KW = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Powers and what follows from them.

    Parameters
    ----------
    power_kw
        At each plug, + is charging, shape (n, T).
    energy_kwh
        In each battery at the nodes of its stay, NaN elsewhere, shape (n, T + 1).
    end_kwh
        Energy at the end of each stay, shape (n,).
    shortfall_kwh
        Missing on departure, shape (n,).
    en_route_kwh
        Charged on the way to each stay because the battery held too little, shape (n,).
    objective
        Cost with wear, demand charge, carbon, shortfall and end value [currency].
    wear_cycle, wear_holding
        Its wear by cycling and by holding, step by step [currency], shape (n, T).
    violation_kw
        Largest excess over a limit that vehicles cause [kW].
    plugged_kw
        Powers of the plugged steps alone, stay by stay, shape (N,).
    net_kw
        Net power of the vehicles below each limit, shape (m, T).
    stored_kwh
        What vehicles hold together below each limit at the end of each step, shape (m, T); zeros
        below limits that do not bound it.
    reserve_kw
        Offer of each block that was planned with it, shape (blocks,); None for none. Its value
        is part of the objective as long as it is not proven.
    reserve_share_kw
        Each vehicle's share of a call from each step of each block, shape (n, B) by block.
    reserve_recovery_kw
        What each vehicle may charge beyond the plan after a call, shape (n, T).
    """

    power_kw: Floats
    energy_kwh: Floats
    end_kwh: Floats
    shortfall_kwh: Floats
    en_route_kwh: Floats
    objective: float
    wear_cycle: Floats
    wear_holding: Floats
    violation_kw: float
    plugged_kw: Floats
    net_kw: Floats
    stored_kwh: Floats
    reserve_kw: Floats | None = None
    reserve_share_kw: tuple[Floats, ...] | None = None
    reserve_recovery_kw: Floats | None = None

    def energy_of(self, stay: int) -> Floats:
        """Energy at the nodes of one stay, NaN elsewhere, shape (T + 1,)."""
        energy: Floats = self.energy_kwh[stay]
        return energy


def judge(layout: Layout, power_kw: Floats) -> Schedule:
    """Follow powers through the batteries, trim what rounding left over, and price the result."""
    power, energy, end = follow(layout, power_kw)
    with np.errstate(invalid="ignore"):
        short = np.where(layout.due_kwh > end + 1e-7, layout.due_kwh - end, 0.0)
    cycle, holding = cycle_cost(layout, power, energy, end), holding_cost(layout, energy)
    en_route = np.zeros(len(short))
    later = continuing(layout.problem)
    if len(later):
        en_route[later] = after_drive(layout.problem, later, end[later - 1])[1]
    cost = _cost(layout, power, end, float(short.sum() + en_route.sum()))
    cost += band_surcharge(layout, short) + change_cost(layout, power)
    held = stored_kwh(layout, energy)
    cost += stored_cost(layout.problem, held)
    return Schedule(
        power_kw=power,
        energy_kwh=energy,
        end_kwh=end,
        shortfall_kwh=short,
        en_route_kwh=en_route,
        objective=cost + float(cycle.sum()) + float(holding.sum()),
        wear_cycle=cycle,
        wear_holding=holding,
        violation_kw=_violation(layout, power),
        plugged_kw=power[layout.vehicle, layout.step],
        net_kw=net_kw(layout, power),
        stored_kwh=held,
    )


def follow(layout: Layout, power_kw: Floats) -> tuple[Floats, Floats, Floats]:
    """Apply ``e' = e + dt·(stored − taken − a·on)``; shorten a power that would leave the window.

    Returns
    -------
    power_kw, energy_kwh, end_kwh
        Shapes (n, T), (n, T + 1) and (n,): the energy at the end of each stay.
    """
    problem = layout.problem
    power = np.clip(power_kw, -problem.max_discharge_kw[:, None], problem.max_charge_kw[:, None])
    power[np.abs(power) < TINY_KW] = 0.0
    energy = np.full((len(problem), problem.steps + 1), np.nan)
    end = problem.arrival_kwh.copy()
    for place, rows in enumerate(generations(problem)):
        start = end[rows] if place == 0 else after_drive(problem, rows, end[rows - 1])[0]
        power[rows], energy[rows], end[rows] = _follow_stays(layout, rows, power[rows], start)
    return power, energy, end


def _follow_stays(
    layout: Layout, rows: Ints, power: Floats, now: Floats
) -> tuple[Floats, Floats, Floats]:
    """Follow some stays, each from its start [kWh]."""
    problem, steps = layout.problem, layout.problem.steps
    low = np.minimum(problem.min_kwh, layout.starts.low_kwh)[rows]
    high = np.maximum(problem.max_kwh, layout.starts.high_kwh)[rows]
    arrive, depart = np.maximum(problem.arrive, 0)[rows], problem.depart[rows]
    energy = np.full((len(rows), steps + 1), np.nan)
    law, loss = layout.law.of(rows), layout.standby_kw[rows]
    limits = power_range(problem).of(rows)
    power = limits.held_kw(power)
    for k in range(steps):
        hours, p = problem.step_h[k], power[:, k]
        flow = law.battery_kw(p) - loss * (p != 0)
        room, stock = (high - now) / hours, (low - now) / hours
        up, down = (p > 0) & (flow > room), (p < 0) & (flow < stock)
        if up.any() or down.any():
            shorter = law.plug_kw(np.where(up, room, stock) + loss)
            p = np.where(up, np.maximum(shorter, 0), np.where(down, np.minimum(shorter, 0), p))
            p = limits.held_kw(p)
            power[:, k] = p
            flow = law.battery_kw(p) - loss * (p != 0)
        here = (arrive <= k) & (k < depart)
        energy[here, k] = now[here]
        now = np.where(here, now + hours * flow, now)
        energy[here, k + 1] = now[here]
    return power, energy, now


def net_kw(layout: Layout, power_kw: Floats) -> Floats:
    """Net power of the vehicles below each limit, shape (m, T)."""
    return _add_up(layout, power_kw)


def _add_up(layout: Layout, power_kw: Floats) -> Floats:
    limit, parent = layout.problem.limit, layout.problem.limit_parent
    total = np.zeros((len(parent), power_kw.shape[1]))
    held = limit >= 0
    np.add.at(total, limit[held], power_kw[held])
    for child in range(len(parent) - 1, -1, -1):
        if parent[child] >= 0:
            total[parent[child]] += total[child]
    return total


def _cost(layout: Layout, power: Floats, end: Floats, short_kwh: float) -> float:
    """Cost without wear."""
    problem, hours = layout.problem, layout.problem.step_h
    site = layout.base_kw + net_kw(layout, power)
    billed = site[problem.meters] if len(problem.meters) else power
    cost = np.sum(np.maximum(billed, 0.0) * layout.price_in * hours)
    cost -= np.sum(np.maximum(-billed, 0.0) * layout.price_out * hours)
    cost += problem.shortfall_price_per_kwh * short_kwh + _demand(layout, site)
    if problem.end_value_per_kwh is not None:
        level = problem.max_kwh
        if problem.end_value_up_to_kwh is not None:
            level = np.minimum(level, problem.end_value_up_to_kwh)
        cost -= np.sum(problem.end_value_per_kwh * np.minimum(end, np.maximum(level, 0.0)))
    return float(cost) + square_cost(problem, site)


def _demand(layout: Layout, site_kw: Floats) -> float:
    period, rate, before = demand_periods(layout.problem)
    peak = before.copy()
    for q in range(peak.shape[1]):
        peak[:, q] = np.maximum(peak[:, q], site_kw[:, period == q].max(axis=1, initial=0.0))
    return float(np.sum(rate * peak))


def _violation(layout: Layout, power: Floats) -> float:
    """Largest excess, base load's own share left out: that of a fleet at rest is nothing."""
    problem = layout.problem
    vehicles = net_kw(layout, power)
    worst = max(
        float(np.max(vehicles - layout.upper_kw, initial=0.0)),
        float(np.max(layout.lower_kw - vehicles, initial=0.0)),
        float(np.max(power - problem.max_charge_kw[:, None], initial=0.0)),
        float(np.max(-power - problem.max_discharge_kw[:, None], initial=0.0)),
        power_range(problem).excess_kw(power),
    )
    if problem.phase_kw is None:
        return worst
    for phase in range(3):
        room = problem.phase_kw[:, phase : phase + 1]
        net = _add_up(layout, _on_phase(layout, power, phase))
        base = layout.base_kw / 3.0
        above = net - np.maximum(room - base, 0.0)
        beneath = np.minimum(-room - base, 0.0) - net
        worst = max(worst, float(above.max(initial=0.0)), float(beneath.max(initial=0.0)))
    return worst


def _on_phase(layout: Layout, power: Floats, phase: int) -> Floats:
    """Part of each power on L1, L2 or L3, shape (n, T)."""
    problem = layout.problem
    part: Floats = power * phase_share(layout)[:, phase : phase + 1]
    if problem.one_phase_kw is None:
        return part
    held = power_range(problem)
    return np.where(held.on_one_phase(power), power * (held.line == phase)[:, None], part)
