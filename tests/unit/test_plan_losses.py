"""The loss law in parts: what reaches the battery, and the way back to the plug."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridtide.plan import read_problem
from gridtide.plan._losses import loss_law

ONE = {
    "version": 1, "start": "2026-06-01T00:00:00Z", "step_minutes": 60, "steps": 1,
    "price_import_per_kwh": 0.2, "price_export_per_kwh": 0.1, "shortfall_price_per_kwh": 1.0,
    "vehicles": [{"id": "van", "capacity_kwh": 50, "soc_arrival": 0.5, "soc_target": 0.5,
                  "arrive_step": 0, "depart_step": 1, "max_charge_kw": 11, "max_discharge_kw": 11,
                  "charge_part_kw": [4, 3, 1], "charge_part_efficiency": [0.9, 0.8, 0.5],
                  "discharge_part_kw": [5, 1], "discharge_part_efficiency": [0.8, 0.5]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("plug_kw", "battery_kw"),
    [(0.0, 0.0), (2.0, 1.8), (4.0, 3.6), (7.0, 6.0), (11.0, 8.0), (-4.0, -5.0), (-7.0, -10.25)],
)
def test_parts_add_up_and_lead_back(plug_kw, battery_kw):
    law = loss_law(read_problem(ONE))
    assert law.battery_kw(np.array([plug_kw])) == pytest.approx([battery_kw])
    assert law.plug_kw(np.array([battery_kw])) == pytest.approx([plug_kw])


def test_the_chord_of_standby_stores_at_full_power_what_the_loss_leaves():
    problem = replace(read_problem(ONE), standby_kw=np.array([0.22]))
    law = loss_law(problem, chord_of_standby=True)
    assert law.battery_kw(np.array([11.0])) == pytest.approx([8.0 - 0.22])
    assert law.battery_kw(np.array([-11.0])) == pytest.approx([-(6.25 + 12.0) - 0.22])
