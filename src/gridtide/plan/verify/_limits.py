"""The tree of limits: what flows through it, what may, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.verify._stay_costs import carbon_price
from gridtide.plan.verify._stays import Stays

ROUNDED_KW = 1e-6


@dataclass(slots=True, kw_only=True)
class Flows:
    """Power of the vehicles right below each limit, gathered part by part, then added up the tree.

    Parameters
    ----------
    net_kw
        Of the plan, shape (m, T).
    most_kw, least_kw
        What the plugged vehicles can do at all, shape (m, T).
    phase_kw, phase_most_kw, phase_least_kw
        The same by phase, shape (m, 3, T); no limits, shape (0, 3, T), where no phase has one.
    """

    net_kw: Floats
    most_kw: Floats
    least_kw: Floats
    phase_kw: Floats
    phase_most_kw: Floats
    phase_least_kw: Floats

    @classmethod
    def none(cls, problem: Problem) -> Flows:
        """Return flows of nobody."""
        m, steps = len(problem.limit_names), problem.steps
        flat, phased = (m, steps), (m if problem.phase_kw is not None else 0, 3, steps)
        return cls(
            net_kw=np.zeros(flat),
            most_kw=np.zeros(flat),
            least_kw=np.zeros(flat),
            phase_kw=np.zeros(phased),
            phase_most_kw=np.zeros(phased),
            phase_least_kw=np.zeros(phased),
        )

    def add(self, stays: Stays, power_kw: Floats) -> None:
        """Add the pairs of some stays to the limit right above each."""
        problem = stays.problem
        limit = stays.limit()
        held = np.flatnonzero(limit >= 0)
        if len(held) == 0:
            return
        steps = problem.steps
        place: Ints = limit[held] * steps + stays.step[held]
        most = stays.by_pair(problem.max_charge_kw)[held]
        least = -stays.by_pair(problem.max_discharge_kw)[held]
        power = power_kw[held]
        for flow, into in ((power, self.net_kw), (most, self.most_kw), (least, self.least_kw)):
            into += _gathered(place, flow, into.shape)
        if problem.phase_kw is None:
            return
        stay = stays.first + stays.row[held]
        share, own = phase_share(problem, stay), share_in_use(problem, stay, power)
        for phase in range(3):
            part = share[:, phase]
            for flow, sums in (
                (power * own[:, phase], self.phase_kw),
                (most * part, self.phase_most_kw),
                (least * part, self.phase_least_kw),
            ):
                sums[:, phase] += _gathered(place, flow, self.net_kw.shape)

    def up_the_tree(self, parent: Ints) -> None:
        """Add to each limit what is below the limits below it."""
        for flows in (self.net_kw, self.most_kw, self.least_kw):
            carry_up(flows, parent)
        for flows in (self.phase_kw, self.phase_most_kw, self.phase_least_kw):
            if len(flows):
                carry_up(flows, parent)


def _gathered(place: Ints, flow: Floats, shape: tuple[int, ...]) -> Floats:
    sums = np.bincount(place, weights=flow, minlength=shape[0] * shape[1])
    return sums.astype(float, copy=False).reshape(shape)


def carry_up(flows: Floats, parent: Ints) -> None:
    """Add to each limit what is below the limits right below it, in place."""
    for child in reversed(range(len(parent))):
        if parent[child] >= 0:
            flows[parent[child]] += flows[child]


def phase_share(problem: Problem, stay: Ints) -> Floats:
    """Share of the power of stays on L1, L2, L3, shape (len(stay), 3)."""
    if problem.phase_share is None:
        return np.full((len(stay), 3), 1.0 / 3.0)
    share: Floats = problem.phase_share[stay]
    return share


def share_in_use(problem: Problem, stay: Ints, power_kw: Floats) -> Floats:
    """Share of a power on L1, L2, L3: one line where a charger that switches is below its least."""
    share = phase_share(problem, stay)
    if problem.one_phase_kw is None or problem.min_charge_kw is None:
        return share
    below = power_kw < problem.min_charge_kw[stay] - ROUNDED_KW
    one = (power_kw > 0) & below & (problem.one_phase_kw[stay, 1] > 0)
    line = np.zeros(len(problem), dtype=int)
    if problem.one_phase_line is not None:
        line = problem.one_phase_line
    return np.where(one[:, None], np.eye(3)[line[stay], :], share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What limits leave to the vehicles.

    Parameters
    ----------
    base_kw
        Base load of each limit and all below it, shape (m, T).
    lower_kw, upper_kw
        Room for the vehicles' net power, shape (m, T): where base load alone is beyond a limit,
        vehicles need only not add to that.
    phase_lower_kw, phase_upper_kw
        The same by phase, shape (m, 3, T); a third of the base load is on each.
    """

    base_kw: Floats
    lower_kw: Floats
    upper_kw: Floats
    phase_lower_kw: Floats
    phase_upper_kw: Floats


