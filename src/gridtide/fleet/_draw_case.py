"""What the draw of a fleet starts from: sessions with what their vehicle and charger say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gridtide.core import Finding, InputError
from gridtide.fleet.arrays import Chargers, Floats, Ints, RawSessions
from gridtide.fleet.tables import VehicleTable


@dataclass(slots=True, kw_only=True)
class DrawCase:
    """Sessions in order of arrival with what their vehicle and charger say; shape (sessions,)."""

    names: tuple[str, ...]
    session_ids: tuple[str, ...]
    vehicle: Ints
    charger: Ints
    arrival_s: Ints
    departure_s: Ints
    need_kwh: Floats
    reach_kwh: Floats
    arrival_soc: Floats
    target_soc: Floats
    told_capacity_kwh: Floats
    fixed_capacity_kwh: Floats
    soc_min: Floats
    soc_max: Floats
    soc_target: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats

    @classmethod
    def of(
        cls,
        raw: RawSessions,
        chargers: Chargers,
        names: tuple[str, ...],
        tables: Sequence[VehicleTable],
        order: Ints,
    ) -> DrawCase:
        """Look up what each session's vehicle and charger say.

        Raises
        ------
        InputError
            If a vehicle or charger is not known, or a charger cannot charge.
        """
        vehicle_at = {name: v for v, name in enumerate(names)}
        charger_at = {name: i for i, name in enumerate(chargers.ids)}
        _check_names(raw, vehicle_at, charger_at)
        vehicle = np.array([vehicle_at[raw.vehicle_ids[k]] for k in order], dtype=np.int64)
        charger = np.array([charger_at[raw.charger_ids[k]] for k in order], dtype=np.int64)
        own_kw = _own_or_plug(
            [t.max_charge_kw for t in tables], chargers.max_charge_kw, vehicle, charger
        )
        need, reach = _need_and_reach(raw, order, chargers, charger, own_kw[vehicle])
        return cls(
            names=names,
            session_ids=tuple(raw.session_ids[k] for k in order),
            vehicle=vehicle,
            charger=charger,
            arrival_s=raw.arrival_s[order],
            departure_s=raw.departure_s[order],
            need_kwh=need,
            reach_kwh=reach,
            arrival_soc=raw.arrival_soc[order],
            target_soc=raw.target_soc[order],
            told_capacity_kwh=_told_capacity(raw, vehicle_at),
            fixed_capacity_kwh=column([t.capacity_kwh for t in tables]),
            soc_min=column([t.soc_min for t in tables]),
            soc_max=column([t.soc_max for t in tables]),
            soc_target=column([t.soc_target for t in tables]),
            max_charge_kw=own_kw,
            max_discharge_kw=_own_or_plug(
                [t.max_discharge_kw for t in tables], chargers.max_discharge_kw, vehicle, charger
            ),
        )


def _need_and_reach(
    raw: RawSessions, order: Ints, chargers: Chargers, charger: Ints, own_kw: Floats
) -> tuple[Floats, Floats]:
    """Return what is asked for and what full power brings in the stay, in the battery [kWh]."""
    full_kw = np.minimum(chargers.max_charge_kw[charger], own_kw)
    gain = _gain_per_kwh(full_kw, chargers, charger, raw.source)
    stay_h = (raw.departure_s[order] - raw.arrival_s[order]) / 3600.0
    requested = raw.requested_kwh[order]
    need = np.where(np.isnan(requested), raw.trip_kwh[order], requested * gain)
    return need, full_kw * gain * stay_h


def _check_names(
    raw: RawSessions, vehicle_at: Mapping[str, int], charger_at: Mapping[str, int]
) -> None:
    findings = [
        Finding(raw.source, f"there is no charger {name}", "Add it, or correct the session file")
        for name in sorted(set(raw.charger_ids) - set(charger_at))
    ]
    findings += [
        Finding(raw.source, f"there is no vehicle {name}", "Add it, or correct the session file")
        for name in sorted(set(raw.vehicle_ids) - set(vehicle_at))
    ]
    if findings:
        raise InputError(findings)


def column(values: Sequence[float | None]) -> Floats:
    """Values as an array; NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _told_capacity(raw: RawSessions, vehicle_at: Mapping[str, int]) -> Floats:
    told = np.full(len(vehicle_at), np.nan)
    for k in np.flatnonzero(~np.isnan(raw.capacity_kwh)):
        told[vehicle_at[raw.vehicle_ids[k]]] = raw.capacity_kwh[k]
    return told


def _own_or_plug(
    own: Sequence[float | None], plug_kw: Floats, vehicle: Ints, charger: Ints
) -> Floats:
    """Power limit of each vehicle: its own, or that of the strongest charger that it uses."""
    strongest = np.full(len(own), -np.inf)
    np.maximum.at(strongest, vehicle, plug_kw[charger])
    strongest[np.isneginf(strongest)] = plug_kw.max(initial=0.0)
    limit = column(own)
    return np.where(np.isnan(limit), strongest, limit)


def _gain_per_kwh(full_kw: Floats, chargers: Chargers, charger: Ints, source: str) -> Floats:
    """Energy into the battery for each kWh at the plug, at full power [-]."""
    a, b, c = chargers.charge_loss[charger].T
    with np.errstate(divide="ignore"):
        gain: Floats = 1.0 - b - a / full_kw - c * full_kw
    weak = sorted({chargers.ids[i] for i in charger[~(gain > 0)]})
    if weak:
        mend = "Raise its max_charge_kw (or the vehicle's) or lower its charge_loss"
        what = "loses all that it draws at full power"
        raise InputError([Finding(f"{source} charger {name}", what, mend) for name in weak])
    return gain
