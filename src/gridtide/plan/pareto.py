"""The front of two objectives: what one costs in the other, and nothing that is dominated.

By weighted sums, halving the front where it is longest (Aneja and Nair [1]_). Without on/off
decisions the planner's schedules are a convex set and every objective convex in them, so the
front is convex and a weighted sum finds each of its points: the corners of a front of straight
pieces themselves, where a grid of bounds on one objective would fall between them. And each plan
brings its own proof: no schedule lies below the line that its weights draw through it. With
on/off decisions (standby loss, smallest powers) the points between the corners of the convex
hull are not found.

References
----------
.. [1] Y. P. Aneja, K. P. K. Nair: Bicriteria transportation problem, 1979,
   doi:10.1287/mnsc.25.1.73.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gridtide.core import Finding, InputError, cpu_s
from gridtide.plan.made import Plan
from gridtide.plan.measures import measure, surplus_kwh
from gridtide.plan.objectives import OBJECTIVES, weigh
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.solve import solve

LAST_WORD = 1e-4
"""Weight of the other objective at an end, in parts of the two ranges: ties are its to break."""
STRAIGHT = 1e-4
"""A piece of the front that bends by less, in parts of the ranges, is not halved again."""
EQUAL = 1e-3
"""Points nearer than this in both, in parts of the ranges, are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """One schedule on the front.

    Parameters
    ----------
    weights
        Weights of the two objectives that lead to it.
    values
        What it reaches in every objective, each in its unit.
    plan
        The schedule.
    """

    weights: Mapping[str, float]
    values: Mapping[str, float | None]
    plan: Plan

    def value(self, name: str) -> float:
        """Return what it reaches in an objective that the problem has."""
        value = self.values[name]
        assert value is not None
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Schedules of which none is better in both objectives.

    Parameters
    ----------
    of, against
        Names of the two objectives.
    points
        From the best in ``of`` to the best in ``against``; one where they do not conflict.
    supports
        What each plan made proves, shape (plans, 3): of values v with the sign that makes less
        the better, no schedule has ``a·v_of + b·v_against < c``, but for the plans' gaps.
    cpu_s
        CPU time of all of them [s].
    notes
        What a reader should know.
    """

    of: str
    against: str
    points: tuple[FrontPoint, ...]
    supports: Floats
    cpu_s: float
    notes: tuple[str, ...]


def trace_front(
    problem: Problem, of: str, against: str, *, points: int = 9, time_limit_s: float = 20.0
) -> Front:
    """Trace the front of two objectives.

    Parameters
    ----------
    problem
        The problem; weights that it has already are set aside.
    of, against
        Names of the objectives.
    points
        How many points at most, both ends among them; at least 2.
    time_limit_s
        Wall time for each plan [s].

    Raises
    ------
    InputError
        If a name is unknown, or the problem lacks what it needs.
    """
    _check(problem, of, against, points)
    tracer = _Tracer(problem.stated or problem, (of, against), time_limit_s)
    began = cpu_s()
    found = tracer.trace(points)
    return Front(
        of=of,
        against=against,
        points=tuple(found),
        supports=np.array(tracer.supports),
        cpu_s=cpu_s() - began,
        notes=tuple(tracer.notes(found)),
    )


def _check(problem: Problem, of: str, against: str, points: int) -> None:
    stated = problem.stated or problem
    if of == against or {of, against} == {"cost", "profit"}:
        what = "one objective is weighed against itself"
        raise InputError([Finding("against", what, "Name two that differ, cost and profit do not")])
    for where, name in (("of", of), ("against", against)):
        try:
            weigh(stated, {name: 1.0})
        except InputError as error:
            found = error.findings[0]
            raise InputError([Finding(where, found.what, found.mend)]) from error
    if points < 2:
        raise InputError([Finding("points", f"{points} is not allowed", "Write 2 or more")])
    if "self_consumption" in (of, against) and surplus_kwh(stated) <= 0:
        what = "the base load is never below zero at the meter: there is nothing to consume"
        raise InputError([Finding("base_load_kw", what, "Write load less generation")])


class _Tracer:
    """Makes plans and keeps the ranges of the two objectives."""

    def __init__(self, problem: Problem, names: tuple[str, str], limit_s: float) -> None:
        # The promise is not for sale along the front, unless sharing shortage is what is asked.
        self._firm = "fairness" not in names
        self._problem = replace(problem, promise="first") if self._firm else problem
        self._names, self._limit_s = names, limit_s
        self._sign = np.array([-1.0 if OBJECTIVES[n].more_is_better else 1.0 for n in names])
        surplus = surplus_kwh(problem)
        # The weight of self-consumption is on kWh, its value a share of the surplus.
        self._unit = [surplus if n == "self_consumption" else 1.0 for n in names]
        self._range = np.ones(2)
        self.supports: list[tuple[float, float, float]] = []

    def trace(self, points: int) -> list[FrontPoint]:
        """Find both ends, then halve the longest piece until there are enough points."""
        found = self._ends()
        pieces = [(found[0], found[-1])] if len(found) > 1 else []
        while pieces and len(found) < points:
            a, b = pieces.pop(int(np.argmax([self._length(*piece) for piece in pieces])))
            middle = self._halve(a, b)
            if middle is not None:
                found.append(middle)
                pieces += [(a, middle), (middle, b)]
        return sorted(found, key=lambda point: float(self._aim(point)[0]))

    def notes(self, found: list[FrontPoint]) -> list[str]:
        """Say what holds along the whole front."""
        told = ["the promise to drivers comes first in every plan"] if self._firm else []
        loss = self._problem.standby_kw
        if loss is not None and np.any(loss > 0):
            told.append("with standby loss, only the corners of the front's convex hull are found")
        worst = max(point.plan.gap for point in found)
        return [*told, f"largest gap of a plan {worst:.1g}"]

    def _ends(self) -> list[FrontPoint]:
        """Return the best in each objective, the other one breaking ties; one if they agree."""
        first, last = self._plan(1.0, 0.0), self._plan(0.0, 1.0)
        # The ranges of the first ends are too wide where ties were left open: look twice.
        for _ in range(2):
            span = np.abs(self._aim(first) - self._aim(last))
            if np.any(span <= 1e-9 * np.maximum(1.0, np.abs(self._aim(first)))):
                return [self._plan(1.0, 1.0)]
            self._range = span
            first, last = self._plan(1.0, LAST_WORD), self._plan(LAST_WORD, 1.0)
        span = np.abs(self._aim(first) - self._aim(last))
        if np.any(span <= 1e-9 * np.maximum(1.0, np.abs(self._aim(first)))):
            return [first]
        self._range = span
        return [first, last]

    def _halve(self, a: FrontPoint, b: FrontPoint) -> FrontPoint | None:
        """Plan along the normal of a piece; None where the piece is straight."""
        ends = np.stack((self._aim(a), self._aim(b))) / self._range
        normal = np.abs(ends[0] - ends[1])[::-1]
        normal = normal / normal.max()
        point = self._plan(float(normal[0]), float(normal[1]))
        at = self._aim(point) / self._range
        near = np.min(np.max(np.abs(ends - at), axis=1)) < EQUAL
        bent = float(normal @ (ends[0] - at)) > STRAIGHT
        inside = bool(np.all(at >= ends.min(axis=0)) and np.all(at <= ends.max(axis=0)))
        return point if bent and inside and not near else None

    def _plan(self, of: float, against: float) -> FrontPoint:
        """Plan with weights in parts of the ranges; the first range has weight 1."""
        scale = (1.0, float(self._range[0] / self._range[1]))
        shares = dict(zip(self._names, (of, against), strict=True))
        weights = {
            name: share * scale[k] / self._unit[k] for k, (name, share) in enumerate(shares.items())
        }
        weighed = weigh(self._problem, weights)
        plan = solve(weighed, time_limit_s=self._limit_s)
        point = FrontPoint(weights=weights, values=measure(weighed, plan), plan=plan)
        normal = np.array([of, against * scale[1]])
        self.supports.append((*normal.tolist(), float(normal @ self._aim(point))))
        return point

    def _aim(self, point: FrontPoint) -> Floats:
        """Return the two values, each so that less is better, shape (2,)."""
        aim: Floats = self._sign * np.array([point.value(name) for name in self._names])
        return aim

    def _length(self, a: FrontPoint, b: FrontPoint) -> float:
        return float(np.linalg.norm((self._aim(a) - self._aim(b)) / self._range))
