"""Where a vehicle ends short under a common limit, plan its group exactly, by HiGHS.

Keeping limits vehicle by vehicle can leave one short that others could have given way to. A
group is small enough for the reference optimiser: those who are short and some who are there at
the same time are planned anew, with all others as they are; where that does not help, the whole
group is. What is missing then, the group's limits force. Groups that miss least come first, for
there it is most likely that nothing need be missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gridtide.plan.linear._ahead import Ahead, Relief
from gridtide.plan.linear._beyond import Beyond
from gridtide.plan.price._kernel_sweep import add_net
from gridtide.plan.price.bound import excess_kw
from gridtide.plan.price.fleet import Fleet
from gridtide.plan.price.groups import Group
from gridtide.plan.price.missing import AVOIDABLE_KWH, avoidable_kwh, stays_of
from gridtide.plan.problem import BY_LIMIT, Bools, Floats, Ints, Problem, take_stays

KEPT_KW = 9e-7
SINGLE = 2.0**-24
"""Share of a power that rounding to single precision takes off or adds, at most."""
BESIDE = 40
"""Vehicles of a group that are asked to give way first: few are planned much faster than all."""
AT_MOST = 20
"""Groups that are planned anew as a whole at most."""

Plan = Callable[[Problem, Ahead], Floats]
"""Plans a problem exactly: powers of its plugged steps, shape (N,)."""


def mend_shortfalls(
    problem: Problem,
    fleet: Fleet,
    power: Floats,
    plan: Plan,
    forced: Bools,
    until_s: float,
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
    forced
        Stays whose shortfall is known to be forced, shape (n,).
    until_s
        Monotonic time at which to stop [s].

    Returns
    -------
    tuple
        Groups planned anew, and groups that were left.
    """
    bad, enough = _short_groups(fleet, power, forced), _enough_kwh(power)
    net, done, whole = fleet.net_of(power), 0, 0
    for group in bad:
        if time.monotonic() >= until_s:
            break
        few = _few(fleet, group, avoidable_kwh(fleet, power, group) > enough)
        _plan_anew(problem, fleet, few, power, net, plan)
        left = avoidable_kwh(fleet, power, group).max() > enough
        if left and whole < AT_MOST and len(few.vehicles) < len(group.vehicles):
            _plan_anew(problem, fleet, group, power, net, plan)
            whole += 1
        done += 1
    return done, len(bad) - done


def _enough_kwh(power: Floats) -> float:
    """More than this is missing; in single precision rounding alone leaves so much."""
    return AVOIDABLE_KWH if power.dtype == np.float64 else 1e-4


def _few(fleet: Fleet, group: Group, short: Bools) -> Group:
    """Take those of a group who are short, and those who are there for longest at that time."""
    stays, rows = fleet.stays, stays_of(fleet, group)
    counts = stays.vehicle[group.vehicles + 1] - stays.vehicle[group.vehicles]
    owner = np.repeat(np.arange(len(group.vehicles)), counts)
    begin, length = stays.each["arrive"][rows], stays.each["steps"][rows]
    since, until = begin[short].min(), (begin + length)[short].max()
    beside = np.zeros(len(group.vehicles))
    np.add.at(beside, owner, np.minimum(begin + length, until) - np.maximum(begin, since))
    beside[owner[short]] = np.inf
    first = np.argsort(-beside, kind="stable")[: int(np.isinf(beside).sum()) + BESIDE]
    return Group(group.vehicles[np.sort(first)], group.rows)


def _plan_anew(
    problem: Problem, fleet: Fleet, group: Group, power: Floats, net: Floats, plan: Plan
) -> None:
    """Plan some vehicles exactly, all others as they are, in place of ``power`` and ``net``."""
    rows = stays_of(fleet, group)
    at = places_of(fleet, rows)
    before, missing = power[at].copy(), avoidable_kwh(fleet, power, group).sum()
    add_net(fleet.stays, group.vehicles, fleet.rows, power, net, -1.0)
    part = part_of(problem, rows, net, fleet)
    power[at] = plan(part, ahead_of(fleet, limits_above(problem, problem.limit[rows])))
    add_net(fleet.stays, group.vehicles, fleet.rows, power, net, 1.0)
    worse = avoidable_kwh(fleet, power, group).sum() > missing
    if worse or excess_kw(fleet.book, net).max(initial=0.0) > KEPT_KW:
        add_net(fleet.stays, group.vehicles, fleet.rows, power, net, -1.0)
        power[at] = before
        add_net(fleet.stays, group.vehicles, fleet.rows, power, net, 1.0)


