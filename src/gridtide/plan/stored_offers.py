"""What a plan offers as reserve, as it is kept in a file.

Offers stand block by block among the plan's claims. Each vehicle's share of a call from the start
of a step has an entry where it is not 0, stay by stay: a Parquet plan keeps them as one more Arrow
stream in the first row's cell, some stays to a batch, so that they are read in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

if TYPE_CHECKING:
    from gridtide.plan.blocks import Offer
    from gridtide.plan.problem import Floats, Ints

SHARE_COLUMNS = ("share_block", "share_stay", "share_step", "share_kw")
STAYS_AT_ONCE = 20_000


class StoredOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer as it is kept; see :class:`gridtide.plan.Offer`."""

    name: Annotated[str, Meta(description="Name of the block")]
    planned_kw: Annotated[float | None, Meta(description="Null where nothing was asked for")]
    proven_kw: float
    offered_kw: float
    revenue: float
    activation_cost: float
    penalty: float
    cut: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shares of calls, equally long, stay by stay.

    Parameters
    ----------
    block, stay, step
        Which block, by its place in the problem, which stay, and from which step it is called.
    kw
        The share, above 0.
    """

    block: Ints
    stay: Ints
    step: Ints
    kw: Floats


def stored_offer(offer: Offer) -> StoredOffer:
    """Return an offer as it is kept, without its shares."""
    planned = float(offer.planned_kw)
    return StoredOffer(
        name=offer.reserve.name,
        planned_kw=planned if np.isfinite(planned) else None,
        proven_kw=float(offer.proven_kw),
        offered_kw=float(offer.offered_kw),
        revenue=float(offer.revenue),
        activation_cost=float(offer.activation_cost),
        penalty=float(offer.penalty),
        cut=offer.cut,
        method=offer.method,
    )


def shares_of(offers: tuple[Offer, ...], stays: int) -> Iterator[Shares]:
    """Give the shares that are not 0, some of so many stays at a time."""
    for first in range(0, max(stays, 1), STAYS_AT_ONCE):
        parts = [_some(offer, b, first) for b, offer in enumerate(offers)]
        block, stay, step, kw = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((step, block, stay))
        yield Shares(block=block[order], stay=stay[order], step=step[order], kw=kw[order])


def _some(offer: Offer, block: int, first: int) -> tuple[Ints, Ints, Ints, Floats]:
    shares = offer.share_kw[first : first + STAYS_AT_ONCE]
    row, place = np.nonzero(shares)
    step = place + offer.reserve.from_step
    return np.full(len(row), block), row + first, step, shares[row, place].astype(float)


def no_shares() -> Iterator[Shares]:
    """Give nothing: the plan offers nothing."""
    return iter(())


def share_columns(shares: Shares) -> dict[str, Any]:
    """Name the arrays by the columns that they are kept in."""
    arrays = (shares.block, shares.stay, shares.step, shares.kw)
    return dict(zip(SHARE_COLUMNS, arrays, strict=True))
