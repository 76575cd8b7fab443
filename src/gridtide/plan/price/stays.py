"""The stays of a problem as arrays for the kernels, small enough for a million vehicles."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gridtide.plan._layout import _floor, _window, find_stay_starts, stay_ends, taper_line
from gridtide.plan._losses import LossLaw, loss_law
from gridtide.plan.problem import Floats, Ints, Problem

STAY = np.dtype(
    [
        ("start", np.int32),
        ("steps", np.int32),
        ("arrive", np.int32),
        ("path", np.int32),
        ("held_kwh", np.float64),
        ("low_kwh", np.float64),
        ("high_kwh", np.float64),
        ("min_kwh", np.float64),
        ("max_kwh", np.float64),
        ("charge_kw", np.float64),
        ("discharge_kw", np.float64),
        ("gain", np.float64),
        ("draw", np.float64),
        ("wear", np.float64),
        ("due_kwh", np.float64),
        ("wanted_kwh", np.float64),
        ("end_price", np.float64),
        ("end_level_kwh", np.float64),
        ("driven_kwh", np.float64),
    ],
    align=True,
)
"""What a kernel reads of one stay, side by side in memory.

``start`` is where its steps begin among those of all stays; ``path`` the rows above it;
``held_kwh`` the energy on arrival, of a stay that continues the most that it can be;
``low_kwh`` and ``high_kwh`` are the hard window, ``min_kwh`` and ``max_kwh`` the wanted one;
``gain`` and ``draw`` the energy stored and taken per kWh at the plug; ``due_kwh`` the energy due
at the end (-inf for none) and ``wanted_kwh`` how much of it was wanted; ``driven_kwh`` the drive
before the stay.
"""

GAIN, GAIN_OFFSET, GAIN_FROM, DRAW, DRAW_OFFSET, DRAW_FROM = range(6)
"""Rows of the losses in parts of a stay: stored per kWh charged in each part, offset of its line
[kW], power at the plug from which it begins [kW]; the same for what is taken."""

MOST_BEYOND = 2
"""Shortfalls, at most, beyond which missing energy costs more."""

Stay = Any
"""One record of ``STAY``, as kernels see it."""
Work = tuple[Floats, ...]
"""Memory of one thread."""


class Stays(NamedTuple):
    """n stays of v vehicles: what each may do and what it wants.

    Few arrays, for each costs every call of a kernel some nanoseconds.

    Parameters
    ----------
    each
        One record of ``STAY`` per stay, shape (n,).
    vehicle
        First stay of each vehicle, shape (v + 1,).
    step_h
        Hours of each step of the problem, shape (T,).
    short_price
        Price of each band of the energy missing on departure [currency/kWh], shape (K,).
    band_edge, band_price, band_base
        Holding: edges (n, M + 1), prices (n, 1 or T, M), base (n, 1 or T); empty for none.
    law
        Losses in parts, shape (n, 6, P), or none: then ``gain`` and ``draw`` are all there is.
    planned_kw
        Power planned before in each plugged step, NaN for none, shape (N,), or none.
    taper
        Full charging power at the cells [kW], its fall per kWh [1/h] and above which energy, shape
        (n, 3), or none.
    floor_kwh
        Lower end of the wanted window at the end of each step, shape (N,), or none.
    recover_price
        On being outside the wanted window [currency/kWh/h]; 0 where nobody is.
    drive_price
        Of energy bought on the way [currency/kWh].
    beyond_kwh, beyond_price
        Shortfalls beyond which each kWh missing costs more, and how much more [kWh, currency/kWh],
        shape (B,); none where the largest shortfall has no price of its own.
    change_price
        Of differing from the power planned before [currency/kWh].
    together, kept_price
        For what is held together, by step, of the vehicle that a lane looks at: the price on its
        energy at the end of each step [currency/kWh/h], and where limits are being kept the least
        and the most that it is to hold for each row of energy above it, shape (1 + 2·K, T); none
        where no limit bounds that. What each kWh missing or beyond costs [currency/kWh/h].
    """

    each: npt.NDArray[np.void]
    vehicle: Ints
    step_h: Floats
    short_price: Floats
    band_edge: Floats
    band_price: Floats
    band_base: Floats
    law: Floats
    planned_kw: Floats
    taper: Floats
    floor_kwh: Floats
    recover_price: float
    drive_price: float
    beyond_kwh: Floats
    beyond_price: Floats
    change_price: float
    together: Floats
    kept_price: float


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
    arrive, depart = stay_ends(problem)
    length = depart - arrive
    law = loss_law(problem, chord_of_standby=True)
    gain, draw = law.gain[:, 0], law.draw[:, 0]
    heads = np.ones(count, dtype=bool) if problem.continues is None else ~problem.continues
    begin = problem.arrival_kwh, problem.arrival_kwh
    if not heads.all():
        starts = find_stay_starts(problem, (arrive, depart), law, np.zeros(count))
        begin = starts.low_kwh, starts.high_kwh
    low, high = _window(problem, *begin)
    outside = bool(np.any((low < problem.min_kwh - 1e-9) | (high > problem.max_kwh + 1e-9)))
    each = np.zeros(count, dtype=STAY)
    each["start"] = np.cumsum(length) - length
    each["steps"], each["arrive"] = length, arrive
    each["held_kwh"], each["low_kwh"], each["high_kwh"] = begin[1], low, high
    each["min_kwh"], each["max_kwh"] = problem.min_kwh, problem.max_kwh
    each["charge_kw"], each["discharge_kw"] = problem.max_charge_kw, problem.max_discharge_kw
    each["gain"], each["draw"], each["wear"] = gain, draw, problem.wear_price_per_kwh
    each["due_kwh"] = np.where(problem.depart <= steps, problem.target_kwh, _floor(problem))
    each["wanted_kwh"] = np.maximum(each["due_kwh"] - problem.arrival_kwh, 0.0)
    if problem.end_value_per_kwh is not None:
        each["end_price"], each["end_level_kwh"] = problem.end_value_per_kwh, _end_level(problem)
    if problem.driven_kwh is not None:
        each["driven_kwh"] = problem.driven_kwh
    taper = np.zeros((0, 3))
    if problem.taper_from_kwh is not None:
        taper = np.stack((*taper_line(problem, high), problem.taper_from_kwh), axis=1)
    edge, price, base = _holding(problem)
    planned = _planned(problem, each)
    prices = problem.shortfall_band_price_per_kwh
    return Stays(
        each=each,
        vehicle=np.append(np.flatnonzero(heads), count),
        step_h=np.asarray(problem.step_h, dtype=float),
        short_price=np.array([short_price]) if prices is None else np.asarray(prices, dtype=float),
        band_edge=edge,
        band_price=price,
        band_base=base,
        law=_law(law, len(planned) > 0),
        planned_kw=planned,
        taper=taper,
        floor_kwh=_floors(problem, each),
        recover_price=recover_price if outside or problem.floor_kwh is not None else 0.0,
        drive_price=max(short_price, problem.shortfall_price_per_kwh),
        beyond_kwh=np.zeros(0),
        beyond_price=np.zeros(0),
        change_price=problem.change_price_per_kwh,
        together=np.zeros((0, problem.steps)),
        kept_price=problem.stored_price_per_kwh_h,
    )


def usual_prices(stays: Stays, problem: Problem) -> Stays:
    """Price missing energy as the problem does, and being outside the window not at all."""
    prices = problem.shortfall_band_price_per_kwh
    return stays._replace(
        short_price=np.array([problem.shortfall_price_per_kwh]) if prices is None else prices,
        drive_price=problem.shortfall_price_per_kwh,
        recover_price=0.0,
        beyond_kwh=np.zeros(0),
        beyond_price=np.zeros(0),
    )


def _floors(problem: Problem, each: npt.NDArray[np.void]) -> Floats:
    """Wanted energy at the end of each plugged step, within what the window holds, shape (N,)."""
    if problem.floor_kwh is None:
        return np.zeros(0)
    row, step = _pairs(each)
    floor: Floats = np.minimum(problem.floor_kwh[row, step], each["high_kwh"][row])
    wanted: Floats = np.maximum(floor, each["min_kwh"][row])
    return wanted


def _planned(problem: Problem, each: npt.NDArray[np.void]) -> Floats:
    if problem.planned_kw is None or problem.change_price_per_kwh <= 0:
        return np.zeros(0)
    least, most = (np.repeat(each[way], each["steps"]) for way in ("discharge_kw", "charge_kw"))
    planned: Floats = np.clip(problem.planned_kw[_pairs(each)], -least, most)
    return planned


def _pairs(each: npt.NDArray[np.void]) -> tuple[Ints, Ints]:
    """Stay and step of each plugged pair, both shape (N,)."""
    row = np.repeat(np.arange(len(each)), each["steps"])
    return row, np.arange(len(row)) - (each["start"] - each["arrive"])[row]


def _law(law: LossLaw, always: bool) -> Floats:
    """Lay losses in parts out, as many parts each way: parts that never begin fill up."""
    parts = max(law.gain.shape[1], law.draw.shape[1])
    if parts == 1 and not always:
        return np.zeros((0, 6, 1))
    table = np.empty((len(law.gain), 6, parts))
    for rows, lines in (
        ((GAIN, GAIN_OFFSET, GAIN_FROM), (law.gain, law.gain_offset_kw, law.charge_from_kw)),
        ((DRAW, DRAW_OFFSET, DRAW_FROM), (law.draw, law.draw_offset_kw, law.discharge_from_kw)),
    ):
        for row, line in zip(rows[:2], lines[:2], strict=True):
            table[:, row] = np.pad(line, ((0, 0), (0, parts - line.shape[1])), mode="edge")
        begin = np.pad(lines[2], ((0, 0), (1, 0)))
        table[:, rows[2]] = np.inf
        table[:, rows[2], : begin.shape[1]] = begin
    return table


def _end_level(problem: Problem) -> Floats:
    level = problem.max_kwh
    if problem.end_value_up_to_kwh is not None:
        level = np.minimum(level, problem.end_value_up_to_kwh)
    return np.maximum(level, 0.0)


def _holding(problem: Problem) -> tuple[Floats, Floats, Floats]:
    price, base = problem.holding_price_per_kwh_h, problem.holding_base_per_h
    if problem.holding_edges_kwh is None or price is None:
        return np.zeros((0, 2)), np.zeros((0, 1, 0)), np.zeros((0, 1))
    if price.ndim == 2:
        price = price[:, None, :]
    if base is None:
        base = np.zeros((len(problem), 1))
    return problem.holding_edges_kwh, price, base if base.ndim > 1 else base[:, None]


def segments(stays: Stays, kept: int = 0) -> int:
    """Places that the list of a vehicle's V needs at most, on both sides of its middle.

    ``kept`` is how many rows of energy held together are above a vehicle at most.
    """
    chain = np.add.reduceat(stays.each["steps"], stays.vehicle[:-1]) if len(stays.each) else 0
    rows = int(np.diff(stays.vehicle).max(initial=1))
    parts = stays.law.shape[2]
    step = 3 if len(stays.law) == 0 else 4 * parts + 4
    step += max(stays.band_price.shape[2] - 1, 0) + (2 if stays.recover_price > 0 else 0)
    step += 2 * kept
    ends = rows * (stays.short_price.size + MOST_BEYOND + 3) + 16
    places: int = 2 * (int(np.max(chain, initial=0)) * step + ends)
    return places
