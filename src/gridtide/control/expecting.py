"""What a plan may expect of vehicles that are not there yet, or were to be gone by now.

Where what is sold must be there with a confidence, every vehicle counts by the probability that it
stays, by past days, and nobody who is yet to come. Where the mean is enough, guests stand in a plan
for vehicles that past days say will come: as many as are expected, at the times of day and with the
needs of past visits. Others stand for those who stay on beyond their stated departure; they hold
their target, and their power counts by the probability that they are still there. What they all
charge is in the plan's expected power, by which a baseline is declared, and so is what they can add
to an offer; nobody is told to do what they would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gridtide.control.image import Floats, Image, Ints
from gridtide.fleet import Habits, is_weekend
from gridtide.plan import Problem, join_stays, take_stays

DAY_S = 86_400
IN_THE_MEAN = 0.5
STAYS_ON_S = 5400.0
"""Who stays on is expected to do so for so long [s], with the probability of half of it."""
OF_MEDIAN = (
    "max_charge_kw", "max_discharge_kw", "charge_efficiency", "discharge_efficiency",
    "standby_kw", "wear_price_per_kwh", "end_value_per_kwh",
)  # fmt: skip
"""What guests have as the median of who is there; the rest is as with one of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What past visits say of today.

    Parameters
    ----------
    habits
        Of past days, at the same kind of chargers.
    midnight_s
        Local midnight of some day [s].
    confidence
        Probability with which what is sold must be there, 0.5 to below 1; 0.5: in the mean.
    scale
        How many vehicles come for each one of a past day.
    """

    habits: Habits
    midnight_s: int
    confidence: float = 0.5
    scale: float = 1.0

    def widen(self, problem: Problem, image: Image, at: Ints, edges_s: Floats) -> Problem:
        """Add whom past days lead to expect, behind the vehicles that are there.

        Parameters
        ----------
        problem
            Of the vehicles that are there.
        image, at
            The world now, and at which chargers these vehicles are.
        edges_s
            Edges of the plan's steps [s].
        """
        if self.confidence > IN_THE_MEAN:
            stated = image.departure_s[at][:, None]
            stays = self.habits.still_there(image.time_s - stated, edges_s[1:] - stated)
            return replace(problem, availability=stays)
        if problem.wear_depth_price_per_kwh is not None:  # nobody's open cycles are known
            return problem
        guests, stated_s = self._guests(problem, image, edges_s)
        problem = join_stays(problem, guests)
        stated_s = np.concatenate([image.departure_s[at], stated_s])
        return join_stays(problem, self._who_stays_on(problem, image.time_s, edges_s, stated_s))

    def _guests(self, problem: Problem, image: Image, edges_s: Floats) -> tuple[Problem, Floats]:
        """Return stays of who is yet to come today, and their stated departures [s]."""
        visit, arrival_s = self._yet_to_come(image, edges_s[-1])
        habits, steps = self.habits, edges_s.size - 1
        stated_s = arrival_s + habits.stated_s[visit]
        arrive = np.searchsorted(edges_s[:-1], arrival_s - 1e-6)
        depart = np.searchsorted(edges_s, stated_s + 1e-6, side="right") - 1
        depart = np.where(stated_s > edges_s[-1], steps + 1, depart)
        fits = np.flatnonzero((depart > arrive) & (arrive < steps))
        alike = take_stays(problem, np.arange(fits.size) % len(problem))
        told = _of_guests(problem, habits, visit[fits])
        told = {name: value for name, value in told.items() if getattr(alike, name) is not None}
        guests = replace(
            alike,
            ids=tuple(f"guest {k}" for k in visit[fits]),
            arrive=arrive[fits].astype(np.int64),
            depart=np.minimum(depart[fits], steps + 1).astype(np.int64),
            limit=np.full(fits.size, image.limits.site[image.limit[0]]),
            **told,
        )
        return guests, stated_s[fits]

    def _yet_to_come(self, image: Image, until_s: float) -> tuple[Ints, Floats]:
        """Past visits that stand for who comes today before an instant, and when [s]."""
        clock = (image.time_s - self.midnight_s) % DAY_S
        weekend = bool(is_weekend(np.array([image.time_s - clock]))[0])
        later, a_day = self.habits.later(clock, weekend=weekend)
        count = round(self.scale * a_day)
        visit = later[((np.arange(count) + 0.5) * later.size / max(count, 1)).astype(np.int64)]
        arrival = image.time_s - clock + self.habits.since_midnight_s[visit]
        inside = arrival < until_s
        return visit[inside], arrival[inside]

    def _who_stays_on(
        self, problem: Problem, now_s: float, edges_s: Floats, stated_s: Floats
    ) -> Problem:
        """For every stay that ends within the plan, what follows when the driver is late."""
        steps = problem.steps
        ends = np.flatnonzero(problem.depart < steps)
        late = take_stays(problem, ends)
        held = np.minimum(late.target_kwh, late.max_kwh)
        then = np.full(ends.size, STAYS_ON_S / 2)
        chance = self.habits.still_there(now_s - stated_s[ends], then)
        longer = int(STAYS_ON_S // (edges_s[-1] - edges_s[-2]))
        return replace(
            late,
            ids=tuple(f"{name} later" for name in late.ids),
            arrive=late.depart,
            depart=np.minimum(late.depart + longer, steps),
            arrival_kwh=held,
            min_kwh=held,
            max_charge_kw=late.max_charge_kw * chance,
            max_discharge_kw=late.max_discharge_kw * chance,
        )


def _of_guests(problem: Problem, habits: Habits, visit: Ints) -> dict[str, Any]:
    """Fields of guests by name."""
    n, full = visit.size, habits.capacity_kwh[visit]
    told = {
        name: np.full(n, np.median(given))
        for name in OF_MEDIAN
        if (given := getattr(problem, name)) is not None
    }
    arrival = habits.arrival_kwh[visit]
    pace_kw = told["charge_efficiency"] * told["max_charge_kw"]
    reach = arrival + pace_kw * habits.stated_s[visit] / 3600.0
    target = np.minimum(np.minimum(habits.target_kwh[visit], full), reach)
    floor_share = np.median(problem.min_kwh / np.maximum(problem.max_kwh, 1e-9))
    return told | {
        "arrival_kwh": arrival,
        "target_kwh": target,
        "min_kwh": np.minimum(floor_share * full, arrival),
        "max_kwh": np.maximum(full, arrival),
        "end_value_up_to_kwh": np.maximum(target, arrival),
        "horizon_floor_kwh": np.full(n, -np.inf),
        "taper_from_kwh": np.maximum(full, arrival),
        "taper_end": np.ones(n),
        "phase_share": np.full((n, 3), 1.0 / 3.0),
    }
