"""Sessions drawn from fitted distributions, and two synthetic kinds (session-sampler.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from gridtide.core import stream
from gridtide.fleet._local_clock import LocalClock, day_numbers, local_date
from gridtide.fleet._session_model import SessionModel, session_model
from gridtide.fleet._visits import Visits, first_free, on_steps, one_at_a_time, within_power
from gridtide.fleet.arrays import Floats, Ints, RawSessions
from gridtide.fleet.tables import Archetype

SessionKind = Literal["workplace", "residential", "depot", "hub"]

KIND_OF_ARCHETYPE: dict[Archetype, SessionKind] = {
    "home": "residential",
    "building": "workplace",
    "campus": "workplace",
    "depot": "depot",
    "hub": "hub",
    "city": "residential",
}
"""What is sampled at each archetype of site."""

_LONGEST_STAY_DAYS = 30
_MAX_PER_DAY = 12


def sample_sessions(
    kind: SessionKind,
    *,
    start_s: int,
    days: int,
    timezone: str,
    charger_ids: Sequence[str],
    vehicle_ids: Sequence[str] | None = None,
    seed: int,
    charger_kw: float | None = None,
    attendance: float = 0.85,
    step_s: int = 0,
) -> RawSessions:
    """Draw sessions of some local days.

    ``workplace`` and ``residential`` come from distributions fitted to ACN-Data and to the
    Trondheim garages; ``depot`` (a timetable with jitter) and ``hub`` (short stays at high
    power) are synthetic. Times follow the local wall clock, also on days of 23 and 25 hours.
    No vehicle and no charger has two sessions at a time.

    Parameters
    ----------
    kind
        What is sampled.
    start_s
        An instant of the first local day [s]; sessions arrive from that day's midnight on.
    days
        Number of local days.
    timezone
        IANA zone.
    charger_ids
        Names of the chargers.
    vehicle_ids
        Names of vehicles that come again and again. As many as chargers: each has its own
        charger; else who comes takes a free one, and who finds none is counted in ``dropped``.
        None: at ``residential`` and ``depot`` vehicles are named as their charger; at
        ``workplace`` and ``hub`` each session is a vehicle of its own at a free charger.
    seed
        The run's seed.
    charger_kw
        Power at the plug that caps the energy [kW]; None: that of the data
        (at a hub and a depot, 150 and 22 kW).
    attendance
        Chance that a named vehicle comes to a workplace on a Monday to Thursday (ASSUMED: the
        data have no vehicle names); other days in proportion to the fitted numbers.
    step_s
        Times are rounded to multiples of this [s]; 0: whole seconds.

    Returns
    -------
    RawSessions
        ``requested_kwh`` is drawn from energies delivered. At ``workplace`` the departure and
        need are stated, or not, as in the data; at ``residential`` never; at a ``depot`` the
        timetable is what is stated; at a ``hub`` only the need is.
    """
    zone = ZoneInfo(timezone)
    first = local_date(start_s, zone) - timedelta(days=1)
    number, weekday = day_numbers(first, days + 1)
    frame = _Frame(
        day=number,
        weekday=weekday,
        clock=LocalClock(zone, first, days + 3 + _LONGEST_STAY_DAYS),
        seed=seed,
        charger_kw=charger_kw or _DEFAULT_KW[kind],
        attendance=attendance,
    )
    own = vehicle_ids is None and kind in ("residential", "depot")
    names = tuple(charger_ids) if own else None if vehicle_ids is None else tuple(vehicle_ids)
    visits = _DRAW[kind](frame, len(charger_ids), None if names is None else len(names))
    visits = within_power(on_steps(visits, step_s), frame.charger_kw)
    begin, end = frame.clock.instants_s(np.array([number[1], number[-1] + 1]) * 86400.0)
    # Vehicles of the evening before take part, as they may still be there.
    visits = one_at_a_time(visits, stream(seed, f"{kind} order"))
    plug = (
        visits.unit
        if names is not None and len(names) == len(charger_ids)
        else first_free(visits, len(charger_ids))
    )
    inside = (visits.arrival_s >= begin) & (visits.arrival_s < end)
    lost = int(np.sum(inside & (plug < 0)))
    keep = np.flatnonzero(inside & (plug >= 0))
    keep = keep[np.lexsort((plug[keep], visits.arrival_s[keep]))]
    dropped = {"no charger was free": lost} if lost else {}
    return _as_raw(kind, visits.take(keep), plug[keep], tuple(charger_ids), names, dropped)


@dataclass(slots=True, frozen=True, kw_only=True)
class _Frame:
    """Days (one before the first that is wanted), the clock, and the power."""

    day: Ints
    weekday: Ints
    clock: LocalClock
    seed: int
    charger_kw: float
    attendance: float


def _fitted(frame: _Frame, model: SessionModel, unit: Ints, day: Ints) -> Visits:
    """Draw visits of units on days (indices into the frame) from a fitted model."""
    rng = stream(frame.seed, f"{model.kind} sessions")
    hour, stay_h, energy = model.draw(rng, (frame.weekday[day] >= 5).astype(np.int64))
    arrival, departure = _on_clock(frame, day, hour, stay_h)
    if model.stated is None:
        stated = np.full(unit.size, np.nan)
    else:
        stay_h = (departure - arrival) / 3600.0
        stated_h = model.stated.draw(stream(frame.seed, f"{model.kind} stated"), stay_h)
        stated = np.maximum(np.round(arrival + 3600.0 * stated_h), arrival + 60.0)
    return Visits(unit, arrival, departure, stated, energy, ~np.isnan(stated))


def _on_clock(frame: _Frame, day: Ints, hour: Floats, stay_h: Floats) -> tuple[Ints, Ints]:
    """Arrival and departure instants; both follow the wall clock where the stay allows."""
    wall_s = np.round(frame.day[day] * 86400.0 + hour * 3600.0)
    arrival = frame.clock.instants_s(wall_s)
    departure = frame.clock.instants_s(np.round(wall_s + stay_h * 3600.0))
    # Within the hour of a clock change the wall clock can run backwards: there, time elapsed.
    elapsed = np.maximum(np.round(arrival + stay_h * 3600.0), arrival + 60.0)
    departure = np.where(departure - arrival < 0.5 * stay_h * 3600.0, elapsed, departure)
    return arrival.astype(np.int64), np.maximum(departure, arrival + 60.0).astype(np.int64)


def _candidates(frame: _Frame, model: SessionModel, units: int) -> tuple[Ints, Ints]:
    """Vehicles and days of the sessions on offer; vehicles differ in how often they come."""
    rng = stream(frame.seed, f"{model.kind} number")
    eager = rng.gamma(model.vehicle_shape, 1.0 / model.vehicle_shape, units)
    mean = eager[:, None] * np.array(model.candidates_per_day)[frame.weekday]
    count = np.minimum(rng.poisson(mean), _MAX_PER_DAY)
    unit, day = np.divmod(np.repeat(np.arange(count.size), count.ravel()), frame.day.size)
    return unit, day


def _residential(frame: _Frame, chargers: int, vehicles: int | None) -> Visits:
    model = session_model("residential")
    return _fitted(frame, model, *_candidates(frame, model, vehicles or chargers))


def _workplace(frame: _Frame, chargers: int, vehicles: int | None) -> Visits:
    model = session_model("workplace")
    if vehicles is None:
        mean = chargers * np.array(model.candidates_per_day)[frame.weekday]
        count = stream(frame.seed, "workplace number").poisson(mean)
        day = np.repeat(np.arange(frame.day.size), count)
        return _fitted(frame, model, np.arange(day.size), day)
    rate = np.array(model.sessions_per_day)
    chance = np.minimum(frame.attendance * rate / rate[:4].mean(), 1.0)[frame.weekday]
    comes = stream(frame.seed, "workplace attendance").random((vehicles, frame.day.size)) < chance
    unit, day = np.nonzero(comes)
    return _fitted(frame, model, unit, day)


# The two kinds below are SYNTHETIC: written down by the authors, fitted to nothing.


def _depot(frame: _Frame, chargers: int, vehicles: int | None) -> Visits:
    """Out from 06:30 to 17:30, Monday to Friday; from Friday evening the stay is a weekend."""
    unit, day = np.nonzero(np.tile(frame.weekday < 5, (vehicles or chargers, 1)))
    rng = stream(frame.seed, "depot sessions")
    back_h = 17.5 + np.clip(rng.normal(0.0, 0.6, unit.size), -2.0, 2.0)
    leave_h = 6.5 + np.clip(rng.normal(0.0, 0.3, unit.size), -1.0, 1.0)
    nights = np.where(frame.weekday[day] == 4, 3, 1)
    arrival, departure = _on_clock(frame, day, back_h, 24.0 * nights + leave_h - back_h)
    _, stated = _on_clock(frame, day, back_h, 24.0 * nights + 6.5 - back_h)
    energy = np.clip(rng.gamma(6.0, 28.0 / 6.0, unit.size), 4.0, 70.0)
    known = np.ones(unit.size, dtype=np.bool_)
    return Visits(unit, arrival, departure, stated.astype(np.float64), energy, known)


# Share of a day's visits to a hub in each local hour.
_HUB_HOURS = np.array(
    [1, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 6, 6, 6, 6, 7, 7, 7, 6, 5, 4, 3, 2], dtype=np.float64
)
_HUB_VISITS = 14.0  # per charger and day


def _hub(frame: _Frame, chargers: int, vehicles: int | None) -> Visits:
    """Poisson arrivals by hour; half stay less than 24 minutes, at 0.25 to 0.85 of full power."""
    rng = stream(frame.seed, "hub sessions")
    cells = chargers * frame.day.size
    count = rng.poisson(np.tile(_HUB_VISITS * _HUB_HOURS / _HUB_HOURS.sum(), (cells, 1)))
    at = np.repeat(np.arange(count.size), count.ravel())
    cell, whole_hour = np.divmod(at, 24)
    day = cell % frame.day.size
    hour = whole_hour + rng.random(at.size)
    stay_h = np.clip(np.exp(rng.normal(np.log(0.4), 0.45, at.size)), 0.1, 1.5)
    energy = np.minimum(rng.uniform(0.25, 0.85, at.size) * frame.charger_kw * stay_h, 60.0)
    arrival, departure = _on_clock(frame, day, hour, stay_h)
    # Named vehicles come in turn, so that each has time to be driven in between.
    turn = np.empty(at.size, dtype=np.int64)
    turn[np.argsort(arrival, kind="stable")] = np.arange(at.size)
    unit = turn if vehicles is None else turn % vehicles
    known = np.ones(at.size, dtype=np.bool_)
    return Visits(unit, arrival, departure, np.full(at.size, np.nan), energy, known)


_DRAW: dict[SessionKind, Callable[[_Frame, int, int | None], Visits]] = {
    "workplace": _workplace,
    "residential": _residential,
    "depot": _depot,
    "hub": _hub,
}
_DEFAULT_KW: dict[SessionKind, float] = {
    "workplace": 6.656,
    "residential": 7.36,
    "depot": 22.0,
    "hub": 150.0,
}


def _as_raw(
    kind: SessionKind,
    visits: Visits,
    plug: Ints,
    charger_ids: tuple[str, ...],
    vehicle_ids: tuple[str, ...] | None,
    dropped: dict[str, int],
) -> RawSessions:
    n = len(visits)
    ids = tuple(f"{kind}-{k:0{len(str(n))}d}" for k in range(1, n + 1))
    unknown = np.full(n, np.nan)
    return RawSessions(
        source=f"sampled {kind} sessions",
        session_ids=ids,
        vehicle_ids=ids if vehicle_ids is None else tuple(vehicle_ids[v] for v in visits.unit),
        charger_ids=tuple(charger_ids[i] for i in plug),
        arrival_s=visits.arrival_s,
        departure_s=visits.departure_s,
        stated_departure_s=visits.stated_s,
        requested_kwh=visits.energy_kwh,
        delivered_kwh=unknown,
        need_known=visits.need_known,
        arrival_soc=unknown,
        target_soc=unknown,
        capacity_kwh=unknown,
        trip_kwh=unknown,
        dropped=dropped,
    )
