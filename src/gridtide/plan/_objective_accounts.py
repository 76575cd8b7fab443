"""What squares of load, energy held together, shared shortage and changes cost: plain formulas."""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.problem import Floats, Ints, Problem


def square_cost(problem: Problem, site_kw: Floats) -> float:
    """Cost of the squares of load [currency].

    Parameters
    ----------
    problem
        With its prices on squares, or none.
    site_kw
        Net power of each limit with base load [kW], shape (m, T).
    """
    price = problem.load_square_price_per_kw2h
    if price is None:
        return 0.0
    away = site_kw if problem.load_reference_kw is None else site_kw - problem.load_reference_kw
    return float(price @ (away**2 @ problem.step_h))


def stored_bounds(problem: Problem) -> tuple[Floats, Floats] | None:
    """Least and most that vehicles are to hold together, both (m, T); None where that is free."""
    least, most = problem.stored_least_kwh, problem.stored_most_kwh
    if least is None and most is None:
        return None
    shape = (len(problem.limit_names), problem.steps)
    return (
        np.full(shape, -np.inf) if least is None else least,
        np.full(shape, np.inf) if most is None else most,
    )


def bounded_limits(problem: Problem) -> Ints:
    """Limits that bound what vehicles hold together."""
    bounds = stored_bounds(problem)
    if bounds is None:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.isfinite(bounds).any(axis=(0, 2)))


def below_in_turn(problem: Problem, vehicle: Ints) -> list[tuple[Ints, Ints]]:
    """Pairs and the limits that they are below, the nearest first, then those above, and so on.

    Parameters
    ----------
    problem
        With its tree of limits.
    vehicle
        Of each pair, shape (N,).

    Returns
    -------
    list
        Of pairs and limits, equally long.
    """
    pair, limit = np.arange(len(vehicle)), problem.limit[vehicle]
    found = []
    while (limit >= 0).any():
        pair, limit = pair[limit >= 0], limit[limit >= 0]
        found.append((pair, limit))
        limit = problem.limit_parent[limit]
    return found


def stored_kwh(layout: Layout, energy_kwh: Floats) -> Floats:
    """Energy held together below limits that bound it, at the end of each step, shape (m, T).

    Parameters
    ----------
    layout
        The problem laid out.
    energy_kwh
        At the nodes of each stay, shape (n, T + 1).
    """
    held, bounded = np.zeros(layout.base_kw.shape), bounded_limits(layout.problem)
    if len(bounded) == 0:
        return held
    each = energy_kwh[layout.vehicle, layout.step + 1]
    for pair, limit in below_in_turn(layout.problem, layout.vehicle):
        np.add.at(held, (limit, layout.step[pair]), each[pair])
    some = np.zeros_like(held)
    some[bounded] = held[bounded]
    return some


def stored_away_kwh(problem: Problem, held_kwh: Floats) -> tuple[Floats, Floats]:
    """Return what is missing from the least and beyond the most to be held, both (m, T)."""
    bounds = stored_bounds(problem)
    if bounds is None:
        return np.zeros_like(held_kwh), np.zeros_like(held_kwh)
    return np.maximum(bounds[0] - held_kwh, 0.0), np.maximum(held_kwh - bounds[1], 0.0)


def stored_cost(problem: Problem, held_kwh: Floats) -> float:
    """Cost of holding too little or too much together [currency]."""
    missing, beyond = stored_away_kwh(problem, held_kwh)
    return problem.stored_price_per_kwh_h * float(((missing + beyond) @ problem.step_h).sum())


def steepest_stored_per_kwh(problem: Problem) -> float:
    """Most that a kWh can be worth to what is held together [currency/kWh]."""
    free = stored_bounds(problem) is None
    return 0.0 if free else problem.stored_price_per_kwh_h * float(problem.step_h.sum())


def change_cost(layout: Layout, power_kw: Floats) -> float:
    """Cost of differing from the powers planned before [currency]; powers of shape (n, T)."""
    if layout.problem.planned_kw is None:
        return 0.0
    away = np.abs(power_kw[layout.vehicle, layout.step] - layout.planned_kw)
    return layout.problem.change_price_per_kwh * float(np.nansum(away * layout.hours))


def band_parts(problem: Problem, due_kwh: Floats, missing_kwh: Floats, count: int) -> Floats:
    """Split what each vehicle misses into equal parts of what it wanted [kWh], shape (n, count).

    The first parts go first; the last goes on beyond its end. Who wanted nothing more than it
    brought, and gave that away, misses it in the first part.

    Parameters
    ----------
    problem
        With the energy on arrival.
    due_kwh, missing_kwh
        Energy due and missing at the end of the stay, shape (n,).
    count
        Number of parts.
    """
    wanted = np.where(np.isfinite(due_kwh), due_kwh - problem.arrival_kwh, 0.0)
    width = np.maximum(wanted, 0.0)[:, None] / count
    edges = width * np.arange(count)
    parts: Floats = np.clip(missing_kwh[:, None] - edges, 0.0, width)
    beyond = missing_kwh - parts.sum(axis=1)
    parts[:, -1] += np.where(width[:, 0] > 0, beyond, 0.0)
    parts[:, 0] += np.where(width[:, 0] > 0, 0.0, beyond)
    return parts


def band_surcharge(layout: Layout, missing_kwh: Floats) -> float:
    """Cost of shortage by bands beyond that by the one price [currency].

    Parameters
    ----------
    layout
        The problem laid out.
    missing_kwh
        Missing at the end of each stay, shape (n,).
    """
    problem, price = layout.problem, layout.problem.shortfall_band_price_per_kwh
    if price is None:
        return 0.0
    parts = band_parts(problem, layout.due_kwh, missing_kwh, len(price))
    return float(np.sum(parts * (price - problem.shortfall_price_per_kwh)))
