"""The certificate that the duals of the linear problem are.

The rows price what the certificate prices, only that a row of net power holds what is below the
limit's nearest rows, not all vehicles: the price that a vehicle sees is the dual of the nearest
row, and what a limit adds to it is the difference to the row above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan._objective_accounts import stored_bounds
from gridtide.plan.certificate import Certificate
from gridtide.plan.problem import Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedRows:
    """Rows whose duals are prices, -1 where there is no row.

    Parameters
    ----------
    energy
        Of each pair's energy, shape (N,).
    drive
        Of the energy after the drive before each stay, shape (n,).
    net
        Of each limit's net power, shape (m, T).
    peak
        That hold the net power below the peak of a demand charge, shape (m, T).
    phase
        Of each limit's net power by phase, shape (m, 3, T).
    stored_least, stored_most
        Of what vehicles hold together below each limit, shape (m, T).
    """

    energy: Ints
    drive: Ints
    net: Ints
    peak: Ints
    phase: Ints
    stored_least: Ints
    stored_most: Ints

    @classmethod
    def none(cls, layout: Layout) -> PricedRows:
        """Return places for the rows of a layout, none of which has one yet."""
        m, steps = layout.base_kw.shape
        by_stay = ((len(layout.vehicle),), (len(layout.problem),))
        flat = (m, steps)
        shapes = (*by_stay, flat, flat, (m, 3, steps), flat, flat)
        energy, drive, net, peak, phase, least, most = (np.full(shape, -1) for shape in shapes)
        return cls(
            energy=energy,
            drive=drive,
            net=net,
            peak=peak,
            phase=phase,
            stored_least=least,
            stored_most=most,
        )


def certificate(layout: Layout, rows: PricedRows, duals: Floats, short_price: float) -> Certificate:
    """Turn duals into prices.

    Parameters
    ----------
    layout
        What was planned.
    rows
        Where the rows stand.
    duals
        Of the rows of a linear problem, in the sign of HiGHS: what the cost rises by where the
        right-hand side does.
    short_price
        What missing energy cost there [currency/kWh].
    """
    hours = layout.problem.step_h
    stored = -duals[rows.energy]
    peak = np.where(rows.peak >= 0, np.maximum(-duals[rows.peak] / hours, 0.0), 0.0)
    phase = None
    if layout.problem.phase_kw is not None:
        phase = np.where(rows.phase >= 0, -duals[rows.phase] / hours, 0.0)
    stored_price = None
    if stored_bounds(layout.problem) is not None:
        least, most = (
            np.where(row >= 0, -duals[row] / hours, 0.0)
            for row in (rows.stored_least, rows.stored_most)
        )
        stored_price = least + most
    first = np.flatnonzero(layout.first)
    arrival = np.zeros(len(layout.problem))
    arrival[layout.vehicle[first]] = stored[first]
    # Where a battery arrives at its minimum, the drive's worth and that of the stay differ.
    driven = rows.drive >= 0
    arrival[driven] = -duals[rows.drive[driven]]
    return Certificate(
        limit_price=_added(layout, rows.net, -duals[rows.net] / hours) - peak,
        peak_price=peak,
        stored_value=stored,
        arrival_value=arrival,
        shortfall_price_per_kwh=short_price,
        phase_price=phase,
        stored_price=stored_price,
    )


def _added(layout: Layout, net: Ints, seen: Floats) -> Floats:
    """Return what each limit adds to the price seen below it, shape (m, T)."""
    parent = layout.problem.limit_parent
    price = np.zeros(net.shape)
    added = np.zeros(net.shape)
    for j in range(len(parent)):
        above = price[parent[j]] if parent[j] >= 0 else np.zeros(net.shape[1])
        price[j] = np.where(net[j] >= 0, seen[j], above)
        added[j] = price[j] - above
    return added
