"""The limits' side: what the net power below each limit costs, as prices that react to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gridtide.plan._layout import _total, demand_periods
from gridtide.plan.price._kernel_sweep import AT, MULT, PULL
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats, Ints, Problem

FAR = 1e30


class Rows(NamedTuple):
    """Prices that react to the net power of m limits in T steps.

    Limit j is priced flat, by its square, and by the terms first[j]..first[j + 1], each
    clip(mult + pull·(net - at), least, most).

    Parameters
    ----------
    parent
        Limit above, -1 for none, shape (m,).
    first
        Where the terms of each limit begin, shape (m + 1,).
    place
        Place among the limits that lanes share, -1 for those within one group, shape (m,).
    square
        Rise of the price per kW [currency/kWh/kW], shape (m,).
    limit
        Flat price and centre of the square, shape (m, 2, T).
    term
        Mult, pull, at, least and most of each term, shape (terms, 5, T).
    """

    parent: Ints
    first: Ints
    place: Ints
    square: Floats
    limit: Floats
    term: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What the rows were made from.

    Parameters
    ----------
    base_kw
        Base load of each limit and all below, shape (m, T).
    lower_kw, upper_kw
        Room for the vehicles' net power, shape (m, T).
    least_kw, most_kw
        What the vehicles below can do at all, shape (m, T).
    kind
        Kind of each term.
    owner
        Limit of each term.
    period, rate, peak_kw
        Demand period of each step; rate and peak so far of each limit and period.
    price_in, price_out
        Energy prices with carbon, shape (max(k, 1), T).
    meter_row
        Row of these prices of each limit that is a meter, -1 for others, shape (m,).
    """

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
    meter_row: Ints
    square: Floats
    centre_kw: Floats


def keep_book(problem: Problem, stays: Stays) -> Book:
    """Derive what does not depend on any schedule."""
    steps, count = problem.steps, len(problem.limit_names)
    base = _total(problem.base_load_kw, problem.limit_parent)
    carbon = np.zeros(steps)
    if problem.carbon_kg_per_kwh is not None:
        carbon = problem.carbon_kg_per_kwh * problem.carbon_price_per_kg
    upper = np.maximum(problem.import_kw - base, 0.0)
    lower = np.minimum(-problem.export_kw - base, 0.0)
    most, least = _natural(problem, stays)
    period, rate, peak = demand_periods(problem)
    meter_row = np.full(count, -1)
    meter_row[problem.meters] = np.arange(len(problem.meters))
    square = problem.load_square_price_per_kw2h
    centre = -base if problem.load_reference_kw is None else problem.load_reference_kw - base
    kinds, owners = [], []
    price_in, price_out = (
        problem.price_import_per_kwh + carbon,
        problem.price_export_per_kwh + carbon,
    )
    for j in range(count):
        if np.any(upper[j] < most[j]):
            kinds.append("import"), owners.append(j)
        if np.any(lower[j] > least[j]):
            kinds.append("export"), owners.append(j)
        if meter_row[j] >= 0 and np.any(_crosses(base[j], lower[j], upper[j], least[j], most[j])):
            kinds.append("tariff"), owners.append(j)
        for q in np.flatnonzero(rate[j] > 0):
            kinds.append(f"demand {q}"), owners.append(j)
    return Book(
        base_kw=base,
        lower_kw=np.maximum(lower, least),
        upper_kw=np.minimum(upper, most),
        least_kw=least,
        most_kw=most,
        kind=tuple(kinds),
        owner=np.array(owners, dtype=np.int64),
        period=period,
        rate=rate,
        peak_kw=peak,
        price_in=price_in,
        price_out=price_out,
        meter_row=meter_row,
        square=np.zeros(count) if square is None else 2.0 * square,
        centre_kw=np.broadcast_to(centre, base.shape),
    )


def _crosses(base: Floats, lower: Floats, upper: Floats, least: Floats, most: Floats) -> Floats:
    """Steps in which the net power can be on either side of zero."""
    return (base + np.maximum(lower, least) < 0) & (base + np.minimum(upper, most) > 0)


