"""Prices of wear as the rows and the accounts both read them."""

from __future__ import annotations

import numpy as np

from gridtide.plan._chains import first_stay
from gridtide.plan._layout import Layout
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.segments import fresh_segments


def shallowest_price_per_kwh(problem: Problem) -> Floats:
    """Price of the shallowest segment per kWh at the plug, shape (n,)."""
    if problem.wear_depth_price_per_kwh is None:
        return np.zeros(len(problem))
    first: Floats = problem.wear_depth_price_per_kwh[:, 0]
    return first


def steepest_wear_per_kwh(problem: Problem) -> float:
    """Most that a kWh can cost in wear: discharged from the deepest segment, then held out."""
    steepest = float(problem.wear_price_per_kwh.max(initial=0.0))
    if problem.wear_depth_price_per_kwh is not None:
        steepest += float(problem.wear_depth_price_per_kwh.max(initial=0.0))
    if problem.holding_price_per_kwh_h is not None:
        slope = float(np.abs(problem.holding_price_per_kwh_h).max(initial=0.0))
        steepest += slope * float(problem.step_h.sum())
    return steepest


def start_segments(problem: Problem) -> Floats:
    """Energy by segment at the first start: as given, or of a battery without an open cycle."""
    assert problem.wear_depth_price_per_kwh is not None and problem.wear_capacity_kwh is not None
    if problem.wear_segment_kwh is not None:
        return problem.wear_segment_kwh
    count = problem.wear_depth_price_per_kwh.shape[1]
    held = problem.arrival_kwh[first_stay(problem)]
    return fresh_segments(held, problem.wear_capacity_kwh, count)


def holding_slopes(layout: Layout) -> Floats:
    """Slopes of the holding price at each pair [currency/kWh/h], shape (N, M)."""
    price = layout.problem.holding_price_per_kwh_h
    assert price is not None
    slopes: Floats
    slopes = price[layout.vehicle] if price.ndim == 2 else price[layout.vehicle, layout.step]
    return slopes


def holding_base(layout: Layout) -> Floats:
    """Cost per hour at the lowest edge at each pair [currency/h], shape (N,)."""
    base = layout.problem.holding_base_per_h
    if base is None:
        return np.zeros(len(layout.vehicle))
    at: Floats
    at = base[layout.vehicle] if base.ndim == 1 else base[layout.vehicle, layout.step]
    return at
