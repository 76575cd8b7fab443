"""Plan: the problem, the reference optimiser, the certificate.

The room is named as its verb, so ``gridtide.plan(problem)`` plans.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType as _ModuleType
from typing import Any

from gridtide.plan.answer import answer, plan_file
from gridtide.plan.concentrate import Concentrated, concentrate
from gridtide.plan.dispatch import gather, loss_kw, spread
from gridtide.plan.document import problem_schema, read_problem, read_problem_file
from gridtide.plan.problem import Problem
from gridtide.plan.segments import fresh_segments, open_cycle_segments, roll_segments
from gridtide.plan.slacks import Slack
from gridtide.plan.solve import Plan, schedule_cost, solve
from gridtide.plan.wear_refresh import planned_cycle_cost, refresh_linear

__all__ = [
    "Concentrated",
    "Plan",
    "Problem",
    "Slack",
    "answer",
    "concentrate",
    "fresh_segments",
    "gather",
    "loss_kw",
    "open_cycle_segments",
    "plan_file",
    "planned_cycle_cost",
    "problem_schema",
    "read_problem",
    "read_problem_file",
    "refresh_linear",
    "roll_segments",
    "schedule_cost",
    "solve",
    "spread",
]


class _Room(_ModuleType):
    """A module that can be called: ``gridtide.plan(problem)``."""

    def __call__(self, problem: str | Path | Mapping[str, Any]) -> dict[str, Any]:
        """Plan a problem, a JSON file or the same as a mapping; return the documented answer."""
        if not isinstance(problem, Mapping):
            return plan_file(Path(problem))
        read = read_problem(problem)
        return answer(solve(read), read)


sys.modules[__name__].__class__ = _Room
