"""Rows and columns for the price of wear: segments by depth, bands of held energy.

**Depth.** Segment by segment there would be an energy, a flow in and a flow out each. The same
optimum follows from levels: split the battery above segment j into a shallow store of j segments
and the deep rest with the energy F. As charging fills and discharging empties the shallow store
first, F only follows where it must, and keeps within ``e - j·width ≤ F ≤ e``. What segments j and
deeper give is what F falls by; each level adds the step in price from segment j - 1 to j:

    D ≥ F_before - F,   F = e - g,   0 ≤ g ≤ j·width,   D ≥ 0;   cost η_d·(price_j - price_j-1)·D

with g the shallow store's energy: two columns and one row per level instead of three columns and
one row per segment, and none where the level cannot matter within reach of the arrival. The
price of segment 0 stands at every discharge. A drive between two stays empties segments as a
discharge does, and wears as one.

**Holding.** e ≤ upper edge of the lowest band in reach + Σ b,  0 ≤ b ≤ width of each band above,
each at its slope beyond that of the lowest, which stands at e itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._chains import continuing, first_stay
from gridtide.plan._layout import Layout
from gridtide.plan._wear_prices import (
    holding_base,
    holding_slopes,
    shallowest_price_per_kwh,
    start_segments,
)
from gridtide.plan.linear._linear import Builder
from gridtide.plan.linear._nodes import Nodes, find_nodes, within_reach
from gridtide.plan.linear._parts import Parts
from gridtide.plan.linear._trips import Drives
from gridtide.plan.problem import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Where a level of depth can matter.

    Parameters
    ----------
    nodes
        The K places of energy that the levels follow.
    tracked, falls
        Place and level whose shallow store is a decision; whose deep store can fall; shape
        (K, J - 1).
    deep_kwh
        Energy in the deep store of each level at the start, shape (n, J - 1).
    size_kwh
        Size of that store, shape (n, J - 1).
    price_per_kwh
        Step in price on each kWh out of the cells, shape (n, J - 1).
    """

    nodes: Nodes
    tracked: Bools
    falls: Bools
    deep_kwh: Floats
    size_kwh: Floats
    price_per_kwh: Floats


def find_levels(layout: Layout) -> Levels | None:
    """Find the levels within reach; None where no vehicle has any.

    The deep store lies between its start and what the highest reachable energy pushes it to; it
    can fall only once the lowest reachable energy is below that.
    """
    problem = layout.problem
    if problem.wear_depth_price_per_kwh is None or problem.wear_depth_price_per_kwh.shape[1] < 2:
        return None
    assert problem.wear_capacity_kwh is not None
    count, nodes = problem.wear_depth_price_per_kwh.shape[1], find_nodes(layout)
    size = problem.wear_capacity_kwh[:, None] / count * np.arange(1, count)
    shallow = np.minimum(np.cumsum(start_segments(problem)[:, :-1], axis=1), size)
    arrival = layout.starts.low_kwh
    shallow = np.minimum(shallow, np.maximum(arrival, 0.0)[:, None])
    step = np.diff(problem.wear_depth_price_per_kwh, axis=1)
    deep, size_there = (arrival[:, None] - shallow)[nodes.vehicle], size[nodes.vehicle]
    pushed = np.maximum(deep, nodes.highest_kwh[:, None] - size_there)
    able = (problem.max_discharge_kw > 0)[nodes.row]
    able[nodes.start] = True
    falls = able[:, None] & (step != 0)[nodes.vehicle] & (nodes.low_kwh[:, None] < pushed - 1e-9)
    matters = np.zeros((len(problem), count - 1), dtype=bool)
    np.logical_or.at(matters, nodes.vehicle, falls)
    moves = (nodes.lowest_kwh[:, None] < deep) | (nodes.highest_kwh[:, None] - size_there > deep)
    return Levels(
        nodes=nodes,
        tracked=matters[nodes.vehicle] & moves,
        falls=falls,
        deep_kwh=arrival[:, None] - shallow,
        size_kwh=size,
        price_per_kwh=step * problem.discharge_efficiency[:, None],
    )


def add_shallowest(
    layout: Layout, build: Builder, discharge: Ints, on_discharge: Ints, parts: Parts
) -> None:
    """Price each discharge as from the shallowest segment."""
    problem, v, hours = layout.problem, layout.vehicle, layout.hours
    if problem.wear_depth_price_per_kwh is None:
        return
    able = discharge >= 0
    cells = (shallowest_price_per_kwh(problem) * problem.discharge_efficiency)[v] * hours
    build.price(discharge[able], (cells * layout.draw[v])[able])
    lossy = (on_discharge >= 0) & (layout.standby_kw[v] > 0)
    build.price(on_discharge[lossy], (cells * layout.standby_kw[v])[lossy])
    out = ~parts.charging
    build.price(parts.beyond[out], cells[parts.pair[out]] * parts.loss[out])


