"""The report: one page that says what was saved and why, shows it, and accounts for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from gridtide import __version__
from gridtide.store import write_text
from gridtide.study._pictures_fleet import MOST_DAYS, raster_picture, soc_picture
from gridtide.study._pictures_money import departures_picture, figures_picture, waterfall_picture
from gridtide.study._pictures_power import power_picture
from gridtide.study._report_batteries import batteries_section
from gridtide.study._report_html import (
    bullets,
    escape,
    page,
    paragraph,
    picture,
    section,
    table,
)
from gridtide.study._report_limits import limits_section
from gridtide.study._report_money import (
    bill_table,
    payments_sentence,
    reconciliation,
    vehicle_table,
)
from gridtide.study._report_people import reasons_table, shortfall_tables
from gridtide.study._report_services import services_section
from gridtide.study._report_words import (
    amount,
    chain,
    count,
    joined,
    long_name,
    money,
    number,
    quantity,
    sentence,
    short_name,
    span_name,
)
from gridtide.study.comparison import ComparisonRow, comparison_rows, print_comparison
from gridtide.study.headline import headline, met_sentence
from gridtide.study.result import Result, StrategyResult

__all__ = ["ComparisonRow", "comparison_rows", "print_comparison", "report_html", "write_report"]

# More sites than this are left to the tables.
MOST_SITES = 6


def write_report(result: Result, path: Path) -> None:
    """Write the report of a run as one HTML file that needs nothing beside it.

    Equal results give equal files, to the last byte.

    Parameters
    ----------
    result
        A settled run.
    path
        File to write.

    Raises
    ------
    StorageError
        If it cannot be written whole; nothing is left behind.
    """
    write_text(path, report_html(result))


def report_html(result: Result) -> str:
    """Return the page."""
    parts = [
        _top(result),
        _comparison(result),
        _power(result),
        limits_section(result),
        _fleet(result),
        _soc(result),
        _departures(result),
        _figures(result),
        batteries_section(result),
        services_section(result),
        _why(result),
        _money(result),
        _notes(result),
    ]
    return page(f"{result.case.scenario.name} – gridtide", "".join(parts))


def _top(result: Result) -> str:
    case, said = result.case, headline(result)
    grid = case.world.grid
    sites = count(len(case.meters), "site")
    sessions = count(len(case.world.sessions), "session")
    facts = (
        f"{span_name(grid.start_s, grid.end_s, case.zone)}, {case.scenario.timezone} · {sites} · "
        f"{count(len(case.world.chargers), 'charger')} · {sessions}"
    )
    about = [case.scenario.name, sentence(case.scenario.description), facts]
    drawn = ""
    if any(s.summary["net_cost"] for s in chain(result)):
        caption = (
            "Where the money comes from: each bar is a part of the difference. Energy is "
            "compared like with like, at the same energy left in the batteries."
        )
        drawn = picture(waterfall_picture(result), caption)
    return (
        "<header>\n"
        + "".join(paragraph(text) for text in about if text != ".")
        + "</header>\n"
        + "".join(paragraph(text, "warning") for text in said.warnings)
        + f"<h1>{escape(said.first)}</h1>\n"
        + paragraph(" ".join(said.then), "lead")
        + drawn
    )


def _comparison(result: Result) -> str:
    rows, kinds, group = [], [], ""
    for row in comparison_rows(result):
        if row.group != group:
            group = row.group
            rows.append((group, "", *("" for _ in row.texts)))
            kinds.append("group")
        rows.append((row.label, row.unit, *row.texts.values()))
        kinds.append("strong" if row.key == "charging_cost" else "")
    names = [
        short_name(name) + (" (partial)" if s.partial else "")
        for name, s in result.strategies.items()
    ]
    minutes = result.case.world.meter_interval_s // 60
    text = (
        "Energies are at the plug, costs and peak at the site's meter with the building "
        f"included. The peak is the largest {minutes}-minute mean. Net cost is energy, demand, "
        "fixed charges and wear, less the value of the change in store, at "
        f"{money(result.case.stored_value_per_kwh, result.case.currency)} per kWh for all. Cost "
        "of charging is what the site pays beyond its building alone, brought to the same "
        "change in store."
    )
    return section(
        "The strategies compared",
        table(("", "", *names), rows, text_columns=(1,), kinds=kinds),
        paragraph(text, "note"),
    )


def _power(result: Result) -> str:
    parts = [
        paragraph(
            "Above zero is what building and vehicles draw, below it what sun and vehicles give. "
            "The black line is the balance at the meter: the dashed limits are its limits."
        )
    ]
    sites = result.case.scenario.site
    for position, site in enumerate(sites[:MOST_SITES]):
        if len(sites) > 1:
            parts.append(f"<h3>{escape(site.name)}</h3>\n")
        parts.append(picture(power_picture(result, position, f"power{position}")))
    if len(sites) > MOST_SITES:
        parts.append(paragraph(f"{len(sites) - MOST_SITES} more sites are in the tables.", "note"))
    return section("Power of the site, against its limit and price", *parts)


def _plugged(result: Result) -> list[StrategyResult]:
    return [s for s in result.strategies.values() if s.columns["intervals"]["charger"].size]


def _shown(result: Result) -> list[StrategyResult]:
    """Strategies whose vehicles are drawn: the baseline, V1G and V2G, or all there are."""
    plugged = _plugged(result)
    wanted = [s for s in plugged if s.name in ("uncontrolled", "v1g", "v2g")]
    return wanted if len(wanted) > 1 else plugged


def _nobody(title: str) -> str:
    return section(title, paragraph("No vehicle was plugged in during this run.", "empty"))


def _fleet(result: Result) -> str:
    title = "What every vehicle did"
    if not _plugged(result):
        return _nobody(title)
    parts = [picture(raster_picture(result, _shown(result)))]
    if "v2g" not in result.strategies:
        parts.append(paragraph("V2G was not run, so there is no discharging to see.", "note"))
    text = "A row is a vehicle, or a charger where vehicles are many; white is an empty plug."
    return section(title, paragraph(text), *parts)


def _soc(result: Result) -> str:
    title = "How full the batteries were"
    if not _plugged(result):
        return _nobody(title)
    text = "The spread among the vehicles that are plugged in at each moment"
    if result.case.scenario.days > MOST_DAYS:
        text += ", on a typical day: all days together, by the clock on the wall"
    text = sentence(text)
    return section(title, paragraph(text), picture(soc_picture(result, _shown(result))))


def _departures(result: Result) -> str:
    title = "Did drivers get what they asked for?"
    if not any(s.columns["sessions"]["session"].size for s in result.strategies.values()):
        return _nobody(title)
    told = " ".join(
        f"{joined(names)}: {text[:1].lower()}{text[1:]}"
        for text, names in _by_outcome(result).items()
    )
    rule = (
        "A departure is met if the battery holds what was asked, or all that full power from "
        "arrival could have given, within 0.1 kWh. Those who left before the time they stated "
        "are counted apart."
    )
    drawn = picture(departures_picture(result))
    return section(title, paragraph(told), drawn, shortfall_tables(result), paragraph(rule, "note"))


def _by_outcome(result: Result) -> dict[str, list[str]]:
    """Strategies by the sentence that tells how their drivers fared."""
    told: dict[str, list[str]] = {}
    for name, strategy in result.strategies.items():
        told.setdefault(met_sentence(strategy.summary), []).append(short_name(name))
    return told


def _figures(result: Result) -> str:
    text = (
        "Carbon is import minus export, at the marginal rate of the hour, building included. "
        "Losses are what chargers and batteries turn into heat on the way in and out."
    )
    return section("Peak, carbon and losses", picture(figures_picture(result)),
                   paragraph(text, "note"))  # fmt: skip


def _why(result: Result) -> str:
    text = (
        "Every setpoint carries its reason. This is how long each held, over all plugs and "
        "the whole run; the table of decisions beside this report has them one by one."
    )
    return section("Why the plugs did what they did", paragraph(text), reasons_table(result))


def _money(result: Result) -> str:
    last = next(reversed(result.strategies.values()), None)
    if last is None:
        return section("Bills and statements", paragraph("Nothing was settled.", "empty"))
    parts = [
        bill_table(result),
        reconciliation(result),
        f"<h3>Who pays what under {escape(short_name(last.name))}</h3>\n",
        vehicle_table(result, last),
        paragraph(payments_sentence(result, last)),
        paragraph(
            "Vehicles pay the site's marginal price of each interval: what it buys at while it "
            "draws, what it sells at while it feeds in. The building takes the remainder.",
            "note",
        ),
    ]
    return section("Bills and statements", *parts)


def _notes(result: Result) -> str:
    case = result.case
    digest = hashlib.sha256(case.source.encode()).hexdigest()
    repeat = (
        f"To repeat this run: “gridtide run scenario.toml” with gridtide {__version__}; the "
        f"file stands beside this report. Everything drawn comes from seed "
        f"{case.scenario.seed}; only the computing time differs. "
        f"The scenario's SHA-256 is {digest}."
    )
    scenario = (
        f"<details><summary>The scenario</summary><pre>{escape(case.source)}</pre></details>\n"
    )
    return section(
        "What this rests on",
        bullets(case.notes),
        sensitivity_table(result),
        *(paragraph(text) for text in plan_sentences(result)),
        paragraph(repeat),
        scenario,
    )


def sensitivity_table(result: Result) -> str:
    """Show how the result moves with the drawn battery capacities; nothing where none are."""
    if not result.sensitivity:
        return ""
    rows = [
        (
            f"{short_name(moved.strategy)}, batteries × {number(moved.scale)}",
            amount(moved.net_cost),
            number(moved.energy_out_kwh),
            number(moved.peak_kw),
            f"{moved.departures_met:,}",
        )
        for moved in sorted(result.sensitivity, key=lambda m: (m.strategy, m.scale))
    ]
    rows += [
        (
            f"{short_name(name)}, as drawn",
            amount(s.summary["net_cost"]),
            number(s.summary["energy_out_kwh"]),
            number(s.summary["peak_kw"]),
            f"{s.summary['departures_met']:,}",
        )
        for name, s in result.strategies.items()
    ]
    head = (
        "Capacities were drawn; with others",
        f"Net cost [{result.case.currency}]",
        "Gave [kWh]",
        "Peak [kW]",
        "Met",
    )
    return table(head, sorted(rows))


def plan_sentences(result: Result) -> list[str]:
    """Say of every planned strategy how many plans were made and what they certify."""
    sentences = []
    for name, strategy in result.strategies.items():
        plans = strategy.columns["plans"]
        n = plans["time_s"].size
        if n == 0:
            continue
        status, counts = np.unique(plans["status"].astype(np.str_), return_counts=True)
        told = zip(status, counts, strict=True)
        kinds = joined([f"{c:,} {s.replace('_', ' ')}" for s, c in told])
        worst = float(plans["gap"].max())
        over = float(plans["hard_violation_kw"].max())
        text = (
            f"{long_name(name)}: {count(n, 'plan')} ({kinds}); widest gap to the proven bound "
            f"{number(100 * worst)}\u00a0%; limits exceeded by {quantity(over, 'kW')}; "
        )
        short = float(plans["shortfall_kwh"].max())
        text += (
            f"at worst a plan left {quantity(short, 'kWh')} out of reach."
            if short > 0.0005
            else "every plan reached every target."
        )
        sentences.append(text)
    return sentences
