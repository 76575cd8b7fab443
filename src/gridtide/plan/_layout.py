"""What follows from a problem before anything is optimised.

Pairs (vehicle, step) of the steps in which a vehicle is plugged in, what each vehicle can reach
on its own, and how far the limits leave room for the vehicles beside the base load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._power_range import least_kw
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
    gain, draw
        Energy stored per kWh charged, taken per kWh discharged, shape (n,).
    standby_kw
        Loss while power flows that is modelled as such; 0 where it is spread by the chord.
    low_kwh, high_kwh
        Hard window of the energy at the end of each pair's step, shape (N,).
    due_kwh
        Energy due at the end of the stay or horizon; ``-inf`` for none, shape (n,).
    within_reach_kwh
        The due energy, or what charging at full power from arrival gives, shape (n,).
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
    gain: Floats
    draw: Floats
    standby_kw: Floats
    low_kwh: Floats
    high_kwh: Floats
    due_kwh: Floats
    within_reach_kwh: Floats
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
        charge, discharge = least_kw(self.problem)
        switched: Bools = (self.standby_kw > 0) | (charge > 0) | (discharge > 0)
        return switched

    @property
    def recovering(self) -> Bools:
        """Vehicles that arrive below their window, shape (n,)."""
        problem = self.problem
        return (self.last >= 0) & (problem.arrival_kwh < problem.min_kwh - 1e-9)

    @property
    def overfull(self) -> Bools:
        """Vehicles that arrive above their window, shape (n,)."""
        problem = self.problem
        return (self.last >= 0) & (problem.arrival_kwh > problem.max_kwh + 1e-9)


def lay_out(problem: Problem, *, relax_standby: bool = False) -> Layout:
    """Derive the layout of a problem.

    Parameters
    ----------
    problem
        The problem.
    relax_standby
        Spread the standby loss over the power as at full power (the chord of the loss).
    """
    steps = problem.steps
    arrive, depart = stay_ends(problem)
    stay = depart - arrive
    vehicle = np.repeat(np.arange(len(problem)), stay)
    ends = np.cumsum(stay)
    step = np.arange(len(vehicle)) - (ends - stay)[vehicle] + arrive[vehicle]
    first = step == arrive[vehicle]
    last = np.where(stay > 0, ends - 1, -1)
    gain, draw, standby = _conversion(problem, relax_standby)
    low, high = _window(problem)
    due = np.where(problem.depart <= steps, problem.target_kwh, _floor(problem))
    reach = _reach(problem, arrive, stay, gain, standby, high)
    below = _below(problem)
    most, least = _natural(problem, vehicle, step)
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
        gain=gain,
        draw=draw,
        standby_kw=standby,
        low_kwh=low[vehicle],
        high_kwh=high[vehicle],
        due_kwh=due,
        within_reach_kwh=np.minimum(due, reach),
        base_kw=base,
        upper_kw=upper,
        lower_kw=lower,
        most_kw=most,
        least_kw=least,
        below=below,
        price_in=problem.price_import_per_kwh + carbon,
        price_out=problem.price_export_per_kwh + carbon,
        meter=_meter(problem, below),
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


def _conversion(problem: Problem, relax: bool) -> tuple[Floats, Floats, Floats]:
    gain, draw = problem.charge_efficiency, 1.0 / problem.discharge_efficiency
    if problem.standby_kw is None:
        return gain, draw, np.zeros(len(problem))
    if not relax:
        return gain, draw, problem.standby_kw
    charge, discharge = problem.max_charge_kw, problem.max_discharge_kw
    gain = gain - problem.standby_kw / np.where(charge > 0, charge, np.inf)
    draw = draw + problem.standby_kw / np.where(discharge > 0, discharge, np.inf)
    return np.maximum(gain, 1e-6), draw, np.zeros(len(problem))


def _window(problem: Problem) -> tuple[Floats, Floats]:
    """Never relax the battery's own window further than the arrival already has."""
    low = np.minimum(problem.min_kwh, problem.arrival_kwh)
    return low, np.maximum(problem.max_kwh, problem.arrival_kwh)


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
    full = problem.charge_efficiency * problem.max_charge_kw
    width = problem.max_kwh - problem.taper_from_kwh
    tapered = width > 1e-9
    slope = np.where(tapered, full * (1 - problem.taper_end) / np.where(tapered, width, 1.0), 0.0)
    beyond = np.maximum(high - problem.taper_from_kwh, 1e-9)
    return full, np.minimum(slope, full / beyond)


def _reach(
    problem: Problem, arrive: Ints, stay: Ints, gain: Floats, standby: Floats, high: Floats
) -> Floats:
    """Energy at the end of the stay when charging at full power from arrival [kWh]."""
    flow = np.maximum(gain * problem.max_charge_kw - standby, 0.0)
    steps = problem.steps
    if problem.taper_from_kwh is None:
        clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
        start = np.minimum(arrive, steps)
        hours = clock[np.minimum(start + stay, steps)] - clock[start]
        alone: Floats = np.minimum(problem.arrival_kwh + flow * hours, high)
        return alone
    full, slope = taper_line(problem, high)
    energy = problem.arrival_kwh.copy()
    for k in range(steps):
        here = (arrive <= k) & (k < arrive + stay)
        hours = problem.step_h[k]
        above = (energy + hours * (full + slope * problem.taper_from_kwh)) / (1 + hours * slope)
        rise = np.minimum(np.minimum(energy + flow * hours, above), high)
        energy = np.where(here, np.maximum(energy, rise), energy)
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


def _total(own: Floats, parent: Ints) -> Floats:
    """Add to every limit what is below it, shape (m, T)."""
    total = np.array(own, dtype=float)
    for child in range(len(parent) - 1, -1, -1):
        if parent[child] >= 0:
            total[parent[child]] += total[child]
    return total


def _natural(problem: Problem, vehicle: Ints, step: Ints) -> tuple[Floats, Floats]:
    """Largest and smallest net power of the vehicles below each limit, shape (m, T)."""
    shape = (len(problem.limit_names), problem.steps)
    most, least = np.zeros(shape), np.zeros(shape)
    bound = problem.limit[vehicle]
    held = bound >= 0
    place = (bound[held], step[held])
    np.add.at(most, place, problem.max_charge_kw[vehicle[held]])
    np.add.at(least, place, -problem.max_discharge_kw[vehicle[held]])
    return _total(most, problem.limit_parent), _total(least, problem.limit_parent)


def _meter(problem: Problem, below: Bools) -> Ints:
    if len(problem.meters) == 0:
        return np.zeros(len(problem), dtype=np.int64)
    row: Ints = np.argmax(below[problem.meters], axis=0)
    return row


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
