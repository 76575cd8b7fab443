"""Prices of wear as a plan sees them, and which segments of depth an open discharge has emptied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gridtide.battery import WearPrice
from gridtide.control.image import Image
from gridtide.plan import open_cycle_segments, roll_segments

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class WearOutlook:
    """How the ageing of cells is priced in plans.

    Parameters
    ----------
    prices
        One per cell model in use; ``Image.wear_class`` counts in this order.
    depth_segments
        Segments of depth; 0: one price per kWh, refreshed from the cycles of the plan.
    holding_pieces
        Pieces of the price of holding energy; 0: not priced.
    temperature_c
        Of packs whose temperature is not known [°C].
    """

    prices: tuple[WearPrice, ...]
    depth_segments: int
    holding_pieces: int
    temperature_c: float

    @property
    def name(self) -> str:
        """Cell models behind the prices."""
        return ", ".join(price.model for price in self.prices)

    @property
    def solver(self) -> Literal["auto", "linear"]:
        """Whether plans hold segments where they are not too many, or never."""
        return "auto" if self.depth_segments > 0 else "linear"


# A linear price is refreshed from cycles that are priced by so many segments.
REFRESH_SEGMENTS = 8


class SegmentBook:
    """Keeps, from one plan to the next, how much energy each segment of depth holds.

    The state of charge alone does not say which segments an open discharge has emptied. On
    arrival that discharge is what was driven; between plans energy moves by the shallowest
    segment first.
    """

    def __init__(self) -> None:
        self._session: Ints = np.empty(0, dtype=np.int64)
        self._energy_kwh: Floats = np.empty(0)
        self._held: Floats = np.empty((0, 0))

    def depth_prices(
        self, image: Image, at: Ints, wear: WearOutlook, discharge_efficiency: Floats
    ) -> dict[str, Any]:
        """Segment energies and prices of the vehicles at some chargers, for a plan."""
        count = wear.depth_segments or REFRESH_SEGMENTS
        self._follow(image, count)
        classes, worth = _classes(image, at)
        shares = np.array([price.depth_shares(count) for price in wear.prices])
        share = np.where(classes[:, None] >= 0, shares[classes], 0.0)
        held = self._held[at]
        # The book counts in rounded meter steps; the plan wants exactly what the battery holds.
        held[:, -1] += image.energy_kwh[at] - held.sum(axis=1)
        return {
            "wear_depth_price_per_kwh": share * worth[:, None] / discharge_efficiency[:, None],
            "wear_capacity_kwh": image.capacity_kwh[at],
            "wear_segment_kwh": np.maximum(held, 0.0),
        }

    def _follow(self, image: Image, count: int) -> None:
        """Bring the book up to the image: new vehicles anew, the others by their energy."""
        n = image.session.size
        if self._held.shape != (n, count):
            self._session, self._energy_kwh = np.full(n, -1), np.zeros(n)
            self._held = np.zeros((n, count))
        came = (self._session != image.session) & (image.session >= 0)
        assert image.open_kwh is not None
        size = np.maximum(image.capacity_kwh, 1e-9)
        depth = np.clip(image.open_kwh / size, 0.0, 1.0)
        arrived = open_cycle_segments(image.arrival_kwh[came], size[came], count, depth[came])
        self._held[came], self._energy_kwh[came] = arrived, image.arrival_kwh[came]
        path = np.stack((self._energy_kwh, image.energy_kwh), axis=1)
        self._held = roll_segments(self._held, path, size)[:, -1]
        self._session, self._energy_kwh = image.session.copy(), image.energy_kwh.copy()


def holding_prices(image: Image, at: Ints, wear: WearOutlook, lowest_kwh: Floats) -> dict[str, Any]:
    """Price of holding energy by band, at each pack's temperature as it is now, for a plan.

    ``lowest_kwh`` is what each battery can come down to in this plan [kWh], shape of ``at``.
    """
    pieces = wear.holding_pieces
    if pieces == 0:
        return {}
    classes, worth = _classes(image, at)
    capacity, heat = image.capacity_kwh[at], image.temperature_c[at]
    heat = np.where(np.isnan(heat), wear.temperature_c, heat)
    low = lowest_kwh / capacity
    high = np.maximum(image.full_kwh[at] / capacity, low + 1e-3)
    base, slopes = np.zeros(at.size), np.zeros((at.size, pieces))
    for k, price in enumerate(wear.prices):
        mine = classes == k
        if mine.any():
            base[mine], slopes[mine] = price.holding_shares(
                heat[mine], pieces, low[mine], high[mine]
            )
    edges = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, pieces + 1)
    return {
        "holding_edges_kwh": capacity[:, None] * edges,
        "holding_price_per_kwh_h": slopes * worth[:, None],
        "holding_base_per_h": base * worth * capacity,
    }


def _classes(image: Image, at: Ints) -> tuple[Ints, Floats]:
    assert image.wear_class is not None and image.pack_price_per_kwh is not None
    return image.wear_class[at], image.pack_price_per_kwh[at]
