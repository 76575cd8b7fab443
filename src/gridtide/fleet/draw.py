"""From sessions as told to a fleet: what a source leaves out is drawn (capacity, arrival SOC)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from gridtide.core import Finding, InputError, stream
from gridtide.fleet._draw_case import DrawCase, column
from gridtide.fleet.arrays import Bools, Chargers, Floats, Ints, RawSessions, Sessions, Vehicles
from gridtide.fleet.mixes import Mix, draw_capacity
from gridtide.fleet.tables import VehicleTable

_ROOM = 1.0 + 1e-12  # keeps a battery that just holds its need from being short by rounding


def draw_fleet(
    raw: RawSessions,
    chargers: Chargers,
    traits: VehicleTable | Mapping[str, VehicleTable],
    *,
    seed: int,
    timezone: str,
    mix: Mix = "california_2019",
    ready_by: str | None = None,
    scale: float = 1.0,
) -> tuple[Vehicles, Sessions]:
    """Turn sessions as told into vehicles and sessions, drawing what the source leaves out.

    Energy asked for in the battery is what the battery gains while the charger delivers
    ``requested_kwh`` at full power ``P = min(charger, vehicle)``::

        need = requested · (1 − b − a/P − c·P)

    with the charger's loss law ``a, b, c``. Charging at full power from arrival, without limits
    and taper, therefore meters exactly ``min(requested, P · stay)`` at the plug.

    Capacity (unless the source or ``traits`` has it) is drawn from ``mix``, cut off below what
    the vehicle's sessions need. Where each session is a vehicle of its own, a driver who stated
    a need gets a target drawn between the lowest that holds it and ``soc_max``, with a density
    that falls linearly from full (Beta(1, 2)); where nothing was stated the battery itself is
    full at the energy that was delivered. Where vehicles come back, a vehicle is charged to a
    constant limit, ``soc_target`` where the need is known and ``soc_max`` where not, and
    ``trip_kwh`` carries its energy from one session to the next; a trip below zero tells of
    energy that was charged elsewhere after a stay too short for what was asked. All of this is
    ASSUMED, not measured; ``scale`` shows how a result moves with it.

    Parameters
    ----------
    raw
        Sessions of one source.
    chargers
        Chargers, with the names that the sessions use.
    traits
        Traits of all vehicles (which are then named by the sessions), or of each vehicle by
        name (all of them are then made, also those without a session). A capacity given here
        bounds what is asked for.
    seed
        The run's seed; each purpose draws from its own stream.
    timezone
        IANA zone of ``ready_by``.
    mix
        Which mix of capacities is drawn from.
    ready_by
        Standing departure ``"HH:MM"``, local, for drivers who stated none: the next such time
        after arrival. Their need counts as known then, too. None: departure unknown.
    scale
        Factor on the capacities of the mix.

    Returns
    -------
    vehicles, sessions
        Sessions are sorted by arrival.

    Raises
    ------
    InputError
        If a charger is not known, cannot charge, or a battery whose capacity the source
        tells cannot hold what is asked for.
    """
    order = np.lexsort((np.array(raw.session_ids), raw.arrival_s))
    names = tuple(traits) if isinstance(traits, Mapping) else tuple(dict.fromkeys(raw.vehicle_ids))
    tables = [traits[name] if isinstance(traits, Mapping) else traits for name in names]
    case = DrawCase.of(raw, chargers, names, tables, order)
    standing = isinstance(traits, Mapping) or len(set(raw.vehicle_ids)) < len(raw)
    known, stated_s = _what_is_known(raw, order, ready_by, ZoneInfo(timezone))
    capacity, arrival, target = _draw(case, known, standing, seed, mix, scale)
    trip = raw.trip_kwh[order]
    if standing:
        trip = np.where(np.isnan(trip) & np.isnan(case.arrival_soc), _trips(case, arrival), trip)
    sessions = Sessions(
        ids=tuple(raw.session_ids[k] for k in order),
        vehicle=case.vehicle,
        charger=case.charger,
        arrival_s=case.arrival_s,
        departure_s=case.departure_s,
        stated_departure_s=stated_s,
        arrival_kwh=arrival,
        trip_kwh=trip,
        target_kwh=target,
        need_known=known,
    )
    return _vehicles(case, tables, capacity, seed), sessions


def _what_is_known(
    raw: RawSessions, order: Ints, ready_by: str | None, zone: ZoneInfo
) -> tuple[Bools, Floats]:
    """Whether the need is known, and the departure that planning is told [s]."""
    known, stated_s = raw.need_known[order], raw.stated_departure_s[order]
    if ready_by is None:
        return known, stated_s
    silent = np.isnan(stated_s)
    standing_s = _next_local_time(raw.arrival_s[order], time.fromisoformat(ready_by), zone)
    return known | silent, np.where(silent, standing_s, stated_s)


def _next_local_time(after_s: Ints, clock: time, zone: ZoneInfo) -> Floats:
    if after_s.size == 0:
        return np.empty(0)
    first, last = (
        datetime.fromtimestamp(int(s), UTC).astimezone(zone).date()
        for s in (after_s.min(), after_s.max())
    )
    days = [first + timedelta(days=d) for d in range((last - first).days + 3)]
    instants = np.array([_instant(day, clock, zone) for day in days])
    following: Floats = instants[np.searchsorted(instants, after_s, side="right")]
    return following


def _instant(day: date, clock: time, zone: ZoneInfo) -> float:
    return datetime.combine(day, clock, zone).timestamp()


def _draw(
    case: DrawCase, known: Bools, standing: bool, seed: int, mix: Mix, scale: float
) -> tuple[Floats, Floats, Floats]:
    """Capacity of each vehicle; energy on arrival and energy asked for of each session [kWh]."""
    v = case.vehicle
    highest = np.where(known, case.soc_target[v], case.soc_max[v]) if standing else case.soc_max[v]
    told_soc = ~np.isnan(case.arrival_soc)
    highest = np.where(told_soc, case.soc_max[v], highest)
    lowest = np.where(told_soc, case.arrival_soc, case.soc_min[v])
    capacity = _capacity(case, highest - lowest, seed, mix, scale)
    held = capacity[v]
    place = stream(seed, "arrival SOC").random(len(v))
    need = np.where(np.isnan(case.need_kwh), place * (highest - lowest) * held, case.need_kwh)
    # A capacity that the scenario fixes bounds what can be asked for.
    need = np.minimum(need, np.maximum(highest - lowest, 0.0) * held)
    top = highest * held
    if not standing:
        spare = np.maximum(top - need - lowest * held, 0.0)
        top = np.where(known, top - spare * (1.0 - np.sqrt(1.0 - place)), top)
    arrival = np.where(told_soc, case.arrival_soc * held, top - need)
    target = np.where(told_soc, arrival + need, top)
    target = np.where(np.isnan(case.target_soc), target, case.target_soc * held)
    return capacity, arrival, target


def _capacity(case: DrawCase, window: Floats, seed: int, mix: Mix, scale: float) -> Floats:
    """Usable energy of each vehicle [kWh]: told by the source, fixed by the scenario, or drawn."""
    asked = np.nan_to_num(case.need_kwh, nan=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        session_least = np.where(asked > 0, asked / window, 0.0) * _ROOM
    told = case.told_capacity_kwh
    _check_fit(case, session_least, window)
    fixed = np.where(np.isnan(told), case.fixed_capacity_kwh, told)
    least = np.zeros(len(case.names))
    np.maximum.at(least, case.vehicle, np.where(np.isfinite(session_least), session_least, 0.0))
    uniform = stream(seed, "capacity").random(len(case.names))
    return np.where(np.isnan(fixed), draw_capacity(mix, uniform, least, scale), fixed)


def _check_fit(case: DrawCase, least: Floats, window: Floats) -> None:
    """Refuse a session that asks for more than a battery can hold of which the source knows."""
    told = case.told_capacity_kwh[case.vehicle]
    told_soc = ~np.isnan(case.arrival_soc)
    too_much = (least > told * (1.0 + 1e-9)) | (told_soc & (window <= 0) & (case.need_kwh > 0))
    too_high = case.target_soc > case.soc_max[case.vehicle]
    mend = "Correct the energy, the state of charge, the capacity or soc_max"
    findings = [
        Finding(f"session {case.session_ids[k]}", "asks for more than its battery holds", mend)
        for k in np.flatnonzero(too_much | too_high)
    ]
    if findings:
        raise InputError(findings)


def _trips(case: DrawCase, arrival_kwh: Floats) -> Floats:
    """Energy used since the previous departure, had it been charged at full power [kWh].

    NaN for the first session of a vehicle, whose ``arrival_kwh`` holds.
    """
    left = arrival_kwh + np.minimum(np.nan_to_num(case.need_kwh), case.reach_kwh)
    by_vehicle = np.lexsort((case.arrival_s, case.vehicle))
    trip = np.full(len(arrival_kwh), np.nan)
    before, after = by_vehicle[:-1], by_vehicle[1:]
    same = case.vehicle[before] == case.vehicle[after]
    trip[after[same]] = left[before[same]] - arrival_kwh[after[same]]
    return trip


def _vehicles(
    case: DrawCase, tables: Sequence[VehicleTable], capacity: Floats, seed: int
) -> Vehicles:
    opted_out = stream(seed, "opted out").random(len(tables)) < column(
        [t.opted_out for t in tables]
    )
    return Vehicles(
        ids=case.names,
        capacity_kwh=capacity,
        soc_min=case.soc_min,
        soc_max=case.soc_max,
        soc_floor=column([t.soc_floor for t in tables]),
        max_charge_kw=case.max_charge_kw,
        max_discharge_kw=case.max_discharge_kw,
        taper_soc=column([t.taper_soc for t in tables]),
        taper_end=column([t.taper_end for t in tables]),
        wear_price_per_kwh=column([t.wear_price_per_kwh for t in tables]),
        bidirectional=np.array([t.bidirectional for t in tables], dtype=np.bool_),
        participates=~opted_out,
        cell_model=tuple(t.cell_model or "" for t in tables),
        pack_price_per_kwh=column([t.pack_price_per_kwh for t in tables]),
        chemistry=tuple(t.chemistry for t in tables),
    )
