"""Rows and columns of losses in parts.

Beyond the first part each further one loses more. With b where it begins and drop by how much
less it stores, or rise by how much more it takes:

    x ≥ c - b,  0 ≤ x;  the energy row gets dt·drop·x       (discharge: y ≥ d - b, dt·rise·y)
    in order    x ≤ (Pc - b)·z,  x ≤ c - b·z, only where ``Modes`` asks for it

Where energy is worth something x is no larger than it must be; where wasting it pays, z says
whether the part has begun.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Bools, Floats, Ints

LOOSE_KW = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Columns of what lies beyond the start of a part, in one list for both ways.

    Parameters
    ----------
    pair, beyond
        Pair and column of each, shape (X,).
    power
        Column of the power at the plug, shape (X,).
    from_kw, most_kw
        Where the part begins, and the plug's limit, shape (X,).
    loss
        Battery power lost per kW beyond, shape (X,).
    charging
        Whether it is a part of charging, shape (X,).
    """

    pair: Ints
    beyond: Ints
    power: Ints
    from_kw: Floats
    most_kw: Floats
    loss: Floats
    charging: Bools

    def excess_kw(self, x: Floats) -> Floats:
        """By how much each lies above what its power makes of it, shape (X,)."""
        needed = np.maximum(x[self.power] - self.from_kw, 0.0)
        return np.maximum(x[self.beyond] - needed, 0.0)


def add_parts(layout: Layout, build: Builder, ways: tuple[Ints, Ints], energy_rows: Ints) -> Parts:
    """Add the parts of charging and of discharging; ``ways`` are the columns of each pair."""
    problem, law = layout.problem, layout.law
    charge = _beyond(
        layout, ways[0], problem.max_charge_kw, law.charge_from_kw, -np.diff(law.gain, axis=1)
    )
    discharge = _beyond(
        layout, ways[1], problem.max_discharge_kw, law.discharge_from_kw, np.diff(law.draw, axis=1)
    )
    pair, power, begin, most, loss = (
        np.concatenate(parts) for parts in zip(charge, discharge, strict=True)
    )
    beyond = build.columns(len(pair), 0.0, most - begin)
    rows = build.rows(len(pair), -np.inf, begin)
    build.entries(rows, power, 1.0)
    build.entries(rows, beyond, -1.0)
    build.entries(energy_rows[pair], beyond, layout.hours[pair] * loss)
    return Parts(
        pair=pair,
        beyond=beyond,
        power=power,
        from_kw=begin,
        most_kw=most,
        loss=loss,
        charging=np.arange(len(pair)) < len(charge[0]),
    )


def _beyond(
    layout: Layout, power: Ints, limit_kw: Floats, from_kw: Floats, loss: Floats
) -> tuple[Ints, Ints, Floats, Floats, Floats]:
    v = layout.vehicle
    begun = (from_kw < limit_kw[:, None]) & (loss > 0)
    pair, part = np.nonzero(begun[v] & (power >= 0)[:, None])
    i = v[pair]
    return pair, power[pair], from_kw[i, part], limit_kw[i], loss[i, part]


def add_order(build: Builder, parts: Parts, places: Bools) -> tuple[Ints, Ints]:
    """Let parts of ``places`` begin only where the one before is full: columns, and their parts."""
    at = np.flatnonzero(places[parts.pair])
    z = build.columns(len(at), 0.0, 1.0, integer=True)
    rows = build.rows(len(at), -np.inf, 0.0)
    build.entries(rows, parts.beyond[at], 1.0)
    build.entries(rows, z, parts.from_kw[at] - parts.most_kw[at])
    rows = build.rows(len(at), -np.inf, 0.0)
    build.entries(rows, parts.beyond[at], 1.0)
    build.entries(rows, parts.power[at], -1.0)
    build.entries(rows, z, parts.from_kw[at])
    return z, at


def wasteful(layout: Layout, parts: Parts, x: Floats) -> Bools:
    """Pairs that lose more than their power makes them lose, shape (N,)."""
    pairs = np.zeros(len(layout.vehicle), dtype=bool)
    pairs[parts.pair[parts.excess_kw(x) > LOOSE_KW]] = True
    return pairs


def lost_kw(layout: Layout, parts: Parts, x: Floats) -> Floats:
    """Battery power that the parts beyond the first lose in each pair, shape (N,)."""
    lost: Floats = np.bincount(
        parts.pair, weights=parts.loss * x[parts.beyond], minlength=len(layout.vehicle)
    ).astype(float)
    return lost
