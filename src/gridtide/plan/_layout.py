"""What follows from a problem before anything is optimised.

Pairs (vehicle, step) of the steps in which a vehicle is plugged in, what each vehicle can reach
on its own, and how far the limits leave room for the vehicles beside the base load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._chains import Starts, find_starts
from gridtide.plan._losses import LossLaw, loss_law
from gridtide.plan._power_range import power_range
from gridtide.plan.problem import Bools, Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """N pairs of a vehicle and a step, vehicle by vehicle, and the room under the limits.

    Parameters
    ----------
    problem
        What all of this follows from.
    vehicle, step, hours
        Of each pair, shape (N,).
    first
        True in the first step of a stay, shape (N,).
    last
        Index of the vehicle's last pair; -1 if it never plugs in, shape (n,).
    law
        Losses between plug and battery.
    gain, draw
        Energy stored per kWh charged, taken per kWh discharged, in the first part of the power,
        shape (n,).
    standby_kw
        Loss while power flows that is modelled as such; 0 where it is spread by the chord.
    low_kwh, high_kwh
        Hard window of the energy at the end of each pair's step, shape (N,).
    due_kwh
        Energy due at the end of the stay or horizon; ``-inf`` for none, shape (n,).
    within_reach_kwh
        The due energy, or what charging at full power from the first arrival gives, shape (n,).
    starts
        What each stay can begin with.
    base_kw
        Base load of each limit and of all limits below it, shape (m, T).
    upper_kw, lower_kw
        Room for the vehicles' net power below each limit: never negative upwards nor positive
        downwards, as vehicles need only not add to what the base load does, shape (m, T).
    most_kw, least_kw
        What the vehicles below can do at all, shape (m, T).
    below
        Vehicle i is below limit j, shape (m, n).
    price_in, price_out
        Prices with carbon, shape (max(k, 1), T).
    meter
        Row of the prices that bills a vehicle, shape (n,).
    """

    problem: Problem
    vehicle: Ints
    step: Ints
    hours: Floats
    first: Bools
    last: Ints
    law: LossLaw
    gain: Floats
    draw: Floats
    standby_kw: Floats
    low_kwh: Floats
    high_kwh: Floats
    due_kwh: Floats
    within_reach_kwh: Floats
    starts: Starts
    base_kw: Floats
    upper_kw: Floats
    lower_kw: Floats
    most_kw: Floats
    least_kw: Floats
    below: Bools
    price_in: Floats
    price_out: Floats
    meter: Ints

    @property
    def switched(self) -> Bools:
        """Vehicles for which it is a decision of its own whether power flows, shape (n,)."""
        switched: Bools = (self.standby_kw > 0) | power_range(self.problem).gapped
        return switched

    @property
    def wanted_kwh(self) -> Floats:
        """Least energy that is wanted at the end of each pair's step, shape (N,)."""
        wanted: Floats = self.problem.min_kwh[self.vehicle]
        if self.problem.floor_kwh is None:
            return wanted
        floor = self.problem.floor_kwh[self.vehicle, self.step]
        return np.maximum(wanted, np.minimum(floor, self.high_kwh))

    @property
    def planned_kw(self) -> Floats:
        """Power planned before, within what the charger can do now, NaN for none, shape (N,)."""
        problem, v = self.problem, self.vehicle
        if problem.planned_kw is None:
            return np.full(len(v), np.nan)
        planned = problem.planned_kw[v, self.step]
        return np.clip(planned, -problem.max_discharge_kw[v], problem.max_charge_kw[v])

    @property
    def recovering(self) -> Bools:
        """Stays that begin below their window, shape (n,)."""
        return (self.last >= 0) & (self.starts.low_kwh < self.problem.min_kwh - 1e-9)

    @property
    def overfull(self) -> Bools:
        """Stays that may begin above their window, shape (n,)."""
        return (self.last >= 0) & (self.starts.high_kwh > self.problem.max_kwh + 1e-9)


