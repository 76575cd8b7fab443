"""Inverter functions: worked values of IEEE 1547-2018 (handbook of services, section 5)."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.app.cli import app
from gridtide.core import InputError
from gridtide.grid import (
    box_score,
    curve_named,
    curves,
    droop_kw,
    inside_box,
    most_discharge_kw,
    power_factor_kvar,
    reactive_kvar,
    respond,
    standstill_loss_kw,
    within_circle,
)

DATA = Path(os.environ.get("GRIDTIDE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def test_worked_values():
    assert curve_named("volt-var-b").at(1.05) == pytest.approx(-0.22)
    assert curve_named("volt-var-a").at(1.05) == pytest.approx(-0.125)
    assert curve_named("volt-var-b").at(0.95) == pytest.approx(0.22)
    assert curve_named("volt-watt").at(1.08) == pytest.approx(0.5)
    one = np.ones(1)
    # Giving 0.8 is -0.8 here; charging at 0.5 is +0.5.
    assert droop_kw(60.2 * one, -0.8 * one, one) == pytest.approx(-0.7453, abs=5e-5)
    assert droop_kw(59.9 * one, 0.5 * one, one) == pytest.approx(0.4787, abs=5e-5)
    kw, kvar = within_circle(np.array([11.0]), np.array([4.84]), np.array([11.0]))
    assert kw[0] == pytest.approx(9.878, abs=5e-4) and kvar[0] == 4.84
    assert 11.0 - kw[0] == pytest.approx(1.122, abs=5e-4)


def test_defaults_are_those_of_opender():
    path = DATA / "inverter" / "OpenDER_AS-with_std-values.csv"
    if not path.is_file():
        pytest.skip(f"needs {path.name} in GRIDTIDE_DATA")
    with path.open(newline="") as file:
        given_by = {row[0].removesuffix("-AS"): row[1] for row in csv.reader(file)}
    for name, kind, letters, count in (("volt-var-b", "QV", "VQ", 4), ("volt-watt", "PV", "VP", 2)):
        curve = curve_named(name)
        for k in range(count):
            assert curve.x[k] == float(given_by[f"{kind}_CURVE_{letters[0]}{k + 1}"])
            assert curve.y[k] == float(given_by[f"{kind}_CURVE_{letters[1]}{k + 1}"])
        assert curve.response_s == float(given_by[f"{kind}_OLRT"])
    watt = curve_named("watt-var-b")
    loads = [
        ("3_LOAD", -1.0),
        ("2_LOAD", -0.5),
        ("1_LOAD", -0.2),
        ("1_GEN", 0.2),
        ("2_GEN", 0.5),
        ("3_GEN", 1.0),
    ]
    for k, (name, power) in enumerate(loads):
        assert watt.x[k] == float(given_by[f"QP_CURVE_P{name}"]) == power
        assert watt.y[k] == float(given_by[f"QP_CURVE_Q{name}"])


@pytest.mark.parametrize("name", sorted(curves()))
def test_curves_at_their_corners_and_beyond(name):
    curve = curve_named(name)
    distinct = np.append(True, np.diff(curve.x) > 0)
    np.testing.assert_allclose(
        curve.at(np.array(curve.x))[distinct], np.array(curve.y)[distinct], atol=1e-9
    )
    assert curve.at(0.0 if "watt-var" not in name else -2.0) == curve.y[0]
    assert curve.at(3.0) == curve.y[-1]
    grid = np.linspace(-1.5, 1.5, 3001)
    rising = np.diff(curve.at(grid))
    assert (rising <= 1e-12).all() or (rising >= -1e-12).all()
    assert np.isfinite(curve.at(grid)).all()


def test_the_sign_is_turned_once():
    """High voltage: the standard injects less than nothing, we absorb."""
    absorbed = reactive_kvar(curve_named("volt-var-b"), np.array([0.92, 1.0, 1.08]), 10.0)
    np.testing.assert_allclose(absorbed, [-4.4, 0.0, 4.4])
    assert most_discharge_kw(curve_named("volt-watt"), np.array([1.08]), 10.0)[0] == pytest.approx(
        5
    )
    assert power_factor_kvar(np.array([10.0, -10.0]), 0.9).tolist() == pytest.approx(
        [4.843, 4.843], abs=1e-3
    )


def test_the_reference_shifts_the_curve_within_its_range():
    curve = curve_named("volt-var-b")
    assert curve.at(1.08 + 0.03, reference=1.03) == pytest.approx(-0.44)
    with pytest.raises(InputError, match=r"0\.95 to 1\.05"):
        curve.at(1.0, reference=1.2)


@given(
    st.floats(-20, 20), st.floats(-20, 20), st.floats(0.1, 15), st.booleans()
)  # fmt: skip
def test_the_circle_is_kept_and_the_first_goes_first(kw, kvar, kva, reactive_first):
    columns = [np.array([x]) for x in (kw, kvar, kva)]
    p, q = within_circle(*columns, reactive_first=reactive_first)
    assert p[0] ** 2 + q[0] ** 2 <= kva**2 * (1 + 1e-9)
    assert abs(p[0]) <= abs(kw) and abs(q[0]) <= abs(kvar) and p[0] * kw >= 0 <= q[0] * kvar
    if kw**2 + kvar**2 <= kva**2 * (1 - 1e-9):
        assert (p[0], q[0]) == pytest.approx((kw, kvar))
    first, wanted = (q[0], kvar) if reactive_first else (p[0], kw)
    assert abs(first) == pytest.approx(min(abs(wanted), kva))


def test_standing_still_costs_the_converter_and_not_the_battery():
    loss = np.array([[0.05, 0.02, 0.001]] * 3)
    kw = standstill_loss_kw(np.array([0.0, 4.0, -4.0]), loss)
    np.testing.assert_allclose(kw, [0.0, 0.146, 0.146])


def test_ninety_percent_at_the_response_time():
    one, goal = np.zeros(1), np.ones(1)
    assert respond(one, goal, 5.0, 5.0)[0] == pytest.approx(0.9)
    value = one
    for _ in range(50):
        value = respond(value, goal, 5.0, 0.1)
    assert value[0] == pytest.approx(0.9)


def test_the_acceptance_box():
    curve = curve_named("volt-var-b")
    v = np.linspace(0.9, 1.1, 41)
    assert box_score(curve, v, curve.at(v)) == 1.0
    assert box_score(curve, v, curve.at(v) + 0.07) == 1.0  # within 1.5 times 5 %
    assert inside_box(curve, np.array([1.0]), np.array([0.08])).tolist() == [False]
    assert box_score(curve, v, -curve.at(v)) < 0.6


def test_what_is_not_plausible_is_refused():
    with pytest.raises(InputError, match="not plausible"):
        droop_kw(np.array([45.0]), np.ones(1), np.ones(1))
    with pytest.raises(InputError, match="not plausible"):
        droop_kw(np.array([np.nan]), np.ones(1), np.ones(1))
    with pytest.raises(InputError, match="up to 1"):
        power_factor_kvar(np.ones(1), 1.2)
    with pytest.raises(InputError, match="is no curve"):
        curve_named("volt-var")


def test_the_command(capsys):
    assert not app(["grid", "curves", "--json"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert {c["name"] for c in told} == set(curves())
    assert not app(["grid", "curves", "volt-var-as4777"], standalone_mode=False)
    assert "unverified" in capsys.readouterr().out
