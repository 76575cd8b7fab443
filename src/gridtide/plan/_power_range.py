"""Which powers a charger can run at: nothing, or at least its smallest.

A charging station signals no current below 6 A (IEC 61851-1, table A.8), so power is 0 or from
1.38 kW on one phase, 4.14 kW on three at 230 V. A station that switches phases fills the gap:
below ``min_charge_kw`` it charges on one phase, so that power alone tells the phases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Bools, Floats, Ints, Problem

TOLERANCE_KW = 5e-7
"""A power so little below the smallest is rounding of a solver, and stands."""
ONE_PHASE_SHARE = 1.0 - 1e-6
"""The one-phase range ends this close below the smallest power on all phases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRange:
    """Powers that chargers can hold [kW], shape (n,).

    Parameters
    ----------
    charge, discharge
        Smallest on all phases; 0 for any.
    one_low, one_high
        Smallest and largest charging power on one phase; both 0 where there is none.
    line
        Which line that is, 0, 1, 2 for L1, L2, L3.
    """

    charge: Floats
    discharge: Floats
    one_low: Floats
    one_high: Floats
    line: Ints

    @property
    def gapped(self) -> Bools:
        """Chargers with powers that they cannot hold, shape (n,)."""
        gapped: Bools = (self.charge > 0) | (self.discharge > 0)
        return gapped

    def of(self, rows: Ints) -> PowerRange:
        """Return the ranges of some rows."""
        return PowerRange(
            charge=self.charge[rows],
            discharge=self.discharge[rows],
            one_low=self.one_low[rows],
            one_high=self.one_high[rows],
            line=self.line[rows],
        )

    def on_one_phase(self, power_kw: Floats) -> Bools:
        """Tell where a power, shape (n,) or (n, T), is charging on one phase."""
        low, high = _along(power_kw, self.one_low, self.one_high)
        inside = (power_kw >= low - TOLERANCE_KW) & (power_kw <= high + TOLERANCE_KW)
        one: Bools = inside & (high > 0) & (power_kw > 0)
        return one

    def held_kw(self, power_kw: Floats) -> Floats:
        """Return the largest power that can be held and is not above the given, same shape."""
        if not self.gapped.any():
            return power_kw
        charge, discharge = _along(power_kw, self.charge, self.discharge)
        low, high = _along(power_kw, self.one_low, self.one_high)
        on_one = np.where(power_kw >= low - TOLERANCE_KW, np.minimum(power_kw, high), 0.0)
        small = (power_kw > 0) & (power_kw < charge - TOLERANCE_KW)
        feeble = (power_kw < 0) & (-power_kw < discharge - TOLERANCE_KW)
        held: Floats = np.where(small, on_one, np.where(feeble, 0.0, power_kw))
        return held

    def excess_kw(self, power_kw: Floats) -> float:
        """Largest distance of a power from the nearest that can be held [kW]."""
        if not self.gapped.any():
            return 0.0
        charge, discharge = _along(power_kw, self.charge, self.discharge)
        low, high = _along(power_kw, self.one_low, self.one_high)
        below = np.where(power_kw > high, power_kw - high, np.minimum(power_kw, low - power_kw))
        up = np.where(power_kw < charge, np.minimum(charge - power_kw, below), 0.0)
        down = np.where(-power_kw < discharge, np.minimum(discharge + power_kw, -power_kw), 0.0)
        return float(max(np.max(up, initial=0.0), np.max(down, initial=0.0)))


def power_range(problem: Problem) -> PowerRange:
    """Return the ranges of each row's charger."""
    count = len(problem)
    charge = np.zeros(count) if problem.min_charge_kw is None else problem.min_charge_kw
    discharge = np.zeros(count) if problem.min_discharge_kw is None else problem.min_discharge_kw
    low, high = np.zeros(count), np.zeros(count)
    if problem.one_phase_kw is not None:
        top = charge * ONE_PHASE_SHARE
        usable = (problem.one_phase_kw[:, 1] > 0) & (problem.one_phase_kw[:, 0] <= top)
        low = np.where(usable, problem.one_phase_kw[:, 0], 0.0)
        high = np.where(usable, np.minimum(problem.one_phase_kw[:, 1], top), 0.0)
    line = problem.one_phase_line
    return PowerRange(
        charge=charge,
        discharge=discharge,
        one_low=low,
        one_high=high,
        line=np.zeros(count, dtype=np.int64) if line is None else line,
    )


def _along(power_kw: Floats, *columns: Floats) -> tuple[Floats, ...]:
    return tuple(c[:, None] if power_kw.ndim == 2 else c for c in columns)
