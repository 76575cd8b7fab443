"""The table that compares strategies, for the report and for the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridtide.study._report_words import MINUS, amount, chain, number, short_name
from gridtide.study.charging_cost import charging_costs
from gridtide.study.headline import headline
from gridtide.study.result import Result

if TYPE_CHECKING:
    from rich.console import Console

Summary = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One figure of every strategy.

    Parameters
    ----------
    key
        Of the summary.
    group
        ``Money``, ``Power and energy``, ``Drivers`` or ``Check``.
    label, unit
        What it is, and its unit; empty where the text carries it.
    values
        By strategy, as in the summary.
    texts
        By strategy, as it is shown.
    """

    key: str
    group: str
    label: str
    unit: str
    values: dict[str, float]
    texts: dict[str, str]


def comparison_rows(result: Result) -> list[ComparisonRow]:
    """Return the figures of every strategy, in the order in which they are shown."""
    currency = result.case.currency
    rows = _charging_rows(result)
    summaries = result.summary()
    for key, group, label, unit, write in _ROWS:
        if key == "service_revenue" and not result.case.scenario.services:
            continue
        if key in _PARTS_OF_WEAR and not any(s["wear_calendar_cost"] for s in summaries.values()):
            continue
        rows.append(
            ComparisonRow(
                key=key,
                group=group,
                label=label,
                unit=currency if unit == "currency" else unit,
                values={name: summary[key] for name, summary in summaries.items()},
                texts={name: write(summary) for name, summary in summaries.items()},
            )
        )
    return rows


def _charging_rows(result: Result) -> list[ComparisonRow]:
    """Return what charging costs, and how that differs from the first complete strategy."""
    steps = chain(result)
    if not steps:
        return []
    base = steps[0]
    costs = charging_costs(result, base)
    changes = {name: cost - costs[base.name] for name, cost in costs.items()}
    rows = []
    for key, label, values in (
        ("charging_cost", "Cost of charging", costs),
        ("change", f"Change against {short_name(base.name)}", changes),
    ):
        texts = dict.fromkeys(result.strategies, "–")
        texts |= {name: amount(value) for name, value in values.items()}
        if key == "change":
            texts[base.name] = ""
        rows.append(
            ComparisonRow(key=key, group=_MONEY, label=label, unit=result.case.currency,
                          values=values, texts=texts)
        )  # fmt: skip
    return rows


def print_comparison(result: Result, console: Console) -> None:
    """Print headline and table to a rich console."""
    from rich.table import Table
    from rich.text import Text

    said = headline(result)
    for warning in said.warnings:
        console.print(Text(warning, style="bold"))
    console.print(Text(said.first, style="bold"))
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=True)
    table.add_column("")
    table.add_column("", style="dim")
    for name, strategy in result.strategies.items():
        partial = " (partial)" if strategy.partial else ""
        table.add_column(f"{short_name(name)}{partial}", justify="right")
    group = ""
    for row in comparison_rows(result):
        if group and row.group != group:
            table.add_section()
            table.add_row()
        group = row.group
        style = "bold" if row.key == "charging_cost" else None
        table.add_row(Text(row.label), row.unit, *map(Text, row.texts.values()), style=style)
    console.print()
    console.print(table)
    console.print()
    for text in said.then:
        console.print(Text(text))


def _plain(key: str) -> Callable[[Summary], str]:
    return lambda summary: number(float(summary[key]))


def _amount(key: str, sign: float = 1.0) -> Callable[[Summary], str]:
    return lambda summary: amount(sign * float(summary[key]))


def _more_or_less(key: str) -> Callable[[Summary], str]:
    def write(summary: Summary) -> str:
        value = float(summary[key])
        text = number(abs(value))
        if text == "0":
            return "0"
        return f"{text} {'more' if value > 0 else 'less'}"

    return write


def _met(summary: Summary) -> str:
    return f"{summary['departures_met']:,} of {summary['departures']:,}"


def _early(summary: Summary) -> str:
    n = summary["departures_early"]
    return f"{n:,} ({summary['departures_early_met']:,} met)" if n else "0"


# Shown where cell models tell them apart.
_PARTS_OF_WEAR = ("wear_calendar_cost", "wear_cycle_cost")
_Row = tuple[str, str, str, str, Callable[[Summary], str]]
_MONEY, _ENERGY, _DRIVERS, _CHECK = "Money", "Power and energy", "Drivers", "Check"
_ROWS: tuple[_Row, ...] = (
    ("net_cost", _MONEY, "Net cost of the site", "currency", _amount("net_cost")),
    ("energy_cost", _MONEY, "Energy", "currency", _amount("energy_cost")),
    ("demand_cost", _MONEY, "Demand charge", "currency", _amount("demand_cost")),
    ("fixed_cost", _MONEY, "Fixed charges", "currency", _amount("fixed_cost")),
    ("wear_cost", _MONEY, "Battery wear", "currency", _amount("wear_cost")),
    ("wear_calendar_cost", _MONEY, "of it by time", "currency", _amount("wear_calendar_cost")),
    ("wear_cycle_cost", _MONEY, "of it by use", "currency", _amount("wear_cycle_cost")),
    ("stored_value", _MONEY, f"{MINUS} Value of change in store", "currency",
     _amount("stored_value", -1.0)),
    ("service_revenue", _MONEY, f"{MINUS} Grid services", "currency",
     _amount("service_revenue", -1.0)),
    ("peak_kw", _ENERGY, "Peak of the site", "kW", _plain("peak_kw")),
    ("energy_in_kwh", _ENERGY, "Vehicles took", "kWh", _plain("energy_in_kwh")),
    ("energy_out_kwh", _ENERGY, "Vehicles gave", "kWh", _plain("energy_out_kwh")),
    ("loss_kwh", _ENERGY, "Conversion losses", "kWh", _plain("loss_kwh")),
    ("stored_change_kwh", _ENERGY, "Batteries hold at departure", "kWh",
     _more_or_less("stored_change_kwh")),
    ("carbon_kg", _ENERGY, "Carbon, import less export", "kg CO₂", _plain("carbon_kg")),
    ("departures_met", _DRIVERS, "Departures met", "", _met),
    ("departures_early", _DRIVERS, "Left before the stated time", "", _early),
    ("shortfall_kwh", _DRIVERS, "Missing at departures", "kWh", _plain("shortfall_kwh")),
    ("hard_violation_kw", _CHECK, "Limits exceeded by", "kW", _plain("hard_violation_kw")),
    ("cpu_s", _CHECK, "Computing time", "s CPU", _plain("cpu_s")),
)  # fmt: skip
