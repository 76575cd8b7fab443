"""The least that the largest shortfall can be where no small group can tell: by price.

Let every kWh that a driver misses beyond z cost 1, and nothing else anything. The least that
costs, φ(z), is convex and falls to 0 where z is the largest shortfall that has to be. At the
prices found for one z, the bound L of φ can be computed for every other: it is convex in z as
well, never above φ, and where it is above 0 nobody can be spared more than z. So its root is
proven too, and the next z to try (Newton's method on φ from below, as W. Dinkelbach: On Nonlinear
Fractional Programming, 1967, doi:10.1287/mnsc.13.7.492, does for ratios).
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from gridtide.plan.price.coordinate import Coordination
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.mend import Plan
from gridtide.plan.price.promise import Wishes
from gridtide.plan.price.stays import lay_stays
from gridtide.plan.problem import Floats, Problem

ROUNDS = 12
CLOSE_KWH = 1e-4
"""Steps of z and sums of what is missing beyond it that count as none."""
GAP = 0.05
"""Share of what is missing beyond z that a round need not prove."""
NEAR_KWH = 1e-3
"""Steps of z that end the search."""
ASIDE = Wishes(short=0.0, beyond=1.0, recover=100.0, scarce=np.inf)
FIRM = 0.02
"""Highest price of energy beside which a kWh missing beyond z would cost 1."""


def largest_by_price(
    problem: Problem, known_kwh: float, begin: Coordination, exactly: Plan, limit_s: float
) -> float:
    """Bound the largest shortfall from below.

    Parameters
    ----------
    problem
        What is planned.
    known_kwh
        A bound that is known.
    begin
        A run that has found prices of the limits.
    exactly
        The exact optimiser.
    limit_s
        Wall time [s].

    Returns
    -------
    float
        No plan is without a shortfall of so much [kWh].
    """
    end_s, least = time.monotonic() + limit_s, known_kwh
    aside = _energy_for_nothing(problem)
    stays = lay_stays(aside, short_price=0.0, recover_price=ASIDE.recover)
    run = Coordination(
        aside, stays, gap=GAP, limit_s=limit_s, exactly=exactly, prices=ASIDE, settles=False
    )
    run.react(FIRM)
    # A kWh of all who are due energy together moves z by NEAR_KWH.
    due = int(np.isfinite(stays.each["due_kwh"]).sum())
    run.uncontrolled_cost = NEAR_KWH * due / GAP
    run.fleet.power[:] = run.fleet.mean[:] = begin.fleet.power
    run.fleet.net = run.fleet.net_of(run.fleet.power)
    for _ in range(ROUNDS):
        run.share(least)
        run.run()
        if run.progress.bound <= CLOSE_KWH:
            break
        found = _root(run.fleet, run.progress.price, run.progress.peak, least)
        step, least = found - least, max(found, least)
        if step <= NEAR_KWH or time.monotonic() >= end_s:
            break
    return least


def _energy_for_nothing(problem: Problem) -> Problem:
    """Leave out all that costs; drives are as they are."""
    nothing: Floats = np.zeros_like(problem.price_import_per_kwh)
    return replace(
        problem,
        price_import_per_kwh=nothing,
        price_export_per_kwh=nothing,
        carbon_kg_per_kwh=None,
        demand_charge_per_kw=np.zeros_like(problem.demand_charge_per_kw),
        wear_price_per_kwh=np.zeros(len(problem)),
        shortfall_price_per_kwh=0.0,
        shortfall_band_price_per_kwh=None,
        end_value_per_kwh=None,
        holding_edges_kwh=None,
        holding_price_per_kwh_h=None,
        holding_base_per_h=None,
        load_square_price_per_kw2h=None,
        change_price_per_kwh=0.0,
        stored_least_kwh=None,
        stored_most_kwh=None,
    )


def _root(fleet: Fleet, price: Floats, peak: Floats, low: float) -> float:
    """Largest z at which these prices still prove that something is missing beyond it [kWh]."""
    stays, high = fleet.stays, 2.0 * low + 1.0

    def bound(z: float) -> float:
        fleet.stays = stays._replace(beyond_kwh=np.array([z]))
        return fleet.bound(price, peak)

    while bound(high) > CLOSE_KWH:
        low, high = high, 2.0 * high
    while high - low > 0.1 * CLOSE_KWH:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if bound(middle) > CLOSE_KWH else (low, middle)
    fleet.stays = stays
    return low
