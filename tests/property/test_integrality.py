"""Chargers that cannot run at any power: what holds for every plan and every heuristic."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.plan import concentrate, gather, read_problem, schedule_cost, solve, spread

_path = Path(__file__).parents[1] / "reference" / "plan_draws.py"
_spec = importlib.util.spec_from_file_location("plan_draws", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

KINDS = ["plain", "plug", "tree", "sun", "taper", "value", "phases", "standby", "negative"]
problems = st.builds(
    lambda seed, kind: _module.draw_ranged(seed, kind=kind),
    st.integers(1000, 9999),
    st.sampled_from(KINDS),
)
TOLERANCE_KW = 1e-6


def _in_range(problem, power):
    charging, giving = power > 0, power < 0
    least = np.broadcast_to(problem.min_charge_kw[:, None], power.shape)
    assert (power[charging] >= least[charging] - TOLERANCE_KW).all()
    if problem.min_discharge_kw is None:
        assert not giving.any()
        return
    least = np.broadcast_to(problem.min_discharge_kw[:, None], power.shape)
    assert (-power[giving] >= least[giving] - TOLERANCE_KW).all()


def _smooth(problem):
    return replace(problem, min_charge_kw=None, min_discharge_kw=None)


@given(problems)
def test_plans_hold_ranges_limits_and_their_bound(document):
    problem = read_problem(document)
    plan = solve(problem, time_limit_s=10.0)
    _in_range(problem, plan.power_kw)
    assert plan.hard_violation_kw <= TOLERANCE_KW
    assert plan.lower_bound <= plan.objective
    assert plan.gap <= 1e-5
    relaxed = solve(_smooth(problem), relax_standby=True, time_limit_s=10.0)
    assert plan.objective >= relaxed.lower_bound - 1e-6 * max(1.0, abs(relaxed.lower_bound))


@given(problems)
def test_concentrated_plans_hold_them_too_and_never_beat_the_optimum(document):
    problem = read_problem(document)
    relaxed = solve(_smooth(problem), relax_standby=True, time_limit_s=10.0)
    held = concentrate(problem, relaxed.power_kw)
    _in_range(problem, held.power_kw)
    room = np.maximum(problem.import_kw - _base(problem), 0.0)
    assert (held.net_kw <= room + TOLERANCE_KW).all()
    rounded = solve(problem, integrality="concentrated", time_limit_s=10.0)
    _in_range(problem, rounded.power_kw)
    assert rounded.hard_violation_kw <= TOLERANCE_KW
    optimum = solve(problem, time_limit_s=10.0)
    slack = 1e-6 * max(1.0, abs(optimum.objective))
    assert schedule_cost(problem, held.power_kw) >= optimum.lower_bound - slack
    assert rounded.objective >= optimum.lower_bound - slack
    assert rounded.lower_bound <= optimum.objective + slack


def _base(problem):
    total = problem.base_load_kw.copy()
    for child in range(len(problem.limit_parent) - 1, -1, -1):
        if problem.limit_parent[child] >= 0:
            total[problem.limit_parent[child]] += total[child]
    return total


@given(problems, st.integers(0, 999))
def test_a_spread_schedule_without_tight_limits_keeps_its_energy(document, seed):
    """Half of what a stay could take, at any powers: gathered, it is still there."""
    problem = _roomy(read_problem(document | {"shortfall_price_per_kwh": 100.0}))
    r = np.random.default_rng(seed)
    power = np.zeros((len(problem), problem.steps))
    for i in range(len(problem)):
        at = slice(problem.arrive[i], max(min(problem.depart[i], problem.steps), problem.arrive[i]))
        power[i, at] = r.uniform(0, 0.5, power[i, at].shape) * problem.max_charge_kw[i]
    loss = 0.0 if problem.standby_kw is None else problem.standby_kw / problem.max_charge_kw
    gain = problem.charge_efficiency - loss
    stored = problem.step_h[0] * gain * power.sum(axis=1)
    problem = replace(
        problem, target_kwh=problem.arrival_kwh + stored, max_kwh=problem.arrival_kwh + 1e3
    )
    held = concentrate(problem, power)
    _in_range(problem, held.power_kw)
    assert (held.end_kwh >= problem.target_kwh - 1e-5).all()


def _roomy(problem):
    wide = np.full(problem.import_kw.shape, 1e4)
    return replace(
        problem,
        depart=np.minimum(problem.depart, problem.steps),
        import_kw=wide,
        export_kw=wide,
        demand_charge_per_kw=0.0 * problem.demand_charge_per_kw,
        phase_kw=None,
        taper_from_kwh=None,
        taper_end=None,
    )


@given(st.integers(0, 9999), st.floats(0.0, 120.0))
def test_a_total_is_shared_within_ranges_and_never_exceeded(seed, total):
    r = np.random.default_rng(seed)
    count = int(r.integers(1, 9))
    least = r.choice([0.0, 1.38, 4.14], count)
    most = np.where(r.random(count) < 0.2, 0.0, r.uniform(2.0, 22.0, count))
    merit = r.normal(size=count)
    able = np.where(most >= least, most, 0.0)
    runs = []
    for way in (gather, spread):
        power = way(total, least, most, merit)
        on = power > 0
        assert (power <= able + 1e-9).all()
        assert (power[on] >= least[on] - 1e-9).all()
        assert power.sum() <= total + 1e-9
        if total >= able.sum():
            assert power.sum() == pytest.approx(able.sum())
        runs.append(int(on.sum()))
    if (least == 0.0).all() and (most == most[0]).all():
        assert runs[0] <= runs[1]
