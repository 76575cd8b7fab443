"""The limits' side: what the net power below each limit costs, as prices that react to it.

A row is a limit, one phase of a limit, or what vehicles hold together below a limit. A vehicle is
below the rows of its limit and of all limits above it, on a phase with its share of that phase.
Of a row of energy held together the "net" is that energy at the end of each step [kWh], and all
prices are per kWh and hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from gridtide.plan._layout import _total, demand_periods
from gridtide.plan._objective_accounts import bounded_limits, stored_bounds
from gridtide.plan.price.relief import find_excess
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Bools, Floats, Ints, Problem

FAR = 1e30
WHOLE, STORED = -1, -2
"""Phases of rows: all three together, and energy held together."""
# Planes of Rows.price and Rows.term.
FLAT, CENTRE = 0, 1
MULT, PULL, AT, LEAST, MOST = 0, 1, 2, 3, 4


class Rows(NamedTuple):
    """Prices that react to the net power of r rows in T steps.

    Row j is priced flat, by its square, and by the terms first[j]..first[j + 1], each
    clip(mult + pull·(net - at), least, most). The stays of path c are below the rows
    row[path[c]..path[c + 1]] with these weights.

    Parameters
    ----------
    path, row, weight
        Rows above each path and the share of the power that counts there.
    stored
        Whether a row is of energy held together, shape (r,).
    first
        Where the terms of each row begin, shape (r + 1,).
    place
        Place among the rows that lanes share, -1 for those within one group, shape (r,).
    square
        Rise of the price per kW [currency/kWh/kW], shape (r,).
    price
        Flat price and centre of the square, shape (r, 2, T).
    term
        Mult, pull, at, least and most of each term, shape (terms, 5, T).
    """

    path: Ints
    row: Ints
    weight: Floats
    stored: Bools
    first: Ints
    place: Ints
    square: Floats
    price: Floats
    term: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What does not depend on any schedule: rooms, base loads, tariffs.

    Parameters
    ----------
    limit, phase
        Limit of each row, and its phase, ``WHOLE`` or ``STORED`` for none, shape (r,).
    path, row, weight, path_of
        Rows above each path; path of each stay, shape (n,).
    base_kw
        Base load on each row and all below, shape (r, T).
    lower_kw, upper_kw
        Room for the vehicles' net power, shape (r, T).
    least_kw, most_kw
        What the vehicles below can do at all, shape (r, T).
    kind, owner
        Kind and row of each term, rows in order.
    period, rate, peak_kw
        Demand period of each step; rate and peak so far of each row and period, shape (r, q).
    price_in, price_out
        Energy prices of each row, 0 where it is no meter [currency/kWh], shape (r, T).
    plug_price
        Import and export price where each plug is billed, shape (2, T), else (0, T).
    square, centre_kw
        Rise of the price per kW, shape (r,), and where it is 0, shape (r, T).
    over_kw, under_kw, relief_price
        Base load beyond the import and the export limit that vehicles could relieve [kW], shape
        (r, T), and what is left of it costs [currency/kWh].
    stored, stored_kwh, stored_price
        Rows of energy held together, shape (s,), the least and the most of them [kWh], shape
        (2, s, T), and what each kWh missing or beyond costs [currency/kWh/h].
    """

    limit: Ints
    phase: Ints
    path: Ints
    row: Ints
    weight: Floats
    path_of: Ints
    base_kw: Floats
    lower_kw: Floats
    upper_kw: Floats
    least_kw: Floats
    most_kw: Floats
    kind: tuple[str, ...]
    owner: Ints
    period: Ints
    rate: Floats
    peak_kw: Floats
    price_in: Floats
    price_out: Floats
    plug_price: Floats
    square: Floats
    centre_kw: Floats
    over_kw: Floats
    under_kw: Floats
    relief_price: float
    stored: Ints
    stored_kwh: Floats
    stored_price: float


