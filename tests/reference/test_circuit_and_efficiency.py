"""Circuit and efficiencies against an independent integrator and against what was measured.

**Measured round trip.** W. Schram, N. Brinkel, G. Smink, T. van Wijk, W. van Sark, "Empirical
Evaluation of V2G Round-trip Efficiency", IEEE SEST 2020: cars charged and discharged at the plug
between 25 and 75 % SOC with 3x16 A had 87.0 % on average; over all dates, currents and states
of charge 79.1 to 87.8 %. Ours for a 60 kWh NMC pack at 11 kW and 25 degC is 83.8 %: within the
range, 3.2 points below that average. Nearly all of it is the conversion loss, 0.850 for the two
ways (the default law, fit to charging losses of four cars, counts an awake vehicle, 0.232 kW
each way); the cells lose the rest, 1.5 %. At 0 degC ours is 82.9 %. The law was not fit to
these measurements, and that it holds for discharging as well is assumed.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from gridtide.battery import (
    CIRCUITS,
    CircuitLimit,
    RoundTrip,
    cells_kw,
    circuit_step,
    energy_efficiency,
    one_way_efficiency,
    resistances_ohm,
    round_trip_efficiency,
    simulate,
)

LOW, MEAN, HIGH = 0.791, 0.870, 0.878  # Schram et al. 2020
PLUG_KW = 3 * 16 * 0.230  # 11.04 kW


# The step against an integrator --------------------------------------------------------------


def integrate(circuit, r0, r1, amp, h, soc, v1, eta):
    """s, v1, terminal Wh and heat Wh of one step, by an adaptive Runge-Kutta method."""
    q = 3600 * circuit.capacity_ah

    def rates(_, y):
        s, v, _, _ = y
        ocv = np.interp(s, circuit.soc, circuit.ocv_v)
        ds = -amp * (eta if amp < 0 else 1.0) / q
        dv = (r1 * amp - v) / circuit.tau_s if r1 > 0 else 0.0
        heat = amp**2 * r0 + (v**2 / r1 if r1 > 0 else 0.0)
        # Charge that is not stored is heat as well, at open-circuit voltage.
        heat -= (1 - eta) * min(amp, 0.0) * ocv
        return ds, dv, amp * (ocv - amp * r0 - v) / 3600, heat / 3600

    done = solve_ivp(
        rates, (0.0, h), (soc, v1, 0.0, 0.0), method="DOP853", rtol=1e-11, atol=1e-12,
        max_step=h / 200,
    )  # fmt: skip
    assert done.success
    return done.y[:, -1]


@pytest.mark.parametrize("name", sorted(CIRCUITS))
@pytest.mark.parametrize(
    ("rate", "h", "soc", "v1", "eta"),
    [
        (1.0, 600.0, 0.6, 0.0, 1.0),
        (-0.5, 900.0, 0.3, 0.0, 1.0),
        (0.2, 60.0, 0.9, -0.03, 1.0),
        (-1.5, 5.0, 0.5, 0.05, 1.0),
        (-0.3, 3600.0, 0.4, 0.02, 0.98),
    ],
)
def test_the_closed_form_is_the_differential_equation(name, rate, h, soc, v1, eta):
    c = CIRCUITS[name]
    amp = rate * c.capacity_ah
    r0, r1 = (float(r) for r in resistances_ohm(c, soc, 10.0))
    v1 = v1 if r1 > 0 else 0.0
    s, v, wh, heat_wh = integrate(c, r0, r1, amp, h, soc, v1, eta)
    ours = circuit_step(amp, h, soc, v1, c.soc, c.ocv_v, r0, r1, c.tau_s, c.capacity_ah, eta)
    assert ours[0] == pytest.approx(s, abs=1e-9)
    assert ours[1] == pytest.approx(v, abs=1e-9)
    assert ours[2] == pytest.approx(np.interp(s, c.soc, c.ocv_v) - amp * r0 - v, abs=1e-7)
    assert amp * ours[3] * h / 3600 == pytest.approx(wh, rel=1e-7)
    assert ours[4] * h / 3600 == pytest.approx(heat_wh, rel=1e-7)


# Efficiencies --------------------------------------------------------------------------------


def test_one_way_efficiency_is_that_of_the_published_fit():
    # The project's facts: default law a = 0.232 kW, b = 0.060 against ADAC measurements.
    plug = np.array([1.38, 2.3, 3.7, 7.4, 11.0])
    share = one_way_efficiency(plug)
    np.testing.assert_array_equal(np.round(share, 2), [0.77, 0.84, 0.88, 0.91, 0.92])
    np.testing.assert_array_equal(np.round(share**2, 2), [0.60, 0.70, 0.77, 0.83, 0.84])
    # Giving, the loss comes out of the battery: a little more arrives than taking.
    assert np.all(one_way_efficiency(-plug) > share)


def test_round_trip_lies_in_the_measured_range_below_its_average():
    ours = float(round_trip_efficiency(RoundTrip(), PLUG_KW))
    assert LOW <= ours <= HIGH
    assert ours == pytest.approx(0.838, abs=5e-4)
    assert ours - MEAN == pytest.approx(-0.032, abs=5e-4)  # the difference, not hidden
    into, out_of = cells_kw([PLUG_KW, -PLUG_KW])
    assert into / -out_of == pytest.approx(0.850, abs=5e-4)
    assert ours / (into / -out_of) == pytest.approx(1 - 0.0146, abs=5e-4)


def test_as_measured_cold_and_low_currents_cost_efficiency():
    one_phase, three_phases = round_trip_efficiency(RoundTrip(), [PLUG_KW / 3, PLUG_KW])
    assert one_phase < three_phases
    cold = float(round_trip_efficiency(RoundTrip(temperature_c=0.0), PLUG_KW))
    assert LOW <= cold < three_phases
    assert cold == pytest.approx(0.829, abs=5e-4)


@pytest.mark.parametrize("name", sorted(CIRCUITS))
def test_round_trip_is_what_a_simulated_pack_counts(name):
    """Charge and discharge step by step; count at the plug and at the DC terminals.

    The step by step pack has its RC pair start at rest and holds resistances for a minute; the
    efficiencies count the pair as settled. That is all of the difference that is allowed.
    """
    c = CIRCUITS[name]
    into, out_of = cells_kw([PLUG_KW, -PLUG_KW])
    charge = _hours(c, into, 0.25, 0.75)
    discharge = _hours(c, out_of, 0.75, 0.25)
    cycle = RoundTrip(circuit=c)
    counted = discharge / charge  # the same power at the plug both ways
    assert float(round_trip_efficiency(cycle, PLUG_KW)) == pytest.approx(counted, abs=2e-4)
    dc = _hours(c, -PLUG_KW, 0.75, 0.25) / _hours(c, PLUG_KW, 0.25, 0.75)
    assert float(energy_efficiency(cycle, PLUG_KW)) == pytest.approx(dc, abs=2e-4)
    assert dc < 0.99  # the bar would notice a loss left out


def _hours(circuit, kw, start, end):
    trace = simulate(
        circuit, np.full(300, float(kw)), 60.0, capacity_kwh=60.0, soc0=start, temperature_c=25.0
    )
    past = np.flatnonzero((trace.soc - end) * np.sign(kw) >= 0)[0]
    assert set(trace.limit[:past]) == {CircuitLimit.NONE}
    before, after = trace.soc[past - 1], trace.soc[past]
    return (past - 1 + (end - before) / (after - before)) / 60.0
