"""Whole numbers that must not overflow, be rounded twice, or get lost in a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
LARGEST_AMOUNT = 9 * 10**18
_HALF_BITS = 30
_HALF_MASK = (1 << _HALF_BITS) - 1


def exact_sum(values: Ints) -> int:
    """Return the sum as a Python integer, also where 64 bits would overflow."""
    high, low = values >> _HALF_BITS, values & _HALF_MASK
    return (int(high.sum()) << _HALF_BITS) + int(low.sum())


def times(quantity: Ints, price: Ints | int) -> Ints:
    """Return quantity times price, both whole, after seeing that it fits into 64 bits.

    Raises
    ------
    ValueError
        If a product would not fit: no amount of money is that large, so a unit is wrong.
    """
    if largest(quantity) * largest(np.asarray(price, dtype=np.int64)) > LARGEST_AMOUNT:
        raise ValueError("an amount does not fit into 64 bits; is a price or an energy wrong?")
    return quantity * price


def largest(values: Ints) -> int:
    """Return the largest magnitude as a Python integer; 0 for no values."""
    return max(int(values.max()), -int(values.min())) if values.size else 0


def group_sums(groups: Ints, values: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the distinct groups, the sum of the values of each, and its number of rows.

    Sums stay in 64 bits: a group's values must not add up to more than 9e18.
    """
    if len(groups) == 0:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(first, len(groups)))
    return ordered[first], np.add.reduceat(values[order], first), counts


def sums_by(index: Ints, values: Ints, n: int) -> Ints:
    """Return the sum of values by index, shape (n,), exact in 64 bits."""
    sums = np.zeros(n, dtype=np.int64)
    np.add.at(sums, index, values)
    return sums


def split_wh(total_wh: Ints, weights: Ints, group: Ints) -> Ints:
    """Split whole Wh among the rows of each group, by weight, without losing one.

    Parameters
    ----------
    total_wh
        What each group shares out [Wh], shape (groups,); 0 where the weights are all 0.
    weights
        Claim of each row, >= 0, shape (rows,).
    group
        Group of each row, sorted, shape (rows,).

    Returns
    -------
    Share of each row [Wh], shape (rows,): differences of the rounded-down running share, so
    that the rows of a group add up to its total and a row with weight 0 gets nothing.
    """
    running = np.cumsum(weights)
    before_group = np.concatenate([[0], running])[np.searchsorted(group, group)]
    whole = sums_by(group, weights, len(total_wh))[group]
    if largest(whole) * largest(total_wh) > LARGEST_AMOUNT:
        raise ValueError("an energy to be split is too large to be one; is a register wrong?")
    safe = np.maximum(whole, 1)
    until = (running - before_group) * total_wh[group] // safe
    since = (running - before_group - weights) * total_wh[group] // safe
    shares: Ints = until - since
    return shares


def split_capped(amount: int, weights: Sequence[int], whole: int) -> list[int]:
    """Return the part of an amount for each weight, rounded down.

    The whole is the larger of ``whole`` and the sum of the weights, so that the parts never
    add up to more than the amount.
    """
    whole = max(whole, sum(weights))
    return [amount * weight // whole if whole else 0 for weight in weights]
