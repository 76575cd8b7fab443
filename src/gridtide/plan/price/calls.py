"""Reserve among the prices: what blocks are worth in each step, and what limits ask for calls.

An offer is the least, over the steps of its block, of what is held below all limits; and a limit
lets through the lesser of what is held below it and of the room that it leaves while a call
lasts. So an offer's price is split: among steps, at each limit between those below and its room,
and of that among the steps of a call, each time most to where least is. However it is split, it
proves a bound with what :mod:`._kernel_calls` makes of it for the vehicles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gridtide.plan._calls import availability, followed
from gridtide.plan._layout import Layout, lay_out
from gridtide.plan.blocks import Reserve, last_nodes
from gridtide.plan.price._kernel_calls import ABLE, HOLD, Calls
from gridtide.plan.price.lets import (
    Lets,
    Refill,
    ahead_of,
    charged,
    departure_classes,
    lay_refill,
    let_through,
)
from gridtide.plan.price.rows import Book
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats, Ints, Problem

DEAR = 3.0
"""Missing energy is dear from so many times the highest price of energy on."""
HEAT, COOL = 0.3, 0.02
"""How even splits are at first, as a share of a charger's range, of what is held, of rooms; later
less, by the square root of the sweeps, down to the second."""


def no_calls() -> Calls:
    """Return calls of nobody."""
    nothing = np.zeros((0, 0))
    return Calls(
        hold=np.zeros(0, dtype=HOLD),
        able=np.zeros(0, dtype=ABLE),
        over=np.zeros((0, 0), dtype=np.int64),
        below=np.zeros((0, 0), dtype=bool),
        worth=nothing,
        dues=np.zeros((0, 0, 0, 0)),
        spot=nothing,
        chance=np.zeros(0),
        clock=np.zeros(0),
    )


@dataclass(slots=True, kw_only=True)
class Holding:
    """Prices of reserve, and what the mean schedule holds of it.

    Parameters
    ----------
    problem, book
        What is planned, and its rows.
    calls
        As vehicles see them.
    block, ratio
        Block of each thing to hold, and how much of it a kW offered needs, shape (H,).
    lasts
        Steps of calls from each step, shape (H, T).
    value
        What a kW more is worth in each block at its offer [currency/kW], shape (blocks,).
    there
        What is held and let through, shape (H, T).
    price
        Of each way, offset, row and start of a call [currency/kW], shape (2, O, r, T).
    most_kw
        What could be offered at all, shape (blocks,).
    """

    problem: Problem
    book: Book
    calls: Calls
    block: Ints
    ratio: Floats
    lasts: Ints
    value: Floats
    there: Floats
    price: Floats
    most_kw: Floats
    refill: Refill
    means: tuple[Floats, ...] = ()

    def __post_init__(self) -> None:
        """Begin means of worth, dues, prices and values."""
        nows = self.calls.worth, self.calls.dues, self.price, self.value
        self.means = tuple(now.copy() for now in nows)

    def mean_calls(self) -> Calls:
        """Return calls at the mean of their prices."""
        return self.calls._replace(worth=self.means[0], dues=self.means[1])

    def renew(self, held: Floats, net_kw: Floats, weight: float, heat: float) -> None:
        """Let prices answer what the mean schedule holds.

        Parameters
        ----------
        held
            As ``sum_shares`` fills it, shape (2, H, paths, C, T).
        net_kw
            Net power of the rows in the mean schedule, shape (r, T).
        weight
            Of this sweep in means.
        heat
            How even splits are.
        """
        lets = let_through(self, held, net_kw, heat, refill=True)
        self.there[:] = lets.there
        offers = self.offers_kw()
        for b, reserve in enumerate(self.problem.reserves):
            self.value[b] += weight * (self._marginal(b, reserve, offers[b]) - self.value[b])
            self.split(b, heat)
        # What a refill needs is no row of the problem, and proves nothing.
        proof = let_through(self, held, net_kw, heat, refill=False)
        for mean, now in zip(self.means, self._nows(proof), strict=True):
            mean += weight * (now - mean)
        self.price, self.refill.price[:], self.calls.dues[:] = charged(self, lets)

    def _nows(self, lets: Lets) -> tuple[Floats, ...]:
        price, _, dues = charged(self, lets)
        return self.calls.worth, dues, price, self.value

    def offers_kw(self, there: Floats | None = None) -> Floats:
        """Least that is held of each block over its steps, shape (blocks,)."""
        held = self.there if there is None else there
        offers = np.full(len(self.problem.reserves), np.inf)
        for h, hold in enumerate(self.calls.hold):
            inside = held[h, hold["from_step"] : hold["to_step"]] / self.ratio[h]
            b = self.block[h]
            offers[b] = min(offers[b], float(inside.min(initial=np.inf)))
        return np.minimum(np.where(np.isfinite(offers), offers, 0.0), self.most_kw)

    def earned(self, held: Floats, net_kw: Floats) -> float:
        """Return what could be earned, penalties for what is committed and broken off [currency].

        Parameters
        ----------
        held, net_kw
            Of a schedule, as of :meth:`renew`.
        """
        offers = self.offers_kw(let_through(self, held, net_kw, HEAT, refill=True).there)
        blocks = zip(self.problem.reserves, offers, strict=True)
        return sum(self.earned_by(reserve, float(kw)) for reserve, kw in blocks)

    def bound(self) -> float:
        """Return what blocks and calls' rows add to the bound, beside vehicles and other rows."""
        _, _, price, value = self.means
        total = 0.0
        for b, reserve in enumerate(self.problem.reserves):
            kinks = np.array([0.0, min(reserve.committed_kw, self.most_kw[b]), self.most_kw[b]])
            earned = [self.earned_by(reserve, kw) - value[b] * kw for kw in kinks]
            total -= max(earned)
        up, down = price
        total += float(np.sum(up * self._at_offsets(self.book.lower_kw)))
        return total - float(np.sum(down * self._at_offsets(self.book.upper_kw)))

    def earned_by(self, reserve: Reserve, kw: float) -> float:
        """Return what one block earns at an offer [currency]."""
        broken = max(reserve.committed_kw - kw, 0.0)
        earns = reserve.price_per_kw_h * kw - reserve.penalty_per_kw_h * broken
        return earns * reserve.hours(self.problem.step_h)

    def on_rows(self, *, mean: bool = False) -> Floats:
        """Return what calls' rows add to the price of net power [currency/kWh], shape (r, T)."""
        kwh = np.zeros_like(self.book.base_kw)
        price = self.means[2] if mean else self.price
        for o in range(price.shape[1]):
            shifted = price[1, o] - price[0, o]
            kwh[:, o:] += shifted[:, : kwh.shape[1] - o]
        own = kwh / self.problem.step_h
        return own if mean else own + self.refill.on_rows()

    def _marginal(self, b: int, reserve: Reserve, kw: float) -> float:
        hours = reserve.hours(self.problem.step_h)
        if kw < reserve.committed_kw:
            return (reserve.price_per_kw_h + reserve.penalty_per_kw_h) * hours
        return reserve.price_per_kw_h * hours if kw < self.most_kw[b] else 0.0

    def split(self, b: int, heat: float) -> None:
        """Split the value of a block among its things and steps."""
        mine = np.flatnonzero(self.block == b)
        steps = slice(self.calls.hold["from_step"][mine[0]], self.calls.hold["to_step"][mine[0]])
        held = self.there[mine, steps] / self.ratio[mine, None]
        warm = max(heat * float(held.mean()), 1e-9)
        part = np.exp(-(held - held.min()) / warm)
        part *= self.value[b] / part.sum()
        self.calls.worth[mine, steps] = part / self.ratio[mine, None]

    def _at_offsets(self, room: Floats) -> Floats:
        """Room in the step that lies each offset after a start, 0 beyond the end, (O, r, T)."""
        at = [ahead_of(room, o, 0.0) for o in range(self.price.shape[1])]
        rooms: Floats = np.where(np.isfinite(at), at, 0.0)
        return rooms


