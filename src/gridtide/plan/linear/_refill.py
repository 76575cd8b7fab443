"""Room below import limits to refill what a call has taken, before those who leave have left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._calls import followed
from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Floats, Ints

DEPARTURES = 12
"""Departures are looked at in at most so many groups; a group must be served by its first."""


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
        Column of each vehicle's shortfall, -1 for none, shape (n,).
    """

    layout: Layout
    build: Builder
    charge: Ints
    discharge: Ints
    energy: Ints
    net: Ints
    short_of: Ints

    def power(self, rows: Ints, pairs: Ints, sign: float) -> None:
        """Enter ``sign·(c - d)`` of the pairs."""
        self.build.entries(rows, self.charge[pairs], sign)
        able = self.discharge[pairs] >= 0
        self.build.entries(rows[able], self.discharge[pairs][able], -sign)


def add_refill(plan: Places, held: Held) -> None:
    """Add what each vehicle must refill after a call from each step, and the room for it."""
    layout, problem = plan.layout, plan.layout.problem
    tight = np.flatnonzero((layout.upper_kw < layout.most_kw).any(axis=1))
    wants = np.isfinite(layout.due_kwh) | followed(problem)
    v = layout.vehicle[held.pair]
    at = np.flatnonzero((held.energy > 0) & wants[v] & layout.below[tight].any(axis=0)[v])
    if len(at) == 0:
        return
    starts, need = _needs(plan, held, at)
    over = np.zeros(len(layout.vehicle), dtype=np.int64)
    np.maximum.at(over, held.pair[at], held.lasts[at])
    for j in tight:
        mine = np.flatnonzero(layout.below[j][layout.vehicle[starts]])
        for k in np.unique(layout.step[starts[mine]]):
            here = mine[layout.step[starts[mine]] == k]
            _room(plan, int(j), int(k + over[starts[here]].max()), starts[here], need[here])


def _needs(plan: Places, held: Held, at: Ints) -> tuple[Ints, Ints]:
    """Add what must be refilled: what was taken beyond what is planned above the target."""
    layout, build = plan.layout, plan.build
    starts, place = np.unique(held.pair[at], return_inverse=True)
    v = layout.vehicle[starts]
    most = np.maximum(layout.high_kwh[starts], 1.0) * 2.0
    need = build.columns(len(starts), 0.0, most)
    promised = ~followed(layout.problem)[v]
    rows = build.rows(len(starts), np.where(promised, layout.within_reach_kwh[v], 0.0), np.inf)
    build.entries(rows, need, 1.0)
    build.entries(rows[place], held.column[at], -held.energy[at])
    build.entries(rows[promised], plan.energy[layout.last[v[promised]]], 1.0)
    soft = promised & (plan.short_of[v] >= 0)
    build.entries(rows[soft], plan.short_of[v[soft]], 1.0)
    return starts, need


def _room(plan: Places, limit: int, first: int, starts: Ints, need: Ints) -> None:
    """Let what those need who leave by a node be refilled below one limit until then."""
    layout, build, step_h = plan.layout, plan.build, plan.layout.problem.step_h
    v = layout.vehicle[starts]
    leaves = np.minimum(layout.problem.depart[v], len(step_h))
    nodes = np.unique(leaves)
    if len(nodes) > DEPARTURES:
        nodes = np.unique(nodes[np.linspace(0, len(nodes) - 1, DEPARTURES).astype(int)])
    group_of = np.searchsorted(nodes, leaves, side="right") - 1
    # What is left of the limit where its net power has no column: at least beside all at full.
    bound = plan.net[limit] >= 0
    upper = layout.upper_kw[limit]
    free = np.where(bound, upper, np.maximum(upper - layout.most_kw[limit], 0.0))
    free = np.where(np.isfinite(free), free, layout.most_kw[limit])
    for group, node in enumerate(nodes):
        steps = np.arange(first, node)
        among = np.flatnonzero(group_of <= group)
        row = build.rows(1, -np.inf, float(np.sum((free * step_h)[steps])))
        build.entries(np.repeat(row, len(among)), need[among], 1.0 / layout.gain[v[among]])
        steps = steps[bound[steps]]
        build.entries(np.repeat(row, len(steps)), plan.net[limit, steps], step_h[steps])
