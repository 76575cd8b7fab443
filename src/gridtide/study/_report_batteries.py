"""Batteries in the report: what the run cost them, and what other cells would have made of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery import END_OF_LIFE, cell_model, life_used, model_cards, rate_notes
from gridtide.study._report_html import paragraph, picture, section, table
from gridtide.study._report_words import amount, chain, joined, money, number, short_name
from gridtide.study.battery_uses import band, compare_uses
from gridtide.study.battery_uses_told import uses_sentence, uses_svg
from gridtide.study.case import Case
from gridtide.study.result import Result, StrategyResult
from gridtide.study.wear import follow_vehicles, price_of, run_outside

Floats = npt.NDArray[np.float64]

HOURS_PER_YEAR = 8760.0
# Paths of so many vehicles are looked at with every cell model; more change the band little.
MOST_FOLLOWED = 500
# Convex pieces further than this from the curves are told, as a share of the largest cost.
ROUGH = 0.2


def batteries_section(result: Result) -> str:
    """Say what the run did to the batteries, by its own cell model and by all others."""
    title = "What it does to the batteries"
    if not any(s.columns["wear"]["vehicle"].size for s in result.strategies.values()):
        return section(title, paragraph("No vehicle was plugged in during this run.", "empty"))
    parts = []
    if any((s.columns["wear"]["cell_model"] != "").any() for s in result.strategies.values()):
        parts += [
            paragraph(_sentence(result)),
            _wear_table(result),
            *(paragraph(text) for text in (*_expected(result), *_doubts(result))),
            paragraph(_rule(result), "note"),
        ]
    else:
        parts.append(
            paragraph(
                "The scenario names no cell_model for its vehicles, so their wear is only the "
                "price per discharged kWh that it states.",
                "note",
            )
        )
    return section(title, *parts, _other_cells(result), _years(result))


def _sentence(result: Result) -> str:
    steps = chain(result)
    if not steps:
        return "No strategy ran to the end."
    first, last = steps[0].summary, steps[-1].summary
    currency = result.case.currency
    if len(steps) == 1:
        return f"Battery wear of this run is worth {money(last['wear_cost'], currency)}."
    told = []
    for key, words in (("wear_calendar_cost", "by time"), ("wear_cycle_cost", "by use")):
        change = last[key] - first[key]
        more = "more" if change > 0 else "less"
        told.append(f"{money(abs(change), currency)} {more} {words}")
    return (
        f"Against {short_name(steps[0].name)}, {short_name(steps[-1].name)} wears the batteries "
        f"{joined(told)}."
    )


def _wear_table(result: Result) -> str:
    currency = result.case.currency
    head = (
        "Wear, all vehicles",
        f"by time [{currency}]",
        f"by use [{currency}]",
        f"planned: discharging [{currency}]",
        f"planned: holding [{currency}]",
        "capacity a year [%]",
    )
    rows = [
        (
            short_name(name),
            amount(s.summary["wear_calendar_cost"]),
            amount(s.summary["wear_cycle_cost"]),
            amount(s.summary["wear_planned_cycle_cost"]),
            amount(s.summary["wear_planned_holding_cost"]),
            number(_percent_a_year(s)),
        )
        for name, s in result.strategies.items()
    ]
    return table(head, rows)


def _expected(result: Result) -> list[str]:
    """Hold what plans thought discharging would cost against what V2G's cycles cost more."""
    runs = result.strategies
    if "v1g" not in runs or "v2g" not in runs:
        return []
    thought = runs["v2g"].summary["wear_planned_cycle_cost"]
    more = runs["v2g"].summary["wear_cycle_cost"] - runs["v1g"].summary["wear_cycle_cost"]
    currency = result.case.currency
    return [
        f"Plans thought that discharging would cost {money(thought, currency)}; by the rainflow "
        f"count V2G's cycles cost {money(more, currency)} more than V1G's. A plan does not know "
        "the drive that follows, which deepens the cycle that a discharge began."
    ]


def _doubts(result: Result) -> list[str]:
    """Say where the run left its models' tests, and how rough their convex pieces are."""
    steps = chain(result)
    told = []
    for model in result.case.world.vehicles.cell_models:
        names = run_outside(result.case, steps[-1].columns, model) if steps else []
        if names:
            words = joined([name.replace("_", " ") for name in names])
            told.append(f"EXTRAPOLATED: {model} was not tested at this run's {words}.")
        cycle, storage = price_of(result.case, model).convex_error()
        if max(cycle, storage) > ROUGH:
            told.append(
                f"Plans price {model} by convex pieces that lie up to {cycle:.0%} (cycles) and "
                f"{storage:.0%} (storage, over all levels) of the largest cost below its curves; "
                "the accounts use the curves."
            )
    return told


