"""What a run did to the batteries: life used by time and by rainflow cycles, vehicle by vehicle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery import (
    END_OF_LIFE,
    OUTSIDE_SHARE,
    STRESSORS,
    WearPrice,
    cell_model,
    life_used,
    outside_share,
    wear_price,
)
from gridtide.study.case import Case
from gridtide.study.record import Columns

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


MOST_IN_SUMMARY = 1000
_PER_VEHICLE = ("calendar_percent", "cycle_percent", "calendar_cost", "cycle_cost")


@dataclass(frozen=True, slots=True)
class Paths:
    """States of charge of all vehicles over the run, one vehicle after another.

    Parameters
    ----------
    vehicle
        Vehicles seen, shape (seen,).
    first
        Where each one's points begin, and where the last one's end, shape (seen + 1,).
    time_s, soc, temperature_c
        Points: arrivals and meter readings, shape (points,). Between stays, while it is driven,
        a vehicle is taken to go evenly from one to the next.
    """

    vehicle: Ints
    first: Ints
    time_s: Floats
    soc: Floats
    temperature_c: Floats


def follow_vehicles(case: Case, columns: dict[str, Columns]) -> Paths:
    """Follow every vehicle from its first arrival to its last meter reading."""
    world, sessions, rows = case.world, columns["sessions"], columns["intervals"]
    of_session = world.sessions.vehicle
    held = rows["session"] >= 0
    session = rows["session"][held]
    reading_s = np.minimum(
        rows["interval_s"][held] + world.meter_interval_s,
        np.minimum(world.sessions.departure_s[session], world.grid.end_s),
    )
    arrived = sessions["session"]
    vehicle = np.concatenate((of_session[arrived], of_session[session])).astype(np.int64)
    time_s = np.concatenate(
        (np.maximum(sessions["arrival_s"], world.grid.start_s), reading_s)
    ).astype(np.float64)
    energy = np.concatenate((sessions["arrival_kwh"], rows["energy_kwh"][held])).astype(float)
    usual = case.scenario.wear.temperature_c
    heat = np.full(vehicle.size, usual)
    if "temperature_c" in rows:
        heat[arrived.size :] = rows["temperature_c"][held]
        heat[: arrived.size] = np.nan
    order = np.lexsort((np.arange(vehicle.size), time_s, vehicle))
    seen, first = np.unique(vehicle[order], return_index=True)
    soc = np.clip(energy / world.vehicles.capacity_kwh[vehicle], 0.0, 1.0)
    return Paths(
        vehicle=seen,
        first=np.append(first, vehicle.size).astype(np.int64),
        time_s=time_s[order],
        soc=soc[order],
        temperature_c=_filled(heat[order], vehicle[order], usual),
    )


def _filled(heat: Floats, vehicle: Ints, usual: float) -> Floats:
    """Give an arrival the temperature of the vehicle's next reading, or the usual one."""
    known = np.flatnonzero(np.isfinite(heat))
    if known.size == 0:
        return np.full(heat.size, usual)
    after = np.minimum(np.searchsorted(known, np.arange(heat.size)), known.size - 1)
    following = known[after]
    same = (vehicle[following] == vehicle) & (following >= np.arange(heat.size))
    return np.where(same, heat[following], usual)


def price_of(case: Case, model: str) -> WearPrice:
    """Wear of a cell model over the life that the scenario means for it."""
    table = case.scenario.wear
    return wear_price(model, table.life_years, table.life_efc)


def wear_columns(case: Case, columns: dict[str, Columns], planned: Floats) -> Columns:
    """Table of wear, one row per vehicle that was plugged in.

    ``loss_calendar`` and ``loss_cycle`` are shares of the capacity, spread evenly over the
    battery's life; costs are in the run's currency. Cycles are the rainflow cycles of the whole
    path, driving included. ``planned_cycle_cost`` and ``planned_holding_cost`` are what the plans
    thought of the steps that were carried out, as ``planned`` has it by vehicle, shape
    (2, vehicles). Vehicles without a cell model have their price per discharged kWh as cost of
    use, and no losses.
    """
    vehicles, paths = case.world.vehicles, follow_vehicles(case, columns)
    n = paths.vehicle.size
    by_use, by_time = np.zeros(n), np.zeros(n)
    names = np.array([vehicles.cell_model[v] for v in paths.vehicle], dtype=object)
    lengths = np.diff(paths.first)
    for model in sorted(set(names) - {""}):
        mine = np.flatnonzero(names == model)
        points = np.repeat(names == model, lengths)
        used = life_used(
            price_of(case, model),
            paths.soc[points],
            paths.time_s[points] / 3600.0,
            paths.temperature_c[points],
            np.concatenate(([0], np.cumsum(lengths[mine]))),
        )
        by_use[mine], by_time[mine] = used.by_use, used.by_time
    worth = (vehicles.capacity_kwh * vehicles.pack_price_per_kwh)[paths.vehicle]
    given = _given_kwh(case, columns, paths.vehicle)
    cycle, holding = planned[:, paths.vehicle]
    moved = np.abs(np.diff(paths.soc, prepend=0.0))
    moved[paths.first[:-1]] = 0.0
    return {
        "vehicle": paths.vehicle,
        "vehicle_id": np.array(vehicles.ids, dtype=object)[paths.vehicle],
        "cell_model": names,
        "hours": (paths.time_s[paths.first[1:] - 1] - paths.time_s[paths.first[:-1]]) / 3600.0,
        "efc": np.add.reduceat(moved, paths.first[:-1]) / 2.0 if n else np.zeros(0),
        "loss_calendar": by_time * (1.0 - END_OF_LIFE),
        "loss_cycle": by_use * (1.0 - END_OF_LIFE),
        "calendar_percent": 100.0 * by_time * (1.0 - END_OF_LIFE),
        "cycle_percent": 100.0 * by_use * (1.0 - END_OF_LIFE),
        "calendar_cost": by_time * worth,
        "cycle_cost": by_use * worth + vehicles.wear_price_per_kwh[paths.vehicle] * given,
        "planned_cycle_cost": cycle,
        "planned_holding_cost": holding,
    }


