"""What past visits tell: who comes later in the day, and who stays on."""

from __future__ import annotations

import numpy as np
import pytest

from gridtide.fleet import Habits, is_weekend
from worlds import START_S, world

DAY_S = 86_400


def habits(shift_steps=0):
    """Three visits on Monday, 1 June 2026, who said 8, 4 and 4 steps and stayed 8, 6 and 2."""
    made = world([(4, 12, 0.5, 0.6, 12), (8, 14, 0.5, 0.6, 12), (8, 10, 0.4, 0.7, 12)], steps=32)
    return Habits.of(made.sessions, made.vehicles, START_S, 1)


def test_saturdays_and_sundays_wherever_midnight_is():
    monday = START_S
    days = monday + DAY_S * np.arange(7)
    assert is_weekend(days).tolist() == [False] * 5 + [True, True]
    for offset_h in (-11, -7, 9, 11):
        assert is_weekend(days + 3600 * offset_h).tolist() == [False] * 5 + [True, True]


def test_who_stays_on():
    past = habits()
    np.testing.assert_allclose(past.beyond_s, [-1800.0, 0.0, 1800.0])
    # Of all three and one who stays for ever, three are there at the stated departure.
    assert past.still_there(np.array(-7200.0), np.array(0.0)) == pytest.approx(3 / 4)
    assert past.still_there(np.array(0.0), np.array(900.0)) == pytest.approx(2 / 3)
    assert past.still_there(np.array(0.0), np.array(-900.0)) == 1.0


def test_who_comes_later_on_days_of_that_kind():
    past = habits()
    later, a_day = past.later(1.5 * 3600.0, weekend=False)
    assert later.size == 2 and a_day == 2.0
    assert past.later(0.0, weekend=True) == (pytest.approx(np.zeros(0)), 0.0)
    assert past.later(5 * 3600.0, weekend=False)[1] == 0.0
