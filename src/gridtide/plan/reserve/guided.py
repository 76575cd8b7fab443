"""A whole plan without common limits from prices alone: how Method A is used, and its bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._accounts import follow, judge
from gridtide.plan._layout import lay_out
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.reserve.pricing import answer_schedule, lay_terms, reserve_prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Guided:
    """What rounds of pricing have found.

    Parameters
    ----------
    power_kw, energy_kwh
        The mean schedule, shape (n, T) and (n, T + 1).
    offer_kw
        What it holds in each block, vehicle by vehicle, shape (blocks,).
    energy_cost
        Of the schedule, reserve left out [currency].
    lower_bound
        No schedule with its reserve costs less by the rows of reserve [currency].
    """

    power_kw: Floats
    energy_kwh: Floats
    offer_kw: Floats
    energy_cost: float
    lower_bound: float


def plan_guided(problem: Problem, rounds: int = 200) -> Guided:
    """Plan energy and reserve of vehicles that share no limit, each at its own prices.

    Parameters
    ----------
    problem
        Billed plug by plug; its limits are not looked at, neither are the sizes of offers.
    rounds
        Rounds of fictitious play.
    """
    # Compiled kernels, which other plans need not wait for.
    from gridtide.plan.price import best_schedules, lay_stays

    layout = lay_out(problem, relax_standby=True)
    stays = lay_stays(problem, short_price=problem.shortfall_price_per_kwh)
    blocks = [lay_terms(layout, reserve) for reserve in problem.reserves]
    buy = layout.price_in[layout.meter[layout.vehicle], layout.step]
    sell = layout.price_out[layout.meter[layout.vehicle], layout.step]
    v = layout.vehicle
    gain, draw = layout.gain[v], layout.draw[v]
    mean, bound, offers = np.zeros(len(v)), -np.inf, np.zeros(len(blocks))
    power, energy = np.zeros((2, len(problem), problem.steps))
    for k in range(max(rounds, 1)):
        more_in, more_out, constant = reserve_prices(layout, blocks)
        value, _, best = best_schedules(stays, buy + more_in, sell + more_out)
        bound = max(bound, float(value.sum() + constant.sum()))
        # The mean is that of the energy stored: feasible for every vehicle, and never both ways.
        mean += (np.where(best > 0, best * gain, best * draw) - mean) / (k + 1)
        power = np.zeros((len(problem), problem.steps))
        power[v, layout.step] = np.where(mean > 0, mean / gain, mean / draw)
        power, energy, _ = follow(layout, power)
        offers = answer_schedule(layout, blocks, power, energy, 1.0 / (k + 2))
    return Guided(
        power_kw=power,
        energy_kwh=energy,
        offer_kw=offers,
        energy_cost=judge(layout, power).objective,
        lower_bound=bound,
    )
