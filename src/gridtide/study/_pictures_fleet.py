"""All vehicles over time, and how full their batteries are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.study._pictures_canvas import (
    CHARGE,
    DISCHARGE,
    IDLE,
    INK,
    QUIET,
    day_axis,
    drawing,
    margin_words,
    panels,
    time_axis,
    to_svg,
)
from gridtide.study._report_series import DAY_S, Raster, SocFan, raster, soc_fan
from gridtide.study._report_words import number, quantity, short_name
from gridtide.study.result import Result, StrategyResult

Pixels = npt.NDArray[np.uint8]

# Up to this many rows, the name stands beside each.
_NAMED = 24
# Powers below this are meter noise: an idle vehicle.
_STILL_KW = 0.02
# All panels together fit on a printed page.
_PAGE_IN = 9.0
_PIXELS_FROM = 1500
# A longer run shows the state of charge on a typical day.
MOST_DAYS = 8


def raster_picture(
    result: Result, strategies: Sequence[StrategyResult], name: str = "raster"
) -> str:
    """Draw what every vehicle did: one row each, upper half charging, lower half discharging.

    Parameters
    ----------
    result
        A run.
    strategies
        Those to be drawn, one panel each.
    name
        Prefix of identifiers, unique in the page.
    """
    case = result.case
    cells = [raster(case, strategy) for strategy in strategies]
    most_kw = max((_most_kw(c.power_kw) for c in cells), default=1.0)
    span = (case.world.grid.start_s, case.world.grid.end_s)
    tallest = min(4.2, _PAGE_IN / max(len(cells), 1))
    heights = [float(np.clip(0.115 * len(c.labels), 0.8, tallest)) for c in cells]
    with drawing():
        figure, axes = panels(heights)
        for panel, strategy, one in zip(axes, strategies, cells, strict=True):
            panel.set_title(_raster_title(one, strategy))
            _draw_cells(panel, one, most_kw)
            _name_rows(panel, one)
            time_axis(panel, *span, case.zone, labels=panel is axes[-1])
            _explain(panel, one, most_kw)
        return to_svg(figure, name, "Charging, discharging and idle vehicles over time")


def _draw_cells(axes: Any, cells: Raster, most_kw: float) -> None:
    rows = len(cells.labels)
    if rows:
        axes.imshow(
            _paint(cells.power_kw, most_kw),
            extent=(cells.edges_s[0], cells.edges_s[-1], rows, 0),
            aspect="auto",
            interpolation="none",
        )
    axes.set_ylim(max(rows, 1), 0)


def _explain(axes: Any, cells: Raster, most_kw: float) -> None:
    """Name the colours beside the panel; only those that occur in it."""
    words = [(f"▀ charging, darkest\n   at {quantity(most_kw, 'kW')}", CHARGE)]
    if np.any(cells.power_kw < -_STILL_KW):
        words.append(("▄ discharging", DISCHARGE))
    words.append(("░ plugged in, idle", QUIET))
    for i, (text, colour) in enumerate(words):
        axes.annotate(
            text, (1.0, 1.0), xycoords="axes fraction", xytext=(6, -2 - 22 * i),
            textcoords="offset points", va="top", fontsize=7.5, color=colour,
            annotation_clip=False,
        )  # fmt: skip


def _raster_title(cells: Raster, strategy: StrategyResult) -> str:
    name = short_name(strategy.name) + (" (partial)" if strategy.partial else "")
    rows = len(cells.labels)
    if rows < cells.whole:
        return f"{name}: {rows:,} of {cells.whole:,} {cells.of}, evenly chosen"
    return f"{name}: {rows:,} {cells.of if rows != 1 else cells.of[:-1]}"


def _most_kw(power_kw: npt.NDArray[np.float64]) -> float:
    return max(float(np.nanmax(np.abs(power_kw), initial=0.0)), 1e-9)


def _paint(power_kw: npt.NDArray[np.float64], most_kw: float) -> Pixels:
    """Colour the cells; every row becomes pixels for charging, discharging, and a gap."""
    rows, columns = power_kw.shape
    half = 3 if rows <= 80 else 1
    gap = 1 if rows <= 80 else 0
    height = 2 * half + gap
    image = np.full((rows * height, columns, 3), 255, dtype=np.uint8)
    plugged = ~np.isnan(power_kw)
    strength = np.abs(np.nan_to_num(power_kw)) / most_kw
    for part, mask, colour in (
        (slice(0, half), power_kw > _STILL_KW, CHARGE),
        (slice(half, 2 * half), power_kw < -_STILL_KW, DISCHARGE),
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


def soc_picture(result: Result, strategies: Sequence[StrategyResult], name: str = "soc") -> str:
    """Draw the spread of the state of charge among connected vehicles, and how many they are."""
    case = result.case
    fold = case.scenario.days > MOST_DAYS
    fans = [soc_fan(case, strategy, typical_day=fold) for strategy in strategies]
    span = (case.world.grid.start_s, case.world.grid.end_s)
    with drawing():
        figure, axes = panels([1.45] * len(fans) + [0.4], gap_in=0.34)
        for panel, strategy, fan in zip(axes, strategies, fans, strict=False):
            partial = " (partial)" if strategy.partial else ""
            panel.set_title(f"{short_name(strategy.name)}{partial}")
            panel.set_ylim(0, 102)
            panel.set_yticks([0, 25, 50, 75, 100])
            panel.set_ylabel("% of capacity")
            _draw_fan(panel, fan)
        _draw_connected(axes[-1], max(fans, key=lambda fan: fan.connected.size))
        for panel in axes:
            if fold:
                day_axis(panel, labels=panel is axes[-1])
            else:
                time_axis(panel, *span, case.zone, labels=panel is axes[-1])
        return to_svg(figure, name, "Spread of the state of charge of connected vehicles")


def _draw_connected(axes: Any, fan: SocFan) -> None:
    what = "Connected vehicles" if fan.time_s[-1:] > DAY_S else "Connected vehicles, mean"
    axes.set_title(what, fontsize=8, fontweight="normal", color=QUIET)
    pixels = fan.time_s.size > _PIXELS_FROM
    axes.fill_between(
        fan.time_s, fan.connected, step="pre", facecolor=IDLE, edgecolor=QUIET, linewidth=0.5,
        rasterized=pixels,
    )  # fmt: skip
    most = float(fan.connected.max(initial=0))
    axes.set_ylim(0, max(most, 1.0) * 1.15)
    told = f"{most:,.0f}" if most == round(most) else number(most)
    axes.set_yticks([0, most] if most else [0], labels=["0", told] if most else ["0"])


def _draw_fan(axes: Any, fan: SocFan) -> None:
    low, quarter, median, three, high = 100.0 * fan.percentiles
    pixels = fan.time_s.size > _PIXELS_FROM
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
    # The key of the fan stands between the two, in the order of the bands.
    words += [(62.0, "░ nine of ten", CHARGE), (56.0, "▓ half of them", CHARGE),
              (50.0, "— median", CHARGE)]  # fmt: skip
    margin_words(axes, words)
