"""From planned capacity to an offer that is proven: shared out, called, and cut where it breaks.

Block after block, what is committed first, then the best paid:

1. every vehicle's share of a call from each step: at most the smaller of what its power and its
   energy leave free, at least wear first, below every limit (:mod:`.sharing`);
2. where the block asks for a confidence below 1, the capacity that is there with it;
3. from the start of every step of the block a call of all blocks of the direction, followed to
   the end of the recovery (:mod:`.worst_call`); what breaks is cut by bisection;
4. the block's own limits and steps, rounded down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridtide.plan._calls import availability, call_cost_per_kwh, energy_per_kwh, hours_counted
from gridtide.plan._layout import Layout, lay_out
from gridtide.plan.blocks import Offer, Reserve
from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.reserve.confidence import block_quantile_kw
from gridtide.plan.reserve.headroom import Headroom
from gridtide.plan.reserve.pairs import as_asked, even_out
from gridtide.plan.reserve.sharing import classes, share_out, tree_sums
from gridtide.plan.reserve.worst_call import (
    BY_POWER,
    Broken,
    Call,
    Schedule,
    as_scheduled,
    simulate,
)

SAME = 1e-6
HALVINGS = 20
"""Bisections of a share of the capacity: down to a millionth of it."""
TRIALS = 3
"""Rounds of changing shares and calling what is left before a block is given up."""
REPAIRS = 20
"""Rounds of taking off what breaks and sharing it out anew, and then of taking off alone."""
EVEN_ROUNDS = 4
"""Proofs at most until blocks that are sold together offer the same; then they offer nothing."""
FIRM = 1.0 + 1e-6
"""So much more than broke is taken off."""


@dataclass(slots=True)
class _Proof:
    schedule: Schedule
    rank: Ints
    late: Ints
    hint: Floats
    seed: int | None
    headroom: dict[float, Headroom]
    accepted: list[Offer]
    caps_kw: Floats


def prove(
    problem: Problem,
    power_kw: Floats,
    energy_kwh: Floats,
    planned_kw: Floats | None = None,
    *,
    shares_kw: Sequence[Floats] | None = None,
    recovery_kw: Floats | None = None,
    reserves: tuple[Reserve, ...] | None = None,
    stream: np.random.Generator | None = None,
) -> tuple[Offer, ...]:
    """Prove what a plan can offer in each block.

    Parameters
    ----------
    problem
        The problem; its ``availability`` counts for confidences below 1.
    power_kw, energy_kwh
        Of the plan, shape (n, T) and (n, T + 1).
    planned_kw
        Wanted in each block, shape (blocks,); None for as much as the plan leaves free.
    shares_kw
        How the optimiser shared the blocks out, shape (n, B) by block: tried first; None for
        least wear and least to refill first.
    recovery_kw
        How the optimiser meant to recover from calls upwards, shape (n, T): tried first.
    reserves
        The blocks; None for the problem's own.
    stream
        Random stream for scenarios of availability; None for a bound that needs none.

    Returns
    -------
    tuple of Offer
        One for each block, in their order.
    """
    return prove_and_cap(
        lay_out(problem),
        power_kw,
        energy_kwh,
        planned_kw,
        shares_kw=shares_kw,
        recovery_kw=recovery_kw,
        reserves=reserves,
        stream=stream,
    )[0]


def prove_and_cap(
    layout: Layout,
    power_kw: Floats,
    energy_kwh: Floats,
    planned_kw: Floats | None = None,
    *,
    shares_kw: Sequence[Floats] | None = None,
    recovery_kw: Floats | None = None,
    reserves: tuple[Reserve, ...] | None = None,
    stream: np.random.Generator | None = None,
) -> tuple[tuple[Offer, ...], tuple[Floats, ...]]:
    """As :func:`prove`, for a problem laid out; also what of each share calls have left, (n, B).

    That is ``inf`` where nothing broke: a plan that keeps to it can be proven better. Blocks that
    are sold together are proven again with what the weaker one can, until both offer the same.
    """
    blocks = layout.problem.reserves if reserves is None else reserves
    wanted = np.full(len(blocks), np.inf) if planned_kw is None else planned_kw
    schedule = as_scheduled(layout, power_kw, energy_kwh, recovery_kw)
    asked, evened = blocks, False
    for left in reversed(range(EVEN_ROUNDS)):
        offers, caps = _prove_all(_begin(schedule, stream), asked, wanted, shares_kw)
        less = even_out(asked, offers, last=left == 0)
        if less is None:
            break
        asked, evened = less, True
    return (as_asked(blocks, offers) if evened else offers), caps


def _prove_all(
    proof: _Proof, blocks: tuple[Reserve, ...], wanted: Floats, shares_kw: Sequence[Floats] | None
) -> tuple[tuple[Offer, ...], tuple[Floats, ...]]:
    """Prove block after block; return the offers and what calls have left of each share."""
    vehicles = len(proof.late)
    order = sorted(range(len(blocks)), key=lambda b: _worth(blocks[b]))
    found, caps = {}, {}
    for b in order:
        none = np.zeros((vehicles, blocks[b].to_step - blocks[b].from_step))
        proof.hint = none if shares_kw is None else shares_kw[b]
        found[b] = _prove_block(proof, blocks[b], float(wanted[b]))
        caps[b] = proof.caps_kw
    every = range(len(blocks))
    return tuple(found[b] for b in every), tuple(caps[b] for b in every)


def _begin(schedule: Schedule, stream: np.random.Generator | None = None) -> _Proof:
    layout = schedule.layout
    return _Proof(
        schedule=schedule,
        rank=_merit(layout),
        late=classes(-layout.problem.depart.astype(float)),
        hint=np.zeros((len(layout.problem), 0)),
        seed=None if stream is None else int(stream.integers(2**32)),
        headroom={sign: Headroom(schedule, sign) for sign in (-1.0, 1.0)},
        accepted=[],
        caps_kw=np.zeros((0, 0)),
    )


def _worth(reserve: Reserve) -> tuple[bool, float]:
    return (reserve.committed_kw <= 0, -reserve.price_per_kw_h)


def _merit(layout: Layout) -> Ints:
    """Classes of vehicles, those that wear least first."""
    return classes(layout.problem.wear_price_per_kwh * (layout.problem.max_discharge_kw > 0))


def _prove_block(proof: _Proof, reserve: Reserve, planned: float) -> Offer:
    headroom = proof.headroom[reserve.sign]
    able = headroom.able(reserve)
    steps = range(reserve.from_step, reserve.to_step)
    most = [_most(proof, reserve, able, k) for k in steps]
    target = min([planned, reserve.most_kw, *most])
    alone = float(able.sum(axis=0).min(initial=np.inf))
    cut = "power and energy of the vehicles" if alone <= target + SAME else "room below limits"
    cut = cut if target < min(planned, reserve.most_kw) - SAME else ""
    target, why = _with_margin(proof, reserve, target)
    shares, kw, more = _confident(proof, reserve, able, target, most)
    cut = why or more or cut
    proof.caps_kw = np.full_like(able, np.inf)
    for _ in range(TRIALS):
        shares, what = _delivered(proof, reserve, able, shares)
        if what:
            cut, kw = what, min(kw, _there(proof, reserve, shares))
        offered = reserve.offer(kw)
        final = _trimmed(reserve, shares, kw, offered)
        # Trimmed shares are smaller, but recover otherwise: what is offered is what was called.
        if all(_broken(proof, reserve, final, k) is None for k in steps):
            return _offer(proof, reserve, final, kw, planned, cut)
        shares, kw = final, offered
    return _offer(proof, reserve, np.zeros_like(shares), 0.0, planned, cut)


def _trimmed(reserve: Reserve, shares: Floats, proven: float, offered: float) -> Floats:
    """Take off what the offer does not need: the spare of single steps, and what is rounded."""
    shares = shares * (offered / proven if proven > 0 else 0.0)
    if reserve.confidence < 1.0:
        return shares
    sums = np.maximum(shares.sum(axis=0), 1e-12)
    return np.asarray(shares * np.minimum(offered / sums, 1.0))


def _most(proof: _Proof, reserve: Reserve, able: Floats, step: int) -> float:
    """Largest sum of shares that limits let through in one step [kW]."""
    return float(_shared(proof, reserve, able, step, np.inf).sum())


def _shared(proof: _Proof, reserve: Reserve, able: Floats, step: int, target: float) -> Floats:
    """Share out as planned, then what need not be refilled, both at least wear; then the rest.

    Who stays longest comes first there, as there is most time to refill.
    """
    layout, headroom = proof.schedule.layout, proof.headroom[reserve.sign]
    room = headroom.room(reserve, step)
    hint, able = proof.hint[:, step - reserve.from_step], able[:, step - reserve.from_step]
    stages = (
        (hint, proof.rank),
        (headroom.without_refill(reserve, step), proof.rank),
        (np.full(len(able), np.inf), proof.late),
    )
    shares = np.zeros(len(able))
    for limit, rank in stages:
        more = np.maximum(np.minimum(able, limit) - shares, 0.0)
        left = room - tree_sums(layout, shares)
        shares += share_out(layout, more, left, rank, target - float(shares.sum()))
    return shares


def _shares(proof: _Proof, reserve: Reserve, able: Floats, target: float) -> Floats:
    """Shares that sum to the target in every step of the block, shape (n, B)."""
    shares = np.zeros_like(able)
    for k in range(reserve.from_step, reserve.to_step):
        shares[:, k - reserve.from_step] = _shared(proof, reserve, able, k, target)
    return shares


def _confident(
    proof: _Proof, reserve: Reserve, able: Floats, target: float, most: list[float]
) -> tuple[Floats, float, str]:
    """Return shares and the capacity that is there with the confidence, spare shares beside."""
    if reserve.confidence >= 1.0 or proof.schedule.layout.problem.availability is None:
        return _shares(proof, reserve, able, target), target, ""
    low, high = 0.0, 1.0
    spare = max(most, default=0.0) - target
    widest = _shares(proof, reserve, able, target + spare)
    there = _quantile(proof, reserve, widest)
    if there < target - SAME:
        return widest, there, f"availability at confidence {reserve.confidence:g}"
    for _ in range(12):  # the fewest spare shares that are enough
        middle = 0.5 * (low + high)
        shares = _shares(proof, reserve, able, target + middle * spare)
        if _quantile(proof, reserve, shares) < target:
            low = middle
        else:
            high, widest = middle, shares
    return widest, target, ""


def _quantile(proof: _Proof, reserve: Reserve, shares: Floats) -> float:
    block = slice(reserve.from_step, reserve.to_step)
    chance = availability(proof.schedule.layout.problem)[:, block]
    return block_quantile_kw(shares, chance, reserve.confidence, proof.seed)


def _with_margin(proof: _Proof, reserve: Reserve, target: float) -> tuple[float, str]:
    """Cut to what the opposite margin allows."""
    if reserve.opposite_share <= 0:
        return target, ""
    free = _margins(proof, reserve, np.inf).sum(axis=0)
    most = float(free.min(initial=np.inf)) / reserve.opposite_share
    return (target, "") if most >= target - SAME else (most, "opposite margin")


def _margins(proof: _Proof, reserve: Reserve, target: float) -> Floats:
    """Shares of power in the other direction that sum to the target, shape (n, B)."""
    other = proof.headroom[-reserve.sign]
    able = other.able(reserve, reservoir=False)
    shares = np.zeros_like(able)
    for k in range(reserve.from_step, reserve.to_step):
        room = other.room(reserve, k, reservoir=False)
        b = k - reserve.from_step
        shares[:, b] = share_out(proof.schedule.layout, able[:, b], room, proof.rank, target)
    return shares


def _delivered(proof: _Proof, reserve: Reserve, able: Floats, shares: Floats) -> tuple[Floats, str]:
    """Change shares until a call from every step is survived; tell what broke first.

    What breaks a vehicle or a limit is taken off there, and shared out anew among the others; if
    that goes on breaking, only taken off. Where neither helps, all shares of the step are cut
    alike, by bisection.
    """
    kept, said = shares.copy(), ""
    for k in range(reserve.from_step, reserve.to_step):
        b = k - reserve.from_step
        target, allowed = float(kept[:, b].sum()), able.copy()
        for trial in range(2 * REPAIRS):
            broken = _broken(proof, reserve, kept, k)
            if broken is None:
                break
            said = said or broken.what
            allowed[:, b] = _allowed(proof, reserve, allowed[:, b], kept[:, b], broken, k)
            if trial < REPAIRS:
                kept[:, b] = _shared(proof, reserve, allowed, k, target)
            else:
                kept[:, b] = np.minimum(kept[:, b], allowed[:, b])
        else:
            kept[:, b] = _smaller(proof, reserve, kept, k)
        broke = allowed[:, b] < able[:, b]
        proof.caps_kw[broke, b] = np.minimum(proof.caps_kw[broke, b], allowed[broke, b])
    short = kept.sum(axis=0) < shares.sum(axis=0) - SAME
    return kept, said if short.any() else ""


def _allowed(
    proof: _Proof, reserve: Reserve, allowed: Floats, shares: Floats, broken: Broken, step: int
) -> Floats:
    """Take off what broke: of the vehicles concerned, and of all below a limit."""
    layout = proof.schedule.layout
    per_kw = hours_counted(layout, reserve, slice(None), step) * energy_per_kwh(layout, reserve)
    too_much_kw = broken.vehicle_by / np.where(broken.kind == BY_POWER, 1.0, per_kw)
    less = np.maximum(shares - FIRM * too_much_kw, 0.0)
    allowed = np.where(broken.vehicle_by > 0, np.minimum(allowed, less), allowed)
    if broken.limit_by.any():
        asked = np.maximum(tree_sums(layout, shares), 1e-12)
        kept = np.append(np.clip(1.0 - FIRM * broken.limit_by / asked, 0.0, 1.0), 1.0)
        for j, parent in enumerate(layout.problem.limit_parent):
            kept[j] = min(kept[j], kept[parent] if parent >= 0 else 1.0)
        part = kept[layout.problem.limit]
        allowed = np.where(part < 1.0, np.minimum(allowed, shares * part), allowed)
    return allowed


def _smaller(proof: _Proof, reserve: Reserve, shares: Floats, step: int) -> Floats:
    """Bisect one step's shares down to what survives a call from it, shape (n,).

    First what would have to be refilled goes, then the rest, all in proportion. Less is easier,
    but a smaller call may recover otherwise: what does not survive in the end is nothing.
    """
    easy = proof.headroom[reserve.sign].without_refill(reserve, step)
    b = step - reserve.from_step
    rest = np.minimum(shares[:, b], easy)
    hard = shares[:, b] - rest
    trial = shares.copy()
    low, high = 0.0, 2.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        trial[:, b] = min(middle, 1.0) * rest + max(middle - 1.0, 0.0) * hard
        good = _broken(proof, reserve, trial, step) is None
        low, high = (middle, high) if good else (low, middle)
    trial[:, b] = min(low, 1.0) * rest + max(low - 1.0, 0.0) * hard
    survives = _broken(proof, reserve, trial, step) is None
    return trial[:, b] if survives else np.zeros(len(trial))


def _there(proof: _Proof, reserve: Reserve, shares: Floats) -> float:
    """Capacity of given shares over the block [kW], at the block's confidence."""
    if reserve.confidence < 1.0 and proof.schedule.layout.problem.availability is not None:
        return _quantile(proof, reserve, shares)
    return float(shares.sum(axis=0).min(initial=np.inf))


