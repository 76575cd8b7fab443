"""What each vehicle has free beside its plan, in power and energy, and what limits have."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gridtide.plan._calls import energy_per_kwh, hours_counted, may_serve
from gridtide.plan._layout import taper_line
from gridtide.plan.blocks import Reserve, last_nodes
from gridtide.plan.problem import Floats
from gridtide.plan.reserve.sharing import tree_sums
from gridtide.plan.reserve.worst_call import Schedule


@dataclass(slots=True)
class Headroom:
    """What is still free in one direction; blocks that are accepted take their part.

    Blocks are called together from the start of a step, so that what is held is counted from
    each step apart.

    Parameters
    ----------
    schedule
        The plan.
    sign
        -1 for up, +1 for down.
    """

    schedule: Schedule
    sign: float
    _held: list[tuple[Reserve, Floats, bool]] = field(default_factory=list)

    def able(self, reserve: Reserve, *, reservoir: bool = True) -> Floats:
        """Largest share of each vehicle in each step of a block: min of power and energy, (n, B).

        Without ``reservoir`` power alone, over the step itself: an opposite margin.
        """
        block = slice(reserve.from_step, reserve.to_step)
        serves = may_serve(self.schedule.layout, reserve)[:, block]
        able = np.zeros(serves.shape)
        for k in range(reserve.from_step, reserve.to_step):
            until = self._until(reserve, k) if reservoir else k + 1
            free = _power_free(self.schedule, self.sign, k, until) - self._power_held(k, until)
            least = free.min(axis=1)
            if reservoir:
                least = np.minimum(least, self._energy_able(reserve, k, until))
            able[:, k - reserve.from_step] = least
        return np.where(serves, np.maximum(np.nan_to_num(able), 0.0), 0.0)

    def _energy_able(self, reserve: Reserve, k: int, until: int) -> Floats:
        others = [self._until(b, k) for b, _, reservoir in self._held if reservoir and _holds(b, k)]
        # What others have taken is gone until the last call is over.
        nodes = max([until, *others]) + 1
        per_kw, store = _per_kw(self.schedule, reserve, k), self._store(k, nodes)
        able: Floats = (store - self._energy_held(k)) / per_kw
        if self.sign > 0 and self.schedule.layout.problem.taper_from_kwh is not None:
            free = _taper_free(self.schedule, per_kw, k, until)
            able = np.minimum(able, free.min(axis=1))
        return able

    def _store(self, k: int, until: int) -> Floats:
        """Least energy that is free at the nodes ``k <= j < until``, shape (n,)."""
        free: Floats = _energy_free(self.schedule, self.sign, slice(k, until)).min(axis=1)
        return free

    def _until(self, reserve: Reserve, k: int) -> int:
        return int(last_nodes(self.schedule.layout.problem.step_h, reserve.duration_h)[k])

    def _power_held(self, k: int, until: int) -> Floats:
        """Sum up what a call from step k holds already, up to ``until``, shape (n, until - k)."""
        held = np.zeros((len(self.schedule.power_kw), until - k))
        for block, share, reservoir in self._held:
            if _holds(block, k):
                lasts = (self._until(block, k) if reservoir else k + 1) - k
                held[:, :lasts] += share[:, k - block.from_step, None]
        return held

    def _energy_held(self, k: int) -> Floats:
        held = np.zeros(len(self.schedule.power_kw))
        for block, share, reservoir in self._held:
            if reservoir and _holds(block, k):
                held += share[:, k - block.from_step] * _per_kw(self.schedule, block, k)
        return held

    def without_refill(self, reserve: Reserve, step: int) -> Floats:
        """Share that leaves the promise kept without any recharging, shape (n,)."""
        if self.sign > 0:
            return np.full(len(self.schedule.power_kw), np.inf)
        spare = self.schedule.spare_kwh - self._energy_held(step)
        return np.asarray(np.maximum(spare, 0.0) / _per_kw(self.schedule, reserve, step))

    def room(self, reserve: Reserve, k: int, *, reservoir: bool = True) -> Floats:
        """Room below each limit during a call from step k, shape (m,)."""
        layout = self.schedule.layout
        until = self._until(reserve, k) if reservoir else k + 1
        net = self.schedule.net_kw[:, k:until]
        held = tree_sums(layout, self._power_held(k, until))
        if self.sign < 0:
            free = net - layout.lower_kw[:, k:until]
        else:
            free = layout.upper_kw[:, k:until] - net
        return np.asarray((free - held).min(axis=1, initial=np.inf))

    def take(self, reserve: Reserve, share_kw: Floats, *, reservoir: bool = True) -> None:
        """Hold the shares of a block, shape (n, B)."""
        self._held.append((reserve, share_kw, reservoir))


def _holds(reserve: Reserve, step: int) -> bool:
    return reserve.from_step <= step < reserve.to_step


def _per_kw(schedule: Schedule, reserve: Reserve, k: int) -> Floats:
    """Energy in each battery that a kW called from step k needs [kWh/kW], shape (n,)."""
    layout = schedule.layout
    return hours_counted(layout, reserve, slice(None), k) * energy_per_kwh(layout, reserve)


def _power_free(schedule: Schedule, sign: float, k: int, until: int) -> Floats:
    problem, power = schedule.layout.problem, schedule.power_kw[:, k:until]
    if sign < 0:
        return np.asarray(power + problem.max_discharge_kw[:, None])
    return np.asarray(problem.max_charge_kw[:, None] - power)


def _energy_free(schedule: Schedule, sign: float, nodes: slice) -> Floats:
    """Energy above what must stay aboard, or below the window's upper end, shape (n, nodes)."""
    layout, energy = schedule.layout, schedule.energy_kwh[:, nodes]
    if sign > 0:
        return np.where(np.isfinite(energy), schedule.high_kwh(nodes) - energy, 0.0)
    # A vehicle that only cuts its charging never takes from its battery: no window, the promise.
    gives = (layout.problem.max_discharge_kw > 0)[:, None]
    standing = layout.standby_kw[:, None] * gives
    keep = np.where(gives, schedule.low_kwh(nodes) + standing, -np.inf)
    keep = np.maximum(keep, schedule.must_kwh[:, nodes] + standing)
    return np.where(np.isfinite(energy), energy - keep, 0.0)


def _taper_free(schedule: Schedule, per_kw: Floats, k: int, until: int) -> Floats:
    """Room below the taper at the end of some steps for a share, shape (n, until - k)."""
    layout, problem = schedule.layout, schedule.layout.problem
    full, slope = taper_line(problem, np.maximum(problem.max_kwh, problem.arrival_kwh))
    charging = np.maximum(schedule.power_kw[:, k:until], 0.0) * layout.gain[:, None]
    above = schedule.energy_kwh[:, k + 1 : until + 1] - problem.taper_from_kwh[:, None]  # type: ignore[index]
    free = full[:, None] - charging - slope[:, None] * above
    free = np.where(slope[:, None] > 0, free, np.inf)
    return np.asarray(free / (layout.gain + slope * per_kw)[:, None])
