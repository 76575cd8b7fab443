"""The rows of a stored plan, handed out stay by stay."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gridtide.plan.problem import Floats
from gridtide.plan.stored_plan import Pairs, StoredPlan
from gridtide.plan.verify._stays import Stays


class RowsError(Exception):
    """Rows are not those of the problem."""

    def __init__(self, said: str, row: int) -> None:
        super().__init__(said)
        self.row = row


class Rows:
    """Hands out the rows of a file stay by stay, and insists on their being those expected."""

    def __init__(self, plan: StoredPlan) -> None:
        self._batches: Iterator[Pairs] = plan.batches()
        self._left: list[Pairs] = []
        self._row = 0

    def take(self, stays: Stays) -> tuple[Floats, Floats]:
        """Return powers and stored values of some stays, both shape (P,)."""
        wanted = len(stays.row)
        rows = self._next(wanted)
        same = (rows.stay == stays.first + stays.row[: len(rows.stay)]) & (
            rows.step == stays.step[: len(rows.step)]
        )
        if not same.all():
            at = int(np.argmin(same))
            place = f"step {rows.step[at]} of stay {rows.stay[at]}"
            due = f"step {stays.step[at]} of stay {stays.first + stays.row[at]}"
            raise RowsError(f"row {self._row + at} is {place}, due is {due}", self._row + at)
        if len(rows.stay) < wanted:
            end = self._row + len(rows.stay)
            raise RowsError(f"the rows end after {end}, before all stays had theirs", end)
        value = np.zeros(wanted) if rows.stored_value is None else rows.stored_value
        for name, numbers in (("power", rows.power_kw), ("stored value", value)):
            if not np.all(np.isfinite(numbers)):
                at = self._row + int(np.argmin(np.isfinite(numbers)))
                raise RowsError(f"the {name} of row {at} is no number", at)
        self._row += wanted
        return rows.power_kw, value

    def end(self) -> None:
        """Insist on there being no further rows."""
        more = self._next(1)
        if len(more.stay):
            place = f"step {more.step[0]} of stay {more.stay[0]}"
            raise RowsError(f"row {self._row} is {place}, where nobody is plugged in", self._row)

    def _next(self, count: int) -> Pairs:
        held = sum(len(batch.stay) for batch in self._left)
        while held < count:
            batch = next(self._batches, None)
            if batch is None:
                break
            self._left.append(batch)
            held += len(batch.stay)
        whole = _joined(self._left)
        self._left = [_cut(whole, slice(count, None))]
        return _cut(whole, slice(0, count))


def _joined(batches: list[Pairs]) -> Pairs:
    none = any(batch.stored_value is None for batch in batches if len(batch.stay))
    values = [b.stored_value for b in batches if b.stored_value is not None]
    empty: Floats = np.zeros(0)
    whole = np.zeros(0, dtype=np.int64)
    return Pairs(
        stay=np.concatenate([whole, *(b.stay for b in batches)]),
        step=np.concatenate([whole, *(b.step for b in batches)]),
        power_kw=np.concatenate([empty, *(b.power_kw for b in batches)]),
        stored_value=None if none else np.concatenate([empty, *values]),
    )


def _cut(pairs: Pairs, part: slice) -> Pairs:
    value = pairs.stored_value
    return Pairs(
        stay=pairs.stay[part],
        step=pairs.step[part],
        power_kw=pairs.power_kw[part],
        stored_value=None if value is None else value[part],
    )
