"""Energy that vehicles hold together, in the passes over them.

Prices on it fall on the energy at the end of each step, and a vehicle's part of it moves with that.
"""

from __future__ import annotations

from numba import njit

from gridtide.plan.price._kernel_law import stored_kw
from gridtide.plan.price.rows import FAR, Rows
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats, Ints


@njit(cache=True, nogil=True)
def see_stored(stays: Stays, first: int, last: int, seen: Floats) -> None:
    """Take what the paths of a vehicle's stays see for holding energy; see ``seen_prices``."""
    paths = seen.shape[0] // 2
    for i in range(first, last + 1):
        stay = stays.each[i]
        for k in range(stay.arrive, stay.arrive + stay.steps):
            stays.together[0, k] = seen[paths + stay.path, k]


@njit(cache=True, nogil=True)
def fill_shift(
    stays: Stays, first: int, last: int, old: Floats, new: Floats, shift: Floats
) -> None:
    """Fill by how much more a vehicle holds at the end of each step of ``new`` than of ``old``."""
    each, origin = stays.each, stays.each[first].start
    before = after = each[first].held_kwh
    for i in range(first, last + 1):
        stay = each[i]
        if i > first:
            before = max(before - stay.driven_kwh, stay.low_kwh)
            after = max(after - stay.driven_kwh, stay.low_kwh)
        for q in range(stay.steps):
            p, hours = stay.start - origin + q, stays.step_h[stay.arrive + q]
            before += hours * stored_kw(stays, i, old[p])
            after += hours * stored_kw(stays, i, new[p])
            shift[p] = after - before


@njit(cache=True, nogil=True)
def add_stored(
    stays: Stays, members: Ints, rows: Rows, power: Floats, net: Floats, share: float
) -> None:
    """Add a share of what the vehicles ``members`` hold to the rows of energy above them."""
    for u in members:
        first = stays.vehicle[u]
        energy = stays.each[first].held_kwh
        for i in range(first, stays.vehicle[u + 1]):
            stay = stays.each[i]
            if i > first:
                energy = max(energy - stay.driven_kwh, stay.low_kwh)
            begin, end = rows.path[stay.path], rows.path[stay.path + 1]
            for q in range(stay.steps):
                t = stay.arrive + q
                energy += stays.step_h[t] * stored_kw(stays, i, power[stay.start + q])
                for m in range(begin, end):
                    if rows.stored[rows.row[m]]:
                        net[rows.row[m], t] += share * energy


@njit(cache=True, nogil=True)
def keep_stored(
    stays: Stays,
    first: int,
    last: int,
    rows: Rows,
    here: tuple[Floats, Floats],
    bounds: tuple[Floats, Floats],
    now: Floats,
) -> None:
    """Fill what a vehicle is to hold, if all others hold what they do.

    ``here`` is what is held of each row and of each shared one, ``bounds`` the least and the most.
    """
    stays.together[1::2] = -FAR
    stays.together[2::2] = FAR
    energy, origin = stays.each[first].held_kwh, stays.each[first].start
    for i in range(first, last + 1):
        stay = stays.each[i]
        if i > first:
            energy = max(energy - stay.driven_kwh, stay.low_kwh)
        for q in range(stay.steps):
            t, level = stay.arrive + q, 1
            energy += stays.step_h[t] * stored_kw(stays, i, now[stay.start - origin + q])
            for m in range(rows.path[stay.path], rows.path[stay.path + 1]):
                j = rows.row[m]
                if not rows.stored[j]:
                    continue
                local = rows.place[j] < 0
                (held, bound), r = (
                    ((here[0], bounds[0]), j) if local else ((here[1], bounds[1]), rows.place[j])
                )
                stays.together[level, t] = energy + bound[0, r, t] - held[r, t]
                stays.together[level + 1, t] = energy + bound[1, r, t] - held[r, t]
                level += 2
