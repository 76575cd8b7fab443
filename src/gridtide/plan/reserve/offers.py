"""What a found schedule offers, and its objective once that is proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gridtide.plan._accounts import Schedule, judge
from gridtide.plan._layout import Layout
from gridtide.plan.blocks import Offer
from gridtide.plan.reserve.proof import prove_and_cap
from gridtide.plan.slacks import Slack

ROUNDS = 3
"""Plans more, at most, where the proof has cut."""
CUT = 1e-3
"""A smaller part cut is not planned again for."""


def replan(
    layout: Layout, found: Schedule, find: Callable[[Layout], Schedule | None]
) -> tuple[Schedule, tuple[Offer, ...]]:
    """Prove what was planned; where the proof cuts, plan again for what it left, and keep the best.

    A plan that holds back energy for capacity it cannot sell is dear; planned again with at most
    what was proven, it is not.

    Parameters
    ----------
    layout
        The laid-out problem.
    found
        As the optimiser found it.
    find
        The optimiser; None where its time is over.
    """
    best = offer_reserves(layout, found)
    offers = best[1]
    for _ in range(ROUNDS if layout.problem.reserves else 0):
        if all(o.proven_kw >= o.planned_kw * (1 - CUT) - 1e-6 for o in offers):
            break
        blocks = tuple(replace(o.reserve, most_kw=o.proven_kw, step_kw=0.0) for o in offers)
        capped = replace(layout, problem=replace(layout.problem, reserves=blocks))
        again = find(capped)
        if again is None:
            break
        proven, offers = offer_reserves(layout, again)
        if proven.objective < best[0].objective:
            best = proven, offers
    return best


def offer_reserves(layout: Layout, schedule: Schedule) -> tuple[Schedule, tuple[Offer, ...]]:
    """Prove what was planned, and price the schedule by what is proven.

    Parameters
    ----------
    layout
        The laid-out problem.
    schedule
        As the optimiser found it.

    Returns
    -------
    Schedule
        With the objective of what is offered: revenue, expected cost of activation, penalties.
    tuple of Offer
        Block by block.
    """
    blocks = layout.problem.reserves
    if not blocks:
        return schedule, ()
    planned = schedule.reserve_kw if schedule.reserve_kw is not None else np.zeros(len(blocks))
    offers, _ = prove_and_cap(
        layout,
        schedule.power_kw,
        schedule.energy_kwh,
        planned,
        shares_kw=schedule.reserve_share_kw,
        recovery_kw=schedule.reserve_recovery_kw,
    )
    alone = judge(layout, schedule.power_kw).objective
    return replace(schedule, objective=alone + sum(offer.cost for offer in offers)), offers


def name_broken(offers: tuple[Offer, ...]) -> tuple[Slack, ...]:
    """List committed capacity that cannot be kept."""
    return tuple(
        Slack(
            name="reserve_commitment",
            entity=offer.reserve.name,
            from_step=offer.reserve.from_step,
            to_step=offer.reserve.to_step,
            amount=offer.broken_kw,
            unit="kW",
            binding=offer.cut or "nothing more was planned: the penalty is cheaper",
            suggestion="Buy it back, or add vehicles to the block",
        )
        for offer in offers
        if offer.broken_kw > 1e-6
    )
