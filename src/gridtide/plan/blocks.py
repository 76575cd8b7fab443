"""Reserve as neutral blocks: what a product asks of a plan, without any market's rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Capacity offered in the steps ``from_step <= t < to_step``, one number for all of them.

    A call may come at the start of any of these steps. It lasts ``duration_h`` at full power,
    also where that is beyond the block, and every vehicle keeps its share to the end. All blocks
    of one direction may be called together, those of both directions never at once.

    Parameters
    ----------
    name
        Name, unique among the blocks.
    direction
        ``"up"``: less import or more export; ``"down"``: more import.
    from_step, to_step
        Steps of the block, half-open.
    price_per_kw_h
        Paid for each kW offered and hour of the block [currency/kW/h].
    duration_h
        How long a call must be sustained, the reservoir [h], above 0.
    opposite_share
        Share of the capacity that must be free as power in the other direction, so that the
        reservoir can be managed meanwhile.
    confidence
        Probability at which the capacity must be there, 0.5 to 1; below 1 the vehicles'
        ``availability`` counts.
    most_kw, least_kw
        Largest offer, and smallest: below it nothing is offered [kW].
    step_kw
        Offers are whole multiples of it [kW]; 0 for any.
    limit
        Name of the limit below which it is offered; "" for all vehicles.
    activation_share
        Share of the capacity that is called in the mean. It drains (fills) the batteries while
        the block lasts, wears them and costs the loss of a refill.
    committed_kw
        Already sold [kW]: kept before anything is saved, at ``penalty_per_kw_h`` where it
        cannot be, with a named slack.
    penalty_per_kw_h
        What a committed kW that is not kept costs [currency/kW/h].
    shares
        The answer of a planning document tells each vehicle's share.
    sold_with
        Name of the block that is sold with this one, of the other direction as a rule: both
        offer the same, as symmetric products want it. One of the two names the other.
    """

    name: str
    direction: Direction
    from_step: int
    to_step: int
    price_per_kw_h: float
    duration_h: float
    opposite_share: float = 0.0
    confidence: float = 1.0
    most_kw: float = math.inf
    least_kw: float = 0.0
    step_kw: float = 0.0
    limit: str = ""
    activation_share: float = 0.0
    committed_kw: float = 0.0
    penalty_per_kw_h: float = 10.0
    shares: bool = False
    sold_with: str = ""

    @property
    def sign(self) -> float:
        """Change of power at the plug when called: -1 for up, +1 for down."""
        return -1.0 if self.direction == "up" else 1.0

    def hours(self, step_h: Floats) -> float:
        """Length of the block [h]."""
        return float(step_h[self.from_step : self.to_step].sum())

    def offer(self, able_kw: float) -> float:
        """Largest offer within what can be delivered [kW]: limited, rounded down to the step."""
        kw = min(max(able_kw, 0.0), self.most_kw)
        if self.step_kw > 0:
            kw = math.floor(kw / self.step_kw + 1e-9) * self.step_kw
        return kw if kw >= self.least_kw - 1e-9 else 0.0


def pairs_sold(blocks: tuple[Reserve, ...]) -> list[tuple[int, int]]:
    """Return the places of blocks that are sold together, pair by pair."""
    place = {block.name: b for b, block in enumerate(blocks)}
    return [(b, place[block.sold_with]) for b, block in enumerate(blocks) if block.sold_with]


def last_nodes(step_h: Floats, duration_h: float) -> Ints:
    """Node at which a call from the start of each step is over, at most T, shape (T,)."""
    clock = np.concatenate(([0.0], np.cumsum(step_h)))
    over = np.searchsorted(clock, clock[:-1] + duration_h - 1e-9)
    return np.minimum(over, len(step_h)).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a plan offers in one block.

    Parameters
    ----------
    reserve
        The block.
    planned_kw
        What the optimiser planned [kW].
    proven_kw
        What survives the worst call, at most what was planned [kW].
    offered_kw
        That within the block's limits and steps [kW]; earns ``revenue``.
    revenue
        Price times offer times hours [currency].
    activation_cost
        Expected wear and refill loss of being called [currency].
    penalty
        For what is committed and not kept [currency].
    cut
        What kept the offer below the plan; "" for nothing.
    method
        How the confidence was reached: ``"certain"``, ``"bound"`` or ``"scenarios"``.
    share_kw
        Each vehicle's share of a call from each step of the block, shape (n, B).
    """

    reserve: Reserve
    planned_kw: float
    proven_kw: float
    offered_kw: float
    revenue: float
    activation_cost: float
    penalty: float
    cut: str
    method: str
    share_kw: Floats

    @property
    def cost(self) -> float:
        """What the block adds to the objective [currency]: less than nothing where it earns."""
        return self.activation_cost + self.penalty - self.revenue

    @property
    def broken_kw(self) -> float:
        """Committed and not kept [kW]."""
        return max(self.reserve.committed_kw - self.offered_kw, 0.0)
