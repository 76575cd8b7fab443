"""The LMO circuit against records of the cell it was read from (docs: models/circuit.md).

Wiggins, Allu, Wang, Oak Ridge National Laboratory 2019, doi:10.5281/zenodo.2580327 (MIT): cell of
a Nissan Leaf of 2013, pulses at 25 degC. The open-circuit voltage was read from the charge at
10 A; the 48 mV that it lies below come from that charge and one point of the discharge below,
six minutes before its end; R0 is the first half second of the pulses. The later times of the
pulses and the rest went into nothing.
"""

import numpy as np
import pytest

from gridtide.battery import CIRCUITS, simulate

LMO = CIRCUITS["lmo"]
CELL_KWH = np.trapezoid(LMO.ocv_v, LMO.soc) * LMO.capacity_ah / 1000


def volts_after(amp, seconds, soc):
    """Terminal voltage after a discharge at constant current, by the power that gives it."""
    # Steps short enough that constant power is constant current: the voltage is nearly still.
    step_s = min(seconds / 20, 10.0)
    volts = np.interp(soc, LMO.soc, LMO.ocv_v)
    for _ in range(6):
        trace = simulate(
            LMO, np.full(round(seconds / step_s), -amp * volts / 1000), step_s,
            capacity_kwh=CELL_KWH, soc0=soc, temperature_c=25.0,
        )  # fmt: skip
        volts *= amp / -(trace.current_c * LMO.capacity_ah).mean()
    return trace.cell_v[-1]


def test_a_tenth_at_10_a():
    # Record: 3.867 V when 3.00 Ah had left, from SOC 0.571 to 0.472.
    assert volts_after(10.0, 1080.0, 0.472 + 3.0 / LMO.capacity_ah) == pytest.approx(
        3.867, abs=0.003
    )


@pytest.mark.parametrize(
    ("soc", "seconds", "recorded_v"),
    [(0.472, 0.5, 3.862), (0.472, 10, 3.848), (0.472, 30, 3.833),
     (1.0, 0.5, 4.129), (1.0, 10, 4.104), (1.0, 30, 4.082)],
)  # fmt: skip
def test_pulses_of_30_a(soc, seconds, recorded_v):
    # One pair of 95 s is late in the first seconds: 13 mV at 1C, told on the card.
    assert volts_after(30.0, seconds, soc) == pytest.approx(recorded_v, abs=0.013)


def test_rest_after_discharging():
    # An hour's rest at SOC 0.472; the table lies between charging and discharging.
    assert np.interp(0.472, LMO.soc, LMO.ocv_v) == pytest.approx(3.909, abs=0.007)
