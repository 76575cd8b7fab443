"""What holding reserve is worth to the stays below each limit, block by block and step by step.

An offer is the least of what its steps have, and what passes a limit the less of what is asked
for below it and of the room that calls find there. So worth goes down the tree by weights that
are not negative and 1 together: a block's price among its steps, and at every limit between what
is below and the room in each step of a call, where it becomes a price on the limit's net power.
Any weights prove a bound; they answer the schedules, as those of the stays' own terms do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.blocks import last_nodes
from gridtide.plan.price.calls import SOFT, Calls
from gridtide.plan.price.rows import Book
from gridtide.plan.problem import Bools, Floats, Ints, Problem

SOFT_LIMIT = 0.3
SOFT_OFFER = 0.3
"""Terms further apart than this share of the power concerned leave all the weight on the least."""


@dataclass(slots=True)
class HeldPrices:
    """What weights make of the blocks' prices.

    Parameters
    ----------
    top, leaf
        As of :class:`.calls.Calls`.
    called
        Price on the net power of each limit for the room that calls need [currency/kWh],
        shape (m, T).
    constant
        Of the cost [currency].
    """

    top: Floats
    leaf: Floats
    called: Floats
    constant: float

    def towards(self, other: HeldPrices, weight: float) -> None:
        """Move towards others: worths and prices that prove a bound do so mixed."""
        self.top += weight * (other.top - self.top)
        self.leaf += weight * (other.leaf - self.leaf)
        self.called += weight * (other.called - self.called)
        self.constant += weight * (other.constant - self.constant)


@dataclass(frozen=True, slots=True)
class Offered:
    """What a schedule can offer in each block [kW], and what that adds to its cost [currency]."""

    kw: Floats
    cost: float


class Held:
    """Weights on steps of blocks and on the room below limits.

    Parameters
    ----------
    problem, book, calls
        What is planned.
    """

    def __init__(self, problem: Problem, book: Book, calls: Calls) -> None:
        self._problem, self._calls = problem, calls
        self._limits = len(problem.limit_names)
        lengths = [block.to_step - block.from_step for block in problem.reserves]
        self._rows = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        self._step, self._inside = self._steps(calls)
        self._cap, self._soft = self._room(book)
        self._tight = np.flatnonzero(np.isfinite(self._cap).any(axis=(1, 2)))
        self._levels = _levels(problem.limit_parent)
        power = np.repeat(calls.soft_kw / SOFT, np.diff(calls.first))
        able = np.bincount(calls.row, weights=power, minlength=int(self._rows[-1]))
        self._power = np.maximum(able, 1e-3)
        self._split = np.zeros((len(self._tight), *self._cap.shape[1:-1], self._cap.shape[2] + 1))
        self._split[..., 0] = 1.0
        self._offer = [np.append(self._hours(b) / self._hours(b).sum(), 0.0) for b in self._blocks]
        self._kept = [w.copy() for w in self._offer]
        self.now = self._priced()
        self.mean = self._priced()

    @property
    def _blocks(self) -> range:
        return range(len(self._problem.reserves))

    def _own(self, b: int) -> slice:
        return slice(int(self._rows[b]), int(self._rows[b + 1]))

    def _hours(self, b: int) -> Floats:
        block = self._problem.reserves[b]
        hours: Floats = self._problem.step_h[block.from_step : block.to_step]
        return hours

    def _steps(self, calls: Calls) -> tuple[Ints, Bools]:
        """Step of each pair and offset in a call, and whether a call lasts so long, (R, J)."""
        longest = calls.weight.shape[1] // 2 - 1
        first, lasts = [], []
        for block in self._problem.reserves:
            steps = np.arange(block.from_step, block.to_step)
            over = last_nodes(self._problem.step_h, block.duration_h)[steps]
            first.append(steps)
            lasts.append(over - steps)
        offset = np.arange(longest)
        step = np.concatenate(first)[:, None] + offset
        inside: Bools = offset < np.concatenate(lasts)[:, None]
        return np.minimum(step, self._problem.steps - 1), inside

    def _room(self, book: Book) -> tuple[Floats, Floats]:
        """Most that vehicles and calls may take together the way of a call, and its softness.

        Shapes (m, R, J), ``inf`` where no limit is in the way, and (m, R).
        """
        m, up = self._limits, self._calls.sign < 0
        lower, upper = book.lower_kw[:m], book.upper_kw[:m]
        down = np.where(upper < book.most_kw[:m], upper, np.inf)[:, self._step]
        above = np.where(lower > book.least_kw[:m], -lower, np.inf)[:, self._step]
        cap = np.where(up[None, :, None], above, down)
        cap = np.where(self._inside, cap, np.inf)
        able = (book.most_kw - book.least_kw)[:m][:, self._step[:, 0]]
        return cap, SOFT_LIMIT * np.maximum(able, 1e-3)

    def _free(self, net: Floats) -> Floats:
        """Room that calls find below the tight limits, shape (L, R, J)."""
        sign = self._calls.sign[:, None]
        free: Floats = self._cap[self._tight] - sign * net[self._tight][:, self._step]
        return free

    def _through(self, net: Floats, shares: Floats) -> tuple[Floats, Floats, Floats]:
        """Let shares up the tree; what is asked of each limit, the room, and what part passes.

        Shapes (m, R), (L, R, J) and (m + 1, R).
        """
        free = self._free(net)
        room = np.full((self._limits, len(self._calls.sign)), np.inf)
        room[self._tight] = np.maximum(free.min(axis=2), 0.0)
        asked, parent = shares[:, :-1].T.copy(), self._problem.limit_parent
        for level in reversed(self._levels):
            held = level[parent[level] >= 0]
            np.add.at(asked, parent[held], np.minimum(asked[held], room[held]))
        part = np.ones((self._limits + 1, len(self._calls.sign)))
        for level in self._levels:
            passing = np.minimum(asked[level], room[level])
            some = asked[level] > 0
            share = np.divide(passing, asked[level], out=np.ones_like(passing), where=some)
            part[level] = share * part[parent[level]]
        return asked, free, part

    def renew(self, net: Floats, sums: Floats, pace: float) -> None:
        """Let the weights answer a schedule.

        Parameters
        ----------
        net
            Of the rows, shape (r, T).
        sums
            As :func:`._kernel_calls.renew` adds them up.
        pace
            How far they move.
        """
        asked, free, part = self._through(net, sums[1])
        terms = np.concatenate((asked[self._tight][:, :, None], free), axis=2)
        _answer(self._split, terms, self._soft[self._tight][:, :, None], pace)
        there = np.sum(sums[0] * part.T, axis=1)
        for b in self._blocks:
            block, own = self._problem.reserves[b], self._own(b)
            soft = SOFT_OFFER * self._power[own].max()
            each = there[own] / block.confidence
            _answer(self._offer[b], np.append(each, block.most_kw), soft, pace)
            _answer(self._kept[b], np.append(each, block.committed_kw), soft, pace)
        self.now = self._priced()

    def _priced(self) -> HeldPrices:
        top, constant = np.zeros(len(self._calls.sign)), 0.0
        for b in self._blocks:
            block, offer, kept = self._problem.reserves[b], self._offer[b], self._kept[b]
            hours = float(self._hours(b).sum())
            most = block.most_kw if np.isfinite(block.most_kw) else 0.0
            penalty = block.penalty_per_kw_h if block.committed_kw > 0 else 0.0
            each = block.price_per_kw_h * offer[:-1] + penalty * kept[:-1]
            top[self._own(b)] = hours * each / block.confidence
            constant -= hours * block.price_per_kw_h * float(offer[-1]) * most
            constant += hours * penalty * (1.0 - float(kept[-1])) * block.committed_kw
        leaf = np.repeat(top[:, None], self._limits + 1, axis=1)
        called = np.zeros((self._limits, self._problem.steps))
        place = np.full(self._limits, -1)
        place[self._tight] = np.arange(len(self._tight))
        for level in self._levels:
            worth = leaf.T[self._problem.limit_parent[level]]
            held = place[level] >= 0
            split = self._split[place[level[held]]]
            room = worth[held][:, :, None] * split[..., 1:]
            at = (level[held][:, None, None], self._step[None])
            cap = self._cap[level[held]]
            constant -= float(np.sum(room * np.where(np.isfinite(cap), cap, 0.0)))
            np.add.at(called, at, self._calls.sign[:, None] * room)
            worth[held] *= split[..., 0]
            leaf[:, level] = worth.T
        return HeldPrices(top, leaf, called / self._problem.step_h, constant)

    def average(self, weight: float) -> None:
        """Move the mean of the prices towards those of the moment."""
        self.mean.towards(self.now, weight)

    def offered(self, net: Floats, sums: Floats) -> Offered:
        """Return what a schedule can offer."""
        _, _, part = self._through(net, sums[1])
        there = np.sum(sums[0] * part.T, axis=1)
        spent = np.sum(sums[2] * part.T, axis=1)
        found, cost = np.zeros(len(self._blocks)), 0.0
        for b in self._blocks:
            block, own = self._problem.reserves[b], self._own(b)
            hours = float(self._hours(b).sum())
            kw = min(float(there[own].min()) / block.confidence, block.most_kw)
            broken = max(block.committed_kw - kw, 0.0)
            cost += hours * (block.penalty_per_kw_h * broken - block.price_per_kw_h * kw)
            asked = np.maximum(there[own], 1e-12)
            cost += float(np.sum(spent[own] * np.minimum(kw * block.confidence / asked, 1.0)))
            found[b] = kw
        return Offered(found, cost)


def _levels(parent: Ints) -> list[Ints]:
    """Limits by their depth in the tree, the top first."""
    depth = np.zeros(len(parent), dtype=np.int64)
    for j, above in enumerate(parent):
        depth[j] = depth[above] + 1 if above >= 0 else 0
    return [np.flatnonzero(depth == d) for d in range(int(depth.max(initial=-1)) + 1)]


def _answer(weight: Floats, term: Floats, soft: Floats | float, pace: float) -> None:
    """Move weights towards their answer to some terms, in place; ``inf`` is no term."""
    there = np.isfinite(term)
    wanted = np.where(there, weight - np.where(there, term, 0.0) / soft, -np.inf)
    ranked = -np.sort(-wanted, axis=-1)
    total = np.cumsum(np.where(np.isfinite(ranked), ranked, 0.0), axis=-1)
    low = (total - 1.0) / np.arange(1, term.shape[-1] + 1)
    last = np.sum(ranked > low, axis=-1, keepdims=True) - 1
    low = np.take_along_axis(low, np.maximum(last, 0), axis=-1)
    answer = np.where(there, np.maximum(wanted - low, 0.0), 0.0)
    weight += pace * (answer - weight)
