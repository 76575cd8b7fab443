"""Fitted distributions of sessions: parameters from a file, draws from them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
import numpy as np

from gridtide.fleet.arrays import Floats, Ints

Fitted = Literal["workplace", "residential"]
DAY_STARTS_H = 4.0
"""A session belongs to the local day that begins at 04:00, when fewest vehicles arrive."""


class Mixture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Gaussian mixture of (arrival hour, ln stay, logit of the mean power's share).

    Parameters
    ----------
    weight
        Share of each component.
    mean
        Means; one triple for each component.
    cholesky
        Lower triangles of the covariances, row by row; six numbers for each component.
    """

    weight: list[float]
    mean: list[list[float]]
    cholesky: list[list[float]]

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Draw points, shape (size, 3)."""
        upto = np.cumsum(self.weight)
        component = np.searchsorted(upto / upto[-1], rng.random(size), side="right")
        lower = np.zeros((len(self.weight), 3, 3))
        lower[:, *np.tril_indices(3)] = self.cholesky
        noise = rng.standard_normal((size, 3))
        points: Floats = np.array(self.mean)[component]
        points += np.einsum("nij,nj->ni", lower[component], noise)
        return points


class Stated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What drivers state about their departure.

    Parameters
    ----------
    share_unstated
        Share of sessions in which nothing is stated.
    stay_edges_h
        Inner edges of the classes of real stay [h].
    log_ratio
        For each class, quantiles of ln(stated stay / real stay) at equal steps from 0 to 1.
    """

    share_unstated: float
    stay_edges_h: list[float]
    log_ratio: list[list[float]]

    def draw(self, rng: np.random.Generator, stay_h: Floats) -> Floats:
        """Stated length of stay [h]; NaN where nothing is stated."""
        unstated = rng.random(stay_h.size) < self.share_unstated
        level = rng.random(stay_h.size)
        in_class = np.searchsorted(self.stay_edges_h, stay_h)
        stated = np.empty(stay_h.size)
        for k, quantiles in enumerate(self.log_ratio):
            at = in_class == k
            grid = np.linspace(0.0, 1.0, len(quantiles))
            stated[at] = stay_h[at] * np.exp(np.interp(level[at], grid, quantiles))
        return np.where(unstated, np.nan, stated)


class SessionModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that was fitted for one kind of place; see docs/models/session-sampler.md.

    Parameters
    ----------
    kind, source, fitted_with
        What it is, the data it was fitted to, the script that did it.
    timezone
        IANA zone of the data.
    power_kw
        Power that the mean power is a share of [kW].
    candidates_per_day
        Sessions offered per vehicle (residential) or charger (workplace) and day, Monday to
        Sunday; those that meet a vehicle still plugged in, or no free charger, do not come
        about. The mixtures are those of what is offered, too.
    sessions_per_day
        Sessions that came about in the data, Monday to Sunday.
    vehicle_shape
        Shape of the gamma distribution by which vehicles differ in their number of sessions;
        of no use where sessions are vehicles of their own.
    stay_range_h, energy_range_kwh
        Range of validity; draws are clipped to it.
    weekday, weekend
        Joint distributions.
    stated
        What drivers state; None where the data have nothing.
    """

    kind: Fitted
    source: str
    fitted_with: str
    timezone: str
    power_kw: float
    candidates_per_day: list[float]
    sessions_per_day: list[float]
    vehicle_shape: float
    stay_range_h: tuple[float, float]
    energy_range_kwh: tuple[float, float]
    weekday: Mixture
    weekend: Mixture
    stated: Stated | None = None

    def draw(self, rng: np.random.Generator, weekend: Ints) -> tuple[Floats, Floats, Floats]:
        """Draw arrival [h after local midnight, 4 to 28], stay [h] and energy [kWh].

        Parameters
        ----------
        rng
            Stream to draw from.
        weekend
            1 for a Saturday or Sunday, 0 else, one for each session wanted.
        """
        points = np.where(
            weekend[:, None] > 0,
            self.weekend.draw(rng, weekend.size),
            self.weekday.draw(rng, weekend.size),
        )
        hour = DAY_STARTS_H + (points[:, 0] - DAY_STARTS_H) % 24.0
        stay_h = np.clip(np.exp(points[:, 1]), self.stay_range_h[0], self.stay_range_h[1])
        share = 1.0 / (1.0 + np.exp(-points[:, 2]))
        full = self.power_kw * stay_h
        low, high = self.energy_range_kwh
        return hour, stay_h, np.minimum(np.clip(share * full, low, high), full)


@cache
def session_model(kind: Fitted) -> SessionModel:
    """Read the fitted parameters of one kind of place."""
    data = (files("gridtide.fleet") / "data" / f"sessions_{kind}.json").read_bytes()
    return msgspec.json.decode(data, type=SessionModel)
