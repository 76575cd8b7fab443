"""Small worlds for tests, said in a few words."""

from __future__ import annotations

import numpy as np

from gridtide.control import Outlook
from gridtide.core import TimeGrid
from gridtide.fleet import Chargers, LimitTree, Sessions, Vehicles
from gridtide.sim import World

START_S = 1_780_272_000  # 2026-06-01 00:00 UTC
NO_LOSS = (0.0, 0.0, 0.0)


def full(n, value):
    return np.full(n, float(value))


def tree(import_kw=np.inf, export_kw=np.inf, phase_kw=np.inf):
    """One site limit with its meter."""
    return LimitTree(
        names=("site",),
        parent=np.array([-1]),
        site=np.array([0]),
        is_meter=np.array([True]),
        import_kw=np.array([float(import_kw)]),
        export_kw=np.array([float(export_kw)]),
        phase_kw=np.full((1, 3), float(phase_kw)),
    )


def world(
    stays,
    *,
    steps=16,
    step_s=900,
    limits=None,
    limit=None,
    law=(0.232, 0.06, 0.0),
    power=11.0,
    capacity=60.0,
    taper_soc=1.0,
    base_kw=0.0,
    bidirectional=True,
    min_kw=0.0,
    step_kw=0.0,
    floor=0.3,
    need_known=None,
    participates=True,
    phase_share=None,
):
    """World of stays ``(arrive step, depart step, arrival soc, target soc[, stated step])``.

    Each stay is a vehicle and a charger of its own.
    """
    n = len(stays)
    limits = limits or tree()
    stays = [(*s, s[1]) if len(s) == 4 else s for s in stays]
    arrive, depart, soc, target, stated = (
        np.array(x, dtype=float) for x in zip(*stays, strict=True)
    )
    order = np.argsort(arrive, kind="stable")
    ids = tuple(f"ev{i}" for i in range(n))
    flag = np.full(n, True)
    shape = (steps, len(limits))
    return World(
        grid=TimeGrid(START_S, step_s, steps),
        vehicles=Vehicles(
            ids=ids,
            capacity_kwh=full(n, capacity),
            soc_min=full(n, 0.05),
            soc_max=full(n, 1),
            soc_floor=full(n, floor),
            max_charge_kw=full(n, 99),
            max_discharge_kw=full(n, 99),
            taper_soc=full(n, taper_soc),
            taper_end=full(n, 0.2),
            wear_price_per_kwh=full(n, 0.03),
            bidirectional=flag & bidirectional,
            participates=flag & participates,
            cell_model=("",) * n,
            pack_price_per_kwh=np.zeros(n),
            chemistry=("nmc",) * n,
        ),
        chargers=Chargers(
            ids=ids,
            limit=np.zeros(n, np.int64) if limit is None else np.array(limit),
            max_charge_kw=full(n, power),
            max_discharge_kw=full(n, power),
            min_power_kw=full(n, min_kw),
            power_step_kw=full(n, step_kw),
            phase_share=np.full((n, 3), 1 / 3) if phase_share is None else np.array(phase_share),
            charge_loss=np.tile(np.array(law, float), (n, 1)),
            discharge_loss=np.tile(np.array(law, float), (n, 1)),
        ),
        sessions=Sessions(
            ids=ids,
            vehicle=np.arange(n)[order],
            charger=np.arange(n)[order],
            arrival_s=(START_S + arrive * step_s).astype(np.int64)[order],
            departure_s=(START_S + depart * step_s).astype(np.int64)[order],
            stated_departure_s=(START_S + stated * step_s)[order],
            arrival_kwh=(soc * capacity)[order],
            trip_kwh=full(n, np.nan),
            target_kwh=(target * capacity)[order],
            need_known=(flag if need_known is None else np.array(need_known))[order],
        ),
        limits=limits,
        building_kw=np.broadcast_to(np.asarray(base_kw, float), shape).copy(),
        pv_kw=np.zeros(shape),
        import_kw=np.tile(limits.import_kw, (steps, 1)),
        export_kw=np.tile(limits.export_kw, (steps, 1)),
        billing_period=np.zeros(steps, np.int64),
        peak_so_far_kw=np.zeros(len(limits)),
    )


def outlook(made):
    """Return what planning knows of a world: flat prices."""
    n, limits = made.grid.n, len(made.limits)
    price = np.full((1, n), 0.2)
    return Outlook(
        grid=TimeGrid(made.grid.start_s, made.grid.step_s, n),
        meters=np.array([0]),
        price_import_per_kwh=price,
        price_export_per_kwh=price,
        carbon_kg_per_kwh=np.zeros(n),
        carbon_price_per_kg=0.0,
        base_forecast_kw=np.zeros((n, limits)),
        base_margin_kw=np.zeros((n, limits)),
        demand_charge_per_kw=np.zeros((limits, 1)),
        demand_period=np.zeros(n, dtype=np.int64),
        stored_value_per_kwh=0.2,
    )