def _short_groups(fleet: Fleet, power: Floats, forced: Bools) -> list[Group]:
    """List groups with a vehicle that need not be short, those first that miss least."""
    missing = avoidable_kwh(fleet, power)
    short = (missing > _enough_kwh(power)) & ~forced
    groups = fleet.all_groups if short.any() else []
    bad = [group for group in groups if short[stays_of(fleet, group)].any()]
    bad.sort(key=lambda group: float(missing[stays_of(fleet, group)].sum()))
    return bad


def ahead_of(fleet: Fleet, limits: Ints) -> Ahead:
    """Prices of what comes before the cost, for a linear problem of some limits."""
    stays, book = fleet.stays, fleet.book
    beyond = Beyond(stays.beyond_kwh, stays.beyond_price) if len(stays.beyond_kwh) else None
    over, under, base = book.over_kw[limits], book.under_kw[limits], book.base_kw[limits]
    if book.relief_price == 0 or not (over.any() or under.any()):
        return Ahead(beyond)
    room_in = np.where(over > 0, base - over, np.inf)
    room_out = np.where(under > 0, -base - under, np.inf)
    return Ahead(beyond, Relief(room_in, room_out, book.relief_price))


def places_of(fleet: Fleet, rows: Ints) -> Ints:
    """Places of these stays' plugged steps."""
    each = fleet.stays.each[rows]
    return np.concatenate(
        [np.arange(a, a + n) for a, n in zip(each["start"], each["steps"], strict=True)]
    )


def part_of(problem: Problem, rows: Ints, others: Floats, fleet: Fleet) -> Problem:
    """Take some stays alone, all others as part of the base load."""
    above = limits_above(problem, problem.limit[rows])
    place = np.full(len(problem.limit_names) + 1, -1)
    place[above] = np.arange(len(above))
    parent = place[problem.limit_parent[above]]
    total = fleet.book.base_kw[above] + others[above]
    own = total.copy()
    for child, at in enumerate(parent):
        if at >= 0:
            own[at] -= total[child]
    # What rounding every power to single precision can add up to.
    spare = 0.0
    if fleet.mean.dtype == np.float32:
        spare = SINGLE * float(fleet.stays.each["charge_kw"][rows].sum())
    told: dict[str, Any] = {}
    for name in BY_LIMIT:
        value = getattr(problem, name)
        if value is not None:
            told[name] = value[above]
    book = fleet.book
    held, limits = np.zeros((len(above), problem.steps)), place[book.limit[book.stored]]
    held[limits[limits >= 0]] = others[book.stored[limits >= 0]]
    for name in ("stored_least_kwh", "stored_most_kwh"):
        if name in told:
            told[name] = told[name] - held
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
        # Where base load alone is beyond a limit, what others give leaves room below it.
        "import_kw": np.maximum(problem.import_kw[above] - spare, fleet.book.base_kw[above]),
        "export_kw": np.maximum(problem.export_kw[above] - spare, -fleet.book.base_kw[above]),
        "meters": meters,
        "promise": "priced",
        "reserves": (),
        "shortfall_price_per_kwh": float(fleet.stays.short_price[0]),
    }
    if problem.shortfall_band_price_per_kwh is not None:
        told["shortfall_band_price_per_kwh"] = fleet.stays.short_price
    return replace(take_stays(problem, rows), **told)


def limits_above(problem: Problem, limits: Ints) -> Ints:
    """Limits on the way from some limits up, parents first."""
    seen: set[int] = set()
    for j in np.unique(limits):
        at = int(j)
        while at >= 0 and at not in seen:
            seen.add(at)
            at = int(problem.limit_parent[at])
    return np.array(sorted(seen), dtype=np.int64)
