"""The verification of a stored plan, part by part and in one pass over its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gridtide.plan.problem import Problem
from gridtide.plan.stored_plan import Prices, StoredPlan
from gridtide.plan.verify._bound import limits_bound, no_prices, seen_below
from gridtide.plan.verify._checks import StayChecks
from gridtide.plan.verify._claims import (
    check_bound,
    check_cost,
    check_floors,
    check_gap,
    check_limits,
    check_model,
    check_origin,
    check_rows,
    check_slacks,
    check_status,
    check_understood,
    check_violation,
)
from gridtide.plan.verify._limits import Flows, left_beyond, room, site_cost
from gridtide.plan.verify._offers import check_reserve, most_revenue, reserve_cost
from gridtide.plan.verify._reserve import Calls
from gridtide.plan.verify._rows import Rows, RowsError
from gridtide.plan.verify._shares import ShareRows
from gridtide.plan.verify._stay_bound import stays_bound
from gridtide.plan.verify._stay_costs import stay_cost
from gridtide.plan.verify._stays import follow, in_parts, lengths
from gridtide.plan.verify._stored import (
    Together,
    bounded,
    check_stored,
    stored_bound,
    stored_rate,
)
from gridtide.plan.verify.verdict import Check, Verdict


# Prices beyond all measure prove nothing, and need no further word than that.
@np.errstate(over="ignore", invalid="ignore")
def verify_plan(plan: StoredPlan, problem: Problem) -> Verdict:
    """Check a stored plan against its problem.

    Parameters
    ----------
    plan
        As read from its file.
    problem
        What it claims to be a plan of.

    Returns
    -------
    Verdict
        With every check that could be made. Where the plan is of another problem, or its rows or
        prices are not those of the problem, nothing further is looked at.

    Raises
    ------
    InputError
        If the rows of the file turn out to be damaged.
    """
    checks = [check_origin(plan, problem), check_understood(problem)]
    if not all(check.passed for check in checks):
        return Verdict(checks=tuple(checks))
    prices, wrong = _prices(plan, problem)
    if wrong:
        return Verdict(checks=(*checks, _broken("prices", wrong)))
    try:
        found = _walk(plan, problem, prices)
    except RowsError as error:
        expected = int(lengths(problem).sum())
        return Verdict(checks=(*checks, check_rows(str(error), error.row, expected)))
    rows = int(lengths(problem).sum())
    checks += [check_rows("", rows, rows), check_model(plan)]
    return _verdict(plan, problem, checks, found, prices)


@dataclass(slots=True, kw_only=True)
class _Found:
    """What the walk over all rows gathers."""

    flows: Flows
    together: Together
    stays: StayChecks
    calls: Calls
    cost: float = 0.0
    bound: float = 0.0
    en_route_kwh: float = 0.0


def _walk(plan: StoredPlan, problem: Problem, prices: Prices) -> _Found:
    claims = plan.head.claims
    claimed = np.zeros(len(problem))
    for stay, short in claims.shortfall:
        if not 0 <= stay < len(problem):
            raise RowsError(f"the shortfall of stay {stay} is claimed, which there is not", 0)
        claimed[stay] = short
    precision = plan.head.precision
    found = _Found(
        flows=Flows.none(problem),
        together=Together.none(problem),
        stays=StayChecks(precision, claimed),
        calls=Calls(problem, precision),
    )
    wear = problem.wear_price_per_kwh
    if plan.linear_wear_per_kwh is not None:
        wear = plan.linear_wear_per_kwh
    priced = _priced_wear(plan, problem)
    seen, rows, shares = seen_below(priced, prices), Rows(plan), ShareRows(plan, problem)
    short_price, most_short = _short_price(plan, problem), np.inf
    if problem.promise == "first":
        # The largest shortfall comes before the cost: plans with a larger one are none to compare.
        most_short = float(claimed.max(initial=0.0))
    for stays in in_parts(priced, chord=claims.standby_chord):
        power, value = rows.take(stays)
        energies, own_wear = follow(stays, power), stays.own(wear)
        found.stays.look(stays, power, energies)
        found.flows.add(stays, power)
        if bounded(problem):
            found.together.add(stays, energies)
        if problem.reserves:
            found.calls.look(stays, power, energies, shares.take(stays), own_wear)
        found.en_route_kwh += float(energies.on_the_way.sum())
        found.cost += stay_cost(stays, power, energies, own_wear)
        found.bound += stays_bound(stays, seen, prices, value, own_wear, short_price, most_short)
    rows.end()
    shares.end()
    found.flows.up_the_tree(problem.limit_parent)
    found.together.up_the_tree(problem.limit_parent)
    found.calls.up_the_tree()
    return found


def _priced_wear(plan: StoredPlan, problem: Problem) -> Problem:
    """Leave wear by depth out where a linear price stands for it."""
    if plan.linear_wear_per_kwh is None:
        return problem
    return replace(problem, wear_depth_price_per_kwh=None, wear_segment_kwh=None)


def _short_price(plan: StoredPlan, problem: Problem) -> float:
    """Price of missing energy in the proof: more than its own only where it comes first."""
    own, given = problem.shortfall_price_per_kwh, plan.head.shortfall_price_per_kwh
    return own if given is None or problem.promise != "first" else max(own, given)


def _verdict(
    plan: StoredPlan, problem: Problem, checks: list[Check], found: _Found, prices: Prices
) -> Verdict:
    head, left = plan.head, room(problem)
    cost = found.cost + site_cost(problem, left, found.flows.net_kw)
    cost += reserve_cost(problem, head, found.calls)
    relief = head.relief_price_per_kwh if problem.promise == "first" else 0.0
    bound = found.bound + limits_bound(problem, prices, left, found.flows, relief)
    if bounded(problem):
        held = found.together.held_kwh
        cost += float(np.sum(problem.step_h * stored_rate(problem, held)))
        price = np.zeros_like(held) if prices.stored_price is None else prices.stored_price
        bound += stored_bound(problem, price, found.together)
    # Prices know nothing of reserve: at most all of it is sold, for nothing.
    bound -= most_revenue(problem)
    # A dearer shortage than the problem's holds for plans that miss no more than this one.
    dearer = _short_price(plan, problem) - problem.shortfall_price_per_kwh
    if dearer > 0:
        bound -= dearer * (sum(found.stays.missing_kwh.values()) + found.en_route_kwh)
    if relief > 0:  # likewise for plans that leave no more base load beyond limits
        beyond = left_beyond(problem, left, found.flows.net_kw)
        bound -= relief * float(np.sum(problem.step_h * beyond))
    stays, limits = found.stays.checks(), check_limits(problem, left, found.flows)
    gap = (cost - head.claims.lower_bound) / max(1.0, abs(cost))
    checks += [
        *stays,
        *limits,
        check_violation(head, [stays[0], *limits]),
        check_slacks(head, problem, found.stays.missing_kwh),
        check_floors(head, problem, found.stays.below_kwh),
        *([check_stored(head, problem, found.together)] if bounded(problem) else []),
        *check_reserve(problem, head, found.calls, left, found.flows),
        check_cost(head, cost),
        check_bound(head, bound, problem),
        check_gap(head),
        check_status(head, gap),
    ]
    return Verdict(
        checks=tuple(checks),
        cost=cost,
        lower_bound=bound,
        uncontrolled_cost=head.claims.uncontrolled_cost,
    )


def _prices(plan: StoredPlan, problem: Problem) -> tuple[Prices, str]:
    """Return the certificate's prices, 0 where there are none, and what is wrong with them."""
    prices = plan.prices or no_prices(problem)
    n, flat = len(problem), (len(problem.limit_names), problem.steps)
    shapes = {"limit_price": flat, "peak_price": flat, "arrival_value": (n,)}
    shapes["stored_price"] = flat
    shapes["phase_price"] = (flat[0], 3, flat[1])
    arrays = {name: getattr(prices, name) for name in shapes}
    shapes["linear_wear_per_kwh"], arrays["linear_wear_per_kwh"] = (n,), plan.linear_wear_per_kwh
    for name, shape in shapes.items():
        array = arrays[name]
        if array is None:
            continue
        if array.size != np.prod(shape) or not np.all(np.isfinite(array)):
            return prices, f"{name} is not {shape} finite numbers"
        arrays[name] = array.reshape(shape)
    del arrays["linear_wear_per_kwh"]
    if prices.phase_price is not None and problem.phase_kw is None:
        arrays["phase_price"] = None
    if not bounded(problem):
        arrays["stored_price"] = None
    return Prices(**arrays), ""


def _broken(name: str, said: str) -> Check:
    return Check(name=name, passed=False, figure=float("nan"), allowed=0.0, unit="", said=said)
