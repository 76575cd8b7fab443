"""Compiled stressors of days: one pass over states of charge, one over temperatures.

A day has its nodes at both ends: hourly values are 25 nodes, the last one being the first of the
next day. A period repeats: what follows its last value is its first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Table = npt.NDArray[np.float32]

# Grid of the tabulated rates.
SOC_STEPS = 1000
COLDEST_C, HOTTEST_C, STEPS_PER_KELVIN = -40.0, 80.0, 2.0
REST_C = 0.01  # a slower change counts as rest in the mean rates [1/h]


class DayColumns(NamedTuple):
    """What a day of each vehicle comes to; arrays of shape (vehicles, days).

    ``table`` holds time averages of the tabulated rates, shape (vehicles, days, tables).
    """

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

    @classmethod
    def of(cls, vehicles: int, days: int, tables: int) -> DayColumns:
        """Make room for the results."""
        columns = {name: np.empty((vehicles, days)) for name in cls._fields[:-1]}
        return cls(**columns, table=np.empty((vehicles, days, tables)))


@njit(cache=True, error_model="numpy")
def read_days(
    soc: npt.NDArray[np.floating],
    temperature_c: npt.NDArray[np.floating],
    nodes_per_day: int,
    step_h: float,
    tables: Table,
    out: DayColumns,
) -> None:
    """Fill ``out``; ``temperature_c`` has one row for all vehicles or one for each.

    Rates of charge are |Δs| per hour of each interval, stamped at its end; their mean is the
    trapezoid over these stamps divided by the day (rate), or over the charging (discharging)
    intervals alone divided by their own span: the convention that the models were fitted with.
    """
    vehicles, points = soc.shape
    low_, high_, mean_, efc_ = out.low, out.high, out.mean_soc, out.efc
    depth_, rate_, charge_, discharge_ = out.depth, out.rate, out.charge_rate, out.discharge_rate
    out_begin, out_end, table_ = out.begin, out.end, out.table
    count = tables.shape[2]
    shared = temperature_c.shape[0] == 1
    sums = np.zeros(count)
    for v in range(vehicles):
        t_row = 0 if shared else v
        for day in range(depth_.shape[1]):
            first = day * nodes_per_day
            last = min(first + nodes_per_day, points)
            s = float(soc[v, first])
            low, high, total, moved = s, s, 0.0, 0.0
            sums[:] = 0.0
            c_sum, c_first, c_last = 0.0, 0.0, 0.0
            up_sum, up_first, up_last, up_n = 0.0, 0.0, 0.0, 0
            down_sum, down_first, down_last, down_n = 0.0, 0.0, 0.0, 0
            for k in range(first, last + 1):
                at = k if k < points else 0
                now = float(soc[v, at])
                total += now
                low, high = min(low, now), max(high, now)
                if count > 0:
                    weight = 0.5 if k in (first, last) else 1.0
                    x = min(max(now, 0.0), 1.0) * SOC_STEPS
                    i = min(int(x), SOC_STEPS - 1)
                    x -= i
                    y = (float(temperature_c[t_row, at]) - COLDEST_C) * STEPS_PER_KELVIN
                    j = min(max(int(y), 0), tables.shape[1] - 2)
                    y -= j
                    for m in range(count):
                        lower = tables[i, j, m] * (1.0 - y) + tables[i, j + 1, m] * y
                        upper = tables[i + 1, j, m] * (1.0 - y) + tables[i + 1, j + 1, m] * y
                        sums[m] += weight * (lower * (1.0 - x) + upper * x)
                if k > first:
                    change = now - s
                    moved += abs(change)
                    c = change / step_h
                    if c >= REST_C:
                        if up_n == 0:
                            up_first = c
                        up_sum, up_last, up_n = up_sum + c, c, up_n + 1
                    elif c <= -REST_C:
                        c = -c
                        if down_n == 0:
                            down_first = c
                        down_sum, down_last, down_n = down_sum + c, c, down_n + 1
                    else:
                        c = 0.0
                    if k == first + 1:
                        c_first = c
                    c_sum, c_last = c_sum + c, c
                s = now
            out_begin[v, day], out_end[v, day] = soc[v, first], s
            intervals = last - first
            low_[v, day], high_[v, day], depth_[v, day] = low, high, high - low
            mean_[v, day] = total / (intervals + 1)
            efc_[v, day] = 0.5 * moved
            rate_[v, day] = (c_sum - 0.5 * (c_first + c_last)) / intervals
            charge_[v, day] = mean_of_some(up_sum, up_first, up_last, up_n)
            discharge_[v, day] = mean_of_some(down_sum, down_first, down_last, down_n)
            for m in range(count):
                table_[v, day, m] = sums[m] / intervals


@njit(cache=True, error_model="numpy")
def mean_of_some(total: float, first: float, last: float, n: int) -> float:
    """Trapezoid over ``n`` even stamps divided by the span between the first and the last."""
    if n < 2:
        return total
    return (total - 0.5 * (first + last)) / (n - 1)


@njit(cache=True, error_model="numpy")
def spread_each_day(
    values: npt.NDArray[np.floating],
    nodes_per_day: int,
    places: Floats,
    to_weights: Floats,
    at: Floats,
    weight: Floats,
    mean: Floats,
) -> None:
    """Places and weights for the time average of any smooth function of ``values`` over a day.

    Interpolation at Chebyshev places between the day's extremes, averaged over the day: with
    ``L_j`` the Lagrange polynomials, ``mean f ≈ Σ_j f(at_j)·mean L_j(values)``, and the mean of
    ``L_j`` follows from the first moments. Shapes: ``values`` (rows, points), ``at`` and
    ``weight`` (rows, days, places), ``mean`` (rows, days), the plain mean over the nodes.
    """
    rows, points = values.shape
    count = places.size
    moment = np.zeros(count)
    for row in range(rows):
        for day in range(mean.shape[1]):
            first = day * nodes_per_day
            last = min(first + nodes_per_day, points)
            low = high = float(values[row, first])
            total = 0.0
            for k in range(first, last + 1):
                now = float(values[row, k if k < points else 0])
                low, high, total = min(low, now), max(high, now), total + now
            mean[row, day] = total / (last - first + 1)
            middle, half = 0.5 * (low + high), max(0.5 * (high - low), 1e-9)
            moment[:] = 0.0
            for k in range(first, last + 1):
                u = (float(values[row, k if k < points else 0]) - middle) / half
                power = 0.5 if k in (first, last) else 1.0
                for p in range(count):
                    moment[p] += power
                    power *= u
            for j in range(count):
                at[row, day, j] = middle + half * places[j]
                total = 0.0
                for p in range(count):
                    total += to_weights[j, p] * moment[p]
                weight[row, day, j] = total / (last - first)
