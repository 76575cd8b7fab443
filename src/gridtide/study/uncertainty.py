"""Days that may come, sampled from days that were: sessions, prices, and the site that they meet.

The sampler is the simplest that keeps what matters: a whole day of sessions is drawn with
replacement from days of the same kind, working day or weekend, so that who comes early, stays
long and wants much stays together; and a whole day of prices likewise, on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from gridtide.fleet import RawSessions, sample_sessions
from gridtide.plan import Bid, Outcome, Problem, Scenarios, chance_level, follow_schedule
from gridtide.plan import quantity_bid as at_any_price
from gridtide.plan.problem import Floats, Ints
from gridtide.signals import local_times, midnight_s
from gridtide.signals.series import Series

HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDay:
    """The sessions that arrive on one local day, shape (sessions,).

    Parameters
    ----------
    arrive_h, depart_h
        Hours since local midnight; later than 24 where a session stays over night.
    energy_kwh
        Energy at the plug [kWh].
    """

    arrive_h: Floats
    depart_h: Floats
    energy_kwh: Floats

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self.arrive_h)


@dataclass(frozen=True, slots=True, kw_only=True)
class Garage:
    """The site that sessions meet; the batteries that the data do not tell are assumed.

    Parameters
    ----------
    charger_kw
        Power of each charger [kW].
    import_kw, export_kw
        Limits of the site [kW].
    demand_charge_per_kw
        On the highest import of the day [currency/kW].
    shortfall_price_per_kwh
        On energy missing at departure [currency/kWh].
    spread_per_kwh
        What is missing is bought so much above, what is left over sold so much below the
        day-ahead price [currency/kWh].
    steps_per_hour
        Resolution of schedules; the market's is the hour.
    efficiency
        One way.
    wear_price_per_kwh
        Per kWh discharged [currency/kWh].
    bidirectional
        Whether vehicles can discharge.
    capacity_kwh
        Usable capacity, more where a session needs more than ``window`` of it.
    floor, target, window
        Shares of the capacity: what V2G leaves, what is wanted at departure, and the largest
        need of a session.
    """

    charger_kw: float = 6.656
    import_kw: float = 60.0
    export_kw: float = 60.0
    demand_charge_per_kw: float = 10.0 / 30.4
    shortfall_price_per_kwh: float = 5.0
    spread_per_kwh: float = 0.02
    steps_per_hour: int = 2
    efficiency: float = 0.92
    wear_price_per_kwh: float = 0.02
    bidirectional: bool = True
    capacity_kwh: float = 50.0
    floor: float = 0.2
    target: float = 0.8
    window: float = 0.6

    @property
    def steps(self) -> int:
        """Steps of a day."""
        return HOURS * self.steps_per_hour


def session_days(raw: RawSessions, zone: ZoneInfo) -> dict[int, SessionDay]:
    """Sort sessions into local days of arrival, by days since 1970-01-01.

    Energy is what was delivered, or where the source has none what was asked for.
    """
    arrival = local_times(raw.arrival_s, zone)
    departure = local_times(raw.departure_s, zone)
    arrive_h = arrival.second / 3600.0
    depart_h = departure.second / 3600.0 + HOURS * (departure.date - arrival.date)
    energy = np.where(np.isnan(raw.delivered_kwh), raw.requested_kwh, raw.delivered_kwh)
    return {
        int(day): SessionDay(
            arrive_h=arrive_h[arrival.date == day],
            depart_h=depart_h[arrival.date == day],
            energy_kwh=energy[arrival.date == day],
        )
        for day in np.unique(arrival.date)
    }


def sampled_session_days(
    days: Sequence[int], *, chargers: int, zone: ZoneInfo, seed: int
) -> list[SessionDay]:
    """Draw days from the sampler that is fitted to workplace sessions, instead of days that were.

    Parameters
    ----------
    days
        Days since 1970-01-01: their weekdays count.
    chargers
        How many there are.
    zone, seed
        As in :func:`gridtide.fleet.sample_sessions`.
    """
    drawn = []
    for k, day in enumerate(days):
        raw = sample_sessions(
            "workplace",
            start_s=midnight_s(day, zone),
            days=1,
            timezone=zone.key,
            charger_ids=[str(c) for c in range(chargers)],
            seed=seed + 1000 * k,
        )
        drawn.append(session_days(raw, zone)[day])
    return drawn


def price_days(series: Series, zone: ZoneInfo) -> dict[int, Floats]:
    """Sort hourly prices [currency/MWh] into whole local days of 24 hours [currency/kWh]."""
    times = local_times(series.start_s, zone)
    days, first, count = np.unique(times.date, return_index=True, return_counts=True)
    return {
        int(day): series.value[at : at + HOURS] / 1000.0
        for day, at, hours in zip(days, first, count, strict=True)
        if hours == HOURS
    }


def is_working_day(day: int) -> bool:
    """Tell whether a day since 1970-01-01, a Thursday, is a Monday to Friday."""
    return (day + 3) % 7 < 5


def same_kind(days: Mapping[int, object], day: int, back: int) -> list[int]:
    """Return the days of the same kind among the ``back`` days before a day, oldest first."""
    kind = is_working_day(day)
    return [d for d in range(day - back, day) if d in days and is_working_day(d) == kind]


def day_problem(day: SessionDay, price_per_kwh: Floats, garage: Garage) -> Problem:
    """Return the planning problem of a day.

    Parameters
    ----------
    day
        Who comes. What a charger could not deliver within the steps of a stay is left out;
        who stays over night is ready at midnight.
    price_per_kwh
        Day-ahead price of each hour [currency/kWh], shape (24,).
    garage
        Where.
    """
    arrive, depart, need = _stays(day, garage)
    n, steps = len(day), garage.steps
    capacity = np.maximum(garage.capacity_kwh, need / garage.window)
    price = np.repeat(price_per_kwh, garage.steps_per_hour)[None, :]
    full = np.full(n, garage.charger_kw)
    return Problem(
        ids=tuple(str(i) for i in range(n)),
        step_h=np.full(steps, 1.0 / garage.steps_per_hour),
        arrive=arrive,
        depart=depart,
        arrival_kwh=garage.target * capacity - need,
        target_kwh=garage.target * capacity,
        min_kwh=garage.floor * capacity,
        max_kwh=capacity,
        max_charge_kw=full,
        max_discharge_kw=full * garage.bidirectional,
        charge_efficiency=np.full(n, garage.efficiency),
        discharge_efficiency=np.full(n, garage.efficiency),
        wear_price_per_kwh=np.full(n, garage.wear_price_per_kwh),
        limit=np.zeros(n, dtype=np.int64),
        limit_names=("garage",),
        limit_parent=np.array([-1]),
        import_kw=np.full((1, steps), garage.import_kw),
        export_kw=np.full((1, steps), garage.export_kw),
        base_load_kw=np.zeros((1, steps)),
        demand_charge_per_kw=np.array([garage.demand_charge_per_kw]),
        meters=np.array([0]),
        price_import_per_kwh=price,
        price_export_per_kwh=price,
        shortfall_price_per_kwh=garage.shortfall_price_per_kwh,
    )


def _stays(day: SessionDay, garage: Garage) -> tuple[Ints, Ints, Floats]:
    """Return steps of arrival and departure, and what the battery then needs [kWh]."""
    fine, steps = garage.steps_per_hour, garage.steps
    arrive = np.minimum(np.rint(day.arrive_h * fine).astype(np.int64), steps - 1)
    depart = np.minimum(np.rint(day.depart_h * fine).astype(np.int64), steps)
    depart = np.maximum(depart, arrive + 1)
    most = garage.charger_kw * (depart - arrive) / fine
    return arrive, depart, garage.efficiency * np.minimum(day.energy_kwh, most)


def day_scenarios(
    days: Sequence[SessionDay], prices: Sequence[Floats], garage: Garage
) -> Scenarios:
    """Return equally likely days of sessions, each with its day of prices, bid by the hour."""
    return Scenarios.of(
        [day_problem(day, price, garage) for day, price in zip(days, prices, strict=True)],
        shortage_spread_per_kwh=garage.spread_per_kwh,
        surplus_spread_per_kwh=garage.spread_per_kwh,
        period=np.arange(garage.steps) // garage.steps_per_hour,
    )


def mean_day(days: Sequence[SessionDay]) -> SessionDay:
    """Return the day that a deterministic plan expects: as many sessions as usual, each the mean.

    The k-th share of the sessions of every day, in order of arrival, becomes the k-th session.
    """
    count = max(round(float(np.mean([len(day) for day in days]))), 1)
    share = (np.arange(count) + 0.5) / count
    means = []
    for name in ("arrive_h", "depart_h", "energy_kwh"):
        rows = []
        for day in days:
            order = np.argsort(day.arrive_h, kind="stable")
            at = (share * len(day)).astype(np.int64)
            rows.append(getattr(day, name)[order][at])
        means.append(np.mean(rows, axis=0))
    return SessionDay(arrive_h=means[0], depart_h=means[1], energy_kwh=means[2])


def uncontrolled_power(problem: Problem) -> Floats:
    """Everyone charges at full power from arrival, within the limit all alike [kW], (n, T)."""
    power = np.zeros((len(problem), problem.steps))
    missing = problem.target_kwh - problem.arrival_kwh
    for t, hours in enumerate(problem.step_h):
        here = (problem.arrive <= t) & (t < problem.depart)
        wanted = np.minimum(problem.max_charge_kw, missing / (problem.charge_efficiency * hours))
        wanted = np.where(here, np.maximum(wanted, 0.0), 0.0)
        room = problem.import_kw[0, t] - problem.base_load_kw[0, t]
        power[:, t] = wanted * min(1.0, room / max(float(wanted.sum()), 1e-9))
        missing = missing - power[:, t] * problem.charge_efficiency * hours
    return power


def uncontrolled_bid(scenarios: Scenarios) -> Bid:
    """Return the bid for a fleet that nobody steers: the level at which the spreads balance.

    Buying up to the level that load exceeds with probability surplus / (surplus + shortage)
    costs least (the newsvendor's answer).
    """
    load = np.zeros((len(scenarios), scenarios.periods))
    steps = np.bincount(scenarios.period)
    for s, problem in enumerate(scenarios.problems):
        net = uncontrolled_power(problem).sum(axis=0) + problem.base_load_kw[0]
        load[s] = np.bincount(scenarios.period, weights=net) / steps
    surplus = float(scenarios.surplus_spread_per_kwh.mean())
    shortage = float(scenarios.shortage_spread_per_kwh.mean())
    share = surplus / (surplus + shortage) if surplus + shortage > 0 else 0.5
    return at_any_price(chance_level(load, scenarios.weight, min(max(share, 1e-6), 1.0)))


def uncontrolled(day: Scenarios, bid: Bid) -> Outcome:
    """Settle a day on which nobody steers."""
    return follow_schedule(day, uncontrolled_power(day.problems[0]), bid)
