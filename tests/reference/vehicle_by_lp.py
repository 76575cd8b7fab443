"""Each vehicle's cheapest schedule without limits, written down as a linear problem for scipy.

One block per vehicle, all solved at once: charging c, discharging d, energy e at the end of each
step, and what is missing, outside, held or bought on the way as variables of their own.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array


class _Model:
    """Variables and rows, added one by one."""

    def __init__(self):
        self.cost, self.low, self.high, self.owner, self.whole = [], [], [], [], []
        self.up, self.equal = ([], []), ([], [])
        self.constant = {}

    def variable(self, owner, cost=0.0, low=0.0, high=np.inf, whole=0):
        for to, value in zip(
            (self.cost, self.low, self.high, self.owner, self.whole),
            (cost, low, high, owner, whole),
            strict=True,
        ):
            to.append(value)
        return len(self.cost) - 1

    def at_most(self, terms, right):
        self.up[0].append(terms)
        self.up[1].append(right)

    def equals(self, terms, right):
        self.equal[0].append(terms)
        self.equal[1].append(right)

    def matrix(self, rows):
        at = [(i, k, v) for i, terms in enumerate(rows) for k, v in terms]
        i, k, v = zip(*at, strict=True) if at else ((), (), ())
        return coo_array((v, (i, k)), shape=(len(rows), len(self.cost))).tocsr()

    def solve(self, owners):
        if not self.cost:
            return np.array([self.constant.get(u, 0.0) for u in range(owners)])
        tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
        found = linprog(
            self.cost,
            A_ub=self.matrix(self.up[0]) if self.up[0] else None,
            b_ub=self.up[1] or None,
            A_eq=self.matrix(self.equal[0]) if self.equal[0] else None,
            b_eq=self.equal[1] or None,
            bounds=np.transpose([self.low, self.high]),
            integrality=self.whole if any(self.whole) else None,
            options=tight | ({"mip_rel_gap": 0.0} if any(self.whole) else {}),
        )
        assert found.status == 0, found.message
        value = np.bincount(self.owner, np.asarray(self.cost) * found.x, owners)
        return value + np.array([self.constant.get(u, 0.0) for u in range(owners)])


def solve_vehicles(
    problem, short_price, buy, sell, *, recover_price=0.0, drive_price=0.0, binaries=False,
    bounds=None, stored_price=None,
):  # fmt: skip
    """Least cost of each vehicle, shape (v,); ``bounds`` (most, least) of each plugged power.

    ``stored_price`` is on the energy at the end of each step, per kWh and hour, shape (T,).

    ``buy`` and ``sell`` are prices by plugged step, stay by stay. With ``binaries`` no step goes
    both ways and no more is bought on the way than a drive needs; else that only bounds what
    stays begin with: full power before it is the most.
    """
    continues = problem.continues
    if continues is None:
        continues = np.zeros(len(problem), dtype=bool)
    vehicle, model, begin = -1, _Model(), 0
    held, most = None, 0.0
    for i in range(len(problem)):
        if continues[i]:
            most = max(_charged_fully(problem, i - 1, most) - problem.driven_kwh[i],
                       problem.min_kwh[i])  # fmt: skip
            held = _drive(model, problem, i, vehicle, held, drive_price, most, binaries)
        else:
            vehicle += 1
            held, most = ([], problem.arrival_kwh[i]), problem.arrival_kwh[i]
        arrive, stop = max(problem.arrive[i], 0), min(problem.depart[i], problem.steps)
        length = max(stop - arrive, 0) if problem.arrive[i] < problem.depart[i] else 0
        at = slice(begin, begin + length)
        begin += length
        prices = buy[at], sell[at], None if bounds is None else [b[at] for b in bounds]
        held = _stay(
            model, problem, i, vehicle, held, prices, recover_price, binaries, stored_price
        )
        _leave(model, problem, i, vehicle, held, short_price)
    return model.solve(vehicle + 1)


def _charged_fully(problem, i, energy):
    """Energy at the end of a stay that charges with full power all the time."""
    rise = max(moved(problem.max_charge_kw[i], lines_of(problem, i)[0]), 0.0)
    high = max(problem.max_kwh[i], energy)
    line = _taper_line(problem, i, high)
    for t in range(max(problem.arrive[i], 0), min(problem.depart[i], problem.steps)):
        dt = problem.step_h[t]
        to = min(energy + dt * rise, high)
        if line is not None:
            full, fall = line
            since = problem.taper_from_kwh[i]
            to = min(to, (energy + dt * (full + fall * since)) / (1 + dt * fall))
        energy = max(energy, to)
    return energy


def _stay(model, problem, i, owner, held, prices, recover_price, binaries, stored_price=None):
    buy, sell, bounds = prices
    start = held[1] if not held[0] else problem.min_kwh[i]
    low, high = min(problem.min_kwh[i], start), max(problem.max_kwh[i], start)
    charge, discharge = problem.max_charge_kw[i], problem.max_discharge_kw[i]
    gains, draws = lines_of(problem, i)
    for q in range(len(buy)):
        t = max(problem.arrive[i], 0) + q
        dt = problem.step_h[t]
        most, least = (charge, -discharge) if bounds is None else (bounds[0][q], bounds[1][q])
        c = model.variable(owner, dt * buy[q], max(least, 0), min(max(most, 0), charge))
        wear = problem.wear_price_per_kwh[i]
        d = model.variable(owner, dt * (wear - sell[q]), max(-most, 0), max(-least, 0))
        gain = _in_parts(model, owner, c, gains, charge, binaries)
        draw = _in_parts(model, owner, d, draws, discharge, binaries)
        if binaries:
            way = model.variable(owner, 0.0, 0, 1, whole=1)
            model.at_most([(c, 1), (way, -charge)], 0)
            model.at_most([(d, 1), (way, discharge)], discharge)
        if problem.planned_kw is not None and np.isfinite(problem.planned_kw[i, t]):
            planned = np.clip(problem.planned_kw[i, t], -discharge, charge)
            away = model.variable(owner, dt * problem.change_price_per_kwh)
            model.at_most([(c, 1), (d, -1), (away, -1)], planned)
            model.at_most([(c, -1), (d, 1), (away, -1)], -planned)
        e = model.variable(owner, 0.0 if stored_price is None else dt * stored_price[t], low, high)
        terms = [(e, 1), *((k, -dt * g) for k, g in gain), *((k, dt * g) for k, g in draw)]
        model.equals(terms + [(k, -v) for k, v in held[0]], held[1])
        held = ([(e, 1)], 0.0)
        if problem.taper_from_kwh is not None:
            _taper(model, problem, i, e, gain, high)
        _held(model, problem, (i, t), owner, e, dt)
        if recover_price > 0:
            floor = problem.min_kwh[i]
            if problem.floor_kwh is not None:
                floor = max(floor, min(problem.floor_kwh[i, t], high))
            if low < floor:
                out = model.variable(owner, dt * recover_price)
                model.at_most([(out, -1), (e, -1)], -floor)
            if high > problem.max_kwh[i]:
                out = model.variable(owner, dt * recover_price)
                model.at_most([(out, -1), (e, 1)], problem.max_kwh[i])
    return held


def lines_of(problem, i):
    """Widths [kW] and energy per kWh of each part, of charging and of discharging."""
    charge, discharge = problem.max_charge_kw[i], problem.max_discharge_kw[i]
    if problem.charge_part_kw is not None:
        into, out = problem.charge_part_efficiency[i], problem.discharge_part_efficiency[i]
        return (problem.charge_part_kw[i], into), (problem.discharge_part_kw[i], 1 / out)
    gain, draw = problem.charge_efficiency[i], 1 / problem.discharge_efficiency[i]
    if problem.standby_kw is not None:
        gain -= problem.standby_kw[i] / charge if charge else 0.0
        draw += problem.standby_kw[i] / discharge if discharge else 0.0
    return ([np.inf], [gain]), ([np.inf], [draw])


def _in_parts(model, owner, power, parts, most, binaries):
    """Split a power into its parts; with binaries each begins only where the one before is full."""
    widths, rates = parts
    if len(widths) == 1:
        return [(power, rates[0])]
    widths = np.minimum([*widths[:-1], np.inf], most)
    each = [model.variable(owner, 0.0, 0.0, width) for width in widths]
    model.equals([(power, 1), *((k, -1) for k in each)], 0.0)
    earlier = None
    for before, after, width in zip(each, each[1:], widths, strict=False):
        if binaries:
            begun = model.variable(owner, 0.0, 0, 1, whole=1)
            model.at_most([(after, 1), (begun, -most)], 0)
            model.at_most([(before, -1), (begun, width)], 0)
            if earlier is not None:
                model.at_most([(begun, 1), (earlier, -1)], 0)
            earlier = begun
    return list(zip(each, rates, strict=True))


def moved(power, lines):
    """Power into the cells (out of them) at one at the plug: parts are filled in order."""
    stored, left = 0.0, power
    for j, (width, rate) in enumerate(zip(*lines, strict=True)):
        part = left if j + 1 == len(lines[0]) else min(width, left)
        stored, left = stored + rate * part, left - part
    return stored


def _taper(model, problem, i, e, charging, high):
    """Power into the cells falls linearly, in the energy at the end of the step."""
    line = _taper_line(problem, i, high)
    if line is not None:
        full, fall = line
        model.at_most([*charging, (e, fall)], full + fall * problem.taper_from_kwh[i])


def _taper_line(problem, i, high):
    """Full power into the cells and its fall per kWh; None where it does not fall."""
    if problem.taper_from_kwh is None:
        return None
    since, width = problem.taper_from_kwh[i], problem.max_kwh[i] - problem.taper_from_kwh[i]
    if width <= 1e-9:
        return None
    lines = lines_of(problem, i)[0]
    if problem.charge_part_kw is None:
        lines = ([np.inf], [problem.charge_efficiency[i]])
    full = moved(problem.max_charge_kw[i], lines)
    fall = full * (1 - problem.taper_end[i]) / width
    return full, min(fall, full / max(high - since, 1e-9))


def _held(model, problem, at, owner, e, dt):
    """Cost of holding: above the line of each band."""
    if problem.holding_edges_kwh is None:
        return
    i, t = at
    edges, prices = problem.holding_edges_kwh[i], problem.holding_price_per_kwh_h
    prices = prices[i, t] if prices.ndim == 3 else prices[i]
    base = problem.holding_base_per_h
    value = base[i, t] if base.ndim == 2 else base[i]
    h = model.variable(owner, dt, -np.inf)
    for m, slope in enumerate(prices):
        model.at_most([(h, -1), (e, slope)], slope * edges[m] - value)
        value += slope * (edges[m + 1] - edges[m])


def _leave(model, problem, i, owner, held, short_price):
    terms, known = held
    floor = problem.horizon_floor_kwh
    due = -np.inf if floor is None else floor[i]
    if problem.depart[i] <= problem.steps:
        due = problem.target_kwh[i]
    if np.isfinite(due):
        prices = problem.shortfall_band_price_per_kwh
        prices = [short_price] if prices is None else prices
        # Who wanted nothing more than it brought misses it in the first band.
        prices = prices if due > problem.arrival_kwh[i] else prices[:1]
        width = max(due - problem.arrival_kwh[i], 0.0) / len(prices)
        parts = []
        for m, price in enumerate(prices):
            wide = width if m < len(prices) - 1 else np.inf
            parts.append((model.variable(owner, price, 0.0, wide), -1))
        model.at_most(parts + [(k, -v) for k, v in terms], known - due)
    if problem.end_value_per_kwh is not None:
        level = max(min(problem.end_value_up_to_kwh[i], problem.max_kwh[i]), 0.0)
        kept = model.variable(owner, -problem.end_value_per_kwh[i], -np.inf, level)
        model.at_most([(kept, 1)] + [(k, -v) for k, v in terms], known)


def _drive(model, problem, i, owner, held, price, high, binaries):
    """Leave with what is held, arrive with at least the minimum and at most ``high``."""
    terms, known = held
    low = problem.min_kwh[i]
    bought = model.variable(owner, price)
    start = model.variable(owner, 0.0, low, high)
    model.equals([(start, 1), (bought, -1)] + [(k, -v) for k, v in terms],
                 known - problem.driven_kwh[i])  # fmt: skip
    if binaries:
        some = model.variable(owner, 0.0, 0, 1, whole=1)
        most = problem.driven_kwh[i] + low + 1.0
        model.at_most([(bought, 1), (some, -most)], 0)
        model.at_most([(start, 1), (some, high - low)], high)
    return ([(start, 1)], 0.0)
