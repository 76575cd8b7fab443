"""What the compiled arrangement of a schedule reads and writes, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Stays(NamedTuple):
    """Vehicles, each of shape (n,), and their prices per kWh stored or taken, (rows, T)."""

    arrive: Ints
    depart: Ints
    start_kwh: Floats
    low_kwh: Floats
    high_kwh: Floats
    due_kwh: Floats
    least_charge: Floats
    most_charge: Floats
    least_discharge: Floats
    most_discharge: Floats
    gain: Floats
    draw: Floats
    loss: Floats
    taper_from: Floats
    full_kw: Floats
    slope: Floats
    wear: Floats
    end_value: Floats
    continues: Bools
    driven_kwh: Floats
    meter: Ints
    limit: Ints


class Tree(NamedTuple):
    """Limits: (m,), room for vehicles (m, T, K), shares of each vehicle (n, K).

    Column 0 is the net power, 1 to 3 are phases where any limit looks at them. ``wished`` is the
    upper end that is exceeded only for a driver's target, as the peak of the plan.
    """

    parent: Ints
    upper: Floats
    lower: Floats
    wished: Floats
    share: Floats


class Nets(NamedTuple):
    """Net power below each limit, (m, T, K): of those placed, and of all as placed or planned."""

    fixed: Floats
    planned: Floats


class Prices(NamedTuple):
    """Energy prices (rows, T), prices on limits (m, T), and what missing energy may cost."""

    energy_in: Floats
    energy_out: Floats
    limit: Floats
    shortfall: float
