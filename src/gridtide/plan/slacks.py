"""What a plan could not do, by name, with what stood in the way and what would help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gridtide.plan._chains import first_stay
from gridtide.plan._layout import Layout
from gridtide.plan._objective_accounts import stored_away_kwh
from gridtide.plan._power_range import power_range
from gridtide.plan.problem import Bools, Floats, Problem

SMALL = 1e-6


class Judged(Protocol):
    """What names need to know of a schedule."""

    @property
    def net_kw(self) -> Floats:
        """Net power of the vehicles below each limit, shape (m, T)."""

    @property
    def stored_kwh(self) -> Floats:
        """Energy held together below limits that bound it at the end of each step, (m, T)."""

    @property
    def shortfall_kwh(self) -> Floats:
        """Missing on departure, shape (n,)."""

    @property
    def en_route_kwh(self) -> Floats:
        """Charged on the way to each stay, shape (n,)."""

    def energy_of(self, stay: int) -> Floats:
        """Energy at the nodes of one stay, shape (T + 1,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """One wish or bound that is not met.

    Parameters
    ----------
    name
        ``shortfall``, ``drive``, ``soc_below_minimum``, ``soc_above_maximum``,
        ``base_overload``, ``stored_below_least``, ``stored_above_most`` or
        ``reserve_commitment``.
    entity
        The vehicle, limit or block concerned.
    from_step, to_step
        Steps concerned, half-open.
    amount, unit
        Largest amount in that time.
    binding
        What stands in the way.
    suggestion
        What would help.
    """

    name: str
    entity: str
    from_step: int
    to_step: int
    amount: float
    unit: str
    binding: str
    suggestion: str


def name_slacks(layout: Layout, schedule: Judged) -> tuple[Slack, ...]:
    """List the slacks of a schedule, limits first, then vehicles."""
    slacks = _overloads(layout, schedule) + _stored(layout.problem, schedule)
    low = layout.recovering
    if layout.problem.floor_kwh is not None:
        low = low | (layout.problem.floor_kwh > layout.problem.min_kwh[:, None]).any(axis=1)
    for i in np.flatnonzero(low | layout.overfull):
        for below in (True, False) if low[i] and layout.overfull[i] else (bool(low[i]),):
            slacks += _outside(layout, schedule, int(i), below)
    missing = schedule.shortfall_kwh > SMALL
    for i in np.flatnonzero(missing | (schedule.en_route_kwh > SMALL)):
        if schedule.en_route_kwh[i] > SMALL:
            slacks.append(_drive(layout, schedule, int(i)))
        if missing[i]:
            slacks.append(_shortfall(layout, schedule, int(i)))
    return tuple(slacks)


def _overloads(layout: Layout, schedule: Judged) -> list[Slack]:
    problem, slacks = layout.problem, []
    vehicles = schedule.net_kw
    for sign, room, side in (
        (1.0, problem.import_kw, "import"),
        (-1.0, problem.export_kw, "export"),
    ):
        base = sign * layout.base_kw - room
        # Vehicles never add to it, so what is above the limit is the base load's own.
        over = np.where(base > SMALL, np.clip(base + sign * vehicles, 0.0, np.maximum(base, 0)), 0)
        for j in np.flatnonzero((base > SMALL).any(axis=1)):
            left = over[j] > SMALL
            for start, stop in _runs(left):
                slacks.append(
                    Slack(
                        name="base_overload",
                        entity=problem.limit_names[j],
                        from_step=start,
                        to_step=stop,
                        amount=float(over[j, start:stop].max()),
                        unit="kW",
                        binding=f"{side} limit of {problem.limit_names[j]}",
                        suggestion=f"Raise {side}_kw or lower base_load_kw in these steps",
                    )
                )
    return slacks


def _stored(problem: Problem, schedule: Judged) -> list[Slack]:
    """Name limits below which too little, or too much, is held together."""
    slacks = []
    for name, word, away in zip(
        ("stored_below_least", "stored_above_most"),
        ("least", "most"),
        stored_away_kwh(problem, schedule.stored_kwh),
        strict=True,
    ):
        binding = "vehicles plugged in, their promises, power and limits"
        if word == "most":
            binding = "energy on arrival, promises, power and limits"
        for j in np.flatnonzero((away > SMALL).any(axis=1)):
            slacks += [
                Slack(
                    name=name,
                    entity=problem.limit_names[j],
                    from_step=start,
                    to_step=stop,
                    amount=float(away[j, start:stop].max()),
                    unit="kWh",
                    binding=binding,
                    suggestion=f"Change stored_{word}_kwh in these steps; where it is but "
                    "dear to hold, raise stored_price_per_kwh_h",
                )
                for start, stop in _runs(away[j] > SMALL)
            ]
    return slacks


def _runs(marked: Bools) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _outside(layout: Layout, schedule: Judged, i: int, low: bool) -> list[Slack]:
    problem = layout.problem
    energy = schedule.energy_of(i)
    bound = np.full(problem.steps + 1, problem.min_kwh[i] if low else problem.max_kwh[i])
    if low and problem.floor_kwh is not None:
        highest = max(problem.max_kwh[i], layout.starts.high_kwh[i])
        floor = np.minimum(problem.floor_kwh[i], highest)
        # A floor is that of the end of a step, and holds while plugged in.
        floor[: max(problem.arrive[i], 0)] = -np.inf
        bound[1:] = np.maximum(bound[1:], floor)
    at_floor = low and not layout.recovering[i]
    with np.errstate(invalid="ignore"):
        depth = np.nan_to_num(bound - energy if low else energy - bound, nan=0.0)
    steps = np.flatnonzero(depth > SMALL)
    if len(steps) == 0:
        return []
    word = ("below", "minimum", "least") if low else ("above", "maximum", "most")
    return [
        Slack(
            name=f"soc_{word[0]}_{word[1]}",
            entity=problem.ids[i],
            from_step=int(steps[0]),
            to_step=min(int(steps[-1]) + 1, problem.steps),
            amount=float(depth.max()),
            unit="kWh",
            binding="energy on arrival, charger or limits leave it below its floor"
            if at_floor
            else f"energy on arrival is {word[0]} the {word[1]}",
            suggestion="Comes back into its window as fast as the limits allow; "
            f"check soc_arrival against the {'floor' if at_floor else word[1]}",
        )
    ]


def _shortfall(layout: Layout, schedule: Judged, i: int) -> Slack:
    problem = layout.problem
    last = int(layout.last[i])
    start = max(int(problem.arrive[i]), 0)
    stop = min(int(problem.depart[i]), problem.steps) if last >= 0 else min(start, problem.steps)
    binding, mend = _cause(layout, schedule, i)
    return Slack(
        name="shortfall",
        entity=problem.ids[i],
        from_step=min(start, stop),
        to_step=stop,
        amount=float(schedule.shortfall_kwh[i]),
        unit="kWh",
        binding=binding,
        suggestion=mend,
    )


def _drive(layout: Layout, schedule: Judged, i: int) -> Slack:
    """Name what the battery did not hold for the drive to stay i."""
    problem = layout.problem
    start, stop = (
        min(max(int(step), 0), problem.steps) for step in (problem.depart[i - 1], problem.arrive[i])
    )
    amount = float(schedule.en_route_kwh[i])
    binding, mend = _drive_cause(layout, schedule, i, amount)
    return Slack(
        name="drive",
        entity=problem.ids[i],
        from_step=min(start, stop),
        to_step=stop,
        amount=amount,
        unit="kWh",
        binding=binding,
        suggestion=mend,
    )


def _drive_cause(layout: Layout, schedule: Judged, i: int, amount: float) -> tuple[str, str]:
    problem = layout.problem
    assert problem.driven_kwh is not None
    if problem.driven_kwh[i] > problem.max_kwh[i - 1] - problem.min_kwh[i] + SMALL:
        return "the drive takes more than soc_max less soc_min", "Charge on the way"
    if amount - layout.starts.en_route_least_kwh[i] <= SMALL:
        return "length of stay and charging power", "Leave later, or use a stronger charger"
    return _limits_or_price(layout, schedule, i - 1, amount)


def _cause(layout: Layout, schedule: Judged, i: int) -> tuple[str, str]:
    problem = layout.problem
    if layout.last[i] < 0:
        return "not plugged in before departure", "Plug in earlier or leave later"
    if layout.due_kwh[i] > problem.max_kwh[i] + SMALL:
        return "soc_max is below the target", "Lower soc_target or raise soc_max"
    missing = schedule.shortfall_kwh[i] - (layout.due_kwh[i] - layout.within_reach_kwh[i])
    if missing <= SMALL:
        return "length of stay and charging power", "Leave later, or use a stronger charger"
    return _limits_or_price(layout, schedule, i, missing)


def _limits_or_price(layout: Layout, schedule: Judged, i: int, missing: float) -> tuple[str, str]:
    """Name limits that were full while stay i, or one before it, could have charged."""
    problem = layout.problem
    vehicles = schedule.net_kw
    full = vehicles >= layout.upper_kw - 1e-5
    names: dict[str, None] = {}
    for k in range(int(first_stay(problem)[i]), i + 1):
        steps = slice(max(int(problem.arrive[k]), 0), max(int(problem.depart[k]), 0))
        j = int(problem.limit[k])
        while j >= 0:
            if full[j, steps].any():
                names[problem.limit_names[j]] = None
            j = int(problem.limit_parent[j])
    if names:
        return f"import limit of {', '.join(names)}", "Raise the limit or move departures apart"
    if missing < power_range(problem).charge[i] * layout.gain[i] * float(problem.step_h.max()):
        return "smallest charging power", "Lower soc_target or plan in shorter steps"
    return "shortfall is cheaper than the energy", "Raise shortfall_price_per_kwh"
