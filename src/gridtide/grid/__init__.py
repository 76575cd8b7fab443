"""The grid: power flow of feeders, how frequency swings, how steep a fleet's droop may be."""

from gridtide.grid.draw_feeder import draw_feeder
from gridtide.grid.feeder import THREE_PHASE, Feeder
from gridtide.grid.feeder_limits import FeederLimits, Violations, low_voltage_v, violations
from gridtide.grid.flow import Flow, FlowModel, unbalance_of
from gridtide.grid.margin import (
    Area,
    Permit,
    largest_gain,
    open_loop,
    permit,
    refuse_steep,
    two_area_step,
)
from gridtide.grid.opendss import read_opendss
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
    "THREE_PHASE",
    "Area",
    "Case",
    "Droop",
    "Event",
    "Feeder",
    "FeederLimits",
    "Flow",
    "FlowModel",
    "Permit",
    "Swing",
    "Violations",
    "case_named",
    "cases",
    "check_droop",
    "draw_feeder",
    "largest_gain",
    "low_voltage_v",
    "open_loop",
    "permit",
    "read_opendss",
    "refuse_steep",
    "run_case",
    "two_area_step",
    "unbalance_of",
    "violations",
    "with_damping",
]
