"""The loss law, against the published table of the default law."""

import numpy as np
import pytest

from gridtide.battery import DEFAULT_LAW, cells_kw, one_way_efficiency, plug_kw


@pytest.mark.parametrize(
    ("power_kw", "efficiency"),
    [(1.38, 0.77), (2.3, 0.84), (3.7, 0.88), (7.4, 0.91), (11.0, 0.92)],
)
def test_default_law_gives_the_adac_table(power_kw, efficiency):
    assert one_way_efficiency(power_kw)[0] == pytest.approx(efficiency, abs=0.005)


def test_by_hand():
    a, b, _ = DEFAULT_LAW
    assert cells_kw(10.0)[0] == pytest.approx(10 - a - 10 * b)
    assert cells_kw(-10.0)[0] == pytest.approx(-(10 + a + 10 * b))
    assert cells_kw(0.0)[0] == 0.0


def test_less_than_its_own_loss_stores_nothing():
    assert cells_kw(0.2)[0] == 0.0
    assert plug_kw(-0.1)[0] == 0.0


@pytest.mark.parametrize("law", [(0.232, 0.06, 0.0), (0.1, 0.03, 0.004), (0.0, 0.0, 0.0)])
def test_plug_is_the_inverse_of_cells(law):
    power = np.array([-22.0, -7.4, -1.0, 1.0, 3.7, 11.0, 22.0])
    np.testing.assert_allclose(plug_kw(cells_kw(power, law), law), power, rtol=1e-12)


def test_a_loss_that_outgrows_the_power_has_no_inverse():
    assert plug_kw(100.0, (0.1, 0.1, 0.02))[0] == np.inf


def test_discharging_is_a_little_more_efficient_than_charging_at_the_same_power():
    charging, discharging = one_way_efficiency([7.4, -7.4])
    assert charging < discharging < 1
