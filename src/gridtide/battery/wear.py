"""What wear costs: a cell model turned into prices of cycling and of holding energy.

Ageing laws bend: the first year costs most. A decision needs a price that does not depend on the
day it is taken, so both losses are spread evenly over the life that the battery is meant to have:

    cycle:    share(d) = loss_cycle(life_efc cycles' worth of depth d) · d / life_efc / w
    storage:  share(s, T) = loss_calendar(life_years at s, T) / life_years / w

``share`` is a share of the battery's life, ``w`` the loss that ends it (20 % of the capacity). A
share times the pack's value is money. The sum over the rainflow cycles and the hours of a profile
is what the profile really cost; planning sees convex pieces of the same curves [1].

[1] B. Xu et al., Factoring the cycle aging cost of batteries, IEEE Trans. Power Systems 33
    (2018) 2248, arXiv:1707.04567.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_wear import convex_below, hold_each, use_up
from gridtide.battery.ageing import (
    DAYS_PER_YEAR,
    END_OF_LIFE,
    age,
    age_until,
    cell_model,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LOST_AT_END = 1.0 - END_OF_LIFE
GRID_STEPS = 64
COLDEST_C, HOTTEST_C, STEP_C = -20.0, 60.0, 5.0
USUAL_C = 25.0
# Cycles that are priced go out in so many hours and back in as many: V2G practice, d/8 per hour.
SWING_H = 8
LEAST_DEPTH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class WearPrice:
    """Wear of a cell model as shares of a battery's life.

    Parameters
    ----------
    model
        Name of the cell model.
    life_years, life_efc
        Life over which the losses are spread: years, and equivalent full cycles.
    depth
        Depths of ``cycle``, 65 from 0 to 1.
    cycle
        Share of life of a full cycle of each depth, at 25 °C.
    temperature_c
        Temperatures of ``storage``, every 5 °C from -20 to 60.
    storage
        Share of life of an hour, shape (temperatures, 65 states of charge from 0 to 1).
    """

    model: str
    life_years: float
    life_efc: float
    depth: Floats
    cycle: Floats
    temperature_c: Floats
    storage: Floats

    def depth_shares(self, segments: int = 8) -> Floats:
        """Share of life per unit of state of charge, taken from each segment of depth.

        Slopes of the largest convex curve below the cost of a cycle, shallowest segment first,
        shape (segments,). Emptying all segments costs one full cycle.
        """
        edges = np.linspace(0.0, 1.0, segments + 1)
        convex = np.interp(edges, self.depth, convex_below(self.depth, self.cycle))
        shares: Floats = np.diff(convex) * segments
        return shares

    def holding_shares(
        self,
        temperature_c: npt.ArrayLike,
        pieces: int = 8,
        low: npt.ArrayLike = 0.0,
        high: npt.ArrayLike = 1.0,
    ) -> tuple[Floats, Floats]:
        """Share of life of an hour at the lower end of a window, and its slopes above.

        Slopes of the largest convex curve below the cost of storage within the window, over
        equal pieces of it: the narrower the window, the closer to a curve that is not convex.

        Parameters
        ----------
        temperature_c
            Of each battery [°C], shape (n,).
        pieces
            How many.
        low, high
            States of charge that each battery can reach [0..1], shape (n,) or one for all.

        Returns
        -------
        base, slopes
            Shares of life per hour, shape (n,), and per hour and unit of state of charge, shape
            (n, pieces).
        """
        heat = np.atleast_1d(np.asarray(temperature_c, dtype=np.float64))
        below, above = (
            np.broadcast_to(np.asarray(x, dtype=np.float64), heat.shape) for x in (low, high)
        )
        base, slopes = np.empty(heat.size), np.empty((heat.size, pieces))
        hold_each(self.storage, COLDEST_C, STEP_C, heat, below, above, base, slopes)
        return base, slopes

    def convex_error(self, segments: int = 8, pieces: int = 8) -> tuple[float, float]:
        """Largest error of the convex pieces over 0..1, relative to the largest value.

        Of a cycle's cost by depth, and of an hour's by state of charge.
        """
        edges = np.linspace(0.0, 1.0, segments + 1)
        steps = np.concatenate(([0.0], np.cumsum(self.depth_shares(segments)) / segments))
        cycle = np.abs(np.interp(self.depth, edges, steps) - self.cycle).max() / self.cycle.max()
        base, slopes = self.holding_shares(self.temperature_c, pieces)
        levels = np.linspace(0.0, 1.0, pieces + 1)
        held = np.concatenate((base[:, None], base[:, None] + np.cumsum(slopes / pieces, 1)), 1)
        straight = np.array([np.interp(self.depth, levels, row) for row in held])
        storage = np.abs(straight - self.storage).max() / self.storage.max()
        return float(cycle), float(storage)


@cache
def wear_price(model: str, life_years: float = 10.0, life_efc: float = 1500.0) -> WearPrice:
    """Price the wear of a cell model over the life that is meant for it.

    Parameters
    ----------
    model
        Name of a cell model.
    life_years, life_efc
        Life over which the losses are spread [years], [equivalent full cycles].

    Raises
    ------
    InputError
        If there is no such model.
    """
    cell_model(model)
    depth = np.linspace(0.0, 1.0, GRID_STEPS + 1)
    heat = np.arange(COLDEST_C, HOTTEST_C + 1.0, STEP_C)
    return WearPrice(
        model=model,
        life_years=life_years,
        life_efc=life_efc,
        depth=depth,
        cycle=_cycle_shares(model, depth, life_efc),
        temperature_c=heat,
        storage=_storage_shares(model, depth, heat, life_years),
    )


def _cycle_shares(model: str, depth: Floats, life_efc: float) -> Floats:
    """One slow cycle a day about half charge until the life's throughput is reached."""
    hours = [0, SWING_H, 12, 12 + SWING_H, 24]
    shares = np.zeros(depth.size)
    for k, d in enumerate(depth):
        if d > 0.0:
            day = np.interp(np.arange(24), hours, 0.5 + d * np.array([0.5, -0.5, -0.5, 0.5, 0.5]))
            aged = age_until(model, day, USUAL_C, stops_d=np.array([life_efc / d]))
            shares[k] = max(aged.loss_cycle[0, 0], 0.0) * d / life_efc / LOST_AT_END
    # Nothing was tested at depths below this, and some fits bend there: cost by proportion.
    small = depth < LEAST_DEPTH
    shares[small] = np.interp(LEAST_DEPTH, depth, shares) * depth[small] / LEAST_DEPTH
    return shares