def _natural(problem: Problem, stays: Stays) -> tuple[Floats, Floats]:
    """Largest and smallest net power of the vehicles below each limit, shape (m, T)."""
    shape = (len(problem.limit_names), problem.steps + 1)
    held = stays.each[(stays.each["limit"] >= 0) & (stays.each["steps"] > 0)]
    limit, arrive = held["limit"], held["arrive"]
    leave = arrive + held["steps"]
    totals = []
    for power in (held["charge_kw"], -held["discharge_kw"]):
        change = np.zeros(shape)
        np.add.at(change, (limit, arrive), power)
        np.add.at(change, (limit, leave), -power)
        totals.append(_total(np.cumsum(change, axis=1)[:, :-1], problem.limit_parent))
    return totals[0], totals[1]


def make_rows(problem: Problem, book: Book, place: Ints, pull: Floats, tight: Floats) -> Rows:
    """Set the terms up.

    Parameters
    ----------
    pull
        How much each term's price reacts [currency/kWh/kW], shape (terms,).
    tight
        Share by which each limit is planned tighter, shape (m,).
    """
    steps, count, terms = problem.steps, len(problem.limit_names), len(book.kind)
    flat = np.zeros((count, steps))
    least, most = np.full((terms, steps), -FAR), np.full((terms, steps), FAR)
    at, mult = np.full((terms, steps), FAR), np.zeros((terms, steps))
    for j in np.flatnonzero(book.meter_row >= 0):
        price_in, price_out = book.price_in[book.meter_row[j]], book.price_out[book.meter_row[j]]
        flat[j] = np.where(book.base_kw[j] + book.upper_kw[j] <= 0, price_out, price_in)
    for k, kind in enumerate(book.kind):
        j = book.owner[k]
        if kind == "import":
            least[k] = 0.0
            at[k] = np.where(np.isfinite(book.upper_kw[j]), book.upper_kw[j] * (1 - tight[j]), FAR)
            never = book.upper_kw[j] >= book.most_kw[j]
            most[k, never], at[k, never] = 0.0, 0.0
        elif kind == "export":
            most[k] = 0.0
            at[k] = book.lower_kw[j] * (1 - tight[j])
            never = book.lower_kw[j] <= book.least_kw[j]
            least[k, never], at[k, never] = 0.0, 0.0
        elif kind == "tariff":
            crosses = _crosses(
                book.base_kw[j],
                book.lower_kw[j],
                book.upper_kw[j],
                book.least_kw[j],
                book.most_kw[j],
            )
            price_in = book.price_in[book.meter_row[j]]
            price_out = book.price_out[book.meter_row[j]]
            flat[j] = np.where(crosses, 0.0, flat[j])
            least[k] = np.where(crosses, np.minimum(price_out, price_in), 0.0)
            most[k] = np.where(crosses, price_in, 0.0)
            mult[k] = most[k]
            at[k] = -book.base_kw[j]
        else:
            q = int(kind.split()[1])
            inside = book.period == q
            least[k] = 0.0
            most[k] = np.where(inside, FAR, 0.0)
            at[k] = np.where(inside, book.peak_kw[j, q] - book.base_kw[j], 0.0)
    first = np.searchsorted(book.owner, np.arange(count + 1))
    wide = np.repeat(pull[:, None], steps, axis=1)
    return Rows(
        parent=problem.limit_parent,
        first=first,
        place=place,
        square=book.square,
        limit=np.stack((flat, book.centre_kw), axis=1),
        term=np.stack((mult, wide, at, least, most), axis=1),
    )


def level_peaks(book: Book, rows: Rows, net_kw: Floats, step_h: Floats) -> None:
    """Set the level of each demand charge so that its prices add up to its rate."""
    for k, kind in enumerate(book.kind):
        if not kind.startswith("demand"):
            continue
        j, q = book.owner[k], int(kind.split()[1])
        inside = book.period == q
        site = (net_kw[j] + book.base_kw[j])[inside]
        mult, hours, pull = rows.term[k, MULT, inside], step_h[inside], rows.term[k, PULL, inside]
        level = _level(site + mult / pull, hours * pull, float(book.rate[j, q]))
        rows.term[k, AT, inside] = max(level, float(book.peak_kw[j, q])) - book.base_kw[j, inside]


def _level(top: Floats, weight: Floats, total: float) -> float:
    """P with sum(weight * max(0, top - P)) = total: pour water off the tops."""
    order = np.argsort(-top)
    top, weight = top[order], weight[order]
    amount, mass = np.cumsum(weight * top), np.cumsum(weight)
    level = (amount - total) / mass
    following = np.append(top[1:], -np.inf)
    return float(level[np.argmax(level >= following)])
