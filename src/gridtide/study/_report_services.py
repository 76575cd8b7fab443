"""Grid services in the report: what each product earned, and what serving changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from gridtide.study._pictures_canvas import (
    CHARGE,
    INK,
    drawing,
    margin_words,
    panels,
    to_svg,
)
from gridtide.study._report_html import bullets, paragraph, picture, section, table
from gridtide.study._report_words import (
    amount,
    clock,
    joined,
    money,
    number,
    quantity,
    short_name,
)
from gridtide.study.result import Result, StrategyResult
from gridtide.study.serve_told import Told

SHOWN_S = 3600.0
"""So long a part of the delivery is drawn: the block with the largest offer."""
_CHANGES = (
    ("energy", "energy cost", "currency"),
    ("demand_cost", "demand charge", "currency"),
    ("wear_cost", "battery wear", "currency"),
    ("energy_in_kwh", "taken by vehicles", "kWh"),
    ("energy_out_kwh", "given by vehicles", "kWh"),
    ("loss_kwh", "conversion losses", "kWh"),
    ("peak_kw", "peak of the site", "kW"),
)


def services_section(result: Result) -> str:
    """Tell of every strategy that served; nothing where the scenario sells no service."""
    serving = [s for s in result.strategies.values() if s.services]
    if not serving:
        return ""
    parts = [_table(result, serving)]
    best = max(serving, key=lambda s: s.service_revenue)
    largest = max(best.services, key=lambda told: told.figures["offered_kw_h"])
    if len(largest.requested):
        svg, begin = _picture(largest)
        caption = (
            f"{largest.figures['product']}, {short_name(best.name)}, the hour from "
            f"{clock(begin, result.case.zone)}: what was asked of the fleet and what the meter "
            "read, as a response (more is less import)."
        )
        parts.append(picture(svg, caption))
    parts += [paragraph(_changed(result, strategy)) for strategy in serving]
    notes = [
        f"{told.figures['product']} ({told.figures['edition']}): {note}"
        for told in best.services
        for note in _notes(told)
    ]
    return section("Grid services", *parts, bullets(notes))


def _table(result: Result, serving: list[StrategyResult]) -> str:
    head = (
        "Product", "Strategy", "Offered [kW·h]", "Largest offer [kW]", "Score",
        "Asked for [kWh]", "Missed [kWh]", f"Revenue [{result.case.currency}]",
    )  # fmt: skip
    rows = [
        (
            told.figures["product"],
            short_name(strategy.name),
            number(told.figures["offered_kw_h"]),
            number(told.figures["largest_offer_kw"]),
            "–" if told.figures["score"] is None else f"{told.figures['score']:.3f}",
            number(told.figures["requested_kwh"]),
            number(told.figures["shortfall_kwh"]),
            amount(told.figures["revenue"]),
        )
        for strategy in serving
        for told in strategy.services
    ]
    return table(head, rows, text_columns=(0, 1))


def _changed(result: Result, strategy: StrategyResult) -> str:
    """Say what serving displaced, against the same strategy without services."""
    displaced: dict[str, Any] = strategy.summary.get("displaced", {})
    name = short_name(strategy.name)
    if not displaced:
        return f"{name} has no run without services to be compared with."
    currency = result.case.currency
    # Like with like: what is left in the batteries counts.
    displaced = displaced | {"energy": displaced["energy_cost"] - displaced["stored_value"]}
    told = []
    for key, label, unit in _CHANGES:
        change = displaced[key]
        if number(abs(change)) == "0":
            continue
        size = money(abs(change), currency) if unit == "currency" else quantity(abs(change), unit)
        told.append(f"{size} {'more' if change > 0 else 'less'} {label}")
    earned = money(strategy.service_revenue, currency)
    plain = short_name(strategy.name.partition("+")[0])
    return f"{name} earns {earned} with services; against {plain} it means {joined(told)}."


def _notes(told: Told) -> list[str]:
    figures = told.figures
    notes = [figures["note"]] if figures["note"] else []
    if figures["why_nothing"]:
        notes.append(f"nothing was sold: {figures['why_nothing']}")
    if figures["unscored"]:
        notes.append(f"a block could not be scored and is not paid: {figures['unscored']}")
    if figures["unverified"]:
        notes.append(f"unverified in its rule: {joined(figures['unverified'])}")
    return notes


def _picture(told: Told) -> tuple[str, float]:
    """Draw what was asked for and what was delivered in the hour of the largest offer."""
    blocks = told.blocks
    begin = float(blocks["from_s"][int(np.argmax(blocks["offered_kw"]))])
    asked, given = told.requested, told.delivered
    at = (asked.time_s >= begin) & (asked.time_s < begin + SHOWN_S)
    with drawing():
        figure, axes = panels([1.9])
        panel = axes[0]
        ends, starts = (given.time_s[at] - begin) / 60.0, (asked.time_s[at] - begin) / 60.0
        panel.step(ends, given.value[at], where="pre", color=CHARGE, linewidth=1.6)
        panel.step(
            starts, asked.value[at], where="post", color=INK, linewidth=0.7, linestyle=(0, (4, 2))
        )
        panel.set_xlim(0.0, SHOWN_S / 60.0)
        panel.set_xlabel("minutes")
        panel.set_ylabel("response [kW]")
        margin_words(
            panel, [(float(asked.value[at][-1]), "asked for", INK),
                    (float(given.value[at][-1]), "delivered", CHARGE)],
        )  # fmt: skip
        title = f"Response asked for and delivered of {told.figures['product']}"
        return to_svg(figure, "services", title), begin