def keep_book(problem: Problem, stays: Stays, relief_price: float = 0.0) -> Book:
    """Derive what does not depend on any schedule."""
    limit, phase = _rows(problem)
    path, row, weight, path_of = _paths(problem, limit, phase)
    base = _total(problem.base_load_kw, problem.limit_parent)[limit]
    base = np.where(phase[:, None] >= 0, base / 3.0, base)
    stored = np.flatnonzero(phase == STORED)
    base[stored] = 0.0
    room_in, room_out = _rooms(problem, limit, phase)
    below = partial(_below, stays, path_of, (path, row, weight), base.shape)
    most, least = below(stays.each["charge_kw"]), below(-stays.each["discharge_kw"])
    period, rate, peak = demand_periods(problem)
    whole = (phase == WHOLE)[:, None]
    price_in, price_out, plug_price = _tariffs(problem, limit)
    square = np.zeros(len(limit))
    if problem.load_square_price_per_kw2h is not None:
        square = np.where(whole[:, 0], 2.0 * problem.load_square_price_per_kw2h[limit], 0.0)
    reference = problem.load_reference_kw
    over, under = np.zeros_like(base), np.zeros_like(base)
    if relief_price > 0:
        limits = whole[:, 0]
        over[limits], under[limits] = find_excess(
            problem, base[limits], least[limits], most[limits]
        )
    lower = np.maximum(np.minimum(-room_out - base, 0.0), least)
    upper = np.minimum(np.maximum(room_in - base, 0.0), most)
    if len(stored):
        for reach, name in ((lower, "low_kwh"), (upper, "high_kwh")):
            reach[stored] = below(stays.each[name])[stored]
        least[stored], most[stored] = lower[stored], upper[stored]
    book = Book(
        limit=limit,
        phase=phase,
        path=path,
        row=row,
        weight=weight,
        path_of=path_of,
        base_kw=base,
        lower_kw=lower,
        upper_kw=upper,
        least_kw=least,
        most_kw=most,
        kind=(),
        owner=np.zeros(0, dtype=np.int64),
        period=period,
        rate=np.where(whole, rate[limit], 0.0),
        peak_kw=peak[limit],
        price_in=price_in,
        price_out=price_out,
        plug_price=plug_price,
        square=square,
        centre_kw=(0.0 if reference is None else reference[limit]) - base,
        over_kw=over,
        under_kw=under,
        relief_price=relief_price,
        stored=stored,
        stored_kwh=_stored_bounds(problem, limit[stored]),
        stored_price=problem.stored_price_per_kwh_h,
    )
    return _with_terms(book)


def _rows(problem: Problem) -> tuple[Ints, Ints]:
    """Limits first, in their order, then phases that are limited, then energy held together."""
    count = len(problem.limit_names)
    phased, stored = np.zeros(0, dtype=np.int64), bounded_limits(problem)
    if problem.phase_kw is not None:
        phased = np.flatnonzero(np.isfinite(problem.phase_kw).any(axis=1))
    return (
        np.concatenate((np.arange(count), np.repeat(phased, 3), stored)),
        np.concatenate(
            (
                np.full(count, WHOLE),
                np.tile(np.arange(3), len(phased)),
                np.full(len(stored), STORED),
            )
        ),
    )


def _stored_bounds(problem: Problem, limits: Ints) -> Floats:
    """Least and most that vehicles below some limits are to hold together, shape (2, s, T)."""
    bounds = stored_bounds(problem)
    if bounds is None:
        return np.zeros((2, 0, problem.steps))
    return np.stack((bounds[0][limits], bounds[1][limits]))


def _paths(problem: Problem, limit: Ints, phase: Ints) -> tuple[Ints, Ints, Floats, Ints]:
    """Group the stays by the rows that they are below, with the same shares."""
    key = problem.limit[:, None].astype(float)
    phased = bool(np.any(phase >= 0))
    if phased:
        share = problem.phase_share
        thirds = np.full((len(problem), 3), 1.0 / 3.0)
        key = np.concatenate((key, thirds if share is None else share), axis=1)
    kinds, path_of = np.unique(key, axis=0, return_inverse=True)
    more, count = len(limit) > len(problem.limit_names), len(problem.limit_names)
    rows_of = [np.flatnonzero(limit == j) for j in range(count)] if more else []
    start, row, weight = [0], [], []
    for kind in kinds:
        j = int(kind[0])
        while j >= 0:
            for r in rows_of[j] if more else (j,):
                row.append(int(r))
                weight.append(1.0 if phase[r] < 0 else float(kind[1 + phase[r]]))
            j = int(problem.limit_parent[j])
        start.append(len(row))
    return (
        np.array(start),
        np.array(row, dtype=np.int64),
        np.array(weight, dtype=float),
        path_of.reshape(-1).astype(np.int64),
    )


