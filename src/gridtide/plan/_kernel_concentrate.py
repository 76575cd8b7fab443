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


class Prices(NamedTuple):
    """Energy prices (rows, T), prices on limits (m, T), and what missing energy may cost."""

    energy_in: Floats
    energy_out: Floats
    limit: Floats
    shortfall: float


class Path(NamedTuple):
    """One vehicle's stay: by step, and energy by node."""

    x: Floats
    e: Floats
    most_in: Floats
    least_in: Floats
    most_out: Floats
    least_out: Floats
    cost_in: Floats
    worth_out: Floats
    loss_kwh: Floats
    taper: Floats
    slope: Floats


@njit(cache=True, error_model="numpy")
def add_up(net: Floats, tree: Tree, node: int, t: int, i: int, power: float) -> None:
    """Add a vehicle's power to its limits."""
    while node >= 0:
        for k in range(net.shape[2]):
            net[node, t, k] += power * tree.share[i, k]
        node = tree.parent[node]


@njit(cache=True, error_model="numpy")
def _room(
    tree: Tree, node: int, t: int, i: int, fixed: Floats, planned: Floats, gentle: bool
) -> tuple[float, float]:
    """Largest charging and discharging power that the limits leave, both >= 0."""
    up, down = np.inf, np.inf
    while node >= 0:
        for k in range(fixed.shape[2]):
            share = tree.share[i, k]
            if share <= 0.0:
                continue
            up = min(up, (tree.upper[node, t, k] - fixed[node, t, k]) / share)
            down = min(down, (fixed[node, t, k] - tree.lower[node, t, k]) / share)
            if gentle:
                up = min(up, max(tree.wished[node, t, k] - planned[node, t, k], 0.0) / share)
                down = min(down, max(planned[node, t, k] - tree.lower[node, t, k], 0.0) / share)
        node = tree.parent[node]
    return max(up, 0.0), max(down, 0.0)


@njit(cache=True, error_model="numpy")
def _look(
    path: Path,
    stays: Stays,
    tree: Tree,
    i: int,
    step_h: Floats,
    fixed: Floats,
    planned: Floats,
    gentle: bool,
) -> None:
    """Find what the vehicle may store and take in each step under the room there is."""
    first = stays.arrive[i]
    for t in range(first, stays.depart[i]):
        k, h = t - first, step_h[t]
        up, down = _room(tree, stays.limit[i], t, i, fixed, planned, gentle)
        up, down = min(up, stays.most_charge[i]), min(down, stays.most_discharge[i])
        least = stays.least_charge[i]
        path.least_in[k] = max(h * (stays.gain[i] * least - stays.loss[i]), 0.0)
        path.most_in[k] = max(h * (stays.gain[i] * up - stays.loss[i]), 0.0)
        if up < least:
            path.most_in[k] = 0.0
        least = stays.least_discharge[i]
        path.least_out[k] = h * (stays.draw[i] * least + stays.loss[i])
        path.most_out[k] = h * (stays.draw[i] * down + stays.loss[i])
        if down <= 0.0 or down < least:
            path.most_out[k] = 0.0


@njit(cache=True, error_model="numpy")
def _price(path: Path, stays: Stays, tree: Tree, prices: Prices, i: int, step_h: Floats) -> None:
    """Price a kWh stored, a kWh taken, and being on, in each step."""
    first, row = stays.arrive[i], stays.meter[i]
    for t in range(first, stays.depart[i]):
        k, extra, node = t - first, 0.0, stays.limit[i]
        while node >= 0:
            extra += prices.limit[node, t]
            node = tree.parent[node]
        charge = prices.energy_in[row, t] + extra
        give = prices.energy_out[row, t] + extra - stays.wear[i]
        path.cost_in[k] = charge / stays.gain[i]
        path.worth_out[k] = give / stays.draw[i]
        path.loss_kwh[k] = step_h[t] * stays.loss[i]
        path.taper[k] = step_h[t] * (stays.full_kw[i] + stays.slope[i] * stays.taper_from[i])
        path.slope[k] = step_h[t] * stays.slope[i]


