"""How losses grow: power laws and sigmoids, followed exactly while their rates change.

A power law ``y = k·x^p`` goes on with a new rate from the ``x`` at which ``y`` stands on it. So
``w = y^(1/p)`` grows by ``k^(1/p)·dx`` whatever came before: it is a sum, no step is too long, and
nothing depends on how the time was cut. The same holds for ``y = (k·x)^p`` with ``k·dx`` and for
sigmoids whose extent and curvature stay. Where those change too, :class:`Sigmoid` inverts the
law day by day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells._kernel_laws import follow_sigmoid

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sum:
    """A loss that is a function of a sum over the days.

    Parameters
    ----------
    growth
        What each day adds, shape (vehicles, days).
    loss
        The loss as a function of the sum.
    start
        The sum at the beginning.
    """

    growth: Floats
    loss: Callable[[Floats], Floats]
    start: float = 0.0

    def at(self, stops_d: Floats, days: Floats) -> Floats:
        """Losses at some times while the days repeat [d], shape (vehicles, stops)."""
        reached = np.concatenate(([0.0], np.cumsum(days)))
        before = np.zeros((self.growth.shape[0], reached.size))
        np.cumsum(self.growth, axis=1, out=before[:, 1:])
        whole = np.floor(stops_d / reached[-1] + 1e-12)
        rest = np.clip(stops_d - whole * reached[-1], 0.0, reached[-1])
        day = np.clip(np.searchsorted(reached, rest, side="right") - 1, 0, days.size - 1)
        share = (rest - reached[day]) / days[day]
        total = whole * before[:, -1:] + before[:, day] + share * self.growth[:, day]
        return self.loss(self.start + total)


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """``y = extent·tanh((k·x)^p / 2)`` whose extent and curvature change from day to day.

    Where the extent falls below what is lost already nothing more is lost.

    Parameters
    ----------
    dx
        Growth of x each day, shape (vehicles, days).
    extent, p
        Final extent and curvature, shape (vehicles, days).
    k
        Rate.
    start
        What is lost at the beginning.
    """

    dx: Floats
    extent: Floats
    k: float
    p: Floats
    start: float = 0.0

    def at(self, stops_d: Floats, days: Floats) -> Floats:
        """Losses at some times while the days repeat [d], shape (vehicles, stops)."""
        shape = self.dx.shape
        extent, p = (np.ascontiguousarray(np.broadcast_to(a, shape)) for a in (self.extent, self.p))
        begin = np.full(shape[0], self.start)
        losses: Floats = follow_sigmoid(begin, days, self.dx, extent, self.k, p, stops_d)
        return losses


Law = Sum | Sigmoid


def power(k: Floats, p: float, dx: Floats) -> Sum:
    """``y = k·x^p``; a rate below zero counts as none."""
    return Sum(np.maximum(k, 0.0) ** (1.0 / p) * dx, lambda w: w**p)


def scaled_power(k: Floats, p: float, dx: Floats) -> Sum:
    """``y = (k·x)^p``."""
    return Sum(np.maximum(k, 0.0) * dx, lambda w: w**p)


def linear(k: Floats, dx: Floats) -> Sum:
    """``y = k·x``."""
    return Sum(np.maximum(k, 0.0) * dx, lambda w: w)


def steady_sigmoid(k: Floats, p: float, dx: Floats, start: float) -> Sum:
    """``y = tanh((k·x)^p / 2)``, of extent 1, from ``y = start`` on."""
    begin = (2.0 * np.arctanh(start)) ** (1.0 / p)
    return Sum(np.maximum(k, 0.0) * dx, lambda w: np.tanh(w**p / 2.0), float(begin))
