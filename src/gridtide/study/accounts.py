"""Settle a result: bills, statements, and the costs of the summary."""

from __future__ import annotations

from typing import Any

import numpy as np

from gridtide.market import Settlement, charger_rows, settle_site, site_rows, statements
from gridtide.study.case import Case
from gridtide.study.result import Result, StrategyResult
from gridtide.study.wear import wear_summary, with_wear

NANO = 1e9
BASELINE = "uncontrolled"
DISPLACED = (
    "energy_cost", "demand_cost", "wear_cost", "stored_value", "energy_in_kwh", "energy_out_kwh",
    "loss_kwh", "peak_kw", "carbon_kg", "departures_met", "departures_early_met",
)  # fmt: skip
"""Figures by which serving differs from the same strategy without services."""


def settle(result: Result) -> None:
    """Settle every strategy, and fill in its statement and the costs of its summary.

    Drivers' gains are measured against uncontrolled charging, where that was run whole.
    """
    case = result.case
    first = result.strategies.get(BASELINE)
    # One at a time: a settlement of many vehicles holds a copy of their meter readings.
    baseline = settle_strategy(case, first) if first is not None else []
    for name, strategy in result.strategies.items():
        settled = baseline if name == BASELINE else settle_strategy(case, strategy)
        compare = baseline if name != BASELINE and not result.partial else ()
        told = statements(settled, case.scenario.contract, compare, case.zone)
        strategy.columns["statement"] = with_wear(told.columns(), strategy.columns["wear"])
        _price_the_rows(case, strategy, settled)
        strategy.summary = _with_costs(case, strategy, settled)
    for strategy in result.strategies.values():
        if strategy.services:
            _tell_services(result, strategy)


def _tell_services(result: Result, strategy: StrategyResult) -> None:
    """Add what came of each product, and what serving changed against the same without."""
    summary = strategy.summary
    summary["services"] = [told.figures for told in strategy.services]
    alone = result.strategies.get(strategy.name.partition("+")[0])
    if alone is not None:
        keys = DISPLACED
        summary["displaced"] = {key: summary[key] - alone.summary[key] for key in keys}


def settle_strategy(case: Case, strategy: StrategyResult) -> list[Settlement]:
    """Settle every site of one strategy."""
    world = case.world
    site_of_charger = _site_of_charger(case)
    rows = [
        charger_rows(
            strategy.columns["intervals"], world.sessions.vehicle, site_of_charger, position
        )
        for position in range(len(case.meters))
    ]
    return [
        settle_site(
            case.scenario.site[position].name,
            site_rows(strategy.columns["site"], position, world.meter_interval_s),
            rows[position],
            case.tariffs[position],
            world.vehicles.ids,
        )
        for position in range(len(case.meters))
    ]


def _site_of_charger(case: Case) -> np.ndarray[Any, Any]:
    """Position in ``case.meters`` of the meter above each charger."""
    node = case.world.limits.site[case.world.chargers.limit]
    position = np.full(len(case.world.limits), -1, dtype=np.int64)
    position[case.meters] = np.arange(len(case.meters))
    return position[node]


def _price_the_rows(case: Case, strategy: StrategyResult, settled: list[Settlement]) -> None:
    """Store the price used beside the energy it was used on."""
    intervals, site = strategy.columns["intervals"], strategy.columns["site"]
    price = np.zeros(len(intervals["interval_s"]), dtype=np.int64)
    imported = np.zeros(len(site["interval_s"]), dtype=np.int64)
    exported = np.zeros_like(imported)
    site_of_charger = _site_of_charger(case)
    for position, one in enumerate(settled):
        here = (site_of_charger[intervals["charger"]] == position) & (intervals["session"] >= 0)
        price[here] = one.row_price_micro_per_kwh
        mine = site["site"] == position
        imported[mine] = one.prices.imported
        exported[mine] = one.prices.export
    net_wh = intervals["import_wh"] - intervals["export_wh"]
    intervals["price_micro_per_kwh"] = price
    intervals["amount_nano"] = net_wh * price
    site["price_import_micro_per_kwh"] = imported
    site["price_export_micro_per_kwh"] = exported


def _with_costs(case: Case, strategy: StrategyResult, settled: list[Settlement]) -> dict[str, Any]:
    """Return the summary in the documented order, costs filled in [currency]."""
    physical = strategy.summary
    fixed = sum(s.bill.fixed_nano for s in settled) / NANO
    demand = sum(s.bill.demand_nano for s in settled) / NANO
    energy = sum(s.bill.energy_nano for s in settled) / NANO
    wear = wear_summary(strategy.columns["wear"])
    served = {"service_revenue": strategy.service_revenue} if case.scenario.services else {}
    stored = case.stored_value_per_kwh * float(physical["stored_change_kwh"])
    costs = {
        "energy_cost": energy,
        "demand_cost": demand,
        "fixed_cost": fixed,
        **wear,
        "stored_value": stored,
        **served,
        "net_cost": energy + demand + fixed + wear["wear_cost"] - stored - sum(served.values()),
    }
    first = ("energy_in_kwh", "energy_out_kwh", "loss_kwh", "stored_change_kwh")
    return {
        **{key: physical[key] for key in first},
        **costs,
        **{key: value for key, value in physical.items() if key not in first},
    }