@njit(cache=True, error_model="numpy")
def _feeble(path: Path, k: int) -> bool:
    """Whether the power of a step is one that the charger cannot hold."""
    x = path.x[k]
    if x > 0.0:
        return bool(x < path.least_in[k] - TINY_KWH)
    return bool(x < 0.0 and -x < path.least_out[k] - TINY_KWH)


@njit(cache=True, error_model="numpy")
def _rise_room(path: Path, k: int, high: float) -> float:
    """How far the energy at the end of step k may rise by what happens before it."""
    room = high - path.e[k + 1]
    if path.x[k] > 0.0 and path.slope[k] > 0.0:
        left = path.taper[k] - path.x[k] - path.slope[k] * path.e[k + 1]
        room = min(room, left / path.slope[k])
    return float(max(room, 0.0))


@njit(cache=True, error_model="numpy")
def _more(path: Path, k: int, wanted: float) -> float:
    """How much more step k may store, or less it may take, of what is wanted."""
    x = path.x[k]
    if x < 0.0:
        if wanted >= -x:
            return float(-x)
        spare = -x if _feeble(path, k) else -x - path.least_out[k]
        return float(min(wanted, max(spare, 0.0)))
    most = path.most_in[k] - x
    if path.slope[k] > 0.0:
        left = path.taper[k] - x - path.slope[k] * path.e[k + 1]
        most = min(most, left / (1.0 + path.slope[k]))
    if x == 0.0 and min(wanted, most) < max(path.least_in[k], TINY_KWH):
        return 0.0
    return float(min(wanted, max(most, 0.0)))


@njit(cache=True, error_model="numpy")
def _less(path: Path, k: int, wanted: float) -> float:
    """How much less step k may store, or more it may take, of what is wanted."""
    x = path.x[k]
    if x > 0.0:
        if wanted >= x:
            return float(x)
        spare = x if _feeble(path, k) else x - path.least_in[k]
        return float(min(wanted, max(spare, 0.0)))
    most = path.most_out[k] + x
    if x == 0.0 and min(wanted, most) < max(path.least_out[k], TINY_KWH):
        return 0.0
    return float(min(wanted, max(most, 0.0)))


@njit(cache=True, error_model="numpy")
def _rate(path: Path, k: int, amount: float, more: bool) -> float:
    """Cost per kWh of storing ``amount`` more in step k; of less, what is saved, negative."""
    x, loss = path.x[k], path.loss_kwh[k]
    if more and x < 0.0:
        stopped = loss if amount >= -x else 0.0
        return float(path.worth_out[k] * (1.0 - stopped / amount))
    if more:
        started = loss if x == 0.0 else 0.0
        return float(path.cost_in[k] * (1.0 + started / amount))
    if x > 0.0:
        stopped = loss if amount >= x else 0.0
        return float(-path.cost_in[k] * (1.0 + stopped / amount))
    started = loss if x == 0.0 else 0.0
    return float(-path.worth_out[k] * (1.0 - started / amount))


@njit(cache=True, error_model="numpy")
def _shift(path: Path, k: int, amount: float, begin: int, end: int, change: float) -> None:
    """Change what step k stores, and the energy at the nodes ``begin < node <= end``."""
    path.x[k] += amount
    if abs(path.x[k]) < TINY_KWH:
        path.x[k] = 0.0
    for node in range(begin + 1, end + 1):
        path.e[node] += change


@njit(cache=True, error_model="numpy")
def _take_over(
    path: Path, j: int, length: int, wanted: float, more: bool, low: float, high: float
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
                room = min(room, max(high - path.e[passed], 0.0))
                between = k + 1 if way < 0 else k - 1
                if between != j:
                    room = min(room, _rise_room(path, between, high))
            else:
                room = min(room, max(path.e[k + 1 if way < 0 else k] - low, 0.0))
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
    path: Path, j: int, length: int, wanted: float, more: bool, low: float, high: float
) -> tuple[float, float]:
    """Let others store ``wanted`` more (or less) so that step j stores less (more) by it.

    Returns what could be moved and what that cost at the other steps.
    """
    moved, cost = 0.0, 0.0
    sign = 1.0 if more else -1.0
    while wanted - moved > TINY_KWH:
        k, amount, rate = _take_over(path, j, length, wanted - moved, more, low, high)
        if k < 0:
            break
        if k < j:
            _shift(path, k, sign * amount, k, j, sign * amount)
        else:
            _shift(path, k, sign * amount, j, k, -sign * amount)
        path.x[j] -= sign * amount
        moved += amount
        cost += rate * amount
    return moved, cost


