"""Where a vehicle ends short under a common limit, plan its group exactly, by HiGHS.

Keeping limits vehicle by vehicle can leave one short that others could have given way to. A
group is small enough for the reference optimiser: its vehicles are planned anew, with all others
as they are. What is missing then, the group's limits force. Groups that miss least come first,
for there it is most likely that nothing need be missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gridtide.plan.price._kernel_fleet import most_energy
from gridtide.plan.price.bound import excess_kw
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.groups import Group
from gridtide.plan.price.schedule import end_energies
from gridtide.plan.problem import BY_LIMIT, Floats, Ints, Problem, take_stays

AVOIDABLE_KWH = 1e-6
KEPT_KW = 9e-7
AT_MOST = 40
"""Groups that are planned anew at most."""

Plan = Callable[[Problem], Floats]
"""Plans a problem exactly: powers of its plugged steps, shape (N,)."""


def mend_shortfalls(
    problem: Problem, fleet: Fleet, power: Floats, plan: Plan, until_s: float
) -> tuple[int, int]:
    """Plan the groups anew in which a vehicle is short of more than its own stay forces.

    Parameters
    ----------
    problem, fleet
        What is planned.
    power
        At the plugged steps, changed in place, shape (N,).
    plan
        The exact optimiser.
    until_s
        Monotonic time at which to stop [s].

    Returns
    -------
    tuple
        Groups planned anew, and groups that were left.
    """
    missing = _avoidable(fleet, power)
    short = missing > (AVOIDABLE_KWH if power.dtype == np.float64 else 1e-4)
    of_group = [_rows(fleet, g) if short.any() else np.zeros(0, dtype=int) for g in fleet.groups]
    bad = [g for g, rows in zip(fleet.groups, of_group, strict=True) if short[rows].any()]
    bad.sort(key=lambda group: float(missing[_rows(fleet, group)].sum()))
    done = 0
    for group in bad[:AT_MOST]:
        if time.monotonic() >= until_s:
            break
        rows = _rows(fleet, group)
        at = _places(fleet, rows)
        before, missing = power[at].copy(), _avoidable(fleet, power)[rows].sum()
        power[at] = 0.0
        power[at] = plan(_part(problem, rows, fleet.net_of(power), fleet))
        worse = _avoidable(fleet, power)[rows].sum() > missing
        if worse or excess_kw(fleet.book, fleet.net_of(power)).max(initial=0.0) > KEPT_KW:
            power[at] = before
        done += 1
    return done, len(bad) - done


def _avoidable(fleet: Fleet, power: Floats) -> Floats:
    """Energy missing that full power from arrival on would give, by stay [kWh], shape (n,)."""
    stays, count = fleet.stays, len(fleet.stays.each)
    end, en_route = np.zeros(count), np.zeros(count)
    end_energies(stays, power, end, en_route)
    due = stays.each["due_kwh"]
    missing = np.maximum(due - end, 0.0)
    if not (missing > AVOIDABLE_KWH).any():
        return missing
    reach = np.zeros(count)
    most_energy(stays, reach)
    avoidable: Floats = np.where(missing > 0, np.minimum(missing, np.maximum(reach - end, 0.0)), 0)
    return avoidable


def _rows(fleet: Fleet, group: Group) -> Ints:
    """Stays of a group's vehicles."""
    start, stop = fleet.stays.vehicle[group.vehicles], fleet.stays.vehicle[group.vehicles + 1]
    return np.concatenate([np.arange(a, b) for a, b in zip(start, stop, strict=True)])


def _places(fleet: Fleet, rows: Ints) -> Ints:
    """Places of these stays' plugged steps."""
    each = fleet.stays.each[rows]
    return np.concatenate(
        [np.arange(a, a + n) for a, n in zip(each["start"], each["steps"], strict=True)]
    )


def _part(problem: Problem, rows: Ints, others: Floats, fleet: Fleet) -> Problem:
    """Take some stays alone, all others as part of the base load."""
    above = _limits_above(problem, problem.limit[rows])
    place = np.full(len(problem.limit_names) + 1, -1)
    place[above] = np.arange(len(above))
    parent = place[problem.limit_parent[above]]
    total = fleet.book.base_kw[above] + others[above]
    own = total.copy()
    for child, at in enumerate(parent):
        if at >= 0:
            own[at] -= total[child]
    told: dict[str, Any] = {}
    for name in BY_LIMIT:
        value = getattr(problem, name)
        if value is not None:
            told[name] = value[above]
    meters = place[problem.meters] if len(problem.meters) else problem.meters
    if len(problem.meters):
        known = meters >= 0
        told["price_import_per_kwh"] = problem.price_import_per_kwh[known]
        told["price_export_per_kwh"] = problem.price_export_per_kwh[known]
        meters = meters[known]
    told |= {
        "limit": place[problem.limit[rows]],
        "limit_names": tuple(problem.limit_names[j] for j in above),
        "limit_parent": parent,
        "base_load_kw": own,
        "meters": meters,
        "promise": "priced",
        "reserves": (),
        "shortfall_price_per_kwh": float(fleet.stays.short_price[0]),
    }
    return replace(take_stays(problem, rows), **told)


def _limits_above(problem: Problem, limits: Ints) -> Ints:
    """Limits on the way from some limits up, parents first."""
    seen: set[int] = set()
    for j in np.unique(limits):
        at = int(j)
        while at >= 0 and at not in seen:
            seen.add(at)
            at = int(problem.limit_parent[at])
    return np.array(sorted(seen), dtype=np.int64)