def add_driving(layout: Layout, build: Builder, drives: Drives) -> None:
    """Price what drives take as from the shallowest segment."""
    problem, stay = layout.problem, continuing(layout.problem)
    if problem.wear_depth_price_per_kwh is None or problem.driven_kwh is None:
        return
    cells = (shallowest_price_per_kwh(problem) * problem.discharge_efficiency)[first_stay(problem)]
    driven = problem.driven_kwh[stay]
    taken = build.columns(len(stay), 0.0, driven, cells[stay])
    aided = np.isin(stay, drives.stay)
    rows = build.rows(len(stay), driven, np.inf)
    build.entries(rows, taken, 1.0)
    build.entries(rows[aided], drives.en_route, 1.0)


def add_levels(build: Builder, columns: Ints, levels: Levels) -> None:
    """Add the rows of all levels, for the mixed-integer problem; else see ``_wear_cuts``.

    Parameters
    ----------
    build
        Where they are added.
    columns
        Columns of the energies at the levels' places, shape (K,).
    levels
        The levels.
    """
    nodes = levels.nodes
    # Level by level along each vehicle, so that one row after the other belongs together.
    level, place = np.nonzero(levels.tracked.T)
    i = nodes.vehicle[place]
    shallow = np.full(levels.tracked.shape, -1)
    shallow[place, level] = build.columns(len(place), 0.0, levels.size_kwh[i, level])
    falls = levels.falls[place, level]
    at, price = place[falls], levels.price_per_kwh[i, level][falls]
    fall = build.columns(len(at), 0.0, nodes.fall_kwh[at], price)
    before = np.where(nodes.first[place], -1, shallow[place - 1, level])
    new = before < 0
    rows = build.rows(len(place), -np.inf, np.where(new, -levels.deep_kwh[i, level], 0.0))
    build.entries(rows, columns[place], -1.0)
    build.entries(rows, shallow[place, level], 1.0)
    build.entries(rows[falls], fall, -1.0)
    build.entries(rows[~new], columns[place[~new] - 1], 1.0)
    build.entries(rows[~new], before[~new], -1.0)


def add_holding(layout: Layout, build: Builder, energy: Ints) -> float:
    """Price energy at the end of each step; return the part of the cost that is constant."""
    problem, v, hours = layout.problem, layout.vehicle, layout.hours
    if problem.holding_edges_kwh is None:
        return 0.0
    edges, slopes = problem.holding_edges_kwh[v], holding_slopes(layout)
    low, high = within_reach(layout)
    # Bands that end below all that is within reach are passed whole: the lowest one left is flat
    # ground, and only those above it that begin within reach need columns.
    inner = edges[:, 1:-1]
    lowest = np.sum(inner <= low[:, None] + 1e-9, axis=1)
    pairs = np.arange(len(v))
    ground = slopes[pairs, lowest]
    passed = np.arange(slopes.shape[1]) < lowest[:, None]
    fixed = np.sum(np.where(passed, (slopes - ground[:, None]) * np.diff(edges, axis=1), 0.0), 1)
    build.price(energy, hours * ground)
    bends = (inner > low[:, None] + 1e-9) & (inner < high[:, None] - 1e-9)
    _add_bands(layout, build, energy, (inner, slopes - ground[:, None], bends, high))
    return float(np.sum(hours * (holding_base(layout) + fixed - ground * edges[:, 0])))


def _add_bands(
    layout: Layout,
    build: Builder,
    energy: Ints,
    bands: tuple[Floats, Floats, Bools, Floats],
) -> None:
    inner, beyond, bends, high = bands
    pair, bend = np.nonzero(bends)
    if len(pair) == 0:
        return
    top = np.concatenate((inner, np.full((len(inner), 1), np.inf)), axis=1)[pair, bend + 1]
    width = np.minimum(top, high[pair]) - inner[pair, bend]
    cost = layout.hours[pair] * beyond[pair, bend + 1]
    part = build.columns(len(pair), 0.0, width, cost)
    at, row = np.unique(pair, return_inverse=True)
    ground = inner[at, np.argmax(bends[at], axis=1)]
    rows = build.rows(len(at), -np.inf, ground)
    build.entries(rows, energy[at], 1.0)
    build.entries(rows[row], part, -1.0)
