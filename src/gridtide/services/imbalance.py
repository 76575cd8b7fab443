"""What deviations from a schedule cost: the tiers of Order 890, and single and dual prices.

A deviation is what was delivered into the grid less what was scheduled [MWh]: below 0 is short.
Amounts are positive where the provider of the schedule pays [currency].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One band of deviations.

    Parameters
    ----------
    share, least_mwh
        The band reaches up to the larger of a share of the schedule and a fixed energy; both
        ``inf`` for the last.
    short_percent, long_percent
        Of the price: what shortfalls pay, and what surpluses are paid [%].
    """

    share: float
    least_mwh: float
    short_percent: float
    long_percent: float


ORDER_890 = (
    Tier(share=0.015, least_mwh=2.0, short_percent=100.0, long_percent=100.0),
    Tier(share=0.075, least_mwh=10.0, short_percent=110.0, long_percent=90.0),
    Tier(share=np.inf, least_mwh=np.inf, short_percent=125.0, long_percent=75.0),
)
"""FERC Order 890 pro-forma schedules 4 and 9. The first band was read in a filed tariff, the second
and third are unverified."""
ORDER_890_INTERMITTENT = (
    ORDER_890[0],
    Tier(share=np.inf, least_mwh=np.inf, short_percent=110.0, long_percent=90.0),
)
"""The same for intermittent resources, which stay in the second band (unverified)."""


def split_mwh(deviation_mwh: float, scheduled_mwh: float, tiers: Sequence[Tier]) -> list[float]:
    """Split the size of a deviation among bands: each MWh is in the band that it falls into."""
    size, before, parts = abs(deviation_mwh), 0.0, []
    for tier in tiers:
        upto = max(tier.share * abs(scheduled_mwh), tier.least_mwh)
        upto = np.inf if np.isinf(tier.share) else upto
        parts.append(max(min(size, upto) - before, 0.0))
        before = max(before, upto)
    return parts


def tiered_cost(
    deviation_mwh: Floats,
    scheduled_mwh: Floats,
    incremental_cost: Floats,
    decremental_cost: Floats,
    *,
    tiers: Sequence[Tier] = ORDER_890,
) -> Floats:
    """Return what each hour's deviation costs [currency], shape (hours,).

    Parameters
    ----------
    deviation_mwh, scheduled_mwh
        By hour [MWh], shape (hours,).
    incremental_cost, decremental_cost
        What energy costs the provider that fills a shortfall, and saves it that takes a surplus
        [currency/MWh], shape (hours,).
    tiers
        The bands.

    References
    ----------
    .. [1] FERC Order 890 (2007), pro-forma open-access transmission tariff, schedules 4 and 9.
    """
    rows = np.broadcast_arrays(deviation_mwh, scheduled_mwh, incremental_cost, decremental_cost)
    cost = np.zeros(rows[0].shape)
    for k, (deviation, scheduled, up, down) in enumerate(zip(*rows, strict=True)):
        parts = zip(tiers, split_mwh(float(deviation), float(scheduled), tiers), strict=True)
        if deviation < 0:
            cost[k] = up * sum(tier.short_percent * q for tier, q in parts) / 100.0
        else:
            cost[k] = -down * sum(tier.long_percent * q for tier, q in parts) / 100.0
    return cost


def single_price_cost(
    metered_mwh: Floats, scheduled_mwh: Floats, activated_mwh: Floats, price: Floats
) -> Floats:
    """Return what deviations cost at one price [currency].

    What was activated as a service is no deviation: without that term every kWh of delivered
    reserve would be charged a second time. All energies are deliveries into the grid [MWh].
    """
    return np.asarray(-price * (metered_mwh - scheduled_mwh - activated_mwh))


def dual_price_cost(
    deviation_mwh: Floats,
    day_ahead: Floats,
    up: Floats,
    down: Floats,
    system_short: npt.NDArray[np.bool_],
) -> Floats:
    """Return what deviations cost at two prices [currency].

    Who makes the system's imbalance worse pays the dearer (is paid the cheaper) of day-ahead and
    balancing price; who helps gets the day-ahead price. Prices in [currency/MWh].
    """
    short = np.asarray(deviation_mwh) < 0
    worse_short = np.where(system_short, np.maximum(day_ahead, up), day_ahead)
    worse_long = np.where(system_short, day_ahead, np.minimum(day_ahead, down))
    price = np.where(short, worse_short, worse_long)
    return np.asarray(-np.asarray(deviation_mwh) * price)


def within_aggregate(deviation_mwh: Floats, scheduled_mwh: Floats, tiers: Sequence[Tier]) -> bool:
    """Whether the sum of all customers is within the first band: then nobody leaves it.

    Some tariffs charge outside the first band only where the aggregate is outside it.
    """
    parts = split_mwh(float(np.sum(deviation_mwh)), float(np.sum(scheduled_mwh)), tiers)
    return sum(parts[1:]) <= 0.0
