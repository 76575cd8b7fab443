"""What plugs lose: energy stored and taken at a power, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Losses of r stays; a power fills its parts in order.

    Parameters
    ----------
    gain, draw
        Energy stored per kWh charged and taken per kWh discharged in each part, shape (r, P) and
        (r, Q).
    gain_from_kw, draw_from_kw
        Power at which each part begins and, last, ``inf``, shape (r, P + 1) and (r, Q + 1).
    standby_kw
        Loss while power flows, shape (r,).
    """

    gain: Floats
    gain_from_kw: Floats
    draw: Floats
    draw_from_kw: Floats
    standby_kw: Floats

    def battery_kw(self, row: Ints, power_kw: Floats) -> Floats:
        """Power into the battery of some stays at a power at the plug, both shape (P,)."""
        flow: Floats = -self.standby_kw[row] * (power_kw != 0)
        for sign, rate, begin in (
            (1.0, self.gain, self.gain_from_kw),
            (-1.0, self.draw, self.draw_from_kw),
        ):
            for j in range(rate.shape[1]):
                width = begin[row, j + 1] - begin[row, j]
                part = np.clip(sign * power_kw - begin[row, j], 0.0, width)
                flow = flow + sign * rate[row, j] * part
        return flow

    def kinks_kw(self, most_kw: Floats, least_kw: Floats) -> Iterator[Floats]:
        """Give the powers at which losses bend, and both ends of the range, each shape (r,)."""
        for j in range(1, self.gain_from_kw.shape[1]):
            yield np.minimum(self.gain_from_kw[:, j], most_kw)
        for j in range(1, self.draw_from_kw.shape[1]):
            yield -np.minimum(self.draw_from_kw[:, j], least_kw)


def losses_of(problem: Problem, first: int, stop: int, *, chord: bool) -> Losses:
    """Return the losses of the stays ``first <= i < stop``; see :func:`._stays.in_parts`."""
    own = slice(first, stop)
    gain, gain_from = _parts(
        problem.charge_efficiency[own], problem.charge_part_efficiency, problem.charge_part_kw, own
    )
    draw, draw_from = _parts(
        problem.discharge_efficiency[own],
        problem.discharge_part_efficiency,
        problem.discharge_part_kw,
        own,
    )
    draw, loss = 1.0 / draw, np.zeros(stop - first)
    if problem.standby_kw is not None:
        loss = problem.standby_kw[own]
        if chord:
            gain = np.maximum(gain - _spread(loss, problem.max_charge_kw[own]), 1e-6)
            draw = draw + _spread(loss, problem.max_discharge_kw[own])
            loss = np.zeros(stop - first)
    return Losses(
        gain=gain, gain_from_kw=gain_from, draw=draw, draw_from_kw=draw_from, standby_kw=loss
    )


def _parts(
    single: Floats, each: Floats | None, width_kw: Floats | None, own: slice
) -> tuple[Floats, Floats]:
    """Efficiency of each part, and where parts begin, the last at no end."""
    rate, begin = single[:, None], np.zeros((len(single), 1))
    if each is not None and width_kw is not None:
        rate = each[own]
        begin = np.cumsum(width_kw[own], axis=1) - width_kw[own]
        begin = np.where(np.isfinite(begin), begin, np.inf)
    return rate, np.concatenate((begin, np.full((len(single), 1), np.inf)), axis=1)


def _spread(loss_kw: Floats, most_kw: Floats) -> Floats:
    """Share of the power that a loss is at full power, shape (r, 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = loss_kw / most_kw
    return np.where(np.isfinite(share), share, 0.0)[:, None]
