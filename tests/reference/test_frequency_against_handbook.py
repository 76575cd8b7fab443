"""Frequency: the tables of the project's handbook of the grid, sections 6.1 to 6.4."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gridtide.app.cli import app
from gridtide.core import InputError
from gridtide.grid import (
    Droop,
    case_named,
    cases,
    check_droop,
    largest_gain,
    permit,
    refuse_steep,
    run_case,
    two_area_step,
    with_damping,
)

GB = case_named("gb-2019")


@pytest.mark.parametrize(
    ("damping", "lowest"), [(0.015, 48.70), (0.020, 49.00), (0.022, 49.09), (0.025, 49.20)]
)
def test_the_damping_decides_the_first_nadir(damping, lowest):
    assert run_case(with_damping(GB, damping)).lowest_hz(57.0) == pytest.approx(lowest, abs=0.005)


@pytest.mark.parametrize(
    ("mw", "delay", "first", "whole"),
    [
        (0, 0.0, 49.199, 48.393),
        (300, 0.25, 49.433, 48.806),
        (300, 1.0, 49.422, 48.806),
        (300, 5.0, 49.321, 48.806),
        (300, 10.0, 49.240, 48.806),
        (600, 0.5, 49.527, 49.218),
        (600, 5.0, 49.343, 49.217),
    ],
)
def test_the_fleet_by_size_and_delay(mw, delay, first, whole):
    """To a millihertz; the model's step is the table's, its order within a step is not told."""
    run = run_case(GB, Droop(power_mw=mw, delay_s=delay, lag_s=0.5))
    assert run.lowest_hz(57.0) == pytest.approx(first, abs=1.2e-3)
    assert run.lowest_hz() == pytest.approx(whole, abs=1.2e-3)


def test_the_first_rate_of_change_and_the_last_state_by_pencil():
    run = run_case(GB)
    assert run.first_rocof_hz_s == pytest.approx(-50.0 * 1131.0 / (2.0 * 210_000.0), rel=0.01)
    settled = 50.0 - (1131 + 350 + 210 + 200 + 187 - 900.0) / (0.025 * 29_000.0)
    assert run.frequency_hz[-1] == pytest.approx(settled, abs=0.02)
    finer = run_case(GB, Droop(power_mw=300, delay_s=1.0, lag_s=0.5), step_s=0.001)
    coarse = run_case(GB, Droop(power_mw=300, delay_s=1.0, lag_s=0.5))
    assert coarse.lowest_hz(57.0) == pytest.approx(finer.lowest_hz(57.0), abs=3e-3)


def test_what_limits_a_fleet():
    smooth = run_case(GB, Droop(power_mw=300, delay_s=0.5, lag_s=0.5))
    slow = run_case(GB, Droop(power_mw=300, delay_s=0.5, lag_s=0.5, rate_mw_s=20.0))
    assert np.diff(slow.fleet_mw).max() <= 20.0 * 0.01 + 1e-9
    assert slow.lowest_hz(57.0) < smooth.lowest_hz(57.0)
    empty = run_case(GB, Droop(power_mw=300, delay_s=0.5, lag_s=0.5, energy_mwh=1.0))
    assert empty.fleet_mw.sum() * 0.01 / 3600.0 <= 1.0 + 1e-9
    assert empty.fleet_mw[-1] == 0.0 and empty.lowest_hz() == pytest.approx(48.393, abs=0.01)
    stairs = run_case(GB, Droop(power_mw=300, delay_s=0.5, stairs=4))
    assert set(np.round(np.unique(stairs.fleet_mw), 6)) <= {0.0, 75.0, 150.0, 225.0, 300.0}
    window = run_case(GB, Droop(power_mw=300, delay_s=0.5, lag_s=0.5, window_s=1.0))
    assert window.lowest_hz(57.0) < smooth.lowest_hz(57.0)


def test_steps_of_an_ampere_at_one_threshold_swing_and_spread_thresholds_do_not():
    """One level that all vehicles change at together; many are what spreading makes of it."""
    switched = run_case(GB, Droop(power_mw=900, delay_s=2.0, stairs=1))
    spread = run_case(GB, Droop(power_mw=900, delay_s=2.0, stairs=300))
    late = (switched.time_s > 30.0) & (switched.time_s < 57.0)
    assert np.ptp(switched.frequency_hz[late]) > 0.05
    assert np.ptp(spread.frequency_hz[late]) < 0.005


@pytest.mark.parametrize(
    ("delay", "one", "two"),
    [
        (0.05, 3.407, 3.267), (0.1, 1.692, 1.522), (0.2, 0.812, 0.600), (0.3, 0.524, 0.304),
        (0.5, 0.318, 0.135), (0.75, 0.242, 0.099), (1.0, 0.221, 0.116), (1.5, 0.234, 0.234),
        (2.0, 0.265, 0.180), (3.0, 0.245, 0.121), (4.0, 0.221, 0.118),
    ],
)  # fmt: skip
def test_delay_margins(delay, one, two):
    assert permit(delay, 1).largest_gain == pytest.approx(one, abs=6e-4)
    found = permit(delay, 2)
    assert found.largest_gain == pytest.approx(two, abs=6e-4)
    assert found.permitted_gain == pytest.approx(0.5 * found.largest_gain)
    assert found.times_governor == pytest.approx(2.4 * found.largest_gain)
    assert found.mode == ("common" if delay == 1.5 else "inter-area")


def test_two_areas():
    """A step of 0.01 pu in area 1, in steps of 1 ms."""
    for gain, first, second, tie in (
        (0.0, -0.0218, -0.0173, 0.0059),
        (0.2, -0.0184, -0.0104, 0.0048),
    ):
        _, frequency, exchange = two_area_step(gain=(gain, gain), delay_s=0.1)
        assert frequency[:, 0].min() == pytest.approx(first, abs=6e-5)
        assert frequency[:, 1].min() == pytest.approx(second, abs=6e-5)
        assert np.abs(exchange).max() == pytest.approx(tie, abs=6e-5)
        assert np.abs(frequency[-1]).max() < 1e-4


@pytest.mark.parametrize("delay", [0.1, 0.2, 0.5, 1.0])
def test_the_margin_is_where_swings_begin_to_grow(delay):
    """At 0.9 of the largest gain a swing dies away, at 1.1 it grows, as simulated."""
    most = min(largest_gain(delay), largest_gain(delay, inter_area=True))
    sizes = []
    for part in (0.9, 1.1):
        gain = (part * most, part * most)
        _, f, _ = two_area_step(gain=gain, delay_s=delay, duration_s=120.0)
        early, late = np.ptp(f[20_000:50_000, 0]), np.ptp(f[90_000:, 0])
        sizes.append(late / early)
    assert sizes[0] < 0.9 < 1.1 < sizes[1]


def test_a_droop_that_is_too_steep_is_refused_with_the_reason():
    assert refuse_steep(0.06, 0.5).permitted_gain > 0.06
    with pytest.raises(InputError, match=r"inter-area mode becomes unstable at 0\.135"):
        refuse_steep(0.2, 0.5)
    with pytest.raises(InputError, match="0 to 60 s"):
        permit(float("nan"))
    with pytest.raises(InputError, match="Write 1 or 2"):
        permit(0.5, 3)


def test_what_is_no_droop_is_told():
    with pytest.raises(InputError, match="within the deadband"):
        check_droop(Droop(power_mw=1.0, deadband_hz=0.5, full_hz=0.4))
    with pytest.raises(InputError, match="power_mw"):
        run_case(GB, Droop(power_mw=-1.0))
    with pytest.raises(InputError, match="is no number"):
        run_case(GB, Droop(power_mw=1.0, lag_s=float("inf")))
    with pytest.raises(InputError, match="share per Hz"):
        with_damping(GB, 2.5)
    with pytest.raises(InputError, match="Known: gb-2019"):
        case_named("gb")
    assert set(cases()) == {"gb-2019"} and GB.unverified


def test_the_commands(capsys, tmp_path):
    picture = tmp_path / "event.svg"
    words = ("grid", "frequency", "--ev-mw", "300", "--delay-s", "5", "--picture", str(picture))
    assert not app([*words, "--json"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["with_fleet"]["nadir_first_hz"] == pytest.approx(49.321, abs=2e-3)
    assert told["without"]["seconds_below_shedding"] > 30.0 and told["unverified"]
    assert "load is shed below" in picture.read_text()
    assert not app(
        ["grid", "frequency", "--ev-mw", "9000", "--delay-s", "5"], standalone_mode=False
    )
    assert "may not be offered" in capsys.readouterr().out
    assert not app(["grid", "margin", "--delay-s", "0.5", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["mode"] == "inter-area"
    assert not app(["grid", "margin", "--delay-s", "0.5"], standalone_mode=False)
    assert "permitted up to 0.067" in capsys.readouterr().out
