"""What past sessions tell of those to come: who comes when, and who stays beyond what was said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.fleet.arrays import Bools, Floats, Ints, Sessions, Vehicles

DAY_S = 86_400
THURSDAY = 3
"""1970-01-01 was one; Monday is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Past visits, sorted by the time of day they began; arrays of shape (visits,).

    Parameters
    ----------
    since_midnight_s
        Local time of day of the arrival [s].
    weekend
        Whether it was a Saturday or Sunday.
    days
        How many working days, and days of weekends, the visits are from.
    stated_s
        How long the driver said to stay [s]; who said nothing is left out.
    beyond_s
        By how much the driver stayed longer than said, below 0 for less [s], sorted by itself.
    arrival_kwh, target_kwh, capacity_kwh
        Energy on arrival, energy asked for, usable energy [kWh].
    """

    since_midnight_s: Floats
    weekend: Bools
    days: tuple[int, int]
    stated_s: Floats
    beyond_s: Floats
    arrival_kwh: Floats
    target_kwh: Floats
    capacity_kwh: Floats

    @classmethod
    def of(cls, sessions: Sessions, vehicles: Vehicles, midnight_s: int, days: int) -> Habits:
        """Learn from the sessions of whole local days, the first of which begins at midnight."""
        said: Bools = ~np.isnan(sessions.stated_departure_s) & sessions.need_known
        at = np.flatnonzero(said)
        began = (sessions.arrival_s[at] - midnight_s) % DAY_S
        order = np.argsort(began, kind="stable")
        at = at[order]
        stated = sessions.stated_departure_s[at]
        every = is_weekend(midnight_s + DAY_S * np.arange(days))
        return cls(
            since_midnight_s=began[order].astype(float),
            weekend=is_weekend(sessions.arrival_s[at] - began[order]),
            days=(int((~every).sum()), int(every.sum())),
            stated_s=stated - sessions.arrival_s[at],
            beyond_s=np.sort(sessions.departure_s[at] - stated),
            arrival_kwh=sessions.arrival_kwh[at],
            target_kwh=sessions.target_kwh[at],
            capacity_kwh=vehicles.capacity_kwh[sessions.vehicle[at]],
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

    def later(self, since_midnight_s: float, *, weekend: bool) -> tuple[Ints, float]:
        """Visits that began later in such days, and how many of them a day has in the mean."""
        days = self.days[int(weekend)]
        at = np.flatnonzero((self.since_midnight_s > since_midnight_s) & (self.weekend == weekend))
        return at, at.size / days if days else 0.0


def is_weekend(midnight_s: Ints | Floats) -> Bools:
    """Whether days are Saturdays or Sundays, by their local midnights [s]."""
    # Midnights east and west of Greenwich are up to half a day from those of UTC.
    day = np.floor((np.asarray(midnight_s) + DAY_S / 2) / DAY_S).astype(np.int64)
    return np.asarray((day + THURSDAY) % 7 >= 5)
