"""The shares of a stored plan, handed out stay by stay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Bools, Floats, Ints, Problem
from gridtide.plan.stored_offers import Shares
from gridtide.plan.stored_plan import StoredPlan
from gridtide.plan.verify._rows import RowsError
from gridtide.plan.verify._stays import Stays

NONE = Shares(
    block=np.zeros(0, dtype=np.int64),
    stay=np.zeros(0, dtype=np.int64),
    step=np.zeros(0, dtype=np.int64),
    kw=np.zeros(0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """S shares of some stays.

    Parameters
    ----------
    block, row, step
        Which block, which stay counted from the first of these, and from which step, shape (S,).
    kw
        Shape (S,).
    """

    block: Ints
    row: Ints
    step: Ints
    kw: Floats

    def __len__(self) -> int:
        """Return the number of shares."""
        return len(self.kw)

    def some(self, which: Bools) -> Called:
        """Return some of them."""
        return Called(
            block=self.block[which], row=self.row[which], step=self.step[which], kw=self.kw[which]
        )


class ShareRows:
    """Hands out the shares of a file stay by stay, and insists on their being such."""

    def __init__(self, plan: StoredPlan, problem: Problem) -> None:
        self._batches, self._problem = plan.shares(), problem
        self._left, self._last = NONE, 0

    def take(self, stays: Stays) -> Called:
        """Return the shares of some stays; those of stays before them are taken already."""
        parts = [self._left]
        while len(parts[-1].stay) == 0 or parts[-1].stay[-1] < stays.stop:
            batch = next(self._batches, None)
            if batch is None:
                break
            parts.append(self._checked(batch))
        whole = _joined(parts)
        count = int(np.searchsorted(whole.stay, stays.stop))
        self._left = _cut(whole, slice(count, None))
        own = _cut(whole, slice(0, count))
        return Called(block=own.block, row=own.stay - stays.first, step=own.step, kw=own.kw)

    def end(self) -> None:
        """Insist on there being no further shares: of no stay, or out of order."""
        for batch in (self._left, *self._batches):
            self._checked(batch)

    def _checked(self, batch: Shares) -> Shares:
        """Insist on whole entries, stay by stay."""
        if len(batch.kw) == 0:
            return batch
        problem = self._problem
        inside = _within(batch.block, len(problem.reserves)) & _within(batch.stay, len(problem))
        inside &= _within(batch.step, problem.steps) & np.isfinite(batch.kw) & (batch.kw > 0)
        if not inside.all():
            at = int(np.argmin(inside))
            place = f"block {batch.block[at]}, stay {batch.stay[at]}, step {batch.step[at]}"
            raise RowsError(f"a share of {batch.kw[at]:g} kW in {place} is none", 0)
        if batch.stay[0] < self._last or np.any(np.diff(batch.stay) < 0):
            raise RowsError("the shares of reserve do not stand stay by stay", 0)
        self._last = int(batch.stay[-1])
        return batch


def _within(index: Ints, count: int) -> Bools:
    return (index >= 0) & (index < count)


def _joined(parts: list[Shares]) -> Shares:
    if len(parts) == 1:
        return parts[0]
    return Shares(
        block=np.concatenate([part.block for part in parts]),
        stay=np.concatenate([part.stay for part in parts]),
        step=np.concatenate([part.step for part in parts]),
        kw=np.concatenate([part.kw for part in parts]),
    )


def _cut(shares: Shares, part: slice) -> Shares:
    return Shares(
        block=shares.block[part], stay=shares.stay[part], step=shares.step[part], kw=shares.kw[part]
    )
