"""What blocks of reserve in a planning document must fulfil."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gridtide.core import Finding

if TYPE_CHECKING:
    from gridtide.plan.records import ProblemRecord, ReserveRecord


def check_reserves(record: ProblemRecord) -> Iterator[Finding]:
    """Return the findings about the blocks of reserve."""
    seen: set[str] = set()
    for b, block in enumerate(record.reserves):
        where = f"reserves[{b}]"
        if block.name in seen:
            mend = "Give every block its name"
            yield Finding(f"{where}.name", f"{block.name} is named twice", mend)
        seen.add(block.name)
        yield from _steps(record, block, where)
        yield from _capacity(block, where)
        yield from _limit(record, block, where)
        yield from _sold_with(record, block, where)


def _steps(record: ProblemRecord, block: ReserveRecord, where: str) -> Iterator[Finding]:
    if block.from_step >= block.to_step:
        what = f"the block is empty: steps {block.from_step} to {block.to_step}"
        yield Finding(f"{where}.to_step", what, "Write the step after the block's last one")
    if block.to_step > record.steps:
        what = f"the block ends at step {block.to_step} of {record.steps}"
        yield Finding(f"{where}.to_step", what, f"Write {record.steps} at most")


def _capacity(block: ReserveRecord, where: str) -> Iterator[Finding]:
    if block.most_kw is None:
        return
    if block.least_kw > block.most_kw:
        what = f"least_kw {block.least_kw:g} is above most_kw {block.most_kw:g}"
        yield Finding(f"{where}.least_kw", what, "Exchange or correct them")
    if block.committed_kw > block.most_kw:
        what = f"committed_kw {block.committed_kw:g} is above most_kw {block.most_kw:g}"
        yield Finding(f"{where}.committed_kw", what, "Raise most_kw to what is sold")


def _limit(record: ProblemRecord, block: ReserveRecord, where: str) -> Iterator[Finding]:
    names = [limit.name for limit in record.limits]
    if block.limit is None or block.limit in names:
        return
    close = difflib.get_close_matches(block.limit, names, 1)
    mend = f"Did you mean {close[0]}?" if close else "Name a limit, or leave it out"
    yield Finding(f"{where}.limit", f"{block.limit} is no limit", mend)


def _sold_with(record: ProblemRecord, block: ReserveRecord, where: str) -> Iterator[Finding]:
    names = [other.name for other in record.reserves if other.name != block.name]
    if block.sold_with is None or block.sold_with in names:
        return
    close = difflib.get_close_matches(block.sold_with, names, 1)
    mend = f"Did you mean {close[0]}?" if close else "Name another block, or leave it out"
    yield Finding(f"{where}.sold_with", f"{block.sold_with} is no other block", mend)
