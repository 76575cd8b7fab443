"""What a plan claims to offer as reserve beside what its shares were found to give."""

from __future__ import annotations

import numpy as np

from gridtide.plan.blocks import Reserve
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.stored_offers import StoredOffer
from gridtide.plan.stored_plan import Head
from gridtide.plan.verify._blocks import hours_of
from gridtide.plan.verify._claims import RELATIVE
from gridtide.plan.verify._limits import Flows, Room
from gridtide.plan.verify._quantile import there_kw
from gridtide.plan.verify._reserve import ALLOWED, Calls
from gridtide.plan.verify._reserve_limits import (
    check_called_limits,
    check_margins,
    check_recovery,
)
from gridtide.plan.verify.verdict import Check

NOT_BROKEN_KW = 1e-6
ROUNDED = 1e-9
"""Of a sum of shares."""


def offered_kw(problem: Problem, head: Head) -> Floats:
    """Return what is claimed to be offered, 0 where nothing is, shape (blocks,)."""
    named = {offer.name: offer.offered_kw for offer in head.claims.offers}
    return np.array([named.get(block.name, 0.0) for block in problem.reserves])


def reserve_cost(problem: Problem, head: Head, calls: Calls) -> float:
    """Return what reserve adds to the cost: activation and penalties less revenue."""
    offered = offered_kw(problem, head)
    cost = float(calls.activation_cost.sum())
    for block, kw in zip(problem.reserves, offered, strict=True):
        cost += _penalty(problem, block, float(kw)) - _revenue(problem, block, float(kw))
    return cost


def most_revenue(problem: Problem) -> float:
    """Return what no offer can earn more than: all chargers in a block's weakest step."""
    both = problem.max_charge_kw + problem.max_discharge_kw
    changes = np.zeros(problem.steps + 1)
    first = np.clip(problem.arrive, 0, problem.steps)
    last = np.maximum(np.clip(problem.depart, 0, problem.steps), first)
    np.add.at(changes, first, both)
    np.add.at(changes, last, -both)
    plugged = np.cumsum(changes)[:-1]
    earned = 0.0
    for block in problem.reserves:
        able = min(
            float(plugged[block.from_step : block.to_step].min(initial=np.inf)), block.most_kw
        )
        earned += max(_revenue(problem, block, max(able, 0.0)), 0.0)
    return earned


def _revenue(problem: Problem, block: Reserve, kw: float) -> float:
    return block.price_per_kw_h * kw * hours_of(problem, block)


def _penalty(problem: Problem, block: Reserve, kw: float) -> float:
    broken = max(block.committed_kw - kw, 0.0)
    return block.penalty_per_kw_h * broken * hours_of(problem, block)


def check_reserve(
    problem: Problem, head: Head, calls: Calls, room: Room, flows: Flows
) -> list[Check]:
    """Return all that was found about reserve; nothing where there is none."""
    offers = head.claims.offers
    if not problem.reserves and not offers:
        return []
    names = [block.name for block in problem.reserves], [offer.name for offer in offers]
    if names[0] != names[1]:
        said = f"the plan offers {_told(names[1])}, the problem has the blocks {_told(names[0])}"
        return [_check("reserve offers", False, float(len(offers)), float(len(names[0])), "", said)]
    offered = offered_kw(problem, head)
    checks = [
        _check_sizes(problem.reserves, offers),
        _check_money(problem, offers, calls, head.precision),
        _check_commitments(problem, head, offered),
        *(_check_sums(block, offer, b, calls)
          for b, (block, offer) in enumerate(zip(problem.reserves, offers, strict=True))),
        calls.away.check("all who have a share may serve", "somebody has a share who may not"),
        _worse(calls),
        calls.window.check(
            "every call stays in the batteries' windows", "a battery leaves its window"
        ),
        calls.promise.check(
            "after every call each vehicle alone still gets what it was promised",
            "after a call a vehicle misses what it was promised",
        ),
        check_called_limits(problem, calls, room, flows),
    ]  # fmt: skip
    if any(block.opposite_share > 0 for block in problem.reserves):
        checks.append(check_margins(problem, offered, calls, room, flows))
    if calls.smallest.excess > calls.smallest.allowed:
        said = f"{calls.smallest.where} is called below its charger's smallest power"
        checks.append(_open("reserve smallest power", f"{said}, which is not proven to be held"))
    return [*checks, check_recovery(problem, calls, room, flows)]


def _check_sizes(blocks: tuple[Reserve, ...], offers: list[StoredOffer]) -> Check:
    """Whether every offer is within its block's sizes."""
    worst, where = 0.0, ""
    offered = {offer.name: offer.offered_kw for offer in offers}
    for block, offer in zip(blocks, offers, strict=True):
        off = _off_size(block, offer)
        if block.sold_with:
            off = max(off, abs(offer.offered_kw - offered[block.sold_with]))
        if not off <= worst:
            worst, where = off, block.name
    passed = worst <= ALLOWED
    said = "every offer is of its block's sizes, and no more than was planned and proven"
    if not passed:
        said = f"the offer of {where} is {worst:.3g} kW off what its block allows or was proven"
    return _check("reserve offers", passed, worst, ALLOWED, "kW", said)


