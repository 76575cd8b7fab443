"""What a feeder has to keep, and by how much a power flow does not keep it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.grid.feeder import Feeder
from gridtide.grid.flow import Flow

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederLimits:
    """Limits of supply and equipment.

    Parameters
    ----------
    nominal_v
        Line to neutral [V]: 230 in Europe, whatever a network's rated voltage is.
    low, high
        Voltage, in parts of nominal. EN 50160: 10 % each way for 95 % of a week (unverified);
        here for all steps.
    loading
        Current of lines and transformer over the rated one.
    unbalance
        |V2|/|V1|, 2 % in EN 50160 (unverified).
    """

    nominal_v: float = 230.0
    low: float = 0.9
    high: float = 1.1
    loading: float = 1.0
    unbalance: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Violations:
    """How often limits are not kept.

    Parameters
    ----------
    under, over
        Steps, nodes and phases with too low and too high a voltage.
    line, transformer
        Steps and lines, steps and phases, with too large a current.
    unbalanced
        Steps and nodes with too much unbalance; None where it was not looked at.
    unsolved
        Steps without a solution.
    """

    under: int
    over: int
    line: int
    transformer: int
    unbalanced: int | None
    unsolved: int

    @property
    def total(self) -> int:
        """All of them."""
        return (
            self.under + self.over + self.line + self.transformer + (self.unbalanced or 0)
            + self.unsolved
        )  # fmt: skip


def low_voltage_v(feeder: Feeder, flow: Flow) -> Floats:
    """Voltages of all nodes but the source's [V], line to neutral, shape (T, n - 1, 3)."""
    low = np.arange(len(feeder.nodes)) != feeder.supply_node
    volts = flow.voltage_pu * feeder.rated_v[:, None] / np.sqrt(3.0)
    return np.asarray(volts[:, low])


def violations(feeder: Feeder, flow: Flow, limits: FeederLimits | None = None) -> Violations:
    """Count what is not kept below the transformer."""
    limits = limits or FeederLimits()
    volts = low_voltage_v(feeder, flow)
    with np.errstate(invalid="ignore"):
        return Violations(
            under=int((volts < limits.low * limits.nominal_v).sum()),
            over=int((volts > limits.high * limits.nominal_v).sum()),
            line=int((flow.line_loading > limits.loading).sum()),
            transformer=int((flow.transformer_loading > limits.loading).sum()),
            unbalanced=None
            if flow.unbalance is None
            else int((flow.unbalance > limits.unbalance).sum()),
            unsolved=int(flow.failed.sum()),
        )
