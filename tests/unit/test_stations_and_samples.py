"""Stations that answer late; signals with gaps; synthetic signals as their cards say."""

from __future__ import annotations

import numpy as np
import pytest

from gridtide.core import InputError, stream
from gridtide.signals import (
    Samples,
    fast_regulation,
    frequency_trace,
    mileage_per_hour,
    read_samples,
    slow_regulation,
)
from gridtide.sim import Stations


def asked(stations, times, powers, *, arrival=0.0):
    """Mean power of one station over each tick."""
    session, came = np.zeros(1, dtype=np.int64), np.array([arrival])
    return [
        float(stations.answer(t, t + times[1] - times[0], np.array([p]), session, came)[0])
        for t, p in zip(times, powers, strict=True)
    ]


def test_latency_within_a_tick_and_over_several():
    times = [0.0, 2.0, 4.0, 6.0]
    quick = Stations(np.array([0.5]), np.array([np.inf]), 2.0)
    assert asked(quick, times, [8.0, 8.0, 0.0, 0.0]) == pytest.approx([6.0, 8.0, 2.0, 0.0])
    slow = Stations(np.array([3.0]), np.array([np.inf]), 2.0)
    assert asked(slow, times, [8.0, 8.0, 0.0, 0.0]) == pytest.approx([0.0, 4.0, 8.0, 4.0])


def test_a_ramp_by_hand():
    """At 2 kW/s, 8 kW take four seconds: 2, then 6 kW in the mean, then all of it."""
    stations = Stations(np.zeros(1), np.array([2.0]), 2.0)
    assert asked(stations, [0.0, 2.0, 4.0, 6.0], [8.0] * 4) == pytest.approx([2.0, 6.0, 8.0, 8.0])
    assert asked(stations, [8.0, 10.0], [-8.0] * 2) == pytest.approx([6.0, 2.0])


def test_who_plugs_in_later_does_not_hear_what_was_said_before():
    stations = Stations(np.array([3.0]), np.array([np.inf]), 2.0)
    asked(stations, [0.0, 2.0], [8.0, 8.0])
    assert asked(stations, [4.0, 6.0], [5.0, 5.0], arrival=4.0) == pytest.approx([0.0, 2.5])
    gone = stations.answer(8.0, 10.0, np.array([5.0]), np.array([-1]), np.array([4.0]))
    assert gone[0] == 0.0 == stations.power_kw[0]


def test_a_sample_holds_for_a_while_and_then_is_not_known():
    samples = Samples(
        source="x", time_s=np.array([0.0, 2.0, 4.0, 20.0]), value=np.array([0.1, 0.2, np.nan, 0.5])
    )
    assert samples.at(2.0, 10.0) == 0.2
    assert samples.at(11.9, 10.0) == 0.2  # the one at 4 s was not received
    assert np.isnan(samples.at(12.5, 10.0))
    assert samples.at(20.0, 10.0) == 0.5
    assert np.isnan(samples.at(-1.0, 10.0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time,signal\n0,0.1\n2,1.5\n", "1.5 is outside -1 to 1"),
        ("time,signal\n0,0.1\n0,0.2\n", "comes before the row above"),
        ("time,signal\n0,x\n", "cannot be read"),
        ("time,signal\n2026-06-01T00:00:00,0.1\n", "has no offset"),
        ("clock,signal\n0,0.1\n", "has the columns clock, signal"),
        ("time,signal\n", "there are no rows"),
        ("time,signal\n0\n", "cut short"),
        ("time,signal\nnan,0.1\n", "is no time"),
    ],
)
def test_what_is_wrong_with_a_file_of_samples_is_told(tmp_path, text, told):
    path = tmp_path / "signal.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_samples(path, "signal", lowest=-1.0, highest=1.0)


def test_samples_are_read(tmp_path):
    path = tmp_path / "signal.csv"
    path.write_text("time,signal\n1970-01-01T00:00:10Z,0.1\n12,\n14,-0.5\n")
    samples = read_samples(path, "signal", lowest=-1.0, highest=1.0)
    np.testing.assert_array_equal(samples.time_s, [10.0, 12.0, 14.0])
    assert np.isnan(samples.value[1]) and samples.value[2] == -0.5 and len(samples) == 3
    with pytest.raises(InputError, match="no such file"):
        read_samples(tmp_path / "none.csv", "signal", lowest=-1.0, highest=1.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_fast_signal_is_as_its_card_says(seed):
    signal = fast_regulation(43_200, 2.0, stream(seed, "regulation"))
    assert np.abs(signal).max() == 1.0
    assert 30.0 < mileage_per_hour(signal, 2.0) < 42.0
    assert abs(signal.mean()) < 0.005  # energy-neutral
    drift_h = np.cumsum(signal) * 2.0 / 3600.0
    assert np.ptp(drift_h) < 0.25  # hours of full power, over a day
    slow = slow_regulation(43_200, 2.0, stream(seed, "regulation"))
    assert mileage_per_hour(slow, 2.0) < 5.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_frequency_is_as_recordings_of_continental_europe(seed):
    """Three days of 10 s samples: sd 17.7 to 21.4 mHz, > 10 mHz 59 to 64 %, > 50 mHz 0.9 to 3 %."""
    deviation = 1000.0 * (frequency_trace(3 * 8640, 10.0, stream(seed, "f")) - 50.0)
    assert 17.0 < deviation.std() < 22.0
    assert abs(deviation.mean()) < 3.0
    assert 0.55 < (np.abs(deviation) > 10.0).mean() < 0.66
    assert 0.004 < (np.abs(deviation) > 50.0).mean() < 0.03
