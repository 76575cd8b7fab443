"""What reserve makes of the prices of one vehicle, and what a schedule holds of it.

A vehicle's share of a call is the least of several terms, each linear in its schedule: the power
that is free in each step of the call, and the energy that is free at each of its nodes. Weights
on the terms, with sum 1, turn the worth of a share into prices of power and of stored energy that
prove a bound whatever the weights are. Here they are exp(-term / heat) of the mean schedule: all
on the least where heat is little. These are the weights of a player who remembers all schedules so
far (Y. Freund, R. E. Schapire: A Decision-Theoretic Generalization of On-Line Learning, 1997,
doi:10.1006/jcss.1997.1504), for terms are linear.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.plan.price._kernel_law import stored_kw
from gridtide.plan.price.stays import Stays, Work
from gridtide.plan.problem import Floats, Ints

HOLD = np.dtype(
    [
        ("sign", np.float64),
        ("way", np.int32),
        ("from_step", np.int32),
        ("to_step", np.int32),
        ("stored", np.bool_),
        ("several", np.bool_),
        ("certain", np.bool_),
        ("duration_h", np.float64),
        ("active", np.float64),
    ],
    align=True,
)
"""One thing that vehicles hold for a block: its capacity, or its margin the other way.

``sign`` -1 for up, +1 for down, ``way`` 0 and 1; ``stored`` whether energy is held too, and
``several`` whether calls last several steps; ``certain`` whether only those serve who are there
for certain; ``active`` the share of time that it is called.
"""
ABLE = np.dtype(
    [
        ("serves_up", np.bool_),
        ("serves_down", np.bool_),
        ("leaves", np.int32),
        ("due_kwh", np.float64),
        ("up_kwh", np.float64),
        ("down_kwh", np.float64),
        ("several_kwh", np.float64),
        ("wear", np.float64),
        ("lost", np.float64),
    ],
    align=True,
)
"""What a stay brings to calls: whether it serves up and down; class of its departure; energy due
at its end and within reach, -inf for none; energy that a called kWh takes, gives, gives in calls
of several steps; wear and share of energy lost of a called kWh."""


class Calls(NamedTuple):
    """H things to hold by n stays, with the worth of a kW of each.

    Parameters
    ----------
    hold, able
        Records, shape (H,) and (n,).
    over
        Node at which a call from each step is over, shape (H, T).
    below
        Whether the stays of a path serve it, shape (H, paths).
    worth
        Of a kW from each step [currency/kW], shape (H, T).
    dues
        What of that goes to the limits above, by class of departure [currency/kW], shape
        (H, paths, C, T).
    spot
        Import price that a refill pays [currency/kWh], shape (paths, T).
    chance
        Probability of being there, by plugged step, shape (N,), or none.
    clock
        Hours at each node, shape (T + 1,).
    """

    hold: npt.NDArray[np.void]
    able: npt.NDArray[np.void]
    over: Ints
    below: npt.NDArray[np.bool_]
    worth: Floats
    dues: Floats
    spot: Floats
    chance: Floats
    clock: Floats


@njit(cache=True, nogil=True)
def bounds_of(stays: Stays, calls: Calls, i: int, kept: Floats) -> None:
    """Fill the energy that must stay aboard at each node of a stay, window and promise."""
    stay = stays.each[i]
    charge = stored_kw(stays, i, stay.charge_kw)
    fade = full = 0.0
    if stays.taper.shape[0] > 0 and stays.taper[i, 1] > 0.0:
        fade, full = stays.taper[i, 1], stays.taper[i, 0] + stays.taper[i, 1] * stays.taper[i, 2]
    low = stay.min_kwh if stay.discharge_kw > 0.0 else -np.inf
    now = calls.able[i].due_kwh
    kept[stay.steps] = max(now, low)
    for q in range(stay.steps - 1, -1, -1):
        hours = stays.step_h[stay.arrive + q]
        if now > -np.inf:
            before = now - hours * charge
            if fade > 0.0:
                before = max(before, now * (1.0 + hours * fade) - hours * full)
            now = min(before, now)
        kept[q] = max(now, low)


@njit(cache=True, nogil=True)
def per_kw(calls: Calls, i: int, h: int, t: int, arrive: int) -> float:
    """Energy in the battery that a kW called from step ``t`` needs [kWh/kW]."""
    hold = calls.hold[h]
    since = calls.clock[t] - calls.clock[max(arrive, hold.from_step)]
    hours = hold.duration_h + hold.active * max(since, 0.0)
    if hold.way == 0:
        return float(hours * calls.able[i].up_kwh)
    if hold.several:
        return float(hours * calls.able[i].several_kwh)
    return float(hours * calls.able[i].down_kwh)


@njit(cache=True, nogil=True)
def chance_of(stays: Stays, calls: Calls, i: int, h: int, t: int) -> float:
    """How much a kW of a stay counts by its chance of being there in step ``t``."""
    if calls.chance.size == 0:
        return 1.0
    chance = calls.chance[stays.each[i].start + t - stays.each[i].arrive]
    if calls.hold[h].certain:
        return 1.0 if chance >= 1.0 else 0.0
    return float(chance)


@njit(cache=True, nogil=True)
def worth_of(stays: Stays, calls: Calls, i: int, h: int, t: int) -> float:
    """Worth of a kW held by a stay from step ``t``, calls and limits paid [currency/kW]."""
    stay, able, hold = stays.each[i], calls.able[i], calls.hold[h]
    worth = calls.worth[h, t] - calls.dues[h, stay.path, able.leaves, t]
    worth *= chance_of(stays, calls, i, h, t)
    if hold.active > 0.0 and hold.way == 0:
        called = able.wear + able.lost * max(calls.spot[stay.path, t], 0.0)
        worth -= called * hold.active * stays.step_h[t]
    return float(worth)


@njit(cache=True, nogil=True, inline="always")
def starts_of(stays: Stays, calls: Calls, i: int, h: int) -> tuple[int, int]:
    """First step from which a stay can hold, and the one after the last."""
    stay, hold = stays.each[i], calls.hold[h]
    leave = stay.arrive + stay.steps
    first, stop = max(hold.from_step, stay.arrive), min(hold.to_step, leave)
    able = calls.able[i].serves_up if hold.way == 0 else calls.able[i].serves_down
    if not able or not calls.below[h, stay.path]:
        return first, first
    while stop > first and calls.over[h, stop - 1] > leave:
        stop -= 1
    return first, stop


@njit(cache=True, nogil=True)
def fill_terms(
    stays: Stays,
    calls: Calls,
    i: int,
    h: int,
    t: int,
    power: Floats,
    energy: Floats,
    kept: Floats,
    terms: Floats,
) -> float:
    """Fill the terms of a start, power first and energy behind, and return the least [kW]."""
    stay, hold = stays.each[i], calls.hold[h]
    q, lasts, sign = t - stay.arrive, calls.over[h, t] - t, hold.sign
    room = stay.discharge_kw if hold.way == 0 else stay.charge_kw
    least = np.inf
    for j in range(lasts):
        terms[j] = room - sign * power[q + j]
        least = min(least, terms[j])
    if not hold.stored:
        return least
    each, high = per_kw(calls, i, h, t, stay.arrive), max(stay.max_kwh, stay.held_kwh)
    for j in range(lasts + 1):
        bound = kept[q + j] if hold.way == 0 else high
        terms[lasts + j] = sign * (bound - energy[q + j]) / each
        least = min(least, terms[lasts + j])
    return least


@njit(cache=True, nogil=True)
def follow_mean(stays: Stays, i: int, power: Floats, energy: Floats) -> None:
    """Fill the energy at the nodes of a stay."""
    stay = stays.each[i]
    energy[0] = stay.held_kwh
    for q in range(stay.steps):
        flow = stored_kw(stays, i, power[q])
        energy[q + 1] = energy[q] + stays.step_h[stay.arrive + q] * flow


@njit(cache=True, nogil=True)
def hold_prices(
    stays: Stays,
    calls: Calls,
    i: int,
    power: Floats,
    heat: float,
    buy: Floats,
    sell: Floats,
    work: Work,
) -> float:
    """Add what reserve makes of the prices of stay ``i``; return its part of the bound.

    ``power`` is that of the stay's mean schedule, ``heat`` how even weights are, as a share of
    the charger's range; ``work`` has 5 rows of a step more than the stay has, or more.
    """
    stay = stays.each[i]
    energy, kept, terms, on_power, on_node = work[0], work[1], work[2], work[3], work[6]
    follow_mean(stays, i, power, energy)
    bounds_of(stays, calls, i, kept)
    on_power[: stay.steps] = 0.0
    on_node[: stay.steps + 1] = 0.0
    constant, warm = 0.0, max(heat * (stay.charge_kw + stay.discharge_kw), 1e-9)
    for h in range(len(calls.hold)):
        hold = calls.hold[h]
        first, stop = starts_of(stays, calls, i, h)
        room = stay.discharge_kw if hold.way == 0 else stay.charge_kw
        high = max(stay.max_kwh, stay.held_kwh)
        for t in range(first, stop):
            worth = worth_of(stays, calls, i, h, t)
            if worth <= 0.0:
                continue
            q, lasts = t - stay.arrive, calls.over[h, t] - t
            least = fill_terms(stays, calls, i, h, t, power, energy, kept, terms)
            count, total = 2 * lasts + 1 if hold.stored else lasts, 0.0
            for j in range(count):
                # Nothing must stay aboard of what may run empty: no term.
                off = (terms[j] - least) / warm
                terms[j] = np.exp(-off) if off < 40.0 else 0.0
                total += terms[j]
            for j in range(lasts):
                part = worth * terms[j] / total
                on_power[q + j] += hold.sign * part
                constant -= part * room
            if hold.stored:
                each = per_kw(calls, i, h, t, stay.arrive)
                for j in range(lasts + 1):
                    part = worth * terms[lasts + j] / total
                    if part > 0.0:
                        bound = kept[q + j] if hold.way == 0 else high
                        on_node[q + j] += hold.sign * part / each
                        constant -= hold.sign * part * bound / each
    later = 0.0
    for q in range(stay.steps - 1, -1, -1):
        later += on_node[q + 1]
        direct = on_power[q] / stays.step_h[stay.arrive + q]
        buy[q] += direct + stay.gain * later
        sell[q] += direct + stay.draw * later
    return float(constant + (later + on_node[0]) * stay.held_kwh)


@njit(cache=True, nogil=True)
def sum_shares(
    stays: Stays,
    calls: Calls,
    mean: Floats,
    work: Work,
    held: Floats,
) -> None:
    """Add up what the stays of each path hold from each step, by their chances.

    ``held`` has shape (2, H, paths, C, T): all, and what need not be refilled after a call.
    """
    held[:] = 0.0
    energy, kept, terms = work[0], work[1], work[2]
    for i in range(len(stays.each)):
        stay = stays.each[i]
        power = mean[stay.start : stay.start + stay.steps]
        follow_mean(stays, i, power, energy)
        bounds_of(stays, calls, i, kept)
        spare = max(energy[stay.steps] - calls.able[i].due_kwh, 0.0)
        for h in range(len(calls.hold)):
            hold = calls.hold[h]
            first, stop = starts_of(stays, calls, i, h)
            for t in range(first, stop):
                if worth_of(stays, calls, i, h, t) <= 0.0:
                    continue
                share = fill_terms(stays, calls, i, h, t, power, energy, kept, terms)
                chance = chance_of(stays, calls, i, h, t)
                c = calls.able[i].leaves
                held[0, h, stay.path, c, t] += chance * max(share, 0.0)
                if hold.stored and calls.hold[h].way == 0:
                    easy = spare / per_kw(calls, i, h, t, stay.arrive)
                    held[1, h, stay.path, c, t] += chance * min(max(share, 0.0), easy)


@njit(cache=True, nogil=True)
def fill_shares(
    stays: Stays, calls: Calls, h: int, mean: Floats, work: Work, kept: Floats, shares: Floats
) -> None:
    """Fill each stay's share of what comes through, shape (n, T).

    ``kept`` is how much of what the stays of a path and class hold does, shape (paths, C, T).
    """
    energy, bound, terms = work[0], work[1], work[2]
    for i in range(len(stays.each)):
        stay = stays.each[i]
        first, stop = starts_of(stays, calls, i, h)
        if first == stop:
            continue
        power = mean[stay.start : stay.start + stay.steps]
        follow_mean(stays, i, power, energy)
        bounds_of(stays, calls, i, bound)
        for t in range(first, stop):
            share = fill_terms(stays, calls, i, h, t, power, energy, bound, terms)
            shares[i, t] = max(share, 0.0) * kept[stay.path, calls.able[i].leaves, t]
