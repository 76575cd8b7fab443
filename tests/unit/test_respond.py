"""From signal, frequency or call to the response that a product asks for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gridtide.core import InputError, stream
from gridtide.services import (
    catalogue,
    droop,
    generated,
    product_named,
    quantity,
    response,
    staggered,
)


def test_what_activates_each_product():
    assert quantity(product_named("pjm-2012-regd")) == "signal"
    assert quantity(product_named("fcr-ce")) == "hz"
    assert quantity(product_named("pjm-spin")) == "share"
    for name in ("order890", "ieee1547-volt-var-b"):
        with pytest.raises(InputError, match=r"schedule|voltage"):
            quantity(product_named(name))


@pytest.mark.parametrize(
    ("name", "value", "asked"),
    [
        ("fcr-ce", 49.8, 1.0),  # full activation at 200 mHz
        ("fcr-ce", 49.9, 0.5),
        ("fcr-ce", 50.009, 0.0),  # within the deadband
        ("fcr-d-up", 49.7, 0.5),
        ("fcr-d-up", 50.4, 0.0),
        ("fcr-d-down", 50.5, -1.0),
        ("gb-dc-low", 49.8, 0.05),  # the knee
        ("gb-dc-low", 50.5, 0.0),  # one direction alone
        ("gb-dc-high", 50.5, -1.0),
        ("ffr-nordic", 49.7, 1.0),
        ("pjm-2012-regd", -0.4, -0.4),
        ("pjm-2012-regd", 1.7, 1.0),
        ("pjm-spin", 1.0, 1.0),
    ],
)
def test_the_response_by_the_products_own_curve(name, value, asked):
    assert response(product_named(name), value) == pytest.approx(asked, abs=1e-12)


def test_what_cannot_be_believed_asks_for_nothing_known():
    for value in (math.nan, 30.0, 70.0):
        assert math.isnan(response(product_named("fcr-ce"), value))
    assert math.isnan(response(product_named("pjm-2012-regd"), math.nan))


def test_every_activated_product_has_a_response_within_its_direction():
    values = {"signal": (-1.0, 0.3, 1.0), "hz": (49.0, 50.0, 51.0), "share": (0.0, 1.0)}
    seen = 0
    for product in catalogue().values():
        if product.activation in ("schedule", "voltage"):
            continue
        for value in values[quantity(product)]:
            asked = response(product, value)
            assert -1.0 <= asked <= 1.0
            assert not (product.direction == "up" and asked < 0)
            assert not (product.direction == "down" and asked > 0)
            seen += 1
    assert seen > 30


def test_what_is_generated_suits_the_product():
    rng = stream(1, "test")
    fast = generated(product_named("pjm-2012-regd"), 1800, 2.0, rng)
    assert np.abs(fast).max() <= 1.0 and abs(fast.mean()) < 0.2
    hz = generated(product_named("fcr-ce"), 600, 1.0, rng)
    assert 49.7 < hz.min() < hz.max() < 50.3
    with pytest.raises(InputError, match="cannot be generated"):
        generated(product_named("pjm-spin"), 60, 60.0, rng)


@pytest.mark.parametrize(("vehicles", "levels"), [(1, 4), (7, 10), (50, 26), (3, 1)])
def test_offsets_from_vehicle_to_vehicle_make_the_sum_straight(vehicles, levels):
    hz = np.linspace(49.75, 50.25, 1001)
    share = droop(hz, nominal_hz=50.0, full_hz=0.2)
    each = staggered(share, vehicles, levels)
    assert each.shape == (1001, vehicles) and np.abs(each).max() <= 1.0
    np.testing.assert_allclose(each * levels, np.round(each * levels), atol=1e-9)
    off = np.abs(each.mean(axis=1) - share).max()
    assert off <= 0.5 / (vehicles * levels) + 1e-9
    together = staggered(share, 1, levels)[:, 0]  # equal thresholds: a staircase
    assert vehicles == 1 or off < 0.6 * np.abs(together - share).max()