def lay_out(problem: Problem, *, relax_standby: bool = False, pairs: bool = True) -> Layout:
    """Derive the layout of a problem.

    Parameters
    ----------
    problem
        The problem.
    relax_standby
        Spread the standby loss over the power as at full power (the chord of the loss).
    pairs
        False leaves out what has an entry per pair, or per limit and vehicle: for large fleets.
    """
    steps = problem.steps
    arrive, depart = stay_ends(problem)
    stay = depart - arrive
    ends = np.cumsum(stay)
    vehicle = np.repeat(np.arange(len(problem)), stay) if pairs else np.zeros(0, dtype=np.int64)
    step = np.arange(len(vehicle)) - (ends - stay)[vehicle] + arrive[vehicle]
    first = step == arrive[vehicle]
    last = np.where(stay > 0, ends - 1, -1)
    law = loss_law(problem, chord_of_standby=relax_standby)
    standby = np.zeros(len(problem))
    if problem.standby_kw is not None and not relax_standby:
        standby = problem.standby_kw
    starts = find_stay_starts(problem, (arrive, depart), law, standby)
    low, high = _window(problem, starts.low_kwh, starts.high_kwh)
    due = np.where(problem.depart <= steps, problem.target_kwh, _floor(problem))
    below = _below(problem) if pairs else np.zeros((0, 0), dtype=bool)
    most, least = _natural(problem, arrive, stay)
    base, upper, lower = net_room(problem)
    carbon = np.zeros(steps)
    if problem.carbon_kg_per_kwh is not None:
        carbon = problem.carbon_kg_per_kwh * problem.carbon_price_per_kg
    return Layout(
        problem=problem,
        vehicle=vehicle,
        step=step,
        hours=problem.step_h[step],
        first=first,
        last=last,
        law=law,
        gain=law.gain[:, 0],
        draw=law.draw[:, 0],
        standby_kw=standby,
        low_kwh=low[vehicle],
        high_kwh=high[vehicle],
        due_kwh=due,
        within_reach_kwh=np.minimum(due, starts.end_high_kwh),
        starts=starts,
        base_kw=base,
        upper_kw=upper,
        lower_kw=lower,
        most_kw=most,
        least_kw=least,
        below=below,
        price_in=problem.price_import_per_kwh + carbon,
        price_out=problem.price_export_per_kwh + carbon,
        meter=_meter(problem),
    )


def stay_ends(problem: Problem) -> tuple[Ints, Ints]:
    """Return the first step of each stay and the one after its last, within the horizon, (n,)."""
    arrive, depart = np.maximum(problem.arrive, 0), np.minimum(problem.depart, problem.steps)
    return arrive, np.where(problem.arrive < problem.depart, np.maximum(depart, arrive), arrive)


def net_room(problem: Problem) -> tuple[Floats, Floats, Floats]:
    """Return base load below each limit, and room up and down for its vehicles, shape (m, T)."""
    base = _total(problem.base_load_kw, problem.limit_parent)
    upper = np.maximum(problem.import_kw - base, 0.0)
    return base, upper, np.minimum(-problem.export_kw - base, 0.0)


def _window(problem: Problem, least: Floats, most: Floats) -> tuple[Floats, Floats]:
    """Never relax the battery's own window further than what a stay begins with already has."""
    return np.minimum(problem.min_kwh, least), np.maximum(problem.max_kwh, most)


def _floor(problem: Problem) -> Floats:
    if problem.horizon_floor_kwh is None:
        return np.full(len(problem), -np.inf)
    return problem.horizon_floor_kwh


def taper_line(problem: Problem, high: Floats) -> tuple[Floats, Floats]:
    """Return battery power at ``taper_from_kwh`` and its fall per kWh above, both shape (n,).

    Charging power at the battery is at most ``full - slope * (e_end - taper_from)`` with e_end
    the energy at the end of the step, so that a step that crosses the bend is on the safe side.
    Above ``max_kwh`` (only where a vehicle arrived there) it falls to nothing, not below.
    """
    assert problem.taper_from_kwh is not None and problem.taper_end is not None
    full = loss_law(problem).battery_kw(problem.max_charge_kw)
    width = problem.max_kwh - problem.taper_from_kwh
    tapered = width > 1e-9
    slope = np.where(tapered, full * (1 - problem.taper_end) / np.where(tapered, width, 1.0), 0.0)
    beyond = np.maximum(high - problem.taper_from_kwh, 1e-9)
    return full, np.minimum(slope, full / beyond)


def find_stay_starts(
    problem: Problem, plugged: tuple[Ints, Ints], law: LossLaw, standby: Floats
) -> Starts:
    rise, fall = most_kw(problem, law, standby)
    clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    begin, end = (np.minimum(step, problem.steps) for step in plugged)
    hours = clock[end] - clock[begin]

    def ends(start: Floats) -> Floats:
        high = np.maximum(problem.max_kwh, start)
        if problem.taper_from_kwh is None:
            alone: Floats = np.minimum(start + rise * hours, high)
            return alone
        return _tapered_reach(problem, start, plugged, rise)

    return find_starts(problem, ends, fall * hours)


