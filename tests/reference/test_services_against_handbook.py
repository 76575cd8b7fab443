"""Scores, tiers, curves and credits against worked examples and against plain second programs.

The examples are those of the markets' rules as worked out in the project's handbook of services
(PJM Manual 12 section 4.5.6; FERC Order 890 schedule 4; NESO; Nordic TSOs; CAISO).
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from gridtide.services import (
    ORDER_890,
    ORDER_890_INTERMITTENT,
    before_event,
    catalogue,
    demand_charge_line,
    droop,
    dual_price_cost,
    knee,
    one_sided,
    payment_factor,
    regulation_lines,
    single_price_cost,
    spin_lines,
    split_mwh,
    ten_in_ten,
    tiered_cost,
    total_nano,
)
from gridtide.services.score import classic, verify_event

DATA = Path(os.environ.get("GRIDTIDE_DATA", Path(__file__).parents[3] / "shared" / "data"))
T = np.arange(0.0, 3900.0, 10.0)
HOUR = 360


def sine(late_s=0.0):
    return np.sin(2.0 * np.pi * (T - late_s) / 300.0)


@pytest.mark.parametrize(
    ("response", "accuracy", "delay", "precision", "score", "by_correlation"),
    [
        (sine(), 1, 1, 1, 1.0, 1.0),
        (0.8 * sine(), 1, 1, 0.8, 0.9333, 0.9333),
        (sine(20.0), 0.9781, 0.9667, 0.5819, 0.8422, 0.8384),
        (sine(60.0), 0.9781, 0.8333, 0, 0.6038, 0.6000),
        (sine() + 0.2, 1, 1, 0.6847, 0.8949, 0.8949),
        (0.0 * sine(), 0, 0, 0, 0.0, 0.0),
        (-sine(), 0.9781, 0.5333, 0, 0.5038, 0.5),
    ],
)
def test_classic_scores_of_a_sine(response, accuracy, delay, precision, score, by_correlation):
    """Section 3.4. Ties by correlation alone are decided for the shorter delay here."""
    found = classic(sine()[:HOUR], response)
    assert found.accuracy.mean() == pytest.approx(accuracy, abs=5e-5)
    assert found.delay.mean() == pytest.approx(delay, abs=5e-5)
    assert found.precision.mean() == pytest.approx(precision, abs=5e-5)
    assert found.total == pytest.approx(score, abs=5e-5)
    plain = classic(sine()[:HOUR], response, delay_rule="correlation")
    assert plain.total == pytest.approx(by_correlation, abs=5e-5)


def plainly(signal, response):
    """The definition of section 4.5.6 once more, window by window, with numpy's correlation."""
    scores, base = [], np.mean(np.abs(signal))
    for w in range(0, len(signal), 30):
        sums, parts = [], []
        for k in range(31):
            r = np.corrcoef(signal[w : w + 30], response[w + k : w + k + 30])[0, 1]
            d = abs(10 * k - 300) / 300
            sums.append(r + d)
            parts.append((r, d))
        a, d = parts[int(np.argmax(np.round(sums, 12)))]
        p = 1 - np.mean(np.abs(response[w : w + 30] - signal[w : w + 30])) / base
        scores.append(sum(min(max(x, 0), 1) for x in (a, d, p)) / 3)
    return np.mean(scores)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("late", [0, 1, 3, 7])
def test_classic_scores_against_a_second_program(seed, late):
    """Three samples are a pure delay of 30 s."""
    rng = np.random.default_rng(seed)
    long = np.convolve(rng.standard_normal(500), np.ones(6) / 6, "same")
    signal, response = long[40:400], long[40 - late : 430 - late] + 0.01 * rng.standard_normal(390)
    if late == 0:
        assert classic(signal, long[40:430]).total == 1.0
    assert classic(signal, response).total == pytest.approx(plainly(signal, response), abs=1e-9)


@pytest.mark.parametrize(
    ("scheduled", "deviation", "split", "amount", "intermittent"),
    [
        (100, -1, (1, 0, 0), 50.0, 50.0),
        (100, -5, (2, 3, 0), 265.0, 265.0),
        (100, -12, (2, 8, 2), 665.0, 650.0),
        (100, 12, (2, 8, 2), -535.0, -550.0),
        (100, -20, (2, 8, 10), 1165.0, 1090.0),
        (1000, -20, (15, 5, 0), 1025.0, 1025.0),
        (1000, -100, (15, 60, 25), 5612.5, 5425.0),
    ],
)
def test_the_tiers_of_order_890(scheduled, deviation, split, amount, intermittent):
    """Section 2.1, exactly."""
    assert split_mwh(deviation, scheduled, ORDER_890) == list(split)
    columns = [np.array([float(x)]) for x in (deviation, scheduled, 50.0, 50.0)]
    assert tiered_cost(*columns)[0] == amount
    assert tiered_cost(*columns, tiers=ORDER_890_INTERMITTENT)[0] == intermittent


def test_single_and_dual_prices():
    """Section 2.2."""
    assert single_price_cost(2.15, 2.0, 0.25, 120.0) == pytest.approx(12.0)
    costs = dual_price_cost(np.array([-0.10, 0.10]), 80.0, 120.0, 60.0, np.array([True, True]))
    np.testing.assert_allclose(costs, [12.0, -8.0])


