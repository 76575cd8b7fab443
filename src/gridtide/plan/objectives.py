"""Objectives by name and weight: a function from a problem to a problem.

A weight becomes a price that every solver knows: on emission, on the peak, on the square of a
load, on export, on what a driver misses. What is minimised is the sum of weight × value over the
names given, beside the price of shortfall, which is no cost that can be weighed away.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gridtide.core import Finding, InputError
from gridtide.plan._layout import _total
from gridtide.plan.problem import Floats, Ints, Problem

FAIRNESS_BANDS = 10
MEND_NONE = "Give at least one weight above 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What can be aimed at.

    Parameters
    ----------
    name
        Its key.
    told
        What the value is.
    unit
        Unit of the value.
    weight_unit
        Unit of the weight.
    more_is_better
        Whether a greater value is better.
    needs
        What the problem must have for it, in words; empty for nothing.
    """

    name: str
    told: str
    unit: str
    weight_unit: str
    more_is_better: bool = False
    needs: str = ""


SITE, BILLING = "a limit above the vehicles", "billing"
EMISSION, LINE = "carbon_kg_per_kwh", "a limit with line_loss_per_kw"
OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective(
            name="cost",
            told="Energy, demand charge and wear, less what export earns and held energy is worth",
            unit="currency",
            weight_unit="1",
        ),
        Objective(
            name="profit",
            told="Cost with the other sign",
            unit="currency",
            weight_unit="1",
            more_is_better=True,
        ),
        Objective(
            name="carbon",
            told="Marginal emission of what is drawn, less that of what is fed in",
            unit="kg",
            weight_unit="currency/kg",
            needs=EMISSION,
        ),
        Objective(
            name="peak",
            told="Highest net import of the billed limits, of the topmost ones without billing",
            unit="kW",
            weight_unit="currency/kW",
            needs=SITE,
        ),
        Objective(
            name="variance",
            told="Mean square distance of the load from the level that it would have all even",
            unit="kW²",
            weight_unit="currency/kW²",
            needs=SITE,
        ),
        Objective(
            name="valley",
            told="Mean square distance of the load from valleys filled, peaks left as they are",
            unit="kW²",
            weight_unit="currency/kW²",
            needs=SITE,
        ),
        Objective(
            name="losses",
            told="Energy lost in lines that have line_loss_per_kw",
            unit="kWh",
            weight_unit="currency/kWh",
            needs=LINE,
        ),
        Objective(
            name="self_consumption",
            told="Share of the surplus generation that is not fed in; its weight is on kWh fed in",
            unit="share",
            weight_unit="currency/kWh",
            more_is_better=True,
            needs=BILLING,
        ),
        Objective(
            name="fairness",
            told="Energy missing × share of the wanted that is missing, summed over drivers",
            unit="kWh",
            weight_unit="currency/kWh",
        ),
    )
}
"""All objectives by name, with units."""


def weigh(problem: Problem, weights: Mapping[str, float]) -> Problem:
    """Return the problem that minimises these objectives instead of its cost.

    Names that are not given weigh nothing, the cost too. The weighted problem's objective is
    the sum of weight × value (of export in kWh for ``self_consumption``) and the shortfall's
    price, up to a constant where several weights square the load of one limit.

    Parameters
    ----------
    problem
        With its prices as stated; they are kept in ``stated``.
    weights
        Weight by name, none negative; see ``OBJECTIVES`` for the units.

    Raises
    ------
    InputError
        With all findings: an unknown name, a negative weight, something missing for it.
    """
    asked = {name: float(weight) for name, weight in weights.items() if weight}
    if findings := [*check_weights(weights), *missing_for(asked, _has(problem))]:
        raise InputError(findings)
    scaled = _scale_cost(problem, asked.get("cost", 0.0) + asked.get("profit", 0.0))
    changed = replace(scaled, stated=problem.stated or problem)
    for name, add in _ADD.items():
        if name in asked:
            changed = replace(changed, **add(changed, asked[name]))
    return changed


