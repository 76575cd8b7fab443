"""Base load beyond a limit, relieved by what vehicles give, or take: as a steep but finite price.

Where base load alone is beyond an import limit by E, vehicles with a net power Y ≤ 0 leave
max(0, E + Y) of it; beyond an export limit likewise with max(0, E - Y). What is left has a price
far above that of energy, and far below that of a driver's missing kWh: the promise comes first,
then this, then the cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.plan.problem import Floats, Problem

if TYPE_CHECKING:
    from gridtide.plan.price.rows import Book


def find_excess(
    problem: Problem, base_kw: Floats, least_kw: Floats, most_kw: Floats
) -> tuple[Floats, Floats]:
    """Find where vehicles can relieve base load, by limit.

    Parameters
    ----------
    problem
        What is planned.
    base_kw
        Base load of each limit and of all below, shape (m, T).
    least_kw, most_kw
        What the vehicles below can do at all, shape (m, T).

    Returns
    -------
    tuple
        Base load beyond the import limit and beyond the export limit [kW], both shape (m, T); 0
        where there is none, and where nobody could relieve it.
    """
    over = np.where(least_kw < 0, np.maximum(base_kw - problem.import_kw, 0.0), 0.0)
    under = np.where(most_kw > 0, np.maximum(-base_kw - problem.export_kw, 0.0), 0.0)
    return over, under


def relief_cost(book: Book, net_kw: Floats) -> Floats:
    """Price of the base load that is left beyond limits [currency/h], shape (r, T)."""
    over, under = book.over_kw, book.under_kw
    left = np.where(over > 0, np.maximum(over + net_kw, 0.0), 0.0)
    left += np.where(under > 0, np.maximum(under - net_kw, 0.0), 0.0)
    cost: Floats = book.relief_price * left
    return cost


def relief_price(book: Book, net_kw: Floats) -> Floats:
    """Relief that a kWh more of net power costs [currency/kWh], shape (r, T)."""
    more = (book.over_kw > 0) & (book.over_kw + net_kw > 0)
    less = (book.under_kw > 0) & (book.under_kw - net_kw > 0)
    price: Floats = book.relief_price * (more.astype(float) - less.astype(float))
    return price


def relieved_kw(book: Book) -> Floats:
    """Net power from which on nothing is left to relieve [kW], shape (r, T)."""
    return book.under_kw - book.over_kw


def stay_on_side(book: Book, room: Floats, net_kw: Floats) -> None:
    """Let no net power cross the point from which nothing is left, in place of ``room``."""
    at, (lower, upper) = relieved_kw(book), room
    priced = (book.relief_price > 0) & ((book.over_kw > 0) | (book.under_kw > 0))
    lower[:] = np.where(priced & (net_kw >= at), np.maximum(lower, at), lower)
    upper[:] = np.where(priced & (net_kw <= at), np.minimum(upper, at), upper)
