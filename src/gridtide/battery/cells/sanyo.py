"""Sanyo NMC cell with its resistance.

Parameters as stated in the paper of the card.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery._circuit_tables import NMC_OCV
from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.laws import Law, linear, power
from gridtide.battery.cells.model import CellModel, Outcome
from gridtide.battery.cells.stress import Stress

Floats = npt.NDArray[np.float64]


SANYO_SOC, SANYO_OCV_V = np.array(NMC_OCV).T
SANYO_AH = 2.15


def sanyo_voltage(s: Floats) -> Floats:
    """Open-circuit voltage of the Sanyo cell [V]."""
    voltage: Floats = np.interp(s, SANYO_SOC, SANYO_OCV_V)
    return voltage


def _sanyo_capacity(s: Floats, T: Floats) -> Floats:
    rate: Floats = (7.543 * sanyo_voltage(s) - 23.75) * 1e6 * np.exp(-6976.0 / T)
    return rate


def _sanyo_resistance(s: Floats, T: Floats) -> Floats:
    rate: Floats = (5.270 * sanyo_voltage(s) - 16.32) * 1e5 * np.exp(-5986.0 / T)
    return rate


def _sanyo_square(s: Floats, T: Floats) -> Floats:
    return sanyo_voltage(s) ** 2 + 0.0 * T


def _sanyo(day: Stress) -> tuple[Law, ...]:
    charge_ah = 2.0 * SANYO_AH * day.efc
    V = np.sqrt(day.mean_over_nodes(2, sanyo_voltage(day.begin) ** 2, sanyo_voltage(day.end) ** 2))
    capacity = 7.348e-3 * (V - 3.667) ** 2 + 7.6e-4 + 4.081e-3 * day.depth
    resistance = 2.153e-4 * (V - 3.725) ** 2 - 1.521e-5 + 2.798e-4 * day.depth
    return (
        power(day.table[..., 0], 0.75, day.days),
        power(capacity, 0.5, charge_ah),
        power(day.table[..., 1], 0.75, day.days),
        linear(resistance, charge_ah),
    )


def _sanyo_outcome(calendar: Floats, cycle: Floats, by_time: Floats, by_use: Floats) -> Outcome:
    return Outcome(1.0 - calendar - cycle, 1.0 + by_time + by_use, calendar, cycle)


SANYO = CellModel(
    card=ModelCard(
        name="nmc_sanyo215",
        title="Sanyo UR18650E 2.15 Ah",
        chemistry="NMC/graphite",
        capacity_ah=SANYO_AH,
        source="Schmalstieg et al., J. Power Sources 257 (2014) 325, "
        "doi:10.1016/j.jpowsour.2014.02.012",
        data="storage at 50 °C over state of charge and over temperature at 50 %; cycling at "
        "35 °C and 1C over depth and mean state of charge",
        calendar_c=(35.0, 50.0),
        cycling_c=(30.0, 40.0),
        soc=(0.0, 1.0),
        depth=(0.0, 1.0),
        charge_c=1.0,
        discharge_c=1.0,
        rate_term=False,
        has_resistance=True,
        equations=(
            "V(s) open-circuit voltage, V its root mean square, Q = 4.3 N charge moved [Ah]",
            "calendar: (7.543 V(s) - 23.75) 1e6 exp(-6976/T) t^0.75",
            "cycle: (7.348e-3 (V - 3.667)² + 7.6e-4 + 4.081e-3 d) Q^0.5",
            "r = 1 + (5.270 V(s) - 16.32) 1e5 exp(-5986/T) t^0.75 + (2.153e-4 (V - "
            "3.725)² - 1.521e-5 + 2.798e-4 d) Q",
        ),
        limits=(
            "Temperature and rate have no effect on cycling: accurate near 35 °C and 1C only, "
            "pessimistic for slow V2G.",
            "The knees seen in the tests are left out.",
        ),
    ),
    rates=(_sanyo_capacity, _sanyo_resistance, _sanyo_square),
    laws=_sanyo,
    outcome=_sanyo_outcome,
)
