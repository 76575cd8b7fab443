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


LATE = 1.0
"""Calls are made good until vehicles leave: so many standard deviations after the mean."""


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
    first, stop
        Steps in which it can, until most vehicles have left, shape (r, T).
    step_h
        Hours of each step, shape (T,).
    kw_per_kwh
        Called power that a kWh at the plugs makes good.
    price
        Of a kW called [currency/kW], shape (r, T).
    """

    first: Ints
    stop: Ints
    step_h: Floats
    kw_per_kwh: float
    price: Floats

    def room_kw(self, free_kw: Floats) -> Floats:
        """Power that can be called and charged again, shape (r, T)."""
        kwh = np.maximum(free_kw, 0.0) * self.step_h
        total = np.concatenate((np.zeros((len(kwh), 1)), np.cumsum(kwh, axis=1)), axis=1)
        rows = np.arange(len(kwh))[:, None]
        room: Floats = self.kw_per_kwh * (total[rows, self.stop] - total[rows, self.first])
        return room

    def on_rows(self) -> Floats:
        """Return what it adds to the price of net power [currency/kWh], shape (r, T)."""
        count, steps = self.price.shape
        change = np.zeros((count, steps + 1))
        rows = np.repeat(np.arange(count), steps)
        each = (self.price * self.kw_per_kwh).ravel()
        np.add.at(change, (rows, self.first.ravel()), each)
        np.add.at(change, (rows, self.stop.ravel()), -each)
        added: Floats = np.cumsum(change, axis=1)[:, :-1]
        return added


def lay_refill(
    problem: Problem, stays: Stays, book: Book, over: Ints, hold: npt.NDArray[np.void]
) -> Refill:
    """Lay out when calls upwards can be made good, and by how much a kWh does."""
    each, steps = stays.each, problem.steps
    plugged = each["steps"] > 0
    power = np.where(plugged, each["discharge_kw"], 0.0)
    leave = (each["arrive"] + each["steps"]).astype(float)
    totals = [_plugged(stays, book, power * leave**k, steps) for k in range(3)]
    there = totals[0] > 1e-9
    mean, square = (np.divide(t, totals[0], out=np.zeros_like(t), where=there) for t in totals[1:])
    late = mean + LATE * np.sqrt(np.maximum(square - mean**2, 0.0))
    up = hold["stored"] & (hold["way"] == 0)
    first = over[up].max(axis=0) if up.any() else np.full(steps, steps)
    first = np.broadcast_to(first, mean.shape)
    stop = np.clip(np.floor(late + 1e-9).astype(np.int64), first, steps)
    gives = each["discharge_kw"] > 0
    draw = float(each["draw"][gives].mean()) if gives.any() else 1.0
    gain = float(each["gain"].mean()) if len(each) else 1.0
    hours = float(hold["duration_h"][up].max(initial=0.0))
    return Refill(
        first=first,
        stop=stop,
        step_h=problem.step_h,
        kw_per_kwh=gain / (draw * hours) if hours > 0 else 0.0,
        price=np.zeros(mean.shape),
    )


def _plugged(stays: Stays, book: Book, weight: Floats, steps: int) -> Floats:
    """Sum of a weight of the stays that are plugged in below each row, shape (r, T)."""
    each, change = stays.each, np.zeros((len(book.path) - 1, steps + 1))
    np.add.at(change, (each["path"], each["arrive"]), weight)
    np.add.at(change, (each["path"], each["arrive"] + each["steps"]), -weight)
    own = np.repeat(np.cumsum(change, axis=1)[:, :-1], np.diff(book.path), axis=0)
    total = np.zeros((len(book.limit), steps))
    np.add.at(total, book.row, own)
    return total


@dataclass(frozen=True, slots=True)
class Lets:
    """How the worth of each thing to hold is split at each limit.

    Parameters
    ----------
    there
        What comes through in all, shape (H, T).
    below, room, refill
        Parts of those below, of the room and of what can be charged again, shape (H, r, T).
    when
        How the room's part is split among the steps of a call, shape (2, O, r, T).
    """

    there: Floats
    below: Floats
    room: Floats
    refill: Floats
    when: Floats

    def above(self, holding: Holding) -> Floats:
        """Worth of what comes to each limit from below, shape (H, r, T)."""
        parent = holding.problem.limit_parent
        above = np.empty_like(self.below)
        for j in range(len(parent)):
            top = parent[j] < 0
            above[:, j] = holding.calls.worth if top else (above * self.below)[:, parent[j]]
        return above

    def refilled(self, holding: Holding) -> Floats:
        """Price of charging again, shape (r, T)."""
        price: Floats = np.sum(self.above(holding) * self.refill, axis=0)
        return price


def charged(holding: Holding, lets: Lets) -> tuple[Floats, Floats]:
    """Prices of rooms, shape (2, O, r, T), and what all limits above keep, (H, paths, T)."""
    calls, above = holding.calls, lets.above(holding)
    price, dues = np.zeros_like(holding.price), np.zeros_like(calls.dues)
    for h, way in enumerate(calls.hold["way"]):
        price[way] += (above * lets.room)[h] * lets.when[way]
    for path, row in enumerate(right_above(holding.book)):
        if row >= 0:
            dues[:, path] = calls.worth - (above * lets.below)[:, row]
    return price, dues


def let_through(
    holding: Holding, held: Floats, net_kw: Floats, heat: float, *, refill: bool
) -> Lets:
    """Follow what is held up the limits.

    Parameters
    ----------
    holding
        Blocks and rows.
    held
        By the stays of each path: all, and what need not be charged again, (2, H, paths, T).
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
    needs = (hold["way"] == 0) & hold["stored"] & refill
    asked = np.zeros((2, len(hold), len(book.limit), held.shape[3]))
    there = np.zeros((len(hold), held.shape[3]))
    for path, row in enumerate(right_above(book)):
        if row < 0:
            there += held[0, :, path]
        else:
            asked[:, :, row] += held[:, :, path]
    parts = np.zeros((3, *asked.shape[1:]))
    for j in range(len(parent) - 1, -1, -1):
        room = np.maximum(least[hold["way"], j], 0.0)
        good = np.where(needs[:, None], asked[1, :, j] + again[j], np.inf)
        passed, parts[:, :, j] = _least_of(np.stack((asked[0, :, j], room, good)), heat)
        if parent[j] >= 0:
            asked[0, :, parent[j]] += passed
            asked[1, :, parent[j]] += np.minimum(asked[1, :, j], passed)
        else:
            there += passed
    return Lets(there, parts[0], parts[1], parts[2], when)


