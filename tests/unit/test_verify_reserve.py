"""What ``plan verify`` knows of reserve, and what it does not let pass."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gridtide.plan import Reserve, read_plan, solve, verify_plan, write_plan
from gridtide.study.benchmarks.reserve import behind_a_site, draw

BLOCKS = (
    Reserve(
        name="up", direction="up", from_step=8, to_step=12, price_per_kw_h=0.05, duration_h=1.0,
        activation_share=0.05,
    ),
    Reserve(
        name="down", direction="down", from_step=16, to_step=20, price_per_kw_h=0.05,
        duration_h=1.0, committed_kw=1e3, penalty_per_kw_h=0.2,
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def problem():
    return replace(behind_a_site(draw(30, seed=2)), reserves=BLOCKS)


@pytest.fixture(scope="module")
def plan(problem):
    return solve(problem, solver="price", time_limit_s=5.0)


@pytest.fixture
def document(problem, plan, tmp_path):
    return json.loads(write_plan(tmp_path / "plan.json", plan, problem).read_text())


def failed(document, problem, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document))
    checks = verify_plan(read_plan(path), problem).checks
    return {check.name for check in checks if check.passed is False}


@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_offers_are_verified_and_the_bound_is_not_said_to_be(suffix, problem, plan, tmp_path):
    up, down = plan.reserves
    assert up.offered_kw > 10.0 and up.activation_cost > 0.0 and down.penalty > 0.0
    verdict = verify_plan(read_plan(write_plan(tmp_path / f"p{suffix}", plan, problem)), problem)
    assert verdict.verified
    assert verdict.cost == pytest.approx(plan.objective, rel=1e-9)
    assert {check.name for check in verdict.checks if check.passed is None} == {"bound"}
    # What is proven here holds for any plan that sells as much as chargers could ever give.
    assert verdict.lower_bound <= plan.lower_bound


def test_an_offer_raised_fails(document, problem, tmp_path):
    document["head"]["claims"]["offers"][0]["offered_kw"] *= 1.01
    assert {"reserve offered", "reserve money"} <= failed(document, problem, tmp_path)


def test_revenue_changed_fails(document, problem, tmp_path):
    document["head"]["claims"]["offers"][0]["revenue"] += 0.01
    document["head"]["claims"]["objective"] -= 0.01
    assert {"reserve money", "cost"} <= failed(document, problem, tmp_path)


@pytest.mark.parametrize("kind", ["activation_cost", "penalty"])
def test_costs_left_out_fail(kind, document, problem, tmp_path):
    for offer in document["head"]["claims"]["offers"]:
        offer[kind] = 0.0
    assert "reserve money" in failed(document, problem, tmp_path)


def test_a_share_raised_fails(document, problem, tmp_path):
    document["shares"]["kw"][0] += 0.01
    assert "reserve offered" in failed(document, problem, tmp_path)


def _moved(document, problem, to):
    """Give all shares of one step of the first block to one stay."""
    shares = document["shares"]
    rows = list(zip(*(shares[name] for name in ("stay", "block", "step", "kw")), strict=True))
    mine = [row for row in rows if row[1:3] == (0, 8)]
    rows = [row for row in rows if row[1:3] != (0, 8)]
    rows.append((to, 0, 8, sum(row[3] for row in mine)))
    for k, name in enumerate(("stay", "block", "step", "kw")):
        shares[name] = [row[k] for row in sorted(rows)]


def test_shares_beyond_a_vehicle_fail(document, problem, tmp_path):
    _moved(document, problem, int(np.argmax(problem.max_discharge_kw)))
    assert {"reserve power", "reserve energy"} & failed(document, problem, tmp_path)


def test_a_share_of_who_is_not_there_fails(document, problem, tmp_path):
    late = int(np.argmax(problem.arrive))
    assert problem.arrive[late] > 0
    shares = document["shares"]
    shares["stay"], shares["block"] = [late, *[late] * 0], [0]
    shares["step"], shares["kw"] = [8], [document["head"]["claims"]["offers"][0]["offered_kw"]]
    problem_later = replace(problem, arrive=np.where(np.arange(30) == late, 9, problem.arrive))
    plan = solve(problem_later, solver="price", time_limit_s=5.0)
    path = write_plan(tmp_path / "later.json", plan, problem_later)
    other = json.loads(path.read_text())
    other["shares"] = shares
    assert "reserve presence" in failed(other, problem_later, tmp_path)


def test_shares_that_no_limit_carries_fail(document, problem, plan, tmp_path):
    room = float((problem.export_kw + plan.net_kw)[0, 8:12].max())
    offer = document["head"]["claims"]["offers"][0]
    assert offer["offered_kw"] <= room + 1e-5
    more, shares = (room + 1.0) / offer["offered_kw"], document["shares"]
    for k, block in enumerate(shares["block"]):
        shares["kw"][k] *= more if block == 0 else 1.0
    offer["offered_kw"] *= more
    wrong = failed(document, problem, tmp_path)
    assert "reserve below limits" in wrong and "reserve offered" not in wrong


@pytest.mark.parametrize(
    ("change", "value"), [("name", "other"), ("block", 7), ("stay", 30), ("kw", -1.0)]
)
def test_offers_and_shares_of_what_there_is_not_fail(change, value, document, problem, tmp_path):
    if change == "name":
        document["head"]["claims"]["offers"][0]["name"] = value
    else:
        document["shares"][change][-1] = value
    assert failed(document, problem, tmp_path) == {"offers"}


def test_offers_left_out_fail(document, problem, tmp_path):
    document["head"]["claims"]["offers"] = []
    assert failed(document, problem, tmp_path) == {"offers"}
