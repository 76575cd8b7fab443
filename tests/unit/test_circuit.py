"""Circuits and efficiencies by hand: single points, wrong input, what is counted where."""

from dataclasses import replace

import numpy as np
import pytest

from gridtide.battery import (
    CIRCUITS,
    Circuit,
    RoundTrip,
    circuit_current,
    circuit_step,
    coulombic_efficiency,
    cycle_efficiency,
    energy_efficiency,
    find_circuit,
    open_circuit_v,
    power_limits_kw,
    resistances_ohm,
    round_trip_efficiency,
    simulate,
)
from gridtide.battery._circuit_grid import grid_of
from gridtide.core import InputError

# 36 Wh a cell: a pack of 36 kWh is a thousand of them, and a kW of the pack is a watt of a cell.
EVEN = Circuit(
    name="even", chemistry="even", capacity_ah=10.0,
    soc=np.array([0.0, 1.0]), ocv_v=np.array([3.6, 3.6]),
    r0_ohm=np.array([0.02, 0.02]), r1_ohm=np.array([0.01, 0.01]),
    tau_s=60.0, activation_j_per_mol=20_000.0, min_v=3.0, max_v=4.2, source="by hand",
)  # fmt: skip
LOSSLESS = replace(EVEN, r0_ohm=np.zeros(2), r1_ohm=np.zeros(2))
NO_LOSS = (0.0, 0.0, 0.0)


def cycle(circuit=EVEN, **kw):
    return RoundTrip(circuit=circuit, **{"capacity_kwh": 36.0, **kw})


def follow(circuit=EVEN, powers=(-36.0,), step_s=60.0, **kw):
    pack = {"capacity_kwh": 36.0, "soc0": 0.5, "temperature_c": 25.0}
    return simulate(circuit, powers, step_s, **{**pack, **kw})


def findings(call, *args, **kw):
    with pytest.raises(InputError) as caught:
        call(*args, **kw)
    return {f.where: f for f in caught.value.findings}


# The circuit ---------------------------------------------------------------------------------


def test_current_at_a_power_by_hand():
    # 0.03 I² - 3.6 I + 36 = 0
    amp = (3.6 - np.sqrt(3.6**2 - 4 * 0.03 * 36)) / 0.06
    assert amp == pytest.approx(11.0102, rel=1e-5)
    assert circuit_current(36.0, 3.6, 0.03) == pytest.approx(amp, rel=1e-12)
    assert circuit_current(-36.0, 3.6, 0.03) == pytest.approx(-9.28203, rel=1e-6)
    assert circuit_current(36.0, 3.6, 0.0) == pytest.approx(10.0)
    assert circuit_current(108.0, 3.6, 0.03) == pytest.approx(60.0)  # 3.6² / 0.12, at 1.8 V
    assert np.isnan(circuit_current(108.1, 3.6, 0.03))


def test_a_step_by_hand():
    # 20 A for 60 s from rest: v1 = 0.2 V * (1 - 1/e), 1/30 of 10 Ah.
    s, v1, end_v, mean_v, heat = circuit_step(
        20.0, 60.0, 0.5, 0.0, EVEN.soc, EVEN.ocv_v, 0.02, 0.01, 60.0, 10.0, 1.0
    )
    assert s == pytest.approx(0.5 - 1 / 30)
    assert v1 == pytest.approx(0.126424, rel=1e-5)
    assert end_v == pytest.approx(3.6 - 0.4 - 0.126424, rel=1e-6)
    assert mean_v == pytest.approx(3.6 - 0.4 - 0.2 / np.e, rel=1e-9)  # mean of v1: 0.2 V / e
    # 20² * 0.02 and 0.2² / 0.01 times the mean of (1 - exp(-x))², x from 0 to 1.
    assert heat == pytest.approx(8.0 + 4.0 * (1 - 2 * (1 - 1 / np.e) + (1 - np.exp(-2)) / 2))


def test_voltage_and_resistance_of_nmc_at_half_by_hand():
    c = CIRCUITS["nmc"]
    ocv = 3.696420384 + (0.5 - 0.498480903) / 0.018142361 * (3.708323686 - 3.696420384)
    assert open_circuit_v(c, 0.5) == pytest.approx(ocv, rel=1e-8)
    r0, r1 = resistances_ohm(c, 0.5, 25.0)
    assert (r0, r1) == (pytest.approx(0.0012522, rel=5e-4), pytest.approx(0.0016521, rel=5e-4))
    # Below 0.1, where the source ends, it is held.
    assert resistances_ohm(c, 0.0, 25.0)[0] == 0.0015215


