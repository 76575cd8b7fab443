"""Results of a run: tables and one summary per strategy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gridtide.store import arrow_table
from gridtide.study.record import Columns

if TYPE_CHECKING:
    import pyarrow as pa

    from gridtide.study.case import Case
    from gridtide.study.sensitivity import Moved
    from gridtide.study.serve_told import Told

Floats = npt.NDArray[np.float64]

# A departure counts as met when the battery is short by less than this.
MET_WITHIN_KWH = 0.1
EARLY_BY_S = 60.0


@dataclass(slots=True)
class StrategyResult:
    """What one strategy did.

    Parameters
    ----------
    name
        Of the strategy.
    summary
        The figures that ``gridtide run --json`` prints.
    columns
        Tables by name, each a set of equally long arrays: ``intervals`` (meter readings of
        chargers), ``site`` (meter readings of sites), ``decisions``, ``sessions``, ``plans``,
        ``schedule``, ``statement``, ``wear``.
    partial
        True where the run was interrupted.
    services
        What came of each product that it sold.
    """

    name: str
    summary: dict[str, Any]
    columns: dict[str, Columns]
    partial: bool = False
    services: list[Told] = field(default_factory=list)

    @property
    def service_revenue(self) -> float:
        """What all products earned [currency]."""
        return float(sum(told.figures["revenue"] for told in self.services))

    def table(self, name: str) -> pa.Table:
        """One table as an Arrow table."""
        return arrow_table(self.columns[name])


@dataclass(slots=True)
class Result:
    """What a run of several strategies gave.

    Parameters
    ----------
    case
        What was run.
    strategies
        What each strategy did, by name.
    sensitivity
        Figures with drawn capacities scaled.
    sensitivity_partial
        True where the runs with scaled capacities were interrupted; their strategies are whole.
    """

    case: Case
    strategies: dict[str, StrategyResult] = field(default_factory=dict)
    sensitivity: list[Moved] = field(default_factory=list)
    sensitivity_partial: bool = False

    @property
    def partial(self) -> bool:
        """Whether the run was interrupted."""
        return self.sensitivity_partial or any(s.partial for s in self.strategies.values())

    def summary(self) -> dict[str, dict[str, Any]]:
        """Figures of every strategy."""
        return {name: s.summary for name, s in self.strategies.items()}


def departures(sessions: Columns) -> dict[str, Any]:
    """Count who left with what was asked.

    A departure is met if, at the real unplugging, the battery holds what was asked, or all
    that full power from arrival could have stored, within 0.1 kWh. Those who left before
    the time they stated are counted apart.
    """
    left = sessions["departed"]
    early = left & sessions["left_early"]
    due = left & ~sessions["left_early"]
    met = sessions["shortfall_kwh"] <= MET_WITHIN_KWH
    return {
        "departures": int(due.sum()),
        "departures_met": int((due & met).sum()),
        "departures_early": int(early.sum()),
        "departures_early_met": int((early & met).sum()),
        "shortfall_kwh": float(sessions["shortfall_kwh"][due].sum()),
    }


def peak_kw(site: Columns, interval_h: float) -> float:
    """Largest interval mean at a site's meter [kW]."""
    net = site["import_wh"] - site["export_wh"]
    return float(max(net.max(initial=0), 0)) / 1000.0 / interval_h
