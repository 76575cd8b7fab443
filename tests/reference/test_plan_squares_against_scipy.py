"""Squares of load and bands of shortage against a nonlinear solver, written once more by hand.

scipy's SLSQP works on powers, export and bands as they are, without tangents; it shares no row
with the planner. It is told to be exact to 1e-9; both costs then agree to 1e-5 of their size.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from gridtide.plan import Problem, solve

STEPS, VEHICLES, BANDS = 6, 3, 4
AGREE = 1e-5


def small(seed, *, shortage):
    r = np.random.default_rng(seed)
    n, t = VEHICLES, STEPS
    price = r.uniform(0.1, 0.4, (1, t))
    return Problem(
        ids=tuple(f"v{i}" for i in range(n)),
        step_h=r.choice([0.5, 1.0], t),
        arrive=np.zeros(n, dtype=np.int64),
        depart=r.integers(3, t + 1, n),
        arrival_kwh=r.uniform(10, 20, n),
        target_kwh=r.uniform(25, 34, n),
        min_kwh=np.full(n, 5.0),
        max_kwh=np.full(n, 40.0),
        max_charge_kw=np.full(n, 11.0),
        max_discharge_kw=np.array([7.0, 0.0, 11.0]),
        charge_efficiency=np.full(n, 0.92),
        discharge_efficiency=np.full(n, 0.94),
        wear_price_per_kwh=np.full(n, 0.03),
        limit=np.array([1, 1, 0]),
        limit_names=("site", "panel"),
        limit_parent=np.array([-1, 0]),
        import_kw=np.array([[14.0 if shortage else 60.0], [40.0]]) * np.ones((1, t)),
        export_kw=np.full((2, t), 10.0),
        base_load_kw=np.stack((r.uniform(-4, 8, t), r.uniform(0, 2, t))),
        demand_charge_per_kw=np.zeros(2),
        meters=np.array([0]),
        price_import_per_kwh=price,
        price_export_per_kwh=price - 0.05,
        shortfall_price_per_kwh=1.0,
        load_square_price_per_kw2h=np.array([0.004, 0.01]),
        load_reference_kw=np.stack((np.full(t, 6.0), r.uniform(0, 4, t))),
        shortfall_band_price_per_kwh=np.array([0.3, 0.8, 1.5, 2.5]) * (1 if shortage else 10),
    )


def by_hand(p):
    """Minimise over c, d [kW], export x [kW] and bands b [kWh]; return the cost."""
    n, t, k, h = VEHICLES, STEPS, BANDS, p.step_h
    here = np.arange(t) < p.depart[:, None]
    wanted = p.target_kwh - p.arrival_kwh

    def split(z):
        c, d, rest = z[: n * t], z[n * t : 2 * n * t], z[2 * n * t :]
        return c.reshape(n, t), d.reshape(n, t), rest[:t], rest[t:].reshape(n, k)

    def nets(z):
        c, d, _, _ = split(z)
        panel = p.base_load_kw[1] + (c - d)[:2].sum(axis=0)
        return p.base_load_kw[0] + panel + (c - d)[2], panel

    def cost(z):
        _, d, x, b = split(z)
        site, panel = nets(z)
        money = (site * p.price_import_per_kwh[0] + 0.05 * x) @ h + 0.03 * (d @ h).sum()
        square = 0.004 * (site - 6.0) ** 2 + 0.01 * (panel - p.load_reference_kw[1]) ** 2
        return money + square @ h + (b @ p.shortfall_band_price_per_kwh).sum()

    def slack(z):
        c, d, x, b = split(z)
        energy = p.arrival_kwh[:, None] + np.cumsum(h * (0.92 * c - d / 0.94), axis=1)
        site, panel = nets(z)
        room = p.import_kw[0] - site, site + p.export_kw[0], p.import_kw[1] - panel
        end = energy[:, -1] + b.sum(axis=1) - p.target_kwh
        inside = energy - 5.0, 40.0 - energy
        return np.concatenate(
            [*room, panel + p.export_kw[1], x + site, end, *(part.ravel() for part in inside)]
        )

    most_b = np.repeat(wanted[:, None] / k, k, axis=1)
    most_b[:, -1] += 40.0
    bounds = [
        *((0.0, 11.0 * on) for on in here.ravel()),
        *((0.0, limit) for limit in (p.max_discharge_kw[:, None] * here).ravel()),
        *((0.0, 40.0) for _ in range(t)),
        *((0.0, most) for most in most_b.ravel()),
    ]
    start = np.zeros(len(bounds))
    start[-n * k :] = most_b.ravel()
    found = minimize(
        cost,
        start,
        method="SLSQP",
        bounds=bounds,
        constraints={"type": "ineq", "fun": slack},
        options={"ftol": 1e-9, "maxiter": 1000},
    )
    assert found.success, found.message
    assert slack(found.x).min() > -1e-7
    return found.fun


@pytest.mark.parametrize("shortage", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_cost_is_that_of_a_nonlinear_solver(seed, shortage):
    problem = small(seed, shortage=shortage)
    plan = solve(problem)
    expected = by_hand(problem)
    assert plan.gap <= 1e-6
    assert plan.hard_violation_kw <= 1e-6
    assert not shortage or (plan.shortfall_kwh > 0.1).sum() > 1
    assert plan.objective == pytest.approx(expected, rel=AGREE, abs=AGREE)
    assert plan.lower_bound <= expected + AGREE * max(1.0, abs(expected))
