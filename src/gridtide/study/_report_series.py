"""From the tables of a run to the series that the report draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.core import Reason
from gridtide.signals import local_times
from gridtide.study.case import Case
from gridtide.study.result import StrategyResult

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY_S = 86_400
PERCENTILES = (5, 25, 50, 75, 95)
# More rows than this say nothing more on a page; the rows shown are then spread evenly.
MOST_ROWS = 600
# Up to this many, every vehicle has its own row and its name beside it is readable.
MOST_VEHICLE_ROWS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePower:
    """Mean powers at one site in each meter interval [kW], all >= 0 but ``net_kw``.

    Arrays of shape (intervals,); ``edges_s`` has one more [s since 1970-01-01 UTC].
    """

    edges_s: Ints
    building_kw: Floats
    pv_kw: Floats
    charge_kw: Floats
    discharge_kw: Floats
    net_kw: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """What stood where: mean power of each row in each meter interval.

    Parameters
    ----------
    edges_s
        Edges of the intervals, shape (intervals + 1,).
    labels
        Name of each row.
    of
        ``vehicles`` or ``chargers``.
    power_kw
        Positive while charging, NaN where nothing is plugged in, shape (rows, intervals).
    whole
        How many rows there would be, had none been left out.
    """

    edges_s: Ints
    labels: tuple[str, ...]
    of: str
    power_kw: Floats
    whole: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SocFan:
    """Spread of the state of charge among connected vehicles.

    Parameters
    ----------
    time_s
        End of each interval [s since 1970-01-01 UTC], or of each slot of a typical day
        [s since local midnight], shape (intervals,).
    percentiles
        State of charge, NaN where nobody is connected, shape (5, intervals).
    target, floor
        Medians among the connected, NaN where nobody is, shape (intervals,).
    connected
        How many are connected, the mean over all days for a typical one, shape (intervals,).
    """

    time_s: Ints
    percentiles: Floats
    target: Floats
    floor: Floats
    connected: Floats


def charger_site(case: Case) -> Ints:
    """Position in ``case.meters`` of the meter above each charger, shape (chargers,)."""
    position = np.full(len(case.world.limits) + 1, -1, dtype=np.int64)
    position[case.meters] = np.arange(len(case.meters))
    found: Ints = position[case.world.limits.site[case.world.chargers.limit]]
    return found


def intervals_until(case: Case, strategy: StrategyResult) -> Ints:
    """Return the starts of the meter intervals that the run got through [s], shape (intervals,)."""
    length, start = case.world.meter_interval_s, case.world.grid.start_s
    read = strategy.columns["site"]["interval_s"]
    n = int((read.max() - start) // length) + 1 if read.size else 0
    return start + length * np.arange(n, dtype=np.int64)


def site_power(case: Case, strategy: StrategyResult, site: int) -> SitePower:
    """Mean powers of the site at one position of ``case.meters``."""
    starts = intervals_until(case, strategy)
    length = case.world.meter_interval_s
    meter, plugs = strategy.columns["site"], strategy.columns["intervals"]
    mine = meter["site"] == site
    here = charger_site(case)[plugs["charger"]] == site
    at_meter = (meter["interval_s"][mine] - case.world.grid.start_s) // length
    at_plug = (plugs["interval_s"][here] - case.world.grid.start_s) // length

    def mean_kw(at: Ints, wh: Ints) -> Floats:
        kept = at < starts.size
        total = np.bincount(at[kept], weights=wh[kept], minlength=starts.size)
        return total.astype(np.float64) * 3.6 / length

    net = mean_kw(at_meter, (meter["import_wh"] - meter["export_wh"])[mine])
    return SitePower(
        edges_s=np.append(starts, starts[-1:] + length),
        building_kw=mean_kw(at_meter, meter["building_wh"][mine]),
        pv_kw=mean_kw(at_meter, meter["pv_wh"][mine]),
        charge_kw=mean_kw(at_plug, plugs["import_wh"][here]),
        discharge_kw=mean_kw(at_plug, plugs["export_wh"][here]),
        net_kw=net,
    )


def raster(case: Case, strategy: StrategyResult) -> Raster:
    """Rows are vehicles; chargers where vehicles are too many to be told apart."""
    starts, length = intervals_until(case, strategy), case.world.meter_interval_s
    plugs = strategy.columns["intervals"]
    at = (plugs["interval_s"] - case.world.grid.start_s) // length
    kept = (plugs["session"] >= 0) & (at < starts.size)
    vehicle = case.world.sessions.vehicle[plugs["session"][kept].astype(np.int64)]
    charger = plugs["charger"][kept].astype(np.int64)
    by_vehicle = np.unique(vehicle).size <= max(MOST_VEHICLE_ROWS, len(case.world.chargers))
    key = vehicle if by_vehicle else charger
    names = case.world.vehicles.ids if by_vehicle else case.world.chargers.ids
    used = np.unique(key)
    shown = used
    if used.size > MOST_ROWS:
        shown = used[np.linspace(0, used.size - 1, MOST_ROWS).round().astype(np.int64)]
    row = np.searchsorted(shown, key)
    fits = (row < shown.size) & (shown[np.minimum(row, max(shown.size - 1, 0))] == key)
    power = np.full((shown.size, starts.size), np.nan)
    cell = (row[fits], at[kept][fits])
    power[cell] = 0.0
    net_wh = (plugs["import_wh"] - plugs["export_wh"])[kept][fits]
    np.add.at(power, cell, net_wh * 3.6 / length)
    return Raster(
        edges_s=np.append(starts, starts[-1:] + length),
        labels=tuple(names[i] for i in shown),
        of="vehicles" if by_vehicle else "chargers",
        power_kw=power,
        whole=used.size,
    )


def soc_fan(case: Case, strategy: StrategyResult, *, typical_day: bool = False) -> SocFan:
    """Return percentiles of the state of charge of those connected at each interval's end.

    Parameters
    ----------
    case, strategy
        A run.
    typical_day
        Take all days together, by the time on the wall clock.
    """
    starts, length = intervals_until(case, strategy), case.world.meter_interval_s
    plugs, sessions, vehicles = (
        strategy.columns["intervals"],
        case.world.sessions,
        case.world.vehicles,
    )
    at = (plugs["interval_s"] - case.world.grid.start_s) // length
    kept = (plugs["session"] >= 0) & (at < starts.size)
    session = plugs["session"][kept].astype(np.int64)
    v = sessions.vehicle[session]
    capacity = vehicles.capacity_kwh[v]
    soc = plugs["energy_kwh"][kept] / capacity
    floor = np.maximum(vehicles.soc_floor[v], vehicles.soc_min[v])
    at, n, time_s, days = at[kept], starts.size, starts + length, 1.0
    if typical_day:
        local = local_times(starts, case.zone)
        at, n = local.second[at] // length, -(-DAY_S // length)
        time_s, days = length * np.arange(1, n + 1), float(np.unique(local.date).size or 1)
    return SocFan(
        time_s=time_s,
        percentiles=grouped_percentiles(at, soc, n, PERCENTILES),
        target=grouped_percentiles(at, sessions.target_kwh[session] / capacity, n, (50,))[0],
        floor=grouped_percentiles(at, floor, n, (50,))[0],
        connected=np.bincount(at, minlength=n) / days,
    )


def grouped_percentiles(
    group: Ints, values: Floats, groups: int, percentiles: tuple[int, ...]
) -> Floats:
    """Percentiles of the values of each group, between neighbours by straight lines.

    Returns
    -------
    Shape (percentiles, groups); NaN for groups without values.
    """
    order = np.lexsort((values, group))
    ordered = np.append(values[order].astype(np.float64), np.nan)
    count = np.bincount(group, minlength=groups)
    first = np.cumsum(count) - count
    found = np.full((len(percentiles), groups), np.nan)
    some = count > 0
    for i, percentile in enumerate(percentiles):
        place = first[some] + (count[some] - 1) * percentile / 100.0
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, first[some] + count[some] - 1)
        share = place - low
        found[i, some] = ordered[low] * (1 - share) + ordered[high] * share
    return found


def decision_hours(case: Case, strategy: StrategyResult) -> tuple[Floats, Ints]:
    """How long each recorded decision held, and the rows sorted by charger and time.

    Returns
    -------
    hours, order
        Shape (decisions,); ``hours[k]`` belongs to row ``order[k]`` of the table.
    """
    table = strategy.columns["decisions"]
    time_s, charger = table["time_s"].astype(np.float64), table["charger"]
    order = np.lexsort((time_s, charger))
    starts = intervals_until(case, strategy)
    end_s = float(starts[-1] + case.world.meter_interval_s) if starts.size else 0.0
    until = np.append(time_s[order][1:], end_s)
    last = np.append(charger[order][1:] != charger[order][:-1], True)[: order.size]
    until[: order.size][last] = end_s
    hours: Floats = np.maximum(until[: order.size] - time_s[order], 0.0) / 3600.0
    return hours, order


def reason_shares(case: Case, strategy: StrategyResult) -> dict[Reason, float]:
    """Share of the plugged-in time for which each reason held, largest first."""
    table = strategy.columns["decisions"]
    if table["time_s"].size == 0:
        return {}
    hours, order = decision_hours(case, strategy)
    plugged = table["session"][order] >= 0
    by_code = np.bincount(table["reason"][order][plugged].astype(np.int64), weights=hours[plugged])
    whole = by_code.sum()
    if whole <= 0:
        return {}
    codes = sorted(np.flatnonzero(by_code), key=lambda code: -by_code[code])
    return {Reason(int(code)): float(by_code[code] / whole) for code in codes}
