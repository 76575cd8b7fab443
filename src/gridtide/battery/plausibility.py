"""Plausibility of battery telemetry: a verdict for each vehicle, its evidence, what follows.

**What follows.** A vehicle whose telemetry fails a check keeps charging by its own limits but
never discharges until it is cleared by hand: :attr:`Detector.in_doubt` is what a plant puts into
its image. A check that lacks its data says that it did not run; it never passes silently.

The same detector serves a live system, one sample of the fleet at a time, and a study, a month
at a time: the verdicts are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.battery._circuit_grid import grid_of
from gridtide.battery._kernel_plausibility import FLEET_STATE, check_all, compare_all
from gridtide.battery._kernel_telemetry_state import (
    Columns,
    Notes,
    Plates,
    fresh,
)
from gridtide.battery._plausibility_words import sentence
from gridtide.battery.circuit import CIRCUITS, Circuit
from gridtide.battery.telemetry import Nameplate, Telemetry
from gridtide.battery.thresholds import Check, Thresholds

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]

OK, IN_DOUBT, NOT_CHECKABLE = "ok", "in doubt", "not checkable"
# Checks that any number passes or that need the fleet: alone they do not make data checkable.
_NOT_ENOUGH = (
    Check.IMPOSSIBLE_VALUE,
    Check.TIME_ORDER,
    Check.WENT_SILENT,
    Check.DECLARED_LIMITS,
    Check.FLEET_OUTLIER,
    Check.COORDINATED,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a check failed, with the numbers of the moment when it first did.

    ``detail`` says which quantity or part of the check it was; ``measured`` differed from
    ``expected`` by more than ``bound``, in the unit that the sentence names.
    """

    check: Check
    since_s: float
    measured: float
    expected: float
    bound: float
    detail: int

    @property
    def sentence(self) -> str:
        """The evidence in words."""
        return sentence(self.check, self.detail, self.measured, self.expected, self.bound)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of one vehicle's telemetry.

    Parameters
    ----------
    standing
        ``"ok"``, ``"in doubt"``, or ``"not checkable"`` where no check of the battery itself
        had its data.
    evidence
        Failed checks, the earliest first.
    checked, not_checked
        Checks that had their data at least once since the vehicle was cleared, and the others.
    """

    standing: str
    evidence: tuple[Evidence, ...]
    checked: tuple[Check, ...]
    not_checked: tuple[Check, ...]


class Detector:
    """Checks the telemetry of a fleet as it comes.

    Parameters
    ----------
    nameplate
        What is declared of each vehicle.
    thresholds
        Where the checks draw their lines.
    circuits
        Equivalent circuits by the names that ``nameplate.chemistry`` uses; a vehicle without
        one is not checked against its voltage.
    """

    def __init__(
        self,
        nameplate: Nameplate,
        thresholds: Thresholds | None = None,
        circuits: Mapping[str, Circuit] = CIRCUITS,
    ) -> None:
        n = len(nameplate)
        self.nameplate = nameplate
        self.thresholds = thresholds or Thresholds()
        names = list(circuits)
        which = {name: k for k, name in enumerate(names)}
        self._circuits = grid_of([circuits[name] for name in names])
        self._plates = Plates(
            capacity_kwh=nameplate.capacity_kwh,
            max_charge_kw=nameplate.max_charge_kw,
            max_discharge_kw=nameplate.max_discharge_kw,
            cells_in_series=nameplate.cells_in_series,
            circuit=np.array([which.get(c, -1) for c in nameplate.chemistry], dtype=np.int64),
            loss_law=nameplate.loss_law,
        )
        self._order = np.argsort(nameplate.model, kind="stable")
        _, counts = np.unique(nameplate.model, return_counts=True)
        self._edges = np.concatenate([[0], np.cumsum(counts)])
        self._state = fresh(n)
        self._notes = Notes.of(n)
        self._fleet = np.zeros(FLEET_STATE)

    def see(self, telemetry: Telemetry) -> None:
        """Check the next samples, one column or many.

        Raises
        ------
        ValueError
            If they are of another number of vehicles.
        """
        if telemetry.time_s.shape[0] != len(self.nameplate):
            raise ValueError(
                f"{telemetry.time_s.shape[0]} rows of telemetry for {len(self.nameplate)} vehicles"
            )
        columns = Columns(*(getattr(telemetry, name) for name in Columns._fields))
        volts, socs = np.empty(columns.time_s.shape), np.empty(columns.time_s.shape)
        check_all(
            columns,
            self._plates,
            self._circuits,
            self.thresholds,
            self._state,
            self._notes,
            volts,
            socs,
        )
        compare_all(
            volts,
            socs,
            columns.time_s,
            self._order,
            self._edges,
            self.thresholds,
            self._state,
            self._fleet,
            self._notes,
        )

    @property
    def in_doubt(self) -> Bools:
        """Vehicles that must not discharge until they are cleared, shape (n,)."""
        return np.asarray(np.isfinite(self._notes.since_s).any(axis=1), dtype=np.bool_)

    @property
    def checkable(self) -> Bools:
        """Vehicles of which a check of the battery itself had its data, shape (n,)."""
        enough = [check for check in Check if check not in _NOT_ENOUGH]
        ran = np.isfinite(self._notes.checked_s[:, enough])
        return np.asarray(ran.any(axis=1), dtype=np.bool_)

    @property
    def since_s(self) -> Floats:
        """When each check first failed [s], NaN where it did not, shape (n, checks)."""
        return self._notes.since_s.copy()

    def verdict(self, vehicle: int) -> Verdict:
        """Tell what is thought of one vehicle, and why."""
        notes = self._notes
        failed = [check for check in Check if not np.isnan(notes.since_s[vehicle, check])]
        evidence = [
            Evidence(
                check,
                float(notes.since_s[vehicle, check]),
                float(notes.measured[vehicle, check]),
                float(notes.expected[vehicle, check]),
                float(notes.bound[vehicle, check]),
                int(notes.detail[vehicle, check]),
            )
            for check in failed
        ]
        checked = tuple(c for c in Check if not np.isnan(notes.checked_s[vehicle, c]))
        standing = OK if self.checkable[vehicle] else NOT_CHECKABLE
        return Verdict(
            standing=IN_DOUBT if failed else standing,
            evidence=tuple(sorted(evidence, key=lambda e: e.since_s)),
            checked=checked,
            not_checked=tuple(c for c in Check if c not in checked),
        )

    def clear(self, vehicle: int) -> None:
        """Trust a vehicle again, by someone's explicit decision; what was learnt of it goes.

        The next sample begins anew. Data that are still wrong put the vehicle in doubt again.
        """
        self._state[vehicle : vehicle + 1] = fresh(1)
        for values in self._notes[:-1]:
            values[vehicle] = np.nan
        self._notes.detail[vehicle] = 0
