"""What must hold for any battery that ages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.battery import age, age_until, cell_model, model_cards
from gridtide.battery.cells._kernel_laws import sigmoid_step
from gridtide.battery.cells.laws import Sigmoid, power, scaled_power, steady_sigmoid

NAMES = [card.name for card in model_cards()]
RATE, EXPONENT, STEP = st.floats(1e-6, 1e-2), st.floats(0.3, 1.3), st.floats(0.01, 400)


def array(*values):
    return np.array([values], dtype=float)


@given(RATE, EXPONENT, st.lists(STEP, min_size=1, max_size=6))
def test_a_power_law_in_parts_is_its_closed_form(k, p, steps):
    x = sum(steps)
    days = np.array(steps)
    law = power(np.full((1, len(steps)), k), p, array(*steps))
    assert law.at(np.array([x]), days)[0, 0] == pytest.approx(k * x**p, rel=1e-9)
    law = scaled_power(np.full((1, len(steps)), k), p, array(*steps))
    assert law.at(np.array([x]), days)[0, 0] == pytest.approx((k * x) ** p, rel=1e-9)


@given(RATE, RATE, STEP, STEP)
def test_a_square_root_goes_on_from_where_it_stands(k1, k2, x1, x2):
    law = power(array(k1, k2), 0.5, array(x1, x2))
    loss = law.at(np.array([x1 + x2]), np.array([x1, x2]))[0, 0]
    assert loss == pytest.approx(np.sqrt(k1**2 * x1 + k2**2 * x2), rel=1e-9)


@given(st.floats(0.05, 1), st.floats(1e-4, 1e-2), st.floats(0.3, 2), STEP, st.floats(0, 1))
def test_a_sigmoid_in_two_steps_is_one(extent, k, p, x, cut):
    whole = sigmoid_step(0.0, x, extent, k, p)
    half = sigmoid_step(sigmoid_step(0.0, cut * x, extent, k, p), (1 - cut) * x, extent, k, p)
    assert half == pytest.approx(whole, rel=1e-6, abs=1e-12)
    assert 0.0 <= whole <= extent


def test_a_sigmoid_whose_extent_fell_below_the_loss_stands_still():
    days = np.array([1.0, 1.0])
    law = Sigmoid(array(900.0, 900.0), array(0.3, 0.1), 1e-3, array(1.0, 1.0))
    first, second = law.at(np.array([1.0, 2.0]), days)[0]
    assert first > 0.1
    assert second == first


def test_a_steady_sigmoid_begins_where_it_is_told():
    law = steady_sigmoid(array(1e-4), 10.0, array(1.0), start=1e-8)
    assert law.at(np.array([0.0]), np.array([1.0]))[0, 0] == pytest.approx(1e-8)


@pytest.mark.parametrize("model", NAMES)
@given(data=st.data())
def test_losses_never_fall_and_hold_together(model, data):
    level = data.draw(st.floats(0.2, 1.0))
    depth = data.draw(st.floats(0.0, level))
    heat = data.draw(st.floats(-10, 45))
    soc = np.interp(
        np.arange(24), [0, 8, 12, 18, 22, 24], level - depth * np.array([0, 0, 1, 1, 0, 0])
    )
    a = age(model, soc, heat, years=6, times_per_year=2)
    assert a.q[0, 0] == pytest.approx(1.0, abs=1e-7)
    assert (np.diff(a.q[0]) <= 1e-12).all()
    assert (np.diff(a.loss_calendar[0]) >= -1e-12).all()
    np.testing.assert_allclose(a.q, 1.0 - a.loss_calendar - a.loss_cycle, atol=1e-12)
    np.testing.assert_allclose(a.efc[0], depth * 365 * a.years, rtol=1e-9, atol=1e-9)
    assert (a.r is None) != cell_model(model).card.has_resistance


@pytest.mark.parametrize("model", NAMES)
def test_the_length_of_the_period_does_not_matter(model):
    rng = np.random.default_rng(3)
    day = np.clip(0.6 + 0.3 * np.sin(np.arange(24) / 4) + rng.normal(0, 0.05, 24), 0, 1)
    heat = 20 + 6 * np.sin(np.arange(24) / 4)
    once = age(model, day, heat, years=3)
    week = age(model, np.tile(day, 7), np.tile(heat, 7), years=3)
    np.testing.assert_allclose(week.q, once.q, rtol=1e-9)
    np.testing.assert_allclose(week.efc, once.efc, rtol=1e-9)


@pytest.mark.parametrize("model", NAMES)
def test_vehicles_age_each_for_itself(model):
    rng = np.random.default_rng(4)
    soc = np.clip(rng.uniform(0.2, 0.9, (3, 1)) + rng.normal(0, 0.05, (3, 72)), 0, 1)
    heat = rng.uniform(5, 35, (3, 72))
    together = age(model, soc, heat, years=2)
    for v in range(3):
        alone = age(model, soc[v], heat[v], years=2)
        np.testing.assert_allclose(together.q[v], alone.q[0], rtol=1e-12)
        np.testing.assert_allclose(together.outside[v], alone.outside[0])


@pytest.mark.parametrize("model", NAMES)
def test_a_stop_within_a_day_lies_between_its_ends(model):
    soc = np.interp(np.arange(24), [0, 12, 24], [0.9, 0.3, 0.9])
    q = age_until(model, soc, 25.0, stops_d=np.array([10.0, 10.5, 11.0])).q[0]
    assert q[0] >= q[1] >= q[2]


def test_years_to_the_end_of_life_are_found_between_two_years():
    soc = np.interp(np.arange(24), [0, 12, 24], [1.0, 0.0, 1.0])
    a = age("nmc_sanyo215", soc, 35.0, years=10)
    when = a.years_to()[0]
    k = int(when)
    assert a.q[0, k] >= 0.8 > a.q[0, k + 1]
