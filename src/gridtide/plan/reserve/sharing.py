"""Sharing a capacity out among vehicles below a tree of limits."""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.problem import Floats, Ints

CLASSES = 32
"""Vehicles are served in at most so many classes; within one all get the same part."""


def tree_sums(layout: Layout, values: Floats) -> Floats:
    """Sum of the vehicles' values below each limit, shape (m,) or (m, T) from (n,) or (n, T)."""
    problem = layout.problem
    count = len(problem.limit_names)
    where = np.where(problem.limit >= 0, problem.limit, count)
    columns = values.reshape(len(values), -1).T
    sums = [np.bincount(where, weights=column, minlength=count + 1)[:count] for column in columns]
    table = np.stack(sums, axis=1) if sums else np.zeros((count, 0))
    total: Floats = table.astype(float, copy=False).reshape(count, *values.shape[1:])
    for child in range(len(total) - 1, -1, -1):
        if problem.limit_parent[child] >= 0:
            total[problem.limit_parent[child]] += total[child]
    return total


def classes(values: Floats) -> Ints:
    """Put values into few classes, the smallest into class 0, shape as ``values``."""
    distinct = np.unique(values)
    if len(distinct) <= CLASSES:
        return np.searchsorted(distinct, values).astype(np.int64)
    edges = np.quantile(distinct, np.linspace(0, 1, CLASSES + 1)[1:-1])
    return np.digitize(values, edges).astype(np.int64)


def share_out(
    layout: Layout, able: Floats, room: Floats, rank: Ints, target: float = np.inf
) -> Floats:
    """Give each vehicle a share up to ``able`` so that no limit gets more than its room.

    Class after class takes what is left, in proportion within a class. As the limits are a tree,
    no other order gives more in all.

    Parameters
    ----------
    layout
        The laid-out problem.
    able
        What each vehicle can take, not negative, shape (n,).
    room
        Room below each limit, shape (m,).
    rank
        Class of each vehicle, 0 first, shape (n,).
    target
        No more than this in all.

    Returns
    -------
    ndarray
        Shares, shape (n,).
    """
    # Compiled, and needed only where reserve is: imported only here.
    from gridtide.plan.reserve._kernel_sharing import share

    problem, shares = layout.problem, np.zeros(len(able))
    left = np.maximum(room, 0.0)
    share(able, problem.limit, rank, problem.limit_parent, left, float(target), shares)
    return shares
