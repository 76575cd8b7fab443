"""A call simulated to the end: the call at full power, then recovery until all is well again.

Batteries are followed with their own efficiencies, standby loss and taper, not with the safe
factors that capacities are planned with. After the call each vehicle keeps to its plan, but
makes up what the call took (or gave) as far as plug and limits let it: first as the optimiser
meant it, where there is one, then whoever would at once miss the promise or leave the window,
then what the promise needs, then the rest of the plan, each by departure. This is one way to
recover; where it succeeds, the call is proven deliverable, and where it fails, it is cut.

Only vehicles that are called are followed, all others keep to the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridtide.plan._calls import followed, must_charge_kwh
from gridtide.plan._layout import Layout, phase_share, taper_line
from gridtide.plan.problem import Bools, Floats, Ints
from gridtide.plan.reserve.sharing import classes, tree_sums

if TYPE_CHECKING:
    from gridtide.plan.reserve._kernel_call import Met

TOLERANCE = 1e-6
"""Of an energy [kWh] or a power [kW]; ten times of it at limits, where many are added up."""
BY_POWER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A plan as a call finds it.

    Parameters
    ----------
    layout
        The laid-out problem.
    power_kw, energy_kwh
        Of the plan, shape (n, T) and (n, T + 1).
    must_kwh
        Energy from which charging at full power still gives what the plan has promised, shape
        (n, T + 1); ``-inf`` where nothing is.
    spare_kwh
        What the plan leaves with beyond the promise, ``inf`` where nothing is promised, shape
        (n,).
    rank
        Classes of departure, the next to leave first, shape (n,).
    net_kw
        Of the vehicles below each limit, shape (m, T).
    met
        The same for the kernels.
    """

    layout: Layout
    power_kw: Floats
    energy_kwh: Floats
    must_kwh: Floats
    spare_kwh: Floats
    rank: Ints
    net_kw: Floats
    met: Met

    def low_kwh(self, nodes: slice) -> Floats:
        """Lower end of the window at some nodes, the plan's own where that is below, (n, nodes)."""
        low = self.layout.problem.min_kwh[:, None]
        return _inside(np.minimum(low, self.energy_kwh[:, nodes]), -np.inf)

    def high_kwh(self, nodes: slice) -> Floats:
        """Upper end of the window at some nodes, the plan's own where that is above, (n, nodes)."""
        high = self.layout.problem.max_kwh[:, None]
        return _inside(np.maximum(high, self.energy_kwh[:, nodes]), np.inf)


def _inside(values: Floats, outside: float) -> Floats:
    return np.where(np.isfinite(values), values, outside)


def as_scheduled(
    layout: Layout, power_kw: Floats, energy_kwh: Floats, recovery_kw: Floats | None = None
) -> Schedule:
    """Derive what a call must respect from a plan.

    Parameters
    ----------
    layout
        The laid-out problem.
    power_kw, energy_kwh
        Of the plan, shape (n, T) and (n, T + 1).
    recovery_kw
        The optimiser's own recovery from calls upwards, which is followed first, shape (n, T);
        None for none.
    """
    problem = layout.problem
    node = np.clip(problem.depart, 0, problem.steps)
    end = np.where(layout.last >= 0, energy_kwh[np.arange(len(problem)), node], -np.inf)
    promised = np.where(followed(problem), end, np.minimum(layout.due_kwh, end))
    must = must_charge_kwh(layout, promised)
    must[~np.isfinite(energy_kwh)] = -np.inf
    with np.errstate(invalid="ignore"):  # who never plugs in ends at -inf
        spare = end - promised
    spare = np.where(np.isfinite(promised), spare, np.inf)
    rank, net = classes(problem.depart.astype(float)), tree_sums(layout, power_kw)
    return Schedule(
        layout=layout,
        power_kw=power_kw,
        energy_kwh=energy_kwh,
        must_kwh=must,
        spare_kwh=spare,
        rank=rank,
        net_kw=net,
        met=_met(layout, power_kw, energy_kwh, must, spare, rank, net, recovery_kw),
    )


