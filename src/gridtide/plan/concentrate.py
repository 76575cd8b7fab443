"""From a schedule of any powers to one that chargers can hold: nothing, or enough of it.

A solver that knows no smallest power spreads a vehicle's energy over many hours at 2 kW. Here
every vehicle's energy is gathered, by merit, in fewer steps of higher power until each power is
0 or within its charger's range, and until standing on costs less than the cheaper hour saves.
Energy at departure, battery windows and limits are kept; a limit never gives way. Time grows
with the number of vehicles times steps.

It is a heuristic. What it costs beyond the optimum is measured by ``gridtide bench integrality``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._arrangement import Nets, Prices, Stays, Tree
from gridtide.plan._layout import demand_periods, net_room, stay_ends, taper_line
from gridtide.plan._losses import loss_law
from gridtide.plan._power_range import power_range
from gridtide.plan.problem import Bools, Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentrated:
    """A schedule that chargers can hold.

    Parameters
    ----------
    power_kw
        At each plug, + is charging, shape (n, T).
    end_kwh
        Energy in the battery at the end of each stay, shape (n,).
    net_kw
        Net power of the vehicles below each limit, shape (m, T).
    """

    power_kw: Floats
    end_kwh: Floats
    net_kw: Floats


def concentrate(
    problem: Problem, power_kw: Floats, limit_price_per_kwh: Floats | None = None
) -> Concentrated:
    """Make every power 0 or one that its charger can hold.

    Parameters
    ----------
    problem
        The problem; ``min_charge_kw``, ``min_discharge_kw``, ``one_phase_kw`` and ``standby_kw``
        say what is asked for.
    power_kw
        A schedule within the limits, + is charging, shape (n, T). Where there is a standby loss
        it is taken to be spread as at full power (``relax_standby``).
    limit_price_per_kwh
        What a kWh costs below each limit [currency/kWh], shape (m, T): of a certificate
        ``limit_price + peak_price``. None for the energy price at the meter.

    Returns
    -------
    Concentrated
        Vehicles whose energy finds no place within the limits come short.

    Notes
    -----
    A charger that switches phases stays on one phase for a whole stay or on all: on one where
    the powers planned would mostly be too small for all. Losses in parts are taken as at full
    power; wear by depth and by holding, squares of load and reserve are not looked at. Vehicles
    with less time to spare choose first.
    """
    problem_stays, on_one = _stays(problem, power_kw)
    tree = _tree(problem, on_one)
    power = np.ascontiguousarray(power_kw, dtype=np.float64).copy()
    planned = _net(problem, tree, power)
    net, end = Nets(fixed=np.zeros_like(planned), planned=planned), np.zeros(len(problem))
    wished = _wished(problem, tree, planned)
    tree = tree._replace(wished=wished, upper=tree.upper if _peak_yields(problem) else wished)
    prices = _prices(problem, planned, limit_price_per_kwh)
    order = _by_time_to_spare(problem, problem_stays)
    step_h = np.ascontiguousarray(problem.step_h, dtype=np.float64)
    # Compiled, and needed by few plans: imported only here.
    from gridtide.plan._kernel_concentrate import place_each

    place_each(order, step_h, problem_stays, tree, prices, power, net, end)
    return Concentrated(power_kw=power, end_kwh=end, net_kw=net.fixed[:, :, 0].copy())


def _stays(problem: Problem, power_kw: Floats) -> tuple[Stays, Bools]:
    """Vehicles as the kernel takes them, and which stay on one phase."""
    count = len(problem)
    arrive, depart = stay_ends(problem)
    zeros = np.zeros(count)
    continues = zeros > 0 if problem.continues is None else problem.continues
    begin = np.where(continues, problem.min_kwh, problem.arrival_kwh)
    low, high = np.minimum(problem.min_kwh, begin), np.maximum(problem.max_kwh, begin)
    floor = problem.horizon_floor_kwh
    later = np.full(count, -np.inf) if floor is None else floor
    full, slope = np.zeros(count), np.zeros(count)
    if problem.taper_from_kwh is not None:
        full, slope = taper_line(problem, high)
    held = power_range(problem)
    on_one = _mostly_small(problem, power_kw)
    gain, draw = _at_full_power(problem)
    columns = {
        "arrive": arrive,
        "depart": depart,
        "start_kwh": begin,
        "low_kwh": low,
        "high_kwh": high,
        "due_kwh": np.where(problem.depart <= problem.steps, problem.target_kwh, later),
        "least_charge": np.where(on_one, held.one_low, held.charge),
        "most_charge": np.where(on_one, held.one_high, problem.max_charge_kw),
        "least_discharge": held.discharge,
        "most_discharge": np.where(on_one, 0.0, problem.max_discharge_kw),
        "gain": gain,
        "draw": draw,
        "loss": zeros if problem.standby_kw is None else problem.standby_kw,
        "taper_from": zeros if problem.taper_from_kwh is None else problem.taper_from_kwh,
        "full_kw": full,
        "slope": slope,
        "wear": problem.wear_price_per_kwh,
        "end_value": zeros if problem.end_value_per_kwh is None else problem.end_value_per_kwh,
        "continues": continues,
        "driven_kwh": zeros if problem.driven_kwh is None else problem.driven_kwh,
        "meter": _meter_row(problem),
        "limit": problem.limit,
    }
    return Stays(**{name: np.ascontiguousarray(a) for name, a in columns.items()}), on_one


def _at_full_power(problem: Problem) -> tuple[Floats, Floats]:
    """Return what is stored per kWh charged and taken per kWh discharged, both shape (n,)."""
    law = loss_law(problem)
    charge, discharge = (
        np.maximum(most, 1e-3) for most in (problem.max_charge_kw, problem.max_discharge_kw)
    )
    return law.battery_kw(charge) / charge, -law.battery_kw(-discharge) / discharge


def _mostly_small(problem: Problem, power_kw: Floats) -> Bools:
    """Tell whose charging power would mostly be too small for all phases, shape (n,)."""
    charge = np.maximum(power_kw, 0.0)
    mean = charge.sum(axis=1) / np.maximum(np.sum(charge > 1e-6, axis=1), 1)
    gives = (power_kw < -1e-6).any(axis=1)
    held = power_range(problem)
    small: Bools = (held.one_high > 0) & (mean < held.charge) & ~gives
    return small


def _meter_row(problem: Problem) -> Ints:
    """Row of the prices that bills a vehicle: that of the nearest meter above, shape (n,)."""
    row = np.zeros(len(problem.limit_names), dtype=np.int64)
    number = {int(j): k for k, j in enumerate(problem.meters)}
    for j, parent in enumerate(problem.limit_parent):
        row[j] = number.get(j, row[parent] if parent >= 0 else 0)
    if len(row) == 0:
        return np.zeros(len(problem), dtype=np.int64)
    nearest: Ints = np.where(problem.limit >= 0, row[problem.limit], 0)
    return nearest


def _tree(problem: Problem, on_one: Bools) -> Tree:
    base, upper, lower = net_room(problem)
    share = np.ones((len(problem), 1))
    bounds = [(upper, lower)]
    if problem.phase_kw is not None:
        own = problem.phase_share
        phases = np.full((len(problem), 3), 1.0 / 3.0) if own is None else own
        phases = np.where(on_one[:, None], np.eye(3)[power_range(problem).line, :], phases)
        share = np.concatenate((share, phases), axis=1)
        for phase in range(3):
            room = problem.phase_kw[:, phase : phase + 1]
            up, down = np.maximum(room - base / 3, 0.0), np.minimum(-room - base / 3, 0.0)
            bounds.append((up, down))
    highest = np.stack([b[0] for b in bounds], axis=2)
    lowest = np.stack([b[1] for b in bounds], axis=2)
    return Tree(
        parent=np.ascontiguousarray(problem.limit_parent, dtype=np.int64),
        upper=highest,
        lower=lowest,
        wished=highest,
        share=np.ascontiguousarray(share, dtype=np.float64),
    )


def _net(problem: Problem, tree: Tree, power: Floats) -> Floats:
    """Net power of the vehicles below each limit, in all and by phase, shape (m, T, K)."""
    net: Floats = np.zeros(tree.upper.shape)
    held = problem.limit >= 0
    for k in range(net.shape[2]):
        np.add.at(net[:, :, k], problem.limit[held], power[held] * tree.share[held, k : k + 1])
    for child in range(len(tree.parent) - 1, -1, -1):
        if tree.parent[child] >= 0:
            net[tree.parent[child]] += net[child]
    return net


def _wished(problem: Problem, tree: Tree, planned: Floats) -> Floats:
    """Room that leaves the peak of each demand period where it was planned, shape (m, T, K)."""
    period, rate, before = demand_periods(problem)
    base = net_room(problem)[0]
    wished = tree.upper.copy()
    for j, q in np.argwhere(rate > 0):
        inside = period == q
        net = base[j] + planned[j, :, 0]
        peak = max(float(before[j, q]), float(net[inside].max(initial=0.0)))
        room = np.maximum(peak - base[j], 0.0)
        wished[j, inside, 0] = np.minimum(wished[j, :, 0], room)[inside]
    return wished


def _peak_yields(problem: Problem) -> bool:
    """Tell whether energy missing on departure is dearer than a higher peak of one step."""
    rate = float(problem.demand_charge_per_kw.max(initial=0.0))
    if problem.promise == "first" or len(problem.step_h) == 0:
        return True
    return problem.shortfall_price_per_kwh >= rate / float(problem.step_h.min())


def _prices(problem: Problem, planned: Floats, limit_price: Floats | None) -> Prices:
    """Price of the meters' side on which the plan stands, and of limits where they are given."""
    carbon = np.zeros(problem.steps)
    if problem.carbon_kg_per_kwh is not None:
        carbon = problem.carbon_kg_per_kwh * problem.carbon_price_per_kg
    into, out = problem.price_import_per_kwh + carbon, problem.price_export_per_kwh + carbon
    on_limits = np.zeros(planned.shape[:2])
    if len(problem.meters):
        site = net_room(problem)[0][problem.meters] + planned[problem.meters, :, 0]
        into = out = np.where(site >= 0, into, out)
        if limit_price is not None:
            into = out = np.zeros_like(into)
    if limit_price is not None:
        on_limits = limit_price
    shortfall = problem.shortfall_price_per_kwh if problem.promise == "priced" else np.inf
    return Prices(
        energy_in=np.ascontiguousarray(into),
        energy_out=np.ascontiguousarray(out),
        limit=np.ascontiguousarray(on_limits, dtype=np.float64),
        shortfall=float(shortfall),
    )


def _by_time_to_spare(problem: Problem, stays: Stays) -> Ints:
    """Order those first who have least time beyond what charging takes; a chain stays together."""
    clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    hours = clock[np.maximum(stays.depart, stays.arrive)] - clock[stays.arrive]
    flow = np.maximum(stays.gain * stays.most_charge - stays.loss, 1e-9)
    need = np.maximum(np.minimum(stays.due_kwh, stays.high_kwh) - stays.start_kwh, 0.0)
    spare = hours - need / flow
    head = np.flatnonzero(~stays.continues)
    spare = spare[head][np.cumsum(~stays.continues) - 1] if len(head) else spare
    order: Ints = np.argsort(spare, kind="stable")
    return order