def _off_size(block: Reserve, offer: StoredOffer) -> float:
    """How far an offer is from the sizes that it may have [kW]."""
    kw = offer.offered_kw
    if not np.isfinite(kw):
        return np.inf
    planned = np.inf if offer.planned_kw is None else offer.planned_kw
    off = max(-kw, kw - block.most_kw, kw - offer.proven_kw, kw - planned)
    if kw != 0.0:
        off = max(off, block.least_kw - kw)
        if block.step_kw > 0:
            off = max(off, abs(kw - round(kw / block.step_kw) * block.step_kw))
    return float(off)


def _check_money(
    problem: Problem, offers: list[StoredOffer], calls: Calls, precision: str
) -> Check:
    """Whether offers earn and cost what they claim."""
    worst, told = 0.0, "offers earn and cost what they claim"
    allowed = RELATIVE[precision]
    for b, (block, offer) in enumerate(zip(problem.reserves, offers, strict=True)):
        for what, claimed, found in (
            ("earns", offer.revenue, _revenue(problem, block, offer.offered_kw)),
            ("costs when called", offer.activation_cost, float(calls.activation_cost[b])),
            ("pays in penalty", offer.penalty, _penalty(problem, block, offer.offered_kw)),
        ):
            wrong = abs(claimed - found) / max(1.0, abs(found))
            if not wrong <= max(worst, allowed):
                worst = wrong
                told = f"{block.name} {what} {found:.9g}, claimed {claimed:.9g}"
    return _check("reserve money", worst <= allowed, worst, allowed, "", told)


def _check_commitments(problem: Problem, head: Head, offered: Floats) -> Check:
    """Whether exactly the commitments that are not kept are named, with what is missing."""
    named = {s.entity: s.amount for s in head.claims.slacks if s.name == "reserve_commitment"}
    missing = {
        block.name: max(block.committed_kw - kw, 0.0)
        for block, kw in zip(problem.reserves, offered, strict=True)
    }
    wrong = {
        name: abs(named.get(name, 0.0) - missing.get(name, 0.0)) for name in {*named, *missing}
    }
    worst = max(wrong, key=lambda name: wrong[name], default="")
    excess = wrong.get(worst, 0.0)
    broken = sum(kw > NOT_BROKEN_KW for kw in missing.values())
    said = f"{broken} of {len(missing)} blocks break a commitment, all named"
    passed = excess <= ALLOWED
    if not passed:
        lacks = missing.get(worst, 0.0)
        said = (
            f"{worst} is {lacks:.6g} kW short of what is committed, not {named.get(worst, 0):.6g}"
        )
    return _check("reserve commitments", passed, excess, ALLOWED, "kW", said)


def _check_sums(block: Reserve, offer: StoredOffer, b: int, calls: Calls) -> Check:
    """Whether shares add up to the offer in every step of the block, at its confidence."""
    steps = range(block.from_step, block.to_step)
    sums = {k: float(calls.sum_kw[b, k]) for k in steps}
    sure = ""
    if b in calls.chances:
        parts = [np.concatenate(part) for part in zip(*calls.chances[b], strict=True)]
        stay, step, kw, chance = parts
        there = there_kw(stay, step, kw, chance, block.confidence)
        sums = {k: there.get(k, 0.0) for k in steps}
        sure = f" at confidence {block.confidence:g}"
    weakest = min(sums, key=lambda k: sums[k])
    excess = max(offer.offered_kw - sums[weakest], 0.0)
    allowed = ALLOWED + ROUNDED * offer.offered_kw
    passed: bool | None = excess <= allowed
    said = f"{block.name}: shares add up to {sums[weakest]:.6g} kW{sure} in step {weakest}"
    said += f", offered are {offer.offered_kw:.6g}"
    if not passed and b in calls.chances and offer.method == "scenarios":
        passed, said = None, f"{said} by scenarios, which is not proven here"
    return _check("reserve shares", passed, excess, allowed, "kW", said)


def _worse(calls: Calls) -> Check:
    """Return what was found of chargers and the taper, the worse of both."""
    if calls.taper.excess > calls.power.excess:
        return calls.taper.check("", "a call is more than a full battery takes")
    return calls.power.check("every call is within the chargers", "a call is beyond a charger")


def _told(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _open(name: str, said: str) -> Check:
    return _check(name, None, 0.0, 0.0, "", said)


def _check(
    name: str, passed: bool | None, figure: float, allowed: float, unit: str, said: str
) -> Check:
    told = None if passed is None else bool(passed)
    return Check(name=name, passed=told, figure=figure, allowed=allowed, unit=unit, said=said)