def _percent_a_year(strategy: StrategyResult) -> float:
    """Capacity lost per year of such days, spread over the battery's life, fleet mean [%]."""
    wear = strategy.columns["wear"]
    aged = wear["cell_model"] != ""
    hours = float(wear["hours"][aged].sum())
    lost = float((wear["loss_calendar"] + wear["loss_cycle"])[aged].sum())
    return 100.0 * lost / hours * HOURS_PER_YEAR if hours > 0 else 0.0


def _rule(result: Result) -> str:
    world = result.case.world
    cards = [cell_model(name).card for name in world.vehicles.cell_models]
    power = np.minimum(world.chargers.max_charge_kw.max(), world.vehicles.max_charge_kw)
    fastest = float((power / world.vehicles.capacity_kwh).max())
    models = joined(list(result.case.world.vehicles.cell_models))
    wear = result.case.scenario.wear
    return (
        f"Cells: {models}. Losses are spread evenly over {wear.life_years:g} years and "
        f"{wear.life_efc:g} full cycles. By use counts the rainflow cycles of each vehicle's whole "
        "path after the run, driving included; a year is one of the hours from first arrival to "
        "last reading. Planned is what the plans thought discharging and "
        "holding would cost in the steps that were carried out, plugged in and without driving."
        + "".join(f" {note}." for note in rate_notes(cards, fastest))
    )


def _other_cells(result: Result) -> str:
    """Look at the same paths with every cell model: the band matters more than the model."""
    case, steps = result.case, chain(result)
    if not steps:
        return ""
    rows, costs = [], {}
    for strategy in steps:
        time, use = _costs_by_model(case, strategy)
        costs[strategy.name] = time + use
        rows.append((short_name(strategy.name), *(_band(v) for v in (time, use, time + use))))
    parts = ["<h3>Had the cells been others</h3>\n"]
    if len(steps) > 1:
        extra = costs[steps[-1].name] - costs[steps[-2].name]
        worse = int((extra > 0).sum())
        parts.append(
            paragraph(
                f"{short_name(steps[-1].name)} wears {worse} of {extra.size} cell models more than "
                f"{short_name(steps[-2].name)} does: by {_band(extra)} {case.currency}."
            )
        )
    head = tuple(f"{kind} [{case.currency}]" for kind in ("by time", "by use", "together"))
    parts.append(table(("Median (10 to 90 % of the models)", *head), rows))
    parts.append(paragraph("Each median is of its own: they do not add up.", "note"))
    return "".join(parts)


def _costs_by_model(case: Case, strategy: StrategyResult) -> tuple[Floats, Floats]:
    """Wear of one strategy's paths with every model of a new cell, by time and by use."""
    paths, vehicles = follow_vehicles(case, strategy.columns), case.world.vehicles
    n = min(paths.vehicle.size, MOST_FOLLOWED)
    end, scale = paths.first[n], paths.vehicle.size / max(n, 1)
    worth = (vehicles.capacity_kwh * vehicles.pack_price_per_kwh)[paths.vehicle[:n]] * scale
    costs = []
    for card in model_cards():
        if card.starts_at == 1.0:
            used = life_used(
                price_of(case, card.name),
                paths.soc[:end],
                paths.time_s[:end] / 3600.0,
                paths.temperature_c[:end],
                paths.first[: n + 1],
            )
            costs.append((float(used.by_time @ worth), float(used.by_use @ worth)))
    by_time, by_use = np.array(costs).T
    return by_time, by_use


def _band(values: Floats) -> str:
    middle, low, high = (amount(value) for value in band(values))
    return f"{middle} ({low} to {high})"


def _usual_temperature_c(result: Result) -> float:
    """Mean temperature of the packs in the run, or the stated one where none is modelled [°C]."""
    rows = next(iter(result.strategies.values())).columns["intervals"]
    if "temperature_c" in rows and rows["temperature_c"].size:
        return round(float(np.nanmean(rows["temperature_c"])), 1)
    return result.case.scenario.wear.temperature_c


def _years(result: Result) -> str:
    """Answer the driver's question for a vehicle like those of this run."""
    world = result.case.world
    capacity = float(np.median(world.vehicles.capacity_kwh))
    power = float(np.median(world.chargers.max_charge_kw))
    price = float(np.median(world.vehicles.pack_price_per_kwh))
    compared = compare_uses(
        capacity_kwh=capacity,
        power_kw=min(power, 0.5 * capacity),
        temperature_c=_usual_temperature_c(result),
        pack_price_per_kwh=price,
    )
    caption = (
        f"Four ways to use a {number(capacity)} kWh battery with a {number(power)} kW charger for "
        f"ten years, each with {len(compared.models)} cell models; 20 % driven a day (assumed). "
        f"An end of life is {END_OF_LIFE:.0%} of the capacity. Not this run's own days."
    )
    return (
        "<h3>Does V2G hurt a battery?</h3>\n"
        + paragraph(uses_sentence(compared))
        + picture(uses_svg(compared), caption)
    )
