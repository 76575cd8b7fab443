"""What must hold for every objective, whatever the problem."""

from __future__ import annotations

import importlib.util
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.plan import (
    OBJECTIVES,
    measure,
    read_plan,
    read_problem,
    solve,
    trace_front,
    verify_plan,
    weigh,
    write_plan,
)

_path = Path(__file__).parents[1] / "reference" / "plan_draws.py"
_spec = importlib.util.spec_from_file_location("plan_draws", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

CONVEX = ["plain", "tree", "sun", "taper", "value", "phases"]
SQUARES = ["variance", "valley", "losses"]


def drawn(seed, kind):
    """A problem that has what every objective needs."""
    document = _module.draw_problem(seed, kind=kind)
    r = np.random.default_rng(seed)
    document["carbon_kg_per_kwh"] = r.uniform(0.1, 0.6, document["steps"]).tolist()
    for limit in document["limits"]:
        limit["line_loss_per_kw"] = float(r.uniform(0, 0.01))
    document["limits"][0]["line_loss_per_kw"] = 0.002
    return read_problem(document)


problems = st.builds(drawn, st.integers(1000, 9999), st.sampled_from(CONVEX))


def planned(problem, weights):
    weighed = weigh(problem, weights)
    plan = solve(weighed)
    return plan, measure(weighed, plan)


def least(name, values):
    """The value so that less is better; 0 where there is nothing to measure."""
    value = 0.0 if values[name] is None else values[name]
    return -value if OBJECTIVES[name].more_is_better else value


@given(problems, st.sampled_from([name for name in OBJECTIVES if name != "profit"]))
def test_a_heavier_weight_never_worsens_its_own_objective(problem, name):
    light, heavy = ({"cost": 1.0, name: w} if name != "cost" else
                    {"carbon": 1.0, name: w} for w in (0.05, 0.5))  # fmt: skip
    (plan, before), (other, after) = planned(problem, light), planned(problem, heavy)
    # Two optima of weights w < v differ in the objective by at most their gaps / (v - w).
    gaps = sum(p.objective - p.lower_bound for p in (plan, other))
    if name == "self_consumption":
        assert least(name, after) <= least(name, before) + 1e-4
    else:
        assert least(name, after) <= least(name, before) + gaps / 0.45 + 1e-6


@given(problems, st.sampled_from(SQUARES), st.floats(0.0, 2.0))
def test_the_plan_costs_what_its_measures_and_weights_say(problem, square, cost):
    weights = {"cost": cost, "carbon": 0.3, "peak": 0.2, "fairness": 1.5, square: 0.05}
    plan, values = planned(problem, weights)
    said = sum(weight * values[name] for name, weight in weights.items())
    said += problem.shortfall_price_per_kwh * plan.shortfall_kwh.sum()
    assert plan.objective == pytest.approx(said, rel=1e-9, abs=1e-9)
    assert plan.lower_bound <= plan.objective
    assert plan.gap <= 1e-6


@settings(max_examples=25)
@given(problems.filter(lambda p: p.taper_from_kwh is None), st.sampled_from(SQUARES))
def test_the_verifier_finds_cost_and_bound_of_a_weighted_plan(problem, square):
    weights = {"cost": 1.0, "carbon": 0.3, "fairness": 1.5, square: 0.05}
    weighed = weigh(problem, weights)
    with tempfile.TemporaryDirectory() as folder:
        path = write_plan(Path(folder) / "plan.json", solve(weighed), weighed)
        verdict = verify_plan(read_plan(path), weighed)
    assert [check for check in verdict.checks if not check.passed] == []
    assert verdict.verified and verdict.gap <= 1e-6


@given(problems)
def test_shared_shortage_costs_no_less_in_all_and_is_shared_no_worse(problem):
    _, one = planned(problem, {"cost": 1.0})
    _, shared = planned(problem, {"cost": 1.0, "fairness": 100.0})
    assert shared["fairness"] <= one["fairness"] + 1e-6


@settings(max_examples=12)
@given(problems, st.sampled_from(["carbon", "peak", "variance"]))
def test_a_front_falls_is_convex_and_nothing_on_it_is_dominated(problem, against):
    front = trace_front(problem, "cost", against, points=6)
    at = np.array([[p.value("cost"), p.value(against)] for p in front.points])
    assert 1 <= len(at) <= 6
    for (x0, y0), (x1, y1) in pairwise(at):
        assert x1 > x0 and y1 < y0
    slopes = np.diff(at[:, 1]) / np.diff(at[:, 0])
    span = np.ptp(at, axis=0) if len(at) > 1 else np.ones(2)
    assert np.all(np.diff(slopes) >= -2e-2 * span[1] / span[0])
    # Every plan's line leaves every point on its better side.
    a, b, c = front.supports.T
    assert np.all(np.outer(a, at[:, 0]) + np.outer(b, at[:, 1]) >= c[:, None] - 1e-5 * span[0])
