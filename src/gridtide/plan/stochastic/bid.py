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
    levels
        By period, the prices of its decisions, rising, shape (K_p,).
    """

    place: Ints
    falls: Ints
    levels: tuple[Floats, ...]

    @property
    def count(self) -> int:
        """Number of decisions."""
        return sum(len(level) for level in self.levels)

    def bid(self, quantity_kw: Floats) -> Bid:
        """Read the decisions as a bid; steps meet halfway between two prices."""
        ends = np.cumsum([len(level) for level in self.levels])
        halfway = [np.append((level[1:] + level[:-1]) / 2, np.inf) for level in self.levels]
        # What the solver leaves above the step before is rounding; a curve never rises.
        parts = [np.minimum.accumulate(part) for part in np.split(quantity_kw, ends[:-1])]
        return Bid(up_to_price_per_kwh=tuple(halfway), quantity_kw=tuple(parts))


def find_places(scenarios: Scenarios, form: Form) -> Places:
    """Give each market period a decision per price, or one decision for all prices.

    All that a bid may know of the day is the price of its own period (Fleten & Kristoffersen
    2007, doi:10.1016/j.ejor.2006.08.023): days of equal price share a decision.
    """
    levels, place, falls, first = [], [], [], 0
    for price in scenarios.price_per_kwh.T:
        known = price if form == "curve" else np.zeros(len(price))
        level, rank = np.unique(np.round(known, 9), return_inverse=True)
        numbers = np.arange(first, first + len(level))
        levels.append(level)
        place.append(numbers[rank])
        falls.append(np.stack((numbers[:-1], numbers[1:]), axis=1))
        first += len(level)
    return Places(
        place=np.array(place, dtype=np.int64).T,
        falls=np.concatenate(falls),
        levels=tuple(levels),
    )