def _rooms(problem: Problem, limit: Ints, phase: Ints) -> tuple[Floats, Floats]:
    """Largest net import and export of each row, base load included, shape (r, T)."""
    room_in, room_out = problem.import_kw[limit], problem.export_kw[limit]
    if problem.phase_kw is None:
        return room_in, room_out
    own = problem.phase_kw[limit, np.maximum(phase, 0)][:, None]
    return (np.where(phase[:, None] >= 0, own, room) for room in (room_in, room_out))  # type: ignore[return-value]


def _below(
    stays: Stays,
    path_of: Ints,
    paths: tuple[Ints, Ints, Floats],
    shape: tuple[int, ...],
    each: Floats,
) -> Floats:
    """Add up what each stay, while it is plugged in, brings to the rows above it, shape (r, T)."""
    path, row, weight = paths
    change = np.zeros((len(path) - 1, shape[1] + 1))
    plugged = stays.each["steps"] > 0
    stay, kind = stays.each[plugged], path_of[plugged]
    np.add.at(change, (kind, stay["arrive"]), each[plugged])
    np.add.at(change, (kind, stay["arrive"] + stay["steps"]), -each[plugged])
    of_path = np.cumsum(change, axis=1)[:, :-1]
    total = np.zeros(shape)
    np.add.at(total, row, np.repeat(of_path, np.diff(path), axis=0) * weight[:, None])
    return total


def _tariffs(problem: Problem, limit: Ints) -> tuple[Floats, Floats, Floats]:
    carbon = np.zeros(problem.steps)
    if problem.carbon_kg_per_kwh is not None:
        carbon = problem.carbon_kg_per_kwh * problem.carbon_price_per_kg
    both = np.stack((problem.price_import_per_kwh, problem.price_export_per_kwh)) + carbon
    if len(problem.meters) == 0:
        nothing = np.zeros((len(limit), problem.steps))
        return nothing, nothing, both[:, 0]
    sides = np.zeros((2, len(limit), problem.steps))
    sides[:, problem.meters] = both
    return sides[0], sides[1], np.zeros((0, problem.steps))


def crosses(book: Book, j: int) -> Bools:
    """Mark the steps in which net power can be on either side of zero, shape (T,)."""
    base = book.base_kw[j]
    both: Bools = (base + book.lower_kw[j] < 0) & (base + book.upper_kw[j] > 0)
    both &= book.price_in[j] != book.price_out[j]
    return both


def _with_terms(book: Book) -> Book:
    kinds: list[str] = []
    owners: list[int] = []
    tight_in = np.any(book.upper_kw < book.most_kw, axis=1)
    tight_out = np.any(book.lower_kw > book.least_kw, axis=1)
    for j in range(len(book.limit)):
        found = ["import"] * int(tight_in[j]) + ["export"] * int(tight_out[j])
        found += ["tariff"] * int(bool(crosses(book, j).any()))
        found += ["relief in"] * int(bool(book.over_kw[j].any()))
        found += ["relief out"] * int(bool(book.under_kw[j].any()))
        found += [f"stored {word}" for word in _stored_words(book, j)]
        charged = np.intersect1d(np.flatnonzero(book.rate[j] > 0), book.period)
        found += [f"demand {q}" for q in charged]
        kinds += found
        owners += [j] * len(found)
    return replace(book, kind=tuple(kinds), owner=np.array(owners, dtype=np.int64))


def _stored_words(book: Book, j: int) -> list[str]:
    """Say which bounds of energy held together row ``j`` has."""
    if book.phase[j] != STORED:
        return []
    bounds = book.stored_kwh[:, np.searchsorted(book.stored, j)]
    pairs = zip(("least", "most"), bounds, strict=True)
    return [word for word, bound in pairs if np.isfinite(bound).any()]


