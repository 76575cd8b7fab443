"""What proves a plan: prices on the limits and worths of stored energy, by weak duality.

Any such numbers give a lower bound of the cost by arithmetic alone; good ones give a close bound.
Let λ be what a vehicle sees in a step: the sum of ``limit_price`` and ``peak_price`` over its
limit and all above it (and of its phases), or the energy price itself where each plug is billed.
With y the worth of stored energy at the end of each step, no schedule costs less than

    Σ min over power of [dt·(λ·(c − d) + wear·d) − y·x]           every plugged step, x what it stores
  + Σ min over energy of [holding cost − (y_next − y)·e]           every node; shortfall, end value last
  + Σ min over net power of [dt·(energy cost − limit_price·net)]   every limit and step
  + Σ (rate − Σ dt·peak_price)·peak so far + Σ dt·peak_price·base  every demand period
  − y_first·arrival_kwh                                            every vehicle
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
        On the net power of each limit in each step, base load included [currency/kWh], shape
        (m, T): its energy price where it is a meter, plus what its import limit (positive) or
        export limit (negative) is worth.
    peak_price
        What a demand charge adds [currency/kWh], shape (m, T), never negative; over a demand
        period ``Σ dt·peak_price`` is at most its rate.
    phase_price
        On L1, L2, L3 of each limit [currency/kWh], shape (m, 3, T); None without phase limits.
    stored_value
        Worth y of energy in the battery at the end of each step of each stay [currency/kWh],
        stay by stay, step by step, shape (N,).
    arrival_value
        Worth of energy at the start of each stay, shape (n,): where a vehicle continues, what
        links it to the stay before.
    """

    limit_price: Floats
    peak_price: Floats
    stored_value: Floats
    arrival_value: Floats
    phase_price: Floats | None = None
