"""A price on what is missing beyond a largest shortfall that is given, and the least that can be.

beyond_ib ≥ short_i − kwh_b,  0 ≤ beyond_ib
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.linear._trips import Drives
from gridtide.plan.problem import Floats, Ints


@dataclass(frozen=True, slots=True)
class Beyond:
    """What each kWh missing beyond some shortfalls costs on top.

    Parameters
    ----------
    kwh, price_per_kwh
        Shortfalls [kWh] and prices [currency/kWh], shape (B,).
    """

    kwh: Floats
    price_per_kwh: Floats


def add_beyond(
    layout: Layout, build: Builder, stay: Ints, short: Ints, drives: Drives, beyond: Beyond
) -> None:
    """Price what each stay, and each charge on the way, is short of beyond some shortfalls.

    Parameters
    ----------
    layout
        The problem laid out.
    build
        Takes columns and rows.
    stay, short
        Stays with a shortfall beyond the unavoidable, and its columns.
    drives
        With what is charged on the way.
    beyond
        Shortfalls and prices.
    """
    columns = np.concatenate((short, drives.en_route))
    unavoidable = layout.due_kwh[stay] - layout.within_reach_kwh[stay]
    known = np.concatenate((unavoidable, np.zeros(len(drives.en_route))))
    low = np.minimum(layout.problem.min_kwh, layout.starts.low_kwh)
    most = np.concatenate(
        ((layout.due_kwh - low)[stay], layout.starts.en_route_most_kwh[drives.stay])
    )
    for kwh, price in zip(beyond.kwh, beyond.price_per_kwh, strict=True):
        part = build.columns(len(columns), 0.0, np.maximum(most - kwh, 0.0), price)
        rows = build.rows(len(columns), known - kwh, np.inf)
        build.entries(rows, part, 1.0)
        build.entries(rows, columns, -1.0)