def test_a_spinning_event():
    """Section 4.2: 9.8 before, 14.6 at ten minutes, 5.0 assigned."""
    output = np.array([9.8, 10.1, 11, 12, 13, 14, 14, 14, 14, 14.2, 14.6, 14.5])
    found = verify_event(10.0, output, 5.0, 10)
    assert (found.start_mw, found.counts) == (9.8, True)
    assert found.ratio == pytest.approx(0.96)
    assert found.shortfall_mw == pytest.approx(0.2)
    mirrored = verify_event(-10.0, -output, 5.0, 10, load=True)
    assert mirrored.ratio == pytest.approx(0.96)
    long = verify_event(10.0, np.append(output, [14.0] * 6), 4.0, 16)
    assert long.delivered_mw == pytest.approx(4.2)  # it held 14.0
    assert not verify_event(10.0, output, 5.0, 6).counts


def test_credits():
    """Sections 3.5, 4.3, 6.3, 7.2."""
    lines = regulation_lines(
        "pjm", 1.0, 0.95, capability_price=12.50, performance_price=1.12, mileage_ratio=4.7
    )
    assert total_nano(lines) == 16_875_800_000
    nothing = regulation_lines(
        "pjm", 1.0, 0.2499, capability_price=12.50, performance_price=1.12, mileage_ratio=4.7
    )
    assert total_nano(nothing) == 0 and "nothing is paid" in nothing[0].note
    n = 18 * 24
    paid = spin_lines("spin", [5.0] * n, [1.59] * n, 1.0)
    less = spin_lines("spin", [5.0] * n, [1.59] * n, 1.0, shortfall_mw=0.2)
    forfeited = (total_nano(paid) - total_nano(less)) / 1e9
    assert forfeited == pytest.approx(0.2 * 1.59 * 432)
    assert [payment_factor(e) for e in (0.0, 0.03, 0.05, 0.07, 1.0)] == pytest.approx(
        [1.0, 1.0, 0.5, 0.0, 0.0]
    )
    assert demand_charge_line("peak", 480, 410, 15).amount_nano == 1_050 * 10**9
    held = demand_charge_line("peak", 480, 410, 15, ratchet_share=0.9, past_peak_kw=500)
    assert held.amount_nano == 450 * 10**9 and "ratchet" in held.note


def test_credits_with_real_prices_of_january_2017():
    path = DATA / "market" / "pjm_regulation_2017-01_first_half.csv"
    if not path.is_file():
        pytest.skip(f"needs {path.name} in GRIDTIDE_DATA")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 372
    total = expected = 0.0
    for k, row in enumerate(rows):
        score = 0.2 + 0.8 * ((7 * k) % 31) / 30
        a, b, c = (float(row[name]) for name in (
            "rmccp_usd_per_mw", "rmpcp_usd_per_mw", "mileage_ratio_regd_rega"))  # fmt: skip
        lines = regulation_lines(
            "pjm", 1.3, score, capability_price=a, performance_price=b, mileage_ratio=c
        )
        credit = 1.3 * score * (a + c * b) if score >= 0.25 else 0.0
        assert total_nano(lines) / 1e9 == pytest.approx(credit, abs=1e-8, rel=1e-9)
        total += total_nano(lines) / 1e9
        expected += credit
    assert total == pytest.approx(expected, rel=1e-9)
    assert total > 1000.0


def test_curves_at_their_corners():
    """Sections 6.1, 6.3, 6.4."""
    fcr = catalogue()["fcr-ce"].activation_values | {"deadband_hz": 0.0}
    values = droop(np.array([49.95, 49.80, 50.10, 49.0, 51.0]), **fcr)
    np.testing.assert_allclose(values, [0.25, 1.0, -0.5, 1.0, -1.0], atol=1e-9)
    dc = catalogue()["gb-dc-low"].activation_values
    deviations = np.array([0.0, 0.015, 0.1, 0.2, 0.3, 0.5, 0.7])
    expected = [0.0, 0.0, 0.022973, 0.05, 0.366667, 1.0, 1.0]
    np.testing.assert_allclose(knee(50.0 - deviations, **dc), expected, atol=1e-6)
    np.testing.assert_allclose(knee(50.0 + deviations, **dc), -np.array(expected), atol=1e-6)
    up = catalogue()["fcr-d-up"].activation_values
    np.testing.assert_allclose(one_sided(np.array([49.9, 49.7, 49.5, 50.5]), **up), [0, 0.5, 1, 0])
    down = catalogue()["fcr-d-down"].activation_values
    np.testing.assert_allclose(
        one_sided(np.array([50.1, 50.3, 50.5, 49.0]), **down), [0, -0.5, -1, 0]
    )


def test_baselines():
    """Section 7.1: raw 100 kW, 143 against 110 before the event: 1.30, cut to 1.20."""
    days = np.tile(np.array([110.0] * 8 + [100.0] * 4), (10, 1))
    today = np.array([143.0] * 8 + [70.0] * 4)
    adjusted = ten_in_ten(days, today, 8)
    assert adjusted[8] == pytest.approx(120.0)
    assert ten_in_ten(days, today, 8, cap=np.inf)[8] == pytest.approx(130.0)
    assert adjusted[8] - today[8] == pytest.approx(50.0)
    assert before_event(np.array([10.0, 12.0, 14.0, 0.0]), 3, 2) == 13.0
