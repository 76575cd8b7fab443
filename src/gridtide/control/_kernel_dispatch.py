"""A fleet's target shared among vehicles: few of them move, in the order of merit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EXACT_KW = 1e-9


@njit(cache=True, error_model="numpy", inline="always")
def settable(power: float, least: float) -> float:
    """Nearest power to zero that a charger can hold: none between zero and its smallest."""
    return 0.0 if abs(power) < least else power


@njit(cache=True, error_model="numpy")
def begin(
    told: Floats, base_before: Floats, base: Floats, low: Floats, high: Floats, out: Floats
) -> float:
    """Write where every vehicle stands before the target is met; return the sum [kW].

    Who was told what the plan said goes on with the plan; who was moved stays where it is, as
    far as its envelope lets it.
    """
    total = 0.0
    for i in range(told.size):
        power = base[i] if told[i] == base_before[i] else told[i]
        power = min(max(power, low[i]), high[i])
        out[i] = power
        total += power
    return total


@njit(cache=True, error_model="numpy")
def lift(
    need: float, to: Floats, which: Ints, backwards: bool, high: Floats, least: Floats, out: Floats
) -> float:
    """Raise powers up to ``to``, one vehicle after another, until ``need`` is met [kW].

    Returns what is still needed. A vehicle that would come to stand below its charger's smallest
    power is left at zero or where it is, and the next one gives the rest.
    """
    n = which.size
    for k in range(n):
        if need <= EXACT_KW:
            break
        i = which[n - 1 - k] if backwards else which[k]
        goal = min(to[i], high[i])
        if goal <= out[i]:
            continue
        power = settable(min(out[i] + need, goal), least[i])
        if power <= out[i] or power > high[i]:
            continue
        need -= power - out[i]
        out[i] = power
    return need


@njit(cache=True, error_model="numpy")
def lower(
    need: float, to: Floats, which: Ints, backwards: bool, low: Floats, least: Floats, out: Floats
) -> float:
    """Lower powers down to ``to``, as :func:`lift` raises them; ``need`` is positive too [kW]."""
    n = which.size
    for k in range(n):
        if need <= EXACT_KW:
            break
        i = which[n - 1 - k] if backwards else which[k]
        goal = max(to[i], low[i])
        if goal >= out[i]:
            continue
        power = settable(max(out[i] - need, goal), least[i])
        if power >= out[i] or power < low[i]:
            continue
        need -= out[i] - power
        out[i] = power
    return need


@njit(cache=True, error_model="numpy")
def meet(
    target: float, base: Floats, low: Floats, high: Floats, least: Floats, order_up: Ints,
    order_down: Ints, total: float, out: Floats,
) -> float:  # fmt: skip
    """Change ``out`` until it sums to the target; return what is missing, + too little power.

    First those come back to the plan that were moved the other way, last moved first; then others
    are moved, in the order of merit.
    """
    need = target - total
    if need > EXACT_KW:
        need = lift(need, base, order_up, True, high, least, out)
        missing: float = lift(need, high, order_down, False, high, least, out)
        return missing
    if need < -EXACT_KW:
        need = lower(-need, base, order_down, True, low, least, out)
        spare: float = lower(need, low, order_up, False, low, least, out)
        return -spare
    return 0.0
