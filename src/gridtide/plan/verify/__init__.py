"""A stored plan checked against its problem: feasibility, cost and bound, all computed anew.

Nothing here is shared with the solver beyond the problem, the certificate's definition and the
reading of files (import-linter holds that): what a problem means is written here a second time,
from its documentation.
"""

from gridtide.plan.verify.verdict import Check, Verdict
from gridtide.plan.verify.verifier import verify_plan

__all__ = ["Check", "Verdict", "verify_plan"]
