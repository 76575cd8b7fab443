"""What must hold stay by stay: the charger, the battery's window and taper, the shortfall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.verify._stay_costs import missing_kwh
from gridtide.plan.verify._stays import Energies, Stays, taper_line, windows
from gridtide.plan.verify.verdict import Check

ALLOWED_KW = 1e-6
ALLOWED_KWH = 1e-6
ROUNDING = {"float64": 0.0, "float32": 2.0**-24}


@dataclass(slots=True)
class Worst:
    """The worst excess of one kind so far, and where."""

    name: str
    unit: str
    allowed: float
    excess: float = 0.0
    where: str = ""

    def look(self, stays: Stays, excess: Floats, by_pair: bool = True) -> None:
        """Take in the excess of pairs, or of stays."""
        self.look_at(stays, excess, stays.row if by_pair else None, stays.step if by_pair else None)

    def look_at(
        self, stays: Stays, excess: Floats, row: Ints | None = None, step: Ints | None = None
    ) -> None:
        """Take in the excess of some stays in some steps; of all stays without."""
        if len(excess) == 0:
            return
        worst = int(np.argmax(excess))
        if not excess[worst] > self.excess:
            return
        self.excess = float(excess[worst])
        self.where = stays.problem.ids[stays.first + (worst if row is None else int(row[worst]))]
        if step is not None:
            self.where += f" in step {int(step[worst])}"

    def check(self, good: str, bad: str) -> Check:
        """Return what was found as a check."""
        passed = self.excess <= self.allowed
        said = good if passed else f"{bad} by {self.excess:.3g} {self.unit}, {self.where}"
        return Check(
            name=self.name,
            passed=passed,
            figure=self.excess,
            allowed=self.allowed,
            unit=self.unit,
            said=said,
        )


class StayChecks:
    """Looks at stays part by part.

    Parameters
    ----------
    precision
        Of the powers in the file: energy is followed in float64, but from powers rounded to
        float32 it may be off by their rounding.
    claimed_kwh
        Claimed shortfall of each stay, shape (n,).
    """

    def __init__(self, precision: str, claimed_kwh: Floats) -> None:
        self._rounding, self._claimed = ROUNDING[precision], claimed_kwh
        self.charger = Worst("charger", "kW", ALLOWED_KW)
        self.smallest = Worst("smallest power", "kW", ALLOWED_KW)
        self.window = Worst("energy window", "kWh", ALLOWED_KWH)
        self.taper = Worst("taper", "kW", ALLOWED_KW)
        self.shortfall = Worst("shortfall", "kWh", ALLOWED_KWH)
        self.missing_kwh: dict[int, float] = {}
        self.below_kwh: dict[int, float] = {}

    def look(self, stays: Stays, power_kw: Floats, energies: Energies) -> None:
        """Take in some stays."""
        self._chargers(stays, power_kw)
        low, high = windows(stays, energies.arrival)
        rounded = self._rounding * stays.running_sum(stays.hours * np.abs(power_kw))
        after = energies.after
        beyond = np.maximum(low[stays.row] - after, after - high[stays.row])
        self.window.look(stays, beyond - 2.0 * rounded)
        self._tapers(stays, power_kw, energies, high)
        self._floors(stays, energies, high, rounded)
        missing = missing_kwh(stays, energies.at_end)
        wrong = np.abs(missing - stays.own(self._claimed))
        self.shortfall.look(stays, wrong - 2.0 * stays.last(rounded, 0.0 * wrong), by_pair=False)
        for row in np.flatnonzero(missing > ALLOWED_KWH):
            self.missing_kwh[stays.first + int(row)] = float(missing[row])

    def _chargers(self, stays: Stays, power_kw: Floats) -> None:
        problem = stays.problem
        most, least = stays.by_pair(problem.max_charge_kw), stays.by_pair(problem.max_discharge_kw)
        rounded = self._rounding * np.maximum(most, least)
        self.charger.look(stays, np.maximum(power_kw - most, -power_kw - least) - rounded)
        self.smallest.look(stays, too_small_kw(problem, stays.first + stays.row, power_kw))

    def _floors(self, stays: Stays, energies: Energies, high_kwh: Floats, rounded: Floats) -> None:
        """Gather how far each stay is below the energy that is wanted at least."""
        problem = stays.problem
        wanted = stays.by_pair(problem.min_kwh)
        if problem.floor_kwh is not None:
            floor = problem.floor_kwh[stays.first + stays.row, stays.step]
            wanted = np.maximum(wanted, np.minimum(floor, high_kwh[stays.row]))
        plugged = stays.end >= 0
        depth = np.where(plugged, stays.own(problem.min_kwh) - energies.arrival, 0.0)
        np.maximum.at(depth, stays.row, wanted - energies.after - 2.0 * rounded)
        for row in np.flatnonzero(depth > ALLOWED_KWH):
            self.below_kwh[stays.first + int(row)] = float(depth[row])

    def _tapers(self, stays: Stays, power_kw: Floats, energies: Energies, high_kwh: Floats) -> None:
        line = taper_line(stays, high_kwh)
        if line is None:
            return
        full, fall, start = (a[stays.row] for a in line)
        stored = stays.losses.battery_kw(stays.row, power_kw)
        room = full - fall * (energies.after - start)
        rounding = self._rounding * np.abs(full)
        self.taper.look(stays, np.where(power_kw > 0, stored - room - rounding, 0.0))

    def checks(self) -> list[Check]:
        """Return what was found."""
        return [
            self.charger.check("every power is within its charger", "a power is too large"),
            self.smallest.check("no power is too small", "a power is too small for its charger"),
            self.window.check("every battery stays in its window", "a battery leaves its window"),
            self.taper.check("no battery takes more than it can", "a full battery takes too much"),
            self.shortfall.check("missing energy is as claimed", "missing energy differs"),
        ]


def too_small_kw(problem: Problem, stay: Ints, power_kw: Floats) -> Floats:
    """How far powers are from what the chargers of stays can hold, on one phase too."""
    lacks = np.zeros(len(power_kw))
    if problem.min_charge_kw is not None:
        lacks = np.where(power_kw > 0, problem.min_charge_kw[stay] - power_kw, 0.0)
        if problem.one_phase_kw is not None:
            low, high = problem.one_phase_kw[stay, 0], problem.one_phase_kw[stay, 1]
            beside = np.where(high > 0, np.maximum(low - power_kw, power_kw - high), np.inf)
            lacks = np.minimum(lacks, beside)
    if problem.min_discharge_kw is not None:
        away = problem.min_discharge_kw[stay] + power_kw
        lacks = np.where(power_kw < 0, np.maximum(lacks, away), lacks)
    return lacks
