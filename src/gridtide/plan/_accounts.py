"""A schedule judged by plain formulas, apart from the rows that it was solved with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout, demand_periods, phase_share
from gridtide.plan._power_range import (
    has_range,
    on_one_phase,
    one_phase_lines,
    out_of_range_kw,
    within_range,
)
from gridtide.plan._wear_accounts import cycle_cost, holding_cost
from gridtide.plan.problem import Floats

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
    shortfall_kwh
        Missing on departure, shape (n,).
    objective
        Cost with wear, demand charge, carbon, shortfall and end value [currency].
    wear_cycle, wear_holding
        Its wear by cycling and by holding, step by step [currency], shape (n, T).
    violation_kw
        Largest excess over a limit that vehicles cause [kW].
    """

    power_kw: Floats
    energy_kwh: Floats
    shortfall_kwh: Floats
    objective: float
    wear_cycle: Floats
    wear_holding: Floats
    violation_kw: float


def judge(layout: Layout, power_kw: Floats) -> Schedule:
    """Follow powers through the batteries, trim what rounding left over, and price the result."""
    power, energy = follow(layout, power_kw)
    end = end_energy(layout, energy)
    with np.errstate(invalid="ignore"):
        short = np.where(layout.due_kwh > end + 1e-7, layout.due_kwh - end, 0.0)
    cycle, holding = cycle_cost(layout, power, energy), holding_cost(layout, energy)
    cost = _cost(layout, power, end, float(short.sum()))
    return Schedule(
        power_kw=power,
        energy_kwh=energy,
        shortfall_kwh=short,
        objective=cost + float(cycle.sum()) + float(holding.sum()),
        wear_cycle=cycle,
        wear_holding=holding,
        violation_kw=_violation(layout, power),
    )


def follow(layout: Layout, power_kw: Floats) -> tuple[Floats, Floats]:
    """Apply ``e' = e + dt·(η_c·c − d/η_d − a·on)``; shorten a power that would leave the window."""
    problem = layout.problem
    count, steps = power_kw.shape
    low, high = np.full(count, -np.inf), np.full(count, np.inf)
    low[layout.vehicle], high[layout.vehicle] = layout.low_kwh, layout.high_kwh
    power = np.clip(power_kw, -problem.max_discharge_kw[:, None], problem.max_charge_kw[:, None])
    power[np.abs(power) < TINY_KW] = 0.0
    gaps = has_range(problem)
    power = within_range(problem, power) if gaps else power
    plugged = np.zeros((count, steps), dtype=bool)
    plugged[layout.vehicle, layout.step] = True
    energy = np.full((count, steps + 1), np.nan)
    now = problem.arrival_kwh.copy()
    loss = layout.standby_kw
    for k in range(steps):
        hours, p = problem.step_h[k], power[:, k]
        flow = np.where(p > 0, p * layout.gain, p * layout.draw) - loss * (p != 0)
        room, stock = (high - now) / hours, (low - now) / hours
        up, down = (p > 0) & (flow > room), (p < 0) & (flow < stock)
        if up.any() or down.any():
            shorter = np.where(up, (room + loss) / layout.gain, (stock + loss) / layout.draw)
            p = np.where(up, np.maximum(shorter, 0), np.where(down, np.minimum(shorter, 0), p))
            p = within_range(problem, p) if gaps else p
            power[:, k] = p
            flow = np.where(p > 0, p * layout.gain, p * layout.draw) - loss * (p != 0)
        here = plugged[:, k]
        energy[here, k] = now[here]
        now = np.where(here, now + hours * flow, now)
        energy[here, k + 1] = now[here]
    return power, energy


def end_energy(layout: Layout, energy_kwh: Floats) -> Floats:
    """Energy at the end of each stay, on arrival where there is none, shape (n,)."""
    end = layout.problem.arrival_kwh.copy()
    plugged = layout.last >= 0
    node = layout.step[layout.last[plugged]] + 1
    end[plugged] = energy_kwh[plugged, node]
    return end


def net_kw(layout: Layout, power_kw: Floats) -> Floats:
    """Net power of the vehicles below each limit, shape (m, T)."""
    return layout.below.astype(float) @ power_kw


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
    return float(cost)


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
        out_of_range_kw(problem, power),
    )
    if problem.phase_kw is None:
        return worst
    for phase in range(3):
        room = problem.phase_kw[:, phase : phase + 1]
        net = layout.below.astype(float) @ _on_phase(layout, power, phase)
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
    own = (one_phase_lines(problem) == phase)[:, None]
    return np.where(on_one_phase(problem, power), power * own, part)
