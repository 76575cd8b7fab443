"""LMO cells: Xu 2016 by rainflow cycles, Nissan Leaf in its second life.

Parameters of the first from its paper, of the second as identified in BLAST-Lite 1.1
(BSD-3-Clause).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.fatigue import fatigue_of_days
from gridtide.battery.cells.laws import Law, linear, power
from gridtide.battery.cells.model import CellModel, Outcome
from gridtide.battery.cells.stress import Stress

Floats = npt.NDArray[np.float64]


def _heat_of_xu(T: Floats) -> Floats:
    stress: Floats = np.exp(0.0693 * (T - 298.15) * 298.15 / T)
    return stress


def _xu(day: Stress) -> tuple[Law, ...]:
    assert day.fatigue is not None
    by_charge = np.exp(1.04 * (day.mean_soc - 0.5)) * _heat_of_xu(day.temperature_k.mean)
    return (
        linear(4.14e-10 * by_charge, day.days * 86_400.0),
        linear(day.fatigue, np.ones_like(day.days)),
    )


def _xu_outcome(by_time: Floats, by_use: Floats) -> Outcome:
    """Film of the first cycles and steady ageing; the loss is split as its two causes are."""
    f = by_time + by_use
    loss = 1.0 - 0.0575 * np.exp(-121.0 * f) - (1.0 - 0.0575) * np.exp(-f)
    share = np.divide(by_time, f, out=np.zeros_like(f), where=f > 0.0)
    return Outcome(1.0 - loss, None, loss * share, loss * (1.0 - share))


LMO_XU = CellModel(
    card=ModelCard(
        name="lmo_xu",
        title="LMO cell of Xu and others, by rainflow cycles",
        chemistry="LMO/graphite",
        capacity_ah=10.0,
        source="Xu, Oudalov, Ulbig, Andersson, Kirschen, IEEE Trans. Smart Grid 2016, "
        "doi:10.1109/TSG.2016.2578950",
        data="semi-empirical fit of a maker's cycling and storage data",
        calendar_c=(15.0, 60.0),
        cycling_c=(15.0, 60.0),
        soc=(0.0, 1.0),
        depth=(0.0, 1.0),
        charge_c=1.0,
        discharge_c=1.0,
        rate_term=False,
        equations=(
            "f = Σ over rainflow cycles n S(d) S(s) S(T) + 4.14e-10 seconds S(mean s) S(mean T)",
            "S(d) = 1/(1.40e5 d^-0.501 - 1.23e5);  S(s) = exp(1.04 (s - 0.5));  S(T) "
            "= exp(0.0693 (T - 298.15) 298.15/T)",
            "loss = 1 - 0.0575 exp(-121 f) - 0.9425 exp(-f), split as the two parts of f",
        ),
        limits=(
            "The rate of charge and discharge has no effect.",
            "One cell family; about 5.75 % are lost early to the film on the anode.",
            "Usable above 15 °C only.",
        ),
    ),
    laws=_xu,
    outcome=_xu_outcome,
    fatigue=fatigue_of_days,
)


def _leaf_calendar(s: Floats, T: Floats) -> Floats:
    rate: Floats = 3.25e8 * np.exp((-7580.0 + 162.0 * s) / T)
    return rate


def _leaf(day: Stress) -> tuple[Law, ...]:
    return (
        power(day.table[..., 0], 0.464, day.days),
        power(np.full_like(day.efc, 7.58e-5), 1.08, day.efc),
    )


LMO_LEAF = CellModel(
    card=ModelCard(
        name="lmo_leaf_2nd",
        title="Nissan Leaf half-module in its second life",
        chemistry="LMO/graphite",
        capacity_ah=46.0,
        source="storage: Braco et al., doi:10.1109/EEEIC/ICPSEUROPE54979.2022.9854784; cycling: "
        "Braco et al. 2020, doi:10.1016/j.est.2020.101695",
        data="modules of 66 Ah when new, 46 Ah at the start; cycling at 25 °C, full depth, 1C",
        calendar_c=(20.0, 30.0),
        cycling_c=(20.0, 30.0),
        soc=(0.0, 1.0),
        depth=(1.0, 1.0),
        charge_c=1.0,
        discharge_c=1.0,
        rate_term=False,
        starts_at=0.7,
        equations=(
            "calendar: 3.25e8 exp(-7580/T) exp(162 s/T) t^0.464",
            "cycle: 7.58e-5 N^1.08",
        ),
        limits=(
            "Starts at 70 % of a new battery: its capacities are relative to that start.",
            "Depth, rate and temperature have no effect on cycling.",
        ),
    ),
    rates=(_leaf_calendar,),
    laws=_leaf,
)
