"""From what was sold and how it was delivered to settlement lines, exact to a nano-currency.

Every amount is rounded once, half to even, when its line is made; lines then add up as whole
numbers. Amounts are positive where the market pays who serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Number = float | int | Decimal

NANO = Decimal(1_000_000_000)
DIGITS = 50
"""More than products of any three doubles need, so that rounding happens once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a settlement.

    Parameters
    ----------
    product, kind
        What was sold, and what this line pays.
    quantity, unit
        How much of what, such as ``MW·h`` of capacity.
    unit_price
        [currency/unit].
    factor
        What quantity times price is multiplied by: a score, a ratio; 1 for nothing.
    amount_nano
        [nano-currency], whole.
    note
        Why, where it is not plain.
    """

    product: str
    kind: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    factor: Decimal
    amount_nano: int
    note: str = ""


def exact(value: Number) -> Decimal:
    """Return a number as it is written, not as a binary fraction."""
    return value if isinstance(value, Decimal) else Decimal(repr(float(value)))


def line(
    product: str,
    kind: str,
    quantity: Number,
    unit: str,
    unit_price: Number,
    *,
    factor: Number = 1,
    note: str = "",
) -> Line:
    """Make a line: quantity times price times factor, rounded once to a nano-currency."""
    with localcontext() as context:
        context.prec = DIGITS
        amount = exact(quantity) * exact(unit_price) * exact(factor) * NANO
        whole = int(amount.to_integral_value(rounding=ROUND_HALF_EVEN))
    return Line(
        product=product,
        kind=kind,
        quantity=exact(quantity),
        unit=unit,
        unit_price=exact(unit_price),
        factor=exact(factor),
        amount_nano=whole,
        note=note,
    )


def total_nano(lines: Iterable[Line]) -> int:
    """Return the sum of all lines [nano-currency], exact."""
    return sum(each.amount_nano for each in lines)


def regulation_lines(
    product: str,
    capacity_mw: float,
    score: float,
    *,
    capability_price: float,
    performance_price: float,
    mileage_ratio: float,
    hours: float = 1.0,
    least_score: float = 0.25,
) -> list[Line]:
    """Pay regulation: capability, and performance by mileage, both times the score.

    Parameters
    ----------
    capacity_mw, hours
        Assigned, and for how long [MW], [h].
    score
        Of the hour, 0 to 1; below ``least_score`` nothing is paid.
    capability_price, performance_price
        RMCCP and RMPCP [currency/MW/h].
    mileage_ratio
        Mileage of this signal over that of the slow one; 1 for the slow one.

    References
    ----------
    .. [1] PJM Manual 11, section 3.2.10; Manual 28, section 4.
    """
    paid = 0.0 if score < least_score else score
    note = f"score {score:.3f} below {least_score:g}: nothing is paid" if paid < score else ""
    capacity = exact(capacity_mw) * exact(hours)
    share = exact(paid) * exact(mileage_ratio)
    return [
        line(product, "capability", capacity, "MW·h", capability_price, factor=paid, note=note),
        line(product, "performance", capacity, "MW·h", performance_price, factor=share, note=note),
    ]


def capacity_line(
    product: str, capacity_mw: float, hours: float, price: float, *, score: float = 1.0,
    least_score: float = 0.0,
) -> Line:  # fmt: skip
    """Pay capacity for the hours it was held, times a score where the product has one."""
    paid = 0.0 if score < least_score else score
    quantity = exact(capacity_mw) * exact(hours)
    return line(product, "capacity", quantity, "MW·h", price, factor=paid)


def energy_line(product: str, energy_mwh: float, price: float) -> Line:
    """Pay energy that was delivered when called [MWh]; below 0 it is paid for."""
    return line(product, "energy", energy_mwh, "MWh", price)


def spin_lines(
    product: str,
    assigned_mw: Sequence[float],
    prices: Sequence[float],
    hours: float,
    *,
    shortfall_mw: float = 0.0,
) -> list[Line]:
    """Pay reserve by interval since the last event, less what a shortfall forfeits.

    Parameters
    ----------
    assigned_mw, prices
        By interval since the last event [MW], [currency/MWh].
    hours
        Length of an interval [h].
    shortfall_mw
        Assigned and not delivered in the event that ends them [MW]: what was paid for so much of
        each interval is paid back.

    References
    ----------
    .. [1] PJM Manual 28, synchronised reserve; rates as told by RTO Insider, February 2026.
    """
    lines = [
        line(product, "reserve", exact(mw) * exact(hours), "MW·h", price)
        for mw, price in zip(assigned_mw, prices, strict=True)
    ]
    if shortfall_mw > 0:
        lines += [
            line(product, "forfeit", -exact(min(shortfall_mw, mw)) * exact(hours), "MW·h", price)
            for mw, price in zip(assigned_mw, prices, strict=True)
        ]
    return lines


def payment_factor(error: float, *, free: float = 0.03, lost: float = 0.07) -> float:
    """Share of the pay that is left at a worst error outside the envelope, in parts of the offer.

    All of it up to ``free``, nothing from ``lost`` on, linear between (NESO, unverified).
    """
    return float(np.clip((lost - error) / (lost - free), 0.0, 1.0))


def reactive_lines(
    product: str, available_kvar: float, hours: float, price_per_kvar_h: float,
    lost_kwh: float, energy_price: float,
) -> list[Line]:  # fmt: skip
    """Pay reactive power: what was available, and the energy that it kept from flowing."""
    quantity = exact(available_kvar) * exact(hours)
    return [
        line(product, "availability", quantity, "kvar·h", price_per_kvar_h),
        line(product, "lost_opportunity", lost_kwh, "kWh", energy_price),
    ]


def response_lines(
    product: str, baseline_kwh: Sequence[float], metered_kwh: Sequence[float], price_per_kwh: float,
    *, counts_injection: bool = False,
) -> list[Line]:  # fmt: skip
    """Pay demand response by interval: baseline less meter, never below nothing.

    Parameters
    ----------
    counts_injection
        Whether energy given to the grid counts; many programmes stop at zero load.
    """
    lines = []
    for baseline, metered in zip(baseline_kwh, metered_kwh, strict=True):
        used = metered if counts_injection else max(metered, 0.0)
        reduced = max(exact(baseline) - exact(used), Decimal(0))
        lines.append(line(product, "reduction", reduced, "kWh", price_per_kwh))
    return lines


def demand_charge_line(
    product: str, peak_before_kw: float, peak_kw: float, price_per_kw: float,
    *, ratchet_share: float = 0.0, past_peak_kw: float = 0.0,
) -> Line:  # fmt: skip
    """Tell what a lower peak saves of a demand charge.

    Parameters
    ----------
    peak_before_kw, peak_kw
        Largest interval mean of the month without and with shaving [kW].
    ratchet_share, past_peak_kw
        The bill never counts less than this share of past months' largest peak (by tariff).
    """
    least = exact(ratchet_share) * exact(past_peak_kw)
    before, now = max(exact(peak_before_kw), least), max(exact(peak_kw), least)
    note = "held up by the ratchet" if now == least and ratchet_share > 0 else ""
    return line(product, "demand_charge_saved", before - now, "kW", price_per_kw, note=note)
