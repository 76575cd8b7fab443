"""Stressors: what a day of states of charge and temperatures means to a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells._kernel_stress import (
    COLDEST_C,
    HOTTEST_C,
    SOC_STEPS,
    STEPS_PER_KELVIN,
    DayColumns,
    Table,
    read_days,
    spread_each_day,
)

Floats = npt.NDArray[np.float64]
# Rate law of state of charge and temperature [K], over arrays.
RateLaw = Callable[[Any, Any], Floats]

Series = npt.NDArray[np.floating]
# From states of charge, temperatures and points per day to a stress of each day.
Fatigue = Callable[[Series, Series, int], Floats]

KELVIN = 273.15
PLACES = np.cos(np.pi * (2 * np.arange(5) + 1) / 10)
TO_WEIGHTS = np.ascontiguousarray(np.linalg.inv(np.vander(PLACES, increasing=True)).T)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a quantity is spread over each day: the average of any smooth function of it.

    Parameters
    ----------
    at, weight
        Five places and their weights, shape (vehicles or 1, days, 5).
    mean
        Plain mean over the nodes, shape (vehicles or 1, days).
    """

    at: Floats
    weight: Floats
    mean: Floats

    def average(self, function: Callable[[Floats], Floats]) -> Floats:
        """Time average of ``function``, which takes (…, 5); shape (vehicles or 1, days)."""
        averaged: Floats = np.einsum("...j,...j->...", function(self.at), self.weight)
        return averaged


def spread(values: Series, nodes_per_day: int) -> Spread:
    """Spread of each day of a series that repeats, shape (rows, points)."""
    rows, days = values.shape[0], -(-values.shape[1] // nodes_per_day)
    at, weight = np.empty((2, rows, days, PLACES.size))
    mean = np.empty((rows, days))
    spread_each_day(values, nodes_per_day, PLACES, TO_WEIGHTS, at, weight, mean)
    return Spread(at=at, weight=weight, mean=mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """What a day means to a cell; arrays of shape (vehicles, days) unless said otherwise.

    Parameters
    ----------
    days
        Length of each day [d]: 1, less for a last one that is cut short, shape (days,).
    depth, low, high, mean_soc
        Of the states of charge [0..1]; the mean is that of the nodes.
    efc
        Equivalent full cycles, half the total movement.
    rate, charge_rate, discharge_rate
        Mean rates [1/h]: over the whole day with its rest, and while charging or discharging.
    begin, end
        States of charge at the two ends of the day.
    table
        Time averages of the model's tabulated rate laws, shape (vehicles, days, tables).
    temperature_k
        Spread of the temperature [K].
    spreads
        Spreads of the model's own functions of state of charge and temperature.
    fatigue
        What the model itself reads from the series, shape (vehicles, days).
    nodes_per_day
        Steps of a whole day.
    """

    days: Floats
    depth: Floats
    low: Floats
    high: Floats
    mean_soc: Floats
    efc: Floats
    rate: Floats
    charge_rate: Floats
    discharge_rate: Floats
    begin: Floats
    end: Floats
    table: Floats
    temperature_k: Spread
    spreads: tuple[Spread, ...]
    fatigue: Floats | None = None
    nodes_per_day: int

    def mean_over_nodes(self, table: int, at_begin: Floats, at_end: Floats) -> Floats:
        """Plain mean over the nodes of a tabulated law, from its time average and its ends."""
        steps = self.days * self.nodes_per_day
        mean: Floats = (self.table[..., table] * steps + 0.5 * (at_begin + at_end)) / (steps + 1)
        return mean


def read_stress(
    soc: Series,
    temperature_c: Series,
    step_h: float,
    tables: Table,
    spread_laws: tuple[RateLaw, ...] = (),
    fatigue: Fatigue | None = None,
) -> Stress:
    """Stressors of a series that repeats.

    Parameters
    ----------
    soc
        Shape (vehicles, points).
    temperature_c
        Shape (vehicles or 1, points).
    step_h
        Between two points [h]; a whole number of steps makes a day.
    tables
        Tabulated rate laws, see :func:`tabulate`.
    spread_laws
        Functions of state of charge and temperature [K] whose spread is asked for.
    fatigue
        Reads what it needs from the series itself.
    """
    nodes = round(24.0 / step_h)
    points = soc.shape[1]
    days = -(-points // nodes)
    columns = DayColumns.of(soc.shape[0], days, tables.shape[2])
    read_days(soc, temperature_c, nodes, step_h, tables, columns)
    length = np.full(days, 1.0)
    length[-1] = (points - (days - 1) * nodes) / nodes
    heat = spread(temperature_c, nodes)
    fine = soc, temperature_c + KELVIN
    kelvin = Spread(at=heat.at + KELVIN, weight=heat.weight, mean=heat.mean + KELVIN)
    return Stress(
        days=length,
        temperature_k=kelvin,
        nodes_per_day=nodes,
        spreads=tuple(spread(law(*fine), nodes) for law in spread_laws),
        fatigue=None if fatigue is None else fatigue(soc, temperature_c, nodes),
        **columns._asdict(),
    )


def tabulate(laws: tuple[RateLaw, ...]) -> Table:
    """Tabulate rate laws over state of charge and temperature, shape (1001, 241, laws).

    Steps of 0.001 and 0.5 K. Between them rates are interpolated, which is right to 2e-4 of a
    rate, and to 1e-3 below a state of charge of 0.05, where the anode's potential bends.
    """
    soc = np.linspace(0.0, 1.0, SOC_STEPS + 1)[:, None]
    span = round((HOTTEST_C - COLDEST_C) * STEPS_PER_KELVIN)
    kelvin = (COLDEST_C + np.arange(span + 1) / STEPS_PER_KELVIN)[None, :] + KELVIN
    shape = (SOC_STEPS + 1, span + 1)
    tables = [np.broadcast_to(law(soc, kelvin), shape) for law in laws]
    if not tables:
        return np.empty((*shape, 0), dtype=np.float32)
    return np.ascontiguousarray(np.stack(tables, axis=-1), dtype=np.float32)
