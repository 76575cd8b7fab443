"""Where a run stands, for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where a run stands.

    Parameters
    ----------
    run
        What runs: a strategy, or one with scaled capacities.
    share
        How much of its simulated time is done, from 0 to 1.
    clock
        The simulated local time, such as ``Tue 2 Jun, 16:00``.
    vehicles
        How many are plugged in.
    plans
        How many have been made.
    """

    run: str
    share: float
    clock: str
    vehicles: int
    plans: int


Progress = Callable[[Moment], None]