def check_weights(weights: Mapping[str, float], where: str = "objective") -> list[Finding]:
    """Return what is wrong with weights whatever the problem is."""
    findings = []
    for name, weight in weights.items():
        if name not in OBJECTIVES:
            close = difflib.get_close_matches(name, OBJECTIVES, 1)
            mend = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(OBJECTIVES)}"
            findings.append(Finding(f"{where}.{name}", f"there is no objective {name}", mend))
        elif not (math.isfinite(weight) and weight >= 0):
            mend = "Write 0 or more; every objective has its own better direction already"
            findings.append(Finding(f"{where}.{name}", f"{weight:g} is not allowed", mend))
    if not any(weights.values()):
        findings.append(Finding(where, "nothing has a weight", MEND_NONE))
    elif weights.get("cost") and weights.get("profit"):
        mend = "Keep one of them"
        findings.append(Finding(f"{where}.profit", "profit is cost with the other sign", mend))
    return findings


def missing_for(
    weights: Mapping[str, float], has: Mapping[str, bool], where: str = "objective"
) -> list[Finding]:
    """Return findings for objectives that lack what they need.

    Parameters
    ----------
    weights
        Weight by name; 0 asks for nothing.
    has
        Whether the problem has each thing that an objective needs, by its words.
    where
        Place of the weights.
    """
    needs = {name: OBJECTIVES[name].needs for name in weights if name in OBJECTIVES}
    return [
        Finding(f"{where}.{name}", f"{name} needs {need}", f"Add {need}, or leave {name} out")
        for name, need in needs.items()
        if need and weights[name] > 0 and not has[need]
    ]


def _has(problem: Problem) -> dict[str, bool]:
    loss, carbon = problem.line_loss_per_kw, problem.carbon_kg_per_kwh
    return {
        SITE: len(problem.limit_names) > 0,
        BILLING: len(problem.meters) > 0,
        EMISSION: carbon is not None and bool(np.any(carbon != 0)),
        LINE: loss is not None and bool(np.any(loss > 0)),
    }


def _scale_cost(problem: Problem, weight: float) -> Problem:
    """Scale all that the stated problem pays for; shortfall keeps its price."""
    if weight == 1.0:
        return problem
    scaled: dict[str, Any] = {
        name: None if (price := getattr(problem, name)) is None else price * weight
        for name in COST_FIELDS
    }
    return replace(problem, **scaled)


COST_FIELDS = (
    "price_import_per_kwh", "price_export_per_kwh", "demand_charge_per_kw", "wear_price_per_kwh",
    "wear_depth_price_per_kwh", "holding_price_per_kwh_h", "holding_base_per_h",
    "end_value_per_kwh", "carbon_price_per_kg", "load_square_price_per_kw2h",
)  # fmt: skip
"""Prices that belong to the cost."""


def sites(problem: Problem) -> Ints:
    """Limits at which the load of the whole is seen: the meters, or the topmost ones."""
    if len(problem.meters):
        return problem.meters
    return np.flatnonzero(problem.limit_parent < 0)


def _carbon(problem: Problem, weight: float) -> dict[str, Any]:
    return {"carbon_price_per_kg": problem.carbon_price_per_kg + weight}


def _peak(problem: Problem, weight: float) -> dict[str, Any]:
    charge = np.array(problem.demand_charge_per_kw, dtype=float)
    charge[sites(problem)] += weight
    return {"demand_charge_per_kw": charge}


def _variance(problem: Problem, weight: float) -> dict[str, Any]:
    return _square(problem, *_spread(problem, weight), level_kw(problem))


def _valley(problem: Problem, weight: float) -> dict[str, Any]:
    return _square(problem, *_spread(problem, weight), filled_kw(problem))


def _losses(problem: Problem, weight: float) -> dict[str, Any]:
    assert problem.line_loss_per_kw is not None
    at = np.flatnonzero(problem.line_loss_per_kw > 0)
    zero = np.zeros((len(at), problem.steps))
    return _square(problem, at, weight * problem.line_loss_per_kw[at], zero)


def _self_consumption(problem: Problem, weight: float) -> dict[str, Any]:
    return {"price_export_per_kwh": problem.price_export_per_kwh - weight}


def _fairness(problem: Problem, weight: float) -> dict[str, Any]:
    bands = problem.shortfall_band_price_per_kwh
    if bands is None:
        bands = np.full(FAIRNESS_BANDS, problem.shortfall_price_per_kwh)
    return {"shortfall_band_price_per_kwh": bands + weight * share_missing(len(bands))}


