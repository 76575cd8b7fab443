"""What a call of reserve asks of each stay, start by start, for the kernels.

A start is a stay and a step of a block from which the stay could serve a call. Its share is the
least of its terms, each linear in the stay's own powers and energies [kW]:

    room_kw - sign·p_j              power left free in the steps j of the call
    sign·(bound_j - e_j)/per_kw     energy left free at its nodes j

with sign -1 for calls upwards (less import) and +1 for calls downwards; and a cap, where an
earlier plan's proof has found one. Weights on the terms, not negative and 1 together, bound the
share from above, whatever they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gridtide.plan._calls import (
    availability,
    call_cost_per_kwh,
    energy_per_kwh,
    followed,
    hours_counted,
    may_serve,
    must_charge_kwh,
)
from gridtide.plan._layout import Layout, lay_out, taper_line
from gridtide.plan.blocks import last_nodes
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Bools, Floats, Ints, Problem, take_stays

Small = npt.NDArray[np.int32]
Weights = npt.NDArray[np.float32]
FAR = 1e30
SOFT = 0.5
"""Terms further apart than this share of a stay's power leave all the weight on the least."""
PART = 2_000
"""Stays that are laid out at a time."""


class Calls(NamedTuple):
    """S starts of n stays, in the order of the stays, for R pairs of a block and one of its steps.

    Parameters
    ----------
    first
        Where the starts of each stay begin, shape (n + 1,); (1,) where there is no reserve.
    step, lasts, row
        Steps since plugged in, steps of the call, and pair of block and step, shape (S,).
    per_kw, cost, chance
        Energy that a kW needs [kWh/kW], expected cost of its calls [currency/kW], and probability
        that it is there, shape (S,); the last two empty where no call costs, or all is there.
    cap_kw
        Largest share, ``FAR`` for none, shape (S,), or empty where there is none at all.
    weight
        On the J power terms, then the J + 1 energy terms, and the cap, shape (S, 2·J + 2).
    keep_kwh
        Energy to keep at each node of a stay, ``-inf`` for none, shape (N + n,): node q of stay
        i at its start + i + q.
    under
        Limit right above each stay, m for none, shape (n,).
    soft_kw, stretch
        How far terms may be apart and still share the weight, and how much what must be kept
        falls per kWh of shortfall, shape (n,).
    sign
        -1 for up, +1 for down, shape (R,).
    top, leaf
        Worth of a kW offered from each pair [currency/kW], shape (R,), and what limits leave of
        it for the stays right below each, shape (R, m + 1).
    """

    first: Ints
    step: Small
    lasts: Small
    row: Small
    per_kw: Floats
    cost: Floats
    chance: Floats
    cap_kw: Floats
    weight: Weights
    keep_kwh: Floats
    under: Ints
    soft_kw: Floats
    stretch: Floats
    sign: Floats
    top: Floats
    leaf: Floats


class CallWork(NamedTuple):
    """Memory of one thread: of one stay's nodes, of one start's terms, of all its starts' terms."""

    on_power: Floats
    stored: Floats
    energy: Floats
    term: Floats
    answer: Floats
    old: Floats
    new: Floats
    weight: Floats


def call_work(calls: Calls, stays: Stays) -> CallWork:
    """Return memory for the calls of any stay."""
    nodes, terms = int(stays.each["steps"].max(initial=0)) + 2, calls.weight.shape[1]
    starts = int(np.diff(calls.first).max(initial=0))
    return CallWork(
        on_power=np.zeros(nodes),
        stored=np.zeros(nodes),
        energy=np.zeros(nodes),
        term=np.zeros(terms),
        answer=np.zeros(terms),
        old=np.zeros((starts, terms)),
        new=np.zeros((starts, terms)),
        weight=np.zeros((starts, terms)),
    )


