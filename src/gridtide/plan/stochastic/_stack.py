"""The two-stage problem: the rows of every day side by side, and a bid that they share.

Day s has the columns and rows of the reference problem, with its prices, and so its cost C_s of
net power y. With the bid Q bought at the day-ahead price π, over = what y is above it, bought at
π + shortage spread, and under = what it is below, sold at π - surplus spread, the day costs

    π·Q + (π + shortage)·over - (π - surplus)·under = π·y + shortage·over + surplus·under

so that the bid itself needs no cost, only for each day and step the row

    Σ (c - d) - over + under - Q = -base

and where risk counts, for CVaR at level β (Rockafellar & Uryasev 2000, doi:10.21314/JOR.2000.038)

    min Σ q_s·C_s + w·(z + Σ q_s/(1 - β)·e_s),   e_s ≥ C_s - z,   e_s ≥ 0
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout, lay_out
from gridtide.plan.linear._linear import Builder, Linear
from gridtide.plan.linear._matrix import Model
from gridtide.plan.linear._search import Search
from gridtide.plan.linear._solver import Deadline, Solution, Solver
from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.stochastic.bid import Places
from gridtide.plan.stochastic.scenarios import Scenarios

SAME = 1e-7


@dataclass(frozen=True, slots=True)
class Day:
    """One day laid out, its rows, and how far its net power can go, each shape (T,)."""

    layout: Layout
    search: Search
    model: Model
    base_kw: Floats
    least_kw: Floats
    most_kw: Floats

    def power_kw(self, x: Floats) -> Floats:
        """Power at each plug, of one direction at a time, from the day's columns, (n, T)."""
        return self.search.netted(self.model, x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The whole problem and where its parts stand.

    Parameters
    ----------
    linear
        All rows and columns; ``offset`` is the cost that no decision changes.
    position
        Columns of the first stage.
    columns, rows
        Columns and rows of each day.
    over, links
        Columns above the bid and the rows that hold bid and net power together, shape (S, T).
    """

    linear: Linear
    offset: float
    position: Ints
    columns: tuple[Ints, ...]
    rows: tuple[Ints, ...]
    over: Ints
    links: Ints


def lay_out_day(problem: Problem) -> Day:
    """Lay a day out without any choice of direction; a standby loss is spread over the power."""
    layout = lay_out(problem, relax_standby=True)
    search = Search(layout, np.inf)
    model = search.relaxed_model()
    most, least = (
        np.bincount(layout.step, weights=power[layout.vehicle], minlength=problem.steps)
        for power in (problem.max_charge_kw, problem.max_discharge_kw)
    )
    base = layout.base_kw[problem.meters].sum(axis=0)
    return Day(layout, search, model, base, base - least, base + most)


def stack(
    scenarios: Scenarios,
    days: tuple[Day, ...],
    places: Places,
    *,
    fixed_kw: Floats | None = None,
    risk_weight: float = 0.0,
    risk_level: float = 0.9,
) -> Stack:
    """Put the days side by side.

    Parameters
    ----------
    scenarios, days
        What may come, and the same laid out.
    places
        Which decision of the bid stands for which day and period.
    fixed_kw
        The decisions where they have been made already, shape (decisions,).
    risk_weight, risk_level
        Of CVaR; without weight it gets no rows.
    """
    build, spans = Builder(), []
    for day, weight in zip(days, scenarios.weight, strict=True):
        spans.append(_add(build, day.model.linear, float(weight)))
    low, high = _range(scenarios, days, places, fixed_kw)
    position = build.columns(places.count, low, high)
    over, links, spread = [], [], []
    for s, day in enumerate(days):
        at = places.place[s, scenarios.period]
        parts = _link(build, scenarios, s, day, spans[s][0], position[at], low[at], high[at])
        over.append(parts[0])
        links.append(parts[2])
        spread.append((np.concatenate(parts[:2]), parts[3]))
    if places.falls.size and fixed_kw is None:
        rows = build.rows(len(places.falls), 0.0, np.inf)
        build.entries(rows, position[places.falls[:, 0]], 1.0)
        build.entries(rows, position[places.falls[:, 1]], -1.0)
    offset = float(sum(w * d.model.offset for w, d in zip(scenarios.weight, days, strict=True)))
    if risk_weight > 0:
        _risk(build, scenarios.weight, days, spans, spread, risk_weight, risk_level)
    return Stack(
        linear=build.finish(),
        offset=offset,
        position=position,
        columns=tuple(span[0] for span in spans),
        rows=tuple(span[1] for span in spans),
        over=np.array(over),
        links=np.array(links),
    )


def minimise(stacked: Stack, days: tuple[Day, ...], deadline: Deadline) -> Solution | None:
    """Minimise; what stands before the cost comes first, day by day."""
    solver = Solver(stacked.linear)
    spans = tuple(zip(days, stacked.columns, stacked.rows, strict=True))
    basic = [stacked.over.ravel()] + [columns[day.model.basic] for day, columns, _ in spans]
    tight = [stacked.links.ravel()] + [rows[day.model.tight_rows] for day, _, rows in spans]
    solver.start_basis(np.concatenate(basic), np.concatenate(tight))
    for name in dict.fromkeys(phase.name for day in days for phase in day.model.phases):
        cost, held = np.zeros(len(stacked.linear.cost)), []
        for day, columns, rows in spans:
            for phase in day.model.phases:
                if phase.name == name:
                    cost[columns[phase.columns]] = phase.weights
                    held.append((columns[phase.columns], phase.weights, int(rows[phase.row])))
        reached = solver.minimise(cost, deadline.left_s())
        if reached is None:
            return None
        for columns, weights, row in held:
            value = float(weights @ reached.x[columns])
            solver.hold(row, max(value, 0.0) + SAME * (1 + abs(value)))
    return solver.minimise(stacked.linear.cost, deadline.left_s())


def _add(build: Builder, linear: Linear, weight: float) -> tuple[Ints, Ints]:
    """Add all of a linear problem, its cost weighted; return its columns and rows."""
    cost = weight * linear.cost
    columns = build.columns(len(linear.cost), linear.lower, linear.upper, cost)
    rows = build.rows(len(linear.row_lower), linear.row_lower, linear.row_upper)
    build.entries(rows[linear.index], np.repeat(columns, np.diff(linear.start)), linear.value)
    return columns, rows


def _range(
    scenarios: Scenarios, days: tuple[Day, ...], places: Places, fixed_kw: Floats | None
) -> tuple[Floats, Floats]:
    """Bounds of the decisions [kW]: what the net power can be on one of their days."""
    if fixed_kw is not None:
        return fixed_kw, fixed_kw
    low, high = np.full(places.count, np.inf), np.full(places.count, -np.inf)
    for s, day in enumerate(days):
        at = places.place[s, scenarios.period]
        np.minimum.at(low, at, day.least_kw)
        np.maximum.at(high, at, day.most_kw)
    return low, high


def _link(
    build: Builder,
    scenarios: Scenarios,
    s: int,
    day: Day,
    columns: Ints,
    position: Ints,
    low: Floats,
    high: Floats,
) -> tuple[Ints, Ints, Ints, Floats]:
    """Add what a day's net power is above and below the bid; return it, its rows, its costs."""
    layout, model, steps = day.layout, day.model, len(position)
    hours = layout.problem.step_h
    spread = np.concatenate(
        (scenarios.shortage_spread_per_kwh[s] * hours, scenarios.surplus_spread_per_kwh[s] * hours)
    )
    cost = scenarios.weight[s] * spread
    over = build.columns(steps, 0.0, np.maximum(day.most_kw - low, 0.0), cost[:steps])
    under = build.columns(steps, 0.0, np.maximum(high - day.least_kw, 0.0), cost[steps:])
    rows = build.rows(steps, -day.base_kw, -day.base_kw)
    build.entries(rows[layout.step], columns[model.charge], 1.0)
    able = model.discharge >= 0
    build.entries(rows[layout.step[able]], columns[model.discharge[able]], -1.0)
    build.entries(rows, over, -1.0)
    build.entries(rows, under, 1.0)
    build.entries(rows, position, -1.0)
    return over, under, rows, spread


def _risk(
    build: Builder,
    weight: Floats,
    days: tuple[Day, ...],
    spans: list[tuple[Ints, Ints]],
    spread: list[tuple[Ints, Floats]],
    risk_weight: float,
    risk_level: float,
) -> None:
    """Add the rows of CVaR; between what days can cost at least and at most lies z."""
    widest = max(float(d.most_kw.max()) for d in days) - min(float(d.least_kw.min()) for d in days)
    most = max(_reach(d, s[1], widest) for d, s in zip(days, spread, strict=True))
    z = build.columns(1, -most, most, risk_weight)
    excess = build.columns(len(days), 0.0, 2 * most, risk_weight * weight / (1.0 - risk_level))
    rows = build.rows(len(days), -np.inf, [-day.model.offset for day in days])
    for s, day in enumerate(days):
        cost = np.concatenate((day.model.linear.cost, spread[s][1]))
        columns, used = np.concatenate((spans[s][0], spread[s][0])), cost != 0
        build.entries(np.repeat(rows[s], int(used.sum())), columns[used], cost[used])
    build.entries(rows, np.repeat(z, len(days)), -1.0)
    build.entries(rows, excess, -1.0)


def _reach(day: Day, spread: Floats, widest_kw: float) -> float:
    """Return more than a day can cost or earn, ``widest_kw`` away from the bid in every step."""
    linear = day.model.linear
    size = np.maximum(np.abs(linear.lower), np.abs(linear.upper))
    return float(np.abs(linear.cost) @ size + spread.sum() * widest_kw) + abs(day.model.offset)