def lay_holding(problem: Problem, stays: Stays, book: Book) -> Holding:
    """Lay out what the blocks of a problem ask of its vehicles and rows."""
    things = [(b, r, 1.0, True) for b, r in enumerate(problem.reserves)]
    things += [
        (b, _margin(r), r.opposite_share, False)
        for b, r in enumerate(problem.reserves)
        if r.opposite_share > 0
    ]
    over = np.stack([_over(problem, r, stored) for _, r, _, stored in things])
    hold = np.zeros(len(things), dtype=HOLD)
    for h, (_, reserve, _, stored) in enumerate(things):
        inside = slice(reserve.from_step, reserve.to_step)
        several = bool(np.any((over[h] - np.arange(problem.steps))[inside] > 1))
        hold[h] = (
            reserve.sign, int(reserve.sign > 0), reserve.from_step, reserve.to_step, stored,
            several, reserve.confidence >= 1.0, reserve.duration_h,
            reserve.activation_share if stored else 0.0,
        )  # fmt: skip
    paths, rows = len(book.path) - 1, len(book.limit)
    lasts = over - np.arange(problem.steps)
    longest = max(int(lasts[h, i["from_step"] : i["to_step"]].max()) for h, i in enumerate(hold))
    shape = (len(things), problem.steps)
    leaves, leave = departure_classes(stays)
    ready = lay_out(replace(problem, reserves=()), relax_standby=True, pairs=False)
    calls = Calls(
        hold=hold,
        able=_able(ready, stays, leaves),
        over=over,
        below=np.stack([_below(problem, r, book) for _, r, _, _ in things]),
        worth=np.zeros(shape),
        dues=np.zeros((len(things), paths, len(leave), problem.steps)),
        spot=_spot(problem, ready, stays, paths),
        chance=_chance(problem, stays),
        clock=np.concatenate(([0.0], np.cumsum(problem.step_h))),
    )
    most = [min(r.most_kw, _able_kw(problem, stays, r)) for r in problem.reserves]
    holding = Holding(
        problem=problem,
        book=book,
        calls=calls,
        block=np.array([b for b, _, _, _ in things]),
        ratio=np.array([_needed(r, ratio) for _, r, ratio, _ in things]),
        lasts=lasts,
        value=np.array([r.price_per_kw_h * r.hours(problem.step_h) for r in problem.reserves]),
        there=np.ones(shape),
        price=np.zeros((2, longest, rows, problem.steps)),
        most_kw=np.array(most),
        refill=lay_refill(problem, stays, book, (leaves, leave), over, hold),
    )
    for b in range(len(problem.reserves)):
        holding.split(b, HEAT)
    holding.means[0][:] = calls.worth
    return holding


