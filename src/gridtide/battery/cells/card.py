"""The card of a cell model: what it was fitted on, where it holds, what it does not know."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a reader must know before believing a cell model.

    Parameters
    ----------
    name
        Identifier.
    title
        Cell in words.
    chemistry
        Cathode and anode.
    capacity_ah
        Nominal capacity of the tested cell [Ah].
    source
        Where data and equations come from, with DOI.
    data
        What was tested.
    calendar_c, cycling_c
        Temperatures of the storage and of the cycling tests [°C].
    soc
        States of charge of the tests [0..1].
    depth
        Depths of the cycles [0..1].
    charge_c, discharge_c
        Largest rates of the cycling tests [1/h].
    rate_term
        Whether the rate of charge or discharge changes the ageing.
    has_resistance
        Whether growth of the resistance is modelled and fit to be shown.
    starts_at
        Capacity at the model's beginning, relative to a new cell.
    tested_years
        How long the tests ran at most [years].
    limits
        What it does not know, one sentence each.
    equations
        Its laws: t days, N equivalent full cycles, T kelvin, Tn = T / 308.15, d depth, s state of
        charge, U relative anode potential, C mean rate of the day. Rates are averaged over a day.
    """

    name: str
    title: str
    chemistry: str
    capacity_ah: float
    source: str
    data: str
    calendar_c: Range
    cycling_c: Range
    soc: Range
    depth: Range
    charge_c: float
    discharge_c: float
    rate_term: bool
    limits: tuple[str, ...]
    equations: tuple[str, ...]
    has_resistance: bool = False
    starts_at: float = 1.0
    tested_years: float | None = None
