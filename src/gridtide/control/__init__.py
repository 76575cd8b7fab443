"""The loop, the process image, strategies, and controllers that only narrow."""

from gridtide.control._kernel_narrow import Plugs, whole_steps
from gridtide.control.dispatch import FastDispatch, Shared, merit
from gridtide.control.enclosing import Enclosed, beside_setpoints_kw, enclose, plugs_of
from gridtide.control.expecting import Expectation
from gridtide.control.following import BackToSchedule, Following, Instruction, Instructions
from gridtide.control.image import Floats, Image, Setpoints, Wish
from gridtide.control.loop import Plant, Watch, run_loop
from gridtide.control.narrowing import able_kw, laxity_h, narrow, room_kw
from gridtide.control.planning import Outlook, PlanRecord, RollingPlanner
from gridtide.control.selling import Seller, Sold, Terms
from gridtide.control.serving import Asked, Served, Service, Serving
from gridtide.control.strategies import (
    EarliestDeadlineFirst,
    LeastLaxityFirst,
    Planned,
    Planner,
    Schedule,
    Strategy,
    Uncontrolled,
)
from gridtide.control.wearing import WearOutlook

__all__ = [
    "Asked",
    "BackToSchedule",
    "EarliestDeadlineFirst",
    "Enclosed",
    "Expectation",
    "FastDispatch",
    "Floats",
    "Following",
    "Image",
    "Instruction",
    "Instructions",
    "LeastLaxityFirst",
    "Outlook",
    "PlanRecord",
    "Planned",
    "Planner",
    "Plant",
    "Plugs",
    "RollingPlanner",
    "Schedule",
    "Seller",
    "Served",
    "Service",
    "Serving",
    "Setpoints",
    "Shared",
    "Sold",
    "Strategy",
    "Terms",
    "Uncontrolled",
    "Watch",
    "WearOutlook",
    "Wish",
    "able_kw",
    "beside_setpoints_kw",
    "enclose",
    "laxity_h",
    "merit",
    "narrow",
    "plugs_of",
    "room_kw",
    "run_loop",
    "whole_steps",
]