@njit(cache=True, error_model="numpy")
def _try(
    path: Path, j: int, length: int, wanted: float, more: bool, window: Floats, most: float
) -> bool:
    """Move all that is wanted away from (or to) step j for at most ``most``, or nothing."""
    x, e = path.x[:length].copy(), path.e[: length + 1].copy()
    moved, cost = _move(path, j, length, wanted, more, window[0], window[1])
    if moved >= wanted - TINY_KWH and cost <= most:
        if abs(path.x[j]) < 2.0 * TINY_KWH:
            path.x[j] = 0.0
        return True
    path.x[:length], path.e[: length + 1] = x, e
    return False


@njit(cache=True, error_model="numpy")
def _dearest(path: Path, length: int, done: Bools, feeble: bool) -> int:
    """Find the step that is best emptied: dear to charge in, poor to discharge in; -1 if none."""
    best, merit = -1, -np.inf
    for k in range(length):
        x = path.x[k]
        if done[k] or x == 0.0 or (feeble and not _feeble(path, k)):
            continue
        value = path.cost_in[k] if x > 0.0 else -path.worth_out[k]
        if value > merit:
            best, merit = k, value
    return best


@njit(cache=True, error_model="numpy")
def _clear(path: Path, length: int, window: Floats) -> None:
    """Empty each step of too small a power into others, or fill it from others."""
    done = np.zeros(length, dtype=np.bool_)
    while True:
        j = _dearest(path, length, done, True)
        if j < 0:
            return
        done[j] = True
        x = path.x[j]
        if _try(path, j, length, abs(x), x > 0.0, window, np.inf):
            continue
        least = path.least_in[j] if x > 0.0 else path.least_out[j]
        most = path.most_in[j] if x > 0.0 else path.most_out[j]
        if least <= most:
            _try(path, j, length, least - abs(x), x < 0.0, window, np.inf)


@njit(cache=True, error_model="numpy")
def _gather(path: Path, length: int, window: Floats) -> None:
    """Empty steps of part load where fewer hours of loss are worth more than the price says."""
    done = np.zeros(length, dtype=np.bool_)
    while True:
        j = _dearest(path, length, done, False)
        if j < 0:
            return
        done[j] = True
        x, loss = path.x[j], path.loss_kwh[j]
        saved = (x + loss) * (path.cost_in[j] if x > 0.0 else path.worth_out[j])
        _try(path, j, length, abs(x), x > 0.0, window, saved - 1e-12)


@njit(cache=True, error_model="numpy")
def _settle(path: Path, length: int, low: float, high: float) -> None:
    """Go through the stay and shorten or drop what the window, the room or the range forbid."""
    for k in range(length):
        x = path.x[k]
        if x > 0.0:
            x = min(x, path.most_in[k], max(high - path.e[k], 0.0))
            if path.slope[k] > 0.0:
                x = min(x, (path.taper[k] - path.slope[k] * path.e[k]) / (1.0 + path.slope[k]))
            if x < max(path.least_in[k] - TINY_KWH, TINY_KWH):
                x = 0.0
        elif x < 0.0:
            x = -min(-x, path.most_out[k], max(path.e[k] - low, 0.0))
            if -x < max(path.least_out[k] - TINY_KWH, TINY_KWH):
                x = 0.0
        path.x[k] = x
        path.e[k + 1] = path.e[k] + x


@njit(cache=True, error_model="numpy")
def _correct(path: Path, length: int, more: bool, end: float, window: Floats, most: float) -> None:
    """Bring the energy at the end up to ``end`` (or down to it), at most so dear per kWh."""
    low, high = window[0], window[1]
    for _ in range(length):
        wanted = end - path.e[length] if more else path.e[length] - end
        if wanted <= 0.1 * SHORT_KWH:
            return
        best, amount, rate, room = -1, 0.0, np.inf, np.inf
        for k in range(length - 1, -1, -1):
            room = min(room, high - path.e[k + 1] if more else path.e[k + 1] - low)
            if room <= TINY_KWH:
                break
            goal = min(wanted, room)
            if more and path.x[k] == 0.0:  # switched on, it stores no less than its least
                goal = min(max(wanted, path.least_in[k]), room)
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
def _read(path: Path, stays: Stays, i: int, step_h: Floats, power: Floats, placed: bool) -> None:
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
        path.x[k] = step_h[t] * x
        path.e[k + 1] = path.e[k] + path.x[k]


