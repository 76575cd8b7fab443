"""Power of a site against its limit and price, one panel for each strategy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.study._pictures_canvas import (
    BUILDING,
    CHARGE,
    DISCHARGE,
    INK,
    PIXELS_FROM,
    QUIET,
    SUN,
    drawing,
    margin_words,
    panels,
    time_axis,
    to_svg,
)
from gridtide.study._report_series import SitePower, site_power
from gridtide.study._report_words import clock, quantity, short_name
from gridtide.study.case import Case
from gridtide.study.result import Result, StrategyResult

Floats = npt.NDArray[np.float64]

# A limit further away than this many times the largest power would flatten the picture.
_FAR = 2.2


def power_picture(result: Result, site: int, name: str = "power") -> str:
    """Draw what a site draws: building, vehicles and sun as bands, the meter as a line.

    Parameters
    ----------
    result
        A run.
    site
        Position of the site in ``case.meters``.
    name
        Prefix of identifiers, unique in the page.

    Returns
    -------
    An SVG element.
    """
    case, strategies = result.case, list(result.strategies.values())
    powers = [site_power(case, strategy, site) for strategy in strategies]
    low, high = _range(case, site, powers)
    with drawing():
        figure, axes = panels([1.75] * len(strategies) + [0.55])
        for panel, strategy, power in zip(axes, strategies, powers, strict=False):
            panel.set_ylim(low, high)
            _draw_panel(panel, case, site, strategy, power, _feeds_in(powers))
        _draw_price(axes[-1], case, site)
        for panel in axes:
            time_axis(panel, *_span(case), case.zone, labels=panel is axes[-1])
        return to_svg(figure, name, _title(case, site))


def _span(case: Case) -> tuple[int, int]:
    return case.world.grid.start_s, case.world.grid.end_s


def _title(case: Case, site: int) -> str:
    return f"Power of the site {case.scenario.site[site].name} over time, for each strategy"


def _range(case: Case, site: int, powers: list[SitePower]) -> tuple[float, float]:
    high = max((float(np.max(p.building_kw + p.charge_kw, initial=0.0)) for p in powers), default=0)
    low = max((float(np.max(p.pv_kw + p.discharge_kw, initial=0.0)) for p in powers), default=0)
    high, low = max(high, 1.0), -low
    import_kw, export_kw = _limits(case, site)
    if np.min(import_kw) <= _FAR * high:
        high = max(high, float(np.max(import_kw[import_kw <= _FAR * high])))
    if _feeds_in(powers) and np.min(export_kw) <= -_FAR * low:
        low = min(low, -float(np.min(export_kw)))
    return 1.06 * low, 1.08 * high


def _feeds_in(powers: list[SitePower]) -> bool:
    return any(bool(np.any(p.net_kw < 0)) for p in powers)


def _limits(case: Case, site: int) -> tuple[Floats, Floats]:
    node = case.meters[site]
    return case.world.import_kw[:, node], case.world.export_kw[:, node]


def _draw_panel(
    axes: Any,
    case: Case,
    site: int,
    strategy: StrategyResult,
    power: SitePower,
    feeds_in: bool,
) -> None:
    axes.set_title(_panel_title(case, strategy, power))
    axes.set_ylabel("kW")
    if power.net_kw.size:
        _bands(axes, power)
        width = 1.2 if power.net_kw.size < PIXELS_FROM else 0.5
        axes.stairs(power.net_kw, power.edges_s, baseline=None, color=INK, linewidth=width)
    axes.axhline(0.0, color=QUIET, linewidth=0.6)
    _draw_limits(axes, case, site, feeds_in)
    margin_words(axes, _names(axes, case, site, power, feeds_in))


def _panel_title(case: Case, strategy: StrategyResult, power: SitePower) -> str:
    name = short_name(strategy.name) + (" (partial)" if strategy.partial else "")
    if power.net_kw.size == 0:
        return f"{name}: nothing was metered"
    top = int(np.argmax(power.net_kw))
    peak = quantity(float(power.net_kw[top]), "kW")
    return f"{name}: highest {peak}, {clock(float(power.edges_s[top]), case.zone)}"


def _bands(axes: Any, power: SitePower) -> None:
    nothing = np.zeros_like(power.net_kw)
    pixels = power.net_kw.size >= PIXELS_FROM
    for values, baseline, colour, hatch in (
        (power.building_kw, nothing, BUILDING, ""),
        (power.building_kw + power.charge_kw, power.building_kw, CHARGE, ""),
        (-power.pv_kw, nothing, SUN, ".."),
        (-power.pv_kw - power.discharge_kw, -power.pv_kw, DISCHARGE, "////"),
    ):
        if not np.any(values != baseline):
            continue
        axes.stairs(
            values, power.edges_s, baseline=baseline, fill=True, facecolor=colour,
            edgecolor="#A89E00" if colour == SUN else "white", linewidth=0.0,
            hatch=hatch or None, rasterized=pixels,
        )  # fmt: skip


def _draw_limits(axes: Any, case: Case, site: int, feeds_in: bool) -> None:
    low, high = axes.get_ylim()
    edges = case.world.grid.start_s + case.world.grid.step_s * np.arange(case.world.grid.n + 1)
    import_kw, export_kw = _limits(case, site)
    # A limit on feeding in, drawn where nothing is fed in, would be taken for one on the bands.
    for series in (import_kw, -export_kw) if feeds_in else (import_kw,):
        shown = np.where((series <= high) & (series >= low), series, np.nan)
        if np.isfinite(shown).any():
            axes.stairs(
                shown, edges, baseline=None, color=INK, linewidth=0.8, linestyle=(0, (5, 3))
            )


def _names(
    axes: Any, case: Case, site: int, power: SitePower, feeds_in: bool
) -> list[tuple[float, str, str]]:
    """Names of all that is in the panel, each at about the height where it is widest."""
    low, high = axes.get_ylim()
    words = []
    import_kw, export_kw = (float(series[-1]) for series in _limits(case, site))
    if import_kw <= high:
        words.append((import_kw, f"- - limit {quantity(import_kw, 'kW')}", INK))
    elif np.isfinite(import_kw):
        words.append((high, f"limit {quantity(import_kw, 'kW')} ↑", INK))
    if feeds_in and -export_kw >= low:
        words.append((-export_kw, f"- - limit {quantity(export_kw, 'kW')}", INK))
    if power.net_kw.size == 0:
        return words
    at = int(np.argmax(power.charge_kw))
    if power.charge_kw[at] > 0:
        height = power.building_kw[at] + power.charge_kw[at] / 2
        words.append((float(height), "■ vehicles charging", CHARGE))
    words.append((float(power.net_kw[-1]), "━ at the meter", INK))
    if power.building_kw.any():
        words.append((float(np.median(power.building_kw)) / 2, "■ building", QUIET))
    if power.pv_kw.any():
        words.append((-float(power.pv_kw.max()) / 2, "▒ sun", "#8A8000"))
    if power.discharge_kw.any():
        at = int(np.argmax(power.discharge_kw))
        height = -power.pv_kw[at] - power.discharge_kw[at] / 2
        words.append((float(height), "▨ vehicles giving", DISCHARGE))
    return words


def _draw_price(axes: Any, case: Case, site: int) -> None:
    tariff, grid = case.tariffs[site], case.world.grid
    edges = grid.start_s + grid.step_s * np.arange(grid.n + 1)
    bought = tariff.price_import_per_kwh[: grid.n]
    sold = tariff.price_export_per_kwh[: grid.n]
    axes.set_title("Price of energy", fontweight="normal", color=QUIET, fontsize=8)
    axes.set_ylabel(f"{tariff.currency}/kWh", fontsize=7)
    axes.stairs(bought, edges, baseline=None, color=QUIET, linewidth=0.9)
    axes.stairs(sold, edges, baseline=None, color=QUIET, linewidth=0.8, linestyle=":")
    span = max(float(bought.max() - min(sold.min(), 0.0)), 1e-6)
    low = min(float(bought.min()), float(sold.min()), 0.0)
    axes.set_ylim(low - 0.05 * span, max(float(bought.max()), float(sold.max())) + 0.1 * span)
    axes.locator_params(axis="y", nbins=3)
    words = [(float(bought[-1]), "— bought", QUIET), (float(sold[-1]), "··· sold", QUIET)]
    margin_words(axes, words, size=7)
