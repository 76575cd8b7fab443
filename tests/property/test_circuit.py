"""Invariants of the equivalent circuit: exact steps, energy, the smaller root, limits, sign."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gridtide.battery import (
    CIRCUITS,
    CircuitLimit,
    circuit_current,
    circuit_power_step,
    circuit_step,
    power_limits_kw,
    simulate,
)
from gridtide.battery._kernel_circuit import table_mean, table_value

NAMES = st.sampled_from(sorted(CIRCUITS))
SOC = st.floats(0.15, 0.85)
HEAT = st.floats(-20, 50)
C_RATE = st.floats(-1.0, 1.0)
STEP = st.floats(0.1, 600)
KW = st.floats(-150, 150)


def cell(name, soc, step_s, v1=0.0, eta=1.0):
    """What :func:`circuit_step` needs behind the current; resistances of 25 °C at ``soc``."""
    c = CIRCUITS[name]
    r0, r1 = (table_value(soc, c.soc, r) for r in (c.r0_ohm, c.r1_ohm))
    return step_s, soc, v1, c.soc, c.ocv_v, r0, r1, c.tau_s, c.capacity_ah, eta


def stored_wh(circuit, one, other):
    """Energy of one cell between two states of charge, from its open-circuit voltage."""
    mean = table_mean(one, other, circuit.soc, circuit.ocv_v)
    return (other - one) * circuit.capacity_ah * mean


def without_resistance(circuit):
    flat = np.zeros_like(circuit.soc)
    return replace(circuit, r0_ohm=flat, r1_ohm=flat)


# Exact steps ---------------------------------------------------------------------------------


@given(st.sampled_from(["nmc", "lmo"]), SOC, STEP, st.floats(-0.2, 0.2))
def test_zero_current_decays_the_pair_and_moves_nothing_else(name, soc, h, v1):
    s, v2, end_v, _, heat = circuit_step(0.0, *cell(name, soc, h, v1))
    c = CIRCUITS[name]
    e = np.exp(-h / c.tau_s)
    r1 = table_value(soc, c.soc, c.r1_ohm)
    assert s == soc
    assert v2 == pytest.approx(v1 * e, rel=1e-14, abs=0)
    assert end_v == pytest.approx(table_value(soc, c.soc, c.ocv_v) - v2, rel=1e-14)
    # What the capacitor lost, C1/2 * (v1² - v2²), is the heat.
    released = 0.5 * c.tau_s / r1 * v1**2 * -np.expm1(-2 * h / c.tau_s)
    assert heat * h == pytest.approx(released, rel=1e-9, abs=1e-15)


@given(NAMES, SOC, C_RATE, STEP, st.floats(-0.1, 0.1), st.integers(2, 12), st.floats(0.9, 1))
def test_a_step_in_parts_is_one_step(name, soc, rate, h, v1, parts, eta):
    c = CIRCUITS[name]
    amp = rate * c.capacity_ah
    # The resistance is that of the whole step's start in both.
    whole = circuit_step(amp, *cell(name, soc, h, v1, eta))
    _, s, v, *table, _ = cell(name, soc, h, v1, eta)
    means = []
    for _ in range(parts):
        s, v, end_v, mean_v, heat = circuit_step(amp, h / parts, s, v, *table, eta)
        means.append((mean_v, heat))
    mean_v, heat = np.mean(means, axis=0)
    assert (s, v, end_v, mean_v, heat) == pytest.approx(whole, rel=1e-10, abs=1e-12)


@given(NAMES, SOC, C_RATE, STEP, st.floats(-0.1, 0.1), st.floats(0.9, 1))
def test_what_leaves_the_store_is_terminal_energy_heat_and_what_the_pair_keeps(
    name, soc, rate, h, v1, eta
):
    c = CIRCUITS[name]
    amp = rate * c.capacity_ah
    inside = cell(name, soc, h, v1, eta)
    s, v2, _, mean_v, heat = circuit_step(amp, *inside)
    r1 = inside[6]
    kept = 0.5 * c.tau_s / r1 * (v2**2 - v1**2) / 3600 if r1 > 0 else 0.0
    left = -stored_wh(c, soc, s)
    terminal = amp * mean_v * h / 3600
    size = max(abs(left), abs(terminal), heat * h / 3600, 1e-6)
    assert left == pytest.approx(terminal + heat * h / 3600 + kept, abs=1e-10 * size + 1e-12)


@given(st.sampled_from(["nca", "lfp"]), SOC, C_RATE, STEP)
def test_without_a_pair_the_loss_is_the_square_of_the_current(name, soc, rate, h):
    # The facts' own form: the integral of the open-circuit voltage less I²R is what comes out.
    c = CIRCUITS[name]
    amp = rate * c.capacity_ah
    s, _, _, mean_v, heat = circuit_step(amp, *cell(name, soc, h))
    r0 = table_value(soc, c.soc, c.r0_ohm)
    assert heat == pytest.approx(amp**2 * r0, rel=1e-14)
    terminal = amp * mean_v * h / 3600
    loss = amp**2 * r0 * h / 3600
    assert terminal == pytest.approx(-stored_wh(c, soc, s) - loss, rel=1e-10, abs=1e-12)


# Power and current ---------------------------------------------------------------------------


@given(st.floats(2.0, 4.3), st.floats(0, 0.3), st.floats(-50, 1.0))
def test_power_is_current_times_voltage(eo, r0, share):
    # Up to the largest power: share 1; charging knows no largest power.
    P = share * (eo**2 / (4 * r0) if r0 > 1e-6 else 1000.0)
    amp = circuit_current(P, eo, r0)
    assert amp * (eo - amp * r0) == pytest.approx(P, rel=1e-12, abs=1e-300)
    assert np.sign(amp) == np.sign(P)


@given(st.floats(2.0, 4.3), st.floats(1e-4, 0.3), st.floats(0.01, 0.999))
def test_of_two_currents_the_smaller_is_taken(eo, r0, share):
    P = share * eo**2 / (4 * r0)
    other = (eo + np.sqrt(eo**2 - 4 * r0 * P)) / (2 * r0)
    amp = circuit_current(P, eo, r0)
    assert amp < eo / (2 * r0) < other
    assert amp + other == pytest.approx(eo / r0, rel=1e-12)  # of the quadratic's two roots


@given(st.floats(2.0, 4.3), st.floats(1e-4, 0.3), st.floats(1e-9, 10))
def test_past_the_largest_power_there_is_no_current(eo, r0, over):
    most = eo**2 / (4 * r0)
    assert np.isnan(circuit_current(most * (1 + over), eo, r0))
    assert circuit_current(most * (1 - 1e-9), eo, r0) == pytest.approx(eo / (2 * r0), rel=1e-4)


@given(NAMES, SOC, st.floats(-60, 60), STEP, HEAT, st.floats(1, 2))
def test_an_uncut_step_holds_what_was_asked_and_is_voltage_times_current(
    name, soc, kw, h, heat, growth
):
    c = CIRCUITS[name]
    trace = simulate(c, [kw], h, capacity_kwh=60.0, soc0=soc, temperature_c=heat, growth=growth)
    assume(trace.limit[0] == CircuitLimit.NONE)
    assert trace.power_kw[0] == pytest.approx(kw, rel=1e-12, abs=1e-15)


# Sign ----------------------------------------------------------------------------------------


def test_positive_power_charges():
    trace = simulate(
        CIRCUITS["nmc"], [11.0, 0.0], 900, capacity_kwh=60.0, soc0=0.5, temperature_c=25.0
    )
    assert trace.soc[1] > trace.soc[0]
    assert trace.current_c[0] > 0 and trace.power_kw[0] == pytest.approx(11.0)
    assert trace.cell_v[0] > np.interp(trace.soc[1], CIRCUITS["nmc"].soc, CIRCUITS["nmc"].ocv_v)


def test_negative_power_discharges():
    trace = simulate(
        CIRCUITS["nmc"], [-11.0, 0.0], 900, capacity_kwh=60.0, soc0=0.5, temperature_c=25.0
    )
    assert trace.soc[1] < trace.soc[0]
    assert trace.current_c[0] < 0 and trace.power_kw[0] == pytest.approx(-11.0)
    assert trace.cell_v[0] < np.interp(trace.soc[1], CIRCUITS["nmc"].soc, CIRCUITS["nmc"].ocv_v)


def test_in_the_kernel_positive_current_discharges():
    s, v1, *_ = circuit_step(50.0, *cell("nmc", 0.5, 36.0))
    assert s == pytest.approx(0.49) and v1 > 0


@given(NAMES, SOC, C_RATE, STEP)
def test_charging_stores_the_coulombic_share_and_discharging_takes_all(name, soc, rate, h):
    c = CIRCUITS[name]
    moved = -rate * h / 3600 * (0.98 if rate < 0 else 1.0)
    s, *_ = circuit_step(rate * c.capacity_ah, *cell(name, soc, h, eta=0.98))
    assert s - soc == pytest.approx(moved, rel=1e-12, abs=1e-15)


# Packs ---------------------------------------------------------------------------------------


@given(NAMES, st.lists(KW, min_size=1, max_size=12), STEP, SOC)
def test_without_resistance_there_and_back_loses_nothing(name, powers, h, soc):
    lossless = without_resistance(CIRCUITS[name])
    # Kept within the window of charge, so that nothing is cut.
    powers = 0.1 * np.array(powers)
    assume(np.abs(np.cumsum(powers)).max() * h / 3600 < 8)
    trace = simulate(
        lossless, np.concatenate([powers, -powers[::-1]]), h,
        capacity_kwh=60.0, soc0=soc, temperature_c=25.0,
    )  # fmt: skip
    assert set(trace.limit) == {CircuitLimit.NONE}
    assert trace.soc[-1] == pytest.approx(soc, abs=1e-11)
    assert np.all(trace.heat_kw == 0)


@given(
    st.sampled_from(["nca", "lfp", "lmo"]),
    st.lists(KW, min_size=1, max_size=12), st.floats(60, 1800), st.floats(0, 1), HEAT,
)  # fmt: skip
def test_energy_of_a_pack_is_conserved_whatever_cuts_it(name, powers, h, soc, heat):
    # Rest at the end lets the pair give back what it holds. Not NMC: its R1 changes with the
    # state of charge and so does its C1 = tau/R1; the next test says by how much that is off.
    assert _imbalance(CIRCUITS[name], powers, h, soc, heat) == pytest.approx(0, abs=1e-9)


@given(st.lists(st.floats(-22, 22), min_size=1, max_size=12), st.floats(60, 1800), SOC)
def test_a_pair_whose_resistance_changes_is_off_by_little(powers, h, soc):
    c = CIRCUITS["nmc"]
    even = replace(c, r1_ohm=np.full_like(c.soc, c.r1_ohm.max()))
    assert _imbalance(even, powers, h, soc, 25.0) == pytest.approx(0, abs=1e-9)
    through = np.abs(powers).sum() * h / 3600
    assert abs(_imbalance(c, powers, h, soc, 25.0)) < 2e-4 * through + 1e-9


def _imbalance(circuit, powers, h, soc, heat):
    trace = simulate(
        circuit, [*powers, *np.zeros(60)], h, capacity_kwh=60.0, soc0=soc, temperature_c=heat
    )
    stored = stored_wh(circuit, soc, trace.soc[-1]) / stored_wh(circuit, 0.0, 1.0) * 60.0
    return (trace.power_kw - trace.heat_kw).sum() * h / 3600 - stored


# Limits --------------------------------------------------------------------------------------


@given(NAMES, SOC, HEAT, st.floats(1, 2), st.floats(-0.1, 0.1))
def test_at_an_instant_power_ends_where_the_circuit_or_its_window_does(name, soc, heat, grown, v1):
    c = CIRCUITS[name]
    charge, discharge = power_limits_kw(c, soc, heat, 60.0, grown, v1)
    cells = 60_000 / stored_wh(c, 0.0, 1.0)
    r0 = table_value(soc, c.soc, c.r0_ohm) * grown
    r0 *= np.exp(c.activation_j_per_mol / 8.3144 * (1 / (heat + 273.15) - 1 / 298.15))
    eo = table_value(soc, c.soc, c.ocv_v) - v1
    assert discharge <= cells * eo**2 / (4 * r0) / 1000 * (1 + 1e-12)
    for kw, end in ((discharge, c.min_v), (-charge, c.max_v)):
        amp = circuit_current(kw * 1000 / cells, eo, r0)
        assert eo - amp * r0 == pytest.approx(end, abs=1e-9)


@given(st.floats(0.2, 0.8), st.floats(0.0, 1.0))
def test_below_half_the_voltage_the_largest_power_binds(soc, min_v):
    c = replace(CIRCUITS["nca"], min_v=min_v)
    _, discharge = power_limits_kw(c, soc, 25.0, 60.0)
    eo, r0 = (table_value(soc, c.soc, x) for x in (c.ocv_v, c.r0_ohm))
    most = 60_000 / stored_wh(c, 0.0, 1.0) * eo**2 / (4 * r0) / 1000
    assert discharge == pytest.approx(most, rel=1e-12)


@given(NAMES, SOC, HEAT)
def test_a_short_step_goes_up_to_the_limits_of_the_instant(name, soc, heat):
    c = CIRCUITS[name]
    kw = [[1e5], [-1e5]]
    trace = simulate(c, kw, 1e-4, capacity_kwh=60.0, soc0=soc, temperature_c=heat)
    charge, discharge = (float(kw) for kw in power_limits_kw(c, soc, heat, 60.0))
    assert trace.power_kw[:, 0] == pytest.approx([charge, -discharge], rel=1e-4)
    assert set(trace.limit[:, 0]) == {CircuitLimit.VOLTAGE}


@given(
    NAMES, st.lists(st.floats(-2000, 2000), min_size=1, max_size=20), st.floats(0.1, 3600),
    st.floats(0, 1), HEAT, st.floats(1, 2),
)  # fmt: skip
def test_whatever_is_asked_charge_and_voltage_stay_in_their_windows(
    name, powers, h, soc, heat, growth
):
    c = CIRCUITS[name]
    trace = simulate(c, powers, h, capacity_kwh=60.0, soc0=soc, temperature_c=heat, growth=growth)
    asked = np.array(powers)
    assert np.all((trace.soc >= 0) & (trace.soc <= 1))
    assert np.all(trace.cell_v[trace.current_c < -1e-9] >= c.min_v - 1e-9)
    assert np.all(trace.cell_v[trace.current_c > 1e-9] <= c.max_v + 1e-9)
    assert np.all(trace.power_kw * np.sign(asked) >= 0)
    assert np.all(np.abs(trace.power_kw) <= np.abs(asked) * (1 + 1e-9) + 1e-12)
    free = trace.limit == CircuitLimit.NONE
    np.testing.assert_allclose(trace.power_kw[free], asked[free], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(trace.relative_voltage * stored_wh(c, 0, 1) / c.capacity_ah,
                               trace.cell_v)  # fmt: skip


@given(NAMES, SOC, st.floats(0.1, 3600), HEAT, st.sampled_from([1.0, -1.0]))
def test_who_asks_for_more_never_gets_less(name, soc, h, heat, sign):
    asked = sign * np.linspace(0, 5000, 101)
    trace = simulate(
        CIRCUITS[name], asked[:, None], h, capacity_kwh=60.0, soc0=soc, temperature_c=heat
    )
    held = np.abs(trace.power_kw[:, 0])
    assert np.all(np.diff(held) >= -1e-9 * held.max())


def test_past_the_largest_power_the_current_of_the_largest_power_is_held():
    c = replace(CIRCUITS["lmo"], min_v=0.0)
    h, soc, v1, grid, ocv, r0, r1, tau, Q, eta = cell("lmo", 0.5, 1e-3)
    *_, amp, held, limit = circuit_power_step(
        1e5, h, soc, v1, grid, ocv, r0, r1, tau, Q, eta, c.min_v, c.max_v
    )
    eo = table_value(soc, grid, ocv)
    assert limit == CircuitLimit.POWER
    assert amp == pytest.approx(eo / (2 * r0), rel=1e-4)
    assert held == pytest.approx(eo**2 / (4 * r0), rel=1e-4)


@given(NAMES, st.integers(2, 5), st.floats(-50, 50), SOC)
def test_rows_do_not_know_of_each_other(name, n, kw, soc):
    c = CIRCUITS[name]
    sizes = np.linspace(30, 90, n)
    powers = kw * np.linspace(0.2, 1, n)[:, None] * np.ones((n, 4))
    together = simulate(c, powers, 300, capacity_kwh=sizes, soc0=soc, temperature_c=25.0)
    for row in range(n):
        alone = simulate(c, powers[row], 300, capacity_kwh=sizes[row], soc0=soc, temperature_c=25.0)
        np.testing.assert_array_equal(alone.soc, together.soc[row])
        np.testing.assert_array_equal(alone.heat_kw, together.heat_kw[row])
