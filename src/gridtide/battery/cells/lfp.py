"""LFP cells: prismatic 250 Ah, Sony/Murata 3 Ah with its resistance.

Parameters as identified in BLAST-Lite 1.1 (BSD-3-Clause); the data are those of each card.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells.anode import anode_potential_v
from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.laws import Law, Sigmoid, linear, power, scaled_power
from gridtide.battery.cells.model import CellModel, Outcome
from gridtide.battery.cells.nmc import arrhenius
from gridtide.battery.cells.stress import Stress

Floats = npt.NDArray[np.float64]


def _prismatic_calendar(s: Floats, T: Floats) -> Floats:
    rate: Floats = 8.37e4 * np.exp((-5210.0 - 3560.0 * anode_potential_v(s)) / T)
    return rate


def _prismatic(day: Stress) -> tuple[Law, ...]:
    of_heat = day.temperature_k.average(lambda T: np.exp(2190.0 / T) + np.exp(-1.55e5 / T))
    cycling = (4.38e-8 + 1.55e-8 * day.depth + 1.68e-7 * day.rate) * of_heat
    return (
        power(day.table[..., 0], 0.526, day.days),
        power(cycling, 0.828, day.efc),
    )


LFP_PRISMATIC = CellModel(
    card=ModelCard(
        name="lfp_250",
        title="Prismatic cell of more than 250 Ah",
        chemistry="LFP/graphite",
        capacity_ah=250.0,
        source="J. Energy Storage 2023, doi:10.1016/j.est.2023.109042",
        data="storage over state of charge; cycling at depths of 0.8 to 1, charge 0.16C at 10 °C "
        "and 0.65C above, discharge 1C",
        calendar_c=(10.0, 45.0),
        cycling_c=(10.0, 45.0),
        soc=(0.0, 1.0),
        depth=(0.8, 1.0),
        charge_c=0.65,
        discharge_c=1.0,
        rate_term=True,
        equations=(
            "Ua anode potential [V]",
            "calendar: 8.37e4 exp(-5210/T) exp(-3560 Ua/T) t^0.526",
            "cycle: (4.38e-8 + 1.55e-8 d + 1.68e-7 C) (exp(2190/T) + exp(-1.55e5/T)) N^0.828",
        ),
        limits=("The fit learned that cold cycles wear more: nothing holds outside 10 to 45 °C.",),
    ),
    rates=(_prismatic_calendar,),
    laws=_prismatic,
)


def _murata_extent(s: Floats, T: Floats) -> Floats:
    root = np.sqrt(anode_potential_v(s))
    extent: Floats = 0.989687151293590 * np.exp(
        root * (8742.06309157261 / T - 2881067.56019324 / T**2)
    )
    return extent


def _murata_curvature(s: Floats, T: Floats) -> Floats:
    Ua = anode_potential_v(s)
    p: Floats = 0.000332850281062177 * np.exp(
        Ua ** (1 / 3) * (734553185711.369 / T**4 - 3284991315.45121 / T**3)
        + Ua**0.25 * (0.00127227593657290 * T**2 - 2.82161575620780e-6 * T**3)
    )
    return p


def _skewed(x: Floats, skew: float, width: float) -> Floats:
    """Density of the skew normal distribution about 0.5."""
    from math import erf

    z = (x - 0.5) / width
    below = 0.5 * (1.0 + np.vectorize(erf, otypes=[float])(skew * z / np.sqrt(2.0)))
    density: Floats = 2.0 * np.exp(-(z**2) / 2.0) / np.sqrt(2.0 * np.pi) * below
    return density


def _murata_break_in(s: Floats, T: Floats) -> Floats:
    return 0.582258029148225 * _skewed(s, 0.0583128906965484, 0.208738181522897) + 0.0 * T


def _murata_storage(s: Floats, T: Floats) -> Floats:
    return -3.3903 * (s - 0.5) ** 3 + 1.5604 + 0.0 * T


def _murata(day: Stress) -> tuple[Law, ...]:
    d, C = day.depth, day.rate
    cycling = np.abs(
        -6.81260579372875e-6 + 2.59615973160844e-5 * d + 2.11559710307295e-6 * np.exp(d**2 * C**3)
    )
    # Break-in belongs to accelerated tests: more than three full cycles in a day.
    worn_in = np.where(day.efc > 3.0 * day.days, day.efc, 0.0)
    break_in = np.zeros_like(d)
    if worn_in.any():
        of_depth = _skewed(d, -3.80744333129564, 1.16126260428210)
        break_in = np.abs(day.table[..., 2] * of_depth * np.tanh(25.4130804598602 * d / 2.0))
    of_heat = day.temperature_k.average(lambda T: 3.4194e-10 * arrhenius(71_827.0, T))
    of_use = (0.0021 - 0.002 * C) * (6.8477 * (d - 0.5) ** 3 + 0.91882)
    return (
        Sigmoid(
            np.broadcast_to(day.days, d.shape),
            day.table[..., 0],
            0.000130510034211874,
            day.table[..., 1],
        ),
        scaled_power(cycling, 1.12847759334355, day.efc),
        Sigmoid(worn_in, break_in, 0.00303553871631028, np.full_like(d, 1.43752162947637), 1e-10),
        linear(of_heat * day.table[..., 3], day.days * 86_400.0),
        linear(of_use, day.efc / 100.0),
    )


def _murata_outcome(
    calendar: Floats, cycle: Floats, break_in: Floats, by_time: Floats, by_use: Floats
) -> Outcome:
    used = cycle + break_in
    return Outcome(1.0 - calendar - used, 1.0 + by_time + by_use, calendar, used)


LFP_MURATA = CellModel(
    card=ModelCard(
        name="lfp_sony3",
        title="Sony/Murata 3 Ah cylindrical cell",
        chemistry="LFP/graphite",
        capacity_ah=3.0,
        source="storage: Naumann et al. 2018, doi:10.1016/j.est.2018.01.019; cycling: Naumann et "
        "al. 2020, doi:10.1016/j.jpowsour.2019.227666; equations: doi:10.1149/1945-7111/ac86a8",
        data="storage over state of charge; cycling at 25 and 45 °C, depths of 0.8 to 1, 1C/2C",
        calendar_c=(0.0, 60.0),
        cycling_c=(20.0, 40.0),
        soc=(0.0, 1.0),
        depth=(0.8, 1.0),
        charge_c=1.0,
        discharge_c=2.0,
        rate_term=True,
        has_resistance=True,
        equations=(
            "Ua anode potential [V];  sigmoid(Y, k, p, x) = Y tanh((k x)^p / 2)",
            "Y = 0.98969 exp(-2881067.6 Ua^0.5/T²) exp(8742.06 Ua^0.5/T)",
            "p = 3.3285e-4 exp(7.3455e11 Ua^(1/3)/T⁴ - 3.2850e9 Ua^(1/3)/T³) "
            "exp(1.2723e-3 T² Ua^(1/4) - 2.8216e-6 T³ Ua^(1/4))",
            "calendar: sigmoid(Y, 1.30510e-4, p, t);  cycle: (|-6.8126e-6 + "
            "2.5962e-5 d + 2.1156e-6 exp(d² C³)| N)^1.12848",
            "break-in: a sigmoid of N, only on days of more than three full cycles",
            "r = 1 + 86400 t · 3.4194e-10 exp(-71827/8.3144 (1/T - 1/298.15)) "
            "(1.5604 - 3.3903 (s - 0.5)³) + (0.0021 - 0.002 C) (6.8477 (d - 0.5)³ + "
            "0.91882) N/100",
        ),
        limits=(
            "Temperature has no effect on cycling; no data in the cold.",
            "Above 1.05C its resistance would fall with use; growth stops at zero there.",
        ),
    ),
    rates=(_murata_extent, _murata_curvature, _murata_break_in, _murata_storage),
    laws=_murata,
    outcome=_murata_outcome,
)
