"""Planning before the day is known: a day-ahead bid now, schedules when the day has come.

Arrays in, arrays out; where scenarios come from is for rooms above.
"""

from gridtide.plan.stochastic.bid import Bid, quantity_bid
from gridtide.plan.stochastic.chance import chance_level, conditional_value_at_risk, sure_level
from gridtide.plan.stochastic.recourse import Outcome, follow_schedule, foresee, recourse
from gridtide.plan.stochastic.scenarios import Scenarios, mean_problem
from gridtide.plan.stochastic.two_stage import BidPlan, plan_bid
from gridtide.plan.stochastic.worth import Worth, worth

__all__ = [
    "Bid",
    "BidPlan",
    "Outcome",
    "Scenarios",
    "Worth",
    "chance_level",
    "conditional_value_at_risk",
    "follow_schedule",
    "foresee",
    "mean_problem",
    "plan_bid",
    "quantity_bid",
    "recourse",
    "sure_level",
    "worth",
]
