"""A call simulated to the end: the call at full power, then recovery until all is well again.

Batteries are followed with their own efficiencies, standby loss and taper, not with the safe
factors that capacities are planned with. After the call each vehicle keeps to its plan, but
makes up what the call took (or gave) as far as plug and limits let it: first as the optimiser
meant it, where there is one, then whoever would at once miss the promise or leave the window,
then what the promise needs, then the rest of the plan, each by departure. This is one way to
recover; where it succeeds, the call is proven deliverable, and where it fails, it is cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._calls import followed, must_charge_kwh
from gridtide.plan._layout import Layout, phase_share, taper_line
from gridtide.plan.problem import Floats, Ints
from gridtide.plan.reserve.sharing import classes, share_out, tree_sums

TOLERANCE = 1e-6
"""Of a limit [kW] or an energy [kWh]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A plan as a call finds it.

    Parameters
    ----------
    layout
        The laid-out problem.
    power_kw, energy_kwh
        Of the plan, shape (n, T) and (n, T + 1).
    low_kwh, high_kwh
        What the energy must keep to at each node: the window, or the plan's own where that is
        outside, shape (n, T + 1); infinite outside the stay.
    must_kwh
        Energy from which charging at full power still gives what the plan has promised, shape
        (n, T + 1).
    spare_kwh
        What the plan leaves with beyond the promise, ``inf`` where nothing is promised, shape
        (n,).
    rank
        Classes of departure, the next to leave first, shape (n,).
    recovery_kw
        The optimiser's own recovery from calls upwards, which is followed first, shape (n, T);
        None for none.
    """

    layout: Layout
    power_kw: Floats
    energy_kwh: Floats
    low_kwh: Floats
    high_kwh: Floats
    must_kwh: Floats
    spare_kwh: Floats
    rank: Ints
    recovery_kw: Floats | None = None


def as_scheduled(
    layout: Layout, power_kw: Floats, energy_kwh: Floats, recovery_kw: Floats | None = None
) -> Schedule:
    """Derive what a call must respect from a plan."""
    problem = layout.problem
    there = np.isfinite(energy_kwh)
    node = np.clip(problem.depart, 0, problem.steps)
    end = np.where(layout.last >= 0, energy_kwh[np.arange(len(problem)), node], -np.inf)
    promised = np.where(followed(problem), end, np.minimum(layout.due_kwh, end))
    low = np.minimum(problem.min_kwh[:, None], energy_kwh)
    high = np.maximum(problem.max_kwh[:, None], energy_kwh)
    must = must_charge_kwh(layout, promised)
    with np.errstate(invalid="ignore"):  # who never plugs in ends at -inf
        spare = end - promised
    return Schedule(
        layout=layout,
        power_kw=power_kw,
        energy_kwh=energy_kwh,
        low_kwh=np.where(there, low, -np.inf),
        high_kwh=np.where(there, high, np.inf),
        must_kwh=np.where(there, must, -np.inf),
        spare_kwh=np.where(np.isfinite(promised), spare, np.inf),
        rank=classes(problem.depart.astype(float)),
        recovery_kw=recovery_kw,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One block's part in a call: shares [kW], shape (n,), for so many hours."""

    share_kw: Floats
    hours: float


@dataclass(frozen=True, slots=True)
class Breach:
    """The first thing that a call breaks, by how much [kW or kWh]."""

    what: str
    amount: float


def simulate(
    schedule: Schedule, calls: list[Call], start: int, sign: float, drift_kwh: Floats
) -> Breach | None:
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
    layout, step_h = schedule.layout, schedule.layout.problem.step_h
    energy = schedule.energy_kwh[:, start] + sign * drift_kwh
    elapsed, longest = 0.0, max(call.hours for call in calls)
    for t in range(start, layout.problem.steps):
        if elapsed < longest - 1e-9:
            energy, breach = _called(schedule, calls, t, sign, energy, elapsed)
        else:
            energy, breach = _recovered(schedule, t, sign, energy)
        if breach is not None:
            return breach
        elapsed += step_h[t]
        next_node = schedule.energy_kwh[:, t + 1]
        gone = ~np.isfinite(next_node)
        energy = np.where(gone, next_node, energy)
        begins = ~gone & ~np.isfinite(energy)
        energy = np.where(begins, next_node, energy)
        back = np.nan_to_num(np.abs(energy - next_node)) <= 1e-9
        if elapsed >= longest - 1e-9 and back.all():
            return None
    return None


def flow_kw(layout: Layout, power: Floats) -> Floats:
    """Power into the cells that a power at the plug gives, shape (n,)."""
    return layout.law.battery_kw(power) - layout.standby_kw * (np.abs(power) > 1e-9)


def plug_kw(layout: Layout, flow: Floats) -> Floats:
    """Power at the plug for a power into the cells, shape (n,)."""
    loss = layout.standby_kw
    power = layout.law.plug_kw(flow + loss)
    return np.where((flow <= 0) & (power > 0), 0.0, power)


def _called(
    schedule: Schedule, calls: list[Call], t: int, sign: float, energy: Floats, elapsed: float
) -> tuple[Floats, Breach | None]:
    """Follow one step of a call; within it blocks may end, one after the other."""
    layout, hours = schedule.layout, float(schedule.layout.problem.step_h[t])
    left = [min(max(call.hours - elapsed, 0.0), hours) for call in calls]
    began = 0.0
    for until in sorted({*left, hours} - {0.0}):
        shares = [c.share_kw for c, h in zip(calls, left, strict=True) if h >= until]
        power = schedule.power_kw[:, t] + sign * np.sum(shares, axis=0) * bool(shares)
        energy = energy + (until - began) * flow_kw(layout, power)
        began = until
        breach = _power_breach(schedule, power, energy, t)
        if breach is not None:
            return energy, breach
    return energy, _energy_breach(schedule, energy, t + 1)


