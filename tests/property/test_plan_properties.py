"""What must hold for every plan, whatever the problem."""

from __future__ import annotations

import copy
import importlib.util
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.plan import answer, read_problem, solve
from gridtide.plan._accounts import judge
from gridtide.plan._layout import lay_out

_path = Path(__file__).parents[1] / "reference" / "plan_draws.py"
_spec = importlib.util.spec_from_file_location("plan_draws", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
draw_problem = _module.draw_problem

KINDS = [
    "plain",
    "plug",
    "tree",
    "sun",
    "taper",
    "value",
    "phases",
    "negative",
    "crossed",
    "standby",
]
draw_worn = _module.draw_worn
draw_trips = _module.draw_trips
draw_parts = _module.draw_parts
worn_drives = st.builds(
    lambda seed, kind: _module.draw_worn_trips(seed, kind=kind),
    st.integers(1000, 9999),
    st.sampled_from([kind for kind in KINDS if kind != "standby"]),
)
driven_problems = st.builds(
    lambda seed, kind, draw: draw(seed, kind=kind),
    st.integers(1000, 9999),
    st.sampled_from(KINDS),
    st.sampled_from([draw_trips, draw_parts]),
)
worn_problems = st.builds(
    lambda seed, kind: draw_worn(seed, kind=kind),
    st.integers(1000, 9999),
    st.sampled_from([kind for kind in KINDS if kind != "standby"]),
)
problems = st.builds(
    lambda seed, kind: draw_problem(seed, kind=kind),
    st.integers(1000, 9999),
    st.sampled_from(KINDS),
)


def _spoil(document, seed):
    """Make the problem infeasible: arrivals outside the window, base load above a limit."""
    r, document = np.random.default_rng(seed), copy.deepcopy(document)
    for vehicle in document["vehicles"]:
        vehicle["soc_min"] = float(r.uniform(0.1, 0.4))
        vehicle["soc_max"] = float(r.uniform(0.5, 1.0))
        vehicle["soc_arrival"] = float(r.uniform(0.0, 1.0))
        vehicle.pop("taper_soc", None)
    for limit in document["limits"]:
        limit["import_kw"] = float(r.uniform(0, 10))
    return document


def _check(document, plan, problem):
    assert plan.lower_bound <= plan.objective
    assert plan.hard_violation_kw <= 1e-6
    power = plan.power_kw
    dt = problem.step_h[0]
    for i, vehicle in enumerate(document["vehicles"]):
        a, b = vehicle["arrive_step"], min(vehicle["depart_step"], problem.steps)
        away = np.ones(problem.steps, bool)
        away[a:b] = False
        assert not power[i, away].any()
        if a >= b:
            continue
        c, d = np.maximum(power[i, a:b], 0), np.maximum(-power[i, a:b], 0)
        energy = plan.energy_kwh[i, a : b + 1]
        loss = vehicle.get("standby_kw", 0.0) * (power[i, a:b] != 0)
        step = vehicle["charge_efficiency"] * c - d / vehicle["discharge_efficiency"] - loss
        np.testing.assert_allclose(np.diff(energy), dt * step, atol=1e-9)
        cap, start = vehicle["capacity_kwh"], energy[0]
        assert energy.min() >= min(cap * vehicle["soc_min"], start) - 1e-6
        assert energy.max() <= max(cap * vehicle["soc_max"], start) + 1e-6


@given(problems)
def test_certificate_limits_and_energy_hold(document):
    problem = read_problem(document)
    plan = solve(problem, time_limit_s=10.0)
    _check(document, plan, problem)
    assert plan.gap <= 1e-5
    told = answer(plan, problem)
    assert set(told) >= {"status", "objective", "lower_bound", "gap", "schedule_kw", "slacks"}
    assert (told["status"] == "best_effort") == bool(told["slacks"])


@given(problems, st.integers(0, 999))
def test_there_is_always_a_schedule(document, seed):
    document = _spoil(document, seed)
    problem = read_problem(document)
    plan = solve(problem, time_limit_s=10.0)
    _check(document, plan, problem)
    for i, vehicle in enumerate(document["vehicles"]):
        stays = vehicle["arrive_step"] < min(vehicle["depart_step"], problem.steps)
        below = vehicle["soc_arrival"] < vehicle["soc_min"] - 1e-6
        if stays and below:
            names = {s.name for s in plan.slacks if s.entity == problem.ids[i]}
            assert "soc_below_minimum" in names


@given(problems)
def test_promise_first_never_leaves_more_than_a_price_does(document):
    priced = solve(read_problem(document | {"shortfall_price_per_kwh": 0.1}), time_limit_s=10.0)
    first = read_problem(document | {"shortfall_price_per_kwh": 0.1, "promise": "first"})
    promised = solve(first, time_limit_s=10.0)
    assert promised.shortfall_kwh.max() <= priced.shortfall_kwh.max() + 1e-5
    assert promised.objective >= priced.lower_bound - 1e-5
    assert promised.hard_violation_kw <= 1e-6


@given(problems)
def test_chord_of_standby_keeps_everything_else(document):
    problem = read_problem(document)
    plan = solve(problem, relax_standby=True)
    assert plan.lower_bound <= plan.objective
    assert plan.hard_violation_kw <= 1e-6
    relaxed = problem.standby_kw is not None
    assert any("chord" in note for note in plan.notes) == relaxed


@given(problems, st.sampled_from([0.5, 2.0, 10.0]))
def test_scaling_all_prices_scales_the_cost(document, factor):
    scaled = copy.deepcopy(document)
    for part in [scaled, *scaled["limits"], *scaled["vehicles"]]:
        for key, value in part.items():
            if "price" in key or "value_per" in key or "charge_per_kw" in key:
                part[key] = (np.asarray(value) * factor).tolist()
    if "carbon_kg_per_kwh" in scaled:
        scaled["carbon_kg_per_kwh"] = document["carbon_kg_per_kwh"]
    once = solve(read_problem(document), time_limit_s=10.0)
    again = solve(read_problem(scaled), time_limit_s=10.0)
    assert again.objective == pytest.approx(once.objective * factor, rel=2e-5, abs=2e-5)


@given(worn_problems)
def test_certificate_of_a_worn_plan_holds(document):
    problem = read_problem(document)
    plan = solve(problem, time_limit_s=10.0)
    _check(document, plan, problem)
    assert plan.gap <= 1e-5
    assert plan.wear_cycle.min(initial=0.0) >= 0.0
    if plan.segment_kwh is not None:
        assert plan.segment_kwh.min(initial=0.0) >= 0.0
        stored, segments = plan.energy_kwh, plan.segment_kwh.sum(axis=2)
        at = np.isfinite(stored)
        np.testing.assert_allclose(segments[at], stored[at], atol=1e-6)


@given(worn_problems, st.integers(0, 999))
def test_there_is_always_a_schedule_with_wear(document, seed):
    document = _spoil(document, seed)
    for vehicle in document["vehicles"]:
        vehicle.pop("wear_segment_kwh", None)
    for promise in ("priced", "first"):
        problem = read_problem(document | {"promise": promise})
        _check(document, solve(problem, time_limit_s=10.0), problem)


@given(worn_problems)
def test_dearer_wear_never_costs_less_nor_wears_more(document):
    """Twice the price of depth: the least cost rises, and what wore at the old price falls."""
    problem = read_problem(document)
    if problem.wear_depth_price_per_kwh is None:
        return
    problem = replace(problem, wear_price_per_kwh=0.0 * problem.wear_price_per_kwh)
    twice = replace(problem, wear_depth_price_per_kwh=2.0 * problem.wear_depth_price_per_kwh)
    once, dear = solve(problem, time_limit_s=10.0), solve(twice, time_limit_s=10.0)
    assert dear.objective >= once.lower_bound - 1e-6
    assert dear.wear_cycle.sum() / 2.0 <= once.wear_cycle.sum() + 1e-5


@given(worn_problems, st.floats(1.2, 3.0))
def test_finer_segments_of_a_convex_curve_never_cost_more_to_start_with(document, power):
    """Finer pieces lie below coarser ones: from a fresh start no depth costs more by them."""
    problem = read_problem(document)
    if problem.wear_capacity_kwh is None:
        return
    costs = []
    for count in (1, 2, 4, 8):
        curve = np.linspace(0.0, 1.0, count + 1) ** power
        price = 0.1 * count * np.diff(curve)
        finer = replace(
            problem,
            wear_segment_kwh=None,
            wear_depth_price_per_kwh=np.tile(price, (len(problem), 1)),
        )
        costs.append(solve(finer, time_limit_s=10.0))
    for coarse, fine in pairwise(costs):
        assert fine.lower_bound <= coarse.objective + 1e-6


@given(worn_problems)
def test_a_linear_stand_in_keeps_limits_and_brackets_its_own_cost(document):
    problem = read_problem(document)
    plan = solve(problem, wear="linear", time_limit_s=10.0)
    _check(document, plan, problem)
    assert plan.gap <= 1e-5
    refreshed = problem.wear_depth_price_per_kwh is not None
    assert plan.wear_model.startswith("linear price refreshed") == refreshed


def _through_parts(power_kw, widths, efficiencies, price):
    """Sum a price of the efficiency over the parts that a power fills; the last goes on."""
    left, total = power_kw, 0.0
    for j, efficiency in enumerate(efficiencies):
        here = left if j == len(efficiencies) - 1 else min(left, widths[j])
        total, left = total + here * price(efficiency), left - here
    return total


def _battery_kw(problem, i, p):
    if p >= 0:
        parts = [problem.charge_efficiency[i]] if problem.charge_part_kw is None else None
        widths = [0.0] if parts else problem.charge_part_kw[i]
        return _through_parts(
            p, widths, parts or problem.charge_part_efficiency[i], lambda eta: eta
        )
    parts = [problem.discharge_efficiency[i]] if problem.discharge_part_kw is None else None
    widths = [0.0] if parts else problem.discharge_part_kw[i]
    return -_through_parts(
        -p, widths, parts or problem.discharge_part_efficiency[i], lambda eta: 1 / eta
    )


def _check_stays(plan, problem):
    """Limits, windows and every kWh: within each stay, and from each to the next."""
    assert plan.lower_bound <= plan.objective
    assert plan.hard_violation_kw <= 1e-6
    dt, loss = problem.step_h[0], problem.standby_kw
    left, ceiling = 0.0, 0.0
    for i in range(len(problem)):
        start, unaided, way = problem.arrival_kwh[i], None, 0.0
        if problem.continues is not None and problem.continues[i]:
            way, unaided = plan.en_route_kwh[i], left - problem.driven_kwh[i]
            start = unaided + way
            assert way == pytest.approx(max(problem.min_kwh[i] - unaided, 0.0), abs=1e-9)
            ceiling = max(problem.max_kwh[i], ceiling)
        else:
            ceiling = max(problem.max_kwh[i], start)
        a, b = problem.arrive[i], min(problem.depart[i], problem.steps)
        power = plan.power_kw[i]
        assert not power[:a].any() and not power[b:].any()
        left = start
        if a >= b:
            continue
        change = np.array([_battery_kw(problem, i, p) for p in power[a:b]])
        change -= (0.0 if loss is None else loss[i]) * (power[a:b] != 0)
        energy = plan.energy_kwh[i, a : b + 1]
        np.testing.assert_allclose(energy, start + np.cumsum([0, *(dt * change)]), atol=1e-8)
        assert energy.min() >= min(problem.min_kwh[i], start) - 1e-6
        assert energy.max() <= ceiling + 1e-6
        left = energy[-1]


@given(driven_problems)
def test_energy_is_kept_from_stay_to_stay(document):
    problem = read_problem(document)
    plan = solve(problem, time_limit_s=10.0)
    _check_stays(plan, problem)
    assert plan.gap <= 1e-5
    told = answer(plan, problem)
    assert list(told["schedule_kw"]) == [v["id"] for v in document["vehicles"]]
    total = 0.0 if plan.en_route_kwh is None else plan.en_route_kwh.sum()
    assert sum(told["en_route_kwh"].values()) == pytest.approx(total)
    assert (told["status"] == "best_effort") == bool(told["slacks"])


@given(driven_problems, st.integers(0, 999), st.sampled_from(["priced", "first"]))
def test_there_is_always_a_schedule_between_drives(document, seed, promise):
    problem = read_problem(_spoil(document, seed) | {"promise": promise})
    _check_stays(solve(problem, time_limit_s=10.0), problem)


@given(driven_problems)
def test_idling_is_never_cheaper_and_always_allowed(document):
    layout = lay_out(read_problem(document))
    idle = judge(layout, np.zeros((len(layout.problem), layout.problem.steps)))
    assert idle.violation_kw == 0.0
    plan = solve(layout.problem, time_limit_s=10.0)
    assert plan.lower_bound <= idle.objective + 1e-6


@given(driven_problems)
def test_nothing_is_charged_on_the_way_where_the_first_arrival_holds_it_all(document):
    for vehicle in document["vehicles"]:
        room = (vehicle["soc_arrival"] - vehicle["soc_min"]) * vehicle["capacity_kwh"]
        vehicle["max_discharge_kw"] = 0.0
        for trip in vehicle["trips"]:
            trip["driven_kwh"] = 0.999 * room / len(vehicle["trips"])
            trip.pop("max_discharge_kw", None)
    plan = solve(read_problem(document), time_limit_s=10.0)
    assert plan.en_route_kwh is None or not plan.en_route_kwh.any()
    assert all(slack.name != "drive" for slack in plan.slacks)


@given(driven_problems)
def test_the_promise_counts_what_is_charged_on_the_way(document):
    document["shortfall_price_per_kwh"] = 0.1

    def largest(plan):
        way = 0.0 if plan.en_route_kwh is None else plan.en_route_kwh.max()
        return max(way, plan.shortfall_kwh.max())

    priced = solve(read_problem(document), time_limit_s=10.0)
    first = solve(read_problem(document | {"promise": "first"}), time_limit_s=10.0)
    assert largest(first) <= largest(priced) + 1e-5
    assert first.hard_violation_kw <= 1e-6


@given(worn_drives, st.sampled_from(["segments", "linear"]))
def test_wear_by_depth_follows_the_battery_through_its_drives(document, wear):
    problem = read_problem(document)
    plan = solve(problem, wear=wear, time_limit_s=10.0)
    _check_stays(plan, problem)
    assert plan.gap <= 1e-5
    assert plan.wear_cycle.min(initial=0.0) >= 0.0
    if plan.segment_kwh is not None:
        at = np.isfinite(plan.energy_kwh)
        held = plan.segment_kwh.sum(axis=2)[at]
        np.testing.assert_allclose(held, plan.energy_kwh[at], atol=1e-6)
