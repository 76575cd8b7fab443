"""Reserve proven after planning: shared out, called at the worst, cut to what holds."""

from gridtide.plan.reserve.offers import name_broken, offer_reserves, replan
from gridtide.plan.reserve.proof import prove, prove_schedule

__all__ = [
    "name_broken",
    "offer_reserves",
    "prove",
    "prove_schedule",
    "replan",
]
