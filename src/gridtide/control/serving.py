"""Grid services in the loop: from when they are sold, the fleet as a whole follows its target.

``target = baseline - response``, whoever comes or leaves; fast dispatch shares it out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gridtide.control.dispatch import FastDispatch, Shared
from gridtide.control.following import share_target, shared_wish
from gridtide.control.image import Bools, Image, Wish
from gridtide.control.selling import Sold
from gridtide.control.strategies import Strategy


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
    serve
        Chargers that may be moved, shape (chargers,); None: all.
    """

    def __init__(
        self,
        inner: Strategy,
        services: Sequence[Service],
        dispatch: FastDispatch | None = None,
        watch: Callable[[Served], None] | None = None,
        *,
        bidirectional: bool = True,
        serve: Bools | None = None,
    ) -> None:
        self._inner = inner
        self._serve = serve
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
        shared = share_target(
            self._dispatch,
            image,
            wish,
            target,
            bidirectional=self._bidirectional,
            serve=self._serve,
        )
        if self._watch is not None:
            self._watch(
                Served(
                    time_s=image.time_s, asked=asked, baseline_kw=baseline, target_kw=target,
                    shared=shared,
                )
            )  # fmt: skip
        return shared_wish(wish, shared)
