"""What is sold when, by which plan, and from which baseline."""

from __future__ import annotations

import numpy as np
import pytest

from gridtide.control import (
    Expectation,
    Planned,
    PlanRecord,
    RollingPlanner,
    Seller,
    Terms,
    run_loop,
)
from gridtide.control.strategies import Schedule
from gridtide.fleet import Habits
from gridtide.plan import Offer, Reserve
from gridtide.sim import SimPlant
from worlds import START_S, outlook, world

HOUR = 3600.0


class Plan:
    """Stands for a plan: all that a seller looks at."""

    def __init__(self, offers):
        self.reserves = tuple(
            Offer(
                reserve=Reserve(
                    name=name, direction="up", from_step=0, to_step=4, price_per_kw_h=1.0,
                    duration_h=0.25,
                ),
                planned_kw=kw, proven_kw=kw, offered_kw=kw, revenue=0.0, activation_cost=0.0,
                penalty=0.0, cut="", method="certain", share_kw=np.zeros((0, 4)),
            )
            for name, kw in offers.items()
        )  # fmt: skip


def record(now_s, kw, offers, hours=8):
    edges = now_s + 900.0 * np.arange(4 * hours + 1)
    edges[1:] -= (now_s - START_S) % 900.0
    schedule = Schedule(edges_s=edges, session=np.zeros(0), power_kw=np.zeros((4 * hours, 0)))
    return PlanRecord(
        schedule=schedule, chargers=np.zeros(0, dtype=np.int64), plan=Plan(offers), churn_kwh=0.0,
        expected_kw=np.full(4 * hours, float(kw)),
    )  # fmt: skip


def terms(**other):
    usual = {"block_s": 3600, "gate_s": 0, "duration_h": 0.25, "price_per_kw_h": 1.0, "down": False}
    return Terms(**(usual | other), name="p")


def name(hour):
    return f"p@{START_S + HOUR * hour:.0f} up"


def test_the_last_plan_before_the_gate_sells():
    seller = Seller(terms(gate_s=1800), START_S, START_S + 8 * HOUR)
    seller.heed(record(START_S, 5.0, {name(1): 40.0, name(2): 10.0}))
    seller.heed(record(START_S + 900, 5.0, {name(1): 30.0, name(2): 12.0}))
    seller.heed(record(START_S + 2000, 5.0, {name(1): 99.0, name(2): 14.0}))  # the gate is closed
    assert seller.at(START_S + 1.2 * HOUR).offered_kw == 30.0
    assert seller.at(START_S + 2.2 * HOUR).offered_kw == 14.0
    assert seller.at(START_S + 3.2 * HOUR).offered_kw == 0.0


def test_what_was_sold_is_asked_of_later_plans_and_no_more():
    seller = Seller(terms(firm_share=0.8), START_S, START_S + 8 * HOUR)
    seller.heed(record(START_S, 0.0, {name(0): 40.0}))
    edges = START_S + 900.0 * np.arange(9)
    first, second = seller.reserves(edges)
    assert seller.at(START_S + 10.0).offered_kw == 50.0  # a quarter beyond what was proven
    assert first.committed_kw == first.most_kw == pytest.approx(40.0)
    assert second.committed_kw == 0.0 and second.most_kw == np.inf
    assert {r.from_step for r in (first, second)} == {0, 4}


def test_a_closed_gate_is_not_asked_for():
    seller = Seller(terms(gate_s=7200), START_S, START_S + 8 * HOUR)
    edges = START_S + HOUR + 900.0 * np.arange(20)
    assert [r.name for r in seller.reserves(edges)] == [name(3), name(4), name(5)]


def test_the_baseline_is_that_of_the_last_plan_before_each_hour():
    seller = Seller(terms(block_s=4 * 3600), START_S, START_S + 8 * HOUR)
    seller.heed(record(START_S, 5.0, {name(0): 40.0}))
    seller.heed(record(START_S + 0.5 * HOUR, 7.0, {}))  # the first hour has been declared
    assert seller.at(START_S + 0.6 * HOUR).baseline_at(START_S + 0.6 * HOUR) == 5.0
    assert seller.at(START_S + 1.2 * HOUR).baseline_at(START_S + 1.2 * HOUR) == 7.0
    assert seller.at(START_S + 1.2 * HOUR).offered_kw == 40.0
    # In the first minute it ramps from one to the other.
    edge = START_S + HOUR
    declared = [seller.at(edge + s).baseline_at(edge + s) for s in (0.0, 15.0, 30.0, 60.0)]
    assert declared == pytest.approx([5.0, 5.5, 6.0, 7.0])


def habits(stays):
    past = world(stays, steps=32)
    return Habits.of(past.sessions, past.vehicles, START_S, 1)


def plans_of(made, expects, **other):
    records = []
    planner = RollingPlanner(
        outlook(made), bidirectional=True, watch=records.append, expects=expects, **other
    )
    plant = SimPlant(made, lambda _: None, lambda _: None)
    run_loop(plant, Planned(planner, 900.0), START_S + HOUR)
    plant.close()
    return plant, records


def test_guests_are_expected_but_not_told_anything():
    made = world([(0, 14, 0.5, 0.6)])
    past = habits([(6, 14, 0.4, 0.8), (6, 14, 0.4, 0.8)])
    expects = Expectation(habits=past, midnight_s=START_S)
    _, records = plans_of(made, expects)
    _, alone = plans_of(made, None)
    first, plain = records[0], alone[0]
    assert len(first.plan.plugged_kw) > len(plain.plan.plugged_kw)
    assert first.chargers.tolist() == [0] and first.schedule.power_kw.shape[1] == 1
    # Two guests want 24 kWh each; the vehicle that is there gets what it would have had.
    charged = first.expected_kw.sum() * 0.25
    assert charged > plain.expected_kw.sum() * 0.25 + 40.0
    later = Expectation(habits=past, midnight_s=START_S, scale=0.0)
    assert plans_of(made, later)[1][0].expected_kw.sum() == pytest.approx(plain.expected_kw.sum())


def test_with_a_confidence_everybody_counts_by_the_probability_to_stay():
    made = world([(0, 14, 0.5, 0.6)])
    past = habits([(0, 6, 0.4, 0.6, 12), (0, 12, 0.4, 0.6, 12)])
    seen = []
    expects = Expectation(habits=past, midnight_s=START_S, confidence=0.9)
    real = expects.widen

    class Watched:
        def widen(self, *given):
            seen.append(real(*given))
            return seen[-1]

    plans_of(made, Watched())
    stays = seen[0].availability
    assert stays.shape[0] == 1 and (np.diff(stays[0]) <= 0).all()
    assert 0.0 < stays[0, -1] < stays[0, 0] <= 1.0


def test_who_is_late_is_planned_for_and_holds_the_target():
    """Off at step 12, said 2: it may be used, but never goes below what was asked for."""
    made = world([(0, 12, 0.7, 0.6, 2)])
    plant, records = plans_of(made, None, lingers_s=7200.0)
    late = [r for r in records if r.schedule.edges_s[0] > START_S + 2 * 900]
    assert late and all(r.chargers.size == 1 for r in late)
    plant, records = plans_of(made, None)
    assert not [r for r in records if r.schedule.edges_s[0] > START_S + 2 * 900 + 1]