def most_kw(problem: Problem, law: LossLaw, standby: Floats) -> tuple[Floats, Floats]:
    """Most that can go into and out of the battery, both shape (n,)."""
    rise = np.maximum(law.battery_kw(problem.max_charge_kw) - standby, 0.0)
    return rise, standby - law.battery_kw(-problem.max_discharge_kw)


def _tapered_reach(
    problem: Problem, start: Floats, plugged: tuple[Ints, Ints], rise: Floats
) -> Floats:
    """Energy at the end of the stay when charging at full power from its start [kWh]."""
    high = np.maximum(problem.max_kwh, start)
    full, slope = taper_line(problem, high)
    assert problem.taper_from_kwh is not None
    bend, energy = full + slope * problem.taper_from_kwh, start.copy()
    for k in range(problem.steps):
        here = (plugged[0] <= k) & (k < plugged[1])
        hours = problem.step_h[k]
        above = (energy + hours * bend) / (1 + hours * slope)
        risen = np.minimum(np.minimum(energy + rise * hours, above), high)
        energy = np.where(here, np.maximum(energy, risen), energy)
    return energy


def _below(problem: Problem) -> Bools:
    """Tell which vehicles are below which limit, shape (m, n)."""
    count = len(problem.limit_names)
    below: Bools = problem.limit[None, :] == np.arange(count)[:, None]
    for child in range(count - 1, -1, -1):
        parent = problem.limit_parent[child]
        if parent >= 0:
            below[parent] |= below[child]
    return below


def total_base_kw(problem: Problem) -> Floats:
    """Add up the base load of each limit and of all below it [kW], shape (m, T)."""
    return _total(problem.base_load_kw, problem.limit_parent)


def _total(own: Floats, parent: Ints) -> Floats:
    """Add to every limit what is below it, shape (m, T)."""
    total = np.array(own, dtype=float)
    for child in range(len(parent) - 1, -1, -1):
        if parent[child] >= 0:
            total[parent[child]] += total[child]
    return total


def _natural(problem: Problem, arrive: Ints, stay: Ints) -> tuple[Floats, Floats]:
    """Largest and smallest net power of the vehicles below each limit, shape (m, T)."""
    here = (problem.limit >= 0) & (stay > 0)
    limit, begin = problem.limit[here], arrive[here]
    totals = []
    for power in (problem.max_charge_kw[here], -problem.max_discharge_kw[here]):
        change = np.zeros((len(problem.limit_names), problem.steps + 1))
        np.add.at(change, (limit, begin), power)
        np.add.at(change, (limit, begin + stay[here]), -power)
        own = np.round(np.cumsum(change, axis=1)[:, :-1], 9)
        totals.append(_total(own, problem.limit_parent))
    return totals[0], totals[1]


def _meter(problem: Problem) -> Ints:
    """Row of the prices that bills each vehicle, shape (n,)."""
    row = np.full(len(problem.limit_names) + 1, -1)
    row[problem.meters] = np.arange(len(problem.meters))
    for j, parent in enumerate(problem.limit_parent):
        if row[j] < 0 and parent >= 0:
            row[j] = row[parent]
    billed: Ints = np.maximum(row, 0)[problem.limit]
    return billed


def demand_periods(problem: Problem) -> tuple[Ints, Floats, Floats]:
    """Return the demand period of each step, and rates and peaks so far, both shape (m, q)."""
    period = problem.demand_period
    if period is None:
        period = np.zeros(problem.steps, dtype=np.int64)
    given = problem.demand_charge_per_kw, problem.demand_peak_so_far_kw
    count = int(period.max(initial=0)) + 1
    count = max([count] + [a.shape[1] for a in given if a is not None and a.ndim > 1])
    shape = (len(problem.limit_names), count)
    rates, peaks = (
        np.broadcast_to(0.0 if a is None else a if a.ndim > 1 else a[:, None], shape) for a in given
    )
    return period, rates, np.maximum(peaks, 0.0)


def phase_share(layout: Layout) -> Floats:
    """Share of each vehicle's power on L1, L2, L3, shape (n, 3)."""
    if layout.problem.phase_share is None:
        return np.full((len(layout.problem), 3), 1.0 / 3.0)
    return layout.problem.phase_share