def _margin(reserve: Reserve) -> Reserve:
    """Return what a block holds the other way: power in its own steps, no energy."""
    other = "down" if reserve.direction == "up" else "up"
    return replace(reserve, direction=other, confidence=1.0)  # type: ignore[arg-type]


def _needed(reserve: Reserve, ratio: float) -> float:
    """KW to be held for a kW offered: chances at confidence times it (Markov), or the margin."""
    return ratio * reserve.confidence


def _over(problem: Problem, reserve: Reserve, stored: bool) -> Ints:
    if not stored:
        return np.arange(1, problem.steps + 1)
    return last_nodes(problem.step_h, reserve.duration_h)


def _able(layout: Layout, stays: Stays, leaves: Ints) -> npt.NDArray[np.void]:
    problem = layout.problem
    able = np.zeros(len(problem), dtype=ABLE)
    able["leaves"] = leaves
    gives = problem.max_discharge_kw > 0
    low = stays.each["low_kwh"] < stays.each["min_kwh"] - 1e-9
    if problem.floor_kwh is not None:
        low |= (problem.floor_kwh > problem.min_kwh[:, None]).any(axis=1)
    high = stays.each["high_kwh"] > stays.each["max_kwh"] + 1e-9
    able["serves_up"] = ~low
    able["serves_down"] = ~high
    due = layout.within_reach_kwh.copy()
    due[followed(problem)] = -np.inf
    # Where missing energy is cheap, to miss it and to sell its reserve may pay: no bound then.
    able["due_kwh"] = due if _is_kept(problem, layout) else -np.inf
    draw, gain = layout.law.draw.max(axis=1), layout.law.gain.max(axis=1)
    able["up_kwh"] = np.where(gives, draw, gain)
    able["down_kwh"] = gain
    able["several_kwh"] = np.where(gives, draw, gain)
    wear = problem.wear_price_per_kwh.copy()
    if problem.wear_depth_price_per_kwh is not None:
        wear = wear + problem.wear_depth_price_per_kwh.mean(axis=1)
    able["wear"] = np.where(gives, wear, 0.0)
    able["lost"] = np.where(gives, draw / layout.law.gain.min(axis=1) - 1.0, 0.0)
    return able


