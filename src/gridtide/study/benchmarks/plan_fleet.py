"""The planning benchmark at fleet scale: feeders of 250 below one billed region, synthetic.

96 quarter hours from noon; stays of 16 to 64 of them; feeders whose limits bind, a demand charge
on the region. Four shapes of price.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.core import stream
from gridtide.plan import Problem

Floats = npt.NDArray[np.float64]

STEPS = 96
FEEDER = 250
SHAPES = ("flat", "two-peak", "solar", "scarcity")
ETA = 0.93


def draw_problem(
    vehicles: int, *, seed: int = 1, v2g_share: float = 0.6, price_shape: str = "two-peak"
) -> Problem:
    """Draw a fleet below feeders below a region.

    Parameters
    ----------
    vehicles
        How many.
    seed
        Of the draw.
    v2g_share
        Share that can discharge.
    price_shape
        One of ``SHAPES``.
    """
    draw = stream(seed, f"benchmark plan {price_shape}")
    hour = (12.0 + np.arange(STEPS) / 4.0) % 24.0
    feeders = max(1, -(-vehicles // FEEDER))
    feeder = np.minimum(np.arange(vehicles) // FEEDER, feeders - 1)
    stay = draw.integers(16, 65, vehicles)
    arrive = np.floor(draw.random(vehicles) * (STEPS - stay + 1)).astype(np.int64)
    capacity = draw.choice([40.0, 60.0, 77.0], vehicles)
    power = draw.choice([7.4, 11.0, 22.0], vehicles, p=[0.4, 0.4, 0.2])
    arrival = capacity * draw.uniform(0.2, 0.6, vehicles)
    wanted = np.minimum(capacity * draw.uniform(0.1, 0.5, vehicles), 0.7 * power * ETA * stay / 4)
    target = np.minimum(arrival + wanted, 0.9 * capacity)
    bidirectional = draw.random(vehicles) < v2g_share
    need = np.bincount(feeder, weights=(target - arrival) / ETA, minlength=feeders)
    size = np.bincount(feeder, minlength=feeders)
    house = 0.5 + 0.35 * np.exp(-0.5 * ((hour - 19.0) / 2.0) ** 2)
    house = house[None, :] * size[:, None] * draw.uniform(0.9, 1.1, (feeders, STEPS))
    room = need / 24.0 * draw.uniform(1.2, 2.0, feeders)
    limit = house.mean(axis=1) + room
    price = _price(price_shape, hour) + draw.normal(0.0, 0.002, STEPS)
    region = np.zeros((1, STEPS))
    unlimited = np.full((1, STEPS), np.inf)
    return Problem(
        ids=tuple(f"ev{i}" for i in range(vehicles)),
        step_h=np.full(STEPS, 0.25),
        arrive=arrive,
        depart=arrive + stay,
        arrival_kwh=arrival,
        target_kwh=target,
        min_kwh=0.1 * capacity,
        max_kwh=capacity,
        max_charge_kw=power,
        max_discharge_kw=np.where(bidirectional, power, 0.0),
        charge_efficiency=np.full(vehicles, ETA),
        discharge_efficiency=np.full(vehicles, ETA),
        wear_price_per_kwh=np.full(vehicles, 0.04),
        limit=feeder + 1,
        limit_names=("region", *(f"feeder{f}" for f in range(feeders))),
        limit_parent=np.concatenate(([-1], np.zeros(feeders, dtype=np.int64))),
        import_kw=np.concatenate((unlimited, np.repeat(limit[:, None], STEPS, axis=1))),
        export_kw=np.concatenate((unlimited, np.repeat(0.5 * limit[:, None], STEPS, axis=1))),
        base_load_kw=np.concatenate((region, house)),
        demand_charge_per_kw=np.concatenate(([0.3], np.zeros(feeders))),
        meters=np.array([0]),
        price_import_per_kwh=price[None, :],
        price_export_per_kwh=price[None, :] - 0.01,
        shortfall_price_per_kwh=10.0,
    )


def _price(shape: str, hour: Floats) -> Floats:
    """Import price over the day [currency/kWh]."""
    evening = np.exp(-0.5 * ((hour - 19.0) / 1.8) ** 2)
    morning = np.exp(-0.5 * ((hour - 8.0) / 1.5) ** 2)
    noon = np.exp(-0.5 * ((hour - 13.0) / 2.5) ** 2)
    shapes = {
        "flat": np.full(len(hour), 0.2),
        "two-peak": 0.14 + 0.1 * morning + 0.18 * evening,
        "solar": 0.2 - 0.16 * noon + 0.15 * evening,
        "scarcity": 0.12 + 0.05 * morning + 1.0 * np.exp(-0.5 * ((hour - 19.0) / 1.0) ** 2),
    }
    return shapes[shape]