def _recovered(
    schedule: Schedule, t: int, sign: float, energy: Floats
) -> tuple[Floats, Breach | None]:
    """Make up for the call in one step, as far as plugs and limits let vehicles do so."""
    layout, problem = schedule.layout, schedule.layout.problem
    hours, plan = float(problem.step_h[t]), schedule.power_kw[:, t]
    here = np.isfinite(energy) & np.isfinite(schedule.energy_kwh[:, t + 1])
    up = sign < 0
    lift = _most_charge(schedule, energy, hours) - plan if up else np.maximum(plan, 0.0)
    lift = np.where(here, np.maximum(lift, 0.0), 0.0)
    net = tree_sums(layout, plan)
    room = layout.upper_kw[:, t] - net if up else net - layout.lower_kw[:, t]
    least = np.maximum(schedule.low_kwh, schedule.must_kwh)[:, t + 1]
    power, back = plan, -sign
    plan_kwh, most = schedule.energy_kwh[:, t + 1], np.full(len(plan), np.inf)
    goals = [(least, most), (np.maximum(least, plan_kwh - schedule.spare_kwh), most)]
    if schedule.recovery_kw is not None:
        goals.insert(0, (plan_kwh, schedule.recovery_kw[:, t]))
    if not up:
        goals = [(schedule.high_kwh[:, t + 1], most)]
    for goal, at_most in [*goals, (plan_kwh, most)]:
        wanted = plug_kw(layout, np.where(here, (goal - energy) / hours, 0.0))
        with np.errstate(invalid="ignore"):
            asked = np.nan_to_num(back * (wanted - power), neginf=0.0)
        asked = np.clip(asked, 0.0, np.minimum(lift, at_most))
        given = share_out(layout, asked, room, schedule.rank)
        power = power + back * given
        lift, room = lift - given, room - tree_sums(layout, given)
    energy = energy + hours * flow_kw(layout, power)
    breach = _power_breach(schedule, power, energy, t)
    return energy, breach or _energy_breach(schedule, energy, t + 1)


def _most_charge(schedule: Schedule, energy: Floats, hours: float) -> Floats:
    """Charging power that plug and taper allow over a step, shape (n,)."""
    problem, layout = schedule.layout.problem, schedule.layout
    if problem.taper_from_kwh is None:
        return problem.max_charge_kw
    full, slope = taper_line(problem, np.maximum(problem.max_kwh, problem.arrival_kwh))
    flow = (full - slope * (energy - problem.taper_from_kwh)) / (1 + slope * hours)
    plug = layout.law.plug_kw(np.maximum(flow + layout.standby_kw, 0.0))
    return np.minimum(problem.max_charge_kw, plug)


def _power_breach(schedule: Schedule, power: Floats, energy: Floats, t: int) -> Breach | None:
    """Tell whether a power is more than plugs, batteries or limits allow."""
    layout, problem = schedule.layout, schedule.layout.problem
    above = np.maximum(power - problem.max_charge_kw, -problem.max_discharge_kw - power)
    if problem.taper_from_kwh is not None:
        full, slope = taper_line(problem, np.maximum(problem.max_kwh, problem.arrival_kwh))
        bent = full - slope * (energy - problem.taper_from_kwh)
        taken = flow_kw(layout, power)
        above = np.maximum(above, np.where((power > 0) & (slope > 0), taken - bent, -np.inf))
    if (worst := float(np.nan_to_num(above).max(initial=0.0))) > TOLERANCE:
        return Breach(f"power of {problem.ids[int(np.nanargmax(above))]}", worst)
    net = tree_sums(layout, power)
    over = np.maximum(net - layout.upper_kw[:, t], layout.lower_kw[:, t] - net)
    if problem.phase_kw is not None:
        over = np.maximum(over, _phase_excess(layout, power, t))
    if (worst := float(over.max(initial=0.0))) > TOLERANCE * 10:
        return Breach(f"limit {problem.limit_names[int(np.argmax(over))]}", worst)
    return None


def _phase_excess(layout: Layout, power: Floats, t: int) -> Floats:
    problem, base = layout.problem, layout.base_kw[:, t : t + 1] / 3.0
    assert problem.phase_kw is not None
    net = tree_sums(layout, power[:, None] * phase_share(layout))
    above = net - np.maximum(problem.phase_kw - base, 0.0)
    beneath = np.minimum(-problem.phase_kw - base, 0.0) - net
    return np.asarray(np.maximum(above, beneath).max(axis=1))


def _energy_breach(schedule: Schedule, energy: Floats, node: int) -> Breach | None:
    """Tell whether an energy leaves the window or makes a promise impossible."""
    ids = schedule.layout.problem.ids
    for what, depth in (
        ("energy window", schedule.low_kwh[:, node] - energy),
        ("energy window", energy - schedule.high_kwh[:, node]),
        ("departure promise", schedule.must_kwh[:, node] - energy),
    ):
        depth = np.where(np.isfinite(depth), depth, -np.inf)
        if (worst := float(depth.max(initial=0.0))) > TOLERANCE:
            return Breach(f"{what} of {ids[int(np.argmax(depth))]}", worst)
    return None
