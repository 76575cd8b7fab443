"""A workplace fleet from real charging sessions, for service runs and benchmarks.

Sessions of working days are pooled by the time of day at which they began and drawn without
replacement, so that a fleet of any size up to the pool has real arrivals, departures, stated
departures and needs. Batteries are drawn, as ever where a source has none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.control import Outlook
from gridtide.core import Finding, InputError, TimeGrid, stream
from gridtide.fleet import (
    Chargers,
    LimitTree,
    RawSessions,
    VehicleTable,
    draw_fleet,
    read_acn,
)
from gridtide.signals import midnight_s
from gridtide.sim import World

Ints = npt.NDArray[np.int64]

ZONE = "America/Los_Angeles"
STEP_S = 900
SITES = ("jpl", "caltech")
FILE = "ev/{site}_2019-05-01_2019-08-31.csv.gz"
# A converter of a few kW: fixed and proportional loss (facts: battery, chargers).
LOSS = (0.05, 0.05, 0.0)
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds at the workplace.

    Parameters
    ----------
    charger_kw
        Power of each charger, both ways [kW].
    bidirectional
        Whether vehicles give back.
    energy_price_per_kwh, wear_price_per_kwh
        What energy and wear cost [currency/kWh].
    """

    charger_kw: float = 7.2
    bidirectional: bool = True
    energy_price_per_kwh: float = 0.15
    wear_price_per_kwh: float = 0.04


def pooled_sessions(data: Path, first: datetime, last: datetime) -> RawSessions:
    """Read the working days' sessions of all sites in ``[first, last)``.

    Raises
    ------
    InputError
        If the data are not there.
    """
    span = {"start_s": int(first.timestamp()), "end_s": int(last.timestamp())}
    paths = [data / FILE.format(site=site) for site in SITES]
    findings = [
        Finding(str(path), "there is no such file", "Set GRIDTIDE_DATA to the folder of data")
        for path in paths
        if not path.is_file()
    ]
    if findings:
        raise InputError(findings)
    parts = [read_acn(path, **span) for path in paths]
    joined = _joined(parts)
    days = (joined.arrival_s + _offset(first)) // DAY_S
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    known = ~np.isnan(joined.stated_departure_s)
    return _take(joined, np.flatnonzero((weekday < 5) & known))


def draw_day(pool: RawSessions, vehicles: int, day_s: int, seed: int) -> RawSessions:
    """Draw a day's sessions from a pool, moved onto a day, each at a charger of its own.

    Parameters
    ----------
    pool
        Of working days.
    vehicles
        How many; beyond the pool's size they are drawn again.
    day_s
        Local midnight at which the day begins [s].
    seed
        Of the draw.
    """
    rng = stream(seed, "workplace day")
    again = vehicles > len(pool)
    at = rng.choice(len(pool), size=vehicles, replace=again)
    raw = _take(pool, at)
    local = raw.arrival_s + _offset(datetime.fromtimestamp(int(pool.arrival_s[0]), UTC))
    shift = day_s + local % DAY_S - raw.arrival_s
    names = tuple(f"ev{k:06d}" for k in range(vehicles))
    moved = replace(
        raw,
        session_ids=names,
        vehicle_ids=names,
        charger_ids=names,
        arrival_s=raw.arrival_s + shift,
        departure_s=raw.departure_s + shift,
        stated_departure_s=raw.stated_departure_s + shift,
    )
    return _take(moved, np.argsort(moved.arrival_s, kind="stable"))


def workplace(raw: RawSessions, day_s: int, seed: int, terms: Terms | None = None) -> World:
    """Compose the world of one local day."""
    terms = terms or Terms()
    steps = DAY_S // STEP_S
    chargers = _chargers(raw, terms)
    traits = VehicleTable(
        bidirectional=terms.bidirectional, wear_price_per_kwh=terms.wear_price_per_kwh
    )
    vehicles, sessions = draw_fleet(raw, chargers, traits, seed=seed, timezone=ZONE)
    unlimited = np.full((steps, 1), np.inf)
    return World(
        grid=TimeGrid(day_s, STEP_S, steps),
        vehicles=vehicles,
        chargers=chargers,
        sessions=sessions,
        limits=_one_limit(),
        building_kw=np.zeros((steps, 1)),
        pv_kw=np.zeros((steps, 1)),
        import_kw=unlimited,
        export_kw=unlimited,
        billing_period=np.zeros(steps, dtype=np.int64),
        peak_so_far_kw=np.zeros(1),
    )


def outlook(world: World, terms: Terms | None = None) -> Outlook:
    """Return what planning knows: flat prices, a day ahead."""
    terms = terms or Terms()
    n = 2 * world.grid.n
    price = np.full((1, n), terms.energy_price_per_kwh)
    return Outlook(
        grid=TimeGrid(world.grid.start_s, world.grid.step_s, n),
        meters=np.array([0]),
        price_import_per_kwh=price,
        price_export_per_kwh=price,
        carbon_kg_per_kwh=np.zeros(n),
        carbon_price_per_kg=0.0,
        base_forecast_kw=np.zeros((n, 1)),
        base_margin_kw=np.zeros((n, 1)),
        demand_charge_per_kw=np.zeros((1, 1)),
        demand_period=np.zeros(n, dtype=np.int64),
        stored_value_per_kwh=terms.energy_price_per_kwh,
    )


def local_midnight_s(year: int, month: int, day: int) -> int:
    """Midnight at the workplace [s since 1970-01-01 UTC]."""
    days = (datetime(year, month, day, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    return midnight_s(days, ZoneInfo(ZONE))


def _chargers(raw: RawSessions, terms: Terms) -> Chargers:
    n = len(raw)
    back = terms.charger_kw if terms.bidirectional else 0.0
    return Chargers(
        ids=raw.charger_ids,
        limit=np.zeros(n, dtype=np.int64),
        max_charge_kw=np.full(n, terms.charger_kw),
        max_discharge_kw=np.full(n, back),
        min_power_kw=np.full(n, 0.0 if terms.bidirectional else 1.38),
        power_step_kw=np.zeros(n),
        phase_share=np.full((n, 3), 1 / 3),
        charge_loss=np.tile(LOSS, (n, 1)),
        discharge_loss=np.tile(LOSS, (n, 1)),
    )


def _one_limit() -> LimitTree:
    return LimitTree(
        names=("workplace",),
        parent=np.array([-1]),
        site=np.array([0]),
        is_meter=np.array([True]),
        import_kw=np.array([np.inf]),
        export_kw=np.array([np.inf]),
        phase_kw=np.full((1, 3), np.inf),
    )


def _offset(instant: datetime) -> int:
    """Offset of local time from UTC at the workplace [s]."""
    offset = instant.astimezone(ZoneInfo(ZONE)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


NAMES = ("session_ids", "vehicle_ids", "charger_ids")


def _arrays(raw: RawSessions) -> list[str]:
    return [name for name in raw.__dataclass_fields__ if isinstance(getattr(raw, name), np.ndarray)]


def _take(raw: RawSessions, at: Ints) -> RawSessions:
    taken: dict[str, Any] = {name: getattr(raw, name)[at] for name in _arrays(raw)}
    taken |= {name: tuple(getattr(raw, name)[k] for k in at.tolist()) for name in NAMES}
    return replace(raw, **taken)


def _joined(parts: list[RawSessions]) -> RawSessions:
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _arrays(parts[0])
    }
    joined |= {name: tuple(x for part in parts for x in getattr(part, name)) for name in NAMES}
    return replace(parts[0], source="ACN-Data", **joined)
