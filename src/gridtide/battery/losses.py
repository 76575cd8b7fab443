"""Conversion losses between the plug (AC) and the cells (DC).

While power flows, a charger and its vehicle lose

    P_loss = a + b*|P| + c*P**2        P at the plug [kW]

``a`` keeps converter, contactors, cooling and the 12 V system alive; ``b`` is proportional;
``c`` is ohmic. Charging stores ``P - P_loss``; discharging draws ``P + P_loss`` from the
cells. At standstill nothing is lost here.

The default law, a = 0.232 kW, b = 0.060, c = 0, is a least-squares fit to published ADAC
charging-loss measurements of four cars between 2.3 and 11 kW (rmse 0.11 kW).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_arrays import cells_each, plug_each

Floats = npt.NDArray[np.float64]

DEFAULT_LAW = (0.232, 0.060, 0.0)


def cells_kw(power_kw: npt.ArrayLike, law: npt.ArrayLike = DEFAULT_LAW) -> Floats:
    """Power at the cells for a power at the plug [kW].

    Parameters
    ----------
    power_kw
        Power at the plug [kW], positive while charging, shape (n,).
    law
        ``a [kW], b [-], c [1/kW]``, shape (3,) or (n, 3).

    Returns
    -------
    cells_kw
        Shape (n,). A charging power smaller than its own loss stores nothing.
    """
    power = np.atleast_1d(np.asarray(power_kw, dtype=float))
    out = np.empty_like(power)
    cells_each(power, np.ascontiguousarray(np.broadcast_to(law, (power.size, 3)), float), out)
    return out


def plug_kw(cells_kw: npt.ArrayLike, law: npt.ArrayLike = DEFAULT_LAW) -> Floats:
    """Power at the plug for a power at the cells, the inverse of :func:`cells_kw` [kW].

    Where a quadratic loss grows faster than the power, no plug power reaches the cells and
    the answer is ``inf``.
    """
    cells = np.atleast_1d(np.asarray(cells_kw, dtype=float))
    out = np.empty_like(cells)
    plug_each(cells, np.ascontiguousarray(np.broadcast_to(law, (cells.size, 3)), float), out)
    return out


def one_way_efficiency(power_kw: npt.ArrayLike, law: npt.ArrayLike = DEFAULT_LAW) -> Floats:
    """Share of the energy that arrives: cells/plug charging, plug/cells discharging."""
    power = np.atleast_1d(np.asarray(power_kw, dtype=float))
    cells = cells_kw(power, law)
    charging = np.divide(cells, power, out=np.zeros_like(power), where=power > 0)
    discharging = np.divide(power, cells, out=np.zeros_like(power), where=power < 0)
    share: Floats = np.where(power >= 0, charging, discharging)
    return share
