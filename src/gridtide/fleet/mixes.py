"""Mixes of battery capacities for sources that do not tell them (docs/models/capacity-draw.md)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from gridtide.fleet.arrays import Floats

Mix = Literal["california_2019", "norway_2019", "battery_2025"]

# (usable capacity [kWh], share). Capacities: what makers and the press state for common models,
# rounded to whole kWh. Shares: the authors' ASSUMPTION of the cars on the road; no registry was
# counted. The draw's card names the models and how results move when capacities are scaled.
CAPACITY_MIXES: dict[Mix, tuple[tuple[float, float], ...]] = {
    "california_2019": (
        (6.0, 0.08), (14.0, 0.16), (21.0, 0.10), (28.0, 0.09), (32.0, 0.06), (38.0, 0.07),
        (50.0, 0.12), (58.0, 0.14), (73.0, 0.14), (95.0, 0.04),
    ),
    "norway_2019": (
        (9.0, 0.10), (21.0, 0.16), (28.0, 0.13), (32.0, 0.21), (38.0, 0.17), (58.0, 0.05),
        (64.0, 0.05), (73.0, 0.09), (95.0, 0.04),
    ),
    "battery_2025": (
        (38.0, 0.08), (50.0, 0.17), (58.0, 0.22), (64.0, 0.17), (75.0, 0.24), (95.0, 0.12),
    ),
}  # fmt: skip


def draw_capacity(mix: Mix, uniform: Floats, at_least_kwh: Floats, scale: float) -> Floats:
    """Draw capacities that hold what each vehicle is known to need [kWh].

    The mix is cut off below the need of each vehicle and what is left is made to sum to one.
    A need above the largest battery of the mix gets a battery that just holds it.

    Parameters
    ----------
    mix
        Name of the mix.
    uniform
        One number in [0, 1) for each vehicle; the same number with another scale draws the
        same place in the distribution.
    at_least_kwh
        Smallest capacity that holds the vehicle's need [kWh], same shape.
    scale
        Factor on the capacities of the mix, for sensitivity.
    """
    sizes = np.array([size for size, _ in CAPACITY_MIXES[mix]]) * scale
    share = np.array([share for _, share in CAPACITY_MIXES[mix]])
    below = np.concatenate([[0.0], np.cumsum(share / share.sum())])
    smallest = np.searchsorted(sizes, at_least_kwh)
    level = below[smallest] + uniform * (1.0 - below[smallest])
    place = np.searchsorted(below[1:-1], level, side="right")
    return np.maximum(sizes[np.maximum(place, np.minimum(smallest, sizes.size - 1))], at_least_kwh)
