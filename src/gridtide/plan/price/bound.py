"""What a schedule costs and what prices prove, on the limits' side."""

from __future__ import annotations

import numpy as np

from gridtide.plan.price.relief import relief_cost, relieved_kw
from gridtide.plan.price.rows import CENTRE, FLAT, STORED, Book, Rows
from gridtide.plan.problem import Floats


def prices_now(book: Book, rows: Rows, net_kw: Floats, step_h: Floats) -> tuple[Floats, Floats]:
    """Prices of the moment on each row: those of its net power, and those of its peaks.

    Returns
    -------
    tuple
        Both [currency/kWh], shape (r, T); peak prices add up to the rate of their period at most.
    """
    price = rows.price[:, FLAT] + rows.square[:, None] * (net_kw - rows.price[:, CENTRE])
    peak = np.zeros_like(price)
    for k, kind in enumerate(book.kind):
        j = book.owner[k]
        mult, pull, at, least, most = rows.term[k]
        part = np.clip(mult + pull * (net_kw[j] - at), least, most)
        if kind.startswith("demand"):
            rate, total = book.rate[j, int(kind.split()[1])], float(np.sum(part * step_h))
            peak[j] += part * (min(1.0, rate / total) if total > 0 else 1.0)
        else:
            price[j] += part
    return price, peak


def within_rates(book: Book, peak: Floats, step_h: Floats) -> None:
    """Scale peak prices down, in place, where they add up to more than the rate of their period."""
    np.maximum(peak, 0.0, out=peak)
    for q in range(book.rate.shape[1]):
        inside = np.flatnonzero(book.period == q)
        total = np.sum(peak[:, inside] * step_h[inside], axis=1)
        share = np.divide(book.rate[:, q], total, out=np.ones_like(total), where=total > 0)
        peak[:, inside] *= np.minimum(share, 1.0)[:, None]


def seen_prices(book: Book, price: Floats) -> Floats:
    """Add up what the stays of each path see, shape (paths, T).

    Where energy held together has a price, that is below: shape (2·paths, T).
    """
    paths = len(book.path) - 1
    seen = np.zeros((2 * paths if len(book.stored) else paths, price.shape[1]))
    path = np.repeat(np.arange(paths), np.diff(book.path))
    path += np.where(book.phase[book.row] == STORED, paths, 0)
    np.add.at(seen, path, price[book.row] * book.weight[:, None])
    return seen


def rows_bound(book: Book, price: Floats, peak: Floats, step_h: Floats) -> float:
    """Least that all rows together can cost at these prices."""
    return float(rows_least(book, price, peak, step_h).sum())


def rows_least(book: Book, price: Floats, peak: Floats, step_h: Floats) -> Floats:
    """Least that each row can cost at these prices: each step at a corner of its cost, (r,)."""
    corners = [book.lower_kw, book.upper_kw, np.clip(-book.base_kw, book.lower_kw, book.upper_kw)]
    if book.relief_price > 0:
        corners.append(np.clip(relieved_kw(book), book.lower_kw, book.upper_kw))
    if book.square.any():
        width = np.where(book.square > 0, book.square, np.inf)[:, None]
        for side in (book.price_in, book.price_out):
            for relief in {0.0, book.relief_price, -book.relief_price}:
                flat = book.centre_kw + (price - side - relief) / width
                corners.append(np.clip(flat, book.lower_kw, book.upper_kw))
    if len(book.stored):
        for bound in book.stored_kwh:
            at = book.lower_kw.copy()
            at[book.stored] = np.clip(bound, book.lower_kw[book.stored], book.upper_kw[book.stored])
            corners.append(at)
    least = np.full_like(price, np.inf)
    for net in corners:
        np.minimum(least, row_cost(book, net) - price * net, out=least)
    total: Floats = np.sum(least * step_h, axis=1)
    lowest = peaks(book, book.lower_kw)  # no schedule has lower peaks
    for q in range(book.rate.shape[1]):
        inside, rate = book.period == q, book.rate[:, q]
        weight = peak[:, inside] * step_h[inside]
        total += (rate - weight.sum(axis=1)) * lowest[:, q]
        total += np.sum(weight * book.base_kw[:, inside], axis=1)
        # Such prices prove nothing: the peak would be worth more than it costs.
        nothing = np.any(weight < 0, axis=1) | (weight.sum(axis=1) > rate * (1 + 1e-9) + 1e-12)
        total[nothing] = -np.inf
    return total


def row_cost(book: Book, net_kw: Floats) -> Floats:
    """Energy cost and squares of each row at the vehicles' net power [currency/h], (r, T)."""
    site = net_kw + book.base_kw
    cost: Floats = book.price_in * np.maximum(site, 0.0) - book.price_out * np.maximum(-site, 0.0)
    if book.relief_price > 0:
        cost += relief_cost(book, net_kw)
    cost[book.stored] += stored_rate(book, net_kw)
    return cost + 0.5 * book.square[:, None] * (net_kw - book.centre_kw) ** 2


def stored_rate(book: Book, net_kw: Floats) -> Floats:
    """Cost of holding too little or too much together [currency/h], shape (s, T)."""
    return book.stored_price * stored_away_kwh(book, net_kw)


def stored_away_kwh(book: Book, net_kw: Floats) -> Floats:
    """Return what is missing from the least or beyond the most to be held [kWh], shape (s, T)."""
    held, (least, most) = net_kw[book.stored], book.stored_kwh
    away: Floats = np.maximum(np.maximum(least - held, held - most), 0.0)
    return away


def rows_cost(book: Book, net_kw: Floats, step_h: Floats) -> float:
    """Cost of all rows together [currency]."""
    return float(cost_by_row(book, net_kw, step_h).sum())


def cost_by_row(book: Book, net_kw: Floats, step_h: Floats) -> Floats:
    """Cost of each row: energy at the meter, squares, demand charges [currency], shape (r,)."""
    total: Floats = np.sum(row_cost(book, net_kw) * step_h, axis=1)
    total += np.sum(book.rate * peaks(book, net_kw), axis=1)
    return total


def peaks(book: Book, net_kw: Floats) -> Floats:
    """Highest net import of each row in each demand period, that so far included [kW], (r, q)."""
    site, peak = net_kw + book.base_kw, book.peak_kw.copy()
    for q in range(peak.shape[1]):
        highest = site[:, book.period == q].max(axis=1, initial=0.0)
        peak[:, q] = np.maximum(peak[:, q], highest)
    return peak


def excess_kw(book: Book, net_kw: Floats) -> Floats:
    """How far each row is beyond its room in each step [kW], shape (r, T).

    Energy held together has no room, only wishes.
    """
    over = np.maximum(net_kw - book.upper_kw, book.lower_kw - net_kw)
    over[book.stored] = 0.0
    return np.maximum(over, 0.0)
