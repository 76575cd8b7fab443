"""Invariants of the physics of one plug."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.battery import (
    cells_charging,
    charge_step,
    discharge_step,
    energy_needed,
)

LAW = (0.232, 0.060, 0.0)
POWER = st.floats(1.38, 22.0)
HOURS = st.floats(0.01, 8.0)
SHARE = st.floats(0.0, 1.0)


def battery(capacity, knee, end, full_power):
    """Full energy, knee, slope and full power of a tapering battery."""
    dc = cells_charging(full_power, *LAW)
    at = knee * capacity
    slope = dc * (1 - end) / (capacity - at) if knee < 1 else 0.0
    return capacity, at, slope, dc


@given(POWER, HOURS, SHARE, st.floats(0.5, 1.0), st.floats(0.05, 1.0), st.floats(20, 100))
def test_charging_conserves_energy_and_stays_within(power, hours, soc, knee, end, capacity):
    full, at, slope, dc = battery(capacity, knee, end, 22.0)
    e, plug, loss = charge_step(power, hours, soc * full, full, at, slope, dc, *LAW)
    assert plug - loss - (e - soc * full) == pytest.approx(0, abs=1e-9)
    assert soc * full <= e <= full + 1e-9
    assert 0 <= plug <= power * hours + 1e-9
    assert loss >= 0


@given(POWER, HOURS, SHARE, st.floats(0.5, 0.99), st.floats(0.05, 1.0), st.integers(2, 12))
def test_charging_does_not_depend_on_the_length_of_a_step(power, hours, soc, knee, end, parts):
    full, at, slope, dc = battery(60.0, knee, end, 22.0)
    whole = charge_step(power, hours, soc * full, full, at, slope, dc, *LAW)
    e, plug, loss = soc * full, 0.0, 0.0
    for _ in range(parts):
        e, more, lost = charge_step(power, hours / parts, e, full, at, slope, dc, *LAW)
        plug, loss = plug + more, loss + lost
    assert (e, plug, loss) == pytest.approx(whole, abs=1e-9)


@given(POWER, HOURS, SHARE, SHARE)
def test_discharging_conserves_energy_and_keeps_the_floor(power, hours, soc, floor):
    e, plug, loss = discharge_step(power, hours, soc * 60, floor * 60, *LAW)
    assert (soc * 60 - e) - plug - loss == pytest.approx(0, abs=1e-9)
    assert e >= min(soc, floor) * 60 - 1e-9
    assert 0 <= plug <= power * hours + 1e-9


@given(st.floats(0.1, 20), st.floats(0.2, 1.0), st.floats(0.5, 1.0), st.floats(0.05, 1.0))
def test_the_least_energy_just_reaches_the_target(hours, target, knee, end):
    full, at, slope, dc = battery(60.0, knee, end, 11.0)
    goal = target * full
    least = energy_needed(goal, hours, at, slope, dc)
    e, _, _ = charge_step(11.0, hours, least, goal, at, slope, dc, *LAW)
    assert e == pytest.approx(goal, abs=1e-6)
    assert least <= goal


def test_taper_follows_its_exponential():
    # Above the knee de/dt = dc - beta (e - knee); from the knee, after one hour, by hand:
    dc, beta, knee = 10.0, 0.5, 50.0
    power = (dc + LAW[0]) / (1 - LAW[1])
    e, _, _ = charge_step(power, 1.0, knee, 100.0, knee, beta, dc, *LAW)
    assert e == pytest.approx(knee + dc / beta * (1 - math.exp(-beta)))


def test_charging_stops_at_the_energy_asked_for():
    # 11 kW for an hour, but only 5 kWh are missing: the plug delivers for 5/10.108 h.
    dc = 11 - 0.232 - 0.66
    e, plug, loss = charge_step(11.0, 1.0, 20.0, 25.0, 60.0, 0.0, dc, *LAW)
    assert e == 25.0
    assert plug == pytest.approx(11 * 5 / dc)
    assert loss == pytest.approx(plug - 5)