def room(problem: Problem) -> Room:
    """Return what the limits of a problem leave to its vehicles."""
    base = np.array(problem.base_load_kw, dtype=float)
    carry_up(base, problem.limit_parent)
    phase = np.zeros((0, 3, 1)) if problem.phase_kw is None else problem.phase_kw[:, :, None]
    third = base[: len(phase), None, :] / 3.0
    return Room(
        base_kw=base,
        lower_kw=np.minimum(-problem.export_kw - base, 0.0),
        upper_kw=np.maximum(problem.import_kw - base, 0.0),
        phase_lower_kw=np.minimum(-phase - third, 0.0),
        phase_upper_kw=np.maximum(phase - third, 0.0),
    )


def left_beyond(problem: Problem, room: Room, net_kw: Floats) -> Floats:
    """Return base load beyond limits that net powers of vehicles leave [kW], shape (m, T)."""
    left = np.zeros_like(net_kw)
    for sign, limit in ((1.0, problem.import_kw), (-1.0, problem.export_kw)):
        excess = sign * room.base_kw - limit
        left += np.where(excess > 0, np.maximum(excess + sign * net_kw, 0.0), 0.0)
    return left


def site_cost(problem: Problem, room: Room, net_kw: Floats) -> float:
    """Cost at the limits: energy at the meters, demand charges, squares of load."""
    site = room.base_kw + net_kw
    cost = float(np.sum(demand_rates(problem) * peaks(problem, site)))
    cost += float(np.sum(problem.step_h * energy_rate(problem, site)))
    return cost + float(np.sum(problem.step_h * square_rate(problem, site)))


def energy_rate(problem: Problem, site_kw: Floats) -> Floats:
    """Cost of energy per hour at each limit, nothing where it is no meter, shape (m, T)."""
    price_in, price_out = meter_prices(problem)
    return price_in * np.maximum(site_kw, 0.0) - price_out * np.maximum(-site_kw, 0.0)


def meter_prices(problem: Problem) -> tuple[Floats, Floats]:
    """Prices of import and export at each limit, 0 where it is no meter, both shape (m, T)."""
    shape = (len(problem.limit_names), problem.steps)
    price_in, price_out = np.zeros(shape), np.zeros(shape)
    if len(problem.meters):
        carbon = carbon_price(problem)
        price_in[problem.meters] = problem.price_import_per_kwh + carbon
        price_out[problem.meters] = problem.price_export_per_kwh + carbon
    return price_in, price_out


def square_rate(problem: Problem, site_kw: Floats) -> Floats:
    """Cost of the square of load per hour at each limit, shape (m, T)."""
    price = square_price(problem)
    return price * (site_kw - load_reference(problem)) ** 2


def square_price(problem: Problem) -> Floats:
    """Price on the square of load, 0 where there is none, shape (m, 1)."""
    price = problem.load_square_price_per_kw2h
    return np.zeros((len(problem.limit_names), 1)) if price is None else price[:, None]


def load_reference(problem: Problem) -> Floats:
    """Load whose distance is squared, shape (m, T)."""
    reference = problem.load_reference_kw
    shape = (len(problem.limit_names), problem.steps)
    return np.zeros(shape) if reference is None else reference


def periods(problem: Problem) -> Ints:
    """Demand period of each step, shape (T,)."""
    if problem.demand_period is None:
        return np.zeros(problem.steps, dtype=np.int64)
    return problem.demand_period


def demand_rates(problem: Problem) -> Floats:
    """Demand charge of each limit and period, shape (m, q)."""
    return _by_period(problem, problem.demand_charge_per_kw)


def peaks(problem: Problem, site_kw: Floats) -> Floats:
    """Highest import of each period, that of before the plan included, shape (m, q)."""
    peak = np.maximum(_by_period(problem, problem.demand_peak_so_far_kw), 0.0)
    period = periods(problem)
    for q in np.unique(period):
        peak[:, q] = np.maximum(peak[:, q], site_kw[:, period == q].max(axis=1, initial=0.0))
    return peak


def _by_period(problem: Problem, given: Floats | None) -> Floats:
    count = 1 + int(periods(problem).max(initial=0))
    for array in (problem.demand_charge_per_kw, problem.demand_peak_so_far_kw):
        if array is not None and array.ndim == 2:
            count = max(count, array.shape[1])
    table = np.zeros((len(problem.limit_names), count))
    if given is not None:
        table += given if given.ndim == 2 else given[:, None]
    return table
