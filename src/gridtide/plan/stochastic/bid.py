"""The day-ahead bid: how much to buy in each market period, by price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gridtide.plan.problem import Floats, Ints
from gridtide.plan.stochastic.scenarios import Scenarios

Form = Literal["quantity", "curve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """A demand curve in steps for each of P market periods; positive is bought, negative sold.

    Parameters
    ----------
    up_to_price_per_kwh
        By period, the price up to which a step's quantity is wanted, rising, the last infinite
        [currency/kWh], shape (K_p,).
    quantity_kw
        By period, the quantity of each step, never rising [kW], shape (K_p,). One step is a
        quantity at any price.
    """

    up_to_price_per_kwh: tuple[Floats, ...]
    quantity_kw: tuple[Floats, ...]

    def at(self, price_per_kwh: Floats) -> Floats:
        """Return what is bought where the market clears at these prices [kW], shape (P,)."""
        pairs = zip(self.up_to_price_per_kwh, self.quantity_kw, price_per_kwh, strict=True)
        return np.array([q[np.searchsorted(up_to, price)] for up_to, q, price in pairs])


def quantity_bid(quantity_kw: Floats) -> Bid:
    """Return the bid for a quantity [kW] at any price, shape (P,)."""
    return Bid(
        up_to_price_per_kwh=tuple(np.array([np.inf]) for _ in quantity_kw),
        quantity_kw=tuple(np.array([quantity]) for quantity in quantity_kw),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Which decision of the first stage stands for which day and market period.

    Parameters
    ----------
    place
        Number of the decision, shape (S, P).
    falls
        Pairs of decisions of which the second, at the higher price, is not above the first,
        shape (pairs, 2).
    up_to_price_per_kwh
        By period, the price up to which each of its decisions stands, shape (K_p,).
    """

    place: Ints
    falls: Ints
    up_to_price_per_kwh: tuple[Floats, ...]

    @property
    def count(self) -> int:
        """Number of decisions."""
        return sum(len(up_to) for up_to in self.up_to_price_per_kwh)

    def bid(self, quantity_kw: Floats) -> Bid:
        """Read the decisions as a bid."""
        ends = np.cumsum([len(up_to) for up_to in self.up_to_price_per_kwh])
        # What the solver leaves above the step before is rounding; a curve never rises.
        parts = [np.minimum.accumulate(part) for part in np.split(quantity_kw, ends[:-1])]
        return Bid(up_to_price_per_kwh=self.up_to_price_per_kwh, quantity_kw=tuple(parts))


def find_places(scenarios: Scenarios, form: Form, price_levels: int | None = None) -> Places:
    """Give each market period a decision per price, or one decision for all prices.

    All that a bid may know of the day is the price of its own period (Fleten & Kristoffersen
    2007, doi:10.1016/j.ejor.2006.08.023): days of equal price share a decision. So do days of
    near prices where there are to be fewer decisions than prices: a decision that rests on one
    day fits that day and no other. Decisions meet halfway between the prices of their days.
    """
    up_to, place, falls, first = [], [], [], 0
    most = 1 if form == "quantity" else price_levels
    for price in scenarios.price_per_kwh.T:
        group, edges = _groups(np.round(price, 9), scenarios.weight, most)
        numbers = np.arange(first, first + len(edges))
        up_to.append(edges)
        place.append(numbers[group])
        falls.append(np.stack((numbers[:-1], numbers[1:]), axis=1))
        first += len(edges)
    return Places(
        place=np.array(place, dtype=np.int64).T,
        falls=np.concatenate(falls),
        up_to_price_per_kwh=tuple(up_to),
    )


def _groups(price: Floats, weight: Floats, most: int | None) -> tuple[Ints, Floats]:
    """Group days by price, about equally likely groups; return them and where they end."""
    known, rank = np.unique(price, return_inverse=True)
    share = np.bincount(rank, weights=weight)
    group = np.arange(len(known))
    if most is not None and most < len(known):
        middle = (np.cumsum(share) - share / 2) / share.sum()
        group = np.unique((middle * most).astype(np.int64), return_inverse=True)[1]
    last = np.append(np.diff(group) > 0, False)
    edges = (known[last] + known[1:][last[:-1]]) / 2
    return group[rank], np.append(edges, np.inf)
