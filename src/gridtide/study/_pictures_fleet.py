"""All vehicles over time, and how full their batteries are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.study._pictures_canvas import (
    CHARGE,
    DISCHARGE,
    IDLE,
    INK,
    QUIET,
    drawing,
    margin_words,
    panels,
    time_axis,
    to_svg,
)
from gridtide.study._report_series import Raster, SocFan, raster, soc_fan
from gridtide.study._report_words import quantity, short_name
from gridtide.study.result import Result, StrategyResult

Pixels = npt.NDArray[np.uint8]

# Up to this many rows, the name stands beside each.
_NAMED = 24


def raster_picture(result: Result, strategy: StrategyResult, name: str = "raster") -> str:
    """Draw what every vehicle did: one row each, upper half charging, lower half discharging."""
    case = result.case
    cells = raster(case, strategy)
    rows = len(cells.labels)
    with drawing():
        figure, (axes,) = panels([float(np.clip(0.115 * rows, 0.8, 4.2))])
        axes.set_title(_raster_title(cells, strategy), fontsize=8.5)
        span = (case.world.grid.start_s, case.world.grid.end_s)
        if rows:
            extent = (cells.edges_s[0], cells.edges_s[-1], rows, 0)
            axes.imshow(_paint(cells.power_kw), extent=extent, aspect="auto", interpolation="none")
        axes.set_ylim(max(rows, 1), 0)
        _name_rows(axes, cells)
        time_axis(axes, *span, case.zone, labels=True)
        axes.grid(visible=False)
        most = quantity(_most_kw(cells.power_kw), "kW")
        words = [
            (rows * 0.2, f"▀ charging, darkest\n   at {most}", CHARGE),
            (rows * 0.5, "▄ discharging", DISCHARGE),
            (rows * 0.75, "░ plugged in, idle", QUIET),
        ]
        for height, text, colour in words:
            axes.annotate(
                text, (1.0, height), xycoords=("axes fraction", "data"), xytext=(6, 0),
                textcoords="offset points", va="center", fontsize=7, color=colour,
                annotation_clip=False,
            )  # fmt: skip
        title = f"{short_name(strategy.name)}: charging, discharging and idle {cells.of} over time"
        return to_svg(figure, name, title)


def _raster_title(cells: Raster, strategy: StrategyResult) -> str:
    name = short_name(strategy.name) + (" (partial)" if strategy.partial else "")
    rows = len(cells.labels)
    if rows < cells.whole:
        return f"{name}: {rows:,} of {cells.whole:,} {cells.of}, evenly chosen"
    return f"{name}: {rows:,} {cells.of if rows != 1 else cells.of[:-1]}"


def _most_kw(power_kw: npt.NDArray[np.float64]) -> float:
    return max(float(np.nanmax(np.abs(power_kw), initial=0.0)), 1e-9)


def _paint(power_kw: npt.NDArray[np.float64]) -> Pixels:
    """Colour the cells; every row becomes pixels for charging, discharging, and a gap."""
    rows, columns = power_kw.shape
    half = 3 if rows <= 80 else 1
    gap = 1 if rows <= 80 else 0
    height = 2 * half + gap
    image = np.full((rows * height, columns, 3), 255, dtype=np.uint8)
    plugged = ~np.isnan(power_kw)
    strength = np.abs(np.nan_to_num(power_kw)) / _most_kw(power_kw)
    for part, mask, colour in (
        (slice(0, half), power_kw > 1e-6, CHARGE),
        (slice(half, 2 * half), power_kw < -1e-6, DISCHARGE),
    ):
        cells = np.where(plugged[..., None], _rgb(IDLE), 255.0)
        # Even the smallest power stays clearly apart from idle.
        deep = (0.35 + 0.65 * strength)[..., None]
        shade = _rgb(colour) * deep + 255.0 * (1.0 - deep)
        cells = np.where(mask[..., None], shade, cells)
        for line in range(part.start, part.stop):
            image[line::height] = cells.round().astype(np.uint8)
    return image


def _rgb(colour: str) -> npt.NDArray[np.float64]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def _name_rows(axes: Any, cells: Raster) -> None:
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    rows = len(cells.labels)
    if 0 < rows <= _NAMED:
        names = [name if len(name) <= 13 else f"{name[:12]}…" for name in cells.labels]
        axes.set_yticks(np.arange(rows) + 0.5, labels=names, fontsize=6.5)
        return
    axes.set_yticks([])
    axes.set_ylabel(f"{rows:,} {cells.of}, a row each")


def soc_picture(result: Result, strategy: StrategyResult, name: str = "soc") -> str:
    """Draw the spread of the state of charge among connected vehicles, and how many they are."""
    case = result.case
    fan = soc_fan(case, strategy)
    with drawing():
        figure, (axes, strip) = panels([1.6, 0.4], gap_in=0.3)
        partial = " (partial)" if strategy.partial else ""
        axes.set_title(f"{short_name(strategy.name)}{partial}: state of charge of those connected")
        axes.set_ylim(0, 102)
        axes.set_yticks([0, 25, 50, 75, 100])
        axes.set_ylabel("% of capacity")
        _draw_fan(axes, fan)
        strip.set_title("Connected vehicles", fontsize=8, fontweight="normal", color=QUIET)
        strip.fill_between(
            fan.time_s, fan.connected, step="pre", color=IDLE, edgecolor=QUIET, linewidth=0.5
        )
        most = int(fan.connected.max(initial=0))
        strip.set_ylim(0, max(most, 1) * 1.15)
        strip.set_yticks([0, most] if most else [0])
        for panel in (axes, strip):
            span = (case.world.grid.start_s, case.world.grid.end_s)
            time_axis(panel, *span, case.zone, labels=panel is strip)
        title = f"{short_name(strategy.name)}: spread of the state of charge over time"
        return to_svg(figure, name, title)


def _draw_fan(axes: Any, fan: SocFan) -> None:
    low, quarter, median, three, high = 100.0 * fan.percentiles
    pixels = fan.time_s.size > 1500
    axes.fill_between(
        fan.time_s, low, high, color=CHARGE, alpha=0.16, linewidth=0, rasterized=pixels
    )
    axes.fill_between(
        fan.time_s, quarter, three, color=CHARGE, alpha=0.30, linewidth=0, rasterized=pixels
    )
    axes.plot(fan.time_s, median, color=CHARGE, linewidth=1.3)
    axes.plot(fan.time_s, 100.0 * fan.target, color=INK, linewidth=0.7, linestyle=(0, (5, 3)))
    axes.plot(fan.time_s, 100.0 * fan.floor, color=INK, linewidth=0.7, linestyle=":")
    some = np.flatnonzero(fan.connected)
    if some.size == 0:
        return
    words = [
        (100.0 * float(np.nanmedian(fan.target)), "- - asked for (median)", INK),
        (100.0 * float(np.nanmedian(fan.floor)), "··· floor", INK),
    ]
    inner = [float(np.nanmedian(line)) for line in (low, quarter, median, three, high)]
    words += [
        (inner[2], "— median", CHARGE),
        ((inner[2] + inner[1]) / 2, "▓ half of them", CHARGE),
        ((inner[0] + inner[1]) / 2, "░ nine of ten", CHARGE),
    ]
    margin_words(axes, words)
