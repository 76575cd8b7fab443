"""A target for the whole fleet: shared out, ramped to as instructed, or back to the schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gridtide.control.dispatch import FastDispatch, Shared
from gridtide.control.image import Bools, Floats, Image, Wish
from gridtide.control.narrowing import able_kw, narrow
from gridtide.control.strategies import Strategy
from gridtide.core import Finding, InputError, Reason

ROUNDS = 3
"""How often a target is shared anew among others where limits cut it."""
SAME_KW = 1e-6
SAME_S = 1e-6

Target = Callable[[Image, Wish], float]
"""Net power that all vehicles together should have [kW], by the world and the plan; NaN: none."""


class Following:
    """Follows the plan, and while there is a target the target.

    Parameters
    ----------
    inner
        Follows the plan.
    target
        Tells the target: :class:`Instructions` or :class:`BackToSchedule`, as a rule.
    dispatch
        Shares the target out.
    bidirectional
        False: what can be followed by charging less or more alone.
    """

    def __init__(
        self,
        inner: Strategy,
        target: Target,
        dispatch: FastDispatch | None = None,
        *,
        bidirectional: bool = True,
    ) -> None:
        self._inner = inner
        self._target = target
        self._dispatch = dispatch or FastDispatch()
        self._bidirectional = bidirectional

    def decide(self, image: Image) -> Wish:
        """Wish what the plan says, moved towards the target where there is one."""
        wish = self._inner.decide(image)
        target = self._target(image, wish)
        if math.isnan(target):
            return wish
        shared = share_target(
            self._dispatch, image, wish, target, bidirectional=self._bidirectional
        )
        return shared_wish(wish, shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One dispatch instruction.

    Parameters
    ----------
    from_s, to_s
        From when until when it holds [s].
    power_kw
        Net power that all vehicles together should have [kW].
    ramp_kw_per_s
        How fast it is gone to; ``inf`` for at once.
    """

    from_s: float
    to_s: float
    power_kw: float
    ramp_kw_per_s: float = math.inf


class Instructions:
    """Target of dispatch instructions, each gone to by its ramp from where the fleet stood.

    Parameters
    ----------
    given
        In any order, not overlapping.

    Raises
    ------
    InputError
        If some overlap, end before they begin, or their ramp is not above 0.
    """

    def __init__(self, given: Sequence[Instruction]) -> None:
        self._given = sorted(given, key=lambda one: one.from_s)
        self._from_kw = math.nan
        self._now: Instruction | None = None
        findings = [
            Finding(f"instruction at {one.from_s:g} s", "is no instruction", "Correct its times")
            for one in self._given
            if not (one.to_s > one.from_s and one.ramp_kw_per_s > 0 and math.isfinite(one.power_kw))
        ]
        findings += [
            Finding(
                f"instruction at {two.from_s:g} s", "begins before the last has ended", "End it"
            )
            for one, two in zip(self._given, self._given[1:], strict=False)
            if two.from_s < one.to_s - SAME_S
        ]
        if findings:
            raise InputError(findings)

    def __call__(self, image: Image, wish: Wish) -> float:
        """Return the target at an instant; NaN outside all instructions."""
        now = next(
            (i for i in self._given if i.from_s - SAME_S <= image.time_s < i.to_s - SAME_S), None
        )
        if now is None:
            self._now, self._from_kw = None, math.nan
            return math.nan
        if now is not self._now:
            # From the last instruction's end, or from the plan.
            before = self._now.power_kw if self._now is not None else planned_kw(image, wish)
            self._now, self._from_kw = now, before
        most = now.ramp_kw_per_s * (image.time_s - now.from_s)
        change = now.power_kw - self._from_kw
        return self._from_kw + math.copysign(min(abs(change), most), change)


