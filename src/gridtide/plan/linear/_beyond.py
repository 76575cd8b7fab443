"""A price on what is missing beyond a largest shortfall that is given, and the least that can be.

beyond_i ≥ short_i − most,  0 ≤ beyond_i
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._linear import Builder
from gridtide.plan.linear._trips import Drives
from gridtide.plan.problem import Ints


@dataclass(frozen=True, slots=True)
class Beyond:
    """What missing more than ``most_kwh`` costs on top [currency/kWh]."""

    most_kwh: float
    price_per_kwh: float


def add_beyond(
    layout: Layout, build: Builder, stay: Ints, short: Ints, drives: Drives, beyond: Beyond
) -> None:
    """Price what each stay, and each charge on the way, is short of beyond the largest allowed.

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
        Largest shortfall and price.
    """
    columns = np.concatenate((short, drives.en_route))
    unavoidable = (layout.due_kwh - layout.within_reach_kwh)[stay]
    known = np.concatenate((unavoidable, np.zeros(len(drives.en_route))))
    low = np.minimum(layout.problem.min_kwh, layout.starts.low_kwh)
    most = np.concatenate(
        ((layout.due_kwh - low)[stay], layout.starts.en_route_most_kwh[drives.stay])
    )
    room = np.maximum(most - beyond.most_kwh, 0.0)
    part = build.columns(len(columns), 0.0, room, beyond.price_per_kwh)
    rows = build.rows(len(columns), known - beyond.most_kwh, np.inf)
    build.entries(rows, part, 1.0)
    build.entries(rows, columns, -1.0)
