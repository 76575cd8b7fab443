"""The comparison of uses in words, as a document, and as a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.store import write_text
from gridtide.study._pictures_canvas import (
    CHARGE,
    DISCHARGE,
    HAIR,
    INK,
    QUIET,
    SAVING,
    TOTAL,
    WIDTH_IN,
    drawing,
    to_svg,
)
from gridtide.study.battery_uses import PUBLISHED, USES, Use, UsesCompared, band

Floats = npt.NDArray[np.float64]

COLOURS = {"full": TOTAL, "smart": SAVING, "v2g_shallow": CHARGE, "v2g_deep": DISCHARGE}
HEADS = {
    "full": "At once, to 100 %",
    "smart": "Late, to 80 %",
    "v2g_shallow": "V2G, shallow",
    "v2g_deep": "V2G, deep",
}


def uses_sentence(compared: UsesCompared) -> str:
    """Say what V2G and early charging cost, as points of capacity at the end."""
    years = f"{compared.years[-1]:.0f} years"
    shallow, deep, full = (
        band(compared.points_lost(use, "smart")) for use in ("v2g_shallow", "v2g_deep", "full")
    )
    return (
        f"In {years} at {compared.temperature_c:g} °C, shallow V2G takes {_points(shallow)} of "
        f"capacity beyond smart charging, deep V2G {_points(deep)}, and charging at once to "
        f"100 % {_points(full)}: median and 10 to 90 % of {len(compared.models)} cell models."
    )


def _points(values: tuple[float, float, float]) -> str:
    middle, low, high = (f"{value:.1f}".replace("-", "−") for value in values)
    return f"{middle} points ({low} to {high})"


def uses_text(compared: UsesCompared) -> str:
    """Return sentence, table and published findings for a terminal."""
    lines = [uses_sentence(compared), ""]
    lines.append(
        f"{'':44}{'capacity left':>22}{'resistance':>20}{'years to 80 %':>18}  "
        f"{'cost of a kWh given*':>24}"
    )
    for use in compared.uses.values():
        left = "{:.1%} ({:.1%} to {:.1%})".format(*band(use.q[:, -1]))
        cost = band(use.cost_per_kwh)
        told = "" if math.isnan(cost[0]) else "{:.3f} ({:.3f} to {:.3f})".format(*cost)
        grown = f"{np.nanmin(use.r[:, -1]):.2f} to {np.nanmax(use.r[:, -1]):.2f}"
        lines.append(f"{use.told:44}{left:>22}{grown:>20}{_years(use, compared):>18}  {told:>24}")
    lines += [
        "",
        f"A {compared.capacity_kwh:g} kWh battery of {compared.pack_price_per_kwh:g} per kWh, "
        f"spent when 20 % are lost; charger {compared.power_kw:g} kW; 20 % driven a day (assumed).",
        "* at the battery, beyond smart charging.",
        "Resistance relative to new, of the two models that have one fit to be shown.",
        *_extrapolated(compared),
        "Far from most tests (0.1 to 0.2C, small depths): a band, not a forecast.",
        "",
        "What others found:",
        *(f"- {source}: {found}." for source, found in PUBLISHED),
    ]
    return "\n".join(lines)


def _extrapolated(compared: UsesCompared) -> list[str]:
    """Say how many models are outside their tests in which stressor, depths and time apart."""
    counts: dict[str, int] = {}
    for names in compared.outside.values():
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    told = [f"{name.replace('_', ' ')} of {n}" for name, n in counts.items()]
    if not told:
        return []
    return [f"EXTRAPOLATED, of {len(compared.models)} models: {', '.join(told)}."]


def _years(use: Use, compared: UsesCompared) -> str:
    horizon = compared.years[-1]
    middle, low, high = (
        f"over {horizon:.0f}" if math.isinf(y) else f"{y:.1f}" for y in band(use.years_to_80)
    )
    return f"{middle}" if low == middle == high else f"{middle} ({low} up)"


def uses_document(compared: UsesCompared) -> dict[str, Any]:
    """Return everything as plain values; ``null`` where a model or a use has nothing to tell."""
    uses = []
    for use in compared.uses.values():
        per_model = [
            {
                "model": model,
                "q": use.q[k].tolist(),
                "r": None if np.isnan(use.r[k]).all() else use.r[k].tolist(),
                "years_to_80": _plain(use.years_to_80[k]),
                "cost_per_discharged_kwh": _plain(use.cost_per_kwh[k]),
            }
            for k, model in enumerate(compared.models)
        ]
        uses.append(
            {
                "use": use.name,
                "told": use.told,
                "soc": use.soc.tolist(),
                "discharged_kwh": use.given_kwh,
                "q_end": _band(use.q[:, -1]),
                "r_end": _band(use.r[:, -1]),
                "years_to_80": _band(use.years_to_80),
                "cost_per_discharged_kwh": _band(use.cost_per_kwh),
                "points_lost_beyond_smart": _band(compared.points_lost(use.name, "smart")),
                "models": per_model,
            }
        )
    return {
        "temperature_c": compared.temperature_c,
        "capacity_kwh": compared.capacity_kwh,
        "power_kw": compared.power_kw,
        "pack_price_per_kwh": compared.pack_price_per_kwh,
        "years": compared.years.tolist(),
        "uses": uses,
        "outside_range": {model: list(names) for model, names in compared.outside.items()},
        "published": [{"source": source, "found": found} for source, found in PUBLISHED],
    }


def _band(values: Floats) -> dict[str, float | None]:
    middle, low, high = band(values)
    return {"median": _plain(middle), "p10": _plain(low), "p90": _plain(high)}


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def uses_picture(compared: UsesCompared, path: Path) -> None:
    """Draw capacity over the years for each use, and its day below; SVG or PNG by the name."""
    with drawing():
        figure = _figure(compared)
        if path.suffix == ".png":
            figure.savefig(path)
            return
        write_text(path, to_svg(figure, "uses", uses_sentence(compared)))


def uses_svg(compared: UsesCompared) -> str:
    """Return the picture as an SVG element for a page."""
    with drawing():
        return to_svg(_figure(compared), "uses", uses_sentence(compared))


def _figure(compared: UsesCompared) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, 3.6))
    grid = figure.add_gridspec(
        2, len(USES), height_ratios=[2.3, 1.0], left=0.07, right=0.985, top=0.9, bottom=0.12,
        wspace=0.12, hspace=0.42,
    )  # fmt: skip
    low = 100.0 * min(band(use.q[:, -1])[1] for use in compared.uses.values())
    for column, use in enumerate(compared.uses.values()):
        axes = figure.add_subplot(grid[0, column])
        _draw_capacity(axes, use, compared, min(low, 78.0) - 6.0, first=column == 0)
        _draw_day(figure.add_subplot(grid[1, column]), use, first=column == 0)
    return figure


def _draw_capacity(axes: Any, use: Use, compared: UsesCompared, low: float, *, first: bool) -> None:
    years, q, colour = compared.years, 100.0 * use.q, COLOURS[use.name]
    bands = np.array([band(column) for column in q.T])
    axes.fill_between(years, bands[:, 1], bands[:, 2], color=colour, alpha=0.22, linewidth=0)
    for row in q:
        axes.plot(years, row, color=colour, linewidth=0.4, alpha=0.55)
    axes.plot(years, bands[:, 0], color=colour, linewidth=2.2)
    axes.axhline(80.0, color=INK, linewidth=0.7, linestyle=(0, (4, 3)))
    axes.set_ylim(low, 101.0)
    axes.set_xlim(0, years[-1])
    axes.set_title(HEADS[use.name], color=colour if use.name != "full" else INK)
    axes.annotate(
        f"{bands[-1, 0]:.0f} %", (years[-1], bands[-1, 0]), xytext=(-3, 5), ha="right",
        textcoords="offset points", color=INK, fontweight="bold", fontsize=9,
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.8},
    )  # fmt: skip
    axes.set_xlabel("Years", labelpad=1)
    if first:
        axes.set_ylabel("Capacity left [%]")
        axes.text(0.3, 80.6, "end of life", fontsize=7, color=QUIET, va="bottom")
        axes.text(
            years[-1] * 0.97, low + 1.0, "line: median, band: 10 to 90 %\nhair: each cell model",
            fontsize=6.5, color=QUIET, ha="right", va="bottom",
        )  # fmt: skip
    axes.tick_params(labelleft=first)


def _draw_day(axes: Any, use: Use, *, first: bool) -> None:
    hours = np.arange(25)
    soc = 100.0 * np.append(use.soc, use.soc[0])
    axes.fill_between(hours, soc, color=COLOURS[use.name], alpha=0.3, linewidth=0)
    axes.plot(hours, soc, color=COLOURS[use.name], linewidth=1.0)
    axes.set_xlim(0, 24)
    axes.set_ylim(0, 104)
    axes.set_xticks([0, 6, 12, 18, 24])
    axes.set_yticks([0, 50, 100])
    axes.grid(visible=True, axis="y", color=HAIR, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("Hour of its day", labelpad=1)
    if first:
        axes.set_ylabel("Charge [%]")
    axes.tick_params(labelleft=first)
