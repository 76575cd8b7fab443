"""Where the money comes from, and the three figures beside it: peak, carbon, losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gridtide.study._pictures_canvas import (
    EXTRA,
    HAIR,
    INK,
    QUIET,
    SAVING,
    TOTAL,
    WIDTH_IN,
    drawing,
    to_svg,
)
from gridtide.study._report_words import (
    CostStep,
    amount,
    chain,
    cost_steps,
    money,
    number,
    short_name,
)
from gridtide.study.charging_cost import charging_costs
from gridtide.study.result import Result, StrategyResult

# Steps below this are not drawn [currency]; the totals contain them all the same.
_UNSEEN = 0.005
# Below this share of the total, a step could not be seen on an axis that begins at zero.
_CROP_BELOW = 0.06


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the waterfall: from one level to another [currency]."""

    label: str
    begin: float
    end: float
    total: bool


def waterfall_bars(result: Result) -> list[Bar]:
    """Return the rows from what charging costs under the first strategy to the last."""
    steps = chain(result)
    if len(steps) == 1:
        return _single_bars(steps[0])
    costs = charging_costs(result, steps[0]) if steps else {}
    bars: list[Bar] = []
    before = None
    for strategy in steps:
        if before is not None:
            changes = cost_steps(before.summary, strategy.summary)
            bars += _step_bars(changes, costs[before.name])
        bars.append(Bar(short_name(strategy.name), 0.0, costs[strategy.name], total=True))
        before = strategy
    return bars


def _single_bars(strategy: StrategyResult) -> list[Bar]:
    """With nothing to compare it with, the parts of the site's net cost."""
    cost = float(strategy.summary["net_cost"])
    parts = _step_bars(cost_steps(None, strategy.summary), 0.0)
    return [*parts, Bar(short_name(strategy.name), 0.0, cost, total=True)]


def _step_bars(changes: list[CostStep], level: float) -> list[Bar]:
    bars = []
    for step in changes:
        if abs(step.amount) >= _UNSEEN:
            bars.append(Bar(step.label, level, level + step.amount, total=False))
        level += step.amount
    return bars


def waterfall_picture(result: Result, name: str = "waterfall") -> str:
    """Draw how the cost of charging changes from strategy to strategy, part by part."""
    from matplotlib.figure import Figure

    bars = waterfall_bars(result)
    height = 0.75 + 0.27 * len(bars)
    axis = "Cost of charging" if len(chain(result)) > 1 else "Net cost of the site"
    with drawing():
        figure = Figure(figsize=(WIDTH_IN, height))
        axes = figure.add_axes((0.335, 0.42 / height, 0.60, 1 - 0.75 / height))
        low, high = _scale(bars)
        for row, bar in enumerate(bars):
            _draw_bar(axes, bars, row, bar, low, (low, high), result.case.currency)
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_xlim(low, high)
        axes.set_yticks([])
        axes.spines["left"].set_visible(low == 0.0)
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel(
            f"{axis} [{result.case.currency}]"
            + ("" if low <= 0.0 else "; the axis does not begin at zero")
        )
        return to_svg(figure, name, "How the cost of charging changes from strategy to strategy")


def _scale(bars: list[Bar]) -> tuple[float, float]:
    """Return what the axis shows; it leaves zero only where steps would vanish."""
    ends = [bar.end for bar in bars] + [bar.begin for bar in bars if not bar.total]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    span = high - low
    if low > 0 and span < 4 * _CROP_BELOW * high and len(bars) > 1:
        low -= max(0.6 * span, 0.002 * high)
    else:
        low = min(low, 0.0)
    room = 0.17 * max(high - low, 1e-6)
    return (low if low >= 0 else low - room), high + room


def _draw_bar(
    axes: Any,
    bars: list[Bar],
    row: int,
    bar: Bar,
    low: float,
    shown: tuple[float, float],
    currency: str,
) -> None:
    begin = max(bar.begin, low) if bar.total else bar.begin
    left, right = min(begin, bar.end), max(begin, bar.end)
    saves = bar.end < bar.begin
    colour = TOTAL if bar.total else (SAVING if saves else EXTRA)
    axes.barh(
        row, right - left, left=left, height=0.62, color=colour, edgecolor="white",
        hatch=None if bar.total or saves else "////", linewidth=0,
    )  # fmt: skip
    if bar.total and low > 0:
        # A torn edge says that the bar is longer than shown.
        x = low + 0.015 * (shown[1] - shown[0])
        axes.text(x, row, "//", ha="left", va="center", color="white", fontsize=10,
                  fontweight="bold")  # fmt: skip
    if row + 1 < len(bars):
        axes.plot([bar.end, bar.end], [row - 0.31, row + 1.31], color=QUIET, linewidth=0.5)
    _label_bar(axes, row, bar, right, currency)


