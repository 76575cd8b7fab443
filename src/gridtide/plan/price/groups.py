"""Which vehicles are worked through together, and which rows lanes have to share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.price.rows import Book
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Bools, Ints, Problem

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
    top = _tops(problem, stays, below)
    shared = np.ones(len(book.limit), dtype=bool)
    groups = []
    for j, vehicles in _parted(top):
        # Beside those right below it, a limit may have others below it, in groups of their own.
        whole = j >= 0 and below[j] <= GROUP
        if not whole:
            pieces = np.array_split(vehicles, -(-len(vehicles) // GROUP))
            groups += [Group(piece, np.zeros(0, dtype=np.int64)) for piece in pieces]
            continue
        own = np.flatnonzero(_under(problem, j)[book.limit])
        shared[own] = False
        groups.append(Group(vehicles, own))
    place = np.where(shared, np.cumsum(shared) - 1, -1)
    return groups, place


def _stays_below(problem: Problem) -> Ints:
    """Number of stays below each limit, shape (m,)."""
    parent, leaf = problem.limit_parent, problem.limit
    below = np.bincount(leaf[leaf >= 0], minlength=len(problem.limit_names))
    for j in range(len(below) - 1, -1, -1):
        if parent[j] >= 0:
            below[parent[j]] += below[j]
    return below


def _tops(problem: Problem, stays: Stays, below: Ints) -> Ints:
    """Highest limit with at most a group's stays below that all stays of each are below."""
    parent, leaf, count = problem.limit_parent, problem.limit, len(problem.limit_names)
    top = np.arange(count)
    for j in range(count):
        if parent[j] >= 0 and below[top[parent[j]]] <= GROUP:
            top[j] = top[parent[j]]
    of_stay = np.where(leaf >= 0, top[np.maximum(leaf, 0)] if count else -1, -1)
    if len(of_stay) == 0:
        return of_stay
    # A vehicle that stays below several groups belongs to none of them.
    least = np.minimum.reduceat(of_stay, stays.vehicle[:-1])
    most = np.maximum.reduceat(of_stay, stays.vehicle[:-1])
    crossing = least != most
    home: Ints = np.where(crossing, -1, least)
    strangers = np.unique(of_stay[np.repeat(crossing, np.diff(stays.vehicle))])
    return np.where(np.isin(home, strangers), -1, home)


def _parted(top: Ints) -> list[tuple[int, Ints]]:
    order = np.argsort(top, kind="stable")
    cuts = np.flatnonzero(np.diff(top[order])) + 1
    return [(int(top[part[0]]), part) for part in np.split(order, cuts) if len(part)]


def _under(problem: Problem, top: int) -> Bools:
    """Mark the limits that are a limit or below it, shape (m,)."""
    under = np.zeros(len(problem.limit_names), dtype=bool)
    under[top] = True
    for j in range(top + 1, len(under)):
        above = problem.limit_parent[j]
        under[j] = above >= 0 and under[above]
    return under