class BackToSchedule:
    """Target that brings each interval's energy back to what was scheduled, where that pays.

    What has flowed is counted as it was set. While the rest of an interval, followed by the plan,
    would end away from the schedule by more than it costs to move the fleet, the fleet is moved.

    Parameters
    ----------
    scheduled_kw
        Called with the start of an interval [s]; its scheduled mean net power [kW], NaN for none.
    interval_s
        Length of a settlement interval [s]; they begin at whole multiples of it.
    cost_of
        Called with the interval's start and its deviation [kWh], + is more import; what that is
        settled at [currency], by the market's own rule.
    effort_per_kwh
        What moving the fleet by a kWh costs: wear and losses [currency/kWh].
    """

    def __init__(
        self,
        scheduled_kw: Callable[[float], float],
        interval_s: float,
        cost_of: Callable[[float, float], float],
        effort_per_kwh: float,
    ) -> None:
        self._scheduled_kw = scheduled_kw
        self._interval_s = interval_s
        self._cost_of = cost_of
        self._effort = effort_per_kwh
        self._begin_s = math.nan
        self._kwh = 0.0
        self._last: tuple[float, float] | None = None

    def __call__(self, image: Image, wish: Wish) -> float:
        """Return the power that ends the interval on schedule, or NaN where that does not pay."""
        begin = self._interval_s * math.floor((image.time_s + SAME_S) / self._interval_s)
        self._count(image.time_s, begin)
        plan = planned_kw(image, wish)
        scheduled, left_h = self._scheduled_kw(begin), 0.0
        left_h = (begin + self._interval_s - image.time_s) / 3600.0
        wanted_kwh = scheduled * self._interval_s / 3600.0 - self._kwh
        off = plan * left_h - wanted_kwh
        target = math.nan
        if not math.isnan(scheduled):
            saves = self._cost_of(begin, off) - self._cost_of(begin, 0.0)
            if saves > self._effort * abs(off):
                target = wanted_kwh / left_h
        self._last = image.time_s, plan if math.isnan(target) else _reachable(image, target)
        return target

    def _count(self, now_s: float, begin_s: float) -> None:
        """Count what has flowed in this interval."""
        if begin_s != self._begin_s:
            self._begin_s, self._kwh = begin_s, 0.0
        if self._last is not None:
            since, kw = self._last
            self._kwh += kw * (now_s - max(since, begin_s)) / 3600.0


def planned_kw(image: Image, wish: Wish) -> float:
    """Net power of all vehicles as the plan has it, within what they are able to [kW]."""
    low, high = able_kw(image)
    return float(np.clip(np.asarray(wish.power_kw, dtype=float), low, high).sum())


def _reachable(image: Image, target_kw: float) -> float:
    low, high = able_kw(image)
    return float(min(max(target_kw, low.sum()), high.sum()))


def share_target(
    dispatch: FastDispatch,
    image: Image,
    wish: Wish,
    target_kw: float,
    *,
    bidirectional: bool,
    serve: Bools | None = None,
) -> Shared:
    """Share a target; what limits of panel or site cut is asked of others.

    ``serve`` names the chargers that may be moved, shape (chargers,); None: all.
    """
    base: Floats = np.asarray(wish.power_kw, dtype=float)
    low, high = able_kw(image)
    if not bidirectional:
        low = np.maximum(low, 0.0)
    if serve is not None:
        stays = np.clip(base, low, high)
        low, high = np.where(serve, low, stays), np.where(serve, high, stays)
    within = low, high
    shared = dispatch.share(image, base, target_kw, within)
    if not (np.isfinite(image.import_kw).any() or np.isfinite(image.export_kw).any()):
        return shared
    for _ in range(ROUNDS):
        set_kw = narrow(image, shared_wish(wish, shared)).power_kw
        cut = np.abs(set_kw - shared.power_kw) > SAME_KW
        if not cut.any():
            break
        low, high = within
        high = np.where(cut & (set_kw < shared.power_kw), np.maximum(set_kw, low), high)
        low = np.where(cut & (set_kw > shared.power_kw), np.minimum(set_kw, high), low)
        within = low, high
        shared = dispatch.share(image, base, target_kw, within, again=True)
    return shared


def shared_wish(wish: Wish, shared: Shared) -> Wish:
    """Wish the shared powers; whom nobody moved keeps the plan's reason."""
    moved = np.abs(shared.power_kw - wish.power_kw) > SAME_KW
    reason = np.where(moved, np.uint8(Reason.SERVICE), wish.reason)
    # What the service asks for now has been weighed against the peak when it was sold.
    return replace(wish, power_kw=shared.power_kw, reason=reason, peak_kw=None)