def _met(
    layout: Layout,
    power: Floats,
    energy: Floats,
    must: Floats,
    spare: Floats,
    rank: Ints,
    net: Floats,
    recovery: Floats | None,
) -> Met:
    # Compiled, and needed only where reserve is: imported only here.
    from gridtide.plan.reserve._kernel_call import Met

    problem, law = layout.problem, layout.law
    taper = np.zeros((0, 3))
    if problem.taper_from_kwh is not None:
        high = np.maximum(problem.max_kwh, problem.arrival_kwh)
        taper = np.stack((*taper_line(problem, high), problem.taper_from_kwh), axis=1)
    own = (
        problem.min_kwh,
        problem.max_kwh,
        problem.max_charge_kw,
        problem.max_discharge_kw,
        layout.standby_kw,
        spare,
    )
    share, by_phase = _phases(layout, power)
    return Met(
        power_kw=power,
        energy_kwh=energy,
        must_kwh=must,
        recovery_kw=np.zeros((0, problem.steps)) if recovery is None else recovery,
        limit=problem.limit.astype(np.int64),
        rank=rank,
        own=np.stack(own, axis=1).astype(float),
        gain=np.stack((law.gain, law.gain_offset_kw), axis=1),
        draw=np.stack((law.draw, law.draw_offset_kw), axis=1),
        taper=taper,
        step_h=np.asarray(problem.step_h, dtype=float),
        parent=problem.limit_parent.astype(np.int64),
        room=np.stack((layout.lower_kw, layout.upper_kw, net)),
        phase_share=share,
        phase_room=by_phase,
    )


def _phases(layout: Layout, power: Floats) -> tuple[Floats, Floats]:
    """Shares of the phases, and lower and upper room and net power of each phase, if limited."""
    problem = layout.problem
    if problem.phase_kw is None:
        return np.zeros((0, 3)), np.zeros((3, 0, 3, problem.steps))
    share, base = phase_share(layout), layout.base_kw[:, None, :] / 3.0
    most = problem.phase_kw[:, :, None]
    net = np.stack([tree_sums(layout, power * share[:, f : f + 1]) for f in range(3)], axis=1)
    lower, upper = np.minimum(-most - base, 0.0), np.maximum(most - base, 0.0)
    return share, np.stack((lower, upper, net))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One block's part in a call: shares [kW], shape (n,), for so many hours."""

    share_kw: Floats
    hours: float


@dataclass(frozen=True, slots=True)
class Broken:
    """What a call breaks.

    Parameters
    ----------
    vehicle_by, kind
        By how much each vehicle's battery or plug is asked for too much [kWh or kW], and whether
        its window, its promise or its power is concerned (1, 2, 3), shape (n,).
    limit_by
        By how much each limit is exceeded [kW], shape (m,).
    what
        The worst of it in words.
    """

    vehicle_by: Floats
    kind: Ints
    limit_by: Floats
    what: str


def simulate(
    schedule: Schedule, calls: list[Call], start: int, sign: float, drift_kwh: Floats
) -> Broken | None:
    """Follow a call from the start of a step and the recovery; None where nothing breaks.

    Parameters
    ----------
    schedule
        The plan.
    calls
        What is called together.
    start
        Step at whose start it is called.
    sign
        -1 for up, +1 for down.
    drift_kwh
        What earlier activation has already taken from (given to) each battery, shape (n,).
    """
    from gridtide.plan.reserve._kernel_call import follow_call

    shares = np.stack([call.share_kw for call in calls])
    who = np.flatnonzero((shares > 0).any(axis=0) | (drift_kwh > 0))
    lasts = np.array([call.hours for call in calls])
    depth, kind = np.zeros(len(who)), np.zeros(len(who), dtype=np.int64)
    over = np.zeros(len(schedule.net_kw))
    follow_call(
        schedule.met, who, shares[:, who], lasts, start, sign, drift_kwh[who], depth, kind, over
    )
    wrong, exceeded = depth > TOLERANCE, over > 10 * TOLERANCE
    if not wrong.any() and not exceeded.any():
        return None
    problem = schedule.layout.problem
    by, kinds = np.zeros(len(problem)), np.zeros(len(problem), dtype=np.int64)
    by[who[wrong]], kinds[who[wrong]] = depth[wrong], kind[wrong]
    what = _worst(schedule, by, kinds, exceeded, over)
    return Broken(by, kinds, np.where(exceeded, over, 0.0), what)


def _worst(schedule: Schedule, by: Floats, kind: Ints, exceeded: Bools, over: Floats) -> str:
    problem = schedule.layout.problem
    if not by.any():
        return f"limit {problem.limit_names[int(np.argmax(np.where(exceeded, over, 0.0)))]}"
    worst = int(np.argmax(by))
    names = {1: "energy window", 2: "departure promise", BY_POWER: "power"}
    return f"{names[int(kind[worst])]} of {problem.ids[worst]}"
