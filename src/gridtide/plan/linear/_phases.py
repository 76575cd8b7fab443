"""What comes before the cost, in this order, each held before the next is looked at.

1. ``recovery``: energy below the floor, or on arrival below the window or above it, summed over
   time, kWh·h, which is least when the vehicle comes back as fast as the limits let it.
2. ``largest`` and 3. ``sum`` of the shortfalls, and of what is charged on the way, where the
   promise comes first.
4. ``overload``, there too: where base load alone is above a limit, its excess over the limit,
   kWh. Vehicles never add to it; in a run they also relieve it before any cost is saved. A
   problem with priced shortfall minimises its stated cost alone.

Nothing here is ever traded for money; the last phase is the cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Floats, Ints


@dataclass(frozen=True, slots=True)
class Phase:
    """One thing to minimise before the cost: columns with weights, and the row that holds it."""

    name: str
    columns: Ints
    weights: Floats
    row: int


Phases = tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Columns of shortfall and their stays, and columns of what is charged on the way."""

    short: Ints
    stay: Ints
    en_route: Ints


def add_phases(
    layout: Layout,
    build: Builder,
    net: Ints,
    energy: Ints,
    missing: Missing,
    lexical: bool,
) -> Phases:
    """Add columns and rows of the phases that have something to minimise."""
    if not lexical:
        return ()
    phases = [_recovery(layout, build, energy)]
    if layout.problem.promise == "first":
        phases += _promise(layout, build, missing)
        phases.append(_overload(layout, build, net))
    return tuple(phase for phase in phases if phase is not None)


def _phase(name: str, build: Builder, columns: Ints, weights: Floats) -> Phase | None:
    if len(columns) == 0:
        return None
    row = build.rows(1, -np.inf, np.inf)
    build.entries(np.repeat(row, len(columns)), columns, weights)
    return Phase(name, columns, weights, int(row[0]))


def _overload(layout: Layout, build: Builder, net: Ints) -> Phase | None:
    """Let discharging relieve import above the limit, and charging export above it."""
    problem = layout.problem
    columns, weights = [], []
    for sign, excess in (
        (1.0, layout.base_kw - problem.import_kw),
        (-1.0, -layout.base_kw - problem.export_kw),
    ):
        limit, step = np.nonzero((excess > 0) & (net >= 0))
        over = build.columns(len(limit), 0.0, excess[limit, step])
        rows = build.rows(len(limit), excess[limit, step], np.inf)
        build.entries(rows, over, 1.0)
        build.entries(rows, net[limit, step], -sign)
        columns.append(over)
        weights.append(problem.step_h[step])
    return _phase("overload", build, np.concatenate(columns), np.concatenate(weights))


def _recovery(layout: Layout, build: Builder, energy: Ints) -> Phase | None:
    problem, v = layout.problem, layout.vehicle
    columns, weights = [], []
    wanted = layout.wanted_kwh
    low = np.flatnonzero(wanted > layout.low_kwh + 1e-9)
    below = build.columns(len(low), 0.0, (wanted - layout.low_kwh)[low])
    rows = build.rows(len(low), wanted[low], np.inf)
    build.entries(rows, energy[low], 1.0)
    build.entries(rows, below, 1.0)
    columns.append(below)
    weights.append(layout.hours[low])
    high = np.flatnonzero(layout.overfull[v])
    above = build.columns(len(high), 0.0, (layout.starts.high_kwh - problem.max_kwh)[v[high]])
    rows = build.rows(len(high), -np.inf, problem.max_kwh[v[high]])
    build.entries(rows, energy[high], 1.0)
    build.entries(rows, above, -1.0)
    columns.append(above)
    weights.append(layout.hours[high])
    return _phase("recovery", build, np.concatenate(columns), np.concatenate(weights))


def _promise(layout: Layout, build: Builder, missing: Missing) -> list[Phase | None]:
    columns = np.concatenate((missing.short, missing.en_route))
    if len(columns) == 0:
        return []
    stay, none = missing.stay, np.zeros(len(missing.en_route))
    unavoidable = layout.due_kwh[stay] - layout.within_reach_kwh[stay]
    low = np.minimum(layout.problem.min_kwh, layout.starts.low_kwh)
    widest = max(
        float((layout.due_kwh - low)[stay].max(initial=0.0)),
        float(layout.starts.en_route_most_kwh.max(initial=0.0)),
    )
    largest = build.columns(1, 0.0, widest)
    rows = build.rows(len(columns), np.concatenate((unavoidable, none)), np.inf)
    build.entries(rows, np.repeat(largest, len(columns)), 1.0)
    build.entries(rows, columns, -1.0)
    return [
        _phase("largest", build, largest, np.ones(1)),
        _phase("sum", build, columns, np.ones(len(columns))),
    ]
