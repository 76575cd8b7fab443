"""Volt-var comes to rest where the curve is, and slopes tell what a flow answers."""

from __future__ import annotations

import numpy as np
import pytest

from gridtide.core import stream
from gridtide.grid import (
    FeederLimits,
    FlowModel,
    Inverters,
    answers,
    curve_named,
    draw_feeder,
    excess,
    point_voltage_v,
    reactive_kvar,
    settle_reactive,
)


@pytest.fixture(scope="module")
def model():
    return FlowModel(draw_feeder(12, stream(3, "feeder")))


def powers(model, kw):
    m = len(model.feeder)
    return np.full((2, m), kw), np.full((2, m), 0.5), np.full((2, m), 0.1)


@pytest.mark.parametrize("kw", [-9.0, 0.0, 9.0])
def test_reactive_power_is_what_the_curve_gives(model, kw):
    power, load, kvar = powers(model, kw)
    rated = np.full_like(power, 11.0)
    curve = curve_named("volt-var-b")
    flow, reactive, kept = settle_reactive(
        model, power, load, kvar, Inverters(curve=curve, rated_kva=rated)
    )
    x = point_voltage_v(model.feeder, flow) / 230.0
    np.testing.assert_allclose(reactive, reactive_kvar(curve, x, rated), atol=2e-3)
    assert (kept**2 + reactive**2 <= rated**2 + 1e-6).all()
    without = model.solve(load + power, kvar)
    if kw:  # it brings the voltage back towards nominal
        off, was = (np.abs(point_voltage_v(model.feeder, f) - 230.0).max() for f in (flow, without))
        assert off < was


def test_slopes_are_what_a_second_flow_finds(model):
    power, load, kvar = powers(model, 6.0)
    points = np.arange(len(model.feeder))
    tight = FeederLimits(low=0.999, high=1.0)
    found, slopes = answers(model, np.array([1]), power + load, kvar, points, tight, 0.0)
    more = (power + load).copy()
    more[1, 4] += 1.0
    after = excess(model.feeder, model.solve(more, kvar, unbalance=True), tight)
    assert found.under[0] > 0
    assert after.under[1] - found.under[0] == pytest.approx(slopes["under"][0, 4], rel=0.05)
    assert slopes["under"].min() >= -1e-9 or slopes["under"].max() > 0


def test_within_limits_nothing_is_beyond(model):
    _, load, kvar = powers(model, 0.0)
    flow = model.solve(load, kvar, unbalance=True)
    assert not excess(model.feeder, flow, FeederLimits()).any_step.any()
    assert excess(model.feeder, flow, FeederLimits(high=0.9)).any_step.all()
