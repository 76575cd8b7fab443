"""How a result moves with what was drawn: the same run with smaller and larger batteries."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from gridtide.study.build import compose
from gridtide.study.case import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One strategy's figures with all drawn capacities scaled.

    Parameters
    ----------
    scale
        Factor on the drawn capacities.
    strategy
        Which strategy.
    net_cost, energy_out_kwh, peak_kw, departures_met
        As in the summary.
    """

    scale: float
    strategy: str
    net_cost: float
    energy_out_kwh: float
    peak_kw: float
    departures_met: int


def scaled_case(case: Case, scale: float) -> Case:
    """Return the case with drawn capacities scaled; everything else is drawn alike."""
    scenario = case.scenario
    table = msgspec.structs.replace(
        scenario.sessions, capacity_scale=scenario.sessions.capacity_scale * scale
    )
    changed = msgspec.structs.replace(scenario, sessions=table)
    return compose(changed, case.place, case.source, case.folder)
