"""The bound of foresight on days small enough for a pencil."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gridtide.study.benchmarks.clairvoyant import Steps, most_sold_kw
from worlds import NO_LOSS, world


def steps(hours, mean=0.0):
    count = hours * 12
    return Steps(mean=np.full(count, mean), block=np.arange(count) // 12)


def test_one_idle_car_sells_all_of_its_power_both_ways():
    made = world([(0, 16, 0.6, 0.5)], law=NO_LOSS)
    np.testing.assert_allclose(most_sold_kw(made, steps(4), duration_h=0.25), 11.0, atol=1e-6)


def test_a_car_that_must_charge_all_the_time_sells_nothing():
    made = world([(0, 8, 0.3, 0.3 + 22.0 / 60.0)], law=NO_LOSS)
    most = most_sold_kw(made, steps(2), duration_h=0.25)
    assert most.max() < 0.5  # a tenth of a kWh may be missing


def test_every_kwh_charged_costs_a_kw_for_an_hour():
    """22 kW·h of room less 6 kWh; half of the plug's range is on either side."""
    made = world([(0, 8, 0.4, 0.5)], law=NO_LOSS)
    most = most_sold_kw(made, steps(2), duration_h=0.0)
    assert most.sum() == pytest.approx(22.0 - 6.0, abs=0.2)


def test_what_must_be_sustained_longer_is_less():
    made = world([(0, 8, 0.96, 0.96)], law=NO_LOSS)  # 2.4 kWh below full, and wanted back
    short, long = (most_sold_kw(made, steps(2), duration_h=h)[0] for h in (0.25, 1.0))
    assert 0.0 < long < short < 11.0


def test_reserve_upwards_alone_counts_charging_that_stops():
    made = world([(0, 8, 0.6, 0.5)], law=NO_LOSS)
    both, up = (
        most_sold_kw(made, steps(2), duration_h=0.25, down=down).sum() for down in (True, False)
    )
    assert up > both == pytest.approx(22.0, abs=1e-6)


def test_without_anybody_nothing():
    made = world([(0, 8, 0.5, 0.5)])
    empty = made.sessions
    none = type(empty)(**{name: getattr(empty, name)[:0] for name in empty.__dataclass_fields__})
    nobody = dataclasses.replace(made, sessions=none)
    assert most_sold_kw(nobody, steps(2), duration_h=0.25).tolist() == [0, 0]
