"""What a stay costs beyond what its limits and meters do, as functions of power and energy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.verify._stays import Energies, Stays, driven_kwh

NOT_MISSING_KWH = 1e-7
"""Less than this is rounding, no shortfall."""


def stay_cost(stays: Stays, power_kw: Floats, energies: Energies, wear: Floats) -> float:
    """Cost of stays: their own bills, wear, shortfall, end value and charging on the way.

    Parameters
    ----------
    stays
        Which.
    power_kw
        Shape (P,).
    energies
        What follows from it.
    wear
        Price per discharged kWh, shape (r,).
    """
    problem = stays.problem
    into, out = np.maximum(power_kw, 0.0), np.maximum(-power_kw, 0.0)
    cost = float(np.sum(stays.hours * out * wear[stays.row]))
    if len(problem.meters) == 0:
        price_in, price_out = energy_prices(stays)
        cost += float(np.sum(stays.hours * (price_in * into - price_out * out)))
    cost += float(np.sum(stays.hours * change_cost(stays, power_kw))) + depth_cost(stays, energies)
    cost += float(np.sum(holding_cost(stays, energies.after)))
    short = missing_kwh(stays, energies.at_end)
    cost += float(np.sum(shortfall_cost(stays, short, problem.shortfall_price_per_kwh)))
    cost -= float(np.sum(end_value(stays, energies.at_end)))
    return cost + problem.shortfall_price_per_kwh * float(np.sum(energies.on_the_way))


def change_cost(stays: Stays, power_kw: Floats) -> Floats:
    """Cost per hour of differing from the power planned before, shape (P,)."""
    earlier = planned_kw(stays)
    if earlier is None:
        return np.zeros(len(power_kw))
    away = np.abs(power_kw - earlier)
    return stays.problem.change_price_per_kwh * np.where(np.isfinite(away), away, 0.0)


def planned_kw(stays: Stays) -> Floats | None:
    """Power planned before in each pair, at most what the charger can do, NaN for none, (P,)."""
    problem = stays.problem
    if problem.planned_kw is None:
        return None
    planned = problem.planned_kw[stays.first + stays.row, stays.step]
    able = stays.by_pair(problem.max_charge_kw), stays.by_pair(problem.max_discharge_kw)
    return np.minimum(np.maximum(planned, -able[1]), able[0])


def energy_prices(stays: Stays) -> tuple[Floats, Floats]:
    """Prices of what each plug takes and gives where it is billed for itself, both shape (P,)."""
    problem = stays.problem
    carbon = carbon_price(problem)
    price_in = problem.price_import_per_kwh[0] + carbon
    price_out = problem.price_export_per_kwh[0] + carbon
    return price_in[stays.step], price_out[stays.step]


def carbon_price(problem: Problem) -> Floats:
    """Return what carbon adds to both energy prices, shape (T,)."""
    if problem.carbon_kg_per_kwh is None:
        return np.zeros(problem.steps)
    price: Floats = problem.carbon_kg_per_kwh * problem.carbon_price_per_kg
    return price


def missing_kwh(stays: Stays, at_end_kwh: Floats) -> Floats:
    """Energy short of what is due, shape (r,)."""
    short = stays.due_kwh - at_end_kwh
    return np.where(short > NOT_MISSING_KWH, short, 0.0)


def shortfall_cost(stays: Stays, short_kwh: Floats, price: float) -> Floats:
    """Cost of missing energy, shape (r,).

    ``price`` stands for the problem's own; what it is above that comes on every band too. Who
    wanted nothing more than it brought misses it in the first band.
    """
    bands = stays.problem.shortfall_band_price_per_kwh
    if bands is None:
        return price * short_kwh
    part = _band_kwh(stays)
    cost = (bands[0] + price - stays.problem.shortfall_price_per_kwh) * short_kwh
    for k in range(1, len(bands)):
        beyond = np.where(part > 0, np.maximum(short_kwh - k * part, 0.0), 0.0)
        cost = cost + (bands[k] - bands[k - 1]) * beyond
    shared: Floats = cost
    return shared


def _band_kwh(stays: Stays) -> Floats:
    """Width of a band of shortfall: a part of the energy wanted."""
    bands = stays.problem.shortfall_band_price_per_kwh
    assert bands is not None
    wanted = stays.due_kwh - stays.own(stays.problem.arrival_kwh)
    return np.maximum(np.where(np.isfinite(wanted), wanted, 0.0), 0.0) / len(bands)


def end_value(stays: Stays, at_end_kwh: Floats) -> Floats:
    """Worth of the energy held at the end, shape (r,)."""
    problem = stays.problem
    if problem.end_value_per_kwh is None:
        return np.zeros(len(at_end_kwh))
    worth: Floats
    worth = stays.own(problem.end_value_per_kwh) * np.minimum(at_end_kwh, _worth_up_to(stays))
    return worth


def _worth_up_to(stays: Stays) -> Floats:
    problem = stays.problem
    level = stays.own(problem.max_kwh)
    if problem.end_value_up_to_kwh is not None:
        level = np.minimum(level, stays.own(problem.end_value_up_to_kwh))
    return np.maximum(level, 0.0)


def end_bends(stays: Stays) -> Iterator[Floats]:
    """Give the energies at which the cost of an end bends, each of shape (r,)."""
    due = np.where(np.isfinite(stays.due_kwh), stays.due_kwh, 0.0)
    yield due
    bands = stays.problem.shortfall_band_price_per_kwh
    if bands is not None:
        for k in range(1, len(bands)):
            yield due - k * _band_kwh(stays)
    if stays.problem.end_value_per_kwh is not None:
        yield _worth_up_to(stays)
    if stays.follows.any():
        floor = stays.own(stays.problem.min_kwh) + driven_kwh(stays)
        yield np.append(floor[1:], 0.0)


def holding_cost(stays: Stays, after_kwh: Floats, pairs: Ints | None = None) -> Floats:
    """Cost of holding energy at the end of the step of each pair, or of some, shape of these."""
    problem = stays.problem
    edges, price = problem.holding_edges_kwh, problem.holding_price_per_kwh_h
    if edges is None or price is None:
        return np.zeros(len(after_kwh))
    which = slice(None) if pairs is None else pairs
    stay, step = stays.first + stays.row[which], stays.step[which]
    base = problem.holding_base_per_h
    rate = np.zeros(len(stay))
    if base is not None:
        rate = base[stay] if base.ndim == 1 else base[stay, step]

    def band(m: int) -> Floats:
        at: Floats = price[stay, m] if price.ndim == 2 else price[stay, step, m]
        return at

    slope = band(0)
    rate = rate + slope * (after_kwh - edges[stay, 0])
    for m in range(1, price.shape[-1]):
        steeper = band(m)
        rate = rate + (steeper - slope) * np.maximum(after_kwh - edges[stay, m], 0.0)
        slope = steeper
    cost: Floats = stays.hours[which] * rate
    return cost


def holding_bends(stays: Stays) -> Iterator[Floats]:
    """Give the energies at which holding cost bends, each of shape (P,)."""
    edges = stays.problem.holding_edges_kwh
    if edges is not None:
        for m in range(1, edges.shape[1] - 1):
            yield edges[stays.first + stays.row, m]


def depth_cost(stays: Stays, energies: Energies) -> float:
    """Cost of wear by depth.

    Below each boundary between segments lies a deep store. It gives only when the battery falls
    below what it holds, and takes only what the full segments above it leave; each kWh that it
    gives costs what the segment below the boundary is dearer than the one above.
    """
    problem = stays.problem
    price, capacity = problem.wear_depth_price_per_kwh, problem.wear_capacity_kwh
    if price is None or capacity is None:
        return 0.0
    count = price.shape[1]
    above = stays.own(capacity)[:, None] * np.arange(count) / count
    deep = _deep_at_start(stays, energies.arrival, above)
    given = np.zeros_like(deep)
    after = stays.table(energies.after)
    for trip in range(int(stays.trips.max(initial=0)) + 1):
        at = np.flatnonzero(stays.trips == trip)
        if trip:
            # The drive empties from the top and wears on no account of the plan's.
            now = energies.arrival[at, None]
            deep[at] = np.clip(deep[at - 1], now - above[at], now)
        for k in range(int(stays.length[at].max(initial=0))):
            i = at[stays.length[at] > k]
            now = after[i, k, None]
            fallen = np.maximum(deep[i] - now, 0.0)
            given[i] += fallen
            deep[i] = np.clip(deep[i] - fallen, now - above[i], None)
    dearer = np.diff(stays.own(price), axis=1, prepend=0.0)
    at_plug = stays.own(problem.discharge_efficiency)[:, None]
    return float(np.sum(dearer * at_plug * given))


def _deep_at_start(stays: Stays, arrival_kwh: Floats, above: Floats) -> Floats:
    """Energy below each boundary at the start, shape (r, J); without a cycle open all is full."""
    segments = stays.problem.wear_segment_kwh
    if segments is None:
        return np.maximum(arrival_kwh[:, None] - above, 0.0)
    own = stays.own(segments)
    return np.maximum(arrival_kwh[:, None] - (np.cumsum(own, axis=1) - own), 0.0)