def _is_kept(problem: Problem, layout: Layout) -> bool:
    """Whether missing energy is so dear that nobody misses any for money."""
    bands = problem.shortfall_band_price_per_kwh
    price = problem.shortfall_price_per_kwh if bands is None else float(np.min(bands))
    energy = float(np.abs(layout.price_in).max(initial=0.0)) / float(layout.law.gain.min())
    return problem.promise == "first" or price >= DEAR * energy


def _below(problem: Problem, reserve: Reserve, book: Book) -> npt.NDArray[np.bool_]:
    """Mark the paths whose stays serve a block, shape (paths,)."""
    paths = len(book.path) - 1
    if not reserve.limit:
        return np.ones(paths, dtype=bool)
    row = problem.limit_names.index(reserve.limit)
    below = np.zeros(paths, dtype=bool)
    path = np.repeat(np.arange(paths), np.diff(book.path))
    below[path[book.row == row]] = True
    return below


def _spot(problem: Problem, layout: Layout, stays: Stays, paths: int) -> Floats:
    """Import price that the stays of each path pay, shape (paths, T)."""
    if len(problem.meters) == 0:
        return np.repeat(layout.price_in, paths, axis=0)
    spot = np.zeros((paths, problem.steps))
    number = {int(j): k for k, j in enumerate(problem.meters)}
    for path, i in zip(*np.unique(stays.each["path"], return_index=True), strict=True):
        j = int(problem.limit[i])
        while j not in number:
            j = int(problem.limit_parent[j])
        spot[path] = layout.price_in[number[j]]
    return spot


def _chance(problem: Problem, stays: Stays) -> Floats:
    if problem.availability is None:
        return np.zeros(0)
    row = np.repeat(np.arange(len(problem)), stays.each["steps"])
    step = np.arange(len(row)) - (stays.each["start"] - stays.each["arrive"])[row]
    chance: Floats = availability(problem)[row, step]
    return chance


def _able_kw(problem: Problem, stays: Stays, reserve: Reserve) -> float:
    """Power of all chargers in the weakest step of a block [kW]."""
    each = stays.each
    power = each["charge_kw"] + each["discharge_kw"]
    change = np.zeros(problem.steps + 1)
    np.add.at(change, each["arrive"], np.where(each["steps"] > 0, power, 0.0))
    np.add.at(change, each["arrive"] + each["steps"], np.where(each["steps"] > 0, -power, 0.0))
    there = np.cumsum(change)[reserve.from_step : reserve.to_step]
    return max(float(there.min(initial=np.inf)) / reserve.confidence, 0.0)
