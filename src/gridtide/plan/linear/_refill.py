"""A recovery that fits below the import limits, whichever step the call came in.

Alone every vehicle can refill in time: that is in the must-charge curve. Below a common limit all
need its room at once. One recovery x ≥ 0 per vehicle and step on top of the plan, the same for
every call, of which a call uses the part after its end; z is the energy it has given so far:

    x_j ≤ Pc - p_j,   Y_j + Σ x_j ≤ upper,   z_j+1 = z_j + dt·η_c·x_j
    z_last - z_k+n ≥ Σ_b r·(τ + drift)/η_d - (e_end + short - due)
    Σ_b r·(τ + drift)/η_d ≤ w_k+n - z_k+n,   w_j ≤ w_j+1,   w_j ≤ e_j + z_j - min

The last line keeps the window where the plan discharges after a call: w is the least of what is
left above it from a node on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._calls import followed
from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Columns of what is held in one direction: a share of a call, from a pair of its first step.

    Parameters
    ----------
    column
        Shape (s,).
    pair
        The pair of the vehicle and the step that a call starts in, shape (s,).
    lasts
        Steps that the call lasts, shape (s,).
    energy
        Energy in the battery per kW, 0 for a margin of power alone, shape (s,).
    """

    column: Ints
    pair: Ints
    lasts: Ints
    energy: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the columns stand that reserve is held beside.

    Parameters
    ----------
    layout, build
        What is planned, and where its rows are collected.
    charge, discharge, energy
        Columns of each pair, -1 where it cannot discharge, shape (N,).
    net
        Columns of the net power of limits, -1 where it cannot bind, shape (m, T).
    short_of
        Column of each stay's shortfall, -1 for none, shape (n,).
    start
        Column of the energy that each stay begins with, -1 where that is given, shape (n,).
    """

    layout: Layout
    build: Builder
    charge: Ints
    discharge: Ints
    energy: Ints
    net: Ints
    short_of: Ints
    start: Ints

    def power(self, rows: Ints, pairs: Ints, sign: float) -> None:
        """Enter ``sign·(c - d)`` of the pairs."""
        self.build.entries(rows, self.charge[pairs], sign)
        able = self.discharge[pairs] >= 0
        self.build.entries(rows[able], self.discharge[pairs][able], -sign)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recovery:
    """Columns of the energy recovered by the end of each pair's step, of the power, and the pairs.

    ``given`` is -1 where there is none, shape (N,).
    """

    given: Ints
    extra: Ints
    pairs: Ints


def add_refill(plan: Places, blocks: list[Held]) -> tuple[Ints, Ints]:
    """Add the recovery after calls of all blocks of upward reserve.

    Parameters
    ----------
    plan
        The columns of the plan.
    blocks
        What is held, block by block.

    Returns
    -------
    tuple
        Columns of the recovery [kW], and their pairs.
    """
    layout = plan.layout
    tight = (layout.upper_kw < layout.most_kw).any(axis=1)
    concerned: Bools = np.asarray(layout.below[tight].any(axis=0))
    blocks = [_of(h, concerned[layout.vehicle[h.pair]]) for h in blocks]
    blocks = [h for h in blocks if len(h.pair)]
    if not blocks:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    recovery = _recovery(plan, blocks)
    _needs(plan, recovery, joined(blocks))
    _windows(plan, recovery, joined(blocks))
    return recovery.extra, recovery.pairs


def _of(held: Held, where: Bools) -> Held:
    where = where & (held.energy > 0)
    return Held(
        column=held.column[where],
        pair=held.pair[where],
        lasts=held.lasts[where],
        energy=held.energy[where],
    )


def joined(held: list[Held]) -> Held:
    """Put several blocks' columns one after the other."""
    names = ("column", "pair", "lasts", "energy")
    return Held(**{name: np.concatenate([getattr(h, name) for h in held]) for name in names})


def _recovery(plan: Places, blocks: list[Held]) -> _Recovery:
    """Add the recovery of every vehicle concerned, from its first call's end on."""
    layout, build, problem = plan.layout, plan.build, plan.layout.problem
    first = np.full(len(problem), problem.steps)
    for held in blocks:
        np.minimum.at(first, layout.vehicle[held.pair], layout.step[held.pair] + held.lasts)
    pairs = np.flatnonzero(layout.step >= first[layout.vehicle])
    v = layout.vehicle[pairs]
    extra = build.columns(len(pairs), 0.0, (problem.max_charge_kw + problem.max_discharge_kw)[v])
    rows = build.rows(len(pairs), -np.inf, problem.max_charge_kw[v])
    build.entries(rows, extra, 1.0)
    plan.power(rows, pairs, 1.0)
    most = np.maximum(2.0 * layout.high_kwh[pairs], 1.0)
    given = np.full(len(layout.vehicle), -1)
    given[pairs] = build.columns(len(pairs), 0.0, most)
    rows = build.rows(len(pairs), 0.0, 0.0)
    build.entries(rows, given[pairs], 1.0)
    build.entries(rows, extra, -layout.hours[pairs] * layout.law.gain.min(axis=1)[v])
    later = layout.step[pairs] > first[v]
    build.entries(rows[later], given[pairs[later] - 1], -1.0)
    for j in np.flatnonzero((layout.upper_kw < layout.most_kw).any(axis=1)):
        _room(plan, int(j), pairs, extra)
    return _Recovery(given=given, extra=extra, pairs=pairs)


