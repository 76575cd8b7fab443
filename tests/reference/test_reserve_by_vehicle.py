"""One vehicle with prices of reserve: dynamic program, linear problem and bound by prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridtide.plan import Problem, Reserve, solve
from gridtide.plan._calls import must_charge_kwh
from gridtide.plan._layout import lay_out
from gridtide.plan.reserve.exact import Stay, least_cost


def draw(seed, vehicles=1, steps=8):
    """Vehicles without limits, and a block of one step for every step and direction."""
    r = np.random.default_rng([seed, 7])
    n = vehicles
    arrive = r.integers(0, 3, n)
    price = r.uniform(0.05, 0.4, (1, steps))
    hours = float(r.choice([0.25, 0.5, 1.0]))
    discharge = np.where(r.random(n) < 0.7, 7.0, 0.0)
    reserves = tuple(
        Reserve(
            name=f"{way}{k}",
            direction=way,
            from_step=k,
            to_step=k + 1,
            price_per_kw_h=float(r.uniform(0.0, 0.3)),
            duration_h=hours * share,
        )
        for way, share in (
            ("up", float(r.choice([0.5, 1.0]))),
            ("down", float(r.choice([0.4, 1.0]))),
        )
        for k in range(steps)
    )
    arrival = r.uniform(8, 30, n)
    return Problem(
        ids=tuple(f"v{i}" for i in range(n)),
        step_h=np.full(steps, hours),
        arrive=arrive,
        depart=np.minimum(arrive + r.integers(3, steps + 1, n), steps),
        arrival_kwh=arrival,
        target_kwh=arrival + r.uniform(-3, 5, n),
        min_kwh=np.full(n, 4.0),
        max_kwh=np.full(n, 40.0),
        max_charge_kw=np.full(n, 11.0),
        max_discharge_kw=discharge,
        charge_efficiency=r.uniform(0.85, 1.0, n),
        discharge_efficiency=r.uniform(0.85, 1.0, n),
        wear_price_per_kwh=r.choice([0.0, 0.03], n),
        limit=np.full(n, -1),
        limit_names=(),
        limit_parent=np.zeros(0, dtype=np.int64),
        import_kw=np.zeros((0, steps)),
        export_kw=np.zeros((0, steps)),
        base_load_kw=np.zeros((0, steps)),
        demand_charge_per_kw=np.zeros(0),
        meters=np.zeros(0, dtype=np.int64),
        price_import_per_kwh=price,
        price_export_per_kwh=price - 0.03,
        shortfall_price_per_kwh=20.0,
        reserves=reserves,
    )


def stay_of(problem, i):
    """The same vehicle as one stay; a vehicle that only charges needs no energy but its target."""
    layout = lay_out(problem)
    a, b = int(problem.arrive[i]), int(problem.depart[i])
    hours = problem.step_h[a:b]
    gives = problem.max_discharge_kw[i] > 0
    must = must_charge_kwh(layout, layout.within_reach_kwh)[i, a : b + 1]
    price = {(x.direction, x.from_step): x.price_per_kw_h for x in problem.reserves}
    first = {way: next(x for x in problem.reserves if x.direction == way) for way in ("up", "down")}
    return Stay(
        hours=hours,
        buy=problem.price_import_per_kwh[0, a:b],
        sell=problem.price_export_per_kwh[0, a:b] - problem.wear_price_per_kwh[i],
        up=np.array([price["up", k] for k in range(a, b)]) * hours,
        down=np.array([price["down", k] for k in range(a, b)]) * hours,
        up_energy=first["up"].duration_h * (layout.draw if gives else layout.gain)[i],
        down_energy=first["down"].duration_h * layout.gain[i],
        max_charge_kw=problem.max_charge_kw[i],
        max_discharge_kw=problem.max_discharge_kw[i],
        gain=layout.gain[i],
        draw=layout.draw[i],
        keep_kwh=np.maximum(must, 4.0) if gives else np.maximum(must, -50.0),
        high_kwh=np.full(b - a + 1, 40.0),
        arrival_kwh=problem.arrival_kwh[i],
    )


@pytest.mark.parametrize("seed", range(30))
def test_dynamic_program_and_linear_problem_agree_and_prices_bound_them(seed):
    problem = draw(seed)
    plan = solve(problem)
    exact = least_cost(stay_of(problem, 0))
    assert exact == pytest.approx(plan.lower_bound, abs=1e-7)
    assert plan.objective == pytest.approx(exact, abs=1e-6), "all that is planned is proven"
    priced = solve(problem, solver="price", gap=1e-3)
    assert priced.lower_bound <= exact + 1e-9
    assert priced.objective >= exact - 1e-6


def test_prices_come_close_to_what_is_exact():
    problem = draw(5, vehicles=12)
    exact = sum(least_cost(stay_of(problem, i)) for i in range(12))
    alone = solve(replace(problem, reserves=())).objective
    priced = solve(problem, solver="price")
    assert priced.lower_bound <= exact + 1e-9 <= priced.objective + 1e-6
    assert priced.objective - priced.lower_bound <= 0.02 * (alone - exact)
