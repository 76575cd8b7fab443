"""The uncertainty benchmark: a day-ahead bid for a real garage, made before the day is known.

On working days from June to August 2019 the Caltech garage bids for the next day, knowing the 28
days before. Prices are ERCOT's of 104 weeks later, so that weekdays agree: the sessions and the
prices are real, that they meet is not. Imbalance spread, limits, demand charge and batteries are
assumed (:class:`gridtide.study.uncertainty.Garage`). Each bid is then settled on the day as it
was, with the best schedule for that day: what is compared is the bid, not the control.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from gridtide.core import Finding, InputError, cpu_s, stream
from gridtide.fleet.acn import read_acn
from gridtide.plan import Bid, Outcome, Scenarios, foresee, plan_bid, quantity_bid, recourse
from gridtide.plan.problem import Floats
from gridtide.signals import midnight_s, read_ercot
from gridtide.study.benchmarks import data_folder, peak_memory_mb
from gridtide.study.uncertainty import (
    Garage,
    SessionDay,
    day_scenarios,
    is_working_day,
    mean_day,
    price_days,
    same_kind,
    sampled_session_days,
    session_days,
    uncontrolled,
    uncontrolled_bid,
)

SESSIONS = "ev/caltech_2019-05-01_2019-08-31.csv.gz"
PRICES = "price/ercot_dam_2021.csv.gz"
SETTLEMENT_POINT = "HB_NORTH"
ZONE = ZoneInfo("America/Los_Angeles")
FIRST, AFTER = date(2019, 6, 1).toordinal(), date(2019, 9, 1).toordinal()
EPOCH = date(1970, 1, 1).toordinal()
PRICES_LATER = 7 * 104
BACK_DAYS = 28
DAYS, DRAWS, SCENARIOS, PRICE_LEVELS = 24, 3, 20, 3
CHARGERS = 36  # as many as let the fitted sampler send about as many sessions as came


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known when a bid is made, and the day itself."""

    sessions: list[SessionDay]
    prices: list[Floats]
    day: int
    today: Scenarios
    garage: Garage

    def drawn(self, seed: int, *, fitted: bool = False) -> Scenarios:
        """Draw scenarios from the past, or their sessions from the fitted sampler."""
        r = stream(seed, f"scenarios of day {self.day}")
        at = r.integers(0, len(self.sessions), SCENARIOS)
        prices = [self.prices[k] for k in r.integers(0, len(self.prices), SCENARIOS)]
        days = [self.sessions[k] for k in at]
        if fitted:
            seed = int(r.integers(0, 2**31))
            days = sampled_session_days(
                [self.day] * SCENARIOS, chargers=CHARGERS, zone=ZONE, seed=seed
            )
        return day_scenarios(days, prices, self.garage)


def measure(size: int | None, seed: int, *, bidirectional: bool = True) -> dict[str, Any]:
    """Bid for days that were, in every way, and settle.

    Parameters
    ----------
    size
        Test days; 24 where None.
    seed
        Of the scenarios; each day is bid for with three draws.
    bidirectional
        Whether the vehicles can discharge.

    Raises
    ------
    InputError
        If the published sessions or prices are not there.
    """
    began = cpu_s()
    garage = Garage(bidirectional=bidirectional)
    sessions, prices = _published()
    usable = [d for d in sessions if FIRST <= d + EPOCH < AFTER and is_working_day(d)]
    at = np.unique(np.linspace(0, len(usable) - 1, size or DAYS).round().astype(int))
    pasts = [_past(usable[k], sessions, prices, garage) for k in at]
    cost, short, imbalance = {}, {}, {}
    for name, way in WAYS.items():
        done = [[way(past, 1000 * draw + seed) for past in pasts] for draw in range(DRAWS)]
        cost[name] = np.array([[outcome.cost for outcome in row] for row in done])
        imbalance[name] = np.array([[outcome.imbalance_cost for outcome in row] for row in done])
        short[name] = np.array([[o.schedule.shortfall_kwh.sum() for o in row] for row in done])
    return {
        "vehicles": len(at),
        "test_days": len(at),
        "training_days": float(np.mean([len(past.sessions) for past in pasts])),
        "scenarios": SCENARIOS,
        "draws": DRAWS,
        "sessions_per_day": float(np.mean([len(past.today.problems[0]) for past in pasts])),
        "from_to": " to ".join(str(date.fromordinal(usable[k] + EPOCH)) for k in (at[0], at[-1])),
        "sessions_file": SESSIONS,
        "prices_file": f"{PRICES}, {SETTLEMENT_POINT}, {PRICES_LATER} days later",
        "spread_per_kwh": garage.spread_per_kwh,
        **_verdict(cost),
        "table": [_row(name, cost, short[name], imbalance[name]) for name in WAYS],
        "cpu_s": cpu_s() - began,
        "peak_memory_mb": peak_memory_mb(),
    }