_ADD = {
    "carbon": _carbon,
    "peak": _peak,
    "variance": _variance,
    "valley": _valley,
    "losses": _losses,
    "self_consumption": _self_consumption,
    "fairness": _fairness,
}


def share_missing(count: int) -> Floats:
    """Slopes of the square of the missing share over ``count`` equal parts, shape (count,)."""
    slopes: Floats = (2.0 * np.arange(count) + 1.0) / count
    return slopes


def _spread(problem: Problem, weight: float) -> tuple[Ints, Floats]:
    """Sites, and the price on each square for a weight on their mean over time."""
    at = sites(problem)
    return at, np.full(len(at), weight / float(problem.step_h.sum()))


def _square(problem: Problem, at: Ints, price: Floats, reference: Floats) -> dict[str, Any]:
    """Add squares at some limits; where two meet, their sum is one square and a constant."""
    shape = (len(problem.limit_names), problem.steps)
    total, centre = np.zeros(shape[0]), np.zeros(shape)
    if problem.load_square_price_per_kw2h is not None:
        total += problem.load_square_price_per_kw2h
    if problem.load_reference_kw is not None:
        centre += problem.load_reference_kw
    centre[at] = total[at, None] * centre[at] + price[:, None] * reference
    total[at] += price
    centre[at] /= np.where(total[at] > 0, total[at], 1.0)[:, None]
    return {"load_square_price_per_kw2h": total, "load_reference_kw": centre}


def level_kw(problem: Problem) -> Floats:
    """Return the mean load of each site when everybody just gets what is wanted, (sites, T)."""
    at, hours = sites(problem), float(problem.step_h.sum())
    mean = (_base(problem)[at] @ problem.step_h + _needed_kwh(problem)[at]) / hours
    level: Floats = np.repeat(mean[:, None], problem.steps, axis=1)
    return level


def filled_kw(problem: Problem) -> Floats:
    """Return the base load of each site, valleys filled with what is wanted, (sites, T)."""
    at, hours = sites(problem), problem.step_h
    base, needed = _base(problem)[at], _needed_kwh(problem)[at]
    filled = base.copy()
    for row, kwh in enumerate(needed):
        order = np.argsort(base[row])
        ground, width = base[row][order], np.cumsum(hours[order])
        # Water up to the next ground, step by step; the level stands where the energy is used up.
        held = np.concatenate(([0.0], np.cumsum(np.diff(ground) * width[:-1])))
        k = int(np.searchsorted(held, kwh, side="right")) - 1
        filled[row] = np.maximum(base[row], ground[k] + (kwh - held[k]) / width[k])
    return filled


def _base(problem: Problem) -> Floats:
    return _total(problem.base_load_kw, problem.limit_parent)


def _needed_kwh(problem: Problem) -> Floats:
    """Energy at the plugs below each limit that brings everybody to the target, shape (m,)."""
    clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    begin = np.clip(problem.arrive, 0, problem.steps)
    end = np.clip(problem.depart, begin, problem.steps)
    due = problem.target_kwh
    if problem.horizon_floor_kwh is not None:
        due = np.where(problem.depart <= problem.steps, due, problem.horizon_floor_kwh)
    else:
        due = np.where(problem.depart <= problem.steps, due, -np.inf)
    missing = np.maximum(due - _starts_kwh(problem, due), 0.0) / problem.charge_efficiency
    at_plug = np.minimum(missing, problem.max_charge_kw * (clock[end] - clock[begin]))
    own = np.zeros((len(problem.limit_names), 1))
    held = problem.limit >= 0
    np.add.at(own[:, 0], problem.limit[held], at_plug[held])
    return _total(own, problem.limit_parent)[:, 0]


def _starts_kwh(problem: Problem, due_kwh: Floats) -> Floats:
    """Energy that each stay begins with when all before it just got what was wanted, shape (n,)."""
    start = problem.arrival_kwh.astype(float)
    if problem.continues is None or problem.driven_kwh is None:
        return start
    for i in np.flatnonzero(problem.continues):
        left = max(due_kwh[i - 1], start[i - 1])
        start[i] = max(left - problem.driven_kwh[i], problem.min_kwh[i])
    return start
