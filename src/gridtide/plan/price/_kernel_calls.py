"""Reserve in the passes over stays: weights on terms, the prices that follow, and the shares.

Weights answer the schedule: what is least in it gets more of the weight, as far as terms are
within ``soft_kw`` of each other. With the weights so far as multipliers this is the method of
multipliers on `share ≤ each term`, the share itself solved for.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_law import stored_kw
from gridtide.plan.price.calls import FAR, Calls, CallWork
from gridtide.plan.price.stays import Stays, Work
from gridtide.plan.problem import Floats, Ints

EASE = 0.9
"""What must be kept for the promise may be worth so much of the price of missing it."""


@njit(cache=True, nogil=True)
def follow_energy(stays: Stays, i: int, power: Floats, energy: Floats) -> None:
    """Fill the energy at the nodes of stay ``i``, the first of its vehicle."""
    stay = stays.each[i]
    now = stay.held_kwh
    for q in range(stay.steps):
        energy[q] = now
        now += stored_kw(stays, i, power[q]) * stays.step_h[stay.arrive + q]
    energy[stay.steps] = now


@njit(cache=True, nogil=True, inline="always")
def worth_of(calls: Calls, i: int, s: int) -> float:
    """Worth of a kW held from a start, less what its calls cost [currency/kW]."""
    row = calls.row[s]
    worth = calls.leaf[row, calls.under[i]]
    if calls.chance.size > 0:
        worth -= (1.0 - calls.chance[s]) * calls.top[row]
    if calls.cost.size > 0:
        worth -= calls.cost[s]
    return float(max(worth, 0.0))


@njit(cache=True, nogil=True)
def fill_terms(
    stays: Stays, calls: Calls, i: int, s: int, power: Floats, energy: Floats, term: Floats
) -> None:
    """Fill the terms of a start in a schedule [kW]; FAR where there is none."""
    stay, longest = stays.each[i], term.size // 2 - 1
    sign, q, lasts, per_kw = (
        calls.sign[calls.row[s]],
        calls.step[s],
        calls.lasts[s],
        calls.per_kw[s],
    )
    room = stay.discharge_kw if sign < 0.0 else stay.charge_kw
    term[:] = FAR
    if calls.cap_kw.size > 0:
        term[-1] = calls.cap_kw[s]
    for j in range(lasts):
        term[j] = room - sign * power[q + j]
    node = stay.start + i + q
    for j in range(lasts + 1):
        bound = calls.keep_kwh[node + j] if sign < 0.0 else stay.high_kwh
        if bound > -FAR:
            term[longest + j] = sign * (bound - energy[q + j]) / per_kw


@njit(cache=True, nogil=True)
def answer(before: Floats, term: Floats, soft: float, weight: Floats) -> None:
    """Fill the weights that answer some terms: ``before - term/soft``, brought back to sum 1."""
    total, count, first, second, best = 0.0, 0, -np.inf, -np.inf, 0
    for k in range(term.size):
        weight[k] = -np.inf
        if term[k] < FAR:
            weight[k] = before[k] - term[k] / soft
            total += weight[k]
            count += 1
            if weight[k] > first:
                first, second, best = weight[k], first, k
            elif weight[k] > second:
                second = weight[k]
    if first - second >= 1.0:
        weight[:] = 0.0
        weight[best] = 1.0
        return
    low = (total - 1.0) / count
    while True:
        inside, kept = 0.0, 0
        for k in range(term.size):
            if weight[k] > low:
                inside += weight[k]
                kept += 1
        # Rounding may let one back in that stands on the edge.
        if kept >= count:
            break
        count = kept
        low = (inside - 1.0) / count
    for k in range(term.size):
        weight[k] = max(weight[k] - low, 0.0)


@njit(cache=True, nogil=True)
def answer_now(stays: Stays, calls: Calls, i: int, power: Floats, work: CallWork) -> None:
    """Fill the terms of all starts of a stay in its schedule, and the weights that answer them."""
    follow_energy(stays, i, power, work.energy)
    first = calls.first[i]
    for s in range(first, calls.first[i + 1]):
        if worth_of(calls, i, s) <= 0.0:
            continue
        term = work.old[s - first]
        fill_terms(stays, calls, i, s, power, work.energy, term)
        answer(calls.weight[s], term, calls.soft_kw[i], work.weight[s - first])


@njit(cache=True, nogil=True)
def recall(calls: Calls, i: int, work: CallWork) -> None:
    """Fill the weights of all starts of a stay as they are kept, exactly 1 together."""
    first = calls.first[i]
    for s in range(first, calls.first[i + 1]):
        total = 0.0
        for k in range(calls.weight.shape[1]):
            work.weight[s - first, k] = max(calls.weight[s, k], 0.0)
            total += work.weight[s - first, k]
        for k in range(calls.weight.shape[1]):
            work.weight[s - first, k] /= total


@njit(cache=True, nogil=True)
def add_share_prices(
    stays: Stays, calls: Calls, i: int, ease: float, buy: Floats, sell: Floats, work: CallWork
) -> tuple[float, float]:
    """Add what the weights filled make of the worth of shares to the prices of a stay.

    Of the weight on what the promise must keep, the part ``ease`` stays there. Returns the
    constant of the cost [currency], and by how much the promise itself is worth less
    [currency/kWh]: what must be kept falls with the energy missing at the end.
    """
    stay, steps, longest = stays.each[i], stays.each[i].steps, calls.weight.shape[1] // 2 - 1
    on_power, stored, first = work.on_power, work.stored, calls.first[i]
    on_power[:steps] = 0.0
    stored[: steps + 1] = 0.0
    constant = short = 0.0
    window = stay.min_kwh if stay.discharge_kw > 0.0 else -np.inf
    for s in range(first, calls.first[i + 1]):
        worth = worth_of(calls, i, s)
        if worth <= 0.0:
            continue
        sign, q, lasts = calls.sign[calls.row[s]], calls.step[s], calls.lasts[s]
        weight, per_kw = work.weight[s - first], calls.per_kw[s]
        room, more = stay.discharge_kw if sign < 0.0 else stay.charge_kw, 0.0
        if calls.cap_kw.size > 0 and weight[-1] > 0.0:
            constant -= worth * weight[-1] * calls.cap_kw[s]
        node = stay.start + i + q
        for j in range(lasts + 1):
            part = worth * weight[longest + j]
            if part <= 0.0:
                continue
            bound = calls.keep_kwh[node + j] if sign < 0.0 else stay.high_kwh
            if sign < 0.0 and bound > window + 1e-9:
                more += part * (1.0 - ease)
                part *= ease
                short += part / per_kw * calls.stretch[i]
            stored[q + j] += sign * part / per_kw
            constant -= sign * part / per_kw * bound
        for j in range(lasts):
            part = worth * weight[j] + (more if j == 0 else 0.0)
            on_power[q + j] += sign * part
            constant -= part * room
    later = 0.0
    for q in range(steps - 1, -1, -1):
        later += stored[q + 1]
        own = on_power[q] / stays.step_h[stay.arrive + q]
        buy[q] += own + stay.gain * later
        sell[q] += own + stay.draw * later
    return constant + (later + stored[0]) * stay.held_kwh, short


@njit(cache=True, nogil=True)
def fill_new_terms(stays: Stays, calls: Calls, i: int, power: Floats, work: CallWork) -> None:
    """Fill the terms of all starts of a stay in the schedule it may move to."""
    follow_energy(stays, i, power, work.energy)
    first = calls.first[i]
    for s in range(first, calls.first[i + 1]):
        if worth_of(calls, i, s) > 0.0:
            fill_terms(stays, calls, i, s, power, work.energy, work.new[s - first])


@njit(cache=True, nogil=True)
def share_rise(calls: Calls, i: int, share: float, work: CallWork) -> float:
    """Rise of the cost per share of a move, beyond share 0: shares are the least of their terms."""
    rise, first = 0.0, calls.first[i]
    for s in range(first, calls.first[i + 1]):
        worth = worth_of(calls, i, s)
        if worth <= 0.0:
            continue
        old, new, weight = work.old[s - first], work.new[s - first], work.weight[s - first]
        same = True
        for k in range(old.size):
            # FAR and nothing more is FAR: what is no term stays none.
            work.term[k] = old[k] + share * (new[k] - old[k])
            same = same and old[k] == new[k]
        if same:
            continue
        answer(calls.weight[s], work.term, calls.soft_kw[i], work.answer)
        for k in range(old.size):
            rise -= worth * (work.answer[k] - weight[k]) * (new[k] - old[k])
    return rise


@njit(cache=True, nogil=True)
def renew(
    stays: Stays,
    members: Ints,
    plug_price: Floats,  # noqa: ARG001 - as of all passes over vehicles
    work: Work,  # noqa: ARG001
    power: Floats,
    pace: float,
    calls: Calls,
    held: CallWork,
    sums: Floats,
) -> float:
    """Add up the shares of a schedule by pair of block and step and limit, shape (3, R, m + 1).

    As far as they are there, all, and what their calls cost. Weights move towards their answer
    at the ``pace``; at 0 they stay as they are.
    """
    for u in members:
        i = stays.vehicle[u]
        begin = stays.each[i].start
        first, last, at = calls.first[i], calls.first[i + 1], calls.under[i]
        if first == last:
            continue
        now = power[begin : begin + stays.each[i].steps]
        follow_energy(stays, i, now, held.energy)
        for s in range(first, last):
            if worth_of(calls, i, s) <= 0.0:
                continue
            fill_terms(stays, calls, i, s, now, held.energy, held.term)
            if pace > 0.0:
                answer(calls.weight[s], held.term, calls.soft_kw[i], held.answer)
                for k in range(held.term.size):
                    calls.weight[s, k] += pace * (held.answer[k] - calls.weight[s, k])
            least, row = max(held.term.min(), 0.0), calls.row[s]
            sums[0, row, at] += least * (calls.chance[s] if calls.chance.size > 0 else 1.0)
            sums[1, row, at] += least
            sums[2, row, at] += least * (calls.cost[s] if calls.cost.size > 0 else 0.0)
    return 0.0


@njit(cache=True, nogil=True)
def price_kept(
    stays: Stays, calls: Calls, i: int, buy: Floats, sell: Floats, work: CallWork, promise: Floats
) -> float:
    """Add reserve's prices by the weights that are kept, as they prove a bound; the constant.

    ``stays.short_price`` is changed to what the promise is worth beside them, from ``promise``.
    """
    recall(calls, i, work)
    size = stays.each[i].steps
    kept_buy, kept_sell = buy[:size].copy(), sell[:size].copy()
    constant, short = add_share_prices(stays, calls, i, 1.0, buy, sell, work)
    most = EASE * promise[0]
    if short > most:
        ease = most / short
        buy[:size], sell[:size] = kept_buy, kept_sell
        constant, short = add_share_prices(stays, calls, i, ease, buy, sell, work)
    for m in range(promise.size):
        stays.short_price[m] = promise[m] - short
    return float(constant)
