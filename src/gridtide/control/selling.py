"""Selling grid services from plans: what is offered, when it is sold, and from which baseline.

Capacity is sold block by block at its gate closure, from the last plan before it: what the plan
proved. The baseline, the plan's expected power, is declared hour by hour, as each begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gridtide.control.image import Floats
from gridtide.control.planning import PlanRecord
from gridtide.plan import Direction, Reserve

SAME_S = 1e-6
RAMP_S = 60.0
"""A declared power goes from one step's to the next one's in so long [s]."""
BASELINE_S = 3600
"""A baseline is declared for a block, but no longer than so much at a time [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a product asks, as far as operating it needs to know.

    Parameters
    ----------
    block_s, gate_s
        Length of a block, and how long before its start it is sold [s].
    duration_h
        How long full power must be sustained in each direction [h].
    price_per_kw_h
        Expected price of capacity [currency/kW/h].
    step_kw, least_kw, most_kw
        Offers are whole multiples, at least so much, and at most [kW].
    confidence
        Probability with which what is sold must be there, 0.5 to 1.
    opposite_share
        Power to hold free the other way, in parts of what is sold.
    firm_share
        What plans must prove, in parts of what is sold. Below 1 something is sold beyond, for a
        signal that seldom asks for all and is scored by its mean error; above 1 something is held
        back, for those who leave unannounced.
    up, down
        Whether each direction is sold; both together as one offer.
    name
        Of the product, which tells its blocks from those of others.
    limit
        Only vehicles below this limit serve; empty for all.
    """

    block_s: int
    gate_s: int
    duration_h: float
    price_per_kw_h: float
    step_kw: float = 0.0
    least_kw: float = 0.0
    most_kw: float = math.inf
    confidence: float = 1.0
    opposite_share: float = 0.0
    firm_share: float = 1.0
    up: bool = True
    down: bool = True
    name: str = ""
    limit: str = ""

    @property
    def baseline_s(self) -> int:
        """Time for which a baseline is declared at a time, a whole part of a block [s]."""
        return self.block_s // math.ceil(self.block_s / BASELINE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """One block that was sold.

    Parameters
    ----------
    from_s, to_s
        The block [s].
    offered_kw
        What was sold [kW], of which ``proven_kw`` was proven and the rest expected to come.
    proven_kw
        What the plan proved [kW].
    edges_s, baseline_kw
        The declared net power of all vehicles [kW] by step, shape (steps,), and the edges of the
        steps, (steps + 1,).
    before_kw
        Declared right before [kW]; NaN for nothing.
    """

    from_s: float
    to_s: float
    offered_kw: float
    proven_kw: float
    edges_s: Floats
    baseline_kw: Floats
    before_kw: float = math.nan

    def baseline_at(self, time_s: float) -> float:
        """Return the declared net power at an instant of the block [kW].

        From step to step it ramps for :data:`RAMP_S`: a fleet that jumps misses its target.
        """
        step = int(np.searchsorted(self.edges_s, time_s + SAME_S, side="right")) - 1
        step = min(max(step, 0), len(self.baseline_kw) - 1)
        now = float(self.baseline_kw[step])
        last = float(self.baseline_kw[step - 1]) if step > 0 else self.before_kw
        gone = (time_s - float(self.edges_s[step])) / RAMP_S
        if math.isnan(last) or not 0.0 <= gone < 1.0:
            return now
        return last + (now - last) * gone


@dataclass(slots=True)
class Seller:
    """Asks plans for reserve, and sells what they prove.

    A block is sold by the last plan before its gate closes: later plans only keep what was sold.
    Its baseline is declared period by period, by the last plan before each period begins.

    Parameters
    ----------
    terms
        Of the product.
    from_s, to_s
        Blocks begin at ``from_s`` and end by ``to_s`` [s]. Gates that would close before
        ``from_s`` close then.
    """

    terms: Terms
    from_s: float
    to_s: float
    sold: dict[float, Sold] = field(default_factory=dict)
    _offers: dict[float, float] = field(default_factory=dict)
    _declared: dict[float, tuple[Floats, Floats]] = field(default_factory=dict)
    _plans: list[tuple[Floats, Floats]] = field(default_factory=list)
    _running: tuple[float, Sold] | None = None

    def reserves(self, edges_s: Floats) -> tuple[Reserve, ...]:
        """Blocks that a plan on these steps is asked for, those sold before as commitments."""
        self._close(float(edges_s[0]))
        blocks: list[Reserve] = []
        for begin in self._begins(edges_s, self.terms.block_s):
            first, last = _inside(edges_s, begin, self.terms.block_s)
            open_still = self._gate_s(begin) >= edges_s[0] - SAME_S
            if last > first and (open_still or begin in self.sold):
                blocks += self._block(begin, first, last)
        return tuple(blocks)

    def heed(self, record: PlanRecord) -> None:
        """Offer what this plan proves, and declare its power, where nothing has begun yet."""
        edges, now = record.schedule.edges_s, float(record.schedule.edges_s[0])
        self._close(now)
        offers = {offer.reserve.name: offer for offer in record.plan.reserves}
        for begin in self._begins(edges, self.terms.block_s):
            names = [name for name in self._names(begin) if name in offers]
            if names and begin not in self.sold and self._gate_s(begin) >= now - SAME_S:
                self._offers[begin] = min(offers[name].offered_kw for name in names)
        for begin in self._begins(edges, self.terms.baseline_s):
            first, last = _inside(edges, begin, self.terms.baseline_s)
            if last > first and (begin >= now - SAME_S or begin not in self._declared):
                told = edges[first : last + 1].copy(), record.expected_kw[first:last].copy()
                self._declared[begin] = told
        self._close(now, closing=True)
        self._plans = [*self._plans[-1:], (edges, record.expected_kw)]
        self._running = None

    def at(self, time_s: float) -> Sold | None:
        """Block that is running; None outside the time in which blocks are sold."""
        period = self._begin_of(time_s, self.terms.baseline_s)
        if self._running is None or self._running[0] != period:
            begin = self._begin_of(time_s, self.terms.block_s)
            if begin < self.from_s or begin + self.terms.block_s > self.to_s + SAME_S:
                return None
            self._close(time_s)
            if begin not in self.sold:  # no plan reached so far: nothing is proven
                self._sell(begin)
            edges, baseline = self._declared.get(
                period, (np.array([period, period + self.terms.baseline_s]), np.zeros(1))
            )
            told = replace(
                self.sold[begin],
                edges_s=edges,
                baseline_kw=baseline,
                before_kw=self._before_kw(period),
            )
            self._running = period, told
        return self._running[1]

    def _before_kw(self, period: float) -> float:
        """Return the fleet's power right before a period: as declared, or as planned if unsold."""
        before = period - SAME_S
        sold = self.sold.get(self._begin_of(before - SAME_S, self.terms.block_s))
        declared = self._declared.get(period - self.terms.baseline_s)
        if declared is not None and sold is not None and sold.offered_kw > 0:
            return float(declared[1][-1])
        for edges, kw in reversed(self._plans):
            if edges[0] < before <= edges[-1]:
                return float(kw[int(np.searchsorted(edges, before)) - 1])
        return math.nan

    def _begin_of(self, time_s: float, length: float) -> float:
        return self.from_s + length * math.floor((time_s - self.from_s + SAME_S) / length)

    def _close(self, now_s: float, *, closing: bool = False) -> None:
        """Sell all that was offered whose gate closed before now, or, ``closing``, closes now."""
        slack = SAME_S if closing else -SAME_S
        for begin in [b for b in self._offers if self._gate_s(b) <= now_s + slack]:
            self._sell(begin)

    def _gate_s(self, begin: float) -> float:
        return max(begin - self.terms.gate_s, self.from_s)

    def _sell(self, begin: float) -> None:
        proven = self._offers.pop(begin, 0.0)
        length = self.terms.block_s
        self.sold[begin] = Sold(
            from_s=begin,
            to_s=begin + length,
            offered_kw=self._sellable(proven / self.terms.firm_share),
            proven_kw=proven,
            edges_s=np.array([begin, begin + length]),
            baseline_kw=np.zeros(1),
        )

    def _begins(self, edges_s: Floats, length: float) -> list[float]:
        """Return the starts of all periods that a plan touches and that end by ``to_s``."""
        first = math.floor((edges_s[0] - self.from_s) / length + 1e-9)
        last = math.floor((min(edges_s[-1], self.to_s) - self.from_s) / length - 1e-9)
        starts = (self.from_s + length * k for k in range(max(first, 0), last + 1))
        return [start for start in starts if start + length <= self.to_s + 1e-6]

    def _block(self, begin: float, first: int, last: int) -> list[Reserve]:
        terms, sold = self.terms, self.sold.get(begin)
        usual: dict[str, Any] = {
            "from_step": first,
            "to_step": last,
            "duration_h": terms.duration_h,
            "confidence": terms.confidence,
            "opposite_share": terms.opposite_share,
            "limit": terms.limit,
            "price_per_kw_h": terms.price_per_kw_h / max(terms.up + terms.down, 1),
        }
        if math.isfinite(terms.most_kw):
            usual["most_kw"] = terms.firm_share * terms.most_kw
        if sold is not None:  # nothing may be added, and what was sold must be kept
            usual |= {
                "committed_kw": terms.firm_share * sold.offered_kw,
                "most_kw": terms.firm_share * sold.offered_kw,
                "penalty_per_kw_h": 4.0 * terms.price_per_kw_h,
            }
        sides: list[Reserve] = []
        for name in self._names(begin):
            direction: Direction = "down" if name.endswith("down") else "up"
            sides.append(Reserve(name=name, direction=direction, **usual))
        if len(sides) == 2:
            sides[1] = replace(sides[1], sold_with=sides[0].name)
        return sides

    def _names(self, begin: float) -> list[str]:
        """Names of the blocks of both directions, as far as they are sold."""
        terms = self.terms
        sides = [("up", terms.up), ("down", terms.down)]
        return [f"{terms.name}@{begin:.0f} {side}" for side, sold in sides if sold]

    def _sellable(self, kw: float) -> float:
        step, kw = self.terms.step_kw, min(kw, self.terms.most_kw)
        if step > 0:
            kw = math.floor(kw / step + 1e-9) * step
        return kw if kw >= self.terms.least_kw - 1e-9 else 0.0


def _inside(edges_s: Floats, begin: float, length: float) -> tuple[int, int]:
    """Return the steps of a plan that lie in a period, half-open; from the running one on."""
    at = np.flatnonzero((edges_s[:-1] >= begin - SAME_S) & (edges_s[:-1] < begin + length - SAME_S))
    return (int(at[0]), int(at[-1]) + 1) if at.size else (0, 0)
