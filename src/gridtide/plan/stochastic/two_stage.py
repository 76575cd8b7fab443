"""The first stage: the bid that does best over all days that may come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.core import cpu_s
from gridtide.plan.linear._solver import Deadline
from gridtide.plan.problem import Floats
from gridtide.plan.stochastic._stack import lay_out_day, minimise, stack
from gridtide.plan.stochastic.bid import Bid, Form, Places, find_places
from gridtide.plan.stochastic.chance import conditional_value_at_risk
from gridtide.plan.stochastic.recourse import Outcome, bought, costs, foresee, recourse, settle
from gridtide.plan.stochastic.scenarios import Scenarios


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """How the costs of the days become one number.

    Parameters
    ----------
    weight
        Of CVaR, beside the expected cost.
    level
        CVaR is the mean of the dearest ``1 - level`` of the days.
    """

    weight: float = 0.0
    level: float = 0.9

    def of(self, cost: Floats, chance: Floats) -> float:
        """Return expected cost + weight × CVaR of costs with their probabilities."""
        tail = conditional_value_at_risk(cost, chance, self.level)
        return float(cost @ chance) + self.weight * tail


@dataclass(frozen=True, slots=True, kw_only=True)
class BidPlan:
    """A bid with its certificate, and what it comes to on each of the days it was made for.

    Parameters
    ----------
    bid
        Day-ahead quantity by price.
    objective
        Expected cost + risk weight × CVaR, of the schedules below [currency].
    lower_bound
        No bid does better on these days [currency].
    expected_cost, cvar
        Mean over the days, and over the dearest of them [currency].
    outcomes
        One per day.
    risk
        What was minimised.
    cpu_s
        CPU time that it took [s].
    notes
        What a reader should know about how the answer was found.
    """

    bid: Bid
    objective: float
    lower_bound: float
    expected_cost: float
    cvar: float
    outcomes: tuple[Outcome, ...]
    risk: Risk
    cpu_s: float
    notes: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """(objective - lower bound) / max(1, abs(objective))."""
        return (self.objective - self.lower_bound) / max(1.0, abs(self.objective))


def plan_bid(
    scenarios: Scenarios,
    *,
    form: Form = "curve",
    price_levels: int | None = None,
    risk_weight: float = 0.0,
    risk_level: float = 0.9,
    time_limit_s: float = 120.0,
) -> BidPlan:
    """Find the day-ahead bid of least expected cost plus risk.

    Parameters
    ----------
    scenarios
        Days that may come.
    form
        ``"curve"``: a quantity per price of the scenarios, never rising with price.
        ``"quantity"``: the same at any price.
    price_levels
        At most so many steps of each curve, each for about as likely prices; None for a step per
        price. Few steps keep the bid from fitting itself to single days.
    risk_weight, risk_level
        Of the mean cost of the dearest ``1 - risk_level`` of the days.
    time_limit_s
        Wall time after which the days are planned one by one instead [s].

    Returns
    -------
    BidPlan
        Directions are not decided by binaries and a standby loss is spread over the power: where
        burning energy would pay, the gap tells what the schedules lose to that.
    """
    began, risk = cpu_s(), Risk(weight=risk_weight, level=risk_level)
    days = tuple(lay_out_day(problem) for problem in scenarios.problems)
    places = find_places(scenarios, form, price_levels)
    stacked = stack(scenarios, days, places, risk_weight=risk_weight, risk_level=risk_level)
    found = minimise(stacked, days, Deadline(time_limit_s))
    if found is None:
        return _day_by_day(scenarios, places, risk, began)
    bid = places.bid(found.x[stacked.position])
    outcomes = tuple(
        settle(
            scenarios,
            s,
            day.layout,
            day.power_kw(found.x[stacked.columns[s]]),
            bid.at(scenarios.price_per_kwh[s]),
            -np.inf,
        )
        for s, day in enumerate(days)
    )
    return _plan(scenarios, bid, outcomes, found.bound + stacked.offset, risk, began)


def _plan(
    scenarios: Scenarios,
    bid: Bid,
    outcomes: tuple[Outcome, ...],
    bound: float,
    risk: Risk,
    began: float,
    notes: tuple[str, ...] = (),
) -> BidPlan:
    cost = costs(outcomes)
    objective = risk.of(cost, scenarios.weight)
    lossy = any(p.standby_kw is not None and np.any(p.standby_kw > 0) for p in scenarios.problems)
    if lossy:
        notes += ("standby loss taken as at full power (chord)",)
    return BidPlan(
        bid=bid,
        objective=objective,
        lower_bound=min(bound, objective),
        expected_cost=float(cost @ scenarios.weight),
        cvar=conditional_value_at_risk(cost, scenarios.weight, risk.level),
        outcomes=outcomes,
        risk=risk,
        cpu_s=cpu_s() - began,
        notes=notes,
    )


def _day_by_day(scenarios: Scenarios, places: Places, risk: Risk, began: float) -> BidPlan:
    """Bid the mean of what each day would have bought; foresight bounds it from below."""
    seen = foresee(scenarios)
    bid = places.bid(bought(scenarios, places, seen))
    bound = risk.of(np.array([outcome.lower_bound for outcome in seen]), scenarios.weight)
    why = "the days together took longer than the time given: the bid is the mean of their own"
    return _plan(scenarios, bid, recourse(scenarios, bid), bound, risk, began, (why,))
