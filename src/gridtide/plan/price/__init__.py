"""Fleets beyond any general solver: each vehicle exactly, all together by price."""

from gridtide.plan.price.oracle import best_schedules
from gridtide.plan.price.schedule import FleetSchedule
from gridtide.plan.price.solve import Priced, solve_by_price
from gridtide.plan.price.stays import Stays, lay_stays

__all__ = [
    "FleetSchedule",
    "Priced",
    "Stays",
    "best_schedules",
    "lay_stays",
    "solve_by_price",
]
