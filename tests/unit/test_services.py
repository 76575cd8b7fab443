"""The catalogue is whole, scores and settlements answer wrong input, shortfalls never pay off."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.app.cli import app
from gridtide.core import InputError
from gridtide.services import (
    ORDER_890,
    ORDER_890_INTERMITTENT,
    Product,
    catalogue,
    high_four_of_five,
    inputs_of,
    plausible,
    product_named,
    score,
    settle,
    switched,
    target_kw,
    ten_in_ten,
    tiered_cost,
    total_nano,
    within_aggregate,
)
from gridtide.services.score import (
    classic,
    every_ten_seconds,
    outside_envelope,
    precision_only,
    ramp_capacity,
    step_response,
    tracking,
    verify_event,
)
from gridtide.services.settle import line
from gridtide.services.settling import SETTLERS
from gridtide.signals import Samples

HOUR = np.arange(0.0, 3600.0 + 300.0, 2.0)


def samples(values, times=HOUR, source="test.csv"):
    return Samples(source=source, time_s=np.asarray(times, float), value=np.asarray(values, float))


def run(capsys, *words):
    code = app(list(words), standalone_mode=False)
    told = capsys.readouterr()
    return code or 0, told.out, told.err


def test_all_six_services_and_the_site_are_in_the_catalogue():
    products = catalogue().values()
    assert {p.schedule for p in products} == {0, 1, 2, 3, 4, 5, 6}
    assert len(products) >= 30
    for product in products:
        assert product.sources and product.edition
        assert product.settler in SETTLERS
        assert set(inputs_of(product)) or product.settler == "none"
    assert not catalogue()["pjm-2025-regulation"].checked
    both = {"pjm-2012-regd", "pjm-2025-regulation"}
    assert both <= set(catalogue())  # an old edition stays beside the new one


def test_an_unknown_product_is_told_its_neighbour():
    with pytest.raises(InputError, match="Did you mean pjm-2012-regd"):
        product_named("pjm-2012-regq")


@given(
    st.floats(-500, -1e-6), st.floats(0, 5000), st.floats(0, 1000),
    st.sampled_from([ORDER_890, ORDER_890_INTERMITTENT]),
)  # fmt: skip
def test_a_shortfall_never_costs_less_than_at_the_single_price(short, scheduled, price, tiers):
    columns = [np.array([x]) for x in (short, scheduled, price, price)]
    assert tiered_cost(*columns, tiers=tiers)[0] >= -short * price - 1e-9 * abs(short * price)
    columns[0] = -columns[0]
    assert tiered_cost(*columns, tiers=tiers)[0] >= short * price - 1e-9 * abs(short * price)


def test_nobody_leaves_the_first_band_where_the_aggregate_is_inside():
    assert within_aggregate(np.array([-9.0, 8.0]), np.array([50.0, 50.0]), ORDER_890)
    assert not within_aggregate(np.array([-9.0, 2.0]), np.array([50.0, 50.0]), ORDER_890)


def test_more_response_is_less_charging():
    """The one change of sign: one car, signal +1, its import must fall."""
    assert target_kw(5.0, 3.0, 1.0) == 2.0
    assert target_kw(5.0, 3.0, -1.0) == 8.0
    np.testing.assert_array_equal(switched(np.array([49.6, 49.8]), trigger_hz=49.7), [1.0, 0.0])
    assert plausible(50.0).holds(49.0) and not plausible(50.0).holds(39.0)
    assert not plausible(50.0).holds(float("nan"))


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(-90, 900), st.floats(0, 1)), min_size=1))
def test_lines_add_up_to_the_total_exactly(rows):
    lines = [line("x", "capacity", q, "MW·h", p, factor=f) for q, p, f in rows]
    assert total_nano(lines) == sum(each.amount_nano for each in lines)
    for each, (q, p, f) in zip(lines, rows, strict=True):
        assert each.amount_nano / 1e9 == pytest.approx(q * p * f, rel=1e-12, abs=1e-9)


def test_a_perfect_follower_scores_one_a_silent_one_nothing_a_late_one_between():
    rng = np.random.default_rng(3)
    signal = np.convolve(rng.standard_normal(len(HOUR)), np.ones(60) / 8, "same").clip(-1, 1)
    asked = samples(signal[:1800], HOUR[:1800])
    regd = catalogue()["pjm-2012-regd"]
    scores = []
    for late in (0, 2, 5, 15):
        late_signal = np.concatenate([np.full(late, signal[0]), signal])[: len(HOUR)]
        scores.append(score(regd, asked, samples(late_signal))["score"])
    assert scores[0] == 1.0 and all(np.diff(scores) < 0)
    # Nothing is right but the quiet windows, by the mean size of the whole hour.
    assert score(regd, asked, samples(0.0 * HOUR))["score"] < 0.1
    alone = catalogue()["pjm-2025-regulation"]
    assert score(alone, asked, samples(signal))["score"] == 1.0
    assert score(alone, asked, samples(0.0 * HOUR))["score"] == 0.0


def test_a_constant_signal_is_scored_by_its_slope():
    flat = np.full(60, 0.5)
    assert classic(flat, np.full(90, 0.5)).total == 1.0
    rising = classic(flat, 0.5 + 0.01 * np.arange(90.0))
    assert rising.accuracy[0] == pytest.approx(0.99)
    varying = np.sin(np.arange(60.0) / 3.0)
    stuck = classic(varying, np.full(90, 0.3))
    assert stuck.accuracy.max() == stuck.delay.max() == 0.0


def test_gaps_and_short_recordings_are_told():
    regd = catalogue()["pjm-2012-regd"]
    signal = np.sin(HOUR / 50.0)
    asked = samples(signal[:1800], HOUR[:1800])
    with pytest.raises(InputError, match="no sample for 10 s"):
        score(regd, asked, samples(signal[:1800], HOUR[:1800]))
    holes = signal.copy()
    holes[300:303] = np.nan  # six seconds: held
    assert 0.9 < score(regd, asked, samples(holes))["score"] < 1.0
    holes[300:320] = np.nan
    with pytest.raises(InputError, match="no sample for 10 s, 61"):
        score(regd, asked, samples(holes))
    with pytest.raises(InputError, match="shorter than five minutes"):
        score(regd, samples(signal[:100], HOUR[:100]), samples(signal))
    with pytest.raises(InputError, match="is not scored from powers"):
        score(catalogue()["peak-shaving"], asked, samples(signal))
    with pytest.raises(InputError, match="whole windows"):
        classic(signal[:31], signal[:90])
    assert every_ten_seconds(HOUR, signal).size == 390
    assert precision_only(signal[:300], signal[:300]) == 1.0


def test_tracking_by_hand():
    """Section 1.1: 2, 2, 1, 0 scheduled, 1.9, 2.2, 1.0, 0 metered: 0.94."""
    found = tracking(np.array([2.0, 2, 1, 0]), np.array([1.9, 2.2, 1.0, 0]), 3600.0)
    assert found.score == pytest.approx(0.94)
    assert found.bias == pytest.approx(0.025) and found.error_kwh == pytest.approx(0.3)
    assert tracking(np.zeros(3), np.ones(3), 3600.0).score is None


def test_the_envelope_allows_a_late_but_not_a_wrong_response():
    asked = np.repeat([0.0, 100.0], 40)
    late = np.roll(asked, 20)
    late[:20] = 0.0
    assert outside_envelope(asked, late, 100.0, 20) == 0.0
    assert outside_envelope(asked, late, 100.0, 10) == 1.0
    assert outside_envelope(asked, 0.95 * asked, 100.0, 0) == pytest.approx(0.05)
    with pytest.raises(InputError, match="Offer more"):
        outside_envelope(asked, late, 0.0, 1)


def test_a_step_and_a_ramp():
    t = np.arange(0.0, 10.0, 0.1)
    answer = np.clip((t - 0.5) / 2.0, 0.0, 1.0) * -200.0
    found = step_response(t, answer, -200.0)
    assert found.start_s == pytest.approx(0.6)
    assert found.half_s == pytest.approx(1.5)
    assert found.full_s == pytest.approx(2.4)
    never = step_response(t, 0.0 * t, 10.0)
    assert never.start_s is None and never.full_s is None
    with pytest.raises(InputError, match="of 0 kW"):
        step_response(t, 0.0 * t, 0.0)
    assert ramp_capacity(t, np.minimum(t / 4.0, 1.0) * 100.0, 100.0) == 100.0
    slow = ramp_capacity(t, np.minimum(t / 10.0, 1.0) * 100.0, 100.0)
    assert slow == pytest.approx(min(75.0 / 0.86, 0.5 * 7.5 * 75.0 / 3.2))


def test_an_event_in_two_files_and_what_is_missing_of_it():
    spin = catalogue()["pjm-spin"]
    minutes = 60.0 * np.arange(20)
    asked = np.where((minutes >= 120) & (minutes < 120 + 12 * 60), 500.0, 0.0)
    given = np.where(minutes >= 180, 600.0, 0.0)
    told = score(spin, samples(asked, minutes), samples(given, minutes))
    assert told["minutes"] == 12 and told["score"] == 1.0 and told["ratio"] == pytest.approx(1.2)
    with pytest.raises(InputError, match="asks for nothing"):
        score(spin, samples(0 * asked, minutes), samples(given, minutes))
    with pytest.raises(InputError, match="minutes from the start"):
        verify_event(0.0, np.zeros(5), 1.0, 12)
    with pytest.raises(InputError, match="Assign more"):
        verify_event(0.0, np.zeros(14), 0.0, 12)


def test_what_settling_lacks_is_told_all_at_once():
    with pytest.raises(InputError) as told:
        settle(catalogue()["pjm-2012-regd"], {"mw": -1.0, "scor": 0.5})
    text = str(told.value)
    assert "Did you mean score" in text and "capability_price is missing" in text and "-1.0" in text
    with pytest.raises(InputError, match="deviation_mwh has 2"):
        settle(catalogue()["order890"], {
            "deviation_mwh": [1.0, 2.0], "scheduled_mwh": [1.0], "incremental_cost": [1.0],
            "decremental_cost": [1.0]})  # fmt: skip


def test_days_that_are_missing_for_a_baseline_are_told():
    with pytest.raises(InputError, match="9 days"):
        ten_in_ten(np.ones((9, 24)), np.ones(24), 12)
    with pytest.raises(InputError, match="looks at four before"):
        ten_in_ten(np.ones((10, 24)), np.ones(24), 2)
    days = np.tile(np.array([[10.0], [50.0], [20.0], [30.0], [40.0]]), (1, 24))
    assert high_four_of_five(days, np.full(24, 38.0), 12)[12] == pytest.approx(38.0)


def test_the_commands(capsys, tmp_path):
    code, out, _ = run(capsys, "service", "list", "--json")
    assert code == 0 and {"name", "unverified"} <= set(json.loads(out)[0])
    code, out, _ = run(capsys, "service", "list")
    assert "Spinning reserve (schedule 5)" in out and "in part unverified" in out
    code, out, _ = run(capsys, "service", "rules", "gb-dc-low", "--json")
    assert json.loads(out)["activation_values"]["knee_share"] == 0.05
    code, out, err = run(capsys, "service", "rules", "gb-dc")
    assert code == 2 and "Did you mean gb-d" in err
    code, out, _ = run(
        capsys, "service", "settle", "order890", "deviation_mwh=[-12]", "scheduled_mwh=[100]",
        "incremental_cost=[50]", "decremental_cost=[50]", "--json",
    )  # fmt: skip
    assert json.loads(out)["total"] == "-665.000000000"
    code, out, err = run(capsys, "service", "settle", "order890", "what")
    assert code == 2 and "NAME=VALUE" in err
    asked, given = tmp_path / "r.csv", tmp_path / "d.csv"
    signal = 100.0 * np.sin(HOUR / 50.0)
    rows = [f"{t:g},{v:.6f}" for t, v in zip(HOUR, signal, strict=True)]
    asked.write_text("time,kw\n" + "\n".join(rows[:1800]))
    given.write_text("time,kw\n" + "\n".join(rows))
    words = (
        "service",
        "score",
        "pjm-2012-regd",
        "--requested",
        str(asked),
        "--delivered",
        str(given),
    )
    code, out, _ = run(capsys, *words, "--json")
    assert code == 0 and json.loads(out)["score"] == pytest.approx(1.0)
    code, out, _ = run(capsys, *words)
    assert "precision" in out


def test_an_entry_that_is_wrong_is_found():
    from gridtide.services.product import _doubts

    good = catalogue()["fcr-ce"]
    wrong = Product(**{f: getattr(good, f) for f in good.__struct_fields__} | {"unverified": ["x"]})
    told = [str(f) for f in _doubts([good, wrong])]
    assert any("twice" in t for t in told) and any("has no field x" in t for t in told)