def _storage_shares(model: str, soc: Floats, heat: Floats, years: float) -> Floats:
    """Storage at every state of charge and temperature until the end of the life."""
    levels = np.repeat(np.tile(soc, heat.size)[:, None], 24, axis=1)
    warmth = np.repeat(np.repeat(heat, soc.size)[:, None], 24, axis=1)
    lost = age(model, levels, warmth, years=years).loss_calendar[:, -1]
    hours = years * DAYS_PER_YEAR * 24.0
    shares: Floats = (np.maximum(lost, 0.0) / hours / LOST_AT_END).reshape(heat.size, soc.size)
    return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeUsed:
    """Shares of life that profiles used up, each of shape (series,)."""

    by_use: Floats
    by_time: Floats


def life_used(
    price: WearPrice, soc: Floats, time_h: Floats, temperature_c: Floats, first: Ints
) -> LifeUsed:
    """Shares of life used up along series of any length: rainflow cycles, and storage.

    Parameters
    ----------
    price
        Wear as shares of life.
    soc, time_h, temperature_c
        Points of all series, one series after another: state of charge [0..1], time [h],
        temperature [°C], shape (points,).
    first
        Where each series begins, and where the last one ends, shape (series + 1,).
    """
    series = first.size - 1
    by_use, by_time = np.zeros(series), np.zeros(series)
    use_up(
        np.ascontiguousarray(soc, dtype=np.float64),
        np.ascontiguousarray(time_h, dtype=np.float64),
        np.ascontiguousarray(temperature_c, dtype=np.float64),
        np.ascontiguousarray(first, dtype=np.int64),
        price.cycle,
        price.storage,
        COLDEST_C,
        STEP_C,
        by_use,
        by_time,
    )
    return LifeUsed(by_use=by_use, by_time=by_time)
