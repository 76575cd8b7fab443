"""The stays of a problem as arrays for the kernels, small enough for a million vehicles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gridtide.plan._layout import _conversion, _floor, _window, taper_line
from gridtide.plan.problem import Bools, Floats, Ints, Problem

NO_FLOATS = np.zeros(0)


class Stays(NamedTuple):
    """n stays of v vehicles: what each may do and what it wants.

    Parameters
    ----------
    start
        Where the steps of each stay begin among all N, shape (n + 1,).
    arrive
        First step, shape (n,).
    vehicle
        First stay of each vehicle, shape (v + 1,).
    step_h
        Hours of each step of the problem, shape (T,).
    limit
        Limit right above, -1 for none, shape (n,).
    held_kwh, low_kwh, high_kwh, min_kwh, max_kwh
        Energy on arrival, hard window, wanted window [kWh], shape (n,).
    charge_kw, discharge_kw, gain, draw, wear
        Power limits [kW], energy stored and taken per kWh at the plug, wear price, shape (n,).
    due_kwh, wanted_from_kwh, short_price
        Energy due at the end, -inf for none; where its bands begin; price of each band, (K,).
    end_price, end_level_kwh
        Worth of energy at the end up to a level, shape (n,) or none at all.
    taper
        Full power at the cells, its fall per kWh and from where, shape (n, 3) or (0, 3).
    bands, band_edge, band_price, band_base
        Holding: number of bands, edges (n, M + 1), prices (n, 1 or T, M), base (n, 1 or T).
    recover_price
        On being outside the wanted window [currency/kWh/h]; 0 where nobody is.
    driven_kwh
        Driven before the stay, shape (n,) or none.
    floor_kwh
        Hard lower end of the window by step, shape (N,) or none.
    """

    start: Ints
    arrive: Ints
    vehicle: Ints
    step_h: Floats
    limit: Ints
    held_kwh: Floats
    low_kwh: Floats
    high_kwh: Floats
    min_kwh: Floats
    max_kwh: Floats
    charge_kw: Floats
    discharge_kw: Floats
    gain: Floats
    draw: Floats
    wear: Floats
    due_kwh: Floats
    wanted_from_kwh: Floats
    short_price: Floats
    end_price: Floats
    end_level_kwh: Floats
    taper: Floats
    bands: int
    band_edge: Floats
    band_price: Floats
    band_base: Floats
    recover_price: float
    driven_kwh: Floats
    floor_kwh: Floats


def lay_stays(problem: Problem, *, short_price: float, recover_price: float = 0.0) -> Stays:
    """Turn a problem into stays.

    Parameters
    ----------
    problem
        The problem; its standby loss is spread over the power.
    short_price
        Price of missing energy [currency/kWh]; ignored where the problem has bands.
    recover_price
        Price of being outside the wanted window [currency/kWh/h].
    """
    steps, count = problem.steps, len(problem)
    arrive, depart = np.maximum(problem.arrive, 0), np.minimum(problem.depart, steps)
    length = np.where(problem.arrive < problem.depart, np.maximum(depart - arrive, 0), 0)
    gain, draw, _ = _conversion(problem, True)
    low, high = _window(problem)
    heads = np.ones(count, dtype=bool) if problem.continues is None else ~problem.continues
    outside = bool(np.any((low < problem.min_kwh - 1e-9) | (high > problem.max_kwh + 1e-9)))
    bands, edge, price, base = _holding(problem)
    prices = problem.shortfall_band_price_per_kwh
    return Stays(
        start=np.concatenate(([0], np.cumsum(length))),
        arrive=arrive,
        vehicle=np.append(np.flatnonzero(heads), count),
        step_h=np.asarray(problem.step_h, dtype=float),
        limit=problem.limit,
        held_kwh=problem.arrival_kwh,
        low_kwh=low,
        high_kwh=high,
        min_kwh=problem.min_kwh,
        max_kwh=problem.max_kwh,
        charge_kw=problem.max_charge_kw,
        discharge_kw=problem.max_discharge_kw,
        gain=gain,
        draw=draw,
        wear=problem.wear_price_per_kwh,
        due_kwh=np.where(problem.depart <= steps, problem.target_kwh, _floor(problem)),
        wanted_from_kwh=problem.arrival_kwh,
        short_price=np.array([short_price]) if prices is None else np.asarray(prices, dtype=float),
        end_price=NO_FLOATS if problem.end_value_per_kwh is None else problem.end_value_per_kwh,
        end_level_kwh=_end_level(problem),
        taper=_taper(problem, high),
        bands=bands,
        band_edge=edge,
        band_price=price,
        band_base=base,
        recover_price=recover_price if outside else 0.0,
        driven_kwh=NO_FLOATS if problem.driven_kwh is None else problem.driven_kwh,
        floor_kwh=NO_FLOATS,
    )


def _end_level(problem: Problem) -> Floats:
    if problem.end_value_per_kwh is None:
        return NO_FLOATS
    level = problem.max_kwh
    if problem.end_value_up_to_kwh is not None:
        level = np.minimum(level, problem.end_value_up_to_kwh)
    return np.maximum(level, 0.0)


def _taper(problem: Problem, high: Floats) -> Floats:
    if problem.taper_from_kwh is None:
        return np.zeros((0, 3))
    full, fade = taper_line(problem, high)
    return np.stack((full, fade, problem.taper_from_kwh), axis=1)


def _holding(problem: Problem) -> tuple[int, Floats, Floats, Floats]:
    if problem.holding_edges_kwh is None:
        return 0, np.zeros((0, 2)), np.zeros((0, 1, 1)), np.zeros((0, 1))
    price, base = problem.holding_price_per_kwh_h, problem.holding_base_per_h
    assert price is not None
    if price.ndim == 2:
        price = price[:, None, :]
    if base is None:
        base = np.zeros((len(problem), 1))
    return price.shape[2], problem.holding_edges_kwh, price, base if base.ndim > 1 else base[:, None]


def workspace(stays: Stays) -> int:
    """Segments that a vehicle's V can have at most."""
    steps = np.diff(stays.start)[:, None] if len(stays.start) > 1 else np.zeros((1, 1), dtype=int)
    chains = np.add.reduceat(steps[:, 0], stays.vehicle[:-1]) if len(stays.vehicle) > 1 else steps[0]
    rows = np.diff(stays.vehicle).max(initial=1)
    each = 2 + max(stays.bands - 1, 0) + (2 if stays.recover_price > 0 else 0)
    each += 1 if stays.taper.size else 0
    return int(chains.max(initial=0) * each + rows * (stays.short_price.size + 2) + 16)


Mask = Bools