def test_resistance_grows_with_cold_and_age_by_hand():
    # exp(20000 / 8.3144 * (1/273.15 - 1/298.15)) = exp(0.73843) = 2.0926
    r0, r1 = resistances_ohm(EVEN, 0.5, [25.0, 0.0, 0.0], [1.0, 1.0, 1.5])
    np.testing.assert_allclose(r0, 0.02 * np.array([1, 2.0926, 3.1389]), rtol=1e-4)
    np.testing.assert_allclose(r1, r0 / 2, rtol=1e-12)
    warm, _ = resistances_ohm(EVEN, 0.5, 40.0)
    assert warm == pytest.approx(0.02 * 0.67946, rel=1e-4)  # exp(-0.38646)


def test_limits_of_lfp_by_hand():
    # 60 kWh / (3 Ah * 3.268 V) = 6120 cells; 3.2995 V and 46.3 mΩ at half.
    charge, discharge = power_limits_kw(CIRCUITS["lfp"], 0.5, 25.0, 60.0)
    cells = 60_000 / (3.0 * 3.26801325)
    assert discharge == pytest.approx(cells * 2.0 * (3.2995 - 2.0) / 0.0463 / 1000, rel=1e-6)
    assert charge == pytest.approx(cells * 3.6 * (3.6 - 3.2995) / 0.0463 / 1000, rel=1e-6)


def test_full_takes_nothing_and_empty_gives_nothing():
    charge, discharge = power_limits_kw(EVEN, [0.0, 1.0], 25.0, 36.0)
    assert charge[1] == 0 and discharge[0] == 0
    assert charge[0] > 0 and discharge[1] > 0
    assert power_limits_kw(LOSSLESS, 0.5, 25.0, 36.0) == (np.inf, np.inf)


def test_a_pack_by_hand():
    # Steps of 0.1 ms: the pair has no time to answer; 0.02 I² - 3.6 I ± 36 = 0.
    out = follow(step_s=1e-4)
    into = follow(powers=[36.0], step_s=1e-4)
    amp = np.array([(3.6 - np.sqrt(12.96 - 2.88)), (3.6 - np.sqrt(12.96 + 2.88))]) / 0.04
    assert out.current_c[0] == pytest.approx(-amp[0] / 10, rel=1e-5)
    assert into.current_c[0] == pytest.approx(-amp[1] / 10, rel=1e-5)
    assert out.cell_v[0] == pytest.approx(3.6 - amp[0] * 0.02, rel=1e-5)
    assert out.relative_voltage[0] == pytest.approx(out.cell_v[0] / 3.6)
    assert out.heat_kw[0] == pytest.approx(amp[0] ** 2 * 0.02, rel=1e-5)


def test_an_aged_pack_is_the_same_cells_that_hold_less():
    # Of 36 kWh 27 are left, resistance 1.2: as many cells, each 7.5 Ah and 1.2 times R.
    aged = follow(capacity_kwh=27.0, growth=1.2 * 0.75)
    cell = replace(EVEN, capacity_ah=7.5, r0_ohm=1.2 * EVEN.r0_ohm, r1_ohm=1.2 * EVEN.r1_ohm)
    by_cell = follow(cell, capacity_kwh=27.0)
    assert aged.soc[-1] == pytest.approx(by_cell.soc[-1], rel=1e-12)
    assert aged.heat_kw[0] == pytest.approx(by_cell.heat_kw[0], rel=1e-12)
    assert aged.soc[-1] < follow().soc[-1]


def test_charge_that_is_not_stored_is_heat():
    # 36 kW into a lossless pack for an hour at 98 %: 0.72 kW heat, and 0.98 of the charge.
    trace = follow(LOSSLESS, [18.0], 3600.0, soc0=0.2, coulombic=0.98)
    assert trace.soc[-1] == pytest.approx(0.2 + 0.98 * 0.5)
    assert trace.heat_kw[0] == pytest.approx(0.02 * 18.0)


