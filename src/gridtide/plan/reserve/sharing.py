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
    held = problem.limit >= 0
    total = np.zeros((len(problem.limit_names), *values.shape[1:]))
    np.add.at(total, problem.limit[held], values[held])
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
    shares, left = np.zeros(len(able)), np.maximum(room, 0.0)
    for k in np.unique(rank[able > 0]):
        if target <= 0:
            break
        given = _proportional(layout, np.where(rank == k, able, 0.0), left, target)
        shares += given
        left = np.maximum(left - tree_sums(layout, given), 0.0)
        target -= float(given.sum())
    return shares


def _proportional(layout: Layout, able: Floats, room: Floats, target: float) -> Floats:
    """Share out within one class: upwards what each limit lets pass, downwards in proportion."""
    problem, parent = layout.problem, layout.problem.limit_parent
    held = problem.limit >= 0
    count = len(parent)
    asked = np.bincount(problem.limit[held], weights=able[held], minlength=count)
    passed, roots = np.zeros(count), float(able[~held].sum())
    for j in range(count - 1, -1, -1):
        passed[j] = min(asked[j], room[j])
        if parent[j] >= 0:
            asked[parent[j]] += passed[j]
        else:
            roots += passed[j]
    top = min(1.0, target / roots) if roots > 0 else 0.0
    part = np.zeros(count + 1)
    part[-1] = top  # limit -1, and parent -1, is the top
    for j in range(count):
        through = passed[j] / asked[j] if asked[j] > 0 else 0.0
        part[j] = through * part[parent[j]]
    return np.asarray(able * part[problem.limit])
