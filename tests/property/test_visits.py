"""Visits of one unit never overlap, and none is left out without cause."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridtide.fleet._visits import Visits, first_free, one_at_a_time

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 60), st.integers(1, 30)), min_size=1, max_size=40
)


def visits(rows):
    unit, arrival, stay = (np.array(c, dtype=np.int64) for c in zip(*rows, strict=True))
    blank = np.full(unit.size, np.nan)
    return Visits(unit, arrival, arrival + stay, blank, blank, np.zeros(unit.size, bool))


def meets(a, b):
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2]


def as_rows(v):
    return list(zip(v.unit.tolist(), v.arrival_s.tolist(), v.departure_s.tolist(), strict=True))


@given(rows=ROWS, seed=st.integers(0, 5))
def test_one_at_a_time(rows, seed):
    offered = as_rows(visits(rows))
    kept = as_rows(one_at_a_time(visits(rows), np.random.default_rng(seed)))
    assert not any(meets(a, b) for i, a in enumerate(kept) for b in kept[:i])
    assert all(row in kept or any(meets(row, k) for k in kept) for row in offered)


@given(rows=ROWS, plugs=st.integers(1, 5))
def test_first_free(rows, plugs):
    offered = visits(rows)
    plug = first_free(offered, plugs)
    at = [(p, a, d) for p, (_, a, d) in zip(plug.tolist(), as_rows(offered), strict=True)]
    used = [row for row in at if row[0] >= 0]
    assert not any(meets(a, b) for i, a in enumerate(used) for b in used[:i])
    for p, a, _ in at:  # who got none found every plug taken
        assert p >= 0 or sum(b <= a < d for _, b, d in used) == plugs
