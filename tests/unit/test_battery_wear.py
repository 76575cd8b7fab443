"""Wear as a price: shares of life by hand, convex pieces, paths counted after the fact."""

import numpy as np
import pytest

from gridtide.battery import (
    age,
    age_until,
    count_cycles,
    life_used,
    model_cards,
    wear_price,
)
from gridtide.core import InputError

NAMES = [card.name for card in model_cards()]


def test_storage_is_the_loss_over_the_life_spread_evenly():
    price = wear_price("nca_panasonic32", life_years=10, life_efc=1500)
    lost = 75.4 * np.exp((-3340 + 353 * 0.5) / 298.15) * 3650**0.512
    at_25 = price.storage[np.flatnonzero(price.temperature_c == 25.0)[0], 32]
    assert at_25 == pytest.approx(lost / 0.2 / 87_600, rel=1e-5)


def test_a_cycle_is_the_loss_over_the_throughput_spread_evenly():
    # The Leaf's cycling knows neither depth nor rate: 7.58e-5 * 1000^1.08 after 1000 cycles.
    price = wear_price("lmo_leaf_2nd", life_years=10, life_efc=1000)
    full = 7.58e-5 * 1000**1.08 / 1000 / 0.2
    assert price.cycle[-1] == pytest.approx(full, rel=1e-9)
    assert price.cycle[32] == pytest.approx(full / 2, rel=1e-9)


@pytest.mark.parametrize("model", NAMES)
def test_convex_pieces_lie_below_the_curve_and_end_on_it(model):
    price = wear_price(model)
    slopes = price.depth_shares(8)
    assert (np.diff(slopes) >= -1e-15).all()
    assert slopes.sum() / 8 == pytest.approx(price.cycle[-1], rel=1e-9)
    edges = np.concatenate(([0.0], np.cumsum(slopes) / 8))
    at_edges = np.interp(np.linspace(0, 1, 9), price.depth, price.cycle)
    assert (edges <= at_edges + 1e-15).all()
    base, held = price.holding_shares([0.0, 22.0], 8)
    assert (np.diff(held, axis=1) >= -1e-18).all()
    assert base.shape == (2,)
    cycle_error, storage_error = price.convex_error()
    # Silicon-NCA ages less by deep than by shallow cycles in its fit: nothing convex is near it.
    assert 0 <= cycle_error < (0.95 if model == "nca_si_vtc5a" else 0.07)
    assert 0 <= storage_error < 0.7


def test_a_narrow_window_comes_close_to_a_curve_that_is_not_convex():
    price = wear_price("nmc622_denso50")
    row = price.storage[np.flatnonzero(price.temperature_c == 25.0)[0]]
    for low, high in ((0.0, 1.0), (0.5, 0.9)):
        base, slopes = price.holding_shares([25.0], 8, low, high)
        held = base + np.concatenate(([0.0], np.cumsum(slopes[0]) * (high - low) / 8))
        true = np.interp(np.linspace(low, high, 9), price.depth, row)
        assert (held <= true * (1 + 1e-12)).all()
        worst = (true - held).max() / true.max()
        assert worst < 0.05 if low > 0 else worst > 0.5


def path(soc, hours, heat=25.0):
    n = len(soc)
    return np.array(soc), np.array(hours, float), np.full(n, heat), np.array([0, n])


def test_a_path_costs_its_rainflow_cycles_and_its_hours():
    price = wear_price("nmc622_denso50")
    soc = [0.8, 0.5, 0.7, 0.3, 0.8]
    used = life_used(price, *path(soc, [0, 2, 4, 6, 8]))
    cycles = count_cycles(soc)
    by_use = sum(
        n * np.interp(d, price.depth, price.cycle)
        for d, n in zip(cycles.range, cycles.count, strict=True)
    )
    row = price.storage[np.flatnonzero(price.temperature_c == 25.0)[0]]
    rates = np.interp(soc, price.depth, row)
    assert used.by_use[0] == pytest.approx(by_use, rel=1e-12)
    assert used.by_time[0] == pytest.approx(np.trapezoid(rates, [0, 2, 4, 6, 8]), rel=1e-12)


def test_series_are_counted_each_for_itself():
    price = wear_price("lfp_250")
    soc, hours, heat = np.array([0.8, 0.2, 0.9, 0.5, 0.6]), np.arange(5.0), np.full(5, 30.0)
    both = life_used(price, soc, hours, heat, np.array([0, 3, 5]))
    first = life_used(price, soc[:3], hours[:3], heat[:3], np.array([0, 3]))
    second = life_used(price, soc[3:], hours[3:], heat[3:], np.array([0, 2]))
    assert both.by_use.tolist() == [first.by_use[0], second.by_use[0]]
    assert both.by_time.tolist() == [first.by_time[0], second.by_time[0]]


@pytest.mark.parametrize("model", ["nmc622_denso50", "lfp_sony3", "lmo_xu"])
def test_shares_of_life_add_up_to_the_model_over_the_whole_life(model):
    """Ten years at rest use up exactly what ten years of storage lose."""
    price = wear_price(model, life_years=10, life_efc=1500)
    lost = age(model, np.full(24, 0.75), 20.0, years=10).loss_calendar[0, -1]
    hours = np.array([0.0, 87_600.0])
    used = life_used(price, np.full(2, 0.75), hours, np.full(2, 20.0), np.array([0, 2]))
    assert 0.2 * used.by_time[0] == pytest.approx(lost, rel=1e-9)


def test_a_longer_life_makes_an_hour_cheaper_where_laws_flatten():
    short, long = (wear_price("nmc622_denso50", years, 1500.0) for years in (5.0, 20.0))
    assert (long.storage <= short.storage).all()
    assert long.storage[9, 32] == pytest.approx(short.storage[9, 32] / 2)  # a square-root law


def test_a_life_may_end_within_a_year():
    short, longer = wear_price("nmc622_denso50", 1.99), wear_price("nmc622_denso50", 2.0)
    np.testing.assert_allclose(short.storage, longer.storage, rtol=0.01)


def test_an_unknown_model_has_no_price():
    with pytest.raises(InputError, match="Did you mean lfp_250"):
        wear_price("lfp_25")


def test_stops_of_your_own_are_given_back():
    aged = age_until("lfp_250", np.full(24, 0.5), 25.0, stops_d=np.array([0.0, 100.0]))
    np.testing.assert_allclose(aged.years, [0.0, 100 / 365])
