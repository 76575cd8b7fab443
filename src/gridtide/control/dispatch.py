"""Fast dispatch: a fleet's target every few seconds, shared among vehicles within their envelopes.

Few vehicles move: who was moved stays moved until the target turns, then comes back last moved
first. Who moves is decided by merit, which is renewed now and then, not at every tick:

* what a kWh moved costs: wear and losses at full power where it is discharged, nothing where
  charging only moves in time;
* urgency: who has little time to spare gives last and takes first;
* how late and slow the station is;
* the larger range first, so that fewer have to move.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gridtide.control._kernel_dispatch import begin, meet
from gridtide.control.image import Floats, Image, Ints
from gridtide.control.narrowing import laxity_h

ORDER_HOLDS_S = 300.0
"""Merit is renewed so often, and when who is there has changed."""
URGENCY_PER_KWH = 0.05
"""What moving a vehicle without any time to spare counts as [currency/kWh]; halved per hour."""
LOSS_PRICE_PER_KWH = 0.10
"""What lost energy counts as when merit is weighed [currency/kWh]; bills know the true price."""
LATENCY_PER_KWH_S = 0.01
"""What each second that a station answers later counts as [currency/kWh/s]."""
MOVED_KW = 0.05
"""A power that changes by less has not moved: a battery that slows down near full is no command."""
CLASS_PER_KWH = 0.02
"""Costs that differ by less are one class, in which the larger range goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A target, shared.

    Parameters
    ----------
    power_kw
        Of each charger [kW], shape (chargers,).
    missing_kw
        What nobody could give: target less the sum of the powers [kW].
    moved
        Number of chargers whose power is not what it was at the tick before.
    low_kw, high_kw
        Envelopes of the vehicles for this tick [kW], shape (chargers,).
    """

    power_kw: Floats
    missing_kw: float
    moved: int
    low_kw: Floats
    high_kw: Floats


@dataclass(slots=True)
class FastDispatch:
    """Shares targets tick by tick, and remembers who was moved.

    Parameters
    ----------
    latency_s
        How late each station answers [s], shape (chargers,), or one number for all.
    """

    latency_s: Floats | float = 0.0
    _told: Floats = field(default_factory=lambda: np.zeros(0))
    _before: Floats = field(default_factory=lambda: np.zeros(0))
    _base: Floats = field(default_factory=lambda: np.zeros(0))
    _session: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _up: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _down: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _ordered_s: float = -np.inf

    def share(
        self,
        image: Image,
        base_kw: Floats,
        target_kw: float,
        within: tuple[Floats, Floats],
        *,
        again: bool = False,
    ) -> Shared:
        """Share a target among those who are plugged in.

        Parameters
        ----------
        image
            The world now.
        base_kw
            What the plan has for each charger [kW], shape (chargers,).
        target_kw
            Net power of all vehicles together [kW], positive is charging.
        within
            Least and most power of each vehicle [kW], as :func:`.able_kw` tells.
        again
            The same tick once more, within less.
        """
        low, high = within
        self._meet(image, base_kw, low, high)
        if not again:
            self._before = self._told
        power = np.empty_like(base_kw)
        total = begin(self._told, self._base, base_kw, low, high, power)
        missing = meet(
            target_kw, base_kw, low, high, image.min_power_kw, self._up, self._down, total, power
        )
        moved = int(np.count_nonzero(np.abs(power - self._before) > MOVED_KW))
        self._told, self._base = power, base_kw
        return Shared(power_kw=power, missing_kw=missing, moved=moved, low_kw=low, high_kw=high)

    def _meet(self, image: Image, base_kw: Floats, low: Floats, high: Floats) -> None:
        """Get to know who is there, and renew the order of merit where it is due."""
        new = self._told.size != base_kw.size
        if new:
            self._told, self._base = base_kw.copy(), base_kw.copy()
        came = new or not np.array_equal(self._session, image.session)
        if came and not new:
            other = self._session != image.session
            self._told[other] = self._base[other] = base_kw[other]
        if came:
            self._session = image.session.copy()
        if came or image.time_s - self._ordered_s >= ORDER_HOLDS_S:
            self._up, self._down = merit(image, base_kw, low, high, self.latency_s)
            self._ordered_s = image.time_s


def merit(
    image: Image, base_kw: Floats, low_kw: Floats, high_kw: Floats, latency_s: Floats | float
) -> tuple[Ints, Ints]:
    """Return the order in which vehicles give (less power), and in which they take (more).

    Only chargers with a vehicle are in it; both are shaped (vehicles,).
    """
    at = np.flatnonzero(image.connected)
    gives = -np.minimum(low_kw[at], 0.0)
    table = image.loss_table[image.loss_law[at]]
    a, b, c = table[:, 3], table[:, 4], table[:, 5]
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(gives > 0, a / gives + b + c * gives, 0.0)
    urgency = URGENCY_PER_KWH * np.exp2(-np.clip(laxity_h(image)[at], 0.0, 24.0))
    late = (
        LATENCY_PER_KWH_S * np.broadcast_to(np.asarray(latency_s, dtype=float), base_kw.shape)[at]
    )
    discharge = np.where(gives > 0, image.wear_price_per_kwh[at] + LOSS_PRICE_PER_KWH * lost, 0.0)
    up = _in_order(discharge + urgency + late, base_kw[at] - low_kw[at])
    down = _in_order(late - urgency, high_kw[at] - base_kw[at])
    return at[up], at[down]


def _in_order(cost: Floats, range_kw: Floats) -> npt.NDArray[np.int64]:
    order: Ints = np.lexsort((-range_kw, np.round(cost / CLASS_PER_KWH)))
    return order