def _label_bar(axes: Any, row: int, bar: Bar, right: float, currency: str) -> None:
    weight = "bold" if bar.total else "normal"
    change = bar.end - bar.begin
    text = money(change, currency)
    if not bar.total:
        text = amount(change) if change < 0 else f"+{amount(change)}"
    axes.annotate(
        text, (right, row), xytext=(4, 0), textcoords="offset points", va="center",
        fontsize=8, fontweight=weight, color=INK,
    )  # fmt: skip
    axes.annotate(
        bar.label, (0, row), xycoords=("axes fraction", "data"), xytext=(-8, 0),
        textcoords="offset points", va="center", ha="right", fontsize=8, fontweight=weight,
        color=INK, annotation_clip=False,
    )  # fmt: skip


def figures_picture(result: Result, name: str = "figures") -> str:
    """Draw peak, carbon and losses of every strategy as bars with their figures."""
    from matplotlib.figure import Figure

    strategies = list(result.strategies.values())
    names = [short_name(s.name) + (" (partial)" if s.partial else "") for s in strategies]
    height = 0.55 + 0.3 * len(names)
    panels = (
        ("peak_kw", "Peak of the site", "kW"),
        ("carbon_kg", "Carbon", "kg CO₂"),
        ("loss_kwh", "Conversion losses", "kWh"),
    )
    with drawing():
        figure = Figure(figsize=(WIDTH_IN, height))
        for i, (key, title, unit) in enumerate(panels):
            box = (0.17 + 0.285 * i, 0.1 / height, 0.2, 1 - 0.5 / height)
            axes = figure.add_axes(box)
            _draw_figures(axes, [float(s.summary[key]) for s in strategies])
            axes.set_title(f"{title} [{unit}]", fontsize=8.5)
            axes.set_yticks(np.arange(len(names)), labels=names if i == 0 else [""] * len(names))
        return to_svg(figure, name, "Peak, carbon and conversion losses of every strategy")


def _draw_figures(axes: Any, values: list[float]) -> None:
    y = np.arange(len(values))
    axes.barh(y, values, height=0.58, color=[TOTAL, *["#56B4E9"] * (len(values) - 1)])
    span = max((abs(v) for v in values), default=0.0) or 1.0
    axes.set_xlim(
        min(0.0, 1.05 * min(values, default=0.0)),
        max(span if max(values) > 0 else 0.0, 0.02 * span),
    )
    for row, value in enumerate(values):
        axes.annotate(
            number(value), (max(value, 0.0), row), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=8, color=INK, annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_color(HAIR)


def departures_picture(result: Result, name: str = "departures") -> str:
    """Draw for every strategy how many departures were met, were short, or came early."""
    from matplotlib.figure import Figure

    strategies = list(result.strategies.values())
    names = [short_name(s.name) + (" (partial)" if s.partial else "") for s in strategies]
    height = 0.55 + 0.34 * len(names)
    with drawing():
        figure = Figure(figsize=(WIDTH_IN, height))
        axes = figure.add_axes((0.17, 0.38 / height, 0.8, 1 - 0.5 / height))
        for row, strategy in enumerate(strategies):
            _draw_departures(axes, row, strategy.summary)
        axes.set_yticks(np.arange(len(names)), labels=names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_xlabel("Departures")
        axes.locator_params(axis="x", integer=True, nbins=6)
        return to_svg(figure, name, "Departures met, short and early, for every strategy")


def _draw_departures(axes: Any, row: int, summary: dict[str, Any]) -> None:
    met = int(summary["departures_met"])
    short = int(summary["departures"]) - met
    early = int(summary["departures_early"])
    left = 0
    for count, colour, hatch in (
        (met, "#56B4E9", None), (short, EXTRA, "////"), (early, HAIR, ".."),
    ):  # fmt: skip
        if count:
            axes.barh(row, count, left=left, height=0.56, color=colour, hatch=hatch,
                      edgecolor="white", linewidth=0.8)  # fmt: skip
        left += count
    parts = [f"{met:,} met"]
    parts += [f"{short:,} short"] if short else []
    parts += [f"{early:,} left early"] if early else []
    axes.annotate(
        " · ".join(parts), (0, row), xytext=(6, 0), textcoords="offset points", va="center",
        fontsize=8, color=INK,
    )  # fmt: skip
