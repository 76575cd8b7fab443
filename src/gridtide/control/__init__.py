"""The loop, the process image, strategies, and controllers that only narrow."""

from gridtide.control.image import Image, Setpoints, Wish
from gridtide.control.loop import Plant, Watch, run_loop
from gridtide.control.narrowing import laxity_h, narrow, room_kw
from gridtide.control.strategies import (
    EarliestDeadlineFirst,
    LeastLaxityFirst,
    Planned,
    Planner,
    Schedule,
    Strategy,
    Uncontrolled,
)

__all__ = [
    "EarliestDeadlineFirst",
    "Image",
    "LeastLaxityFirst",
    "Planned",
    "Planner",
    "Plant",
    "Schedule",
    "Setpoints",
    "Strategy",
    "Uncontrolled",
    "Watch",
    "Wish",
    "laxity_h",
    "narrow",
    "room_kw",
    "run_loop",
]
