"""Stays of one vehicle in their order, and what one stay can hand to the next.

A drive takes ``driven_kwh``; what the battery does not hold for it, down to ``min_kwh``, is
charged on the way. Energy on return is ``max(end - driven, min)``, and what was charged on the
way ``max(min - (end - driven), 0)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridtide.plan.problem import Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """What each stay can begin with.

    Parameters
    ----------
    low_kwh, high_kwh
        Least and most energy at the start of each stay, shape (n,); both the arrival where it
        is given.
    end_high_kwh
        Most energy at the end of each stay, shape (n,).
    en_route_least_kwh, en_route_most_kwh
        Least and most that is charged on the way there, shape (n,); 0 without a drive.
    """

    low_kwh: Floats
    high_kwh: Floats
    end_high_kwh: Floats
    en_route_least_kwh: Floats
    en_route_most_kwh: Floats


def continuing(problem: Problem) -> Ints:
    """Rows that continue the row before them."""
    if problem.continues is None:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(problem.continues)


def first_stay(problem: Problem) -> Ints:
    """Row of the first stay of each row's vehicle, shape (n,)."""
    rows = np.arange(len(problem))
    if problem.continues is None:
        return rows
    first: Ints = np.maximum.accumulate(np.where(problem.continues, 0, rows))
    return first


def generations(problem: Problem) -> tuple[Ints, ...]:
    """Rows that are their vehicle's first stay, second stay and so on; at least one entry."""
    place = np.arange(len(problem)) - first_stay(problem)
    return tuple(np.flatnonzero(place == g) for g in range(int(place.max(initial=0)) + 1))


def after_drive(problem: Problem, rows: Ints, left_kwh: Floats) -> tuple[Floats, Floats]:
    """Energy on return, and what was charged on the way.

    Parameters
    ----------
    problem
        With ``driven_kwh``.
    rows
        Stays that continue, shape (r,).
    left_kwh
        Energy with which the vehicle left, shape (r,).
    """
    assert problem.driven_kwh is not None
    unaided = left_kwh - problem.driven_kwh[rows]
    missing = np.maximum(problem.min_kwh[rows] - unaided, 0.0)
    return unaided + missing, missing


def find_starts(problem: Problem, ends: Callable[[Floats], Floats], fall_kwh: Floats) -> Starts:
    """Follow the least and the most energy from stay to stay.

    Parameters
    ----------
    problem
        The problem.
    ends
        Most energy at the end of each stay, from that at its start, both shape (n,).
    fall_kwh
        Most that each stay can take out of the battery, shape (n,).
    """
    low, high = problem.arrival_kwh.copy(), problem.arrival_kwh.copy()
    least, most = np.zeros(len(problem)), np.zeros(len(problem))
    end_high = ends(high)
    for rows in generations(problem)[1:]:
        before = rows - 1
        floor = np.minimum(low, problem.min_kwh)[before]
        end_low = np.maximum((low - fall_kwh)[before], floor)
        low[rows], most[rows] = after_drive(problem, rows, end_low)
        high[rows], least[rows] = after_drive(problem, rows, end_high[before])
        end_high = ends(high)
    return Starts(
        low_kwh=low,
        high_kwh=high,
        end_high_kwh=end_high,
        en_route_least_kwh=least,
        en_route_most_kwh=most,
    )


def by_vehicle(problem: Problem, values: Floats) -> dict[str, Any]:
    """Name values by vehicle, those of its stays added up."""
    first = np.flatnonzero(first_stay(problem) == np.arange(len(problem)))
    summed = np.add.reduceat(values, first) if len(first) else values
    return dict(zip((problem.ids[i] for i in first), summed.tolist(), strict=True))
