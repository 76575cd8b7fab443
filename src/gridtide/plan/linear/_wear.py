"""Rows and columns for the price of wear: segments by depth, bands of held energy.

**Depth.** Segment by segment there would be an energy, a flow in and a flow out each. The same
optimum follows from levels: split the battery above segment j into a shallow store of j segments
and the deep rest with the energy F. As charging fills and discharging empties the shallow store
first, F only follows where it must, and keeps within ``e - j·width ≤ F ≤ e``. What segments j and
deeper give is what F falls by; each level adds the step in price from segment j - 1 to j:

    D ≥ F_before - F,   F = e - g,   0 ≤ g ≤ j·width,   D ≥ 0;   cost η_d·(price_j - price_j-1)·D

with g the shallow store's energy: two columns and one row per level instead of three columns and
one row per segment, and none where the level cannot matter within reach of the arrival. The
price of segment 0 stands at every discharge.

**Holding.** e ≤ upper edge of the lowest band in reach + Σ b,  0 ≤ b ≤ width of each band above,
each at its slope beyond that of the lowest, which stands at e itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Bools, Floats, Ints, Problem
from gridtide.plan.segments import fresh_segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Where a level of depth can matter.

    Parameters
    ----------
    tracked, falls
        Pair and level whose shallow store is a decision; whose deep store can fall; shape
        (N, J - 1).
    shallow_kwh
        Energy in the shallow store of each level at the start, shape (n, J - 1).
    size_kwh
        Size of that store, shape (n, J - 1).
    price_per_kwh
        Step in price on each kWh out of the cells, shape (n, J - 1).
    """

    tracked: Bools
    falls: Bools
    shallow_kwh: Floats
    size_kwh: Floats
    price_per_kwh: Floats


def shallowest_price_per_kwh(problem: Problem) -> Floats:
    """Price of the shallowest segment per kWh at the plug, shape (n,)."""
    if problem.wear_depth_price_per_kwh is None:
        return np.zeros(len(problem))
    first: Floats = problem.wear_depth_price_per_kwh[:, 0]
    return first


def steepest_wear_per_kwh(problem: Problem) -> float:
    """Most that a kWh can cost in wear: discharged from the deepest segment, then held out."""
    steepest = float(problem.wear_price_per_kwh.max(initial=0.0))
    if problem.wear_depth_price_per_kwh is not None:
        steepest += float(problem.wear_depth_price_per_kwh.max(initial=0.0))
    if problem.holding_price_per_kwh_h is not None:
        slope = float(np.abs(problem.holding_price_per_kwh_h).max(initial=0.0))
        steepest += slope * float(problem.step_h.sum())
    return steepest


def start_segments(problem: Problem) -> Floats:
    """Energy by segment at the start: as given, or of a battery without an open cycle."""
    assert problem.wear_depth_price_per_kwh is not None and problem.wear_capacity_kwh is not None
    if problem.wear_segment_kwh is not None:
        return problem.wear_segment_kwh
    count = problem.wear_depth_price_per_kwh.shape[1]
    return fresh_segments(problem.arrival_kwh, problem.wear_capacity_kwh, count)


def find_levels(layout: Layout) -> Levels | None:
    """Find the levels within reach; None where no vehicle has any.

    The deep store lies between its start and what the highest reachable energy pushes it to; it
    can fall only once the lowest reachable energy is below that.
    """
    problem, v = layout.problem, layout.vehicle
    if problem.wear_depth_price_per_kwh is None or problem.wear_depth_price_per_kwh.shape[1] < 2:
        return None
    assert problem.wear_capacity_kwh is not None
    count = problem.wear_depth_price_per_kwh.shape[1]
    size = problem.wear_capacity_kwh[:, None] / count * np.arange(1, count)
    shallow = np.minimum(np.cumsum(start_segments(problem)[:, :-1], axis=1), size)
    shallow = np.minimum(shallow, np.maximum(problem.arrival_kwh, 0.0)[:, None])
    step = np.diff(problem.wear_depth_price_per_kwh, axis=1)
    deep = (problem.arrival_kwh[:, None] - shallow)[v]
    low, high = within_reach(layout)
    pushed = np.maximum(deep, high[:, None] - size[v])
    able = (problem.max_discharge_kw > 0)[v, None] & (step != 0)[v]
    falls = able & (low[:, None] < pushed - 1e-9)
    matters = np.zeros((len(problem), count - 1), dtype=bool)
    stays = layout.last >= 0
    matters[stays] = falls[layout.last[stays]]
    moves = (low[:, None] < deep) | (high[:, None] - size[v] > deep)
    return Levels(
        tracked=matters[v] & moves,
        falls=falls,
        shallow_kwh=shallow,
        size_kwh=size,
        price_per_kwh=step * problem.discharge_efficiency[:, None],
    )