def no_calls() -> Calls:
    """Return the calls of a problem without reserve."""
    whole, small, real = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0)
    weight: Weights = np.zeros((0, 2), dtype=np.float32)
    return Calls(
        first=whole, step=small, lasts=small, row=small, per_kw=real, cost=real, chance=real,
        cap_kw=real, weight=weight, keep_kwh=real, under=whole[:0], soft_kw=real, stretch=real,
        sign=real, top=real, leaf=real.reshape(0, 0),
    )  # fmt: skip


def lay_calls(problem: Problem, stays: Stays, caps_kw: tuple[Floats, ...] | None = None) -> Calls:
    """Lay out the starts of all blocks, some stays at a time, with equal weights on their terms.

    Parameters
    ----------
    problem, stays
        Every vehicle has one stay and one efficiency each way.
    caps_kw
        Largest share of each vehicle in each step of each block, ``inf`` for any, shape (n, B)
        by block; None for none.
    """
    if not problem.reserves:
        return no_calls()
    rows, longest = _rows(problem)
    starts = _joined(problem, stays, rows, longest, caps_kw)
    count = starts.pop("count")
    for name, usual in (("cost", 0.0), ("chance", 1.0), ("cap_kw", FAR)):
        if (starts[name] == usual).all():
            starts[name] = np.zeros(0)
    limits, pairs = len(problem.limit_names), int(rows[-1])
    sign = np.concatenate([np.full(b.to_step - b.from_step, b.sign) for b in problem.reserves])
    return Calls(
        first=np.concatenate(([0], np.cumsum(count))),
        under=np.where(problem.limit >= 0, problem.limit, limits),
        soft_kw=SOFT * np.maximum(stays.each["charge_kw"] + stays.each["discharge_kw"], 1e-3),
        sign=sign,
        top=np.zeros(pairs),
        leaf=np.zeros((pairs, limits + 1)),
        **starts,
    )


def _joined(
    problem: Problem, stays: Stays, rows: Ints, longest: int, caps_kw: tuple[Floats, ...] | None
) -> dict[str, npt.NDArray[Any]]:
    """Lay out some stays at a time, into arrays that have room for all: no start is kept twice."""
    most = sum(
        int(
            np.clip(
                np.minimum(problem.depart, b.to_step) - np.maximum(problem.arrive, b.from_step),
                0,
                None,
            ).sum()
        )
        for b in problem.reserves
    )
    n = len(problem)
    sizes = {"keep_kwh": int(stays.each["steps"].sum()) + n, "stretch": n, "count": n}
    whole: dict[str, npt.NDArray[Any]] = {}
    filled: dict[str, int] = {}
    for first in range(0, n, PART):
        inside = np.arange(first, min(first + PART, n))
        caps = None if caps_kw is None else tuple(cap[inside] for cap in caps_kw)
        for name, values in _part(take_stays(problem, inside), rows, longest, caps).items():
            if name not in whole:
                shape = (sizes.get(name, most), *values.shape[1:])
                whole[name], filled[name] = np.empty(shape, dtype=values.dtype), 0
            at = filled[name]
            whole[name][at : at + len(values)] = values
            filled[name] = at + len(values)
    return {name: values[: filled[name]] for name, values in whole.items()}


def _rows(problem: Problem) -> tuple[Ints, int]:
    """Where the pairs of each block begin, and the steps of the longest call."""
    lengths = [block.to_step - block.from_step for block in problem.reserves]
    longest = 1
    for block in problem.reserves:
        over = last_nodes(problem.step_h, block.duration_h) - np.arange(problem.steps)
        longest = max(longest, int(over[block.from_step : block.to_step].max(initial=1)))
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), longest


