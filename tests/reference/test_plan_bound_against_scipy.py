"""The proven bound against optima found by other means, for what the reference LP leaves out."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog, minimize_scalar

from gridtide.plan import Problem, verify_plan
from gridtide.plan.stored_plan import Prices

_path = Path(__file__).parents[1] / "property" / "test_plan_bound.py"
_spec = importlib.util.spec_from_file_location("plan_bound_draws", _path)
_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _module
_spec.loader.exec_module(_module)


def one_vehicle(r, stays=3, length=3, **more):
    """One vehicle with trips, each plug billed, prices that never reward burning energy."""
    steps = stays * (length + 1)
    arrive = np.arange(stays) * (length + 1)
    price = r.uniform(0.1, 0.4, (1, steps))
    ones = np.ones(stays)
    bare = {
        "ids": ("car",) * stays,
        "step_h": r.uniform(0.5, 1.0, steps),
        "arrive": arrive,
        "depart": arrive + length,
        "arrival_kwh": 20.0 * ones,
        "target_kwh": r.uniform(10, 50, stays),
        "min_kwh": 5.0 * ones,
        "max_kwh": 45.0 * ones,
        "max_charge_kw": r.uniform(4, 11, stays),
        "max_discharge_kw": 7.0 * ones,
        "charge_efficiency": 0.9 * ones,
        "discharge_efficiency": 0.95 * ones,
        "wear_price_per_kwh": 0.03 * ones,
        "limit": np.full(stays, -1),
        "limit_names": (),
        "limit_parent": np.zeros(0, dtype=np.int64),
        "import_kw": np.zeros((0, steps)),
        "export_kw": np.zeros((0, steps)),
        "base_load_kw": np.zeros((0, steps)),
        "demand_charge_per_kw": np.zeros(0),
        "meters": np.zeros(0, dtype=np.int64),
        "price_import_per_kwh": price,
        "price_export_per_kwh": price - 0.02,
        "shortfall_price_per_kwh": 0.5,
        "continues": np.arange(stays) > 0,
        "driven_kwh": np.where(np.arange(stays) > 0, r.uniform(5, 40, stays), 0.0),
    }
    return Problem(**(bare | more))


def by_linprog(p, stays, length):
    """Optimum of the vehicle's linear problem, worth of energy, whether it charges as it must.

    Columns: c, d, e of each pair; then of each stay arrival a, charged on the way u, and parts of
    the shortfall, one by band.
    """
    bands = p.shortfall_band_price_per_kwh
    bands = np.array([p.shortfall_price_per_kwh]) if bands is None else bands
    pairs, k = stays * length, len(bands)
    wide = 3 * pairs + stays * (2 + k)
    cost, upper = np.zeros(wide), np.full(wide, np.inf)
    lower, rows, right = np.zeros(wide), [], []
    above, limit = [], []
    for i in range(stays):
        at = 3 * pairs + i * (2 + k)
        a, u, short = at, at + 1, at + 2 + np.arange(k)
        row = np.zeros(wide)
        row[a] = 1.0
        if i:
            row[3 * (i * length - 1) + 2], row[u] = -1.0, -1.0
            cost[u] = p.shortfall_price_per_kwh
            lower[a] = p.min_kwh[i]
        else:
            upper[u] = 0.0
        rows.append(row)
        right.append(-p.driven_kwh[i] if i else p.arrival_kwh[0])
        for t in range(length):
            c, d, e = 3 * (i * length + t) + np.arange(3)
            step = p.arrive[i] + t
            h = p.step_h[step]
            cost[c] = h * p.price_import_per_kwh[0, step]
            cost[d] = h * (p.wear_price_per_kwh[i] - p.price_export_per_kwh[0, step])
            upper[c], upper[d] = p.max_charge_kw[i], p.max_discharge_kw[i]
            lower[e], upper[e] = p.min_kwh[i], p.max_kwh[i]
            row = np.zeros(wide)
            row[[c, d, e]] = -h * p.charge_efficiency[i], h / p.discharge_efficiency[i], 1.0
            row[a if t == 0 else e - 3] = -1.0
            rows.append(row)
            right.append(0.0)
        row = np.zeros(wide)
        row[3 * (i * length + length - 1) + 2], row[short] = -1.0, -1.0
        above.append(row)
        limit.append(-max(p.target_kwh[i], 0.0))
        cost[short] = bands
        wanted = max(p.target_kwh[i] - p.arrival_kwh[i], 0.0)
        upper[short[:-1]] = wanted / k
        if wanted == 0.0:  # who wanted nothing more than it brought misses it in the first band
            upper[short[0]], upper[short[1:]] = np.inf, 0.0
            cost[short] = bands[0]
    found = linprog(cost, above, limit, rows, right, np.column_stack((lower, upper)))
    worth = -found.eqlin.marginals.reshape(stays, length + 1)
    at = 3 * pairs + np.arange(1, stays) * (2 + k)
    ended = found.x[3 * (np.arange(1, stays) * length - 1) + 2]
    needed = np.maximum(p.min_kwh[1:] - (ended - p.driven_kwh[1:]), 0.0)
    return found.fun, worth, bool(np.all(found.x[at + 1] <= needed + 1e-7))


@pytest.mark.parametrize("bands", [None, np.array([0.1, 0.3, 0.8])])
@pytest.mark.parametrize("seed", range(25))
def test_trips_and_bands_are_proven_to_their_optimum(seed, bands):
    r = np.random.default_rng(seed)
    more = {"shortfall_band_price_per_kwh": bands, "shortfall_price_per_kwh": 5.0}
    if bands is None:
        more = {"target_kwh": np.array([-np.inf, -np.inf, r.uniform(10, 50)])}
    p = one_vehicle(r, **more)
    optimum, worth, exact = by_linprog(p, 3, 3)
    drawn = [(i, p.arrive[i] + t, 0.0) for i in range(3) for t in range(3)]
    none = np.zeros((0, p.steps))
    prices = Prices(limit_price=none, peak_price=none, arrival_value=worth[:, 0])
    verdict = verify_plan(_module.stored(p, drawn, prices, worth[:, 1:].ravel()), p)
    assert verdict.lower_bound >= optimum - 1e-9 * max(1, abs(optimum))
    # The linear problem may charge more on the way than the drive needs; no vehicle does.
    if exact:
        assert verdict.lower_bound <= optimum + 1e-9 * max(1, abs(optimum))
    assert verdict.cost >= optimum - 1e-9


@pytest.mark.parametrize("seed", range(25))
def test_a_square_of_load_is_proven_to_its_optimum(seed):
    r = np.random.default_rng(seed)
    base, reference, square = r.uniform(-5, 5), r.uniform(-9, 9), r.uniform(0.001, 0.2)
    price_in = r.uniform(0.1, 0.4)
    price_out = price_in - r.uniform(0, 0.2)
    p = one_vehicle(
        r,
        stays=1,
        length=1,
        limit=np.zeros(1, dtype=np.int64),
        limit_names=("site",),
        limit_parent=np.array([-1]),
        import_kw=np.full((1, 2), 9.0),
        export_kw=np.full((1, 2), 8.0),
        base_load_kw=np.array([[base, 0.0]]),
        demand_charge_per_kw=np.zeros(1),
        meters=np.zeros(1, dtype=np.int64),
        price_import_per_kwh=np.full((1, 2), price_in),
        price_export_per_kwh=np.full((1, 2), price_out),
        load_square_price_per_kw2h=np.array([square]),
        load_reference_kw=np.array([[reference, 0.0]]),
        target_kwh=np.array([-np.inf]),
        wear_price_per_kwh=np.zeros(1),
        max_charge_kw=np.full(1, 6.0),
    )
    h, worth = p.step_h[0], r.uniform(0.1, 0.4)
    p = replace(p, end_value_per_kwh=np.array([worth]))

    def cost(power):
        site, stored = base + power, power * (0.9 if power > 0 else 1 / 0.95)
        rate = price_in * max(site, 0) - price_out * max(-site, 0)
        return h * (rate + square * (site - reference) ** 2) - worth * (20 + h * stored)

    low = -min(7.0, 8.0 + base if base > -8 else 0.0)
    high = min(6.0, 9.0 - base)
    fine = {"method": "bounded", "options": {"xatol": 1e-9, "maxiter": 2000}}
    found = minimize_scalar(cost, bounds=(low, high), **fine)
    optimum = min(found.fun, cost(low), cost(high), cost(min(max(-base, low), high)), cost(0.0))

    def proven(price):
        prices = Prices(limit_price=np.array([[price, 0.0]]), peak_price=np.zeros((1, 2)))
        plan = _module.stored(p, [(0, 0, 0.0)], prices, np.array([worth]))
        return verify_plan(plan, p).lower_bound

    found = minimize_scalar(lambda price: -proven(price), bounds=(-3, 3), **fine)
    assert -found.fun == pytest.approx(optimum, rel=1e-6, abs=1e-6)
