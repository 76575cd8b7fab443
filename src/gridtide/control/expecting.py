"""What a plan may expect of vehicles that are not there yet, or were to be gone by now.

Guests stand in a plan for vehicles that past days say will come. Each has a probability, as has
every vehicle that is there to still be there later; reserve that is asked for with a confidence
below 1 counts them by it, all other reserve not at all. Their charging is in the plan's expected
power, which is what a baseline is declared by; nobody is told to do what a guest would.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from gridtide.control.image import Floats, Image, Ints
from gridtide.fleet import Habits
from gridtide.plan import Problem

OF_STAYS = ("taper_from_kwh", "taper_end", "phase_share", "holding_edges_kwh",
            "holding_price_per_kwh_h", "holding_base_per_h")  # fmt: skip
SPARE = 1.5
"""So many guests stand for one vehicle, each with a smaller probability."""
DAY_S = 86_400


@dataclass(slots=True)
class Expectation:
    """What past visits say of today.

    Parameters
    ----------
    habits
        Of past days, at the same kind of chargers.
    visits
        How many vehicles come in a day.
    midnight_s
        Local midnight of some day [s].
    """

    habits: Habits
    visits: int
    midnight_s: int
    _seen: int = 0

    def still_there(self, image: Image, at: Ints, edges_s: Floats) -> Floats:
        """Probability that vehicles stay through each step of a plan, shape (vehicles, steps)."""
        stated = image.departure_s[at][:, None]
        return self.habits.still_there(image.time_s - stated, edges_s[1:] - stated)

    def guests(self, image: Image, edges_s: Floats) -> tuple[Ints, Floats, Floats]:
        """Visits that stand for who is yet to come today.

        Returns
        -------
        visit, arrival_s, chance
            Place among the past visits, when it begins today [s], and with which probability
            each comes, shapes (guests,).
        """
        self._seen = max(self._seen, int(image.session.max(initial=-1)) + 1)
        missing = self.visits - self._seen
        clock = (image.time_s - self.midnight_s) % DAY_S
        count = int(np.ceil(SPARE * missing)) if missing > 0 else 0
        visit = self.habits.yet_to_come(clock, count)
        arrival = image.time_s - clock + self.habits.since_midnight_s[visit]
        inside = arrival < edges_s[-1]
        chance = np.full(visit.size, missing / max(count, 1))
        return visit[inside], arrival[inside], chance[inside]


def with_guests(
    problem: Problem, image: Image, edges_s: Floats, expected: Expectation, stays: Floats
) -> Problem:
    """Add guests to a plan's problem, and what everybody's presence is counted by.

    Parameters
    ----------
    problem
        Of the vehicles that are there.
    image, edges_s
        The world now, and the edges of the plan's steps [s].
    expected
        What past days say.
    stays
        Probability that the vehicles of the problem stay, shape (n, T).
    """
    visit, arrival_s, chance = expected.guests(image, edges_s)
    habits, steps = expected.habits, edges_s.size - 1
    stated_s = arrival_s + habits.stated_s[visit]
    arrive = np.searchsorted(edges_s[:-1], arrival_s - 1e-6)
    depart = np.searchsorted(edges_s, stated_s + 1e-6, side="right") - 1
    depart = np.where(stated_s > edges_s[-1], steps + 1, depart)
    fits = (depart > arrive) & (arrive < steps)
    visit, arrival_s, chance, stated_s = (
        a[fits] for a in (visit, arrival_s, chance, stated_s)
    )
    arrive, depart = arrive[fits], depart[fits]
    gone = habits.still_there((arrival_s - stated_s)[:, None], edges_s[1:] - stated_s[:, None])
    there = np.concatenate([stays, chance[:, None] * gone])
    if problem.wear_depth_price_per_kwh is not None:  # open cycles of guests are not known
        visit, arrive, depart = visit[:0], arrive[:0], depart[:0]
        chance, gone = chance[:0], gone[:0]
        there = stays
    many = dict(_guest_columns(problem, image, habits, visit))
    many |= {
        "ids": tuple(f"guest {k}" for k in range(visit.size)),
        "arrive": arrive.astype(np.int64),
        "depart": np.minimum(depart, steps + 1).astype(np.int64),
    }
    return replace(_appended(problem, many), availability=there)


def _guest_columns(
    problem: Problem, image: Image, habits: Habits, visit: Ints
) -> list[tuple[str, Any]]:
    """Fields of guests, charging as the median of who is plugged in or could be."""
    n, full = visit.size, habits.capacity_kwh[visit]
    arrival, target = habits.arrival_kwh[visit], habits.target_kwh[visit]
    fixed: dict[str, Any] = {}
    alike = np.arange(n) % len(problem)
    for f in fields(problem):  # what is not told of guests is as with those who are there
        given = getattr(problem, f.name)
        if isinstance(given, np.ndarray) and given.ndim and f.name in OF_STAYS:
            fixed[f.name] = given[alike]
    for name in (
        "max_charge_kw", "max_discharge_kw", "charge_efficiency", "discharge_efficiency",
        "standby_kw", "wear_price_per_kwh", "end_value_per_kwh",
    ):  # fmt: skip
        fixed[name] = np.full(n, np.median(getattr(problem, name)))
    floor_share = np.median(problem.min_kwh / np.maximum(problem.max_kwh, 1e-9))
    reach = arrival + fixed["charge_efficiency"] * fixed["max_charge_kw"] * (
        habits.stated_s[visit] / 3600.0
    )
    target = np.minimum(np.minimum(target, full), reach)
    fixed |= {
        "arrival_kwh": arrival,
        "target_kwh": target,
        "min_kwh": np.minimum(floor_share * full, arrival),
        "max_kwh": np.maximum(full, arrival),
        "limit": np.full(n, image.limits.site[image.limit[0]]),
        "end_value_up_to_kwh": np.maximum(target, arrival),
        "horizon_floor_kwh": np.full(n, -np.inf),
        "taper_from_kwh": np.maximum(full, arrival),
        "taper_end": np.ones(n),
        "phase_share": np.full((n, 3), 1.0 / 3.0),
    }
    return list(fixed.items())


def _appended(problem: Problem, more: dict[str, Any]) -> Problem:
    """Return the problem with further stays."""
    arrays = {}
    for f in fields(problem):
        given = getattr(problem, f.name)
        if f.name not in more or given is None:
            continue
        joined = given + more[f.name] if f.name == "ids" else np.concatenate([given, more[f.name]])
        arrays[f.name] = joined
    return replace(problem, **arrays)
