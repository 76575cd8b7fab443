"""Compiled sharing of the tree of limits.

Columns of a limit: 0 is the net power, 1 to 3 are L1, L2, L3. ``room_in[node, k]`` and
``room_out[node, k]`` say how much net power vehicles below limit ``node`` may add each way [kW].
"""

from __future__ import annotations

from math import inf

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.control._kernel_narrow import whole_steps
from gridtide.core import Reason
from gridtide.fleet import add_to_limit, up_the_tree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SITE_LIMIT = int(Reason.SITE_LIMIT)
TOLERANCE_KW = 1e-9
ROUNDS = 3


@njit(cache=True, error_model="numpy")
def _add_up(power: Floats, limit: Ints, share: Floats, parent: Ints) -> Floats:
    """Net power of the vehicles below every limit [kW], shape (limits, 4)."""
    net = np.zeros((parent.size, 4))
    for i in range(power.size):
        add_to_limit(net, limit[i], power[i], share, i, True)
    up_the_tree(net, parent)
    return net


@njit(cache=True, error_model="numpy")
def _room_for(i: int, limit: Ints, share: Floats, parent: Ints, room: Floats) -> tuple[float, int]:
    """Room that charger i finds on its way to the root, and the limit that leaves least."""
    least = inf
    binding = -1
    node = limit[i]
    while node >= 0:
        for k in range(4):
            weight = 1.0 if k == 0 else share[i, k - 1]
            if weight > 0.0 and room[node, k] < least * weight:
                least = max(room[node, k], 0.0) / weight
                binding = node
        node = parent[node]
    return least, binding


@njit(cache=True, error_model="numpy")
def _take(i: int, amount: float, limit: Ints, share: Floats, parent: Ints, room: Floats) -> None:
    node = limit[i]
    while node >= 0:
        add_to_limit(room, node, -amount, share, i, True)
        node = parent[node]


@njit(cache=True, error_model="numpy")
def _serve(
    sign: float,
    order: Ints,
    power: Floats,
    reason: npt.NDArray[np.uint8],
    binding: npt.NDArray[np.int32],
    min_power: Floats,
    power_step: Floats,
    limit: Ints,
    share: Floats,
    parent: Ints,
    room: Floats,
) -> None:
    """Give room to the powers of one sign, first come first served in ``order``."""
    for i in order:
        wanted = sign * power[i]
        if wanted <= 0.0:
            continue
        least, at = _room_for(i, limit, share, parent, room)
        if wanted > least:
            wanted = whole_steps(least, power_step[i], False)
            if wanted < min_power[i]:
                wanted = 0.0
            power[i] = sign * wanted
            reason[i] = SITE_LIMIT
            binding[i] = at
        _take(i, wanted, limit, share, parent, room)


@njit(cache=True, error_model="numpy")
def room(
    base: Floats,
    beside: Floats,
    import_kw: Floats,
    export_kw: Floats,
    phase_kw: Floats,
    margin: float,
) -> tuple[Floats, Floats]:
    """Net power that finds room on top of the base load, each way, shape (limits, 4).

    ``beside``, shape (limits, 4), is what vehicles draw beside their setpoints.
    """
    room_in = np.empty((base.size, 4))
    room_out = np.empty((base.size, 4))
    for node in range(base.size):
        for k in range(4):
            own = (base[node] if k == 0 else base[node] / 3.0) + beside[node, k]
            cap_in = import_kw[node] if k == 0 else phase_kw[node, k - 1]
            cap_out = export_kw[node] if k == 0 else phase_kw[node, k - 1]
            room_in[node, k] = max(cap_in - own - margin, 0.0)
            room_out[node, k] = max(cap_out + own - margin, 0.0)
    return room_in, room_out


@njit(cache=True, error_model="numpy")
def within_limits(net: Floats, net_sure: Floats, room_in: Floats, room_out: Floats) -> bool:
    """Whether net powers below each limit, shape (limits, 4), find room.

    Import is judged by what may flow (``net``), export by what surely flows (``net_sure``).
    """
    for node in range(net.shape[0]):
        for k in range(4):
            fits_in = net[node, k] <= room_in[node, k] + TOLERANCE_KW
            fits_out = -net_sure[node, k] <= room_out[node, k] + TOLERANCE_KW
            if not (fits_in and fits_out):
                return False
    return True


@njit(cache=True, error_model="numpy")
def share_room(
    power: Floats,
    sure: Floats,
    reason: npt.NDArray[np.uint8],
    binding: npt.NDArray[np.int32],
    order: Ints,
    min_power: Floats,
    power_step: Floats,
    limit: Ints,
    share: Floats,
    parent: Ints,
    room_in: Floats,
    room_out: Floats,
) -> None:
    """Cut powers in place until every limit holds, those last in ``order`` first.

    Charging is cut against import limits with discharge counted, discharge against export
    limits with sure charging counted, in turn. Should that not settle, discharge is given up:
    charging alone within the room always keeps every limit.
    """
    tree = (limit, share, parent)
    for turn in range(ROUNDS + 1):
        if turn == ROUNDS:
            for i in range(power.size):
                if power[i] < 0.0:
                    power[i] = 0.0
                    reason[i] = SITE_LIMIT
        before = power.copy()
        given = _add_up(np.minimum(power, 0.0), *tree)
        _serve(1.0, order, power, reason, binding, min_power, power_step, *tree, room_in - given)
        for i in range(power.size):  # a battery that slows down keeps at least this share
            if before[i] > 0.0:
                sure[i] *= power[i] / before[i]
            elif power[i] == 0.0:
                sure[i] = 0.0
        net, net_sure = _add_up(power, *tree), _add_up(sure, *tree)
        if within_limits(net, net_sure, room_in, room_out):
            return
        taken = _add_up(np.maximum(sure, 0.0), *tree)
        _serve(-1.0, order, power, reason, binding, min_power, power_step, *tree, room_out + taken)
        sure[:] = np.where(power < 0.0, power, np.maximum(sure, 0.0))
