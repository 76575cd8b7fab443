"""What comes before the cost as prices in the linear problem, where no phases put it first.

left_jt ≥ excess_jt ± Y_jt,  0 ≤ left_jt
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._beyond import Beyond
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Floats, Ints


@dataclass(frozen=True, slots=True)
class Relief:
    """Limits that base load is beyond, and the price of what vehicles leave of it.

    Parameters
    ----------
    import_kw, export_kw
        Limits [kW], shape (m, T); ``inf`` where base load is within.
    price_per_kwh
        Price [currency/kWh].
    """

    import_kw: Floats
    export_kw: Floats
    price_per_kwh: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """Prices of wishes that come before the cost.

    Parameters
    ----------
    beyond
        Of what one driver misses beyond a largest shortfall; None for none.
    relief
        Of base load beyond limits; None for none.
    """

    beyond: Beyond | None = None
    relief: Relief | None = None


def add_relief(layout: Layout, build: Builder, net: Ints, relief: Relief) -> None:
    """Price what is left of base load beyond limits; ``net`` holds the columns of net powers."""
    for sign, room in ((1.0, relief.import_kw), (-1.0, relief.export_kw)):
        limit, step = np.nonzero(np.isfinite(room) & (net >= 0))
        excess = (sign * layout.base_kw - room)[limit, step]
        side = layout.upper_kw if sign > 0 else -layout.lower_kw
        able = layout.most_kw if sign > 0 else -layout.least_kw
        most = np.maximum(excess + np.minimum(side, able)[limit, step], 0.0)
        price = relief.price_per_kwh * layout.problem.step_h[step]
        left = build.columns(len(limit), 0.0, most, price)
        rows = build.rows(len(limit), excess, np.inf)
        build.entries(rows, left, 1.0)
        build.entries(rows, net[limit, step], -sign)