def _room(plan: Places, limit: int, pairs: Ints, extra: Ints) -> None:
    layout, build = plan.layout, plan.build
    tight = layout.upper_kw[limit] < layout.most_kw[limit]
    mine = layout.below[limit][layout.vehicle[pairs]] & tight[layout.step[pairs]]
    steps, row = np.unique(layout.step[pairs[mine]], return_inverse=True)
    rows = build.rows(len(steps), -np.inf, layout.upper_kw[limit, steps])
    build.entries(rows, plan.net[limit, steps], 1.0)
    build.entries(rows[row], extra[mine], 1.0)


def _calls(held: Held) -> tuple[Ints, Ints, Ints]:
    """Return the pairs that calls start in, each column's place among them, and their ends."""
    starts, place = np.unique(held.pair, return_inverse=True)
    over = np.zeros(len(starts), dtype=np.int64)
    np.maximum.at(over, place, held.lasts)
    return starts, place, starts + over


def _needs(plan: Places, recovery: _Recovery, held: Held) -> None:
    """Let the recovery give back what a call took beyond what is planned above the target."""
    layout, build = plan.layout, plan.build
    follows = followed(layout.problem)
    wants = (np.isfinite(layout.due_kwh) | follows)[layout.vehicle[held.pair]]
    held = _of(held, wants)
    starts, place, begun = _calls(held)
    v = layout.vehicle[starts]
    soft = ~follows[v]
    rows = build.rows(len(starts), np.where(soft, layout.within_reach_kwh[v], 0.0), np.inf)
    build.entries(rows[place], held.column, -held.energy)
    build.entries(rows[soft], plan.energy[layout.last[v[soft]]], 1.0)
    short = soft & (plan.short_of[v] >= 0)
    build.entries(rows[short], plan.short_of[v[short]], 1.0)
    last = layout.last[v]
    there = (last >= begun) & (recovery.given[last] >= 0)
    build.entries(rows[there], recovery.given[last[there]], 1.0)
    _before(plan, recovery, rows[there], begun[there])


def _before(plan: Places, recovery: _Recovery, rows: Ints, begun: Ints) -> None:
    """Take off what the recovery has given before a call's end."""
    known = recovery.given[begun - 1] >= 0
    plan.build.entries(rows[known], recovery.given[begun[known] - 1], -1.0)


def _windows(plan: Places, recovery: _Recovery, held: Held) -> None:
    """Keep the window after a call where the plan discharges later on."""
    layout, build, problem = plan.layout, plan.build, plan.layout.problem
    held = _of(held, problem.max_discharge_kw[layout.vehicle[held.pair]] > 0)
    pairs = recovery.pairs[problem.max_discharge_kw[layout.vehicle[recovery.pairs]] > 0]
    low = problem.min_kwh[layout.vehicle[pairs]]
    left = np.full(len(layout.vehicle), -1)
    left[pairs] = build.columns(len(pairs), -low - 1.0, 3.0 * layout.high_kwh[pairs] + 1.0)
    rows = build.rows(len(pairs), low, np.inf)
    build.entries(rows, left[pairs], -1.0)
    build.entries(rows, plan.energy[pairs], 1.0)
    build.entries(rows, recovery.given[pairs], 1.0)
    within = pairs[~np.isin(pairs, layout.last)]
    rows = build.rows(len(within), 0.0, np.inf)
    build.entries(rows, left[within], -1.0)
    build.entries(rows, left[within + 1], 1.0)
    starts, place, begun = _calls(held)
    there = begun <= layout.last[layout.vehicle[starts]]
    rows = np.full(len(starts), -1)
    rows[there] = build.rows(int(there.sum()), 0.0, np.inf)
    inside = there[place]
    build.entries(rows[place[inside]], held.column[inside], -held.energy[inside])
    build.entries(rows[there], left[begun[there]], 1.0)
    _before(plan, recovery, rows[there], begun[there])