def _part(
    problem: Problem, rows: Ints, longest: int, caps: tuple[Floats, ...] | None
) -> dict[str, npt.NDArray[Any]]:
    """Lay out the starts of some stays."""
    layout = lay_out(problem, relax_standby=True, pairs=False)
    found = [
        _block(layout, b, int(rows[b]), None if caps is None else caps[b])
        for b in range(len(problem.reserves))
    ]
    stay = np.concatenate([block["stay"] for block in found])
    order = np.argsort(stay, kind="stable")
    told = {name: np.concatenate([block[name] for block in found])[order] for name in found[0]}
    stay = told.pop("stay")
    keep = _keep(layout)
    arrive = np.maximum(problem.arrive, 0)
    node = (arrive[stay] + told["step"])[:, None] + np.arange(longest + 1)
    within = np.arange(longest + 1) <= told["lasts"][:, None]
    bound = keep[stay[:, None], np.minimum(node, problem.steps)]
    down = np.concatenate([np.full(len(f["stay"]), f["down"]) for f in found])[order]
    energy = within & (np.isfinite(bound) | down[:, None])
    capped = told["cap_kw"][:, None] < FAR
    there = np.concatenate((within[:, 1:], energy, capped), axis=1)
    told.pop("down")
    plugged = _nodes(problem)
    return told | {
        "weight": (there / there.sum(axis=1, keepdims=True)).astype(np.float32),
        "keep_kwh": keep[plugged],
        "stretch": _stretch(problem),
        "count": np.bincount(stay, minlength=len(problem)),
    }


def _block(layout: Layout, b: int, row: int, cap: Floats | None) -> dict[str, npt.NDArray[Any]]:
    problem = layout.problem
    block = problem.reserves[b]
    stay, t = np.nonzero(may_serve(layout, block))
    lasts = last_nodes(problem.step_h, block.duration_h)[t] - t
    cost = call_cost_per_kwh(layout, block, stay, t) * problem.step_h[t] * block.activation_share
    per_kw = hours_counted(layout, block, stay, t) * energy_per_kwh(layout, block)[stay]
    chance = availability(problem)[stay, t] if block.confidence < 1 else np.ones(len(t))
    return {
        "stay": stay,
        "step": (t - np.maximum(problem.arrive, 0)[stay]).astype(np.int32),
        "lasts": lasts.astype(np.int32),
        "row": (row + t - block.from_step).astype(np.int32),
        "per_kw": per_kw,
        "cost": cost,
        "chance": chance,
        "cap_kw": np.full(len(t), FAR)
        if cap is None
        else np.minimum(cap[stay, t - block.from_step], FAR),
        "down": np.full(len(t), block.direction == "down"),
    }


def _keep(layout: Layout) -> Floats:
    """Energy that must stay aboard, -inf where nothing must, shape (n, T + 1)."""
    problem = layout.problem
    due = np.where(layout.last >= 0, layout.within_reach_kwh, -np.inf)
    due[followed(problem)] = -np.inf
    gives = (problem.max_discharge_kw > 0)[:, None]
    low = np.where(gives, problem.min_kwh[:, None], -np.inf)
    kept: Floats = np.maximum(must_charge_kwh(layout, due), low)
    return kept


def _nodes(problem: Problem) -> Bools:
    """Mark the nodes of each stay, steps and one more, shape (n, T + 1)."""
    arrive, depart = np.maximum(problem.arrive, 0), np.minimum(problem.depart, problem.steps)
    depart = np.where(problem.arrive < problem.depart, np.maximum(depart, arrive), arrive)
    node = np.arange(problem.steps + 1)
    at = np.minimum(arrive, problem.steps)
    return (node >= at[:, None]) & (node <= np.minimum(depart, problem.steps)[:, None])


def _stretch(problem: Problem) -> Floats:
    """How much the must-charge curve falls per kWh of shortfall, at most: more with a taper."""
    if problem.taper_from_kwh is None:
        return np.ones(len(problem))
    slope = taper_line(problem, np.maximum(problem.max_kwh, problem.arrival_kwh))[1]
    return np.asarray(np.exp(np.log1p(problem.step_h[:, None] * slope[None, :]).sum(axis=0)))
