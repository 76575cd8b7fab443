"""What past sessions tell of those to come: who comes when, and who stays beyond what was said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.fleet.arrays import Bools, Floats, Ints, Sessions, Vehicles

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Past visits, sorted by the time of day they began; arrays of shape (visits,).

    Parameters
    ----------
    since_midnight_s
        Local time of day of the arrival [s].
    stated_s
        How long the driver said to stay [s]; who said nothing is left out.
    beyond_s
        By how much the driver stayed longer than said, below 0 for less [s], sorted by itself.
    arrival_kwh, target_kwh, capacity_kwh
        Energy on arrival, energy asked for, usable energy [kWh].
    charger, vehicle
        Places in the chargers and vehicles that the visits were made with.
    """

    since_midnight_s: Floats
    stated_s: Floats
    beyond_s: Floats
    arrival_kwh: Floats
    target_kwh: Floats
    capacity_kwh: Floats
    charger: Ints
    vehicle: Ints

    @classmethod
    def of(cls, sessions: Sessions, vehicles: Vehicles, midnight_s: int) -> Habits:
        """Learn from the sessions of days that begin at ``midnight_s`` and whole days from it."""
        said: Bools = ~np.isnan(sessions.stated_departure_s) & sessions.need_known
        at = np.flatnonzero(said)
        began = (sessions.arrival_s[at] - midnight_s) % DAY_S
        at = at[np.argsort(began, kind="stable")]
        stated = sessions.stated_departure_s[at]
        return cls(
            since_midnight_s=np.sort(began).astype(float),
            stated_s=stated - sessions.arrival_s[at],
            beyond_s=np.sort(sessions.departure_s[at] - stated),
            arrival_kwh=sessions.arrival_kwh[at],
            target_kwh=sessions.target_kwh[at],
            capacity_kwh=vehicles.capacity_kwh[sessions.vehicle[at]],
            charger=sessions.charger[at],
            vehicle=sessions.vehicle[at],
        )

    def __len__(self) -> int:
        """Return the number of visits."""
        return self.since_midnight_s.size

    def still_there(self, now_s: Floats, then_s: Floats) -> Floats:
        """Probability that who is there now is there then.

        Parameters
        ----------
        now_s, then_s
            Time since the stated departure, below 0 before it [s]; shapes that broadcast.
        """
        n = len(self)
        # One more who stays for ever, so that nobody's chance is a ratio of nothing.
        now = n + 1 - np.searchsorted(self.beyond_s, now_s, side="left")
        then = n + 1 - np.searchsorted(self.beyond_s, np.maximum(then_s, now_s), side="left")
        return np.asarray(then / now)

    def yet_to_come(self, since_midnight_s: float, count: int) -> Ints:
        """Visits that stand for ``count`` who come later in the day, evenly among the past ones."""
        first = int(np.searchsorted(self.since_midnight_s, since_midnight_s, side="right"))
        later = len(self) - first
        if later <= 0 or count <= 0:
            return np.zeros(0, dtype=np.int64)
        places = (np.arange(count) + 0.5) * later / count
        return first + np.minimum(places.astype(np.int64), later - 1)