def _broken(proof: _Proof, reserve: Reserve, shares: Floats, step: int) -> Broken | None:
    """Call a block from a step, together with those of its direction accepted already."""
    calls, drift = [], np.zeros(len(shares))
    layout = proof.schedule.layout
    others = [(o.reserve, o.share_kw) for o in proof.accepted]
    for block, share in [*others, (reserve, shares)]:
        if block.sign == reserve.sign and block.from_step <= step < block.to_step:
            mine = share[:, step - block.from_step]
            if not mine.any():
                continue
            calls.append(Call(share_kw=mine, hours=block.duration_h))
            counted = hours_counted(layout, block, slice(None), step) - block.duration_h
            drift += mine * counted * energy_per_kwh(layout, block)
    return simulate(proof.schedule, calls, step, reserve.sign, drift) if calls else None


def _offer(
    proof: _Proof, reserve: Reserve, shares: Floats, proven: float, planned: float, cut: str
) -> Offer:
    """Round down to what may be offered, and hold it."""
    offered = reserve.offer(proven)
    if offered < min(proven, planned) - SAME and offered < reserve.most_kw - SAME:
        cut = cut or "the block's smallest offer and steps"
    layout = proof.schedule.layout
    problem = layout.problem
    proof.headroom[reserve.sign].take(reserve, shares)
    if reserve.opposite_share > 0:
        margins = _margins(proof, reserve, offered * reserve.opposite_share)
        proof.headroom[-reserve.sign].take(reserve, margins, reservoir=False)
    hours = reserve.hours(problem.step_h)
    broken = max(reserve.committed_kw - offered, 0.0)
    certain = reserve.confidence >= 1.0 or problem.availability is None
    offer = Offer(
        reserve=reserve,
        planned_kw=planned,
        proven_kw=proven,
        offered_kw=offered,
        revenue=reserve.price_per_kw_h * offered * hours,
        activation_cost=_activation_cost(layout, reserve, shares),
        penalty=reserve.penalty_per_kw_h * broken * hours,
        cut=cut,
        method="certain" if certain else "bound" if proof.seed is None else "scenarios",
        share_kw=shares,
    )
    proof.accepted.append(offer)
    return offer


def _activation_cost(layout: Layout, reserve: Reserve, shares: Floats) -> float:
    """Price the wear and refill loss of what is called in the mean [currency]."""
    if reserve.activation_share <= 0:
        return 0.0
    every, step_h = slice(None), layout.problem.step_h
    return reserve.activation_share * sum(
        float(call_cost_per_kwh(layout, reserve, every, k) @ shares[:, k - reserve.from_step])
        * float(step_h[k])
        for k in range(reserve.from_step, reserve.to_step)
    )
