"""Limits beside the meters in the report: how many were full, and which the longest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.study._report_html import paragraph, section, table
from gridtide.study._report_series import intervals_until
from gridtide.study._report_words import count, number, quantity, short_name
from gridtide.study.case import Case
from gridtide.study.result import Result, StrategyResult

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Those that were full the longest are shown; the tables beside the report hold all.
MOST_LIMITS = 10
# Setpoints keep a little below a limit, and meters show whole watt-hours.
_FULL = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Fullness:
    """How full limits were under one strategy; arrays of shape (limits,).

    Parameters
    ----------
    peak_kw
        Highest mean net import over a meter interval.
    share
        Highest share of the limit that was used, either way.
    full_h
        For how long it was full.
    """

    peak_kw: Floats
    share: Floats
    full_h: Floats


def limits_section(result: Result) -> str:
    """Tell how full feeders, panels and cables were; nothing where there are none."""
    nodes = _rated(result.case)
    told = {name: fullness(result.case, s) for name, s in result.strategies.items()}
    if nodes.size == 0 or not told:
        return ""
    sentences = " ".join(_sentence(name, one, nodes) for name, one in told.items())
    parts = [paragraph(sentences), _fullest(result, told, nodes)]
    return section("Feeders, panels and cables", *parts)


def fullness(case: Case, strategy: StrategyResult) -> Fullness:
    """Return how full each limit was, from the meter readings of chargers and sites."""
    length = case.world.meter_interval_s
    starts = intervals_until(case, strategy)
    net = _net_kw(case, strategy, starts)
    step = case.step_of(starts)
    import_kw, export_kw = case.world.import_kw[step].T, case.world.export_kw[step].T
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(np.where(net >= 0, net / import_kw, -net / export_kw))
    return Fullness(
        peak_kw=np.maximum(net.max(axis=1, initial=0.0), 0.0),
        share=share.max(axis=1, initial=0.0),
        full_h=np.count_nonzero(share >= _FULL, axis=1) * length / 3600.0,
    )


def _net_kw(case: Case, strategy: StrategyResult, starts: Ints) -> Floats:
    """Mean net power below each limit, shape (limits, intervals)."""
    world, n = case.world, starts.size
    length, begin = world.meter_interval_s, world.grid.start_s
    wh = np.zeros(len(world.limits) * n)
    plugs, meters = strategy.columns["intervals"], strategy.columns["site"]
    for rows, node, net_wh in (
        (plugs, world.chargers.limit[plugs["charger"]], plugs["import_wh"] - plugs["export_wh"]),
        (meters, case.meters[meters["site"]], meters["building_wh"] - meters["pv_wh"]),
    ):
        at = (rows["interval_s"] - begin) // length
        kept = at < n
        wh += np.bincount((node * n + at)[kept], weights=net_wh[kept], minlength=wh.size)
    own = wh.reshape(len(world.limits), n) * 3.6 / length
    return world.limits.add_up(own.T).T


def _rated(case: Case) -> Ints:
    """Limits without a meter that limit the net power at all."""
    world = case.world
    finite = np.isfinite(world.import_kw).any(axis=0) | np.isfinite(world.export_kw).any(axis=0)
    return np.flatnonzero(finite & ~world.limits.is_meter)


def _sentence(name: str, one: Fullness, nodes: Ints) -> str:
    full = int(np.count_nonzero(one.full_h[nodes]))
    hours = float(one.full_h[nodes].mean())
    peaks = np.percentile(one.peak_kw[nodes], (50, 95))
    spread = ""
    if nodes.size > MOST_LIMITS:
        spread = (
            f" Half of them peak above {quantity(float(peaks[0]), 'kW')}, one in twenty above "
            f"{quantity(float(peaks[1]), 'kW')}."
        )
    were = "was" if full == 1 else "were"
    return (
        f"{short_name(name)}: {full:,} of {count(nodes.size, 'limit')} {were} full at some time, "
        f"for {quantity(hours, 'h')} on average.{spread}"
    )


def _fullest(result: Result, told: dict[str, Fullness], nodes: Ints) -> str:
    hours = np.max([one.full_h[nodes] for one in told.values()], axis=0)
    share = np.max([one.share[nodes] for one in told.values()], axis=0)
    shown = nodes[np.lexsort((nodes, -share, -hours))][:MOST_LIMITS]
    names, rated_kw = result.case.world.limits.names, result.case.world.limits.import_kw
    rows = [
        (
            names[node],
            number(float(rated_kw[node])) if np.isfinite(rated_kw[node]) else "–",
            *(
                f"{number(float(one.peak_kw[node]))} ({number(float(one.full_h[node]))} h)"
                for one in told.values()
            ),
        )
        for node in shown
    ]
    head = (
        "The longest full" if shown.size < nodes.size else "Limit",
        "May draw [kW]",
        *(f"{short_name(name)}: peak [kW] (full for)" for name in told),
    )
    return table(head, rows)
