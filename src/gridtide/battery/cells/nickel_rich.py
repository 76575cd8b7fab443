"""Nickel-rich cells: LG M50, LG MJ1, Panasonic NCA, Sony NCA with silicon.

Parameters as identified in BLAST-Lite 1.1 (BSD-3-Clause); the data are those of each card.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells.anode import relative_potential
from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.laws import Law, Sigmoid, power
from gridtide.battery.cells.model import CellModel
from gridtide.battery.cells.nmc import WARM_K
from gridtide.battery.cells.stress import Stress

Floats = npt.NDArray[np.float64]


def _m50_calendar(s: Floats, T: Floats) -> Floats:
    Tn, U = T / WARM_K, relative_potential(s)
    rate: Floats = (
        -2.39156628786525
        + 2.44205317834185 * np.exp(Tn**3 / U ** (1 / 3))
        - 4.45998246136905 * Tn**3 / np.sqrt(U)
        + 0.448140062203916 * np.exp(Tn**-2 * np.sqrt(s))
        - 0.185337797906876 * np.exp(s**3)
    )
    return rate


def _m50(day: Stress) -> tuple[Law, ...]:
    C = day.discharge_rate[..., None]

    def cycling(T: Floats) -> Floats:
        of_rate = 0.181235015387132 * np.exp(-0.123779206033993 * C**3)
        rate: Floats = of_rate * np.exp(1.24459541295018 * (T / WARM_K) ** 3 * np.sqrt(C))
        return rate

    return (
        power(day.table[..., 0], 0.651697743905278, day.days / 1e4),
        power(day.temperature_k.average(cycling), 0.441996792536332, day.efc / 1e4),
    )


LG_M50 = CellModel(
    card=ModelCard(
        name="nmc811si_lgm50",
        title="LG M50 5 Ah cylindrical cell",
        chemistry="NMC811/graphite-silicon",
        capacity_ah=5.0,
        source="Truong Bui et al., IEEE 2021, ieeexplore 9617644",
        data="storage at 13 states of charge and 0, 25, 45, 60 °C; cycling at full depth, charge "
        "0.3C, discharge up to 2C",
        calendar_c=(0.0, 60.0),
        cycling_c=(0.0, 25.0),
        soc=(0.0, 1.0),
        depth=(1.0, 1.0),
        charge_c=0.3,
        discharge_c=2.0,
        rate_term=True,
        equations=(
            "calendar: (-2.3916 + 2.4421 exp(Tn³/U^(1/3)) - 4.4600 Tn³/U^0.5 + "
            "0.44814 exp(Tn^-2 s^0.5) - 0.18534 exp(s³)) (t/1e4)^0.6517",
            "cycle: 0.18124 exp(-0.12378 Cdis³) exp(1.2446 Tn³ Cdis^0.5) (N/1e4)^0.4420",
        ),
        limits=(
            "Depth and rate of charge have no effect.",
            "A fuller cell can age less in this fit: never set a parking level by it alone.",
        ),
    ),
    rates=(_m50_calendar,),
    laws=_m50,
)


def _mj1_calendar(s: Floats, T: Floats) -> Floats:
    rate: Floats = 0.0353 * np.exp((-1030.0 + 57.7 * s) / T)
    return rate


def _mj1(day: Stress) -> tuple[Law, ...]:
    of_heat = day.temperature_k.average(lambda T: np.exp(2250.0 / T) + np.exp(-11_400.0 / T))
    cycling = (1.77e-7 + 8.08e-13 * day.rate + 2.21e-7 * day.depth) * of_heat
    return (
        power(day.table[..., 0], 0.743, day.days),
        power(cycling, 0.695, day.efc),
    )


LG_MJ1 = CellModel(
    card=ModelCard(
        name="nmc811si_lgmj1",
        title="LG MJ1 3.5 Ah cylindrical cell",
        chemistry="NMC811/graphite-silicon",
        capacity_ah=3.5,
        source="EU project EVERLASTING, report D2.3, 2020",
        data="storage at 10, 70, 90 %; cycling between 10 and 90 %, charge 1C, discharge 3C; "
        "capacity at 25 °C, C/20",
        calendar_c=(0.0, 50.0),
        cycling_c=(0.0, 50.0),
        soc=(0.1, 0.9),
        depth=(0.2, 0.8),
        charge_c=1.0,
        discharge_c=3.0,
        rate_term=True,
        equations=(
            "calendar: 0.0353 exp(-1030/T) exp(57.7 s/T) t^0.743",
            "cycle: (1.77e-7 + 8.08e-13 C + 2.21e-7 d) (exp(2250/T) + exp(-11400/T)) N^0.695",
        ),
        limits=(
            "The effect of depth is assumed to be linear, without data.",
            "No knee. Very pessimistic over ten years of storage, far beyond the tests.",
        ),
    ),
    rates=(_mj1_calendar,),
    laws=_mj1,
)


def _panasonic_calendar(s: Floats, T: Floats) -> Floats:
    rate: Floats = 75.4 * np.exp((-3340.0 + 353.0 * s) / T)
    return rate


def _panasonic(day: Stress) -> tuple[Law, ...]:
    of_heat = day.temperature_k.average(lambda T: np.exp(3.34e-11 / T) + np.exp(-2.81e-9 / T))
    cycling = (1.86e-6 + 4.74e-11 * day.rate + 1.77e-4 * day.depth) * of_heat
    return (
        power(day.table[..., 0], 0.512, day.days),
        power(cycling, 0.699, day.efc),
    )


PANASONIC = CellModel(
    card=ModelCard(
        name="nca_panasonic32",
        title="Panasonic NCR18650B 3.2 Ah",
        chemistry="NCA/graphite",
        capacity_ah=3.2,
        source="storage: Keil et al. 2016, doi:10.1149/2.0411609jes; cycling: Preger et al. 2020, "
        "doi:10.1149/1945-7111/abae37",
        data="storage at 25, 40, 50 °C for up to 300 days; cycling at 0.5C/2C",
        calendar_c=(25.0, 50.0),
        cycling_c=(15.0, 35.0),
        soc=(0.0, 1.0),
        depth=(0.8, 1.0),
        charge_c=0.5,
        discharge_c=2.0,
        rate_term=True,
        equations=(
            "calendar: 75.4 exp(-3340/T) exp(353 s/T) t^0.512",
            "cycle: (1.86e-6 + 4.74e-11 C + 1.77e-4 d) (exp(3.34e-11/T) + exp(-2.81e-9/T)) N^0.699",
        ),
        limits=(
            "Temperature has no effect on cycling, the rate next to none.",
            "Optimistic outside 15 to 35 °C; no knee.",
        ),
        tested_years=0.82,
    ),
    rates=(_panasonic_calendar,),
    laws=_panasonic,
)

HOT_K = 318.15


def _silicon_extent(s: Floats, T: Floats) -> Floats:
    Tn, U = T / HOT_K, relative_potential(s)
    extent: Floats = 0.00748 * np.exp(8.9 * Tn**2 / U ** (1 / 3) - 4.87 * Tn**2 / np.sqrt(U))
    return extent


def _silicon_curvature(s: Floats, T: Floats) -> Floats:
    Tn, U = T / HOT_K, relative_potential(s)
    p: Floats = 1.01 * np.exp(-0.133 * Tn**3 + 1.22 * Tn**3 * s**3 - 0.56 * Tn**2 / U**3)
    return p


def _by_charge(s: Floats, T: Floats) -> Floats:
    cube = (HOT_K / T) * (HOT_K / T) * (HOT_K / T)
    by_charge: Floats = s * cube
    return by_charge


def _by_discharge(s: Floats, T: Floats) -> Floats:
    cube = (HOT_K / T) * (HOT_K / T) * (HOT_K / T)
    by_discharge: Floats = np.sqrt(s) * cube
    return by_discharge


def _silicon(day: Stress) -> tuple[Law, ...]:
    charge, discharge = day.charge_rate[..., None], day.discharge_rate[..., None]
    d, low, high = day.depth[..., None], day.low[..., None], day.high[..., None]
    root = np.sqrt(charge)
    up, down = day.spreads
    extent = (
        5.49
        + up.average(lambda z: -64.9 * root * z + 21.3 * np.exp(root * z))
        + down.average(lambda z: 0.000801 * np.exp(discharge * z))
    )

    def curvature(T: Floats) -> Floats:
        Tn = T / HOT_K
        signed = (
            0.422
            + 2.64 * np.exp(discharge * Tn**-3 * np.sqrt(high))
            + 0.00627 * np.exp(np.sqrt(d * charge) * Tn**3 * low**2)
            - 0.0342 * Tn**2 * low
            + 1.29 * np.sqrt(d * discharge * charge) / Tn
            - 2.14 * np.exp(np.sqrt(d * discharge) * charge**3 * Tn)
        )
        return np.abs(signed)

    return (
        Sigmoid(
            np.broadcast_to(day.days / 5e3, day.efc.shape),
            day.table[..., 0],
            3.41,
            day.table[..., 1],
        ),
        Sigmoid(
            day.efc / 1e5,
            np.maximum(extent, 0.15),
            0.479,
            day.temperature_k.average(curvature),
        ),
    )


SONY_NCA = CellModel(
    card=ModelCard(
        name="nca_si_vtc5a",
        title="Sony/Murata US18650VTC5A 2.5 Ah",
        chemistry="NCA/graphite-silicon",
        capacity_ah=2.5,
        source="Technical University of Munich, J. Power Sources 2022, "
        "doi:10.1016/j.jpowsour.2022.232498",
        data="storage and cycling up to 2C/10C; check-ups every six weeks",
        calendar_c=(5.0, 35.0),
        cycling_c=(5.0, 35.0),
        soc=(0.0, 1.0),
        depth=(0.2, 1.0),
        charge_c=2.0,
        discharge_c=10.0,
        rate_term=True,
        equations=(
            "Here Tn = T / 318.15. sigmoid(Y, k, p, x) = Y tanh((k x)^p / 2)",
            "Y1 = 0.00748 exp(8.9 Tn²/U^(1/3)) exp(-4.87 Tn²/U^0.5)",
            "p1 = 1.01 exp(-0.133 Tn³) exp(1.22 Tn³ s³) exp(-0.56 Tn²/U³)",
            "Y2 = max(0.15, 5.49 - 64.9 Cchg^0.5 Tn^-3 s + 21.3 exp(Cchg^0.5 Tn^-3 "
            "s) + 0.000801 exp(Cdis Tn^-3 s^0.5))",
            "p2 = |0.422 + 2.64 exp(Cdis Tn^-3 high^0.5) + 0.00627 exp(d^0.5 "
            "Cchg^0.5 Tn³ low²) - 0.0342 Tn² low + 1.29 (d Cdis Cchg)^0.5/Tn - 2.14 "
            "exp(d^0.5 Cchg³ Tn Cdis^0.5)|",
            "calendar: sigmoid(Y1, 3.41, p1, t/5e3);  cycle: sigmoid(Y2, 0.479, p2, N/1e5)",
        ),
        limits=(
            "A knee near 80 % capacity at full depth is left out: do not believe less than 80 % "
            "at large depths.",
        ),
    ),
    rates=(_silicon_extent, _silicon_curvature),
    spreads=(_by_charge, _by_discharge),
    laws=_silicon,
)
