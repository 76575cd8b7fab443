"""What a run keeps: meter readings, decisions with reasons, plans with certificates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.control import Image, PlanRecord, Setpoints
from gridtide.study._kernel_record import note_changes

Columns = dict[str, npt.NDArray[Any]]


class Tape:
    """Rows that arrive in batches of columns.

    Parameters
    ----------
    names
        Columns of the table, for a tape that stays empty.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._batches: list[Mapping[str, npt.NDArray[Any]]] = []

    def __call__(self, batch: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep a batch."""
        self._batches.append(batch)

    def columns(self) -> Columns:
        """All rows as one set of columns."""
        if not self._batches:
            return {name: np.zeros(0, dtype=np.int64) for name in self._names}
        return {name: np.concatenate([b[name] for b in self._batches]) for name in self._names}


class DecisionTape:
    """Keeps a setpoint whenever it or its reason changes.

    It is the watcher of a run: call it with an image and the setpoints decided on it.
    """

    NAMES = ("time_s", "charger", "session", "setpoint_kw", "reason", "limit")

    def __init__(self, chargers: int) -> None:
        self._tape = Tape(self.NAMES)
        self._power = np.zeros(chargers)
        self._reason = np.zeros(chargers, dtype=np.uint8)
        self._session = np.full(chargers, -1, dtype=np.int64)

    def __call__(self, image: Image, setpoints: Setpoints) -> None:
        """Keep what changed."""
        at = note_changes(
            setpoints.power_kw,
            setpoints.reason,
            image.session,
            self._power,
            self._reason,
            self._session,
        )
        if at.size:
            self._tape(
                {
                    "time_s": np.full(at.size, image.time_s),
                    "charger": at.astype(np.int32),
                    "session": image.session[at].astype(np.int32),
                    "setpoint_kw": setpoints.power_kw[at].astype(np.float32),
                    "reason": setpoints.reason[at],
                    "limit": setpoints.binding[at],
                }
            )

    def columns(self) -> Columns:
        """All decisions, in the order of time."""
        return self._tape.columns()


def plan_columns(records: Sequence[PlanRecord]) -> Columns:
    """One row per plan: its certificate."""
    plans = [record.plan for record in records]
    return {
        "time_s": np.array([r.schedule.edges_s[0] for r in records], dtype=np.float64),
        "vehicles": np.array([r.chargers.size for r in records], dtype=np.int64),
        "status": np.array([plan.status for plan in plans], dtype=object),
        "wear_model": np.array([plan.wear_model for plan in plans], dtype=object),
        "objective": np.array([plan.objective for plan in plans], dtype=np.float64),
        "lower_bound": np.array([plan.lower_bound for plan in plans], dtype=np.float64),
        "gap": np.array([plan.gap for plan in plans], dtype=np.float64),
        "hard_violation_kw": np.array([plan.hard_violation_kw for plan in plans], float),
        "shortfall_kwh": np.array([plan.shortfall_kwh.sum() for plan in plans], float),
        "cpu_s": np.array([plan.cpu_s for plan in plans], dtype=np.float64),
    }


def schedule_columns(records: Sequence[PlanRecord]) -> Columns:
    """One row per plan, session and step in which something is planned."""
    tape = Tape(("plan_time_s", "step_time_s", "session", "power_kw"))
    for record in records:
        schedule = record.schedule
        step, charger = np.nonzero(np.abs(schedule.power_kw) > 1e-6)
        tape(
            {
                "plan_time_s": np.full(step.size, schedule.edges_s[0]),
                "step_time_s": schedule.edges_s[step],
                "session": schedule.session[charger],
                "power_kw": schedule.power_kw[step, charger].astype(np.float32),
            }
        )
    return tape.columns()
