"""What a plan could not do, by name, with what stood in the way and what would help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._accounts import Schedule, net_kw
from gridtide.plan._layout import Layout
from gridtide.plan._power_range import least_kw
from gridtide.plan.problem import Bools

SMALL = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """One wish or bound that is not met.

    Parameters
    ----------
    name
        ``shortfall``, ``soc_below_minimum``, ``soc_above_maximum`` or ``base_overload``.
    entity
        The vehicle or limit concerned.
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


def name_slacks(layout: Layout, schedule: Schedule) -> tuple[Slack, ...]:
    """List the slacks of a schedule, limits first, then vehicles."""
    slacks = _overloads(layout, schedule)
    for i in np.flatnonzero(layout.recovering | layout.overfull):
        slacks += _outside(layout, schedule, int(i))
    for i in np.flatnonzero(schedule.shortfall_kwh > SMALL):
        slacks.append(_shortfall(layout, schedule, int(i)))
    return tuple(slacks)


def _overloads(layout: Layout, schedule: Schedule) -> list[Slack]:
    problem, slacks = layout.problem, []
    vehicles = net_kw(layout, schedule.power_kw)
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


def _runs(marked: Bools) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _outside(layout: Layout, schedule: Schedule, i: int) -> list[Slack]:
    problem = layout.problem
    energy = schedule.energy_kwh[i]
    low = bool(layout.recovering[i])
    bound = problem.min_kwh[i] if low else problem.max_kwh[i]
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
            binding=f"energy on arrival is {word[0]} the {word[1]}",
            suggestion="Comes back into its window as fast as the limits allow; "
            f"check soc_arrival against the {word[1]}",
        )
    ]


def _shortfall(layout: Layout, schedule: Schedule, i: int) -> Slack:
    problem = layout.problem
    last = int(layout.last[i])
    start = max(int(problem.arrive[i]), 0)
    stop = int(layout.step[last]) + 1 if last >= 0 else min(start, problem.steps)
    binding, mend = _cause(layout, schedule, i, start, stop)
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


def _cause(layout: Layout, schedule: Schedule, i: int, start: int, stop: int) -> tuple[str, str]:
    problem = layout.problem
    if layout.last[i] < 0:
        return "not plugged in before departure", "Plug in earlier or leave later"
    if layout.due_kwh[i] > problem.max_kwh[i] + SMALL:
        return "soc_max is below the target", "Lower soc_target or raise soc_max"
    missing = schedule.shortfall_kwh[i] - (layout.due_kwh[i] - layout.within_reach_kwh[i])
    if missing <= SMALL:
        return "length of stay and charging power", "Leave later, or use a stronger charger"
    vehicles = net_kw(layout, schedule.power_kw)
    full = vehicles >= layout.upper_kw - 1e-5
    names = [
        problem.limit_names[j]
        for j in np.flatnonzero(layout.below[:, i])
        if full[j, start:stop].any()
    ]
    if names:
        return f"import limit of {', '.join(names)}", "Raise the limit or move departures apart"
    least = least_kw(problem)[0][i] * layout.gain[i] * float(problem.step_h.max())
    if 0 < missing < least:
        return "smallest charging power", "Lower soc_target or plan in shorter steps"
    return "shortfall is cheaper than the energy", "Raise shortfall_price_per_kwh"
