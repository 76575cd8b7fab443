"""Sharing out below a tree of limits, compiled: class after class, in proportion within one."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.problem import Floats, Ints


@njit(cache=True, nogil=True)
def share(
    able: Floats, limit: Ints, rank: Ints, parent: Ints, room: Floats, target: float, given: Floats
) -> float:
    """Fill each vehicle's share up to ``able``; take them off the room; return their sum.

    ``limit`` is right above each vehicle, -1 for none. Upwards each limit lets pass what its room
    holds, downwards it is shared out in proportion.
    """
    limits = parent.size
    count = (int(rank.max()) if rank.size else 0) + 1
    asked, part = np.zeros((count, limits + 1)), np.zeros(limits + 1)
    for i in range(able.size):
        asked[rank[i], limit[i]] += able[i]  # -1 is the last: who has no limit
    passed, total = np.zeros(limits), 0.0
    parts = np.zeros((count, limits + 1))
    for c in range(count):
        top = asked[c, limits]
        for j in range(limits - 1, -1, -1):
            passed[j] = min(asked[c, j], max(room[j], 0.0))
            if parent[j] >= 0:
                asked[c, parent[j]] += passed[j]
            else:
                top += passed[j]
        if top <= 0.0 or total >= target:
            continue
        part[limits] = min(1.0, (target - total) / top)
        total += part[limits] * top
        for j in range(limits):
            above = part[parent[j]] if parent[j] >= 0 else part[limits]
            part[j] = above * passed[j] / asked[c, j] if asked[c, j] > 0.0 else 0.0
            room[j] = max(room[j], 0.0) - above * passed[j]
        parts[c] = part
    for i in range(able.size):
        given[i] = able[i] * parts[rank[i], limit[i]]
    return total
