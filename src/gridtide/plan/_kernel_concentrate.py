"""Compiled: one vehicle's energy moved between its steps until every power is one it can hold.

All moves are in energy x stored in a step [kWh], negative where taken, so that what leaves one
step and enters another leaves the energy at departure as it was:

    charging      x = dt·(gain·p - loss)        discharging   x = -dt·(draw·p + loss)

A vehicle sees in each step the room that its limits leave. ``fixed`` is the net power of those
placed before it, ``planned`` that of all others as placed or still planned. Room under both
leaves the others their plans; room under ``fixed`` alone can take it from those who come later,
who then move. As rest is always within the room, no limit is ever exceeded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TINY_KWH = 1e-9
SHORT_KWH = 1e-6
MARGIN = 1e-9


class Stays(NamedTuple):
    """Vehicles, each of shape (n,), and their prices per kWh stored or taken, (rows, T)."""

    arrive: Ints
    depart: Ints
    start_kwh: Floats
    low_kwh: Floats
    high_kwh: Floats
    due_kwh: Floats
    least_charge: Floats
    most_charge: Floats
    least_discharge: Floats
    most_discharge: Floats
    gain: Floats
    draw: Floats
    loss: Floats
    taper_from: Floats
    full_kw: Floats
    slope: Floats
    wear: Floats
    end_value: Floats
    continues: Bools
    driven_kwh: Floats
    meter: Ints
    limit: Ints


class Tree(NamedTuple):
    """Limits: (m,), room for vehicles (m, T, K), shares of each vehicle (n, K).

    Column 0 is the net power, 1 to 3 are phases where any limit looks at them. ``wished`` is the
    upper end that is exceeded only for a driver's target, as the peak of the plan.
    """

    parent: Ints
    upper: Floats
    lower: Floats
    wished: Floats
    share: Floats


class Nets(NamedTuple):
    """Net power below each limit, (m, T, K): of those placed, and of all as placed or planned."""

    fixed: Floats
    planned: Floats


class Prices(NamedTuple):
    """Energy prices (rows, T), prices on limits (m, T), and what missing energy may cost."""

    energy_in: Floats
    energy_out: Floats
    limit: Floats
    shortfall: float


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
def add_up(net: Floats, tree: Tree, node: int, t: int, i: int, power: float) -> None:
    """Add a vehicle's power to its limits."""
    while node >= 0:
        for k in range(net.shape[2]):
            net[node, t, k] += power * tree.share[i, k]
        node = tree.parent[node]


@njit(cache=True, error_model="numpy")
def _room(
    tree: Tree, node: int, t: int, i: int, net: Nets, gentle: bool, beyond: float
) -> tuple[float, float]:
    """Largest charging and discharging power that the limits leave, both >= 0.

    ``gentle`` leaves others their plans; what is wished for is passed by ``beyond`` at most.
    """
    up, down = np.inf, np.inf
    while node >= 0:
        for k in range(net.fixed.shape[2]):
            share = tree.share[i, k]
            if share <= 0.0:
                continue
            wished = min(tree.wished[node, t, k] + beyond, tree.upper[node, t, k])
            up = min(up, (wished - net.fixed[node, t, k]) / share)
            down = min(down, (net.fixed[node, t, k] - tree.lower[node, t, k]) / share)
            if gentle:
                planned = net.planned[node, t, k]
                up = min(up, max(wished - planned, 0.0) / share)
                down = min(down, max(planned - tree.lower[node, t, k], 0.0) / share)
        node = tree.parent[node]
    return max(up, 0.0), max(down, 0.0)


