"""Reserve proven after planning: shared out, called at the worst, cut to what holds."""

from gridtide.plan.reserve.guided import Guided, plan_guided
from gridtide.plan.reserve.offers import CUT, name_broken, offer_reserves, replan
from gridtide.plan.reserve.proof import prove, prove_schedule

__all__ = [
    "CUT",
    "Guided",
    "name_broken",
    "offer_reserves",
    "plan_guided",
    "prove",
    "prove_schedule",
    "replan",
]
