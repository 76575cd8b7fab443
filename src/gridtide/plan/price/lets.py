"""What limits let through of the reserve that is held below them, and at what price.

A limit lets through the least of what is held below it, of the room that it leaves while a call
lasts, and of what can be charged again below it before vehicles leave. Each gets a part of the
price of what comes through, most where least is: exp(-kW / heat), as a share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gridtide.plan.price.rows import Book
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats, Ints, Problem

if TYPE_CHECKING:
    from gridtide.plan.price.calls import Holding


CLASSES = 8
"""Departures are told apart by so many classes."""


def ahead_of(values: Floats, offset: int, beyond: float = np.nan) -> Floats:
    """Values of the step that lies so far ahead, shape (r, T)."""
    ahead = np.full(values.shape, beyond)
    ahead[:, : values.shape[1] - offset] = values[:, offset:]
    return ahead


@dataclass(frozen=True, slots=True)
class Refill:
    """How much of calls upwards can be charged again below each row, after a call from each step.

    Parameters
    ----------
    first
        Step in which it can begin after a call from each step, shape (T,).
    leave
        Step in which each class leaves, earliest first, shape (C,).
    step_h
        Hours of each step, shape (T,).
    kw_per_kwh
        Called power that a kWh at the plugs makes good.
    plug_kw
        Power at which those of each class can charge, shape (r, C).
    price
        Of a kW called, by class that it is made good before, [currency/kW], shape (r, C, T).
    """

    first: Ints
    leave: Ints
    step_h: Floats
    kw_per_kwh: float
    plug_kw: Floats
    price: Floats

    @property
    def share(self) -> Floats:
        """Share of each class in the power of all plugs, shape (r, C)."""
        share: Floats = self.plug_kw / np.maximum(self.plug_kw.sum(axis=1, keepdims=True), 1e-9)
        return share

    def plugs_kw(self, free_kw: Floats) -> Floats:
        """Power that each class makes good if all get the same part of the room, (r, C, T)."""
        whole = self.plug_kw.sum(axis=1, keepdims=True)
        return self.room_kw(np.minimum(np.maximum(free_kw, 0.0), whole)) * self.share[:, :, None]

    def room_kw(self, free_kw: Floats) -> Floats:
        """Power that can be called and charged again before each class leaves, shape (r, C, T)."""
        kwh = np.maximum(free_kw, 0.0) * self.step_h
        total = np.concatenate((np.zeros((len(kwh), 1)), np.cumsum(kwh, axis=1)), axis=1)
        until = total[:, self.leave][:, :, None] - total[:, self.first][:, None, :]
        return self.kw_per_kwh * np.maximum(until, 0.0)

    def on_rows(self) -> Floats:
        """Return what it adds to the price of net power [currency/kWh], shape (r, T)."""
        count, _, steps = self.price.shape
        change = np.zeros((count, steps + 1))
        for c, leave in enumerate(self.leave):
            late = np.flatnonzero(self.first < leave)
            each = self.price[:, c, late] * self.kw_per_kwh
            np.add.at(change.T, self.first[late], each.T)
            change[:, leave] -= each.sum(axis=1)
        added: Floats = np.cumsum(change, axis=1)[:, :-1]
        return added


def departure_classes(stays: Stays) -> tuple[Ints, Ints]:
    """Class of each stay by departure, shape (n,), and step at which each class leaves, (C,)."""
    each = stays.each
    leave = (each["arrive"] + each["steps"]).astype(np.int64)
    there = leave[each["steps"] > 0]
    if len(there) == 0:
        return np.zeros(len(leave), dtype=np.int64), np.zeros(1, dtype=np.int64)
    first = np.unique(np.quantile(there, np.arange(CLASSES) / CLASSES, method="lower"))
    return np.maximum(np.searchsorted(first, leave, side="right") - 1, 0), first.astype(np.int64)


def lay_refill(
    problem: Problem,
    stays: Stays,
    book: Book,
    classes: tuple[Ints, Ints],
    over: Ints,
    hold: npt.NDArray[np.void],
) -> Refill:
    """Lay out when calls upwards can be made good, and by how much a kWh does."""
    each, steps, (leaves, leave) = stays.each, problem.steps, classes
    of_path = np.zeros((len(book.path) - 1, len(leave)))
    gives = (each["discharge_kw"] > 0) & (each["steps"] > 0)
    np.add.at(of_path, (each["path"], leaves), np.where(gives, each["charge_kw"], 0.0))
    plug = np.zeros((len(book.limit), len(leave)))
    np.add.at(plug, book.row, np.repeat(of_path, np.diff(book.path), axis=0))
    up = hold["stored"] & (hold["way"] == 0)
    draw = float(each["draw"][gives].mean()) if gives.any() else 1.0
    gain = float(each["gain"].mean()) if len(each) else 1.0
    hours = float(hold["duration_h"][up].max(initial=0.0))
    return Refill(
        first=over[up].max(axis=0) if up.any() else np.full(steps, steps),
        leave=leave,
        step_h=problem.step_h,
        kw_per_kwh=gain / (draw * hours) if hours > 0 else 0.0,
        plug_kw=plug,
        price=np.zeros((*plug.shape, steps)),
    )


@dataclass(frozen=True, slots=True)
class Lets:
    """How the worth of each thing to hold is split at each limit.

    Parameters
    ----------
    there
        What comes through in all, shape (H, T).
    below
        Part of those of each class, shape (H, r, C, T).
    room
        Part of the room, shape (H, r, T).
    refill
        Part of what can be charged again before each class leaves, shape (H, r, C, T).
    when
        How the room's part is split among the steps of a call, shape (H, O, r, T).
    kept
        Share of what a class asks that comes through, shape (H, r, C, T).
    """

    there: Floats
    below: Floats
    room: Floats
    refill: Floats
    when: Floats
    kept: Floats

    def kept_of(self, holding: Holding, h: int) -> Floats:
        """Share of what the stays of each path hold that comes through, shape (paths, C, T)."""
        parent, right = holding.problem.limit_parent, right_above(holding.book)
        through = np.ones_like(self.kept[h])
        for j in range(len(parent)):
            above = through[parent[j]] if parent[j] >= 0 else 1.0
            through[j] = self.kept[h, j] * above
        kept = np.ones((len(right), *through.shape[1:]))
        kept[right >= 0] = through[right[right >= 0]]
        return kept

    def above(self, holding: Holding) -> Floats:
        """Worth of what comes to each limit from below, by class, shape (H, r, C, T)."""
        parent, worth = holding.problem.limit_parent, holding.calls.worth
        # Phases have rows behind those of limits: calls do not look at them.
        above = np.zeros_like(self.below)
        for j in range(len(parent)):
            top = parent[j] < 0
            at = worth[:, None] if top else above[:, parent[j]] * self.below[:, parent[j]]
            above[:, j] = at
        return above


def charged(holding: Holding, lets: Lets) -> tuple[Floats, Floats, Floats]:
    """Prices that limits keep.

    Returns
    -------
    tuple
        Of rooms, shape (2, O, r, T), of charging again, (r, C, T), and together what a class
        pays to all limits above it, (H, paths, C, T), all [currency/kW].
    """
    calls, above = holding.calls, lets.above(holding)
    price, dues = np.zeros_like(holding.price), np.zeros_like(calls.dues)
    # What comes to a limit is worth the same for all, but for the last class to leave.
    whole = above[:, :, -1]
    for h, way in enumerate(calls.hold["way"]):
        price[way] += (whole * lets.room)[h] * lets.when[h]
    for path, row in enumerate(right_above(holding.book)):
        if row >= 0:
            dues[:, path] = calls.worth[:, None] - above[:, row] * lets.below[:, row]
    return price, np.sum(whole[:, :, None] * lets.refill, axis=0), dues


def let_through(
    holding: Holding, held: Floats, net_kw: Floats, heat: float, *, refill: bool
) -> Lets:
    """Follow what is held up the limits.

    Parameters
    ----------
    holding
        Blocks and rows.
    held
        By the stays of each path and class: all, and what need not be charged again, shape
        (2, H, paths, C, T).
    net_kw
        Net power of the rows, shape (r, T).
    heat
        How even splits are.
    refill
        Whether what has to be charged again is looked at.
    """
    book, parent, hold = holding.book, holding.problem.limit_parent, holding.calls.hold
    least, when = _rooms(holding, net_kw, heat)
    again = holding.refill.room_kw(book.upper_kw - net_kw)
    plugs = holding.refill.plugs_kw(book.upper_kw - net_kw)
    needs = (hold["way"] == 0) & hold["stored"] & refill
    count, classes, steps = len(hold), held.shape[3], held.shape[4]
    asked = np.zeros((2, count, len(book.limit), classes, steps))
    there = np.zeros((count, steps))
    for path, row in enumerate(right_above(book)):
        if row < 0:
            there += held[0, :, path].sum(axis=1)
        else:
            asked[:, :, row] += held[:, :, path]
    below = np.ones((count, len(book.limit), classes, steps))
    made_good, room = np.zeros_like(below), np.zeros((count, len(book.limit), steps))
    through = np.ones_like(below)
    for j in range(len(parent) - 1, -1, -1):
        wanted, easy = asked[:, :, j]
        passed = wanted.copy()
        if needs.any():
            part = _made_good(
                passed[needs], easy[needs], again[j], (plugs[j], holding.refill.share[j]), heat
            )
            passed[needs], below[needs, j], made_good[needs, j] = part
        whole = passed.sum(axis=1)
        kept, (own, room[:, j]) = _least_of(np.stack((whole, least[:, j])), heat)
        # What the room keeps comes off all classes alike.
        below[:, j] *= own[:, None]
        made_good[:, j] *= own[:, None]
        share = np.divide(kept, whole, out=np.ones_like(whole), where=whole > 1e-12)
        passed = passed * share[:, None]
        through[:, j] = np.divide(passed, wanted, out=through[:, j], where=wanted > 1e-12)
        if parent[j] >= 0:
            asked[0, :, parent[j]] += passed
            asked[1, :, parent[j]] += np.minimum(easy, passed)
        else:
            there += passed.sum(axis=1)
    return Lets(there, below, room, made_good, when, through)


def _made_good(
    asked: Floats, easy: Floats, again: Floats, plugs: tuple[Floats, Floats], heat: float
) -> tuple[Floats, Floats, Floats]:
    """Limit shares to what can be charged again before each class leaves.

    Before a class leaves, it and all that leave earlier have been made good. Returns what passes
    of each class, the part of the worth that it keeps, and that of each class's room, all of
    shape (H, C, T).
    """
    passed, (below, alone) = _least_of(np.stack((asked, easy + plugs[0])), heat)
    room = alone * plugs[1][:, None]
    free = np.zeros_like(asked[:, 0])
    for c in range(asked.shape[1]):
        free = free + easy[:, c]
        so_far = passed[:, : c + 1].sum(axis=1)
        kept, (own, rest) = _least_of(np.stack((so_far, free + again[c])), heat)
        share = np.divide(kept, so_far, out=np.ones_like(so_far), where=so_far > 1e-12)
        passed[:, : c + 1] *= share[:, None]
        below[:, : c + 1] *= own[:, None]
        room[:, :c] *= own[:, None]
        room[:, c] = room[:, c] * own + rest
    return passed, below, room


def _least_of(values: Floats, heat: float) -> tuple[Floats, Floats]:
    """Return the least of some values, and weights that are largest where it is, along axis 0."""
    least = values.min(axis=0)
    finite = np.isfinite(values)
    warm = np.maximum(heat * np.where(finite, values, 0.0).max(axis=0), 1e-9)
    off = np.where(finite, values - least, np.inf) / warm
    part = np.exp(-np.minimum(off, 700.0)) * finite
    return least, part / part.sum(axis=0)


def _rooms(holding: Holding, net_kw: Floats, heat: float) -> tuple[Floats, Floats]:
    """Least room over a call of each thing from each step, (H, r, T), and when, (H, O, r, T)."""
    book, longest, way = holding.book, holding.price.shape[1], holding.calls.hold["way"]
    ahead = [
        np.stack([ahead_of(np.maximum(room, 0.0), o, np.inf) for o in range(longest)])
        for room in (net_kw - book.lower_kw, book.upper_kw - net_kw)
    ]
    least = np.empty((len(way), *net_kw.shape))
    when = np.empty((len(way), longest, *net_kw.shape))
    for h, lasts in enumerate(holding.lasts):
        over = np.arange(longest)[:, None] >= np.maximum(lasts, 1)
        least[h], when[h] = _least_of(np.where(over[:, None], np.inf, ahead[way[h]]), heat)
    return least, when


def right_above(book: Book) -> Ints:
    """Return the limit right above each path, -1 for none, shape (paths,)."""
    above = np.full(len(book.path) - 1, -1)
    for path in range(len(above)):
        rows = book.row[book.path[path] : book.path[path + 1]]
        own = rows[book.phase[rows] < 0]
        above[path] = book.limit[own[0]] if len(own) else -1
    return above
