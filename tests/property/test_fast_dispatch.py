"""A fleet's target is met within every envelope, by few vehicles, and promises stand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.control import FastDispatch, Wish, able_kw, merit, narrow
from gridtide.core import Reason, stream
from gridtide.sim import SimPlant
from worlds import tree, world


def ignore(_):
    return None


def fleet(n, seed, *, min_kw=0.0, limits=None, bidirectional=True):
    """A fleet with vehicles of every laxity and charge, and its image."""
    rng = stream(seed, "dispatch test")
    stays = [
        (0, int(rng.integers(2, 16)), float(rng.uniform(0.31, 0.95)), float(rng.uniform(0.4, 0.99)))
        for _ in range(n)
    ]
    made = world(stays, min_kw=min_kw, limits=limits, bidirectional=bidirectional, taper_soc=0.9)
    plant = SimPlant(made, ignore, ignore, tick_s=2.0)
    return plant, plant.observe()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 10_000), st.floats(-1.2, 1.2), st.booleans())
def test_a_target_is_met_within_every_envelope(n, seed, share, smallest):
    _, image = fleet(n, seed, min_kw=1.38 if smallest else 0.0)
    low, high = able_kw(image)
    base = 0.5 * (np.maximum(low, 0.0) + high)
    base = np.where(base < 1.38, np.clip(0.0, low, high), base) if smallest else base
    target = base.sum() + share * (high.sum() - low.sum())
    shared = FastDispatch().share(image, base, float(target), (low, high))
    power = shared.power_kw
    assert (power >= low - 1e-9).all()
    assert (power <= high + 1e-9).all()
    reachable = float(np.clip(target, low.sum(), high.sum()))
    # One vehicle may be unable to give the rest: between nothing and its smallest power.
    assert abs(power.sum() - reachable) <= (1.38 + 1e-6 if smallest else 1e-6)
    assert abs(target - power.sum() - shared.missing_kw) <= 1e-6
    assert (
        narrow(image, Wish.of(power)).power_kw.sum() == power.sum()
        or smallest
        or (np.abs(narrow(image, Wish.of(power)).power_kw - power).max() < 1e-6)
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 40), st.integers(0, 10_000))
def test_who_was_moved_stays_moved_until_the_target_turns(n, seed):
    _, image = fleet(n, seed)
    low, high = able_kw(image)
    base = np.clip(0.0, low, high)
    dispatch = FastDispatch()
    room = base.sum() - low.sum()
    last = base
    for share in (0.2, 0.5, 0.9):
        shared = dispatch.share(image, base, base.sum() - share * room, (low, high))
        assert (shared.power_kw <= last + 1e-9).all()  # nobody turns back on the way
        assert (np.abs(shared.power_kw - base) > 1e-9).sum() <= n
        between = (shared.power_kw > low + 1e-6) & (shared.power_kw < base - 1e-6)
        assert between.sum() <= 1  # all but one are at an end: no part load
        last = shared.power_kw
    back = dispatch.share(image, base, float(base.sum()), (low, high))
    np.testing.assert_allclose(back.power_kw, base, atol=1e-9)


def test_charging_is_put_off_before_anything_is_discharged():
    """Wear costs, putting off does not; among equals the larger range goes first."""
    _, image = fleet(20, 3)
    low, high = able_kw(image)
    up, down = merit(image, high, np.maximum(low, 0.0), high, 0.0)
    assert sorted(up.tolist()) == list(range(20)) == sorted(down.tolist())
    late = np.zeros(20)
    late[4] = 30.0
    slow_up, slow_down = merit(image, high, low, high, late)
    assert slow_up[-1] == 4 == slow_down[-1]


def test_the_sign_one_car_and_full_regulation_up_means_less_import():
    made = world([(0, 12, 0.5, 0.6)])
    image = SimPlant(made, ignore, ignore, tick_s=2.0).observe()
    within = able_kw(image)
    assert within[0][0] == -11.0 and within[1][0] == 11.0
    shared = FastDispatch().share(image, np.array([5.0]), 5.0 - 8.0, within)
    assert shared.power_kw[0] == -3.0


def test_a_vehicle_without_time_to_spare_is_not_touched():
    """Two cars; one must charge at full power to be ready, the other can wait."""
    limits = tree()
    made = world([(0, 4, 0.5, 0.65), (0, 16, 0.5, 0.6)], law=(0.0, 0.0, 0.0), limits=limits)
    # The first lacks 9 kWh and has an hour at 11 kW: 11 minutes to spare.
    plant = SimPlant(made, ignore, ignore, tick_s=2.0)
    dispatch, told = FastDispatch(), []
    for _ in range(1800):
        image = plant.observe()
        base = np.array([9.0, 0.0])
        shared = dispatch.share(image, base, -11.0, able_kw(image))
        wish = Wish.of(shared.power_kw)
        setpoints = narrow(image, wish)
        told.append(setpoints.power_kw.copy())
        plant.apply(setpoints)
    plant.observe()
    told = np.array(told)
    assert (told[:, 1] == -11.0).all()
    assert plant.outcomes.departure[0] >= 0.65 * 60 - 0.1
    assert (told[-900:, 0] == 11.0).all()  # half an hour before: nothing but charging


def test_service_has_a_reason_in_words():
    from gridtide.core import SENTENCES

    assert "grid service" in SENTENCES[Reason.SERVICE]
