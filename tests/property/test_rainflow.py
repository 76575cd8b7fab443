"""Cycle counting against the PyPI package and against what must hold for any series."""

import numpy as np
import pytest
import rainflow
from hypothesis import given
from hypothesis import strategies as st

from gridtide.battery import CycleCounter, count_cycles
from gridtide.core import InputError

LEVELS = st.lists(st.integers(0, 8).map(float), min_size=3, max_size=60)
SERIES = st.one_of(LEVELS, st.lists(st.floats(0, 1), min_size=3, max_size=60))


def rows(*parts):
    names = ("range", "mean", "count", "i_start", "i_end")
    return [row for c in parts for row in zip(*(getattr(c, k) for k in names), strict=True)]


@given(SERIES)
def test_the_cycles_are_those_of_the_package_in_its_order(series):
    assert rows(count_cycles(series)) == list(rainflow.extract_cycles(series))


@pytest.mark.parametrize("kind", ["noise", "walk", "steps"])
def test_long_series_give_the_cycles_of_the_package(kind):
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, 20_000)
    series = {"noise": noise, "walk": noise.cumsum(), "steps": np.round(noise * 3)}[kind]
    assert rows(count_cycles(series)) == list(rainflow.extract_cycles(series.tolist()))


@given(SERIES, st.lists(st.integers(0, 60), max_size=4))
def test_parts_give_the_same_as_all_at_once(series, cuts):
    counter = CycleCounter()
    parts = [counter.feed(part) for part in np.split(np.array(series), sorted(cuts))]
    assert rows(*parts, counter.finish()) == rows(count_cycles(series))


def test_a_counter_begins_anew_after_it_has_finished():
    counter = CycleCounter()
    counter.feed([0.0, 1.0, 0.2])
    counter.finish()
    first = [counter.feed([0.5, 0.1, 0.9]), counter.finish()]
    assert rows(*first) == rows(count_cycles([0.5, 0.1, 0.9]))


@given(SERIES)
def test_ranges_add_up_to_the_total_variation(series):
    cycles = count_cycles(series)
    variation = np.abs(np.diff(series)).sum()
    assert 2 * (cycles.count * cycles.range).sum() == pytest.approx(variation, abs=1e-9)


@given(LEVELS)
def test_points_on_the_way_change_nothing(series):
    between = np.interp(np.arange(0, len(series) - 0.5, 0.5), np.arange(len(series)), series)
    for cycles in (count_cycles(series), count_cycles(between)):
        found = sorted(zip(cycles.range, cycles.mean, cycles.count, strict=True))
        assert found == sorted(row[:3] for row in rows(count_cycles(series)))


def test_the_example_of_the_standard():
    cycles = count_cycles([-2, 1, -3, 5, -1, 3, -4, 4, -2])
    total = {}
    for size, count in zip(cycles.range, cycles.count, strict=True):
        total[size] = total.get(size, 0) + count
    assert total == {3: 0.5, 4: 1.5, 6: 0.5, 8: 1.0, 9: 0.5}


def test_two_points_are_half_a_cycle_and_one_is_none():
    assert rows(count_cycles([0.2, 0.9])) == [(pytest.approx(0.7), 0.55, 0.5, 0, 1)]
    assert len(count_cycles([0.2])) == len(count_cycles([])) == 0


@pytest.mark.parametrize("series", [[0.1, np.nan, 0.3], [0.1, np.inf], [[0.1, 0.2]]])
def test_what_cannot_be_counted_is_told(series):
    with pytest.raises(InputError, match="series"):
        count_cycles(series)
