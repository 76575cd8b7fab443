"""Dispatch instructions with ramps, and the way back to the schedule inside an interval."""

from __future__ import annotations

import numpy as np
import pytest

from gridtide.control import (
    BackToSchedule,
    Following,
    Instruction,
    Instructions,
    Planned,
    RollingPlanner,
    run_loop,
)
from gridtide.core import InputError
from gridtide.services import tiered_cost
from gridtide.sim import SimPlant
from worlds import START_S, outlook, world

TICK_S = 10.0
HOUR_S = 3600.0


def fleet():
    return world([(0, 16, 0.5, 0.6 + 0.01 * k) for k in range(8)], law=(0.05, 0.05, 0.0))


def follow(made, target, hours=2):
    """Run, and return times and total powers, and the plant."""
    flows = []
    planner = RollingPlanner(outlook(made), bidirectional=True)
    strategy = Planned(planner, 900.0)
    if target is not None:
        strategy = Following(strategy, target)
    plant = SimPlant(made, lambda _: None, lambda _: None, tick_s=TICK_S)
    run_loop(
        plant,
        strategy,
        START_S + hours * HOUR_S,
        lambda image, told: flows.append((image.time_s - START_S, float(told.power_kw.sum()))),
    )
    plant.close()
    time_s, kw = np.array(flows).T
    return time_s, kw, plant


def instruction(**given):
    usual = {"from_s": START_S + 600.0, "to_s": START_S + 1800.0, "power_kw": -40.0}
    return Instruction(**(usual | given))


def test_an_instruction_is_ramped_to_and_then_held():
    time_s, plan, _ = follow(fleet(), None)
    _, kw, plant = follow(fleet(), Instructions([instruction(ramp_kw_per_s=0.5)]))
    before = time_s < 600
    np.testing.assert_allclose(kw[before], plan[before])
    ramp = (time_s >= 600) & (time_s < 1800)
    start = plan[time_s < 600][-1]
    wanted = np.maximum(start - 0.5 * (time_s[ramp] - 600), -40.0)
    np.testing.assert_allclose(kw[ramp], wanted, atol=1e-6)
    assert kw[ramp][-1] == pytest.approx(-40.0)
    asked = np.minimum(plant.world.sessions.target_kwh, plant.outcomes.reach)
    assert asked.size == 8


def test_the_second_instruction_begins_where_the_first_ended():
    both = [
        instruction(power_kw=-20.0, to_s=START_S + 1200.0),
        instruction(from_s=START_S + 1200.0, power_kw=20.0, ramp_kw_per_s=0.2),
    ]
    time_s, kw, _ = follow(fleet(), Instructions(both[::-1]))
    assert kw[time_s == 1190.0] == pytest.approx(-20.0)
    assert kw[time_s == 1300.0] == pytest.approx(-20.0 + 0.2 * 100.0)
    assert kw[time_s == 1700.0] == pytest.approx(20.0)


def test_wrong_instructions_are_findings():
    with pytest.raises(InputError, match="no instruction"):
        Instructions([instruction(to_s=START_S)])
    with pytest.raises(InputError, match="no instruction"):
        Instructions([instruction(ramp_kw_per_s=0.0)])
    with pytest.raises(InputError, match="begins before"):
        Instructions([instruction(), instruction(from_s=START_S + 900.0)])


def energies(time_s, kw):
    """Energy by quarter of an hour [kWh]."""
    return np.add.reduceat(kw * TICK_S / 3600.0, np.flatnonzero(time_s % 900.0 == 0.0))


def test_the_fleet_ends_each_interval_on_schedule_where_that_pays():
    time_s, plan, _ = follow(fleet(), None)
    planned = energies(time_s, plan)
    scheduled_kw = planned[0] * 4.0 - 10.0
    dear = BackToSchedule(lambda _: scheduled_kw, 900.0, lambda _, kwh: abs(kwh), 0.1)
    time_s, kw, _ = follow(fleet(), dear)
    np.testing.assert_allclose(energies(time_s, kw), scheduled_kw / 4.0, atol=1e-6)


def test_it_is_left_alone_where_moving_costs_more():
    time_s, plan, _ = follow(fleet(), None)
    scheduled = float(plan.mean()) - 10.0
    cheap = BackToSchedule(lambda _: scheduled, 900.0, lambda _, kwh: 0.05 * abs(kwh), 0.1)
    np.testing.assert_allclose(follow(fleet(), cheap)[1], plan)
    unknown = BackToSchedule(lambda _: float("nan"), 900.0, lambda _, kwh: abs(kwh), 0.0)
    np.testing.assert_allclose(follow(fleet(), unknown)[1], plan)


def test_the_tiers_of_order_890_decide():
    """Within 1.5 % (at least 2 MW) imbalance is settled at cost: nobody moves for that."""

    def cost_of(_begin, kwh):
        one = np.array([kwh / 1000.0])
        price = np.array([40.0])
        return float(tiered_cost(-one, np.array([10.0]), price, price)[0])

    time_s, plan, _ = follow(fleet(), None)
    target = BackToSchedule(lambda _: float(plan.mean()), HOUR_S, cost_of, 0.2)
    np.testing.assert_allclose(follow(fleet(), target)[1], plan)
