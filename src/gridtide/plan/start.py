"""Where coordination by price begins: an earlier plan's powers and prices, moved to now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gridtide.plan.problem import Floats, Ints, Problem

if TYPE_CHECKING:
    from gridtide.plan.made import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Powers and prices to begin with.

    Parameters
    ----------
    power_kw
        At the plugged steps, stay by stay, shape (N,); what a battery cannot follow is cut.
    limit_price, peak_price
        As in a certificate [currency/kWh], shape (m, T); NaN where nothing is known.
    phase_price
        As in a certificate, shape (m, 3, T); None without phase limits.
    stored_price
        As in a certificate, shape (m, T); None where no limit bounds what is held together.
    """

    power_kw: Floats
    limit_price: Floats
    peak_price: Floats
    phase_price: Floats | None = None
    stored_price: Floats | None = None


def warm_start(plan: Plan, before: Problem, after: Problem, steps: Ints) -> Start | None:
    """Carry a plan over to a later problem of the same limits.

    Parameters
    ----------
    plan
        The earlier plan.
    before, after
        Its problem, and the one to be planned now; stays are matched by their ids.
    steps
        Step of ``before`` that each step of ``after`` falls into, -1 for none, shape (T,).

    Returns
    -------
    Start or None
        None where the plan has no certificate or the limits are others.
    """
    proof = plan.certificate
    if proof is None or before.limit_names != after.limit_names:
        return None
    known, at = steps >= 0, np.maximum(steps, 0)

    def moved(price: Floats) -> Floats:
        shifted: Floats = np.where(known, price[..., at], np.nan)
        return shifted

    return Start(
        power_kw=_moved_power(plan, before, after, steps),
        limit_price=moved(proof.limit_price),
        peak_price=moved(proof.peak_price),
        phase_price=None if proof.phase_price is None else moved(proof.phase_price),
        stored_price=None if proof.stored_price is None else moved(proof.stored_price),
    )


def hold_to(
    problem: Problem, plan: Plan, before: Problem, steps: Ints, price_per_kwh: float
) -> Problem:
    """Return a problem in which differing from an earlier plan costs something.

    A plan of it changes no more energy than (cost of the earlier plan now - cost of the best plan)
    / price, where the earlier one can still be followed.

    Parameters
    ----------
    problem
        What is to be planned now.
    plan, before, steps
        As in :func:`warm_start`.
    price_per_kwh
        What each kWh that is moved costs [currency/kWh].
    """
    row, step = _pairs(problem)
    planned = np.full((len(problem), problem.steps), np.nan)
    shared = _places(before, problem, row, steps[step]) >= 0
    power = _moved_power(plan, before, problem, steps)
    planned[row[shared], step[shared]] = power[shared]
    return replace(problem, planned_kw=planned, change_price_per_kwh=price_per_kwh)


def churn_kwh(plan: Plan, before: Problem, after: Problem, steps: Ints, power_kw: Floats) -> float:
    """Energy by which a later plan differs from an earlier one, in the steps of both [kWh].

    Parameters
    ----------
    plan, before, after, steps
        As in :func:`warm_start`.
    power_kw
        Of the later plan at its plugged steps, shape (N,).
    """
    row, step = _pairs(after)
    earlier = _moved_power(plan, before, after, steps)
    shared = _places(before, after, row, steps[step]) >= 0
    change = np.abs(power_kw - earlier) * after.step_h[step]
    return float(change[shared].sum())


def _moved_power(plan: Plan, before: Problem, after: Problem, steps: Ints) -> Floats:
    row, step = _pairs(after)
    place = _places(before, after, row, steps[step])
    power = np.zeros(len(place))
    power[place >= 0] = plan.plugged_kw[place[place >= 0]]
    return power


def _places(before: Problem, after: Problem, row: Ints, old_step: Ints) -> Ints:
    """Place of each later pair among the earlier ones, -1 for none, shape (N,)."""
    number = {name: i for i, name in enumerate(_numbered(before))}
    old_of = np.array([number.get(name, -1) for name in _numbered(after)], dtype=np.int64)
    if len(before) == 0:
        return np.full(len(row), -1)
    arrive, length = _stays(before)
    begin = np.cumsum(length) - length
    old = old_of[row]
    offset = old_step - arrive[old]
    there = (old >= 0) & (old_step >= 0) & (offset >= 0) & (offset < length[old])
    places: Ints = np.where(there, begin[old] + offset, -1)
    return places


def _numbered(problem: Problem) -> list[tuple[str, int]]:
    """Name each stay by its vehicle and how many stays of it come later: those go first away."""
    later: dict[str, int] = {}
    names = []
    for name in reversed(problem.ids):
        names.append((name, later.get(name, 0)))
        later[name] = later.get(name, 0) + 1
    return names[::-1]


def _stays(problem: Problem) -> tuple[Ints, Ints]:
    arrive = np.maximum(problem.arrive, 0)
    length = np.maximum(np.minimum(problem.depart, problem.steps) - arrive, 0)
    return arrive, np.where(problem.arrive < problem.depart, length, 0)


def _pairs(problem: Problem) -> tuple[Ints, Ints]:
    """Stay and step of each plugged pair, stay by stay, both shape (N,)."""
    arrive, length = _stays(problem)
    row = np.repeat(np.arange(len(problem)), length)
    begin = np.cumsum(length) - length
    return row, np.arange(len(row)) - begin[row] + arrive[row]
