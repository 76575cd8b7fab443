"""Stations that answer late and not at once, as real ones do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.sim._kernel_stations import answer_all

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Stations:
    """What flows at each plug while setpoints are on their way.

    Parameters
    ----------
    latency_s
        Time from a decision until power begins to move [s], shape (chargers,), >= 0.
    pace_kw_per_s
        How fast power moves then [kW/s], shape (chargers,), above 0; ``inf`` for at once.
    tick_s
        Shortest time between decisions [s]: so many are remembered.
    """

    def __init__(self, latency_s: Floats, pace_kw_per_s: Floats, tick_s: float) -> None:
        self._latency = np.ascontiguousarray(latency_s, dtype=np.float64)
        self._pace = np.ascontiguousarray(pace_kw_per_s, dtype=np.float64)
        # Events add decisions between ticks; of those, a few may come in one latency.
        rows = 8 + 2 * int(np.ceil(self._latency.max(initial=0.0) / tick_s))
        self._told_s = np.full(rows, -np.inf)
        self._told_kw = np.zeros((rows, self._latency.size))
        self._newest, self._kept = -1, 0
        self.power_kw = np.zeros(self._latency.size)

    def answer(
        self, now_s: float, until_s: float, told_kw: Floats, session: Ints, arrival_s: Floats
    ) -> Floats:
        """Tell stations their setpoints now; return the mean power until ``until_s`` [kW].

        Parameters
        ----------
        now_s, until_s
            What is told now, and for how long the world goes on [s].
        told_kw, session, arrival_s
            Setpoints, who is plugged in and since when, shape (chargers,).
        """
        rows = self._told_s.size
        self._newest = (self._newest + 1) % rows
        self._kept = min(self._kept + 1, rows)
        self._told_s[self._newest] = now_s
        self._told_kw[self._newest] = told_kw
        mean = np.empty_like(self.power_kw)
        answer_all(
            now_s, until_s, self._told_s, self._told_kw, self._newest, self._kept,
            self._latency, self._pace, session, arrival_s, self.power_kw, mean,
        )  # fmt: skip
        return mean
