"""Grid services in the loop: sold from the plan's proven headroom, delivered by fast dispatch.

Capacity is sold block by block at its gate closure, from the plan that holds then: what the plan
proved, and what the vehicles that are yet to come are expected to add, as far as the product
lets expectations be sold. With it goes the baseline: the plan's power in the block. From then on
the fleet as a whole follows ``baseline - response``, whoever comes or leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from gridtide.control.dispatch import FastDispatch, Shared
from gridtide.control.image import Floats, Image, Wish
from gridtide.control.narrowing import able_kw, narrow
from gridtide.control.planning import PlanRecord
from gridtide.control.strategies import Strategy
from gridtide.core import Reason
from gridtide.plan import Direction, Reserve

ROUNDS = 3
"""How often a target is shared anew among others where limits cut it."""
SAME_KW = 1e-6
SAME_S = 1e-6
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
    step_kw, least_kw
        Offers are whole multiples, and at least so much [kW].
    hold_s
        How long the last sample of the signal holds before the fleet returns to its plan [s].
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
    hold_s: float = 10.0
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
    """

    from_s: float
    to_s: float
    offered_kw: float
    proven_kw: float
    edges_s: Floats
    baseline_kw: Floats

    def baseline_at(self, time_s: float) -> float:
        """Return the declared net power at an instant of the block [kW]."""
        step = int(np.searchsorted(self.edges_s, time_s + 1e-6, side="right")) - 1
        return float(self.baseline_kw[min(max(step, 0), len(self.baseline_kw) - 1)])


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
            told = replace(self.sold[begin], edges_s=edges, baseline_kw=baseline)
            self._running = period, told
        return self._running[1]

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
        step = self.terms.step_kw
        if step > 0:
            kw = math.floor(kw / step + 1e-9) * step
        return kw if kw >= self.terms.least_kw - 1e-9 else 0.0


def _inside(edges_s: Floats, begin: float, length: float) -> tuple[int, int]:
    """Return the steps of a plan that lie in a period, half-open; from the running one on."""
    at = np.flatnonzero((edges_s[:-1] >= begin - SAME_S) & (edges_s[:-1] < begin + length - SAME_S))
    return (int(at[0]), int(at[-1]) + 1) if at.size else (0, 0)


class Sales(Protocol):
    """Knows what was sold."""

    def at(self, time_s: float) -> Sold | None:
        """Block that is running; None for none."""
        ...


Response = Callable[[float], float]
"""Share of the sold capacity that is asked for at an instant, + is less power; NaN: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A product in operation: what was sold of it, and what is asked for."""

    sales: Sales
    response: Response

    def asks(self, time_s: float) -> Asked | None:
        """Tell what is asked for at an instant; None while nothing is sold."""
        sold = self.sales.at(time_s)
        if sold is None or sold.offered_kw <= 0.0:
            return None
        response = self.response(time_s)
        if math.isnan(response):  # the signal is lost: back to the plan, as declared
            response = 0.0
        return Asked(service=self, sold=sold, response=min(max(response, -1.0), 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one product asks for at an instant, as a share of what was sold."""

    service: Service
    sold: Sold
    response: float

    @property
    def kw(self) -> float:
        """Less power that is asked for [kW]."""
        return self.sold.offered_kw * self.response


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What one tick asked for, and how it was shared out.

    ``baseline_kw`` is what was declared and ``target_kw`` what all vehicles together should have.
    """

    time_s: float
    asked: tuple[Asked, ...]
    baseline_kw: float
    target_kw: float
    shared: Shared


class Serving:
    """Follows the plan, and while anything is sold the services' target.

    Parameters
    ----------
    inner
        Follows the plan.
    services
        Products in operation. What they ask for adds up; the baseline is that of the first one
        that has something sold, so the first should be the one whose gate closes first.
    dispatch
        Shares the target out.
    watch
        Called with every tick in which something is sold; None: nobody looks.
    bidirectional
        False: what is served by charging less or more alone.
    """

    def __init__(
        self,
        inner: Strategy,
        services: Sequence[Service],
        dispatch: FastDispatch | None = None,
        watch: Callable[[Served], None] | None = None,
        *,
        bidirectional: bool = True,
    ) -> None:
        self._inner = inner
        self._bidirectional = bidirectional
        self._services = tuple(services)
        self._dispatch = dispatch or FastDispatch()
        self._watch = watch

    def decide(self, image: Image) -> Wish:
        """Wish what the plan says, moved towards the target where a block is sold."""
        wish = self._inner.decide(image)
        asks = (service.asks(image.time_s) for service in self._services)
        asked = tuple(one for one in asks if one is not None)
        if not asked:
            return wish
        baseline = asked[0].sold.baseline_at(image.time_s)
        target = baseline - sum(one.kw for one in asked)
        shared = self._share(image, wish, target)
        if self._watch is not None:
            self._watch(
                Served(
                    time_s=image.time_s, asked=asked, baseline_kw=baseline, target_kw=target,
                    shared=shared,
                )
            )  # fmt: skip
        return _wish(wish, shared)

    def _share(self, image: Image, wish: Wish, target_kw: float) -> Shared:
        """Share a target; what limits of panel or site cut is asked of others."""
        base = np.asarray(wish.power_kw, dtype=float)
        low, high = able_kw(image)
        within = (low if self._bidirectional else np.maximum(low, 0.0)), high
        shared = self._dispatch.share(image, base, target_kw, within)
        if not (np.isfinite(image.import_kw).any() or np.isfinite(image.export_kw).any()):
            return shared
        for _ in range(ROUNDS):
            set_kw = narrow(image, _wish(wish, shared)).power_kw
            cut = np.abs(set_kw - shared.power_kw) > SAME_KW
            if not cut.any():
                break
            low, high = within
            high = np.where(cut & (set_kw < shared.power_kw), np.maximum(set_kw, low), high)
            low = np.where(cut & (set_kw > shared.power_kw), np.minimum(set_kw, high), low)
            within = low, high
            shared = self._dispatch.share(image, base, target_kw, within, again=True)
        return shared


def _wish(wish: Wish, shared: Shared) -> Wish:
    """Wish the shared powers; whom nobody moved keeps the plan's reason."""
    moved = np.abs(shared.power_kw - wish.power_kw) > SAME_KW
    reason = np.where(moved, np.uint8(Reason.SERVICE), wish.reason)
    # What the service asks for now has been weighed against the peak when it was sold.
    return replace(wish, power_kw=shared.power_kw, reason=reason, peak_kw=None)
