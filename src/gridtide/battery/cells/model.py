"""What a cell model is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.laws import Law
from gridtide.battery.cells.stress import Fatigue, RateLaw, Stress

Floats = npt.NDArray[np.float64]


class Outcome(NamedTuple):
    """State of the cells; arrays of one shape, relative to the model's beginning.

    ``q`` is the capacity, ``r`` the resistance (None where it is not modelled), the losses are
    shares of the capacity: ``q = 1 - loss_calendar - loss_cycle``.
    """

    q: Floats
    r: Floats | None
    loss_calendar: Floats
    loss_cycle: Floats


def two_losses(calendar: Floats, cycle: Floats) -> Outcome:
    """Capacity of a cell whose losses by time and by use add up."""
    return Outcome(1.0 - calendar - cycle, None, calendar, cycle)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellModel:
    """A cell model: its card, and its equations as functions over arrays.

    Parameters
    ----------
    card
        What it was fitted on and where it holds.
    laws
        From the stress of the days to the laws of its losses.
    rates
        Rate laws of state of charge and temperature [K] that are averaged over each day; their
        averages stand in ``Stress.table`` in this order.
    spreads
        Functions of the same whose spread over each day is needed, in ``Stress.spreads``.
    fatigue
        From states of charge, temperatures and points per day to a stress of each day that
        needs the series itself; it stands in ``Stress.fatigue``.
    outcome
        From the values of the laws, in their order, to the state of the cell.
    """

    card: ModelCard
    laws: Callable[[Stress], tuple[Law, ...]]
    rates: tuple[RateLaw, ...] = ()
    spreads: tuple[RateLaw, ...] = ()
    fatigue: Fatigue | None = None
    outcome: Callable[..., Outcome] = two_losses
