"""What differing from an earlier plan costs: c - d - above + below = planned."""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Ints


def add_changes(layout: Layout, build: Builder, charge: Ints, discharge: Ints) -> None:
    """Price the distance of each pair's power from the one planned before, where there is one."""
    problem = layout.problem
    if problem.planned_kw is None or problem.change_price_per_kwh <= 0:
        return
    planned = layout.planned_kw
    pairs = np.flatnonzero(np.isfinite(planned))
    v, known = layout.vehicle[pairs], planned[pairs]
    price = problem.change_price_per_kwh * layout.hours[pairs]
    above = build.columns(len(pairs), 0.0, problem.max_charge_kw[v] - known, price)
    below = build.columns(len(pairs), 0.0, known + problem.max_discharge_kw[v], price)
    rows = build.rows(len(pairs), known, known)
    build.entries(rows, charge[pairs], 1.0)
    able = discharge[pairs] >= 0
    build.entries(rows[able], discharge[pairs][able], -1.0)
    build.entries(rows, above, -1.0)
    build.entries(rows, below, 1.0)
