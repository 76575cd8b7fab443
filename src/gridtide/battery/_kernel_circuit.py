"""The equivalent circuit of one cell, compiled: current at a power, one exact step.

Inside the circuit current and power are positive while DISCHARGING; the only place that turns
the project's sign into this one is :mod:`gridtide.battery.circuit`. Symbols: s state of charge,
amp current [A], v1 voltage of the RC pair [V], Eo = OCV - v1 [V], tau = R1*C1 [s], Q capacity
[Ah], eta coulombic efficiency, which counts while charging: of a charged Ah the share eta is
stored. R0 and R1 are held during a step; the open-circuit voltage is integrated.
"""

from __future__ import annotations

from math import exp, isnan, nan, sqrt

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]

NO_LIMIT, POWER_LIMIT, VOLTAGE_LIMIT, SOC_LIMIT = 0, 1, 2, 3
_ROUNDS = 60


@njit(cache=True, error_model="numpy")
def circuit_current(P: float, Eo: float, R0: float) -> float:
    """Find the current that gives the power P at the terminals [A]; NaN beyond the largest power.

    Of the two roots of ``R0*amp**2 - Eo*amp + P = 0`` the smaller one; the other lies beyond the
    largest power. Written so that nothing cancels and R0 = 0 needs no case of its own.
    """
    inside = Eo * Eo - 4.0 * R0 * P
    if inside < 0.0 or Eo <= 0.0:
        return nan
    return 2.0 * P / (Eo + sqrt(inside))


@njit(cache=True, error_model="numpy")
def table_value(s: float, grid: Floats, values: Floats) -> float:
    """Value of a table at s, linear between its points and held beyond its ends."""
    last = grid.size - 1
    if s <= grid[0] or last == 0:
        return float(values[0])
    if s >= grid[last]:
        return float(values[last])
    i = np.searchsorted(grid, s, side="right") - 1
    rise = (values[i + 1] - values[i]) / (grid[i + 1] - grid[i])
    return float(values[i] + rise * (s - grid[i]))


@njit(cache=True, error_model="numpy")
def table_mean(a: float, b: float, grid: Floats, values: Floats) -> float:
    """Mean of a table between a and b, exactly: trapezoids between the points in between."""
    low, high = min(a, b), max(a, b)
    if high <= low:
        return float(table_value(a, grid, values))
    area = 0.0
    x, y = low, table_value(low, grid, values)
    i = np.searchsorted(grid, low, side="right")
    while i < grid.size and grid[i] < high:
        area += 0.5 * (y + values[i]) * (grid[i] - x)
        x, y = grid[i], values[i]
        i += 1
    area += 0.5 * (y + table_value(high, grid, values)) * (high - x)
    return float(area / (high - low))


@njit(cache=True, error_model="numpy")
def soc_after(amp: float, h: float, s: float, Q: float, eta: float) -> float:
    """State of charge after h seconds at amp."""
    return s - amp * h * (eta if amp < 0.0 else 1.0) / (3600.0 * Q)


@njit(cache=True, error_model="numpy")
def circuit_step(
    amp: float,
    h: float,
    s: float,
    v1: float,
    grid: Floats,
    ocv: Floats,
    R0: float,
    R1: float,
    tau: float,
    Q: float,
    eta: float,
) -> tuple[float, float, float, float, float]:
    """One step of h seconds at constant current, in closed form.

    Returns
    -------
    s, v1, end_v, mean_v, heat_w
        State of charge and RC voltage after the step, terminal voltage at its end and on
        average [V], mean heat [W]: ``amp**2*R0 + v1**2/R1``, and the charge that is not stored
        while charging, at open-circuit voltage. With ``C1 = tau/R1`` it holds exactly that
        ``amp*mean_ocv = amp*mean_v + heat + change of C1*v1**2/2 per h`` (eta = 1).
    """
    s2 = soc_after(amp, h, s, Q, eta)
    mean_ocv = table_mean(s, s2, grid, ocv)
    v2, mean_v1, mean_square = 0.0, 0.0, 0.0
    if R1 > 0.0:
        e = exp(-h / tau)
        settled = R1 * amp
        off = v1 - settled
        v2 = settled + off * e
        g = (1.0 - e) * tau / h
        mean_v1 = settled + off * g
        mean_square = settled**2 + 2.0 * settled * off * g + off**2 * g * (1.0 + e) / 2.0
    heat = amp * amp * R0
    if R1 > 0.0:
        heat += mean_square / R1
    if amp < 0.0:
        heat -= (1.0 - eta) * amp * mean_ocv
    end_v = table_value(s2, grid, ocv) - amp * R0 - v2
    return s2, v2, end_v, mean_ocv - amp * R0 - mean_v1, heat


@njit(cache=True, error_model="numpy")
def mean_resistance(h: float, R0: float, R1: float, tau: float) -> tuple[float, float]:
    """Share of v1 in the mean voltage of a step [-], and the resistance that amp sees [ohm]."""
    if not R1 > 0.0:
        return 0.0, R0
    g = (1.0 - exp(-h / tau)) * tau / h
    return g, R0 + R1 * (1.0 - g)


