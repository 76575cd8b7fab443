"""What proves a plan: prices on the limits and worths of stored energy, by weak duality.

Any such numbers give a lower bound of the cost by arithmetic alone; good ones a close bound. Let
λ be the price a vehicle sees in a step: ``limit_price`` and ``peak_price`` of its limit and of
all above it, and ``phase_price`` by its share of each phase; where each plug is billed, its own
energy price besides; and μ what it sees on the energy it holds, the ``stored_price`` of its limit
and of all above it. With Y the net power of the vehicles below a limit, without base load, x the
energy stored in a step and y its worth, e the energy held at the end of a step and S all of that
below a limit, no schedule costs less than the sum of

- every plugged step: the least over power of dt·(λ·(c - d) + wear·d) - y·x,
- every node of a stay: the least over the window of holding cost + (dt·μ + y - y_next)·e; at the
  end of a stay that of holding cost + dt·μ·e + shortfall cost - end value + y·e,
- every vehicle: -y_first·arrival_kwh,
- every limit and step: the least over lower <= Y <= upper of dt·(energy cost - limit_price·Y),
- every phase limit likewise, without an energy cost,
- every limit that bounds S: the least over S of dt·(price·(missing + beyond) - stored_price·S),
- every demand period: (rate - Σ dt·peak_price)·peak so far + Σ dt·peak_price·base load.
"""

from __future__ import annotations

from dataclasses import dataclass

from gridtide.plan.problem import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Multipliers that prove a plan's lower bound.

    Parameters
    ----------
    limit_price
        On the vehicles' net power below each limit in each step [currency/kWh], shape (m, T):
        the energy price where it is a meter, plus what its import limit (positive) or export
        limit (negative) is worth.
    peak_price
        What a demand charge adds [currency/kWh], shape (m, T), never negative; over a demand
        period ``Σ dt·peak_price`` is at most its rate.
    stored_value
        Worth y of energy in the battery during each step of each stay [currency/kWh], stay by
        stay, step by step, shape (N,).
    arrival_value
        Worth of energy at the start of each stay, shape (n,): where a vehicle continues, what
        links it to the stay before.
    shortfall_price_per_kwh
        What the proof lets missing energy cost; where the promise comes first more than the
        problem's own price.
    phase_price
        On L1, L2, L3 of each limit [currency/kWh], shape (m, 3, T); None without phase limits.
    stored_price
        On what vehicles hold together below each limit at the end of each step
        [currency/kWh/h], shape (m, T): negative where it is too little. None where no limit
        bounds it.
    relief_price_per_kwh
        What the proof lets base load beyond a limit cost where vehicles leave it so; 0 but where
        the promise comes first.
    """

    limit_price: Floats
    peak_price: Floats
    stored_value: Floats
    arrival_value: Floats
    shortfall_price_per_kwh: float
    phase_price: Floats | None = None
    stored_price: Floats | None = None
    relief_price_per_kwh: float = 0.0
