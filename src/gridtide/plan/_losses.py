"""The loss law between plug and battery: power in parts, each with its efficiency.

Filled in order and never better than the part before, the parts are lines of which the least
tells what is stored and the greatest what is taken, with c, d ≥ 0 at the plug:

    stored(c) = min_j (offset_j + gain_j·c),    taken(d) = max_j (draw_j·d - offset_j)

One efficiency each way is one line through 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class LossLaw:
    """Slopes and offsets of the lines, the first part first; standby loss is told apart.

    Parameters
    ----------
    gain, gain_offset_kw
        Stored per kWh charged and offset [kW], shape (n, P).
    draw, draw_offset_kw
        Taken per kWh discharged and offset [kW], shape (n, Q).
    charge_from_kw, discharge_from_kw
        Power at which each part but the first begins, shapes (n, P - 1) and (n, Q - 1).
    """

    gain: Floats
    gain_offset_kw: Floats
    draw: Floats
    draw_offset_kw: Floats
    charge_from_kw: Floats
    discharge_from_kw: Floats

    def of(self, rows: Ints) -> LossLaw:
        """Return the laws of some rows."""
        return LossLaw(
            gain=self.gain[rows],
            gain_offset_kw=self.gain_offset_kw[rows],
            draw=self.draw[rows],
            draw_offset_kw=self.draw_offset_kw[rows],
            charge_from_kw=self.charge_from_kw[rows],
            discharge_from_kw=self.discharge_from_kw[rows],
        )

    def battery_kw(self, power_kw: Floats) -> Floats:
        """Power into the battery at a power at the plug, both shape (n,)."""
        p = power_kw[:, None]
        stored = np.min(self.gain_offset_kw + self.gain * p, axis=1)
        taken = np.max(-self.draw * p - self.draw_offset_kw, axis=1)
        flow: Floats = np.where(power_kw > 0, stored, np.where(power_kw < 0, -taken, 0.0))
        return flow

    def plug_kw(self, battery_kw: Floats) -> Floats:
        """Power at the plug that moves a power into the battery, both shape (n,)."""
        b = battery_kw[:, None]
        charge = np.max((b - self.gain_offset_kw) / self.gain, axis=1)
        discharge = np.min((-b + self.draw_offset_kw) / self.draw, axis=1)
        power: Floats = np.where(battery_kw > 0, charge, np.where(battery_kw < 0, -discharge, 0.0))
        return power


def loss_law(problem: Problem, *, chord_of_standby: bool = False) -> LossLaw:
    """Return the law of each row.

    Parameters
    ----------
    problem
        The problem.
    chord_of_standby
        Spread the standby loss over the power as at full power.
    """
    gain, draw = problem.charge_efficiency[:, None], 1.0 / problem.discharge_efficiency[:, None]
    charge_from = discharge_from = np.zeros((len(problem), 0))
    if problem.charge_part_efficiency is not None:
        assert problem.charge_part_kw is not None
        gain = problem.charge_part_efficiency
        charge_from = np.cumsum(problem.charge_part_kw[:, :-1], axis=1)
    if problem.discharge_part_efficiency is not None:
        assert problem.discharge_part_kw is not None
        draw = 1.0 / problem.discharge_part_efficiency
        discharge_from = np.cumsum(problem.discharge_part_kw[:, :-1], axis=1)
    if chord_of_standby and problem.standby_kw is not None:
        charge, discharge = problem.max_charge_kw, problem.max_discharge_kw
        loss = problem.standby_kw
        gain = np.maximum(gain - (loss / np.where(charge > 0, charge, np.inf))[:, None], 1e-6)
        draw = draw + (loss / np.where(discharge > 0, discharge, np.inf))[:, None]
    return LossLaw(
        gain=gain,
        gain_offset_kw=_offsets(-np.diff(gain, axis=1), charge_from),
        draw=draw,
        draw_offset_kw=_offsets(np.diff(draw, axis=1), discharge_from),
        charge_from_kw=charge_from,
        discharge_from_kw=discharge_from,
    )


def _offsets(bends: Floats, from_kw: Floats) -> Floats:
    steps = np.where(bends > 0, bends * np.where(bends > 0, from_kw, 0.0), 0.0)
    return np.concatenate((np.zeros((len(bends), 1)), np.cumsum(steps, axis=1)), axis=1)
