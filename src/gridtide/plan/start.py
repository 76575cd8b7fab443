"""Where coordination by price begins: an earlier plan's powers and prices, moved to now."""

from __future__ import annotations

from dataclasses import dataclass

from gridtide.plan.problem import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Powers and prices to begin with.

    Parameters
    ----------
    power_kw
        At the plugged steps, stay by stay, shape (N,).
    limit_price, peak_price
        As in a certificate [currency/kWh], shape (m, T).
    phase_price
        As in a certificate, shape (m, 3, T); None without phase limits.
    """

    power_kw: Floats
    limit_price: Floats
    peak_price: Floats
    phase_price: Floats | None = None