@njit(cache=True, error_model="numpy")
def _look(
    path: Floats,
    stays: Stays,
    tree: Tree,
    i: int,
    step_h: Floats,
    net: Nets,
    gentle: bool,
    beyond: float,
) -> None:
    """Find what the vehicle may store and take in each step under the room there is."""
    first = stays.arrive[i]
    for t in range(first, stays.depart[i]):
        k, h = t - first, step_h[t]
        up, down = _room(tree, stays.limit[i], t, i, net, gentle, beyond)
        up, down = min(up, stays.most_charge[i]), min(down, stays.most_discharge[i])
        least = stays.least_charge[i]
        path[LEAST_IN, k] = max(h * (stays.gain[i] * least - stays.loss[i]), 0.0)
        path[MOST_IN, k] = max(h * (stays.gain[i] * up - stays.loss[i]), 0.0)
        if up < least:
            path[MOST_IN, k] = 0.0
        least = stays.least_discharge[i]
        path[LEAST_OUT, k] = h * (stays.draw[i] * least + stays.loss[i])
        path[MOST_OUT, k] = h * (stays.draw[i] * down + stays.loss[i])
        if down <= 0.0 or down < least:
            path[MOST_OUT, k] = 0.0


@njit(cache=True, error_model="numpy")
def _price(path: Floats, stays: Stays, tree: Tree, prices: Prices, i: int, step_h: Floats) -> None:
    """Price a kWh stored, a kWh taken, and being on, in each step."""
    first, row = stays.arrive[i], stays.meter[i]
    for t in range(first, stays.depart[i]):
        k, extra, node = t - first, 0.0, stays.limit[i]
        while node >= 0:
            extra += prices.limit[node, t]
            node = tree.parent[node]
        charge = prices.energy_in[row, t] + extra
        give = prices.energy_out[row, t] + extra - stays.wear[i]
        path[COST_IN, k] = charge / stays.gain[i]
        path[WORTH_OUT, k] = give / stays.draw[i]
        path[LOSS_KWH, k] = step_h[t] * stays.loss[i]
        path[TAPER, k] = step_h[t] * (stays.full_kw[i] + stays.slope[i] * stays.taper_from[i])
        path[SLOPE, k] = step_h[t] * stays.slope[i]


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
def _gather(path: Floats, length: int, window: Floats) -> None:
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
def _trade(path: Floats, length: int, window: Floats) -> None:
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
def _correct(
    path: Floats, length: int, more: bool, end: float, window: Floats, most: float
) -> None:
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
def _read(path: Floats, stays: Stays, i: int, step_h: Floats, power: Floats, placed: bool) -> None:
    """Read a vehicle's powers: ``placed``, or planned with the loss spread as at full power."""
    first = stays.arrive[i]
    spread_in = stays.loss[i] / max(stays.most_charge[i], 1e-9)
    spread_out = stays.loss[i] / max(stays.most_discharge[i], 1e-9)
    for t in range(first, stays.depart[i]):
        k, p, x = t - first, power[i, t], 0.0
        if p > 0.0:
            x = p * (stays.gain[i] - spread_in)
            x = p * stays.gain[i] - stays.loss[i] if placed else x
        elif p < 0.0:
            x = p * (stays.draw[i] + spread_out)
            x = p * stays.draw[i] - stays.loss[i] if placed else x
        path[X, k] = step_h[t] * x
        path[E, k + 1] = path[E, k] + path[X, k]


@njit(cache=True, error_model="numpy")
def _write(path: Floats, stays: Stays, i: int, step_h: Floats, power: Floats) -> None:
    first = stays.arrive[i]
    for t in range(first, stays.depart[i]):
        x = path[X, t - first] / step_h[t]
        p = 0.0
        if x > 0.0:
            p = (x + stays.loss[i]) / stays.gain[i]
            p = min(max(p, stays.least_charge[i]), stays.most_charge[i])
        elif x < 0.0:
            p = (x + stays.loss[i]) / stays.draw[i]
            p = max(min(p, -stays.least_discharge[i]), -stays.most_discharge[i])
        power[i, t] = p


@njit(cache=True, error_model="numpy")
def _trim(path: Floats, length: int, window: Floats) -> None:
    """Move away what the room no longer holds; what cannot be moved is dropped."""
    for k in range(length):
        x = path[X, k]
        most = path[MOST_IN, k] if x > 0.0 else path[MOST_OUT, k]
        if abs(x) > most + TINY_KWH:
            _move(path, k, length, abs(x) - most, x > 0.0, window)


@njit(cache=True, error_model="numpy")
def _place(path: Floats, length: int, window: Floats, losing: bool) -> None:
    """Arrange one stay so that every power is one that the charger can hold."""
    _trim(path, length, window)
    _clear(path, length, window)
    if losing:
        _gather(path, length, window)
    _settle(path, length, window[0], window[1])


