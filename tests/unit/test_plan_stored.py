"""Energy that vehicles hold together below a limit, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gridtide.plan import answer, measure, read_problem, solve

VAN = {
    "capacity_kwh": 50,
    "soc_arrival": 0.3,
    "soc_target": 0.5,
    "arrive_step": 0,
    "depart_step": 3,
    "max_charge_kw": 10,
    "max_discharge_kw": 0,
}


def _depot(**wish):
    return read_problem(
        {
            "version": 1,
            "start": "2026-06-01T17:00:00Z",
            "step_minutes": 60,
            "steps": 3,
            "price_import_per_kwh": [0.30, 0.10, 0.10],
            "price_export_per_kwh": 0.05,
            "shortfall_price_per_kwh": 10.0,
            "limits": [
                {"name": "depot", "import_kw": 100, "members": ["north", "south"]} | wish,
                {"name": "site", "import_kw": 100, "members": ["depot"]},
            ],
            "vehicles": [VAN | {"id": name} for name in ("north", "south")],
        }
    )


@pytest.mark.parametrize("solver", ["highs", "price"])
@pytest.mark.parametrize(
    ("wish", "cost", "held", "slack"),
    [
        # 20 kWh at 0.10, nothing in the dear hour.
        ({}, 2.0, 0.0, None),
        # 10 kWh in the dear hour, 10 later.
        ({"stored_least_kwh": [40, 0, 0]}, 4.0, 40.0, None),
        # Two chargers bring 20 kWh: 10 of 60 are missing, for 1.0 each.
        ({"stored_least_kwh": [60, 0, 0]}, 16.0, 50.0, ("stored_below_least", 10.0)),
        # 30 kWh are there on arrival, and vans cannot give: 5 too many for an hour.
        ({"stored_most_kwh": [25, 90, 90]}, 7.0, 30.0, ("stored_above_most", 5.0)),
        # Held back until the last hour, and the promise is kept.
        ({"stored_most_kwh": [90, 30, 90]}, 2.0, 30.0, None),
    ],
)
def test_wishes_cost_what_the_pencil_says(wish, cost, held, slack, solver):
    problem = _depot(**wish)
    plan = solve(problem, solver=solver)
    assert plan.objective == pytest.approx(cost, abs=1e-6)
    assert plan.lower_bound == pytest.approx(cost, abs=1e-3)
    if wish:
        assert problem.limit_names == ("site", "depot")
        assert plan.stored_kwh[1, 0] == pytest.approx(held, abs=1e-3)
        assert not plan.stored_kwh[0].any()
    named = [(s.name, s.entity, pytest.approx(s.amount, abs=1e-6)) for s in plan.slacks]
    assert named == ([] if slack is None else [(slack[0], "depot", slack[1])])
    assert plan.status == ("best_effort" if slack else plan.status)


@pytest.mark.parametrize("solver", ["highs", "price"])
def test_the_promise_outranks_what_is_held_together(solver):
    """Room for tomorrow's sun would leave both vans empty: they leave with what they need."""
    problem = replace(_depot(stored_most_kwh=0), promise="first", stored_price_per_kwh_h=100.0)
    assert not solve(problem, solver=solver).shortfall_kwh.any()


def test_what_is_told_as_cost_is_without_the_wish():
    problem = _depot(stored_least_kwh=[60, 0, 0])
    plan = solve(problem)
    assert measure(problem, plan)["cost"] == pytest.approx(6.0)
    told = answer(plan, problem)
    assert told["objective"] == pytest.approx(16.0)
    assert told["stored_kwh"] == {"depot": pytest.approx([50.0, 50.0, 50.0])}


def test_a_series_of_a_single_number_holds_for_every_step():
    problem = _depot(stored_least_kwh=20.0)
    assert problem.stored_least_kwh.tolist() == [[-float("inf")] * 3, [20.0] * 3]
    assert problem.stored_most_kwh is None
