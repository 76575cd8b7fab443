"""Plan: the problem, the reference optimiser, the certificate."""

from gridtide.plan.problem import Problem
from gridtide.plan.solve import Plan, solve

__all__ = ["Plan", "Problem", "solve"]