def _least_of(values: Floats, heat: float) -> tuple[Floats, Floats]:
    """Return the least of some values, and weights that are largest where it is, along axis 0."""
    least = values.min(axis=0)
    finite = np.isfinite(values)
    warm = np.maximum(heat * np.where(finite, values, 0.0).max(axis=0), 1e-9)
    off = np.where(finite, values - least, np.inf) / warm
    part = np.exp(-np.minimum(off, 700.0)) * finite
    return least, part / part.sum(axis=0)


def _rooms(holding: Holding, net_kw: Floats, heat: float) -> tuple[Floats, Floats]:
    """Least room of each way over a call from each step, (2, r, T), and when, (2, O, r, T)."""
    book, longest = holding.book, holding.price.shape[1]
    least, when = np.empty((2, *net_kw.shape)), np.empty((2, longest, *net_kw.shape))
    for way, room in enumerate((net_kw - book.lower_kw, book.upper_kw - net_kw)):
        ahead = np.stack([ahead_of(room, o, np.inf) for o in range(longest)])
        mine = holding.calls.hold["way"][:, None] == way
        over = np.arange(longest)[:, None] >= np.max(np.where(mine, holding.lasts, 0), axis=0)
        ahead = np.where(over[:, None, :], np.inf, np.maximum(ahead, 0.0))
        ahead[0] = np.where(over[0], 1e30, ahead[0])
        least[way], when[way] = _least_of(ahead, heat)
    return least, when


def right_above(book: Book) -> Ints:
    """Return the limit right above each path, -1 for none, shape (paths,)."""
    above = np.full(len(book.path) - 1, -1)
    for path in range(len(above)):
        rows = book.row[book.path[path] : book.path[path + 1]]
        own = rows[book.phase[rows] < 0]
        above[path] = book.limit[own[0]] if len(own) else -1
    return above
