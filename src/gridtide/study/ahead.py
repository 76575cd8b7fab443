"""What planning knows ahead: prices, demand charges, emissions, forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.battery import wear_price
from gridtide.control import Outlook, WearOutlook
from gridtide.core import Finding, InputError, TimeGrid
from gridtide.signals import TariffSeries, expand_tariff
from gridtide.sim import World
from gridtide.study.scenario import Scenario
from gridtide.study.surroundings import Surroundings
from gridtide.study.toml_places import TomlPlaces

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Find = Callable[[str], Path]


def steps_ahead(scenario: Scenario, grid: TimeGrid) -> TimeGrid:
    """Return the steps that planning may look at: the run and one horizon beyond its end."""
    more = round(scenario.strategy.horizon_hours * 3600 / grid.step_s)
    return TimeGrid(grid.start_s, grid.step_s, grid.n + more)


def site_tariffs(
    scenario: Scenario, grid: TimeGrid, zone: ZoneInfo, find: Find, place: TomlPlaces
) -> tuple[TariffSeries, ...]:
    """Lay each site's tariff on a time grid.

    Raises
    ------
    InputError
        With all findings about all tariffs.
    """
    named = {tariff.name: (i, tariff) for i, tariff in enumerate(scenario.tariff)}
    series: list[TariffSeries] = []
    findings: list[Finding] = []
    for site in scenario.site:
        i, tariff = named[site.tariff]
        try:
            series.append(expand_tariff(tariff, grid, zone, find, place(f"tariff[{i}]")))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(list(dict.fromkeys(findings)))
    return tuple(series)


def demand_period(tariffs: Sequence[TariffSeries]) -> Ints:
    """Return the billing period of each step, shape (n,): that of the first demand charge.

    Without any demand charge it is the first tariff's.
    """
    charging = (tariff for tariff in tariffs if tariff.demand_micro_per_kw)
    return next(charging, tariffs[0]).demand_period


def check_billing_periods(
    scenario: Scenario, tariffs: Sequence[TariffSeries], place: TomlPlaces
) -> None:
    """Check that the demand charges of all sites have the same billing periods.

    A run keeps the peaks of all meters by one row of periods.

    Raises
    ------
    InputError
        With a finding about each tariff whose periods are not those of the first demand charge.
    """
    named = [tariff.name for tariff in scenario.tariff]
    charging = [tariff for tariff in tariffs if tariff.demand_micro_per_kw]
    findings = [
        Finding(
            place(f"tariff[{named.index(tariff.name)}].demand_charge"),
            f"the demand charges of {charging[0].name} and {tariff.name} have different billing "
            "periods",
            "Give both the same, or run the sites one by one",
        )
        for tariff in charging[1:]
        if not np.array_equal(tariff.demand_period, charging[0].demand_period)
    ]
    if findings:
        raise InputError(list(dict.fromkeys(findings)))


def look_ahead(
    scenario: Scenario,
    world: World,
    tariffs: Sequence[TariffSeries],
    around: Surroundings,
    emission_seen: Floats,
    zone: ZoneInfo,
    find: Find,
    place: TomlPlaces,
) -> Outlook:
    """Compose what planning knows.

    Files of prices and emissions that end with the run shorten the look ahead, not the run.
    """
    ahead = steps_ahead(scenario, world.grid)
    try:
        prices = site_tariffs(scenario, ahead, zone, find, place)
    except InputError:
        prices, ahead = tuple(tariffs), world.grid
    n = min(ahead.n, len(emission_seen))
    stored = scenario.objective.stored_value_per_kwh
    if stored is None:
        stored = float(np.mean([tariff.price_import_per_kwh.mean() for tariff in tariffs]))
    nodes = np.array([world.limits.names.index(site.name) for site in scenario.site])
    return Outlook(
        grid=TimeGrid(ahead.start_s, ahead.step_s, n),
        meters=nodes,
        price_import_per_kwh=np.stack([t.price_import_per_kwh[:n] for t in prices]),
        price_export_per_kwh=np.stack(
            [
                tariff.price_export_per_kwh[:n] + _refund(tariff, site.pv is None)
                for tariff, site in zip(prices, scenario.site, strict=True)
            ]
        ),
        carbon_kg_per_kwh=emission_seen[:n],
        carbon_price_per_kg=scenario.objective.carbon_price_per_kg,
        base_forecast_kw=around.forecast_kw[:n],
        base_margin_kw=around.margin_kw[:n],
        demand_charge_per_kw=_demand(world, nodes, tariffs, max(len(t.periods) for t in prices)),
        demand_period=demand_period(prices)[:n],
        stored_value_per_kwh=stored,
        wear=_wear_outlook(scenario, world),
        weights=_weights(scenario),
    )


def _weights(scenario: Scenario) -> dict[str, float] | None:
    """Return the objectives that plans weigh; None where it is the cost alone."""
    weights = scenario.objective.weights()
    return {"cost": 1.0, **weights} if weights else None


def _wear_outlook(scenario: Scenario, world: World) -> WearOutlook | None:
    """Price the wear of every cell model in use over the life that the scenario means."""
    models, table = world.vehicles.cell_models, scenario.wear
    if not models:
        return None
    return WearOutlook(
        prices=tuple(wear_price(m, table.life_years, table.life_efc) for m in models),
        depth_segments=table.depth_segments,
        holding_pieces=table.holding_pieces,
        temperature_c=table.temperature_c,
    )


def _refund(tariff: TariffSeries, vehicles_alone: bool) -> float:
    """Refund on re-exported energy that the plan counts on.

    Only where nothing but vehicles can export: elsewhere it depends on what the sun gives.
    """
    return tariff.refund_per_kwh if vehicles_alone else 0.0


def _demand(world: World, nodes: Ints, tariffs: Sequence[TariffSeries], periods: int) -> Floats:
    """Demand charge by limit and billing period; periods beyond the run cost nothing in it."""
    demand = np.zeros((len(world.limits), periods))
    for node, tariff in zip(nodes, tariffs, strict=True):
        demand[node, : len(tariff.periods)] = tariff.demand_price_per_kw
    return demand
