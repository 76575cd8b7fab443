"""The scenario as a whole: load, run, compare, report."""

from gridtide.study.battery_uses import Use, UsesCompared, compare_uses
from gridtide.study.battery_uses_told import (
    uses_document,
    uses_picture,
    uses_sentence,
    uses_svg,
    uses_text,
)
from gridtide.study.build import load
from gridtide.study.case import Case
from gridtide.study.flow_told import feeder_named, flow_document, flow_text, uncontrolled_kw
from gridtide.study.frequency_told import (
    frequency_document,
    frequency_picture,
    frequency_text,
)
from gridtide.study.keep import prepare_folder, provenance, write_result
from gridtide.study.operate import check_strategies, run, run_strategy
from gridtide.study.pareto_told import (
    front_document,
    front_picture,
    front_sentence,
    front_text,
)
from gridtide.study.progress import Moment, Progress
from gridtide.study.report import comparison_rows, print_comparison, write_report
from gridtide.study.result import Result, StrategyResult
from gridtide.study.round_trip import efficiency_rows, efficiency_text, round_trip_picture
from gridtide.study.scenario import Scenario, scenario_schema
from gridtide.study.scenario_file import read_scenario
from gridtide.study.starters import write_starter

__all__ = [
    "Case",
    "Moment",
    "Progress",
    "Result",
    "Scenario",
    "StrategyResult",
    "Use",
    "UsesCompared",
    "check_strategies",
    "compare_uses",
    "comparison_rows",
    "efficiency_rows",
    "efficiency_text",
    "feeder_named",
    "flow_document",
    "flow_text",
    "frequency_document",
    "frequency_picture",
    "frequency_text",
    "front_document",
    "front_picture",
    "front_sentence",
    "front_text",
    "load",
    "prepare_folder",
    "print_comparison",
    "provenance",
    "read_scenario",
    "round_trip_picture",
    "run",
    "run_strategy",
    "scenario_schema",
    "uncontrolled_kw",
    "uses_document",
    "uses_picture",
    "uses_sentence",
    "uses_svg",
    "uses_text",
    "write_report",
    "write_result",
    "write_starter",
]
