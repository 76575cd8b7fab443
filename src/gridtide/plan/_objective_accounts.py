"""What squares of load, shared shortage and changes cost, by plain formulas, not solver's rows."""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.problem import Floats, Problem


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
