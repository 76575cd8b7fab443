"""Which vehicles are worked through together, and which rows lanes have to share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.price.rows import Book
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Ints, Problem

GROUP = 400
"""Vehicles that one lane works through before the lanes add up what they did."""


@dataclass(frozen=True, slots=True)
class Group:
    """Vehicles, and the rows that only they are below."""

    vehicles: Ints
    rows: Ints


def make_groups(problem: Problem, stays: Stays, book: Book) -> tuple[list[Group], Ints]:
    """Cut the tree of limits where more vehicles are below than a group may have.

    Returns
    -------
    tuple
        The groups, and the place of each row among the shared ones, -1 for none, shape (r,).
    """
    below = _stays_below(problem)
    top, root = _tops(problem, stays, below, GROUP)
    shared = np.ones(len(book.limit), dtype=bool)
    groups: list[Group] = []
    rows_of = _by_root(root[book.limit] if len(root) else np.zeros(0, dtype=np.int64))
    small: list[Group] = []
    for j, vehicles in _parted(top):
        # Beside those right below it, a limit may have others below it, in groups of their own.
        if j < 0 or below[j] > GROUP:
            pieces = np.array_split(vehicles, -(-len(vehicles) // GROUP))
            groups += [Group(piece, np.zeros(0, dtype=np.int64)) for piece in pieces]
            continue
        own = rows_of.get(j, np.zeros(0, dtype=np.int64))
        shared[own] = False
        if sum(len(group.vehicles) for group in small) + len(vehicles) > GROUP:
            groups.append(_packed(small))
            small = []
        small.append(Group(vehicles, own))
    if small:
        groups.append(_packed(small))
    place = np.where(shared, np.cumsum(shared) - 1, -1)
    return groups, place


def find_clusters(problem: Problem, stays: Stays, book: Book, most: int) -> list[Group]:
    """List the highest limits with at most so many stays below, each with all its vehicles."""
    below = _stays_below(problem)
    top, root = _tops(problem, stays, below, most)
    rows_of = _by_root(root[book.limit] if len(root) else np.zeros(0, dtype=np.int64))
    return [Group(who, rows_of[j]) for j, who in _parted(top) if j >= 0 and below[j] <= most]


def _packed(small: list[Group]) -> Group:
    """Work through small groups as one: hand-overs cost time."""
    vehicles, rows = [g.vehicles for g in small], [g.rows for g in small]
    return Group(np.concatenate(vehicles), np.concatenate(rows))


def _by_root(root: Ints) -> dict[int, Ints]:
    """Rows below each top limit."""
    order = np.argsort(root, kind="stable")
    cuts = np.flatnonzero(np.diff(root[order])) + 1
    return {int(root[part[0]]): part for part in np.split(order, cuts) if len(part)}


def _stays_below(problem: Problem) -> Ints:
    """Count the stays below each limit, shape (m,)."""
    parent, leaf = problem.limit_parent, problem.limit
    below = np.bincount(leaf[leaf >= 0], minlength=len(problem.limit_names))
    for j in range(len(below) - 1, -1, -1):
        if parent[j] >= 0:
            below[parent[j]] += below[j]
    return below


def _tops(problem: Problem, stays: Stays, below: Ints, most: int) -> tuple[Ints, Ints]:
    """Highest limit with at most so many stays below, of each vehicle and of each limit.

    -1 for vehicles without one, or that stay below several.
    """
    parent, leaf, count = problem.limit_parent, problem.limit, len(problem.limit_names)
    top = np.arange(count)
    for j in range(count):
        if parent[j] >= 0 and below[top[parent[j]]] <= most:
            top[j] = top[parent[j]]
    of_stay = np.where(leaf >= 0, top[np.maximum(leaf, 0)] if count else -1, -1)
    if len(of_stay) == 0:
        return of_stay, top
    # A vehicle that stays below several groups belongs to none of them.
    first = np.minimum.reduceat(of_stay, stays.vehicle[:-1])
    crossing = first != np.maximum.reduceat(of_stay, stays.vehicle[:-1])
    home: Ints = np.where(crossing, -1, first)
    strangers = np.unique(of_stay[np.repeat(crossing, np.diff(stays.vehicle))])
    return np.where(np.isin(home, strangers), -1, home), top


def _parted(top: Ints) -> list[tuple[int, Ints]]:
    order = np.argsort(top, kind="stable")
    cuts = np.flatnonzero(np.diff(top[order])) + 1
    return [(int(top[part[0]]), part) for part in np.split(order, cuts) if len(part)]