@pytest.mark.parametrize("name", sorted(CIRCUITS))
def test_circuits_are_whole(name):
    c = CIRCUITS[name]
    assert c.soc[0] == 0 and c.soc[-1] == 1 and np.all(np.diff(c.soc) > 0)
    assert np.all(np.diff(c.ocv_v) > 0)
    assert np.all(c.r0_ohm > 0) and np.all(c.r1_ohm >= 0)
    # At rest any state of charge is inside the window.
    assert c.min_v < c.ocv_v[0] and c.ocv_v[-1] < c.max_v
    assert "doi:10." in c.source
    with pytest.raises(ValueError, match="read-only"):
        c.ocv_v[0] = 0.0


def test_on_one_grid_circuits_are_the_same():
    both = [CIRCUITS["nmc"], CIRCUITS["lmo"]]
    grid = grid_of(both)
    soc = np.linspace(0, 1, grid.ocv_v.shape[1])
    for row, c in enumerate(both):
        np.testing.assert_allclose(grid.ocv_v[row], open_circuit_v(c, soc), rtol=1e-12)
        ohm, _ = resistances_ohm(c, soc, 25.0)
        np.testing.assert_allclose(grid.r0_ohm_ah[row] / c.capacity_ah, ohm, rtol=1e-12)
        assert grid.activation_k[row] == pytest.approx(c.activation_j_per_mol / 8.3144)


# Wrong input ---------------------------------------------------------------------------------


def test_everything_wrong_is_found_at_once():
    found = findings(
        simulate, EVEN, [np.inf], 0.0, capacity_kwh=0.0, soc0=50.0, temperature_c=298.15,
        growth=-1.0, coulombic=0.4,
    )  # fmt: skip
    assert set(found) == {
        "power_kw", "step_s", "capacity_kwh", "soc0", "temperature_c", "growth", "coulombic",
    }  # fmt: skip
    assert "0.5" in found["soc0"].mend and "fraction" in found["soc0"].mend
    assert "kelvin" in found["temperature_c"].mend and "25" in found["temperature_c"].mend


@pytest.mark.parametrize("soc", [-0.01, 1.01, np.nan, [0.5, 2.0]])
def test_no_voltage_outside_of_empty_and_full(soc):
    assert set(findings(open_circuit_v, EVEN, soc)) == {"soc"}


def test_limits_and_resistances_are_asked_with_sound_numbers():
    found = findings(power_limits_kw, EVEN, -0.5, 100.0, 0.0)
    assert set(found) == {"soc", "temperature_c", "capacity_kwh"}
    assert "kelvin" not in found["temperature_c"].mend
    assert set(findings(resistances_ohm, EVEN, 0.5, 25.0, -1.0)) == {"growth"}


def test_shapes_that_do_not_fit_are_findings():
    found = findings(follow, powers=np.zeros((3, 4)), soc0=[0.5, 0.6], growth=np.ones((3, 1)))
    assert set(found) == {"soc0", "growth"}
    assert "3 rows" in found["soc0"].what
    assert set(findings(follow, powers=np.zeros((2, 2, 2)))) == {"power_kw"}
    assert follow(powers=np.zeros((3, 4)), soc0=[0.5, 0.6, 0.7]).soc.shape == (3, 5)


def test_an_unknown_chemistry_names_the_nearest():
    assert find_circuit("NMC") is CIRCUITS["nmc"]
    found = findings(find_circuit, "lpf")["chemistry"]
    assert "Did you mean lfp?" in found.mend and "nmc, nca, lfp, lmo" in found.mend
    assert "Did you mean" not in findings(find_circuit, "zzz")["chemistry"].mend


def test_a_cycle_with_wrong_ends_is_not_made():
    found = findings(RoundTrip, soc_min=75.0, soc_max=25.0, temperature_c=298.15, capacity_kwh=0)
    assert set(found) == {"soc_min", "soc_max", "temperature_c", "capacity_kwh"}
    assert set(findings(RoundTrip, soc_min=0.5, soc_max=0.5)) == {"soc_min"}
    assert set(findings(RoundTrip, coulombic=1.01, growth=-0.1)) == {"coulombic", "growth"}


# Efficiencies --------------------------------------------------------------------------------


def test_without_any_loss_all_three_are_one():
    ideal = cycle(LOSSLESS, law=NO_LOSS)
    for boundary in ("cells", "dc", "plug"):
        np.testing.assert_allclose(
            cycle_efficiency(ideal, [0.1, 3.6, 360.0], boundary), 1.0, rtol=1e-13
        )


