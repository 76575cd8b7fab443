"""The reference optimiser: all vehicles in one linear or mixed-integer problem, by HiGHS."""

from gridtide.plan.linear._search import Search

__all__ = ["Search"]