def make_rows(book: Book, place: Ints, pull: Floats, tight: float) -> Rows:
    """Set the reacting prices up, all multipliers at rest.

    Parameters
    ----------
    book
        Of the problem.
    place
        Place among the shared rows, -1 for none, shape (r,).
    pull
        How much each term's price reacts [currency/kWh/kW], shape (terms,).
    tight
        Share by which limits are planned tighter than they are.
    """
    rows, steps = book.base_kw.shape
    flat = np.where(book.base_kw + book.upper_kw <= 0, book.price_out, book.price_in)
    term = np.zeros((len(book.kind), 5, steps))
    term[:, PULL] = pull[:, None]
    for k, kind in enumerate(book.kind):
        j = int(book.owner[k])
        if kind == "import":
            acts = book.upper_kw[j] < book.most_kw[j]
            term[k, AT] = np.where(acts, book.upper_kw[j] * (1 - tight), 0.0)
            term[k, MOST] = np.where(acts, FAR, 0.0)
        elif kind == "export":
            acts = book.lower_kw[j] > book.least_kw[j]
            term[k, AT] = np.where(acts, book.lower_kw[j] * (1 - tight), 0.0)
            term[k, LEAST] = np.where(acts, -FAR, 0.0)
        elif kind == "tariff":
            kinked = crosses(book, j)
            low, high = np.minimum(book.price_in[j], book.price_out[j]), book.price_in[j]
            flat[j] = np.where(kinked, 0.0, flat[j])
            term[k, AT] = -book.base_kw[j]
            term[k, LEAST], term[k, MOST] = np.where(kinked, low, 0.0), np.where(kinked, high, 0.0)
            term[k, MULT] = term[k, MOST]
        elif kind == "relief in":
            term[k, AT] = -book.over_kw[j]
            term[k, MOST] = np.where(book.over_kw[j] > 0, book.relief_price, 0.0)
        elif kind == "relief out":
            term[k, AT] = book.under_kw[j]
            term[k, LEAST] = np.where(book.under_kw[j] > 0, -book.relief_price, 0.0)
        elif kind == "stored least":
            least, _ = book.stored_kwh[:, np.searchsorted(book.stored, j)]
            there = np.isfinite(least)
            term[k, AT] = np.where(there, least * (1 + tight), 0.0)
            term[k, LEAST] = np.where(there, -book.stored_price, 0.0)
        elif kind == "stored most":
            _, most = book.stored_kwh[:, np.searchsorted(book.stored, j)]
            there = np.isfinite(most)
            term[k, AT] = np.where(there, most * (1 - tight), 0.0)
            term[k, MOST] = np.where(there, book.stored_price, 0.0)
        else:
            inside = book.period == int(kind.split()[1])
            term[k, MOST] = np.where(inside, FAR, 0.0)
    return Rows(
        path=book.path,
        row=book.row,
        weight=book.weight,
        stored=book.phase == STORED,
        first=np.searchsorted(book.owner, np.arange(rows + 1)),
        place=place,
        square=book.square,
        price=np.stack((flat, np.broadcast_to(book.centre_kw, flat.shape)), axis=1),
        term=term,
    )


def demand_terms(book: Book) -> Ints:
    """Places of the terms that are demand charges."""
    return np.array([k for k, kind in enumerate(book.kind) if kind.startswith("demand")], dtype=int)


def level_peaks(book: Book, rows: Rows, net_kw: Floats, step_h: Floats, terms: Ints) -> None:
    """Set the level of demand charges, by term, so that their prices add up to their rate."""
    for k in terms:
        j, q = book.owner[k], int(book.kind[k].split()[1])
        inside = np.flatnonzero(book.period == q)
        mult, pull = rows.term[k, MULT, inside], rows.term[k, PULL, inside]
        top = net_kw[j, inside] + book.base_kw[j, inside] + mult / pull
        level = _level(top, step_h[inside] * pull, float(book.rate[j, q]))
        level = max(level, float(book.peak_kw[j, q]))
        rows.term[k, AT, inside] = level - book.base_kw[j, inside]


def _level(top: Floats, weight: Floats, total: float) -> float:
    """P with sum(weight * max(0, top - P)) = total: pour water off the tops."""
    order = np.argsort(-top)
    top, weight = top[order], weight[order]
    level = (np.cumsum(weight * top) - total) / np.cumsum(weight)
    below = np.append(top[1:], -np.inf)
    return float(level[np.argmax(level >= below)])