def test_coulombic_is_counted_in_ah_alone():
    leaky = cycle(coulombic=0.98)
    np.testing.assert_allclose(coulombic_efficiency(leaky, [1.0, 7.0, 20.0]), 0.98, rtol=1e-12)
    np.testing.assert_allclose(
        coulombic_efficiency(cycle(coulombic=0.98, temperature_c=-10.0, growth=1.5), 7.0), 0.98
    )
    # Not taken twice and not left out: in kWh it is on top of the voltages.
    assert energy_efficiency(leaky, 7.0) == pytest.approx(0.98 * energy_efficiency(cycle(), 7.0))
    assert coulombic_efficiency(cycle(), 20.0) == 1.0


def test_without_power_only_charge_is_lost():
    assert energy_efficiency(cycle(coulombic=0.98), 0.0) == pytest.approx(0.98, rel=1e-12)


def test_energy_efficiency_by_hand():
    # 36 W a cell, R0 + R1 = 30 mΩ: V = (3.6 ± sqrt(3.6² ± 4 * 0.03 * 36)) / 2 at constant OCV,
    # and the same Ah both ways.
    out, into = (3.6 + np.sqrt(12.96 - 4.32)) / 2, (3.6 + np.sqrt(12.96 + 4.32)) / 2
    assert energy_efficiency(cycle(), 36.0) == pytest.approx(out / into, rel=1e-12)
    assert out / into == pytest.approx(0.84304, rel=1e-5)


def test_energy_efficiency_falls_with_power_cold_and_age():
    shares = energy_efficiency(RoundTrip(), [1.0, 3.7, 7.4, 11.0, 22.0, 50.0])
    assert np.all(np.diff(shares) < 0) and shares[0] < 1
    assert energy_efficiency(RoundTrip(temperature_c=0.0), 11.0) < shares[3]
    assert energy_efficiency(RoundTrip(growth=1.5), 11.0) < shares[3]


def test_round_trip_is_what_is_counted_at_the_plug():
    # Nothing lost in the cells: 11 kW bring 11 * 0.94 - 0.232 = 10.108 kW, and take 11.892 kW.
    law = (0.232, 0.06, 0.0)
    assert round_trip_efficiency(cycle(LOSSLESS, law=law), 11.0) == pytest.approx(10.108 / 11.892)
    # With losses in the cells: of the voltages at 10.108 and 11.892 W a cell.
    out, into = (
        (3.6 + np.sqrt(12.96 - 0.12 * 11.892)) / 2,
        (3.6 + np.sqrt(12.96 + 0.12 * 10.108)) / 2,
    )
    expected = 10.108 / 11.892 * out / into
    assert round_trip_efficiency(cycle(law=law), 11.0) == pytest.approx(expected, rel=1e-12)
    assert cycle_efficiency(cycle(law=law), 11.0, "plug") == pytest.approx(expected, rel=1e-12)


def test_round_trip_without_conversion_loss_is_that_of_the_dc_terminals():
    lone = RoundTrip(law=NO_LOSS)
    power = np.array([[1.0, 7.0], [11.0, 22.0]])
    np.testing.assert_allclose(
        round_trip_efficiency(lone, power), energy_efficiency(lone, power), rtol=1e-12
    )


def test_power_that_its_own_loss_eats_gives_nothing():
    # 0.232 kW standing and 6 %: 0.2468 kW at the plug bring nothing to the cells.
    shares = round_trip_efficiency(RoundTrip(), [0.1, 0.2468, 0.3, 0.0])
    assert shares[0] == shares[3] == 0
    assert shares[1] == pytest.approx(0, abs=1e-4) and shares[2] > 0.02


def test_what_the_circuit_cannot_carry_is_nan_at_every_boundary():
    # Below 3 V from 20 A on: 60 W a cell. Above 4.2 V from 20 A on: 84 W a cell.
    for boundary in ("cells", "dc", "plug"):
        shares = cycle_efficiency(cycle(law=NO_LOSS), [59.9, 60.1, 200.0], boundary)
        assert np.isfinite(shares[0]) and np.isnan(shares[1:]).all()
    narrow = cycle(replace(EVEN, max_v=3.8), law=NO_LOSS)
    # Above 3.8 V from 6.67 A on: 25.3 W.
    assert np.isfinite(energy_efficiency(narrow, 25.2))
    assert np.isnan(energy_efficiency(narrow, 25.5))