@njit(cache=True, error_model="numpy")
def held_current(
    P: float,
    h: float,
    s: float,
    v1: float,
    grid: Floats,
    ocv: Floats,
    R0: float,
    R1: float,
    tau: float,
    Q: float,
    eta: float,
) -> float:
    """Constant current whose mean power over the step is P [A]; NaN where there is none.

    The mean voltage is ``mean_ocv(amp) - v1*g - amp*(R0 + R1*(1 - g))`` with
    ``g = (1 - exp(-h/tau))*tau/h``. Only the mean open-circuit voltage depends on amp otherwise
    than linearly, and weakly: substituted, it converges within a few rounds.
    """
    g, R = mean_resistance(h, R0, R1, tau)
    amp = circuit_current(P, table_value(s, grid, ocv) - v1 * g, R)
    for _ in range(_ROUNDS):
        mean_ocv = table_mean(s, soc_after(amp, h, s, Q, eta), grid, ocv)
        better = circuit_current(P, mean_ocv - v1 * g, R)
        if not abs(better - amp) > 1e-13 * abs(better):
            return float(better)
        amp = better
    return float(amp)


@njit(cache=True, error_model="numpy")
def step_within(
    amp: float,
    h: float,
    s: float,
    v1: float,
    grid: Floats,
    ocv: Floats,
    R0: float,
    R1: float,
    tau: float,
    Q: float,
    eta: float,
    min_v: float,
    max_v: float,
) -> int:
    """Limit that a current would break at the start or the end of the step, or NO_LIMIT."""
    s2, _, end_v, _, _ = circuit_step(amp, h, s, v1, grid, ocv, R0, R1, tau, Q, eta)
    start_v = table_value(s, grid, ocv) - v1 - amp * R0
    if amp > 0.0:
        if s2 < -1e-12:
            return SOC_LIMIT
        return VOLTAGE_LIMIT if min(start_v, end_v) < min_v - 1e-12 else NO_LIMIT
    if amp < 0.0:
        if s2 > 1.0 + 1e-12:
            return SOC_LIMIT
        return VOLTAGE_LIMIT if max(start_v, end_v) > max_v + 1e-12 else NO_LIMIT
    return NO_LIMIT


@njit(cache=True, error_model="numpy")
def circuit_power_step(
    P: float,
    h: float,
    s: float,
    v1: float,
    grid: Floats,
    ocv: Floats,
    R0: float,
    R1: float,
    tau: float,
    Q: float,
    eta: float,
    min_v: float,
    max_v: float,
) -> tuple[float, float, float, float, float, float, int]:
    """One step of h seconds that gives P on average, or as much of it as the limits allow.

    The current is constant in the step. Where it would leave the window of voltage or state
    of charge, the largest current within them is held instead, found by bisection. Where P is
    beyond the largest power, it starts from the current of that power, ``Eo/(2*R)`` with the
    open-circuit voltage of the step's start.

    Returns
    -------
    s, v1, end_v, heat_w, amp, held_w, limit
        As of :func:`circuit_step`, the current [A], the mean power at the terminals [W], and
        what cut it: NO_LIMIT, POWER_LIMIT, VOLTAGE_LIMIT or SOC_LIMIT.
    """
    amp = held_current(P, h, s, v1, grid, ocv, R0, R1, tau, Q, eta)
    limit = NO_LIMIT
    if isnan(amp):
        limit = POWER_LIMIT
        g, R = mean_resistance(h, R0, R1, tau)
        amp = 0.5 * (table_value(s, grid, ocv) - v1 * g) / R
    broken = step_within(amp, h, s, v1, grid, ocv, R0, R1, tau, Q, eta, min_v, max_v)
    if broken != NO_LIMIT:
        limit = broken
        low, high = 0.0, amp
        for _ in range(_ROUNDS):
            amp = 0.5 * (low + high)
            broken = step_within(amp, h, s, v1, grid, ocv, R0, R1, tau, Q, eta, min_v, max_v)
            if broken == NO_LIMIT:
                low = amp
            else:
                high, limit = amp, broken
        amp = low
    s2, v2, end_v, mean_v, heat = circuit_step(amp, h, s, v1, grid, ocv, R0, R1, tau, Q, eta)
    return min(max(s2, 0.0), 1.0), v2, end_v, heat, amp, amp * mean_v, limit


@njit(cache=True, error_model="numpy")
def circuit_each(
    power: Floats,
    h: float,
    cells: Floats,
    start: Floats,
    factor: Floats,
    eta: Floats,
    grid: Floats,
    ocv: Floats,
    r0: Floats,
    r1: Floats,
    tau: float,
    Q: float,
    min_v: float,
    max_v: float,
    soc: Floats,
    voltage: Floats,
    current: Floats,
    heat: Floats,
    held: Floats,
    limit: npt.NDArray[np.int8],
) -> None:
    """Run every row of ``power`` [W per cell] and fill the six arrays behind it."""
    for n in range(power.shape[0]):
        s, v1 = start[n], 0.0
        soc[n, 0] = s
        for k in range(power.shape[1]):
            R0 = factor[n] * table_value(s, grid, r0)
            R1 = factor[n] * table_value(s, grid, r1)
            s, v1, voltage[n, k], heat[n, k], current[n, k], held[n, k], limit[n, k] = (
                circuit_power_step(
                    power[n, k], h, s, v1, grid, ocv, R0, R1, tau, Q, eta[n], min_v, max_v
                )
            )
            soc[n, k + 1] = s
        heat[n] *= cells[n]