def _published() -> tuple[dict[int, SessionDay], dict[int, Floats]]:
    """Sessions and prices by the day of the sessions."""
    folder = data_folder()
    missing = [folder / name for name in (SESSIONS, PRICES) if not (folder / name).is_file()]
    if missing:
        mend = "Set GRIDTIDE_DATA to the folder of published data"
        what = "the published data are not there"
        raise InputError([Finding(str(path), what, mend) for path in missing])
    begin, end = (midnight_s(day - EPOCH, ZONE) for day in (FIRST - 2 * BACK_DAYS, AFTER))
    sessions = session_days(read_acn(folder / SESSIONS, start_s=begin, end_s=end), ZONE)
    series, zone = read_ercot(folder / PRICES, SETTLEMENT_POINT)
    return sessions, {d - PRICES_LATER: p for d, p in price_days(series, zone).items()}


def _past(
    day: int, sessions: dict[int, SessionDay], prices: dict[int, Floats], garage: Garage
) -> _Past:
    return _Past(
        sessions=[sessions[d] for d in same_kind(sessions, day, BACK_DAYS)],
        prices=[prices[d] for d in same_kind(prices, day, BACK_DAYS)],
        day=day,
        today=day_scenarios([sessions[day]], [prices[day]], garage),
        garage=garage,
    )


def _foresight(past: _Past, _: int) -> Outcome:
    return foresee(past.today)[0]


def _stochastic(past: _Past, seed: int, *, fitted: bool = False, **options: Any) -> Outcome:
    plan = plan_bid(past.drawn(seed, fitted=fitted), **options)
    return recourse(past.today, plan.bid)[0]


def _deterministic(past: _Past, _: int, *, last: bool = False) -> Outcome:
    """Bid what a plan for one day buys: the mean of the past days, or the last of them."""
    day = past.sessions[-1] if last else mean_day(past.sessions)
    price = past.prices[-1] if last else np.mean(past.prices, axis=0)
    expected = day_scenarios([day], [price], past.garage)
    position = foresee(expected)[0].position_kw[:: past.garage.steps_per_hour]
    return recourse(past.today, quantity_bid(position))[0]


def _uncontrolled(past: _Past, seed: int) -> Outcome:
    bid: Bid = uncontrolled_bid(past.drawn(seed))
    return uncontrolled(past.today, bid)


WAYS: dict[str, Callable[[_Past, int], Outcome]] = {
    "perfect foresight": _foresight,
    "stochastic, curve": partial(_stochastic, price_levels=PRICE_LEVELS),
    "stochastic, curve, a step per price": _stochastic,
    "stochastic, quantity": partial(_stochastic, form="quantity"),
    "stochastic, quantity, CVaR": partial(
        _stochastic, form="quantity", risk_weight=1.0, risk_level=0.75
    ),
    "stochastic, curve, fitted sampler": partial(
        _stochastic, price_levels=PRICE_LEVELS, fitted=True
    ),
    "deterministic, mean day": _deterministic,
    "deterministic, last such day": partial(_deterministic, last=True),
    "uncontrolled": _uncontrolled,
}


def _row(name: str, cost: dict[str, Floats], short: Floats, imbalance: Floats) -> dict[str, Any]:
    """Means a day over days and draws; errors are over days, each the mean of its draws."""
    regret = cost[name] - cost["perfect foresight"]
    by_draw = regret.mean(axis=1)
    return {
        "way": name,
        "cost": float(cost[name].mean()),
        "cost_se": _error(cost[name].mean(axis=0)),
        "regret": float(regret.mean()),
        "regret_se": _error(regret.mean(axis=0)),
        "regret_of_draws": f"{by_draw.min():.2f} to {by_draw.max():.2f}",
        "imbalance_cost": float(imbalance.mean()),
        "shortfall_kwh": float(short.mean()),
        "worst_day": float(cost[name].mean(axis=0).max()),
    }


def _error(values: Floats) -> float:
    """Return the standard error of a mean over days."""
    if len(values) < 2:
        return 0.0
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _verdict(cost: dict[str, Floats]) -> dict[str, str]:
    """Say how the stochastic bids stand to both deterministic ones, day by day."""
    told = {}
    for form in ("curve", "quantity"):
        for other in ("mean day", "last such day"):
            saved = cost[f"deterministic, {other}"] - cost[f"stochastic, {form}"]
            by_day = saved.mean(axis=0)
            mean, error = float(by_day.mean()), _error(by_day)
            word = "within noise" if abs(mean) <= 2 * error else "beyond noise"
            better = f"on {int(np.sum(by_day > 0))} of {len(by_day)} days"
            key = f"{form}_saves_on_{other.replace(' ', '_')}"
            told[key] = f"{mean:.2f} ± {error:.2f} a day, {better}: {word}"
    return told
