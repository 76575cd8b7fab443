"""Invariants of the lumped temperature of a pack, and of its heater and cooler."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.battery import (
    Thermal,
    ThermalLaw,
    conditioning_kw,
    resistance_heat_kw,
    temperature_step,
)

WARMTH = st.floats(-40, 60)
HOURS = st.floats(0.01, 48)
TAU = st.floats(0.5, 40)
RTH = st.floats(5, 200)  # K/kW: 8 h over 0.108 kWh/K is 74
NAN = float("nan")


@given(WARMTH, WARMTH, st.floats(-3, 3), RTH, TAU, HOURS, st.integers(2, 20))
def test_temperature_does_not_depend_on_the_length_of_a_step(T, air, heat, rth, tau, h, parts):
    whole = temperature_step(T, air, heat, rth, tau, h)
    for _ in range(parts):
        T = temperature_step(T, air, heat, rth, tau, h / parts)
    assert pytest.approx(whole, abs=1e-9) == T


@given(WARMTH, WARMTH, st.floats(-3, 3), RTH, TAU, HOURS)
def test_heat_is_conserved(T, air, heat, rth, tau, h):
    # Stored heat is what came in less what left: the mean distance to the air over Rth.
    after = temperature_step(T, air, heat, rth, tau, h)
    settled = heat * rth
    e = np.exp(-h / tau)
    mean = settled + (T - air - settled) * (1 - e) * tau / h
    assert (after - T) * tau / rth == pytest.approx(heat * h - mean / rth * h, abs=1e-9)


@given(WARMTH, WARMTH, RTH, TAU, HOURS)
def test_a_pack_left_alone_comes_closer_to_the_air_and_never_passes_it(T, air, rth, tau, h):
    after = temperature_step(T, air, 0.0, rth, tau, h)
    assert min(T, air) - 1e-9 <= after <= max(T, air) + 1e-9


@given(WARMTH, WARMTH, RTH, TAU, st.floats(0.01, 1), st.floats(0, 10), st.floats(0.5, 4))
def test_conditioning_reaches_the_band_or_does_what_it_can(T, air, rth, tau, h, most, cop):
    electric, heat = conditioning_kw(T, air, rth, tau, h, 5.0, 30.0, most, cop, cop)
    after = temperature_step(T, air, heat, rth, tau, h)
    alone = temperature_step(T, air, 0.0, rth, tau, h)
    assert 0 <= electric <= most
    assert abs(heat) == pytest.approx(electric * cop)
    if electric < most:
        assert 5.0 - 1e-6 <= after <= 30.0 + 1e-6
    if 5.0 <= alone <= 30.0:
        assert electric == 0
    assert (heat > 0) == (alone < 5.0 and electric > 0)


@given(WARMTH, WARMTH, RTH, TAU)
def test_without_heater_and_cooler_nothing_is_drawn(T, air, rth, tau):
    assert conditioning_kw(T, air, rth, tau, 0.25, NAN, NAN, 3.0, 1.0, 2.0) == (0.0, 0.0)


@given(st.floats(0, 150), st.floats(10, 200), WARMTH, WARMTH)
def test_a_cold_pack_heats_itself_more(dc, capacity, one, other):
    low, high = sorted((one, other))
    cold = resistance_heat_kw(dc, capacity, 0.04, 15_000.0, low)
    warm = resistance_heat_kw(dc, capacity, 0.04, 15_000.0, high)
    assert cold >= warm >= 0


def test_resistance_heat_is_that_of_the_current_by_hand():
    # 60 kWh at 350 V are 171.4 Ah; 0.04 h are 81.7 mΩ; 11 kW are 31.4 A and 80.7 W.
    ohm = 0.04 * 350 / (60_000 / 350)
    by_hand = (11_000 / 350) ** 2 * ohm / 1000
    assert resistance_heat_kw(11.0, 60.0, 0.04, 15_000.0, 25.0) == pytest.approx(by_hand)


def test_the_table_becomes_the_law_with_its_units():
    law = ThermalLaw.of(Thermal(heat_below_c=5.0))
    assert law.mass == pytest.approx(0.0018)
    assert law.heat_below == 5.0
    assert np.isnan(law.cool_above)
