"""The grid: power flow of feeders, how frequency swings, how steep a fleet's droop may be."""

from gridtide.grid.draw_feeder import draw_feeder
from gridtide.grid.feeder import THREE_PHASE, Feeder
from gridtide.grid.feeder_limits import FeederLimits, Violations, low_voltage_v, violations
from gridtide.grid.flow import Flow, FlowModel, unbalance_of
from gridtide.grid.inverter import (
    Curve,
    box_score,
    curve_named,
    curves,
    droop_kw,
    inside_box,
    most_discharge_kw,
    power_factor_kvar,
    reactive_kvar,
    respond,
    standstill_loss_kw,
    within_circle,
)
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
    "Curve",
    "Droop",
    "Event",
    "Feeder",
    "FeederLimits",
    "Flow",
    "FlowModel",
    "Permit",
    "Swing",
    "Violations",
    "box_score",
    "case_named",
    "cases",
    "check_droop",
    "curve_named",
    "curves",
    "draw_feeder",
    "droop_kw",
    "inside_box",
    "largest_gain",
    "low_voltage_v",
    "most_discharge_kw",
    "open_loop",
    "permit",
    "power_factor_kvar",
    "reactive_kvar",
    "read_opendss",
    "refuse_steep",
    "respond",
    "run_case",
    "standstill_loss_kw",
    "two_area_step",
    "unbalance_of",
    "violations",
    "with_damping",
    "within_circle",
]
