"""Energy that vehicles hold together below limits: priced against the reference, and verified."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gridtide.plan import read_plan, solve, verify_plan, write_plan
from gridtide.plan.price import clusters, groups

_path = Path(__file__).parents[1] / "reference" / "price_draws.py"
_spec = importlib.util.spec_from_file_location("price_draws", _path)
draws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draws)

KINDS = ("several meters", "plug", "phases", "export", "overload", "demand")
FEATURES = ("taper", "holding", "end value", "bands", "carbon", "uneven steps", "floor")
WANTED = 1e-3
HONEST = 5e-3
"""Gap that 20 to 60 vehicles may leave where neither time nor linear problems of groups help."""


def _draw(seed, *more):
    r = np.random.default_rng([seed, 4])
    kinds = [kind for kind in KINDS if r.random() < 0.3]
    features = [name for name in FEATURES if r.random() < 0.2]
    count = int(r.integers(20, 61))
    problem = draws.draw_tree(seed, count=count, features=(*features, *more), kinds=kinds)
    free = solve(problem, solver="highs", time_limit_s=20.0)
    return draws.add_stored(problem, seed, free.energy_kwh), free


def _stored_cost(problem, plan):
    held = draws.held_together(problem, np.nan_to_num(plan.energy_kwh))
    away = np.maximum(problem.stored_least_kwh - held, 0.0)
    away += np.maximum(held - problem.stored_most_kwh, 0.0)
    return problem.stored_price_per_kwh_h * float((away @ problem.step_h).sum()), away


def _near(plan):
    return 2e-6 * max(1.0, abs(plan.objective))


@pytest.mark.parametrize("seed", range(16))
def test_the_reference_pays_for_what_is_missing_and_no_more(seed):
    problem, free = _draw(seed, *(["trips"] if seed % 4 == 0 else []))
    plan = solve(problem, solver="highs", time_limit_s=20.0)
    extra, away = _stored_cost(problem, plan)
    none = dict.fromkeys(("stored_least_kwh", "stored_most_kwh"))
    alone = solve(draws.replace(problem, **none), solver="highs", time_limit_s=20.0)
    # Without the bounds nothing is cheaper, and with them the plan without is no better.
    assert plan.objective >= alone.lower_bound - _near(plan)
    assert plan.objective - _near(plan) <= free.objective + _stored_cost(problem, free)[0]
    assert plan.objective - extra >= alone.lower_bound - _near(plan)
    named = {(s.entity, s.name): 0.0 for s in plan.slacks if s.name.startswith("stored_")}
    for slack in plan.slacks:
        if slack.name.startswith("stored_"):
            named[slack.entity, slack.name] += slack.amount
    short = {problem.limit_names[j] for j in np.flatnonzero((away > 1e-6).any(axis=1))}
    assert {entity for entity, _ in named} == short


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(100, 116))
def test_prices_bracket_the_reference_and_prove_it(seed, exactly, monkeypatch, tmp_path):
    """With groups that linear problems price, and with sweeps alone in groups of eight."""
    if not exactly:
        monkeypatch.setattr(groups, "GROUP", 8)
        monkeypatch.setattr(clusters, "MOST", 0)
    problem, _ = _draw(seed)
    best = solve(problem, solver="highs", time_limit_s=20.0)
    plan = solve(problem, solver="price", gap=WANTED, time_limit_s=60.0 if exactly else 2.0)
    assert plan.lower_bound <= best.objective + _near(best)
    assert plan.objective >= best.lower_bound - _near(best)
    assert plan.hard_violation_kw <= 1e-6
    assert plan.gap <= (WANTED if exactly else HONEST)
    for made in (best, plan):
        path = write_plan(tmp_path / "plan.parquet", made, problem)
        verdict = verify_plan(read_plan(path), problem)
        assert verdict.verified, [c.said for c in verdict.checks if c.passed is False]
        assert verdict.cost == pytest.approx(made.objective, rel=1e-9, abs=1e-9)
        if made.bound_by == "duality":
            assert verdict.lower_bound >= made.lower_bound - 1e-9 * max(1.0, abs(made.objective))


@pytest.mark.parametrize("seed", [200, 201, 202])
def test_whatever_the_prices_say_they_prove_nothing_that_is_not_so(seed, tmp_path):
    """Prices on limits that bound nothing, and beyond all measure, give a bound all the same."""
    problem, _ = _draw(seed)
    best = solve(problem, solver="highs", time_limit_s=20.0)
    r = np.random.default_rng(seed)
    for size in (0.1, 1.0, 10.0):
        proof = best.certificate
        price = proof.stored_price + size * r.normal(size=proof.stored_price.shape)
        told = draws.replace(best, certificate=draws.replace(proof, stored_price=price))
        path = write_plan(tmp_path / "plan.json", told, problem)
        assert verify_plan(read_plan(path), problem).lower_bound <= best.objective + _near(best)
