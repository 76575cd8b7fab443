"""Plan: the problem, the reference optimiser, the certificate, plan files and their verification.

The room is named as its verb, so ``gridtide.plan(problem)`` plans.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType as _ModuleType
from typing import Any

from gridtide.plan.answer import answer, plan_document, plan_file
from gridtide.plan.blocks import Direction, Offer, Reserve
from gridtide.plan.certificate import Certificate
from gridtide.plan.concentrate import Concentrated, concentrate
from gridtide.plan.dispatch import gather, loss_kw, spread
from gridtide.plan.document import (
    problem_schema,
    read_document,
    read_problem,
    read_problem_file,
)
from gridtide.plan.made import Plan
from gridtide.plan.measures import measure
from gridtide.plan.objectives import OBJECTIVES, Objective, weigh
from gridtide.plan.pareto import Front, FrontPoint, trace_front
from gridtide.plan.plan_files import write_plan
from gridtide.plan.problem import Problem, join_stays, take_stays
from gridtide.plan.reserve import prove
from gridtide.plan.segments import fresh_segments, open_cycle_segments, roll_segments
from gridtide.plan.slacks import Slack
from gridtide.plan.solve import schedule_cost, solve
from gridtide.plan.start import Start, churn_kwh, hold_to, warm_start
from gridtide.plan.stochastic import (
    Bid,
    BidPlan,
    Outcome,
    Scenarios,
    Worth,
    chance_level,
    conditional_value_at_risk,
    follow_schedule,
    foresee,
    mean_problem,
    plan_bid,
    quantity_bid,
    recourse,
    sure_level,
    worth,
)
from gridtide.plan.stored_plan import StoredPlan, read_plan
from gridtide.plan.verify import Check, Verdict, verify_plan
from gridtide.plan.wear_refresh import planned_cycle_cost, refresh_linear

__all__ = [
    "OBJECTIVES",
    "Bid",
    "BidPlan",
    "Certificate",
    "Check",
    "Concentrated",
    "Direction",
    "Front",
    "FrontPoint",
    "Objective",
    "Offer",
    "Outcome",
    "Plan",
    "Problem",
    "Reserve",
    "Scenarios",
    "Slack",
    "Start",
    "StoredPlan",
    "Verdict",
    "Worth",
    "answer",
    "chance_level",
    "churn_kwh",
    "concentrate",
    "conditional_value_at_risk",
    "follow_schedule",
    "foresee",
    "fresh_segments",
    "gather",
    "hold_to",
    "join_stays",
    "loss_kw",
    "mean_problem",
    "measure",
    "open_cycle_segments",
    "plan_bid",
    "plan_document",
    "plan_file",
    "planned_cycle_cost",
    "problem_schema",
    "prove",
    "quantity_bid",
    "read_document",
    "read_plan",
    "read_problem",
    "read_problem_file",
    "recourse",
    "refresh_linear",
    "roll_segments",
    "schedule_cost",
    "solve",
    "spread",
    "sure_level",
    "take_stays",
    "trace_front",
    "verify_plan",
    "warm_start",
    "weigh",
    "worth",
    "write_plan",
]


class _Room(_ModuleType):
    """A module that can be called: ``gridtide.plan(problem)``."""

    def __call__(self, problem: str | Path | Mapping[str, Any]) -> dict[str, Any]:
        """Plan a problem, a JSON file or the same as a mapping; return the documented answer."""
        if not isinstance(problem, Mapping):
            return plan_file(Path(problem))
        return plan_document(read_document(problem))


sys.modules[__name__].__class__ = _Room