def _given_kwh(case: Case, columns: dict[str, Columns], seen: Ints) -> Floats:
    sessions = columns["sessions"]
    vehicle = case.world.sessions.vehicle[sessions["session"]]
    given = np.bincount(
        vehicle, weights=sessions["energy_out_kwh"], minlength=len(case.world.vehicles)
    )
    return given[seen].astype(np.float64)


def run_outside(case: Case, columns: dict[str, Columns], model: str) -> list[str]:
    """Stressors outside the tests of a cell model for more than 5 % of the vehicles' time.

    Looked at hour by hour, for as many vehicles as ``MOST_IN_SUMMARY``.
    """
    paths, card = follow_vehicles(case, columns), cell_model(model).card
    shares, hours = np.zeros(len(STRESSORS)), 0.0
    for k, v in enumerate(paths.vehicle[:MOST_IN_SUMMARY]):
        part = slice(paths.first[k], paths.first[k + 1])
        time_h = paths.time_s[part] / 3600.0
        at = np.arange(time_h[0], time_h[-1] + 1e-9, 1.0)
        if case.world.vehicles.cell_model[v] != model or at.size < 2:
            continue
        soc = np.interp(at, time_h, paths.soc[part])
        heat = np.interp(at, time_h, paths.temperature_c[part])
        shares += at.size * outside_share(card, soc[None], heat[None], 1.0, 0.0)[0]
        hours += at.size
    outside = shares > OUTSIDE_SHARE * max(hours, 1.0)
    return [name for name, far in zip(STRESSORS, outside, strict=True) if far]


def wear_summary(wear: Columns) -> dict[str, Any]:
    """Figures of a run: costs in currency, losses in percent of the capacity, as fleet means.

    ``wear_by_vehicle`` holds them one by one for the first thousand; the table has all.
    """
    aged = wear["cell_model"] != ""
    n = max(int(aged.sum()), 1)
    return {
        "wear_cost": float(wear["calendar_cost"].sum() + wear["cycle_cost"].sum()),
        "wear_calendar_cost": float(wear["calendar_cost"].sum()),
        "wear_cycle_cost": float(wear["cycle_cost"].sum()),
        "wear_planned_cycle_cost": float(wear["planned_cycle_cost"].sum()),
        "wear_planned_holding_cost": float(wear["planned_holding_cost"].sum()),
        "wear_calendar_percent": 100.0 * float(wear["loss_calendar"].sum()) / n,
        "wear_cycle_percent": 100.0 * float(wear["loss_cycle"].sum()) / n,
        "wear_by_vehicle": {
            str(name): {key: float(wear[key][k]) for key in _PER_VEHICLE}
            for k, name in enumerate(wear["vehicle_id"][:MOST_IN_SUMMARY])
        },
    }


def with_wear(statement: Columns, wear: Columns) -> Columns:
    """Add what each battery lost to a statement, on accounts ``battery:ID`` of their own.

    Wear is no part of any bill: nobody is invoiced for it. Quantities are millionths of the
    capacity; amounts are the worth of it in whole nano-currency.
    """
    aged = np.flatnonzero((wear["calendar_cost"] != 0.0) | (wear["cycle_cost"] != 0.0))
    lines = {name: [values] for name, values in statement.items()}
    currency = statement["currency"][:1] if len(statement["currency"]) else np.array([""])
    for kind, loss, cost in (
        ("wear_by_time", "loss_calendar", "calendar_cost"),
        ("wear_by_use", "loss_cycle", "cycle_cost"),
    ):
        added = {
            "account": np.array([f"battery:{name}" for name in wear["vehicle_id"][aged]], str),
            "kind": np.full(aged.size, kind),
            "quantity": np.rint(1e6 * wear[loss][aged]).astype(np.int64),
            "unit": np.full(aged.size, "ppm of capacity"),
            "unit_price_micro": np.zeros(aged.size, dtype=np.int64),
            "amount_nano": np.rint(1e9 * wear[cost][aged]).astype(np.int64),
            "intervals": np.zeros(aged.size, dtype=np.int64),
            "note": np.full(aged.size, "worth of the capacity lost; not billed"),
            "currency": np.repeat(currency, aged.size),
        }
        for name, values in added.items():
            lines[name].append(values)
    return {name: np.concatenate(parts) for name, parts in lines.items()}
