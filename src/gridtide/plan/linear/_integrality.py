"""Decisions of a charger that are whole numbers: whether it runs, which way, on how many phases.

For each pair of a vehicle that has a standby loss a or smallest powers, with c₁ the part of its
charging power c that flows on one phase:

    three phases   min_c·on_c ≤ c - c₁ ≤ max_c·on_c
    one phase      low·on_1 ≤ c₁ ≤ high·on_1
    discharging    min_d·on_d ≤ d ≤ max_d·on_d
    one at a time  on_c + on_1 + on_d ≤ 1
    energy         a·dt·(on_c + on_1 + on_d) is lost
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan._power_range import power_range
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Columns of these decisions by pair, -1 where there is none, shape (N,).

    Parameters
    ----------
    on_charge, on_one_phase, on_discharge
        Binaries: charges on all its phases, charges on one, discharges.
    one_phase
        Charging power on one phase [kW].
    """

    on_charge: Ints
    on_one_phase: Ints
    on_discharge: Ints
    one_phase: Ints


def add_running(
    layout: Layout, build: Builder, charge: Ints, discharge: Ints, energy_rows: Ints
) -> Running:
    """Add the decisions of every pair that has any; discharge only where the pair can."""
    problem, v = layout.problem, layout.vehicle
    switched = layout.switched[v]
    able = switched & (discharge >= 0)
    held = power_range(problem)
    low, high = held.one_low, held.one_high
    on_charge = _binaries(build, switched)
    on_discharge = _binaries(build, able)
    on_one = _binaries(build, switched & (high > 0)[v])
    single = np.full(len(v), -1)
    ones = np.flatnonzero(on_one >= 0)
    single[ones] = build.columns(len(ones), 0.0, high[v[ones]])
    for on in (on_charge, on_one, on_discharge):
        at = np.flatnonzero((on >= 0) & (layout.standby_kw[v] > 0))
        build.entries(energy_rows[at], on[at], (layout.hours * layout.standby_kw[v])[at])
    _between(build, charge, on_charge, (held.charge[v], problem.max_charge_kw[v]), single)
    _between(build, single, on_one, (low[v], high[v]))
    _between(build, discharge, on_discharge, (held.discharge[v], problem.max_discharge_kw[v]))
    _one_at_a_time(build, (on_charge, on_one, on_discharge))
    return Running(
        on_charge=on_charge, on_one_phase=on_one, on_discharge=on_discharge, one_phase=single
    )


def _binaries(build: Builder, places: Bools) -> Ints:
    columns = np.full(len(places), -1)
    columns[places] = build.columns(int(np.sum(places)), 0.0, 1.0, integer=True)
    return columns


def _between(
    build: Builder, power: Ints, on: Ints, ends: tuple[Floats, Floats], less: Ints | None = None
) -> None:
    """Hold ``power - less`` between its ends where it is on, and at 0 where it is off."""
    least, most = ends
    below, above = np.flatnonzero(on >= 0), np.flatnonzero((on >= 0) & (least > 0))
    for at, end, lower, upper in ((below, most, -np.inf, 0.0), (above, least, 0.0, np.inf)):
        rows = build.rows(len(at), lower, upper)
        build.entries(rows, power[at], 1.0)
        build.entries(rows, on[at], -end[at])
        if less is not None:
            part = less[at] >= 0
            build.entries(rows[part], less[at][part], -1.0)


def _one_at_a_time(build: Builder, choices: tuple[Ints, ...]) -> None:
    pairs = np.flatnonzero(np.sum([on >= 0 for on in choices], axis=0) > 1)
    rows = build.rows(len(pairs), -np.inf, 1.0)
    for on in choices:
        there = on[pairs] >= 0
        build.entries(rows[there], on[pairs][there], 1.0)


def running_as(layout: Layout, running: Running, pair_kw: Floats, pattern: Floats) -> None:
    """Write into ``pattern`` the decisions that go with a power at each pair, shape (N,)."""
    problem, v = layout.problem, layout.vehicle
    if not len(v):
        return
    power = np.zeros((len(problem), problem.steps))
    power[v, layout.step] = pair_kw
    one = power_range(problem).on_one_phase(power)[v, layout.step] & (running.on_one_phase >= 0)
    for on, chosen in (
        (running.on_charge, (pair_kw > 1e-6) & ~one),
        (running.on_one_phase, one),
        (running.on_discharge, pair_kw < -1e-6),
    ):
        at = on >= 0
        pattern[on[at]] = chosen[at]


def phase_entries(layout: Layout, running: Running, pairs: Ints, phase: int) -> tuple[Ints, Floats]:
    """Which of these pairs can charge on one phase, and how their share of a phase then changes.

    Returns
    -------
    at, change
        Positions within ``pairs``; own share of the phase less that on all phases.
    """
    at = np.flatnonzero(running.one_phase[pairs] >= 0)
    v = layout.vehicle[pairs[at]]
    share = layout.problem.phase_share
    usual = np.full(len(v), 1.0 / 3.0) if share is None else share[v, phase]
    own = power_range(layout.problem).line[v] == phase
    return at, own.astype(float) - usual
