"""Which powers a charger can run at: nothing, or at least its smallest.

A charging station signals no current below 6 A (IEC 61851-1, table A.8), so power is 0 or from
1.38 kW on one phase, 4.14 kW on three at 230 V. A station that switches phases fills the gap:
below ``min_charge_kw`` it charges on one phase, so that power alone tells the phases.
"""

from __future__ import annotations

import numpy as np

from gridtide.plan.problem import Bools, Floats, Ints, Problem

RANGE_TOLERANCE_KW = 5e-7
"""A power so little below the smallest is rounding of a solver, and stands."""
ONE_PHASE_SHARE = 1.0 - 1e-6
"""The one-phase range ends this close below the smallest power on three phases."""


def has_range(problem: Problem) -> bool:
    """Tell whether any charger has powers between nothing and its largest that it cannot hold."""
    given = problem.min_charge_kw, problem.min_discharge_kw
    return any(least is not None and bool(np.any(least > 0)) for least in given)


def least_kw(problem: Problem) -> tuple[Floats, Floats]:
    """Smallest charging and discharging power, on all phases, both shape (n,)."""
    none = np.zeros(len(problem))
    charge, discharge = problem.min_charge_kw, problem.min_discharge_kw
    return none if charge is None else charge, none if discharge is None else discharge


def one_phase_range(problem: Problem) -> tuple[Floats, Floats]:
    """Smallest and largest charging power on one phase, 0 where there is none, shape (n,)."""
    if problem.one_phase_kw is None:
        return np.zeros(len(problem)), np.zeros(len(problem))
    low, high = problem.one_phase_kw.T
    top = least_kw(problem)[0] * ONE_PHASE_SHARE
    usable = (high > 0) & (low <= top)
    return np.where(usable, low, 0.0), np.where(usable, np.minimum(high, top), 0.0)


def on_one_phase(problem: Problem, power_kw: Floats) -> Bools:
    """Tell where a charger charges on one phase; ``power_kw`` of shape (n,) or (n, T)."""
    low, high = _along(power_kw, *one_phase_range(problem))
    one: Bools = (high > 0) & (power_kw >= low - RANGE_TOLERANCE_KW) & (power_kw > 0)
    return one & (power_kw <= high + RANGE_TOLERANCE_KW)


def one_phase_lines(problem: Problem) -> Ints:
    """Line that each charger uses on one phase: 0, 1, 2 for L1, L2, L3, shape (n,)."""
    if problem.one_phase_line is None:
        return np.zeros(len(problem), dtype=np.int64)
    return problem.one_phase_line


def within_range(problem: Problem, power_kw: Floats) -> Floats:
    """Return the largest power that a charger can hold and that is not above the given.

    Parameters
    ----------
    problem
        The problem.
    power_kw
        At the plug, + is charging, shape (n,) or (n, T).
    """
    charge, discharge = _along(power_kw, *least_kw(problem))
    low, high = _along(power_kw, *one_phase_range(problem))
    on_one = np.where(power_kw >= low - RANGE_TOLERANCE_KW, np.minimum(power_kw, high), 0.0)
    small = (power_kw > 0) & (power_kw < charge - RANGE_TOLERANCE_KW)
    power = np.where(small, on_one, power_kw)
    feeble = (power < 0) & (-power < discharge - RANGE_TOLERANCE_KW)
    held: Floats = np.where(feeble, 0.0, power)
    return held


def out_of_range_kw(problem: Problem, power_kw: Floats) -> float:
    """Largest distance of a power from the nearest that its charger can hold [kW]."""
    if not has_range(problem):
        return 0.0
    charge, discharge = _along(power_kw, *least_kw(problem))
    low, high = _along(power_kw, *one_phase_range(problem))
    below = np.where(power_kw > high, power_kw - high, np.minimum(power_kw, low - power_kw))
    up = np.where(power_kw < charge, np.minimum(charge - power_kw, below), 0.0)
    down = np.where(-power_kw < discharge, np.minimum(discharge + power_kw, -power_kw), 0.0)
    return float(max(np.max(up, initial=0.0), np.max(down, initial=0.0)))


def _along(power_kw: Floats, *columns: Floats) -> tuple[Floats, ...]:
    return tuple(c[:, None] if power_kw.ndim == 2 else c for c in columns)
