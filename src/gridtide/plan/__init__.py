"""Plan: the problem, the reference optimiser, the certificate."""

from gridtide.plan.answer import answer, plan_file
from gridtide.plan.document import problem_schema, read_problem, read_problem_file
from gridtide.plan.problem import Problem
from gridtide.plan.slacks import Slack
from gridtide.plan.solve import Plan, solve

__all__ = [
    "Plan",
    "Problem",
    "Slack",
    "answer",
    "plan_file",
    "problem_schema",
    "read_problem",
    "read_problem_file",
    "solve",
]
