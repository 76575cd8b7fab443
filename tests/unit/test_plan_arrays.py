"""What only the arrays can say: several meters, demand periods, a floor at the horizon's end."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gridtide.plan import Problem, solve


def one_site(seed, vehicles=4, steps=10):
    r = np.random.default_rng(seed)
    n = vehicles
    price = r.uniform(0.05, 0.4, (1, steps))
    arrive = r.integers(0, steps // 2, n)
    return Problem(
        ids=tuple(f"s{seed}v{i}" for i in range(n)),
        step_h=np.full(steps, 0.5),
        arrive=arrive,
        depart=arrive + r.integers(3, steps, n),
        arrival_kwh=r.uniform(10, 20, n),
        target_kwh=r.uniform(15, 35, n),
        min_kwh=np.full(n, 4.0),
        max_kwh=np.full(n, 40.0),
        max_charge_kw=np.full(n, 11.0),
        max_discharge_kw=np.full(n, 7.0),
        charge_efficiency=np.full(n, 0.9),
        discharge_efficiency=np.full(n, 0.95),
        wear_price_per_kwh=np.full(n, 0.02),
        limit=np.zeros(n, dtype=np.int64),
        limit_names=(f"site{seed}",),
        limit_parent=np.array([-1]),
        import_kw=np.full((1, steps), 25.0),
        export_kw=np.full((1, steps), 10.0),
        base_load_kw=r.uniform(0, 8, (1, steps)),
        demand_charge_per_kw=np.array([0.4]),
        meters=np.array([0]),
        price_import_per_kwh=price,
        price_export_per_kwh=price - 0.03,
        shortfall_price_per_kwh=5.0,
    )


def side_by_side(a, b):
    """Two sites in one problem, each with its own meter and prices."""
    names = (
        "arrive", "depart", "arrival_kwh", "target_kwh", "min_kwh", "max_kwh", "max_charge_kw",
        "max_discharge_kw", "charge_efficiency", "discharge_efficiency", "wear_price_per_kwh",
        "import_kw", "export_kw", "base_load_kw", "demand_charge_per_kw", "limit_parent",
        "price_import_per_kwh", "price_export_per_kwh",
    )  # fmt: skip
    joined = {name: np.concatenate((getattr(a, name), getattr(b, name))) for name in names}
    return replace(
        a,
        ids=a.ids + b.ids,
        limit=np.concatenate((a.limit, b.limit + 1)),
        limit_names=a.limit_names + b.limit_names,
        meters=np.array([0, 1]),
        **joined,
    )


@pytest.mark.parametrize("seed", range(4))
def test_two_sites_cost_what_each_costs(seed):
    a, b = one_site(seed), one_site(seed + 50)
    both = solve(side_by_side(a, b))
    assert both.objective == pytest.approx(solve(a).objective + solve(b).objective, rel=1e-7)
    assert both.gap <= 1e-7


def test_a_feeder_above_two_sites_binds_both():
    a, b = one_site(1), one_site(51)
    joined = side_by_side(a, b)
    steps = a.steps
    base = np.concatenate((np.zeros((1, steps)), joined.base_load_kw))
    room = np.full((1, steps), 20.0)
    tree = replace(
        joined,
        limit=joined.limit + 1,
        limit_names=("feeder", *joined.limit_names),
        limit_parent=np.array([-1, 0, 0]),
        meters=np.array([1, 2]),
        base_load_kw=base,
        import_kw=np.concatenate((room, joined.import_kw)),
        export_kw=np.concatenate((np.full((1, steps), np.inf), joined.export_kw)),
        demand_charge_per_kw=np.array([0.0, 0.4, 0.4]),
    )
    plan = solve(tree)
    net = plan.power_kw.sum(axis=0) + base.sum(axis=0)
    assert net.max() <= 20.0 + 1e-6
    assert plan.objective >= solve(joined).objective - 1e-7


def test_each_demand_period_has_its_own_peak():
    problem = one_site(2)
    period = (np.arange(10) >= 5).astype(np.int64)
    peaks = np.array([[3.0, 30.0]])
    plan = solve(replace(problem, demand_period=period, demand_peak_so_far_kw=peaks))
    net = problem.base_load_kw[0] + plan.power_kw.sum(axis=0)
    free = solve(replace(problem, demand_charge_per_kw=np.zeros(1)))
    expected = 0.4 * (max(net[:5].max(), 3.0) + max(net[5:].max(), 30.0))
    energy_only = plan.objective - expected
    assert energy_only >= free.objective - 1e-7
    assert plan.gap <= 1e-7


def test_a_floor_at_the_end_of_the_horizon_is_kept():
    problem = replace(one_site(3), depart=np.full(4, 99), horizon_floor_kwh=np.full(4, 25.0))
    end = solve(problem).energy_kwh[:, -1]
    assert end.min() >= 25.0 - 1e-6
    without = solve(replace(problem, horizon_floor_kwh=None)).energy_kwh[:, -1]
    assert without.min() < 25.0


def test_small_plans_do_not_wait_for_compiled_kernels():
    code = "import gridtide.plan, sys; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
