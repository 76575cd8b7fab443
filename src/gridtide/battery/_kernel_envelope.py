"""Limits that a battery management system sets, compiled: power at the cells by temperature.

Symbols: T pack temperature [°C], capacity [kWh], dc power at the cells [kW], >= 0 both ways.
"""

from __future__ import annotations

from math import inf, isnan
from typing import NamedTuple

from numba import njit

from gridtide.core import Reason

NONE = int(Reason.NOT_CONNECTED)
BATTERY_TEMPERATURE = int(Reason.BATTERY_TEMPERATURE)
BATTERY_RATE = int(Reason.BATTERY_RATE)
DATA_IN_DOUBT = int(Reason.DATA_IN_DOUBT)


class EnvelopeLaw(NamedTuple):
    """An :class:`gridtide.battery.Envelope` as compiled code takes it.

    Rates in 1/h, ``inf`` for none; temperatures in °C; budgets per year, ``inf`` for none.
    """

    charge_rate: float
    discharge_rate: float
    by_temperature: bool
    discharge_off_below: float
    cold: float
    cold_charge_rate: float
    cold_discharge_rate: float
    mild: float
    hot: float
    off_above: float
    floor_soc: float
    top_soc: float
    hard_top_soc: float
    yearly_kwh: float
    yearly_cycles: float
    dwell_s: float
    stale_s: float


@njit(cache=True, error_model="numpy")
def _share_when_hot(T: float, hot: float, off_above: float) -> float:
    if off_above < T:
        return 0.0
    return min((off_above - T) / (off_above - hot), 1.0) if off_above > hot else 1.0


@njit(cache=True, error_model="numpy")
def charge_limit_kw(dc: float, capacity: float, T: float, law: EnvelopeLaw) -> tuple[float, int]:
    """Power that the cells may take of ``dc`` >= 0 [kW], and the reason of a cut.

    At an unknown temperature (NaN) the temperature cuts nothing here.
    """
    least, why = dc, NONE
    if law.charge_rate * capacity < least:
        least, why = law.charge_rate * capacity, BATTERY_RATE
    if law.by_temperature and not isnan(T):
        cold = min(law.cold_charge_rate * capacity, dc)
        warmth = dc
        if law.cold > T:
            warmth = cold
        elif law.mild > T:
            warmth = cold + (dc - cold) * (T - law.cold) / (law.mild - law.cold)
        elif law.hot < T:
            warmth = dc * _share_when_hot(T, law.hot, law.off_above)
        if warmth < least:
            least, why = warmth, BATTERY_TEMPERATURE
    return least, why


@njit(cache=True, error_model="numpy")
def discharge_limit_kw(dc: float, capacity: float, T: float, law: EnvelopeLaw) -> tuple[float, int]:
    """Power that the cells may give of ``dc`` >= 0 [kW], and the reason of a cut.

    At an unknown temperature (NaN) nothing is given where the temperature counts.
    """
    least, why = dc, NONE
    if law.discharge_rate * capacity < least:
        least, why = law.discharge_rate * capacity, BATTERY_RATE
    if law.by_temperature:
        if isnan(T):
            return 0.0, DATA_IN_DOUBT
        warmth = inf
        if law.discharge_off_below > T:
            warmth = 0.0
        elif law.cold > T:
            warmth = law.cold_discharge_rate * capacity
        elif law.hot < T:
            warmth = dc * _share_when_hot(T, law.hot, law.off_above)
        if warmth < least:
            least, why = warmth, BATTERY_TEMPERATURE
    return least, why
