"""The loop, the process image, strategies, and controllers that only narrow."""

from gridtide.control._kernel_narrow import Plugs, whole_steps
from gridtide.control.enclosing import Enclosed, beside_setpoints_kw, enclose, plugs_of
from gridtide.control.image import Image, Setpoints, Wish
from gridtide.control.loop import Plant, Watch, run_loop
from gridtide.control.narrowing import laxity_h, narrow, room_kw
from gridtide.control.planning import Outlook, PlanRecord, RollingPlanner
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
    "EarliestDeadlineFirst",
    "Enclosed",
    "Image",
    "LeastLaxityFirst",
    "Outlook",
    "PlanRecord",
    "Planned",
    "Planner",
    "Plant",
    "Plugs",
    "RollingPlanner",
    "Schedule",
    "Setpoints",
    "Strategy",
    "Uncontrolled",
    "Watch",
    "WearOutlook",
    "Wish",
    "beside_setpoints_kw",
    "enclose",
    "laxity_h",
    "narrow",
    "plugs_of",
    "room_kw",
    "run_loop",
    "whole_steps",
]
