"""The price of wear by hand: what depth costs, what holding costs, what the answer says."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from gridtide.core import InputError
from gridtide.plan import (
    Problem,
    answer,
    fresh_segments,
    open_cycle_segments,
    planned_cycle_cost,
    read_problem,
    refresh_linear,
    roll_segments,
    solve,
)

PACK = 7200.0
ETA = 0.9


def phi(depth):
    """Life of a full cycle, LMO, doi:10.1109/TPWRS.2017.2733339."""
    return 5.24e-4 * np.asarray(depth) ** 2.03


def depth_prices(segments, capacity=60.0, eta=ETA):
    edges = np.linspace(0, 1, segments + 1)
    return PACK / (eta * capacity) * segments * np.diff(phi(edges))


def one_car(price, *, segments=8, soc=1.0, target=0.0, power=60.0, **changes):
    """A 60 kWh car billed at its plug, export paid as import."""
    price = np.atleast_2d(np.asarray(price, float))
    steps = price.shape[1]
    none = np.zeros((0, steps))
    problem = Problem(
        ids=("car",),
        step_h=np.ones(steps),
        arrive=np.zeros(1, dtype=np.int64),
        depart=np.array([steps]),
        arrival_kwh=np.array([60.0 * soc]),
        target_kwh=np.array([60.0 * target]),
        min_kwh=np.zeros(1),
        max_kwh=np.array([60.0]),
        max_charge_kw=np.array([power]),
        max_discharge_kw=np.array([power]),
        charge_efficiency=np.array([ETA]),
        discharge_efficiency=np.array([ETA]),
        wear_price_per_kwh=np.zeros(1),
        limit=np.array([-1]),
        limit_names=(),
        limit_parent=np.zeros(0, dtype=np.int64),
        import_kw=none,
        export_kw=none,
        base_load_kw=none,
        demand_charge_per_kw=np.zeros(0),
        meters=np.zeros(0, dtype=np.int64),
        price_import_per_kwh=price,
        price_export_per_kwh=price,
        shortfall_price_per_kwh=100.0,
        wear_depth_price_per_kwh=depth_prices(segments)[None] if segments else None,
        wear_capacity_kwh=np.array([60.0]),
    )
    return replace(problem, **changes)


@pytest.mark.parametrize("segments", [1, 2, 8, 16])
def test_emptying_all_segments_costs_a_full_cycle(segments):
    plan = solve(one_car([5.0], segments=segments))
    assert plan.power_kw[0, 0] == pytest.approx(-60 * ETA)
    assert plan.wear_cycle.sum() == pytest.approx(PACK * phi(1.0))
    assert plan.objective == pytest.approx(PACK * phi(1.0) - 5.0 * 60 * ETA)
    assert plan.lower_bound == pytest.approx(plan.objective, rel=1e-9)


def test_a_discharge_of_30_percent_from_a_fresh_start():
    """18 kWh out of 60 in eight segments of 7.5: two whole ones and 3 kWh of the third."""
    plan = solve(one_car([5.0], soc=0.8, target=0.5))
    whole = PACK * phi(2 / 8)
    part = PACK * (phi(3 / 8) - phi(2 / 8)) * 3 / 7.5
    assert plan.wear_cycle.sum() == pytest.approx(whole + part)
    # 48 kWh fill six segments and 3 kWh of the seventh; what is left sits deepest.
    assert plan.segment_kwh[0, 0] == pytest.approx([7.5] * 6 + [3.0, 0.0])
    assert plan.segment_kwh[0, -1] == pytest.approx([0.0, 0.0, 4.5, 7.5, 7.5, 7.5, 3.0, 0.0])


def test_an_open_half_cycle_makes_the_next_discharge_deeper():
    fresh = one_car([5.0], soc=0.5, target=0.4)
    open_kwh = open_cycle_segments(np.array([30.0]), np.array([60.0]), 8, np.array([0.25]))
    assert open_kwh[0] == pytest.approx([0, 0, 7.5, 7.5, 7.5, 7.5, 0, 0])
    going_on = solve(replace(fresh, wear_segment_kwh=open_kwh))
    expected = PACK * (phi(3 / 8) - phi(2 / 8)) * 6 / 7.5
    assert going_on.wear_cycle.sum() == pytest.approx(expected)
    assert going_on.wear_cycle.sum() > 2 * solve(fresh).wear_cycle.sum()


def test_segments_carried_over_go_on_where_the_first_plan_ended():
    price = [0.9, 0.1, 0.9, 0.1, 0.9, 0.1]
    whole = solve(one_car(price, soc=0.6, target=0.6, power=12.0))
    first = one_car(price, soc=0.6, target=0.6, power=12.0)
    rolled = roll_segments(
        fresh_segments(first.arrival_kwh, first.wear_capacity_kwh, 8),
        whole.energy_kwh,
        first.wear_capacity_kwh,
    )
    np.testing.assert_allclose(rolled, whole.segment_kwh)
    np.testing.assert_allclose(rolled.sum(axis=2), whole.energy_kwh, atol=1e-9)
    rest = one_car(
        price[2:],
        soc=whole.energy_kwh[0, 2] / 60,
        target=0.6,
        power=12.0,
        wear_segment_kwh=whole.segment_kwh[:, 2],
    )
    assert solve(rest).wear_cycle.sum() == pytest.approx(whole.wear_cycle[0, 2:].sum(), rel=1e-6)


def test_two_shallow_cycles_are_cheaper_than_a_deep_one():
    """The same energy given: once in one go, once with a refill between."""
    prices = one_car([0.0, 0.0])
    deep = roll_cost(prices, [60, 40, 20])
    shallow = roll_cost(prices, [60, 40, 60, 40])
    assert deep == pytest.approx(PACK * phi_line(40 / 60))
    assert shallow == pytest.approx(2 * PACK * phi_line(20 / 60))
    assert shallow < deep


def phi_line(depth):
    edges = np.linspace(0, 1, 9)
    return np.interp(depth, edges, phi(edges))


def roll_cost(problem, energies):
    """Cost by what leaves each segment along given energies."""
    profile = np.array([energies], float)
    rolled = roll_segments(
        fresh_segments(profile[:, 0], problem.wear_capacity_kwh, 8),
        profile,
        problem.wear_capacity_kwh,
    )
    left = np.maximum(-np.diff(rolled, axis=1), 0.0)
    return float((left * problem.wear_depth_price_per_kwh[:, None] * ETA).sum())


def test_standby_loss_while_discharging_wears_too():
    plan = solve(one_car([5.0], soc=0.8, target=0.5, standby_kw=np.array([1.0])))
    # Of the 18 kWh out of the cells one is lost on the way.
    assert plan.power_kw[0, 0] == pytest.approx(-17 * ETA)
    part = PACK * (phi(3 / 8) - phi(2 / 8)) * 3 / 7.5
    assert plan.wear_cycle.sum() == pytest.approx(PACK * phi(2 / 8) + part)


def test_holding_is_priced_at_the_end_of_each_step_and_makes_it_charge_late():
    bands = {
        "holding_edges_kwh": np.array([[0.0, 30.0, 60.0]]),
        "holding_price_per_kwh_h": np.array([[0.001, 0.004]]),
        "holding_base_per_h": np.array([0.02]),
    }
    plan = solve(
        one_car([0.1] * 3, segments=0, soc=0.4, target=0.7, power=20.0, wear_model="test", **bands)
    )
    # 18 kWh at 18 kW into the battery: all in the last hour.
    assert plan.energy_kwh[0] == pytest.approx([24.0, 24.0, 24.0, 42.0])
    held = 0.02 + 0.024, 0.02 + 0.024, 0.02 + 0.03 + 12 * 0.004
    assert plan.wear_holding[0] == pytest.approx(held)
    assert plan.objective == pytest.approx(0.1 * 20 + sum(held))
    assert plan.wear_model == "holding price: test"


def test_a_negative_holding_price_makes_it_charge_early():
    bands = {
        "holding_edges_kwh": np.array([[10.0, 40.0, 50.0]]),
        "holding_price_per_kwh_h": np.repeat(np.array([[[-0.002, -0.001]]]), 3, axis=1),
    }
    plan = solve(one_car([0.1] * 3, segments=0, soc=0.4, target=0.7, power=20.0, **bands))
    assert plan.energy_kwh[0] == pytest.approx([24.0, 42.0, 42.0, 42.0])
    assert plan.wear_holding[0] == pytest.approx([-0.06 - 0.002] * 3)


def test_bands_go_on_beyond_their_edges():
    narrow = {
        "holding_edges_kwh": np.array([[20.0, 30.0, 40.0]]),
        "holding_price_per_kwh_h": np.array([[0.001, 0.004]]),
    }
    wide = narrow | {
        "holding_edges_kwh": np.array([[0.0, 30.0, 60.0]]),
        "holding_base_per_h": np.array([-0.02]),
    }
    price = [0.3, 0.1, 0.4, 0.05]
    a, b = (solve(one_car(price, soc=0.3, target=0.9, power=25.0, **x)) for x in (narrow, wide))
    assert a.objective == pytest.approx(b.objective, rel=1e-9)


def test_the_certificate_says_which_wear_it_is_for():
    bands = {
        "holding_edges_kwh": np.array([[0.0, 60.0]]),
        "holding_price_per_kwh_h": np.array([[0.001]]),
    }
    told = [
        solve(one_car([0.1], wear_model="lmo", **bands)).wear_model,
        solve(one_car([0.1], segments=0, wear_price_per_kwh=np.array([0.03]))).wear_model,
        solve(one_car([0.1], segments=0)).wear_model,
        solve(one_car([0.1], wear_model="lmo"), wear="linear").wear_model,
    ]
    assert told == [
        "depth segments (8) and holding price: lmo",
        "linear price per discharged kWh",
        "none: wear has no price",
        "linear price refreshed from rainflow: lmo",
    ]


def test_the_cycles_of_a_plan_are_counted_less_their_net_change():
    """Up 20, down 30, up 10 of 60 kWh: half cycles of 20, 30 and 10, no net change."""
    profile = np.array([[30.0, 50.0, 20.0, 30.0], [30.0, 40.0, np.nan, np.nan]])
    problem = one_car([0.1] * 3)
    two = replace(problem, ids=("a", "b"), wear_capacity_kwh=np.array([60.0, 60.0]))
    cost = planned_cycle_cost(two, profile, lambda _, depth: PACK * phi(depth))
    by_hand = 0.5 * PACK * (phi(20 / 60) + phi(30 / 60) + phi(10 / 60))
    assert cost == pytest.approx([by_hand, 0.0])


def test_refreshing_keeps_the_best_after_the_count():
    price = [0.10, 0.17, 0.10, 0.19] * 2
    problem = one_car(price, soc=0.5, target=0.5, power=11.0)
    seen = []

    def once(asked):
        plan = solve(asked)
        cycles = planned_cycle_cost(
            problem, plan.energy_kwh, lambda _, depth: PACK * phi_line(depth)
        )
        seen.append(plan.objective - plan.wear_cycle.sum() + cycles.sum())
        assert asked.wear_depth_price_per_kwh is None
        return plan

    plan = refresh_linear(problem, None, once, rounds=5)
    assert len(seen) == 5
    told = float(plan.notes[-1].rsplit(" ", 1)[1])
    assert told == pytest.approx(min(seen), rel=1e-5)
    assert min(seen) < seen[0]
    exact = solve(problem)
    counted = exact.objective - exact.wear_cycle.sum()
    counted += planned_cycle_cost(
        problem, exact.energy_kwh, lambda _, depth: PACK * phi_line(depth)
    ).sum()
    assert counted <= told + 1e-6


def test_the_time_limit_leaves_a_schedule_and_a_bound():
    r = np.random.default_rng(3)
    price = r.uniform(0.0, 0.6, 96)
    plan = solve(one_car(price, segments=16, soc=0.5, target=0.6, power=11.0), time_limit_s=1e-9)
    assert plan.lower_bound < plan.objective
    assert plan.status == "optimal_with_gap"
    assert "time given" in plan.notes[0]
    assert plan.hard_violation_kw <= 1e-9


VAN = {
    "version": 1, "start": "2026-06-01T00:00:00Z", "step_minutes": 60, "steps": 4,
    "price_import_per_kwh": 0.1, "price_export_per_kwh": 0.1, "shortfall_price_per_kwh": 10,
    "wear_model": "by hand",
    "vehicles": [{"id": "van", "capacity_kwh": 40, "soc_arrival": 0.5, "soc_target": 0.5,
                  "arrive_step": 0, "depart_step": 4, "max_charge_kw": 10,
                  "max_discharge_kw": 10, "wear_depth_price_per_kwh": [0.01, 0.03, 0.05, 0.07],
                  "wear_segment_kwh": [0, 10, 10, 0],
                  "holding": {"edges_kwh": [0, 20, 40], "price_per_kwh_h": [0.001, 0.002],
                              "base_per_h": [0.01, 0.02, 0.03, 0.04]}}],
}  # fmt: skip


def van(**changes):
    document = copy.deepcopy(VAN)
    for key, value in changes.items():
        at = document["vehicles"][0]
        *way, last = key.split("__")
        for name in way:
            at = at[name]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return document


def test_a_document_with_wear_is_read():
    problem = read_problem(VAN)
    told = answer(solve(problem), problem)
    assert told["wear_model"] == "depth segments (4) and holding price: by hand"
    assert told["wear_holding"]["van"] == pytest.approx(4 * 0.02 + 0.1)
    assert told["wear_cycle"] == {"van": 0.0}
    assert problem.wear_segment_kwh.tolist() == [[0, 10, 10, 0]]


def test_vehicles_without_prices_stand_beside_those_with():
    document = van()
    plain = {k: v for k, v in VAN["vehicles"][0].items() if not k.startswith(("wear", "hold"))}
    other = {"edges_kwh": [0, 40], "price_per_kwh_h": [0.003]}
    third = plain | {"id": "third", "holding": other, "max_discharge_kw": 0}
    document["vehicles"] += [plain | {"id": "second"}, third]
    problem = read_problem(document)
    told = answer(solve(problem), problem)
    assert told["wear_holding"]["second"] == 0.0
    assert told["wear_holding"]["third"] == pytest.approx(0.003 * 4 * 20, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"wear_depth_price_per_kwh": [0.03, 0.01, 0.05, 0.07]}, "falls with depth"),
        ({"wear_depth_price_per_kwh": [-0.03, 0.01, 0.05, 0.07]}, "negative"),
        ({"wear_depth_price_per_kwh": []}, "no segment"),
        ({"wear_depth_price_per_kwh": [0.03, 0.04]}, "4 energies for 2 segments"),
        ({"wear_depth_price_per_kwh": None}, "without a price by segment"),
        ({"wear_segment_kwh": [0, 10, 5, 0]}, "together 15 kWh"),
        ({"wear_segment_kwh": [0, 15, 5, 0]}, "more than its part"),
        ({"wear_segment_kwh": [-1, 10, 10, 1]}, "less than nothing"),
        ({"capacity_kwh": -40}, "-40"),
        ({"holding__edges_kwh": [0, 20, 20]}, "do not rise"),
        ({"holding__edges_kwh": [0, 40]}, "2 prices for 2 edges"),
        ({"holding__price_per_kwh_h": [0.002, 0.001]}, "falls with energy"),
        ({"holding__price_per_kwh_h": [0.001, [0.002, 0.002, 0.0, 0.002]]}, "falls with energy"),
        ({"holding__price_per_kwh_h": [0.001, [0.002, 0.003]]}, "2 values for 4 steps"),
        ({"holding__base_per_h": [0.1, 0.2]}, "2 values for 4 steps"),
        ({"holding__edge_kwh": [0, 40]}, "edges_kwh"),
        ({"holding__edges_kwh": None}, "edges_kwh"),
        ({"holding": 3}, "holding"),
    ],
)
def test_a_fault_of_wear_is_a_finding(changes, word):
    with pytest.raises(InputError) as error:
        read_problem(van(**changes), "p.json")
    assert word in str(error.value)
    assert all(f.where.startswith("p.json") and f.mend for f in error.value.findings)


def test_as_many_segments_for_all():
    document = van()
    second = VAN["vehicles"][0] | {"id": "b", "wear_depth_price_per_kwh": [0.1]}
    third = VAN["vehicles"][0] | {"id": "c"}
    document["vehicles"] += [second | {"wear_segment_kwh": [20]}, third]
    with pytest.raises(InputError, match="1 segments, 4 elsewhere"):
        read_problem(document)
