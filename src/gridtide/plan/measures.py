"""What a schedule reaches in every objective, each in its own unit, by plain formulas."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from gridtide.plan._accounts import judge
from gridtide.plan._layout import Layout, _total, demand_periods, lay_out
from gridtide.plan._objective_accounts import band_parts
from gridtide.plan.objectives import (
    COST_FIELDS,
    FAIRNESS_BANDS,
    filled_kw,
    level_kw,
    share_missing,
    sites,
)
from gridtide.plan.problem import Floats, Problem


class Scheduled(Protocol):
    """What of a plan is measured: powers at the plugs, and what is missing on departure."""

    @property
    def power_kw(self) -> Floats:
        """Shape (n, T) [kW]."""

    @property
    def shortfall_kwh(self) -> Floats:
        """Shape (n,) [kWh]."""


def measure(problem: Problem, plan: Scheduled) -> dict[str, float | None]:
    """Return what a schedule reaches in every objective, in the objective's unit.

    Parameters
    ----------
    problem
        The problem, weighted or not; cost is by the prices as stated.
    plan
        A plan of it.

    Returns
    -------
    dict
        By the names of ``OBJECTIVES``; None where the problem lacks what the objective needs.
    """
    layout = lay_out(problem)
    site = layout.base_kw + _net_kw(problem, plan.power_kw)
    cost = _cost(problem, plan.power_kw)
    at = sites(problem)
    loss, carbon = problem.line_loss_per_kw, problem.carbon_kg_per_kwh
    billed = site[problem.meters] if len(problem.meters) else plan.power_kw
    return {
        "cost": cost,
        "profit": -cost,
        "carbon": None if carbon is None else float(np.sum(billed @ (problem.step_h * carbon))),
        "peak": _peak(problem, site) if len(at) else None,
        "variance": _mean_square(problem, site[at] - level_kw(problem)),
        "valley": _mean_square(problem, site[at] - filled_kw(problem)),
        "losses": None if loss is None else float(loss @ (site**2 @ problem.step_h)),
        "self_consumption": _share_kept(problem, billed),
        "fairness": _unfairness(layout, plan.shortfall_kwh),
    }


def _net_kw(problem: Problem, power_kw: Floats) -> Floats:
    """Net power of the vehicles below each limit, shape (m, T)."""
    net = np.zeros((len(problem.limit_names), problem.steps))
    held = problem.limit >= 0
    np.add.at(net, problem.limit[held], power_kw[held])
    return _total(net, problem.limit_parent)


def _cost(problem: Problem, power_kw: Floats) -> float:
    """Cost by the stated prices, without what wishes not met cost."""
    stated = problem.stated or problem
    prices = {name: getattr(stated, name) for name in COST_FIELDS}
    prices |= {"load_reference_kw": stated.load_reference_kw}
    plain = replace(
        problem,
        **prices,
        shortfall_price_per_kwh=0.0,
        shortfall_band_price_per_kwh=None,
        stored_least_kwh=None,
        stored_most_kwh=None,
    )
    return judge(lay_out(plain), power_kw).objective


def _peak(problem: Problem, site: Floats) -> float:
    """Sum over sites and demand periods of the peak, that already set included."""
    period, _, before = demand_periods(problem)
    total = 0.0
    for j in sites(problem):
        for q in range(before.shape[1]):
            total += float(site[j, period == q].max(initial=before[j, q]))
    return total


def _mean_square(problem: Problem, away_kw: Floats) -> float | None:
    """Mean over time, sum over sites."""
    if not len(away_kw):
        return None
    return float(np.sum(away_kw**2 @ problem.step_h) / problem.step_h.sum())


def surplus_kwh(problem: Problem) -> float:
    """Return the generation at the meters beyond the base load [kWh]: what can be used."""
    base = _total(problem.base_load_kw, problem.limit_parent)[problem.meters]
    return float(np.sum(np.maximum(-base, 0.0) @ problem.step_h))


def _share_kept(problem: Problem, billed_kw: Floats) -> float | None:
    """Share of the surplus that is not fed in; what vehicles feed in takes from it too."""
    surplus = surplus_kwh(problem)
    if surplus <= 0:
        return None
    fed_in = np.sum(np.maximum(-billed_kw, 0.0) @ problem.step_h)
    return float(max(0.0, 1.0 - fed_in / surplus))


def _unfairness(layout: Layout, missing_kwh: Floats) -> float:
    bands = layout.problem.shortfall_band_price_per_kwh
    count = FAIRNESS_BANDS if bands is None else len(bands)
    parts = band_parts(layout.problem, layout.due_kwh, missing_kwh, count)
    return float(np.sum(parts * share_missing(count)))
