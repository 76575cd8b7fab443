"""Reserve proven after planning: shared out, called at the worst, cut to what holds."""

from gridtide.plan.reserve.offers import CUT, name_broken, offer_reserves, replan
from gridtide.plan.reserve.proof import prove, prove_and_cap

__all__ = [
    "CUT",
    "name_broken",
    "offer_reserves",
    "prove",
    "prove_and_cap",
    "replan",
]
