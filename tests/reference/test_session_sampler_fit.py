"""Sampled sessions against the real ones that they were fitted to (docs: session-sampler)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats

from gridtide.core import parse_utc
from gridtide.fleet import read_acn, read_trondheim, sample_sessions

# Bounds on the largest gap between distribution functions; the held-out quarter of the data is
# itself up to 0.05 away from the rest (scripts/fit_sessions.py prints both).
BOUND = 0.08


def columns(raw, zone, which=None):
    which = np.ones(len(raw), bool) if which is None else which
    local = [datetime.fromtimestamp(int(s), UTC).astimezone(ZoneInfo(zone)) for s in raw.arrival_s]
    hour = np.array([(t.hour + t.minute / 60 - 4) % 24 + 4 for t in local])
    weekday = np.array([t.weekday() for t in local]) < 5
    stay_h = (raw.departure_s - raw.arrival_s) / 3600
    delivered = raw.delivered_kwh
    energy = np.where(np.isnan(delivered), raw.requested_kwh, delivered)
    stated = (raw.stated_departure_s - raw.departure_s) / 3600
    table = np.column_stack([hour, stay_h, energy, (hour + stay_h) % 24, stated])
    return table[which & weekday]


def gaps(one, two):
    return [stats.ks_2samp(one[:, k], two[:, k]).statistic for k in range(4)]


@pytest.fixture(scope="module")
def work(shared_data):
    return np.concatenate(
        [
            columns(raw, "America/Los_Angeles", raw.need_known)
            for path in sorted((shared_data / "ev").glob("*_2019-*.csv.gz"))
            for raw in [read_acn(path, start_s=0, end_s=2**33)]
        ]
    )


@pytest.fixture(scope="module")
def home(shared_data):
    path = shared_data / "ev" / "trondheim_sorensen2021_sessions.csv"
    rows = [line.split(";") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    private = {row[0] for row in rows if row[3] == "Private"}
    raw = read_trondheim(path, start_s=0, end_s=2**33)
    return columns(raw, "Europe/Oslo", np.array([name in private for name in raw.session_ids]))


def drawn(kind, zone, chargers, days):
    raw = sample_sessions(
        kind,
        start_s=parse_utc("2019-06-03T12:00Z"),
        days=days,
        timezone=zone,
        charger_ids=[f"c{i}" for i in range(chargers)],
        seed=11,
        charger_kw=7.0 if kind == "workplace" else 7.8,
    )
    return columns(raw, zone)


def test_workplace_marginals_joint_and_statements(work):
    made = drawn("workplace", "America/Los_Angeles", 52, 140)
    assert max(gaps(made, work)) < BOUND
    ranks = [stats.spearmanr(t[:, :3]).statistic for t in (made, work)]
    assert np.allclose(*ranks, atol=0.08)
    stated = made[np.isfinite(made[:, 4]), 4]
    assert stats.ks_2samp(stated, work[:, 4]).statistic < 0.05


def test_residential_marginals_and_joint(home):
    made = drawn("residential", "Europe/Oslo", 300, 56)
    assert max(gaps(made, home)) < BOUND
    ranks = [stats.spearmanr(t[:, :3]).statistic for t in (made, home)]
    assert np.allclose(*ranks, atol=0.12)


def test_the_bound_can_fail(work, home):
    assert min(gaps(work, home)[:2]) > 2 * BOUND
