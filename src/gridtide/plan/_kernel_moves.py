"""Compiled: energy moved between the steps of one stay, which is a table of rows by step.

All moves are in energy x stored in a step [kWh], negative where taken, so that what leaves one
step and enters another leaves the energy at departure as it was:

    charging      x = dt·(gain·p - loss)        discharging   x = -dt·(draw·p + loss)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TINY_KWH = 1e-9
SHORT_KWH = 1e-6
MARGIN = 1e-9

# Rows of a stay's table, one column per step, or node: energy stored in the step and at its
# start; the most and least it may store and take; its prices per kWh; its loss; its taper.
# One array, as handing a tuple of them from function to function costs more than the work.
(
    X,
    E,
    MOST_IN,
    LEAST_IN,
    MOST_OUT,
    LEAST_OUT,
    COST_IN,
    WORTH_OUT,
    LOSS_KWH,
    TAPER,
    SLOPE,
    X_BEFORE,
    E_BEFORE,
) = range(13)


@njit(cache=True, error_model="numpy")
def _feeble(path: Floats, k: int) -> bool:
    """Whether the power of a step is one that the charger cannot hold."""
    x = path[X, k]
    if x > 0.0:
        return bool(x < path[LEAST_IN, k] - TINY_KWH)
    return bool(x < 0.0 and -x < path[LEAST_OUT, k] - TINY_KWH)


@njit(cache=True, error_model="numpy")
def _rise_room(path: Floats, k: int, high: float) -> float:
    """How far the energy at the end of step k may rise by what happens before it."""
    room = high - path[E, k + 1]
    if path[X, k] > 0.0 and path[SLOPE, k] > 0.0:
        left = path[TAPER, k] - path[X, k] - path[SLOPE, k] * path[E, k + 1]
        room = min(room, left / path[SLOPE, k])
    return float(max(room, 0.0))


@njit(cache=True, error_model="numpy")
def _more(path: Floats, k: int, wanted: float) -> float:
    """How much more step k may store, or less it may take, of what is wanted."""
    x = path[X, k]
    if x < 0.0:
        if wanted >= -x:
            return float(-x)
        spare = -x if _feeble(path, k) else -x - path[LEAST_OUT, k]
        return float(min(wanted, max(spare, 0.0)))
    most = path[MOST_IN, k] - x
    if path[SLOPE, k] > 0.0:
        left = path[TAPER, k] - x - path[SLOPE, k] * path[E, k + 1]
        most = min(most, left / (1.0 + path[SLOPE, k]))
    if x == 0.0 and min(wanted, most) < max(path[LEAST_IN, k], TINY_KWH):
        return 0.0
    return float(min(wanted, max(most, 0.0)))


@njit(cache=True, error_model="numpy")
def _less(path: Floats, k: int, wanted: float) -> float:
    """How much less step k may store, or more it may take, of what is wanted."""
    x = path[X, k]
    if x > 0.0:
        if wanted >= x:
            return float(x)
        spare = x if _feeble(path, k) else x - path[LEAST_IN, k]
        return float(min(wanted, max(spare, 0.0)))
    most = path[MOST_OUT, k] + x
    if x == 0.0 and min(wanted, most) < max(path[LEAST_OUT, k], TINY_KWH):
        return 0.0
    return float(min(wanted, max(most, 0.0)))


@njit(cache=True, error_model="numpy")
def _rate(path: Floats, k: int, amount: float, more: bool) -> float:
    """Cost per kWh of storing ``amount`` more in step k; of less, what is saved, negative."""
    x, loss = path[X, k], path[LOSS_KWH, k]
    if more and x < 0.0:
        stopped = loss if amount >= -x else 0.0
        return float(path[WORTH_OUT, k] * (1.0 - stopped / amount))
    if more:
        started = loss if x == 0.0 else 0.0
        return float(path[COST_IN, k] * (1.0 + started / amount))
    if x > 0.0:
        stopped = loss if amount >= x else 0.0
        return float(-path[COST_IN, k] * (1.0 + stopped / amount))
    started = loss if x == 0.0 else 0.0
    return float(-path[WORTH_OUT, k] * (1.0 - started / amount))


@njit(cache=True, error_model="numpy")
def _shift(path: Floats, k: int, amount: float, begin: int, end: int, change: float) -> None:
    """Change what step k stores, and the energy at the nodes ``begin < node <= end``."""
    path[X, k] += amount
    if abs(path[X, k]) < TINY_KWH:
        path[X, k] = 0.0
    for node in range(begin + 1, end + 1):
        path[E, node] += change


@njit(cache=True, error_model="numpy")
def _take_over(
    path: Floats, j: int, length: int, wanted: float, more: bool, low: float, high: float
) -> tuple[int, float, float]:
    """Find the cheapest step to take over from step j: which, how much, cost per kWh.

    The energy between the two steps rises where an earlier one stores more or a later one less.
    """
    best, amount, rate = -1, 0.0, np.inf
    for way in (-1, 1):
        room, k = np.inf, j + way
        while 0 <= k < length:
            # The nodes passed are k + 1 going back, k going on.
            if (way < 0) == more:
                passed = k + 1 if way < 0 else k
                room = min(room, max(high - path[E, passed], 0.0))
                between = k + 1 if way < 0 else k - 1
                if between != j:
                    room = min(room, _rise_room(path, between, high))
            else:
                room = min(room, max(path[E, k + 1 if way < 0 else k] - low, 0.0))
            if room <= TINY_KWH:
                break
            goal = min(wanted, room)
            part = _more(path, k, goal) if more else _less(path, k, goal)
            if part > TINY_KWH:
                cost = _rate(path, k, part, more)
                if cost < rate:
                    best, amount, rate = k, part, cost
            k += way
    return best, amount, rate


@njit(cache=True, error_model="numpy")
def _move(
    path: Floats,
    j: int,
    length: int,
    wanted: float,
    more: bool,
    window: Floats,
    most: float = np.inf,
    budget: float = np.inf,
) -> float:
    """Let others store ``wanted`` more (or less) so that step j stores less (more) by it.

    The cheapest go first, at most at the rate ``most`` per kWh, and none any more once all of it
    can no longer be had within the budget. Returns what was moved.
    """
    moved, cost = 0.0, 0.0
    sign = 1.0 if more else -1.0
    while wanted - moved > TINY_KWH:
        k, amount, rate = _take_over(path, j, length, wanted - moved, more, window[0], window[1])
        if k < 0 or rate > most or cost + rate * (wanted - moved) > budget:
            break
        if k < j:
            _shift(path, k, sign * amount, k, j, sign * amount)
        else:
            _shift(path, k, sign * amount, j, k, -sign * amount)
        path[X, j] -= sign * amount
        moved += amount
        cost += rate * amount
    return moved


@njit(cache=True, error_model="numpy")
def _try(
    path: Floats, j: int, length: int, wanted: float, more: bool, window: Floats, budget: float
) -> bool:
    """Move all that is wanted away from (or to) step j within the budget, or nothing."""
    path[X_BEFORE, :length], path[E_BEFORE, : length + 1] = path[X, :length], path[E, : length + 1]
    moved = _move(path, j, length, wanted, more, window, np.inf, budget)
    if moved >= wanted - TINY_KWH:
        if abs(path[X, j]) < 2.0 * TINY_KWH:
            path[X, j] = 0.0
        return True
    path[X, :length], path[E, : length + 1] = path[X_BEFORE, :length], path[E_BEFORE, : length + 1]
    return False


@njit(cache=True, error_model="numpy")
def _dearest(path: Floats, length: int, done: Bools, feeble: bool) -> int:
    """Find the step that is best emptied: dear to charge in, poor to discharge in; -1 if none."""
    best, merit = -1, -np.inf
    for k in range(length):
        x = path[X, k]
        if done[k] or x == 0.0 or (feeble and not _feeble(path, k)):
            continue
        value = path[COST_IN, k] if x > 0.0 else -path[WORTH_OUT, k]
        if value > merit:
            best, merit = k, value
    return best


@njit(cache=True, error_model="numpy")
def _clear(path: Floats, length: int, window: Floats) -> None:
    """Empty each step of too small a power into others, or fill it from others."""
    done = np.zeros(length, dtype=np.bool_)
    while True:
        j = _dearest(path, length, done, True)
        if j < 0:
            return
        done[j] = True
        x = path[X, j]
        if _try(path, j, length, abs(x), x > 0.0, window, np.inf):
            continue
        least = path[LEAST_IN, j] if x > 0.0 else path[LEAST_OUT, j]
        most = path[MOST_IN, j] if x > 0.0 else path[MOST_OUT, j]
        if least <= most:
            _try(path, j, length, least - abs(x), x < 0.0, window, np.inf)


@njit(cache=True, error_model="numpy")
def gather(path: Floats, length: int, window: Floats) -> None:
    """Empty steps of part load where fewer hours of loss are worth more than the price says."""
    done = np.zeros(length, dtype=np.bool_)
    while True:
        j = _dearest(path, length, done, False)
        if j < 0:
            return
        done[j] = True
        x, loss = path[X, j], path[LOSS_KWH, j]
        saved = (x + loss) * (path[COST_IN, j] if x > 0.0 else path[WORTH_OUT, j])
        _try(path, j, length, abs(x), x > 0.0, window, saved - MARGIN)


@njit(cache=True, error_model="numpy")
def trade(path: Floats, length: int, window: Floats) -> None:
    """Move what a step has above its least to cheaper ones."""
    done = np.zeros(length, dtype=np.bool_)
    while True:
        j = _dearest(path, length, done, False)
        if j < 0:
            return
        done[j] = True
        x = path[X, j]
        if x > 0.0:
            _move(path, j, length, x - path[LEAST_IN, j], True, window, path[COST_IN, j] - MARGIN)
        else:
            spare, worth = -x - path[LEAST_OUT, j], path[WORTH_OUT, j]
            _move(path, j, length, spare, False, window, -worth - MARGIN)


@njit(cache=True, error_model="numpy")
def _settle(path: Floats, length: int, low: float, high: float) -> None:
    """Go through the stay and shorten or drop what the window, the room or the range forbid."""
    for k in range(length):
        x = path[X, k]
        if x > 0.0:
            x = min(x, path[MOST_IN, k], max(high - path[E, k], 0.0))
            if path[SLOPE, k] > 0.0:
                x = min(x, (path[TAPER, k] - path[SLOPE, k] * path[E, k]) / (1.0 + path[SLOPE, k]))
            if x < max(path[LEAST_IN, k] - TINY_KWH, TINY_KWH):
                x = 0.0
        elif x < 0.0:
            x = -min(-x, path[MOST_OUT, k], max(path[E, k] - low, 0.0))
            if -x < max(path[LEAST_OUT, k] - TINY_KWH, TINY_KWH):
                x = 0.0
        path[X, k] = x
        path[E, k + 1] = path[E, k] + x


@njit(cache=True, error_model="numpy")
def correct(path: Floats, length: int, more: bool, end: float, window: Floats, most: float) -> None:
    """Bring the energy at the end up to ``end`` (or down to it), at most so dear per kWh."""
    low, high = window[0], window[1]
    for _ in range(length):
        wanted = end - path[E, length] if more else path[E, length] - end
        if wanted <= 0.1 * SHORT_KWH:
            return
        best, amount, rate, room = -1, 0.0, np.inf, np.inf
        for k in range(length - 1, -1, -1):
            room = min(room, high - path[E, k + 1] if more else path[E, k + 1] - low)
            if room <= TINY_KWH:
                break
            goal = min(wanted, room)
            if more and path[X, k] == 0.0:  # switched on, it stores no less than its least
                goal = min(max(wanted, path[LEAST_IN, k]), room)
            part = _more(path, k, goal) if more else _less(path, k, goal)
            if part > TINY_KWH:
                cost = _rate(path, k, part, more) * part / min(part, wanted)
                if cost < rate:
                    best, amount, rate = k, part, cost
            if more:
                room = min(room, _rise_room(path, k, high))
        if best < 0 or rate > most:
            return
        sign = 1.0 if more else -1.0
        _shift(path, best, sign * amount, best, length, sign * amount)


@njit(cache=True, error_model="numpy")
def _trim(path: Floats, length: int, window: Floats) -> None:
    """Move away what the room no longer holds; what cannot be moved is dropped."""
    for k in range(length):
        x = path[X, k]
        most = path[MOST_IN, k] if x > 0.0 else path[MOST_OUT, k]
        if abs(x) > most + TINY_KWH:
            _move(path, k, length, abs(x) - most, x > 0.0, window)


@njit(cache=True, error_model="numpy")
def place(path: Floats, length: int, window: Floats, losing: bool) -> None:
    """Arrange one stay so that every power is one that the charger can hold."""
    _trim(path, length, window)
    _clear(path, length, window)
    if losing:
        gather(path, length, window)
    _settle(path, length, window[0], window[1])
