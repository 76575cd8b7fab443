"""Time, units and sign, typed errors, findings, reasons, random streams."""

from gridtide.core.clock import cpu_s
from gridtide.core.errors import (
    CollapseError,
    GridtideError,
    InputError,
    SolverError,
    StoppedError,
    StorageError,
    StrategyError,
)
from gridtide.core.findings import Finding
from gridtide.core.random import stream
from gridtide.core.reasons import SENTENCES, Reason
from gridtide.core.records import read_record, unusable_numbers
from gridtide.core.timegrid import TimeGrid, parse_utc, utc

__all__ = [
    "SENTENCES",
    "CollapseError",
    "Finding",
    "GridtideError",
    "InputError",
    "Reason",
    "SolverError",
    "StoppedError",
    "StorageError",
    "StrategyError",
    "TimeGrid",
    "cpu_s",
    "parse_utc",
    "read_record",
    "stream",
    "unusable_numbers",
    "utc",
]
