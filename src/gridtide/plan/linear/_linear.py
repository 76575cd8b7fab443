"""A linear problem put together block by block in NumPy, and a bound proven from any duals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gridtide.plan.problem import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """min cost·x subject to row and column bounds, the matrix by columns.

    Parameters
    ----------
    cost, lower, upper
        Of the columns, shape (columns,).
    row_lower, row_upper
        Shape (rows,); written to when a phase fixes what it has reached.
    start, index, value
        Compressed columns: entries ``start[j]:start[j+1]`` belong to column j.
    integer
        Columns that take whole numbers, shape (columns,).
    """

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    start: npt.NDArray[np.int32]
    index: npt.NDArray[np.int32]
    value: Floats
    integer: Bools

    def bound(self, cost: Floats, duals: Floats) -> float:
        """Lower bound of ``cost·x`` over the relaxation, valid for any ``duals`` of the rows.

        Weak duality: y·row + (cost - A'y)·x is taken at the worst end of every bound, in
        float64 and from the bounds themselves, so that it does not rest on the solver's
        tolerances. Columns have finite bounds by construction.
        """
        lower_ok, upper_ok = np.isfinite(self.row_lower), np.isfinite(self.row_upper)
        y = np.where((duals > 0) & ~lower_ok, 0.0, duals)
        y = np.where((y < 0) & ~upper_ok, 0.0, y)
        side = np.where(y > 0, self.row_lower, self.row_upper)
        rows = float(np.sum(np.where(y != 0, y * np.where(np.isfinite(side), side, 0.0), 0.0)))
        column = np.repeat(np.arange(len(cost)), np.diff(self.start))
        products = self.value * y[self.index]
        reduced = cost - np.bincount(column, weights=products, minlength=len(cost))
        ends = np.where(reduced > 0, reduced * self.lower, reduced * self.upper)
        return rows + float(np.sum(ends))

    def with_columns(self, cost: Floats, upper: Floats) -> Linear:
        """Return the same with further columns, from 0 up to ``upper`` and in no row yet."""
        count = len(cost)
        return replace(
            self,
            cost=np.concatenate((self.cost, cost)),
            lower=np.concatenate((self.lower, np.zeros(count))),
            upper=np.concatenate((self.upper, upper)),
            integer=np.concatenate((self.integer, np.zeros(count, dtype=bool))),
            start=np.concatenate((self.start, np.full(count, self.start[-1], dtype=np.int32))),
        )

    def with_rows(self, lower: Floats, rows: Ints, columns: Ints, values: Floats) -> Linear:
        """Return the same with further rows, at least ``lower``; ``rows`` count from the first."""
        standing = np.repeat(np.arange(len(self.cost)), np.diff(self.start))
        row = np.concatenate((self.index, rows + len(self.row_lower)))
        start, order = _by_column(np.concatenate((standing, columns)), len(self.cost))
        return replace(
            self,
            row_lower=np.concatenate((self.row_lower, lower)),
            row_upper=np.concatenate((self.row_upper, np.full(len(lower), np.inf))),
            start=start,
            index=row[order].astype(np.int32),
            value=np.concatenate((self.value, values))[order],
        )


def _by_column(column: Ints, count: int) -> tuple[npt.NDArray[np.int32], Ints]:
    """Return the starts of the columns and the order that sorts entries into them."""
    entries = np.bincount(column, minlength=count)
    start = np.concatenate(([0], np.cumsum(entries))).astype(np.int32)
    return start, np.argsort(column, kind="stable")


class Builder:
    """Collects blocks of columns, rows and entries."""

    def __init__(self) -> None:
        self.column_count = 0
        self.row_count = 0
        self._columns: list[tuple[Floats, Floats, Floats]] = []
        self._integer: list[Bools] = []
        self._rows: list[tuple[Floats, Floats]] = []
        self._entries: list[tuple[Ints, Ints, Floats]] = []
        self._prices: list[tuple[Ints, Floats]] = []

    def columns(
        self,
        count: int,
        lower: npt.ArrayLike,
        upper: npt.ArrayLike,
        cost: npt.ArrayLike = 0.0,
        *,
        integer: bool = False,
    ) -> Ints:
        """Add columns and return their numbers."""
        block = [
            np.broadcast_to(np.asarray(a, dtype=float), (count,)) for a in (lower, upper, cost)
        ]
        self._columns.append((block[0], block[1], block[2]))
        self._integer.append(np.full(count, integer))
        numbers = np.arange(self.column_count, self.column_count + count)
        self.column_count += count
        return numbers

    def rows(self, count: int, lower: npt.ArrayLike, upper: npt.ArrayLike) -> Ints:
        """Add rows and return their numbers."""
        block = [np.broadcast_to(np.asarray(a, dtype=float), (count,)) for a in (lower, upper)]
        self._rows.append((block[0], block[1]))
        numbers = np.arange(self.row_count, self.row_count + count)
        self.row_count += count
        return numbers

    def entries(self, rows: Ints, columns: Ints, values: npt.ArrayLike) -> None:
        """Add entries of the matrix, one per row and column named."""
        spread = np.broadcast_to(np.asarray(values, dtype=float), rows.shape)
        self._entries.append((rows, columns, spread))

    def price(self, columns: Ints, cost: Floats) -> None:
        """Give columns that stand already a further cost."""
        self._prices.append((columns, cost))

    def finish(self) -> Linear:
        """Sort the entries by column."""
        row = np.concatenate([e[0] for e in self._entries])
        column = np.concatenate([e[1] for e in self._entries])
        value = np.concatenate([e[2] for e in self._entries])
        start, order = _by_column(column, self.column_count)
        lower, upper, cost = (np.concatenate([c[k] for c in self._columns]) for k in range(3))
        row_lower, row_upper = (np.concatenate([r[k] for r in self._rows]) for k in range(2))
        for numbers, more in self._prices:
            cost[numbers] += more
        return Linear(
            cost=cost,
            lower=lower,
            upper=upper,
            row_lower=row_lower,
            row_upper=row_upper,
            start=start,
            index=row[order].astype(np.int32),
            value=value[order],
            integer=np.concatenate(self._integer),
        )
