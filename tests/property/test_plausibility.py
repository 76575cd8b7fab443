"""Whatever telemetry comes: verdicts do not depend on how it is cut, nor on the neighbours."""

import copy
import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.battery import Detector, Telemetry
from gridtide.study.benchmarks.telemetry_attacks import ATTACKS
from gridtide.study.benchmarks.telemetry_days import MINUTES, TelemetryDays

N = 16


@pytest.fixture(scope="module")
def days():
    made = TelemetryDays(N, seed=77, full_share=0.7)
    return made.nameplate, [made.next_day() for _ in range(2)]


def forged(attack, size, telemetry, plate, begin):
    since = np.broadcast_to(np.arange(MINUTES) - begin, (N, MINUTES)).astype(float)
    return attack.forge(telemetry, since, size, plate)


def whole(plate, parts):
    detector = Detector(plate)
    for part in parts:
        detector.see(part)
    return detector


def same(one, other):
    assert np.array_equal(one.since_s, other.since_s, equal_nan=True)
    for i in range(len(one.nameplate)):
        assert repr(one.verdict(i)) == repr(other.verdict(i))


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(ATTACKS),
    st.integers(0, MINUTES - 1),
    st.lists(st.integers(1, MINUTES - 1), max_size=6, unique=True),
)
def test_streamed_is_as_whole(days, attack, begin, cuts):
    plate, (first, second) = days
    bad = forged(attack, attack.magnitudes[-1], second, plate, begin)
    edges = [0, *sorted(cuts), MINUTES]
    parts = [bad.between(a, b) for a, b in itertools.pairwise(edges)]
    same(whole(plate, [first, bad]), whole(plate, [first, *parts]))


def test_sample_by_sample_is_as_a_day_at_once(days):
    plate, (first, second) = days
    bad = replace(second, soc=np.where(np.arange(MINUTES) > 700, second.soc + 0.08, second.soc))
    one = whole(plate, [first, bad])
    assert one.in_doubt.any()
    same(one, whole(plate, [first, *(bad.between(k, k + 1) for k in range(MINUTES))]))


def some(telemetry, which):
    return Telemetry(
        **{f.name: getattr(telemetry, f.name)[which].copy() for f in fields(telemetry)}
    )


def some_plate(plate, which):
    arrays = {f.name: getattr(plate, f.name)[which] for f in fields(plate) if f.name != "chemistry"}
    return replace(plate, **arrays, chemistry=tuple(plate.chemistry[i] for i in which))


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(N)), st.integers(1, 10))
def test_no_vehicle_leaks_into_another(days, order, size):
    """But for comparison within the fleet, which fewer than its least number of vehicles lack."""
    plate, (first, second) = days
    bad = forged(ATTACKS[0], 0.1, second, plate, 600)
    which = np.array(order[:size])
    alone = whole(some_plate(plate, which), [some(first, which), some(bad, which)])
    every = Detector(plate, alone.thresholds._replace(fleet_least=1e9))
    every.see(first)
    every.see(bad)
    for k, i in enumerate(which):
        assert repr(alone.verdict(k)) == repr(every.verdict(i))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, N - 1))
def test_clearing_frees_one_vehicle_only_and_leaves_nothing_behind(days, vehicle):
    plate, (first, second) = days
    bad = replace(first, soc=np.where(np.arange(MINUTES) > 600, first.soc * 0 + 2.0, first.soc))
    detector = whole(plate, [bad])
    before = detector.in_doubt
    detector.clear(vehicle)
    assert not detector.in_doubt[vehicle]
    others = np.arange(N) != vehicle
    assert np.array_equal(detector.in_doubt[others], before[others])
    detector.see(second)
    assert not detector.in_doubt[vehicle]
    assert np.array_equal(detector.in_doubt[others], before[others])


def test_a_detector_that_is_copied_goes_on_as_the_one_it_was_copied_from(days):
    plate, (first, second) = days
    detector = whole(plate, [first])
    other = copy.deepcopy(detector)
    other.see(replace(second, soc=second.soc + 2.0))
    assert other.in_doubt.any()
    assert not detector.in_doubt.any()
    detector.see(second)
    assert not detector.in_doubt.any()