def within_reach(layout: Layout) -> tuple[Floats, Floats]:
    """Lowest and highest energy that each pair can end its step with, both shape (N,)."""
    problem, v = layout.problem, layout.vehicle
    rise = np.maximum(layout.gain * problem.max_charge_kw - layout.standby_kw, 0.0)
    fall = layout.draw * problem.max_discharge_kw + layout.standby_kw
    clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    hours = clock[layout.step + 1] - clock[np.maximum(problem.arrive, 0)[v]]
    start = problem.arrival_kwh[v]
    high = np.minimum(start + rise[v] * hours, layout.high_kwh)
    return np.maximum(start - fall[v] * hours, layout.low_kwh), high


def add_shallowest(layout: Layout, build: Builder, discharge: Ints, on_discharge: Ints) -> None:
    """Price each discharge as from the shallowest segment."""
    problem, v, hours = layout.problem, layout.vehicle, layout.hours
    if problem.wear_depth_price_per_kwh is None:
        return
    able = discharge >= 0
    cells = (shallowest_price_per_kwh(problem) * problem.discharge_efficiency)[v] * hours
    build.price(discharge[able], (cells * layout.draw[v])[able])
    lossy = (on_discharge >= 0) & (layout.standby_kw[v] > 0)
    build.price(on_discharge[lossy], (cells * layout.standby_kw[v])[lossy])


def add_levels(layout: Layout, build: Builder, energy: Ints, levels: Levels) -> None:
    """Add the rows of all levels, for the mixed-integer problem; else see ``_wear_cuts``."""
    v, first = layout.vehicle, layout.first
    # Level by level along each stay, so that one row after the other belongs together.
    level, pair = np.nonzero(levels.tracked.T)
    i = v[pair]
    shallow = np.full(levels.tracked.shape, -1)
    shallow[pair, level] = build.columns(len(pair), 0.0, levels.size_kwh[i, level])
    falls = levels.falls[pair, level]
    at, most = pair[falls], largest_fall_kwh(layout)
    price = levels.price_per_kwh[i, level][falls]
    fall = build.columns(len(at), 0.0, most[at], price)
    before = np.where(first[pair], -1, shallow[pair - 1, level])
    new = before < 0
    deep = layout.problem.arrival_kwh[i] - levels.shallow_kwh[i, level]
    rows = build.rows(len(pair), -np.inf, np.where(new, -deep, 0.0))
    build.entries(rows, energy[pair], -1.0)
    build.entries(rows, shallow[pair, level], 1.0)
    build.entries(rows[falls], fall, -1.0)
    build.entries(rows[~new], energy[pair[~new] - 1], 1.0)
    build.entries(rows[~new], before[~new], -1.0)


def largest_fall_kwh(layout: Layout) -> Floats:
    """Return the largest fall of energy in each pair's step, shape (N,)."""
    most = layout.draw * layout.problem.max_discharge_kw + layout.standby_kw
    return np.minimum(layout.hours * most[layout.vehicle], layout.high_kwh - layout.low_kwh)


def holding_slopes(layout: Layout) -> Floats:
    """Slopes of the holding price at each pair [currency/kWh/h], shape (N, M)."""
    price = layout.problem.holding_price_per_kwh_h
    assert price is not None
    slopes: Floats
    slopes = price[layout.vehicle] if price.ndim == 2 else price[layout.vehicle, layout.step]
    return slopes


def holding_base(layout: Layout) -> Floats:
    """Cost per hour at the lowest edge at each pair [currency/h], shape (N,)."""
    base = layout.problem.holding_base_per_h
    if base is None:
        return np.zeros(len(layout.vehicle))
    at: Floats
    at = base[layout.vehicle] if base.ndim == 1 else base[layout.vehicle, layout.step]
    return at


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
