"""Powers that keep a cell's voltage within a window, compiled; rates in 1/h of the capacity.

Symbols: s state of charge, T pack temperature [°C], eo open-circuit voltage [V], R resistance with
the RC pair settled [ohm]. The pair is taken as settled, for a control step lasts minutes: that is
the narrower limit.
"""

from __future__ import annotations

from math import exp, isnan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gridtide.battery._kernel_circuit import table_value

Floats = npt.NDArray[np.float64]

GAS_J_MOL_K = 8.3144
ZERO_C_K = 273.15
REFERENCE_K = 298.15
_ROUNDS = 40


class VoltageLaw(NamedTuple):
    """Circuits of the chemistries on one grid of states of charge.

    ``grid`` (k,); ``open_v`` and ``ohm`` (chemistries, k); ``cell`` (chemistries, 4): energy of a
    cell [kWh], activation energy [J/mol], lowest and highest voltage [V].
    """

    grid: Floats
    open_v: Floats
    ohm: Floats
    cell: Floats


@njit(cache=True, error_model="numpy")
def _ohm(k: int, s: float, T: float, law: VoltageLaw) -> float:
    """Resistance at s and T; an unknown temperature counts as 25 °C."""
    at_25: float = table_value(s, law.grid, law.ohm[k])
    if isnan(T):
        return at_25
    kelvin = min(max(T, -60.0), 100.0) + ZERO_C_K
    return at_25 * exp(law.cell[k, 1] / GAS_J_MOL_K * (1.0 / kelvin - 1.0 / REFERENCE_K))


@njit(cache=True, error_model="numpy")
def voltage_rates(k: int, s: float, T: float, law: VoltageLaw) -> tuple[float, float]:
    """Largest rates of charging and discharging at s and T [1/h], both >= 0."""
    eo, R = table_value(s, law.grid, law.open_v[k]), _ohm(k, s, T, law)
    energy, low, high = law.cell[k, 0], law.cell[k, 2], law.cell[k, 3]
    taken = max((high - eo) / R, 0.0) * high
    current = min(max((eo - low) / R, 0.0), 0.5 * eo / R)
    given = current * (eo - current * R)
    return taken / 1000.0 / energy, given / 1000.0 / energy


@njit(cache=True, error_model="numpy")
def within_voltage(
    dc: float, k: int, e: float, T: float, capacity: float, h: float, law: VoltageLaw
) -> float:
    """Largest constant power of the sign of ``dc`` that keeps the voltage for h hours [kW].

    The limit narrows on the way: the power is the largest that the voltage still allows where
    it ends, found by bisection, so that a battery near full is filled ever more slowly.

    Returns
    -------
    At most ``abs(dc)``, >= 0.
    """
    sign = 1.0 if dc > 0.0 else -1.0
    low, high = 0.0, abs(dc)
    for turn in range(_ROUNDS):
        P = high if turn == 0 else 0.5 * (low + high)
        s = min(max((e + sign * P * h) / capacity, 0.0), 1.0)
        taken, given = voltage_rates(k, s, T, law)
        if (taken if sign > 0.0 else given) * capacity >= P:
            low = P
            if turn == 0:
                return P
        else:
            high = P
    return low
