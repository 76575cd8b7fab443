"""Adds up power in the tree of limits, compiled.

Columns of a limit: 0 is the net power, 1 to 3 are L1, L2, L3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(cache=True, error_model="numpy")
def up_the_tree(net: npt.NDArray[np.float64], parent: npt.NDArray[np.int64]) -> None:
    """Turn what stands at each limit into the sum of all below it, in place.

    Parameters
    ----------
    net
        Shape (limits, any).
    parent
        Index of the limit above, -1 at a root; a parent stands before its children.
    """
    for node in range(parent.size - 1, -1, -1):
        above = parent[node]
        if above >= 0:
            for k in range(net.shape[1]):
                net[above, k] += net[node, k]


@njit(cache=True, error_model="numpy")
def add_to_limit(
    net: npt.NDArray[np.float64],
    node: int,
    amount: float,
    share: npt.NDArray[np.float64],
    i: int,
    phases: bool,
) -> None:
    """Add what charger ``i`` draws to a limit: its net power and, where asked, its phases.

    Parameters
    ----------
    net
        Shape (limits, 4).
    node
        The limit.
    amount
        Power or energy, positive while charging.
    share
        Share of the charger's power on each phase, shape (chargers, 3).
    i
        The charger.
    phases
        Whether any limit looks at phases.
    """
    net[node, 0] += amount
    if phases:
        for k in range(3):
            net[node, k + 1] += amount * share[i, k]
