"""Reserve in a plan: what is held, what is proven, and what the answer says."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from gridtide.core import InputError
from gridtide.plan import Reserve, answer, prove, read_problem, solve
from gridtide.plan._calls import must_charge_kwh
from gridtide.plan._layout import lay_out
from gridtide.plan.reserve.confidence import block_quantile_kw, surely_there_kw
from gridtide.plan.reserve.sharing import share_out
from reference.reserve_draws import by_hand as fleet


def block(direction="up", **other):
    usual = {"name": direction, "from_step": 1, "to_step": 3, "price_per_kw_h": 0.02}
    return Reserve(**usual | {"direction": direction, "duration_h": 1.0} | other)


def at_rest(problem):
    return np.zeros((len(problem), problem.steps)), np.repeat(
        problem.arrival_kwh[:, None], problem.steps + 1, axis=1
    )


@pytest.mark.parametrize(
    ("arrival", "target", "discharge", "direction", "hours", "expected", "why"),
    [
        (40.0, None, 11.0, "up", 1.0, 11.0, "the plug's power"),
        (10.0, None, 11.0, "up", 1.0, 5.4, "6 kWh above the minimum, 0.9 of it at the plug"),
        (10.0, None, 11.0, "up", 2.0, 2.7, "the same for two hours"),
        (30.0, 30.0, 11.0, "up", 1.0, 11.0, "12.2 kWh are back by departure"),
        (40.0, 40.0, 11.0, "up", 4.0, 4.95, "from step 2 one hour is left: 11 kWh more in 4 h"),
        (40.0, None, 0.0, "up", 1.0, 0.0, "nothing is charging"),
        (38.0, None, 11.0, "down", 1.0, 2.0, "2 kWh of room"),
        (10.0, None, 11.0, "down", 1.0, 11.0, "the plug's power"),
        (10.0, None, 0.0, "down", 3.0, 10.0, "30 kWh of room for three hours"),
    ],
)
def test_one_vehicle_at_rest_by_hand(arrival, target, discharge, direction, hours, expected, why):
    target = -np.inf if target is None else target
    problem = fleet([arrival], target=target, discharge=discharge, steps=7)
    if hours == 4.0:
        expected = min(expected, 11.0 * 0.9 / 4.0)
    reserve = block(direction, duration_h=hours)
    [offer] = prove(problem, *at_rest(problem), reserves=(reserve,))
    assert offer.offered_kw == pytest.approx(expected, abs=1e-5), why


def test_aggregated_rows_overstate_and_the_proof_cuts_them():
    """Half the fleet is full but weak, half strong but empty: no kWh meets its kW."""
    problem = fleet([40.0, 40.0, 4.0, 4.0], discharge=[1.0, 1.0, 11.0, 11.0])
    power, energy = at_rest(problem)
    by_power = problem.max_discharge_kw.sum()
    by_energy = 0.9 * (energy[:, 0] - problem.min_kwh).sum()
    aggregated = min(by_power, by_energy)
    assert aggregated == pytest.approx(24.0)
    reserve = block()
    [offer] = prove(problem, power, energy, np.array([aggregated]), reserves=(reserve,))
    assert offer.proven_kw == pytest.approx(2.0)
    assert offer.cut == "power and energy of the vehicles"
    least = np.minimum(problem.max_discharge_kw, 0.9 * (energy[:, 0] - problem.min_kwh))
    assert least.sum() >= offer.offered_kw - 1e-9


def test_the_plan_charges_for_reserve_where_it_pays_and_not_where_it_does_not():
    problem = fleet([4.0, 4.0])
    poor = solve(replace(problem, reserves=(block(price_per_kw_h=0.001),)))
    rich = solve(replace(problem, reserves=(block(price_per_kw_h=1.0),)))
    assert poor.reserves[0].offered_kw == pytest.approx(0.0, abs=1e-6)
    assert rich.reserves[0].offered_kw > 5.0
    assert rich.objective < poor.objective - 1.0
    for plan in (poor, rich):
        assert plan.gap <= 1e-6 and plan.hard_violation_kw <= 1e-6
    [offer] = rich.reserves
    assert offer.revenue == pytest.approx(offer.offered_kw * 2.0)
    assert offer.share_kw.sum(axis=0) == pytest.approx(offer.offered_kw)


def test_a_common_limit_leaves_no_room_to_refill():
    """Both can refill alone, not at once: 15 kW for two hours is half of what two need."""
    problem = fleet([30.0, 30.0], target=30.0, steps=5, import_kw=5.0)
    reserve = block(from_step=1, to_step=3)
    [offer] = prove(problem, *at_rest(problem), reserves=(reserve,))
    # A call from step 2 is over at 3; two hours at 5 kW give 10 kWh, 9 kWh of them were at plugs.
    assert offer.offered_kw == pytest.approx(9.0, abs=1e-4)
    assert "departure promise" in offer.cut
    full = solve(replace(problem, reserves=(replace(reserve, price_per_kw_h=1.0),)))
    assert full.reserves[0].cut == ""


def test_room_below_a_limit_counts_for_reserve_downwards():
    problem = fleet([10.0, 10.0, 10.0], import_kw=12.0)
    [offer] = prove(problem, *at_rest(problem), reserves=(block("down"),))
    assert offer.offered_kw == pytest.approx(12.0)
    assert offer.cut == "room below limits"


def test_both_directions_may_be_sold_but_an_opposite_margin_is_not_sold_twice():
    problem = fleet([20.0])
    both = (block("up"), block("down", price_per_kw_h=0.01))
    assert [o.offered_kw for o in prove(problem, *at_rest(problem), reserves=both)] == [11, 11]
    margin = (replace(both[0], opposite_share=0.2), both[1])
    up, down = prove(problem, *at_rest(problem), reserves=margin)
    assert up.offered_kw == pytest.approx(11.0)
    assert down.offered_kw == pytest.approx(11.0 - 2.2)
    plan = solve(replace(problem, reserves=margin))
    assert plan.reserves[1].offered_kw <= 11.0 - 0.2 * plan.reserves[0].offered_kw + 1e-6


def test_offers_are_whole_steps_between_the_least_and_the_most():
    problem = fleet([20.0, 20.0])
    for change, expected in (
        ({"step_kw": 5.0}, 20.0),
        ({"most_kw": 12.0}, 12.0),
        ({"least_kw": 25.0}, 0.0),
        ({"most_kw": 12.0, "step_kw": 5.0}, 10.0),
    ):
        [offer] = prove(problem, *at_rest(problem), reserves=(block(**change),))
        assert offer.offered_kw == pytest.approx(expected)
        assert offer.proven_kw == pytest.approx(min(22.0, change.get("most_kw", 22.0)))


def test_what_is_sold_is_kept_before_money_and_named_where_it_cannot_be():
    problem = fleet([4.0, 4.0])
    kept = solve(replace(problem, reserves=(block(price_per_kw_h=0.0, committed_kw=8.0),)))
    assert kept.reserves[0].offered_kw == pytest.approx(8.0)
    assert kept.slacks == ()
    broken = solve(replace(problem, reserves=(block(price_per_kw_h=0.0, committed_kw=80.0),)))
    [slack] = broken.slacks
    assert (slack.name, slack.entity, slack.unit) == ("reserve_commitment", "up", "kW")
    assert slack.amount == pytest.approx(80.0 - broken.reserves[0].offered_kw)
    assert broken.status == "best_effort"
    assert broken.reserves[0].penalty == pytest.approx(10.0 * slack.amount * 2.0)


def test_the_promise_is_not_sold_for_reserve():
    problem = replace(fleet([20.0, 20.0], target=38.0, steps=3), promise="first")
    dear = block(from_step=0, to_step=2, price_per_kw_h=100.0, committed_kw=40.0)
    plan = solve(replace(problem, reserves=(dear,)))
    assert plan.shortfall_kwh.max() <= 1e-6
    # Three hours at 11 kW give 15 kWh more than each needs.
    assert 20.0 < plan.reserves[0].offered_kw <= 2 * 15.0 * 0.9 + 1e-6


def test_mean_activation_drains_and_costs():
    problem = fleet([20.0])
    calm, busy = (
        prove(problem, *at_rest(problem), reserves=(block(activation_share=share, to_step=5),))[0]
        for share in (0.0, 0.5)
    )
    # From the block's fourth step 1 + 0.5 * 3 hours have to be in store.
    assert busy.offered_kw == pytest.approx(16.0 * 0.9 / 2.5)
    assert calm.offered_kw == pytest.approx(11.0)
    per_kwh = 0.05 + (1 / 0.9 - 1) * 0.3
    assert busy.activation_cost == pytest.approx(0.5 * 4 * busy.offered_kw * per_kwh)


def test_a_block_below_one_limit_counts_only_its_vehicles():
    problem = fleet([20.0, 20.0])
    limited = replace(problem, limit=np.array([0, -1]))
    [offer] = prove(limited, *at_rest(limited), reserves=(block(limit="site"),))
    assert offer.offered_kw == pytest.approx(11.0)
    assert offer.share_kw[1].max() == 0.0


def test_must_charge_curve_with_and_without_taper():
    problem = fleet([20.0], target=40.0, charge=10.0, steps=4)
    curve = must_charge_kwh(lay_out(problem), np.array([40.0]))
    assert curve[0] == pytest.approx([0.0, 10.0, 20.0, 30.0, 40.0])
    tapered = replace(problem, taper_from_kwh=np.array([20.0]), taper_end=np.array([0.5]))
    layout = lay_out(tapered)
    curve = must_charge_kwh(layout, np.array([40.0]))[0]
    # Charging at full from any point of the curve leads along it: e' = (e + 10 + 0.25*20)/1.25.
    assert curve[3] == pytest.approx(40.0 * 1.25 - 15.0)
    assert curve[2] == pytest.approx(curve[3] * 1.25 - 15.0)


def test_shares_keep_to_a_tree_and_serve_the_first_class_first():
    tree = replace(
        fleet([20.0] * 3),
        limit=np.array([1, 1, 0]),
        limit_names=("site", "panel"),
        limit_parent=np.array([-1, 0]),
        import_kw=np.full((2, 6), np.inf),
        export_kw=np.full((2, 6), np.inf),
        base_load_kw=np.zeros((2, 6)),
        demand_charge_per_kw=np.zeros(2),
    )
    layout, able = lay_out(tree), np.array([10.0, 10.0, 10.0])
    same = np.zeros(3, dtype=np.int64)
    shares = share_out(layout, able, np.array([12.0, 4.0]), same)
    assert shares == pytest.approx(np.array([2.0, 2.0, 10.0]) * 12.0 / 14.0)
    shares = share_out(layout, able, np.array([12.0, 4.0]), np.array([0, 1, 2]), target=11.0)
    assert shares == pytest.approx([4.0, 0.0, 7.0])


@pytest.mark.parametrize(("count", "chance"), [(1, 0.95), (10, 0.9), (60, 0.7), (400, 0.8)])
def test_capacity_at_a_confidence_is_never_overstated(count, chance):
    exact = binom.ppf(0.1, count, chance)  # P(S < ppf) <= 0.1 <= P(S <= ppf)
    found = surely_there_kw(np.ones(count), np.full(count, chance), 0.9)
    assert found <= exact + 1e-9
    assert found >= exact - max(1.0, 0.03 * count)


def test_unequal_shares_against_all_cases():
    share, chance = np.array([5.0, 3.0, 2.5, 1.0, 0.7]), np.array([0.9, 0.95, 0.6, 0.8, 0.99])
    cases = np.array(list(product([0, 1], repeat=5)))
    mass = np.prod(np.where(cases, chance, 1 - chance), axis=1)
    sums = cases @ share
    for confidence in (0.5, 0.8, 0.9, 0.99):
        best = max(x for x in sums if mass[sums >= x - 1e-9].sum() >= confidence - 1e-12)
        found = surely_there_kw(share, chance, confidence)
        assert best - 5 * share.sum() / 8192 <= found <= best + 1e-9


def test_over_a_block_the_joint_smallest_step_counts():
    """Shares that move from some vehicles to others are short more often than each step is."""
    share = np.zeros((40, 2))
    share[:20, 0], share[20:, 1] = 1.0, 1.0
    chance = np.full((40, 2), 0.85)
    alone = surely_there_kw(share[:, 0], chance[:, 0], 0.9)
    bound = block_quantile_kw(share, chance, 0.9)
    drawn = block_quantile_kw(share, chance, 0.9, seed=1)
    assert bound <= drawn <= alone + 1e-9
    assert block_quantile_kw(share, chance, 0.9, seed=1) == drawn


def test_an_offer_at_a_confidence_uses_more_vehicles_than_it_sells():
    problem = replace(fleet([20.0] * 40), availability=np.full(40, 0.9))
    [sure] = prove(problem, *at_rest(problem), reserves=(block(),))
    assert sure.offered_kw == 0.0
    reserve = block(confidence=0.9)
    [bound] = prove(problem, *at_rest(problem), reserves=(reserve,))
    stream = np.random.default_rng(3)
    [drawn] = prove(problem, *at_rest(problem), reserves=(reserve,), stream=stream)
    assert bound.method == "bound" and drawn.method == "scenarios"
    exact = 11.0 * binom.ppf(0.1, 40, 0.9)
    assert exact - 11.5 <= bound.offered_kw <= exact + 1e-6
    assert drawn.offered_kw == pytest.approx(exact, abs=11.5)
    [less] = prove(problem, *at_rest(problem), np.array([100.0]), reserves=(reserve,))
    assert less.offered_kw == pytest.approx(100.0)
    assert 100.0 < less.share_kw[:, 0].sum() < 200.0


def test_a_plan_at_a_confidence_stays_within_its_bound():
    problem = replace(fleet([20.0] * 12), availability=np.full(12, 0.8))
    plan = solve(replace(problem, reserves=(block(confidence=0.9, price_per_kw_h=0.2),)))
    assert plan.lower_bound <= plan.objective + 1e-9
    exact = 11.0 * binom.ppf(0.1, 12, 0.8)
    assert plan.reserves[0].offered_kw <= exact + 1e-6
    # Where a vehicle serves one step only, each step gets half of the allowed probability.
    assert plan.reserves[0].offered_kw >= 11.0 * (binom.ppf(0.05, 12, 0.8) - 1.0)


DOCUMENT = {
    "version": 1,
    "start": "2021-08-02T00:00:00Z",
    "step_minutes": 60,
    "steps": 6,
    "price_import_per_kwh": 0.3,
    "price_export_per_kwh": 0.2,
    "shortfall_price_per_kwh": 10.0,
    "vehicles": [
        {
            "id": "a",
            "capacity_kwh": 40.0,
            "soc_arrival": 0.5,
            "soc_target": 0.5,
            "arrive_step": 0,
            "depart_step": 6,
            "max_charge_kw": 11.0,
            "max_discharge_kw": 11.0,
        }
    ],
    "limits": [{"name": "site", "members": ["a"]}],
    "reserves": [
        {
            "name": "evening",
            "direction": "up",
            "from_step": 1,
            "to_step": 3,
            "price_per_kw_h": 0.05,
            "duration_h": 1.0,
            "shares": True,
        }
    ],
}


def changed(**change):
    [usual] = DOCUMENT["reserves"]
    return DOCUMENT | {"reserves": [usual | change]}


def test_the_answer_tells_offers_with_shares_on_request():
    problem = read_problem(DOCUMENT)
    told = answer(solve(problem), problem)["reserves"]
    assert [row["name"] for row in told] == ["evening"]
    assert told[0]["offered_kw"] == pytest.approx(11.0)
    assert told[0]["revenue"] == pytest.approx(11.0 * 2 * 0.05)
    assert told[0]["share_kw"] == {"a": [pytest.approx(11.0)] * 2}
    problem = read_problem(changed(shares=False, limit="site", most_kw=3.0))
    [row] = answer(solve(problem), problem)["reserves"]
    assert "share_kw" not in row and row["offered_kw"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"to_step": 1}, "the block is empty"),
        ({"to_step": 9}, "ends at step 9 of 6"),
        ({"limit": "sight"}, "Did you mean site?"),
        ({"least_kw": 5.0, "most_kw": 4.0}, "above most_kw"),
        ({"committed_kw": 5.0, "most_kw": 4.0}, "Raise most_kw"),
        ({"direction": "sideways"}, "direction"),
        ({"duration_h": 0.0}, "duration_h"),
        ({"confidence": 0.3}, "confidence"),
        ({"durations": 1.0}, "durations"),
    ],
)
def test_a_faulty_block_is_a_finding(change, words):
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        read_problem(changed(**change))


def test_blocks_named_twice_are_a_finding():
    with pytest.raises(InputError, match="evening is named twice"):
        read_problem(DOCUMENT | {"reserves": DOCUMENT["reserves"] * 2})


def pair(**other):
    return block("up", **other), block("down", sold_with="up", **other)


def test_blocks_sold_together_offer_the_same_and_are_planned_for_it():
    """A half full car that wants nothing: 11 kW each way at rest, less where it must charge."""
    problem = replace(fleet([20.0], target=-np.inf), reserves=pair())
    plan = solve(problem)
    assert [offer.offered_kw for offer in plan.reserves] == pytest.approx([11.0, 11.0], abs=1e-5)
    # Empty it can only take: to offer both ways it charges first, and keeps room above.
    empty = replace(fleet([4.0], target=-np.inf), reserves=pair(price_per_kw_h=1.0))
    up, down = solve(empty).reserves
    assert up.offered_kw == pytest.approx(down.offered_kw, abs=1e-9)
    assert up.offered_kw > 1.0
    alone = replace(empty, reserves=(block("down", price_per_kw_h=1.0),))
    assert solve(alone).reserves[0].offered_kw > down.offered_kw + 1.0


def test_the_proof_evens_a_pair_out_at_the_weaker_side():
    problem = fleet([10.0], target=-np.inf, steps=7)
    up, down = prove(problem, *at_rest(problem), reserves=pair())
    assert up.offered_kw == pytest.approx(5.4, abs=1e-5)
    assert down.offered_kw == pytest.approx(up.offered_kw, abs=1e-9)
    assert down.cut == "what is sold with it"
    assert down.reserve.most_kw == np.inf


def test_a_partner_that_is_not_there_is_found():
    data = {
        "version": 1, "start": "2026-06-01T00:00:00Z", "step_minutes": 60, "steps": 4,
        "price_import_per_kwh": 0.3, "price_export_per_kwh": 0.2, "shortfall_price_per_kwh": 10.0,
        "vehicles": [],
        "reserves": [{"name": "up", "direction": "up", "from_step": 0, "to_step": 2,
                      "price_per_kw_h": 0.1, "duration_h": 1.0, "sold_with": "dwn"}],
    }  # fmt: skip
    with pytest.raises(InputError, match="dwn is no other block"):
        read_problem(data)
