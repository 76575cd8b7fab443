"""Compiled: vehicle by vehicle, a schedule arranged in powers that chargers can hold.

A vehicle sees in each step the room that its limits leave. ``fixed`` is the net power of those
placed before it, ``planned`` that of all others as placed or still planned. Room under both
leaves the others their plans; room under ``fixed`` alone can take it from those who come later,
who then move. As rest is always within the room, no limit is ever exceeded.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.plan._arrangement import Nets, Prices, Stays, Tree
from gridtide.plan._kernel_moves import (
    COST_IN,
    LEAST_IN,
    LEAST_OUT,
    LOSS_KWH,
    MARGIN,
    MOST_IN,
    MOST_OUT,
    SHORT_KWH,
    SLOPE,
    TAPER,
    WORTH_OUT,
    E,
    X,
    correct,
    gather,
    place,
    trade,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


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
                place(path, length, window, stays.loss[i] > 0.0)
                correct(path, length, True, goal, window, dear)
                correct(path, length, True, aim[i], window, worth)
                _look(path, stays, tree, i, step_h, net, False, 0.0)
                correct(path, length, True, goal, window, dear)
            else:
                trade(path, length, window)
                gather(path, length, window)
                correct(path, length, True, due, window, dear)
                for beyond in (stays.least_charge[i], np.inf):
                    if path[E, length] < goal - SHORT_KWH:
                        _look(path, stays, tree, i, step_h, net, False, beyond)
                        correct(path, length, True, goal, window, dear)
            correct(path, length, False, max(aim[i], due), window, -worth)
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
