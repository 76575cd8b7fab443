"""What charging costs: the site's net cost beyond what the building alone would pay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gridtide.market import site_bill, site_rows
from gridtide.study.case import Case
from gridtide.study.result import Result, StrategyResult

_NANO = 1e9


def building_alone(case: Case, strategy: StrategyResult) -> float:
    """Return what the sites would be billed had no vehicle come [currency].

    The building's and the sun's metered energy is settled on the same tariff, demand and fixed
    charges included, by the rules of :func:`gridtide.market.site_bill`.

    Parameters
    ----------
    case
        What was run.
    strategy
        Any strategy that ran to the end; building and sun are the same under all of them.
    """
    total = 0
    for position, tariff in enumerate(case.tariffs):
        name = case.scenario.site[position].name
        rows = site_rows(strategy.columns["site"], position, case.world.meter_interval_s)
        net_wh = rows.building_wh - rows.pv_wh
        alone = replace(rows, import_wh=np.maximum(net_wh, 0), export_wh=np.maximum(-net_wh, 0))
        total += site_bill(name, alone, tariff).total_nano
    return total / _NANO


def charging_costs(result: Result, baseline: StrategyResult) -> dict[str, float]:
    """Return what charging costs under every strategy that ran to the end [currency].

    It is the net cost less the bill of the building alone. All strategies are brought to the
    change of the stored energy that the baseline has, so that its own cost is what it is billed
    and differences equal those of the net cost.
    """
    shift = building_alone(result.case, baseline) - float(baseline.summary["stored_value"])
    return {
        name: float(s.summary["net_cost"]) - shift
        for name, s in result.strategies.items()
        if not s.partial
    }
