"""Days that may come, each a planning problem of its own with a weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gridtide.plan.problem import Bools, Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    """S days that may come, T steps each, and the market that the bid goes to.

    Parameters
    ----------
    problems
        One planning problem per day: its sessions and its prices. Fleets may differ in number;
        the steps are the same.
    weight
        Probability of each day, above 0, together 1, shape (S,).
    shortage_spread_per_kwh, surplus_spread_per_kwh
        How far above the day-ahead price what is missing is bought, and how far below it what is
        left over is sold, both >= 0 [currency/kWh], shape (S, T).
    period
        Market period of each step, 0..P-1, never falling, shape (T,): one quantity for each.
    price_per_kwh
        Day-ahead price that a price-quantity curve is read at [currency/kWh], shape (S, P).
    """

    problems: tuple[Problem, ...]
    weight: Floats
    shortage_spread_per_kwh: Floats
    surplus_spread_per_kwh: Floats
    period: Ints
    price_per_kwh: Floats

    @classmethod
    def of(
        cls,
        problems: Sequence[Problem],
        *,
        shortage_spread_per_kwh: Floats | float,
        surplus_spread_per_kwh: Floats | float,
        weight: Floats | None = None,
        period: Ints | None = None,
    ) -> Scenarios:
        """Gather days: equally likely unless told, a market period per step unless told.

        The price of a period is the mean of the import price at the first meter.

        Parameters
        ----------
        problems
            One per day.
        shortage_spread_per_kwh, surplus_spread_per_kwh
            Anything that broadcasts to (S, T).
        weight, period
            See the class.
        """
        count, steps = len(problems), problems[0].steps
        period = np.arange(steps) if period is None else period
        price = np.array([problem.price_import_per_kwh[0] for problem in problems])
        sums = np.array([np.bincount(period, weights=row) for row in price])
        return cls(
            problems=tuple(problems),
            weight=np.full(count, 1.0 / count) if weight is None else weight,
            shortage_spread_per_kwh=np.broadcast_to(shortage_spread_per_kwh, (count, steps)),
            surplus_spread_per_kwh=np.broadcast_to(surplus_spread_per_kwh, (count, steps)),
            period=period,
            price_per_kwh=sums / np.bincount(period),
        )

    @property
    def periods(self) -> int:
        """Number of market periods P."""
        return int(self.price_per_kwh.shape[1])

    def __len__(self) -> int:
        """Return the number of days S."""
        return len(self.problems)

    def only(self, s: int) -> Scenarios:
        """Return day ``s`` alone, certain to come."""
        return Scenarios(
            problems=(self.problems[s],),
            weight=np.ones(1),
            shortage_spread_per_kwh=self.shortage_spread_per_kwh[s : s + 1],
            surplus_spread_per_kwh=self.surplus_spread_per_kwh[s : s + 1],
            period=self.period,
            price_per_kwh=self.price_per_kwh[s : s + 1],
        )


def mean_problem(scenarios: Scenarios) -> Problem:
    """Return the mean day of days with the same vehicles: what a deterministic plan looks at.

    Steps are rounded to the nearest. Times and energies of a vehicle are means over the days on
    which it comes; one that comes on less than half of the days, by weight, stays away.

    Raises
    ------
    ValueError
        If the vehicles are not the same every day.
    """
    first = scenarios.problems[0]
    if any(problem.ids != first.ids for problem in scenarios.problems):
        raise ValueError("a mean day needs the same vehicles every day")
    days, steps = scenarios.problems, first.steps
    comes = np.array([_stays(problem) for problem in days])
    share = np.where(comes, scenarios.weight[:, None], 0.0)
    total = share.sum(axis=0)
    share = np.where(total > 0, share / np.where(total > 0, total, 1.0), scenarios.weight[:, None])

    def mean(name: str) -> Floats:
        values = np.array([getattr(problem, name) for problem in days], dtype=float)
        known = np.isfinite(values).all(axis=0)
        average = np.sum(share * np.where(known, values, 0.0), axis=0)
        filled: Floats = np.where(known, average, values[0])
        return filled

    away = total < 0.5
    arrive = np.where(away, steps, np.rint(mean("arrive"))).astype(np.int64)
    depart = np.where(away, steps + 1, np.rint(mean("depart"))).astype(np.int64)
    price_in, price_out, base = (
        np.tensordot(scenarios.weight, np.array([getattr(problem, name) for problem in days]), 1)
        for name in ("price_import_per_kwh", "price_export_per_kwh", "base_load_kw")
    )
    return replace(
        first,
        arrive=arrive,
        depart=depart,
        arrival_kwh=mean("arrival_kwh"),
        target_kwh=mean("target_kwh"),
        wear_segment_kwh=None,
        price_import_per_kwh=price_in,
        price_export_per_kwh=price_out,
        base_load_kw=base,
    )


def _stays(problem: Problem) -> Bools:
    """Tell which vehicles are plugged in for at least a step, shape (n,)."""
    stays: Bools = np.minimum(problem.depart, problem.steps) > np.maximum(problem.arrive, 0)
    return stays
