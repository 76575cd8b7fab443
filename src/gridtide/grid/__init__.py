"""The grid: how its frequency swings, and how steep a fleet's droop may be."""

from gridtide.grid.margin import (
    Area,
    Permit,
    largest_gain,
    open_loop,
    permit,
    refuse_steep,
    two_area_step,
)
from gridtide.grid.swing import (
    Case,
    Droop,
    Event,
    Swing,
    case_named,
    cases,
    check_droop,
    run_case,
    with_damping,
)

__all__ = [
    "Area",
    "Case",
    "Droop",
    "Event",
    "Permit",
    "Swing",
    "case_named",
    "cases",
    "check_droop",
    "largest_gain",
    "open_loop",
    "permit",
    "refuse_steep",
    "run_case",
    "two_area_step",
    "with_damping",
]
