"""Ageing of many batteries over years: capacity and resistance from what they go through.

A period of states of charge and temperatures repeats until the end. Each day of it is read once
into its stressors; the losses then follow their laws exactly, whatever the length of the period.

States of charge are relative to the new battery: the kWh that are moved stay the same while it
ages, and so do depths and rates. (Depths relative to what is left would grow as it ages; which of
the two is meant must be chosen once, or it is counted twice.)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells import MODELS
from gridtide.battery.cells._kernel_stress import COLDEST_C, HOTTEST_C, Table
from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.model import CellModel, Outcome
from gridtide.battery.cells.ranges import STRESSORS, outside_share
from gridtide.battery.cells.stress import Series, read_stress, tabulate
from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]

DAYS_PER_YEAR = 365.0
END_OF_LIFE = 0.8
MOST_YEARS = 100.0
# A stressor is told as outside the tested range from this share of the time on.
OUTSIDE_SHARE = 0.05
# Fits were made on losses of 20 to 40 %; what is left below this is the equations' alone.
BELIEVED_TO = 0.6
# Charging faster than this is rapid [1/h].
RAPID_C = 0.5
# Days that are held in memory at once.
BLOCK_DAYS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """How batteries aged; arrays of shape (vehicles, times).

    Parameters
    ----------
    model
        Name of the cell model.
    years
        Times [years of 365 days], shape (times,).
    q, r
        Capacity and resistance relative to the model's beginning; ``r`` is None where the model
        has none that is fit to be shown.
    efc
        Equivalent full cycles so far.
    loss_calendar, loss_cycle
        Shares of the capacity lost by time and by use; ``q = 1 - loss_calendar - loss_cycle``.
    outside
        Share of the time that each stressor was outside the range of the model's tests, shape
        (vehicles, stressors), in the order of ``gridtide.battery.STRESSORS``.
    notes
        Sentences that belong beside the numbers: what the model cannot tell of this use.
    """

    model: str
    years: Floats
    q: Floats
    r: Floats | None
    efc: Floats
    loss_calendar: Floats
    loss_cycle: Floats
    outside: Floats
    notes: tuple[str, ...] = ()

    def outside_range(self, vehicle: int = 0) -> list[str]:
        """Stressors outside the tested range for more than 5 % of the time."""
        share = self.outside[vehicle]
        return [name for name, s in zip(STRESSORS, share, strict=True) if s > OUTSIDE_SHARE]

    def years_to(self, q: float = END_OF_LIFE) -> Floats:
        """Time at which the capacity falls below ``q`` [years], ``inf`` where it does not."""
        below = self.q < q
        first = np.where(below.any(axis=1), below.argmax(axis=1), 0)
        found = np.full(len(self.q), np.inf)
        v = np.flatnonzero(first > 0)
        k = first[v]
        share = (self.q[v, k - 1] - q) / (self.q[v, k - 1] - self.q[v, k])
        found[v] = self.years[k - 1] + share * (self.years[k] - self.years[k - 1])
        return found


def cell_model(name: str) -> CellModel:
    """Return a cell model by name.

    Raises
    ------
    InputError
        If there is none of that name; the nearest is told.
    """
    findings = _model_doubts(name)
    if findings:
        raise InputError(findings)
    return MODELS[name]


def _model_doubts(name: str) -> list[Finding]:
    if name in MODELS:
        return []
    close = difflib.get_close_matches(name, MODELS, 1)
    guess = f"Did you mean {close[0]}? " if close else ""
    mend = f"{guess}Known: {', '.join(MODELS)}"
    return [Finding(f"cell model {name}", "there is no such model", mend)]


def rate_notes(cards: Iterable[ModelCard], charge_rate: float) -> tuple[str, ...]:
    """Say which models do not know what rapid charging does, where there is some.

    Parameters
    ----------
    cards
        Of the models in use.
    charge_rate
        Fastest charging [1/h]; up to half the capacity per hour nothing is said.
    """
    if charge_rate <= RAPID_C:
        return ()
    return tuple(
        f"{card.name} has no term for the rate of charge: charging at {charge_rate:.2g}C counts "
        "like slow charging"
        for card in cards
        if not card.rate_term
    )


def _far_notes(q: Floats) -> tuple[str, ...]:
    lowest = float(q.min(initial=1.0))
    if lowest >= BELIEVED_TO:
        return ()
    return (
        f"less than {BELIEVED_TO:.0%} of the capacity are left: no test went so far, and a value "
        "below zero is the equation's, not a battery's",
    )


def _fastest_charge(soc: Series, step_h: float) -> float:
    rise = np.diff(soc, axis=1, append=soc[:, :1])
    return float(rise.max(initial=0.0)) / step_h


def model_cards() -> tuple[ModelCard, ...]:
    """Cards of all cell models."""
    return tuple(model.card for model in MODELS.values())


def daily_cycle_soc(highest: float, lowest: float) -> Floats:
    """Hourly states of charge of a day: ``highest``, down from 8 to 12 h, back from 18 to 22 h."""
    levels = [highest, highest, lowest, lowest, highest, highest]
    return np.interp(np.arange(24), [0, 8, 12, 18, 22, 24], levels)


def age(
    model: str,
    soc: npt.ArrayLike,
    temperature_c: npt.ArrayLike,
    *,
    step_h: float = 1.0,
    years: float = 10.0,
    times_per_year: int = 1,
) -> Ageing:
    """Age batteries through a period that repeats.

    Parameters
    ----------
    model
        Name of a cell model; ``gridtide battery models`` lists them.
    soc
        States of charge at the beginning of each step [0..1], relative to the new battery,
        shape (points,) or (vehicles, points). Between points they change evenly; after the last
        point they go back to the first.
    temperature_c
        Cell temperature at the same times [°C], shape (points,) or (vehicles, points), or one
        number for all.
    step_h
        Between two points [h]; a whole number of steps makes a day.
    years
        How long, in years of 365 days; 100 at most.
    times_per_year
        How often a year the state is given.

    Returns
    -------
    Ageing
        From year 0 on, and at the end.

    Raises
    ------
    InputError
        With all findings: unknown model, states of charge outside 0..1, temperatures in kelvin,
        gaps, steps that do not fill a day.
    """
    known = years if 0 <= years <= MOST_YEARS else np.nan  # which is told with all else
    last = 0 if np.isnan(known) else int(np.floor(known * times_per_year + 1e-9))
    stops = np.arange(last + 1) / times_per_year + 0.0 * known
    if known > stops[-1] + 1e-9:
        stops = np.append(stops, known)
    return age_until(model, soc, temperature_c, step_h=step_h, stops_d=stops * DAYS_PER_YEAR)


def age_until(
    model: str,
    soc: npt.ArrayLike,
    temperature_c: npt.ArrayLike,
    *,
    stops_d: Floats,
    step_h: float = 1.0,
) -> Ageing:
    """Age batteries as :func:`age` does, and give their state at times of your own [days]."""
    levels, heat = _checked(model, soc, temperature_c, step_h, stops_d)
    cell = cell_model(model)
    parts = [
        _age_block(cell, block, rows, step_h, stops_d)
        for block, rows in _blocks(levels, heat, step_h)
    ]
    outcomes, efc, outside, fastest = zip(*parts, strict=True)
    q, r, calendar, cycle = (
        None if column[0] is None else np.concatenate(column)
        for column in zip(*outcomes, strict=True)
    )
    assert q is not None and calendar is not None and cycle is not None
    return Ageing(
        model=model,
        years=stops_d / DAYS_PER_YEAR,
        q=q,
        r=r,
        efc=np.concatenate(efc),
        loss_calendar=calendar,
        loss_cycle=cycle,
        outside=np.concatenate(outside),
        notes=(*rate_notes((cell.card,), max(fastest)), *_far_notes(q)),
    )


def _age_block(
    cell: CellModel, soc: Series, temperature_c: Series, step_h: float, stops_d: Floats
) -> tuple[Outcome, Floats, Floats, float]:
    tables = _tables(cell.card.name)
    stress = read_stress(soc, temperature_c, step_h, tables, cell.spreads, cell.fatigue)
    outcome = cell.outcome(*(law.at(stops_d, stress.days) for law in cell.laws(stress)))
    reached = stress.efc.sum(axis=1) / stress.days.sum()
    outside = outside_share(cell.card, soc, temperature_c, step_h, stops_d[-1] / DAYS_PER_YEAR)
    return outcome, reached[:, None] * stops_d, outside, _fastest_charge(soc, step_h)


@cache
def _tables(model: str) -> Table:
    return tabulate(MODELS[model].rates)


def _blocks(soc: Series, temperature_c: Series, step_h: float) -> Iterator[tuple[Series, Series]]:
    days = max(1, round(soc.shape[1] * step_h / 24.0))
    rows = max(1, BLOCK_DAYS // days)
    for first in range(0, soc.shape[0], rows):
        some = slice(first, first + rows)
        yield soc[some], temperature_c if len(temperature_c) == 1 else temperature_c[some]


def _checked(
    model: str, soc: npt.ArrayLike, temperature_c: npt.ArrayLike, step_h: float, stops_d: Floats
) -> tuple[Series, Series]:
    """Bring both into their shapes; tell all that is wrong at once."""
    levels, heat = _series(soc), _series(temperature_c)
    findings = _model_doubts(model)
    if not (step_h > 0 and abs(24.0 / step_h - round(24.0 / step_h)) < 1e-9):
        mend = "Use a step of which a whole number makes a day, such as 0.25 or 1 h"
        findings.append(Finding("step_h", f"is {step_h:g} h", mend))
    if stops_d.size == 0 or not np.isfinite(stops_d).all() or (stops_d < 0).any():
        mend = f"Use a number from 0 to {MOST_YEARS:g}"
        findings.append(Finding("years", "are no span of time", mend))
    if heat.shape == (1, 1):
        heat = np.full((1, levels.shape[1]), heat[0, 0])
    if levels.size == 0 or heat.shape[1] != levels.shape[1] or len(heat) not in (1, len(levels)):
        what = f"has the shape {heat.shape}, the states of charge {levels.shape}"
        findings.append(Finding("temperature_c", what, "Give one temperature for each point"))
    findings += _doubts("soc", levels, 0.0, 1.0, "Use fractions from 0 to 1, without gaps")
    mend = f"Use °C from {COLDEST_C:g} to {HOTTEST_C:g}, without gaps; 25 °C is 298.15 K"
    findings += _doubts("temperature_c", heat, COLDEST_C, HOTTEST_C, mend)
    if findings:
        raise InputError(findings)
    return levels, heat


def _series(values: npt.ArrayLike) -> Series:
    series = np.asarray(values)
    if series.dtype not in (np.float32, np.float64):
        series = series.astype(np.float64)
    return np.ascontiguousarray(np.atleast_2d(series))


def _doubts(name: str, series: Series, low: float, high: float, mend: str) -> list[Finding]:
    with np.errstate(invalid="ignore"):
        bad = ~((series >= low) & (series <= high))
    if not bad.any():
        return []
    row, point = np.argwhere(bad)[0]
    where = f"{name}, point {point}" if len(series) == 1 else f"{name}[{row}], point {point}"
    more = f" ({bad.sum()} such values)" if bad.sum() > 1 else ""
    return [Finding(where, f"is {series[row, point]:g}{more}", mend)]
