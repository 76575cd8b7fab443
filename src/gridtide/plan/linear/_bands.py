"""Rising prices of shortage: what is missing is split into bands, the cheapest first.

short ≤ Σ b_k,  0 ≤ b_k ≤ what is left of band k above the part that no plan can avoid
"""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan._objective_accounts import band_parts, band_surcharge
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Floats, Ints


def add_bands(layout: Layout, build: Builder, vehicle: Ints, short: Ints) -> float:
    """Price the shortfall columns by bands instead of by one price.

    Parameters
    ----------
    layout
        The problem laid out.
    build
        Takes columns and rows.
    vehicle, short
        Vehicles with a shortfall beyond the unavoidable, and its columns.

    Returns
    -------
    float
        What the unavoidable costs beyond the one price [currency].
    """
    problem, price = layout.problem, layout.problem.shortfall_band_price_per_kwh
    if price is None:
        return 0.0
    unavoidable = unavoidable_kwh(layout)
    count = len(vehicle) * len(price)
    width = _widths(layout, unavoidable)[vehicle]
    part = build.columns(count, 0.0, width.ravel(), np.tile(price, len(vehicle)))
    rows = build.rows(len(vehicle), 0.0, np.inf)
    build.entries(np.repeat(rows, len(price)), part, 1.0)
    build.entries(rows, short, -1.0)
    build.price(short, np.full(len(short), -problem.shortfall_price_per_kwh))
    return band_surcharge(layout, unavoidable)


def unavoidable_kwh(layout: Layout) -> Floats:
    """Energy that is missing whatever the plan, shape (n,)."""
    missing = np.zeros(len(layout.due_kwh))
    wanted = np.isfinite(layout.due_kwh)
    missing[wanted] = layout.due_kwh[wanted] - layout.within_reach_kwh[wanted]
    return missing


def _widths(layout: Layout, unavoidable: Floats) -> Floats:
    """Room of each band between the unavoidable and all that can be missing, shape (n, K)."""
    problem, price = layout.problem, layout.problem.shortfall_band_price_per_kwh
    assert price is not None
    lowest = np.minimum(problem.min_kwh, layout.starts.low_kwh)
    most = np.where(np.isfinite(layout.due_kwh), layout.due_kwh - lowest, 0.0)
    most = np.maximum(most, unavoidable)
    full, gone = (band_parts(problem, layout.due_kwh, m, len(price)) for m in (most, unavoidable))
    return np.maximum(full - gone, 0.0)
