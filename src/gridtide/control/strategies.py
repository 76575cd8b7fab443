"""Strategies: who wishes which power. Limits and promises are kept elsewhere, for all alike.

A strategy of your own is any object with one method::

    class Half:
        def decide(self, image: Image) -> Wish:
            return Wish.of(0.5 * image.max_charge_kw)

What it wishes is narrowed like every other wish, so it cannot break a limit or a promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gridtide.control.image import Image, Wish
from gridtide.core import Reason

Floats = npt.NDArray[np.float64]

# Excess over the planned peak that is no reason for a new plan.
PEAK_SLACK_KW = 0.1


class Strategy(Protocol):
    """Decides what each charger should do."""

    def decide(self, image: Image) -> Wish:
        """Wish a power for every charger."""
        ...


class Uncontrolled:
    """First come, first served: everyone charges at full power until the target is reached."""

    def decide(self, image: Image) -> Wish:
        """Wish full power for every vehicle."""
        return _full_power(image, image.arrival_s)


class EarliestDeadlineFirst:
    """As uncontrolled, but where a limit binds those who leave first are served first."""

    def decide(self, image: Image) -> Wish:
        """Wish full power, in the order of departure."""
        return _full_power(image, np.nan_to_num(image.departure_s, nan=-np.inf))


class LeastLaxityFirst:
    """As uncontrolled, but where a limit binds those with the least time to spare come first."""

    def decide(self, image: Image) -> Wish:
        """Wish full power, in the order of laxity."""
        return _full_power(image, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A plan as the loop follows it: powers by step and charger.

    Parameters
    ----------
    edges_s
        Where the steps begin, and where the last one ends [s], shape (steps + 1,).
    session
        Session that each charger's column is meant for, shape (chargers,).
    power_kw
        Planned power at the plug [kW], shape (steps, chargers).
    peak_kw
        Highest net import that the plan counts on at each limit [kW], shape (limits,); ``inf``
        where nobody pays for a peak. None: nowhere.
    """

    edges_s: Floats
    session: npt.NDArray[np.int64]
    power_kw: Floats
    peak_kw: Floats | None = None

    def row_at(self, time_s: float) -> Floats:
        """Planned powers at an instant [kW], shape (chargers,); the last step's after the end."""
        step = int(np.searchsorted(self.edges_s, time_s, side="right")) - 1
        row: Floats = self.power_kw[min(step, len(self.power_kw) - 1)]
        return row


class Planner(Protocol):
    """Makes a schedule from what is known now."""

    def plan(self, image: Image) -> Schedule:
        """Plan from this image on."""
        ...


class Planned:
    """Follows a plan, and asks for a new one in time.

    Parameters
    ----------
    planner
        Makes the plans.
    replan_s
        Longest time that a plan is followed [s]. A plan is also renewed when a vehicle came or
        left, a limit changed, or the base load as measured would carry the site past its
        planned peak; at most once in each control step.
    hold_s
        Shortest time that a plan is followed before anything but a changed limit renews it [s]:
        in a large fleet somebody comes or leaves in every step. Who comes meanwhile waits, as
        far as the promise allows.
    """

    def __init__(self, planner: Planner, replan_s: float = 3600.0, hold_s: float = 0.0) -> None:
        self._planner = planner
        self._replan_s = replan_s
        self._hold_s = min(hold_s, replan_s)
        self._schedule: Schedule | None = None
        self._planned_step = -1
        self._limits: bytes = b""

    def decide(self, image: Image) -> Wish:
        """Wish the planned power; what came after the plan waits for the next one."""
        schedule = self._schedule
        if schedule is None or self._due(image, schedule):
            schedule = self._schedule = self._planner.plan(image)
            self._planned_step = image.step
            self._limits = _fingerprint(image)
        power = schedule.row_at(image.time_s)
        reason = np.full(power.size, Reason.PLAN, dtype=np.uint8)
        if not np.array_equal(schedule.session, image.session):
            came = schedule.session != image.session
            power = np.where(came, 0.0, power)
            reason[came] = Reason.AWAITING_PLAN
        return Wish(
            power_kw=power, stop_kwh=image.full_kwh, reason=reason, peak_kw=schedule.peak_kw
        )

    def _due(self, image: Image, schedule: Schedule) -> bool:
        if image.step == self._planned_step:
            return False
        age_s = image.time_s - schedule.edges_s[0]
        if age_s >= self._replan_s - 1e-6 or _fingerprint(image) != self._limits:
            return True
        if age_s < self._hold_s - 1e-6:
            return False
        if not np.array_equal(image.session, schedule.session):
            return True
        return _passes_peak(image, schedule)


def _full_power(image: Image, priority: Floats | None) -> Wish:
    reached = image.energy_kwh >= image.goal_kwh
    return Wish(
        power_kw=np.where(reached, 0.0, image.max_charge_kw),
        stop_kwh=image.goal_kwh,
        priority=priority,
        reason=np.where(reached, np.uint8(Reason.TARGET_REACHED), np.uint8(Reason.FULL_POWER)),
    )


def _passes_peak(image: Image, schedule: Schedule) -> bool:
    """Whether the plan, on top of the base load as measured, passes its own peak."""
    if schedule.peak_kw is None:
        return False
    row = schedule.row_at(image.time_s)
    planned = np.bincount(image.limit, weights=row, minlength=len(image.limits)).astype(np.float64)
    net = image.limits.add_up(planned) + image.unsteered_kw
    return bool((net > schedule.peak_kw + PEAK_SLACK_KW).any())


def _fingerprint(image: Image) -> bytes:
    return image.import_kw.tobytes() + image.export_kw.tobytes() + image.phase_kw.tobytes()