@njit(cache=True, error_model="numpy")
def _write(path: Path, stays: Stays, i: int, step_h: Floats, power: Floats) -> None:
    first = stays.arrive[i]
    for t in range(first, stays.depart[i]):
        x = path.x[t - first] / step_h[t]
        p = 0.0
        if x > 0.0:
            p = (x + stays.loss[i]) / stays.gain[i]
            p = min(max(p, stays.least_charge[i]), stays.most_charge[i])
        elif x < 0.0:
            p = (x + stays.loss[i]) / stays.draw[i]
            p = max(min(p, -stays.least_discharge[i]), -stays.most_discharge[i])
        power[i, t] = p


@njit(cache=True, error_model="numpy")
def _trim(path: Path, length: int, window: Floats) -> None:
    """Move away what the room no longer holds; what cannot be moved is dropped."""
    for k in range(length):
        x = path.x[k]
        most = path.most_in[k] if x > 0.0 else path.most_out[k]
        if abs(x) > most + TINY_KWH:
            _move(path, k, length, abs(x) - most, x > 0.0, window[0], window[1])


@njit(cache=True, error_model="numpy")
def _place(path: Path, length: int, window: Floats, losing: bool) -> None:
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
def place_each(
    order: Ints,
    step_h: Floats,
    stays: Stays,
    tree: Tree,
    prices: Prices,
    power: Floats,
    fixed: Floats,
    planned: Floats,
    end: Floats,
) -> None:
    """Place vehicle by vehicle in ``order``; ``power`` is the plan and becomes the schedule.

    ``planned``, shape (m, T, K), starts as the net power of the plan, ``fixed`` as nothing; both
    end as that of the schedule. ``end`` receives the energy at the end of each stay. Those who
    come short look once more when all are placed.
    """
    count, steps = power.shape
    c = np.zeros((11, steps + 1))
    path = Path(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10])
    goal = np.empty(count)
    for again in (False, True):
        for i in order:
            length = stays.depart[i] - stays.arrive[i]
            linked = i + 1 < count and stays.continues[i + 1]
            chained = linked or stays.continues[i]
            due = min(stays.due_kwh[i], stays.high_kwh[i])
            if again and (length <= 0 or chained or end[i] >= due - SHORT_KWH):
                continue
            path.e[0] = stays.start_kwh[i]
            if stays.continues[i]:
                path.e[0] = max(end[i - 1] - stays.driven_kwh[i], stays.low_kwh[i])
            if length <= 0:
                end[i] = path.e[0]
                continue
            _read(path, stays, i, step_h, power, again)
            _price(path, stays, tree, prices, i, step_h)
            _book(stays, tree, i, power, planned, -1.0)
            if again:
                _book(stays, tree, i, power, fixed, -1.0)
            window = np.array([stays.low_kwh[i], stays.high_kwh[i]])
            if not again:
                aim = path.e[length]
                goal[i] = min(aim if linked else min(aim, due), window[1])
                _look(path, stays, tree, i, step_h, fixed, planned, True)
                _place(path, length, window, stays.loss[i] > 0.0)
                _correct(path, length, True, goal[i], window, prices.shortfall)
                _correct(path, length, True, aim, window, stays.end_value[i])
                _correct(path, length, False, aim, window, -stays.end_value[i])
            if path.e[length] < goal[i] - SHORT_KWH:
                _look(path, stays, tree, i, step_h, fixed, planned, False)
                _correct(path, length, True, goal[i], window, prices.shortfall)
            if again:  # what others could not use
                _look(path, stays, tree, i, step_h, fixed, planned, True)
                _correct(path, length, True, due, window, prices.shortfall)
            _write(path, stays, i, step_h, power)
            end[i] = path.e[length]
            _book(stays, tree, i, power, planned, 1.0)
            _book(stays, tree, i, power, fixed, 1.0)
