"""Segments of a battery by depth: how they fill, how they empty, what they held.

A battery is J equal parts of its capacity, 0 the shallowest. Charging fills the shallowest that
has room, discharging empties the shallowest that has energy. Where a cycle ends, its own depth
is then what has moved: with a price per segment that does not fall with depth, a discharge costs
as its depth says [1]_.

References
----------
.. [1] B. Xu, J. Zhao, T. Zheng, E. Litvinov, D. S. Kirschen: Factoring the Cycle Aging Cost of
   Batteries Participating in Electricity Markets, 2018, doi:10.1109/TPWRS.2017.2733339.
"""

from __future__ import annotations

import numpy as np

from gridtide.plan.problem import Floats


def fresh_segments(energy_kwh: Floats, capacity_kwh: Floats, count: int) -> Floats:
    """Energy by segment where no cycle is open: the next discharge is a new, shallow one.

    Parameters
    ----------
    energy_kwh, capacity_kwh
        Energy held and energy of all segments [kWh], shape (n,).
    count
        Number of segments J.

    Returns
    -------
    ndarray
        Shape (n, J) [kWh], shallowest filled first; energy beyond the capacity sits deepest.
    """
    empty = np.zeros((len(energy_kwh), count))
    return move(empty, capacity_kwh / count, energy_kwh)[0]


def open_cycle_segments(
    energy_kwh: Floats, capacity_kwh: Floats, count: int, depth: Floats
) -> Floats:
    """Energy by segment within an open discharge: the shallowest are empty down to its depth.

    Parameters
    ----------
    energy_kwh, capacity_kwh
        Energy held and energy of all segments [kWh], shape (n,).
    count
        Number of segments J.
    depth
        Depth of the open half cycle as a fraction of the capacity, 0 to 1, shape (n,): from the
        rainflow residue. Energy that would not fit below it shortens it.

    Returns
    -------
    ndarray
        Shape (n, J) [kWh].
    """
    emptied = np.minimum(depth * capacity_kwh, np.maximum(capacity_kwh - energy_kwh, 0.0))
    filled = fresh_segments(energy_kwh + emptied, capacity_kwh, count)
    return filled - fresh_segments(emptied, capacity_kwh, count)


def roll_segments(segment_kwh: Floats, energy_kwh: Floats, capacity_kwh: Floats) -> Floats:
    """Follow the segments along an energy profile; between plans they are carried over.

    Parameters
    ----------
    segment_kwh
        Energy by segment at the start [kWh], shape (n, J).
    energy_kwh
        Energy at the nodes [kWh], NaN while away, shape (n, T + 1).
    capacity_kwh
        Energy of all segments [kWh], shape (n,).

    Returns
    -------
    ndarray
        Energy by segment at each node [kWh], shape (n, T + 1, J); unchanged while away.
    """
    change = energy_change(energy_kwh)
    rolled = np.empty((*energy_kwh.shape, segment_kwh.shape[1]))
    rolled[:, 0] = segment_kwh
    for k in range(change.shape[1]):
        rolled[:, k + 1] = move(rolled[:, k], capacity_kwh / segment_kwh.shape[1], change[:, k])[0]
    return rolled


def energy_change(energy_kwh: Floats) -> Floats:
    """Change of energy in each step [kWh], 0 while away, shape (n, T)."""
    return np.nan_to_num(np.diff(energy_kwh, axis=1), nan=0.0)


def move(segment_kwh: Floats, width_kwh: Floats, change_kwh: Floats) -> tuple[Floats, Floats]:
    """Fill or empty segments, the shallowest first.

    Parameters
    ----------
    segment_kwh
        Energy by segment [kWh], shape (n, J).
    width_kwh, change_kwh
        Energy of one full segment and change of the whole [kWh], shape (n,).

    Returns
    -------
    segment_kwh
        Afterwards, shape (n, J).
    taken_kwh
        What left each segment, shape (n, J).
    """
    room = np.maximum(width_kwh[:, None] - segment_kwh, 0.0)
    put = _shallowest_first(room, np.maximum(change_kwh, 0.0))
    taken = _shallowest_first(segment_kwh, np.maximum(-change_kwh, 0.0))
    return np.maximum(segment_kwh + put - taken, 0.0), taken


def _shallowest_first(room_kwh: Floats, amount_kwh: Floats) -> Floats:
    """Spread amounts over places in their order; what finds no place goes to the last."""
    before = np.cumsum(room_kwh, axis=1) - room_kwh
    share = np.clip(amount_kwh[:, None] - before, 0.0, room_kwh)
    share[:, -1] += amount_kwh - share.sum(axis=1)
    return share
