"""What a run keeps of its plans: certificates, schedules, and what they thought of wear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.control import PlanRecord, Schedule
from gridtide.study.record import Columns, Tape

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Powers below this are rounding: nothing is planned.
_PLANNED_KW = 1e-6


@dataclass(frozen=True, slots=True)
class _Followed:
    """What is needed of a plan until the next one takes its place."""

    schedule: Schedule
    chargers: Ints
    wear: tuple[Floats, Floats]


class PlanTape:
    """Takes every plan of a run and lets go of its arrays when the next one comes.

    A plan of n vehicles and T steps holds several arrays of n x T; a hundred plans of a hundred
    thousand vehicles would not fit into memory.

    Parameters
    ----------
    vehicle_of_session
        Vehicle of each session, shape (sessions,).
    vehicles
        How many there are.
    whole
        Keep every schedule up to its horizon, or only the steps that were followed until the
        next plan.
    """

    SCHEDULE = ("plan_time_s", "step_time_s", "session", "power_kw")

    def __init__(self, vehicle_of_session: Ints, vehicles: int, *, whole: bool) -> None:
        self._vehicle_of_session = vehicle_of_session
        self._whole = whole
        self._plans: list[tuple[object, ...]] = []
        self._schedules = Tape(self.SCHEDULE)
        self._now: _Followed | None = None
        self.wear = np.zeros((2, vehicles))
        """Wear by cycling and by holding that plans counted on in the steps that were carried
        out [currency], shape (2, vehicles)."""

    def __len__(self) -> int:
        """Return how many plans were made."""
        return len(self._plans)

    def __call__(self, record: PlanRecord) -> None:
        """Take a plan; the one before it ends where this one begins."""
        begin_s, plan = float(record.schedule.edges_s[0]), record.plan
        self.close(begin_s)
        self._plans.append(
            (
                begin_s,
                record.chargers.size,
                plan.status,
                plan.wear_model,
                plan.objective,
                plan.lower_bound,
                plan.gap,
                plan.hard_violation_kw,
                plan.shortfall_kwh.sum(),
                record.churn_kwh,
                plan.cpu_s,
            )
        )
        here = slice(record.chargers.size)  # who is only expected wears nothing
        wear = (plan.wear_cycle[here], plan.wear_holding[here])
        self._now = _Followed(record.schedule, record.chargers, wear)

    def close(self, end_s: float) -> None:
        """End the plan that is followed, at the next plan or at the end of the run."""
        now, self._now = self._now, None
        if now is None:
            return
        edges = now.schedule.edges_s
        share = np.clip((end_s - edges[:-1]) / np.diff(edges), 0.0, 1.0)
        vehicle = self._vehicle_of_session[now.schedule.session[now.chargers]]
        for total, wear in zip(self.wear, now.wear, strict=True):
            np.add.at(total, vehicle, wear @ share)
        self._schedules(self._rows(now.schedule, share))

    def _rows(self, schedule: Schedule, share: Floats) -> Columns:
        steps = share.size if self._whole else int(np.count_nonzero(share))
        step, charger = np.nonzero(np.abs(schedule.power_kw[:steps]) > _PLANNED_KW)
        return {
            "plan_time_s": np.full(step.size, schedule.edges_s[0]),
            "step_time_s": schedule.edges_s[step],
            "session": schedule.session[charger],
            "power_kw": schedule.power_kw[step, charger].astype(np.float32),
        }

    def plans(self) -> Columns:
        """One row per plan: its certificate."""
        values = list(zip(*self._plans, strict=True)) or [()] * len(_PLANS)
        return {
            name: np.array(column, dtype=kind)
            for (name, kind), column in zip(_PLANS.items(), values, strict=True)
        }

    def schedules(self) -> Columns:
        """One row per plan, session and step in which something is planned."""
        return self._schedules.columns()


_PLANS: dict[str, npt.DTypeLike] = {
    "time_s": np.float64,
    "vehicles": np.int64,
    "status": object,
    "wear_model": object,
    "objective": np.float64,
    "lower_bound": np.float64,
    "gap": np.float64,
    "hard_violation_kw": np.float64,
    "shortfall_kwh": np.float64,
    "churn_kwh": np.float64,
    "cpu_s": np.float64,
}
