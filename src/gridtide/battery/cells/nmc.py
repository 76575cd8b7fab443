"""NMC/graphite cells: Kokam 75 Ah, DENSO 50 Ah, large-format A, B1 and B2.

Symbols as in the sources: U relative anode potential, Tn temperature relative to 35 °C, d depth,
C mean rate over the day [1/h]. Parameters as identified in BLAST-Lite 1.1 (BSD-3-Clause).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells.anode import relative_potential
from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.laws import Law, power, steady_sigmoid
from gridtide.battery.cells.model import CellModel, Outcome
from gridtide.battery.cells.stress import KELVIN, Stress

Floats = npt.NDArray[np.float64]

GAS_J_PER_MOL_K = 8.3144
WARM_K = 308.15


def arrhenius(energy_j_per_mol: float, kelvin: Floats) -> Floats:
    """Rate relative to that at 25 °C."""
    relative: Floats = np.exp(-energy_j_per_mol / GAS_J_PER_MOL_K * (1.0 / kelvin - 1.0 / 298.15))
    return relative


def _kokam_calendar(s: Floats, T: Floats) -> Floats:
    Tn = T / WARM_K
    rate: Floats = 2.66e7 * np.exp(-17.8 / Tn - 5.21 * relative_potential(s) / Tn)
    return rate


def _kokam(day: Stress) -> tuple[Law, ...]:
    heat, d = day.temperature_k, day.depth
    lithium = (
        3.80e3 * np.exp(1.04 * np.exp(d**2)) * heat.average(lambda T: np.exp(-18.4 * WARM_K / T))
    )
    warmth = heat.average(lambda T: T - KELVIN - 55.0)
    life = np.maximum(1e4 + 153.0 * warmth * d * day.mean_soc / 0.6, 1.0)
    return (
        power(day.table[..., 0], 0.357, day.days),
        power(lithium, 0.778, day.efc),
        steady_sigmoid(1.0 / life, 10.0, day.efc, start=1e-8),
    )


def _kokam_outcome(calendar: Floats, lithium: Floats, material: Floats) -> Outcome:
    """Lithium or active material, whichever there is less of, limits the cell."""
    q = np.minimum(1.0 - calendar - lithium, 1.01 - material)
    return Outcome(q, None, calendar, 1.0 - q - calendar)


KOKAM = CellModel(
    card=ModelCard(
        name="nmc111_kokam75",
        title="Kokam 75 Ah pouch cell",
        chemistry="NMC/graphite",
        capacity_ah=75.0,
        source="Smith et al., American Control Conference 2017, doi:10.23919/ACC.2017.7963578",
        data="storage and cycling at 1C (C/3 charge at 0 °C), nearly all at a depth of 0.8",
        calendar_c=(0.0, 55.0),
        cycling_c=(0.0, 45.0),
        soc=(0.0, 1.0),
        depth=(0.8, 1.0),
        charge_c=1.0,
        discharge_c=1.0,
        rate_term=False,
        equations=(
            "k1 = 2.66e7 exp(-17.8/Tn) exp(-5.21 U/Tn);  calendar: k1 t^0.357",
            "k3 = 3.80e3 exp(-18.4/Tn) exp(1.04 exp(d²));  cycle: k3 N^0.778",
            "k5 = 1e4 + 153 (T - 328.15) d (mean s / 0.6);  material: tanh((N/k5)^10 / 2)",
            "q = min(1 - calendar - cycle, 1.01 - material)",
        ),
        limits=(
            "The rate of charge and discharge has no effect.",
            "The exact NMC ratio is uncertain; it is no nickel-rich cell.",
            "Its resistance accelerates to absurd values after two years and is not shown.",
        ),
    ),
    rates=(_kokam_calendar,),
    laws=_kokam,
    outcome=_kokam_outcome,
)


def _denso(day: Stress) -> tuple[Law, ...]:
    T, s, d = day.temperature_k.mean, day.mean_soc, day.depth
    polynomial = -0.000197 + 0.0101 * s - 0.0157 * s**2 + 0.00835 * s**3 - 4.06e-6 * s * T
    storage = arrhenius(37_000, T) * (polynomial + 3.32e-5 * np.maximum(0.0, T - 328.15))
    storage = np.maximum(storage, 0.0)
    rate = np.where(day.charge_rate > 0.0, day.charge_rate, day.rate)
    plating = 3.24 * arrhenius(-58_000, T) * np.sqrt(d * rate) * (1.0 + 2.1 * s) - 0.099
    cycling = np.maximum(0.0, plating) + 1.44 * arrhenius(-13_000, T) * d**6
    return (
        power(storage, 0.5, day.days),
        power(storage * cycling * 0.985, 0.5, day.efc),
    )


DENSO = CellModel(
    card=ModelCard(
        name="nmc622_denso50",
        title="DENSO 50 Ah automotive cell",
        chemistry="NMC622/graphite",
        capacity_ah=50.0,
        source="Smith et al., J. Electrochem. Soc. 168 (2021) 100530, doi:10.1149/1945-7111/ac2ebd",
        data="storage and cycling; depth varied at 25 and 45 °C, charge rate from 25 to 55 °C, "
        "discharge always 1C, always about 50 % mean state of charge; capacity at 25 °C, C/3",
        calendar_c=(10.0, 60.0),
        cycling_c=(10.0, 60.0),
        soc=(0.1, 1.0),
        depth=(0.1, 1.0),
        charge_c=1.0,
        discharge_c=1.0,
        rate_term=True,
        equations=(
            "arr(E) = exp(-E/8.3144 (1/T - 1/298.15));  s, T: means of the day",
            "b1 = arr(37000) (-0.000197 + 0.0101 s - 0.0157 s² + 0.00835 s³ - "
            "4.06e-6 s T + 3.32e-5 max(0, T - 328.15))",
            "b2 = max(0, 3.24 arr(-58000) √(d Cchg) (1 + 2.1 s) - 0.099) + 1.44 arr(-13000) d⁶",
            "calendar: b1 t^0.5;  cycle: 0.985 b1 b2 N^0.5",
        ),
        limits=(
            "Break-in terms of the paper are left out, as in BLAST-Lite.",
            "No knee; no lithium plating below 25 °C at 1C and more.",
        ),
    ),
    laws=_denso,
)

_LARGE_FORMAT = "J. Energy Storage 2023, doi:10.1016/j.est.2023.109042"
_NO_FAST_CHARGE = "Charging faster than the maker's own limit (0.3C at 10 °C) is not covered."


def _a_calendar(s: Floats, T: Floats) -> Floats:
    rate: Floats = 8.71e-7 * np.exp(10.0 * (T / WARM_K) ** 3 / relative_potential(s) ** (1 / 3))
    return rate


def _a(day: Stress) -> tuple[Law, ...]:
    d, C = day.depth[..., None], day.rate[..., None]

    def cycling(T: Floats) -> Floats:
        Tn = T / WARM_K
        signed = (
            0.0267
            + 1.64 * Tn**3 * np.sqrt(d)
            + 0.011 * np.exp(C**2 / np.sqrt(Tn))
            - 0.44 * np.exp(np.sqrt(d * C) * Tn**2)
        )
        return np.abs(signed)

    return (
        power(day.table[..., 0], 0.578, day.days / 1e3),
        power(day.temperature_k.average(cycling), 1.11, day.efc / 1e4),
    )


NMC_A = CellModel(
    card=ModelCard(
        name="nmc_a75",
        title="Large-format 75 Ah pouch cell A, power to energy 16/h",
        chemistry="NMC/graphite",
        capacity_ah=75.0,
        source=_LARGE_FORMAT,
        data="storage over state of charge; cycling at depths of 0.8 to 1 and up to 2C",
        calendar_c=(10.0, 45.0),
        cycling_c=(10.0, 45.0),
        soc=(0.0, 1.0),
        depth=(0.8, 1.0),
        charge_c=2.0,
        discharge_c=2.0,
        rate_term=True,
        equations=(
            "calendar: 8.71e-7 exp(10 Tn³/U^(1/3)) (t/1e3)^0.578",
            "cycle: |0.0267 + 1.64 Tn³ d^0.5 + 0.011 exp(Tn^-0.5 C²) - 0.44 "
            "exp(d^0.5 Tn² C^0.5)| (N/1e4)^1.11",
        ),
        limits=(
            "Below a depth of about 0.08 the fitted expression changes its sign and its value "
            "rises again: small cycles look dear, which is a trait of the fit, not of the cell.",
            _NO_FAST_CHARGE,
        ),
    ),
    rates=(_a_calendar,),
    laws=_a,
)


def _b1_calendar(s: Floats, T: Floats) -> Floats:
    rate: Floats = 36.2 * np.exp(-4.4 * (T / WARM_K) ** -3 * relative_potential(s) ** (1 / 3))
    return rate


def _b1(day: Stress) -> tuple[Law, ...]:
    of_heat = day.temperature_k.average(lambda T: (T / WARM_K) ** (3 * 0.458))
    cycling = 0.844 * (day.depth**2 * np.sqrt(day.rate)) ** 0.458 * of_heat
    return (
        power(day.table[..., 0], 0.708, day.days / 1e4),
        power(cycling, 0.467, day.efc / 1e5),
    )


NMC_B1 = CellModel(
    card=ModelCard(
        name="nmc_b1_50",
        title="Large-format 50 Ah pouch cell B1, power to energy 16/h",
        chemistry="NMC/graphite",
        capacity_ah=50.0,
        source=_LARGE_FORMAT,
        data="storage over state of charge; cycling at depths of 0.8 to 1 and up to 1.75C",
        calendar_c=(10.0, 45.0),
        cycling_c=(10.0, 45.0),
        soc=(0.0, 1.0),
        depth=(0.8, 1.0),
        charge_c=1.75,
        discharge_c=1.75,
        rate_term=True,
        equations=(
            "calendar: 36.2 exp(-4.4 Tn^-3 U^(1/3)) (t/1e4)^0.708",
            "cycle: 0.844 (d² Tn³ C^0.5)^0.458 (N/1e5)^0.467",
        ),
        limits=(_NO_FAST_CHARGE,),
    ),
    rates=(_b1_calendar,),
    laws=_b1,
)


def _b2_calendar(s: Floats, T: Floats) -> Floats:
    rate: Floats = 12.0 * np.exp(-3.91 * (T / WARM_K) ** -3 * relative_potential(s) ** (1 / 3))
    return rate


def _b2(day: Stress) -> tuple[Law, ...]:
    d, C = day.depth[..., None], day.rate[..., None]

    def cycling(T: Floats) -> Floats:
        Tn = T / WARM_K
        rate: Floats = (
            2.2e9
            * (d * np.sqrt(C) * Tn**-3) ** 11.9
            * np.exp(-35.7 * d * np.sqrt(C) * Tn**-2 + 13.7 * d**2 * C * Tn**-3)
        )
        return rate

    return (
        power(day.table[..., 0], 0.584, day.days / 1e4),
        power(day.temperature_k.average(cycling), 0.907, day.efc / 1e4),
    )


NMC_B2 = CellModel(
    card=ModelCard(
        name="nmc_b2_50",
        title="Large-format 50 Ah pouch cell B2, power to energy 14/h",
        chemistry="NMC/graphite",
        capacity_ah=50.0,
        source=_LARGE_FORMAT,
        data="storage over state of charge; cycling at depths of 0.8 to 1 and up to 1.75C",
        calendar_c=(10.0, 45.0),
        cycling_c=(10.0, 45.0),
        soc=(0.0, 1.0),
        depth=(0.8, 1.0),
        charge_c=1.75,
        discharge_c=1.75,
        rate_term=True,
        equations=(
            "calendar: 12 exp(-3.91 Tn^-3 U^(1/3)) (t/1e4)^0.584",
            "cycle: 2.2e9 (d Tn^-3 C^0.5)^11.9 exp(-35.7 d Tn^-2 C^0.5) exp(13.7 d² "
            "Tn^-3 C) (N/1e4)^0.907",
        ),
        limits=(
            "At small depths cycling costs next to nothing (a power of 11.9): V2G looks free, "
            "far outside the tested depths.",
            _NO_FAST_CHARGE,
        ),
    ),
    rates=(_b2_calendar,),
    laws=_b2,
)