@njit(cache=True, error_model="numpy")
def _book(stays: Stays, tree: Tree, i: int, power: Floats, net: Floats, sign: float) -> None:
    """Add a vehicle's powers to the net power of its limits, or take them away."""
    for t in range(stays.arrive[i], stays.depart[i]):
        add_up(net, tree, stays.limit[i], t, i, sign * power[i, t])


@njit(cache=True, error_model="numpy")
def _kept(stays: Stays, tree: Tree, i: int, net: Floats) -> bool:
    """Whether the limits above a vehicle are kept while it is plugged in."""
    node = stays.limit[i]
    while node >= 0:
        for t in range(stays.arrive[i], stays.depart[i]):
            for k in range(net.shape[2]):
                if net[node, t, k] > tree.upper[node, t, k] + MARGIN:
                    return False
                if net[node, t, k] < tree.lower[node, t, k] - MARGIN:
                    return False
        node = tree.parent[node]
    return True


@njit(cache=True, error_model="numpy")
def place_each(
    order: Ints,
    step_h: Floats,
    stays: Stays,
    tree: Tree,
    prices: Prices,
    power: Floats,
    net: Nets,
    end: Floats,
) -> None:
    """Place vehicle by vehicle in ``order``; ``power`` is the plan and becomes the schedule.

    ``net.planned`` starts as the net power of the plan, ``net.fixed`` as nothing; both end as
    that of the schedule. ``end`` receives the energy at the end of each stay. When all
    are placed everyone looks once more: for cheaper hours, and for energy still missing.
    """
    count, steps = power.shape
    path = np.zeros((13, steps + 1))
    aim, old = np.empty(count), np.empty(steps)
    for again in (False, True):
        for i in order:
            length = stays.depart[i] - stays.arrive[i]
            linked = i + 1 < count and stays.continues[i + 1]
            chained = linked or stays.continues[i]
            due = min(stays.due_kwh[i], stays.high_kwh[i])
            if again and (length <= 0 or chained):
                continue
            path[E, 0] = stays.start_kwh[i]
            if stays.continues[i]:
                path[E, 0] = max(end[i - 1] - stays.driven_kwh[i], stays.low_kwh[i])
            if length <= 0:
                end[i] = path[E, 0]
                continue
            _read(path, stays, i, step_h, power, again)
            _price(path, stays, tree, prices, i, step_h)
            _book(stays, tree, i, power, net.planned, -1.0)
            if again:
                _book(stays, tree, i, power, net.fixed, -1.0)
            window = np.array([stays.low_kwh[i], stays.high_kwh[i]])
            if not again:
                aim[i] = path[E, length]
            goal = min(aim[i] if linked else min(aim[i], due), window[1])
            worth, dear = stays.end_value[i], prices.shortfall
            _look(path, stays, tree, i, step_h, net, True, 0.0)
            if not again:
                _place(path, length, window, stays.loss[i] > 0.0)
                _correct(path, length, True, goal, window, dear)
                _correct(path, length, True, aim[i], window, worth)
                _look(path, stays, tree, i, step_h, net, False, 0.0)
                _correct(path, length, True, goal, window, dear)
            else:
                _trade(path, length, window)
                _gather(path, length, window)
                _correct(path, length, True, due, window, dear)
                for beyond in (stays.least_charge[i], np.inf):
                    if path[E, length] < goal - SHORT_KWH:
                        _look(path, stays, tree, i, step_h, net, False, beyond)
                        _correct(path, length, True, goal, window, dear)
            _correct(path, length, False, max(aim[i], due), window, -worth)
            old[:] = power[i]
            _write(path, stays, i, step_h, power)
            _book(stays, tree, i, power, net.fixed, 1.0)
            if again and not _kept(stays, tree, i, net.fixed):  # others lean on what it gave
                _book(stays, tree, i, power, net.fixed, -1.0)
                power[i] = old
                _book(stays, tree, i, power, net.fixed, 1.0)
            else:
                end[i] = path[E, length]
            _book(stays, tree, i, power, net.planned, 1.0)
