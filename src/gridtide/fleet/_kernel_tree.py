"""Sums up the tree of limits, compiled."""

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
