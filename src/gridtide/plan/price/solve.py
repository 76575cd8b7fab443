"""A plan of a large fleet with everything that proves it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from gridtide.plan._layout import total_base_kw
from gridtide.plan._losses import loss_law
from gridtide.plan._objective_accounts import steepest_stored_per_kwh, stored_bounds
from gridtide.plan._wear_prices import steepest_wear_per_kwh
from gridtide.plan.certificate import Certificate
from gridtide.plan.price.bound import excess_kw, seen_prices
from gridtide.plan.price.coordinate import Coordination
from gridtide.plan.price.largest import largest_by_price
from gridtide.plan.price.mend import Plan, mend_shortfalls
from gridtide.plan.price.missing import missing_kwh
from gridtide.plan.price.promise import gentler, promised_stays, wishes
from gridtide.plan.price.rows import Book
from gridtide.plan.price.schedule import FleetSchedule, end_energies
from gridtide.plan.price.stays import Stays, usual_prices
from gridtide.plan.problem import Floats, Problem
from gridtide.plan.start import Start

PART = 50_000
"""Stays that are looked at together."""
SEARCH = 4.0
"""How many times as long as it took to see a shortage its largest part is looked for."""
SAME_KWH = 1e-4
"""Shortfalls that differ by no more are the same."""
SPARE = 1e-3
"""Beyond this share more than is proven of it the largest shortfall costs more still: few drivers
would bear what it is larger than proven."""
ROUNDED_KWH = {8: 1e-7, 4: 5e-5}
"""Less than this is no shortfall but what rounding to double or single precision leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What coordination by price gives.

    Parameters
    ----------
    schedule
        The schedule.
    bound
        No schedule that misses as little energy costs less [currency].
    uncontrolled_cost
        Cost of charging at once on arrival, limits left aside [currency].
    certificate, bound_by
        What proves the bound; with reserve no prices are kept.
    sweeps
        Passes over all vehicles.
    notes
        What a reader should know.
    held_kw
        What the schedule holds for each block of reserve, by the rows, shape (blocks,); empty
        where reserve was not planned.
    end
        Where to plan on from.
    """

    schedule: FleetSchedule
    bound: float
    uncontrolled_cost: float
    certificate: Certificate | None
    bound_by: str
    sweeps: int
    notes: tuple[str, ...]
    held_kw: Floats
    end: Start


def solve_by_price(
    problem: Problem,
    *,
    gap: float,
    time_limit_s: float,
    exactly: Plan,
    start: Start | None = None,
    caps_kw: tuple[Floats, ...] | None = None,
) -> Priced:
    """Plan by price until the gap is closed or the time is up.

    Parameters
    ----------
    problem
        Without what ``unknown_to_price`` names. Its standby loss is spread over the power.
    gap
        Relative gap at which to stop.
    time_limit_s
        Wall time after which the best so far is taken [s].
    exactly
        Plans a small problem exactly and gives the powers of its plugged steps: for groups in
        which keeping the limits left a vehicle short.
    start
        Powers and prices of an earlier plan.
    caps_kw
        Largest share of each vehicle in each step of each block of reserve, shape (n, B) by
        block; the bound is then that of such plans alone.
    """
    first = problem.promise == "first"
    prices = wishes(problem, steep_price(problem))
    stays = promised_stays(problem, prices)
    # Groups that are planned exactly know nothing of reserve.
    run = Coordination(
        problem,
        stays,
        gap=gap,
        limit_s=time_limit_s,
        exactly=exactly,
        prices=prices,
        settles=not problem.reserves,
        caps_kw=caps_kw,
    )
    if start is not None:
        run.start_from(start)
    begun_s = time.monotonic()
    power = run.run()
    if run.scarce:
        power = _shared_out(run, problem, exactly, begun_s, begun_s + time_limit_s)
    # The mean has done its work: what comes now takes its memory.
    run.fleet.mean = power
    # To look for what keeping limits missed takes no longer than planning did.
    spent_s = max(time.monotonic() - begun_s, 1.0)
    end_s = min(begun_s + time_limit_s, time.monotonic() + spent_s)
    mended, left = _mend(run, problem, power, exactly, end_s)
    largest = _agree_on_largest(run, power)
    schedule, over = _schedule(run, problem, power)
    held = run.fleet.offered(power, run.fleet.net_of(power))
    return Priced(
        schedule=schedule,
        bound=min(run.progress.bound - over, schedule.objective + held.cost),
        uncontrolled_cost=run.uncontrolled_cost,
        certificate=None if problem.reserves else _certificate(run, problem),
        bound_by=_bound_by(run, drives_first=first and problem.continues is not None),
        sweeps=run.progress.sweeps,
        notes=_notes(run, problem, schedule, gap, (mended, left), largest),
        held_kw=held.kw,
        end=_end(run, problem, power),
    )


def _certificate(run: Coordination, problem: Problem) -> Certificate:
    value, arrival = run.fleet.worths(run.progress.price, run.progress.peak)
    limits = len(problem.limit_names)
    return Certificate(
        limit_price=run.progress.price[:limits],
        peak_price=run.progress.peak[:limits],
        phase_price=_phase_price(run, problem),
        stored_price=_stored_price(run, problem),
        stored_value=value,
        arrival_value=arrival,
        shortfall_price_per_kwh=_proof_price(problem, run.promise.prices.short),
        relief_price_per_kwh=run.promise.prices.relief,
    )


def _end(run: Coordination, problem: Problem, power: Floats) -> Start:
    """Return where to plan on from."""
    limits = len(problem.limit_names)
    return Start(
        power_kw=power,
        limit_price=run.progress.price[:limits],
        peak_price=run.progress.peak[:limits],
        phase_price=_phase_price(run, problem),
        stored_price=_stored_price(run, problem),
    )


def _shared_out(
    run: Coordination, problem: Problem, exactly: Plan, begun_s: float, end_s: float
) -> Floats:
    """Go on with the largest shortfall known, where limits above all groups force it."""
    now = time.monotonic()
    limit_s = min(max(SEARCH * (now - begun_s), 1.0), 0.5 * max(end_s - now, 0.0))
    known = run.promise.least_kwh
    if problem.continues is None:
        known = largest_by_price(problem, known, run, exactly, limit_s)
    run.promise.least_kwh, run.promise.prices = known, gentler(run.promise.prices)
    run.fleet.stays = run.fleet.stays._replace(
        short_price=promised_stays(problem, run.promise.prices).short_price,
        drive_price=run.promise.prices.short,
    )
    run.share(known, known * (1.0 + SPARE))
    return run.run()


def _agree_on_largest(run: Coordination, power: Floats) -> float:
    """Prove by the largest shortfall that there is, where it is the least one but for rounding."""
    largest = float(missing_kwh(run.fleet, power).max(initial=0.0))
    known = run.fleet.stays.beyond_kwh
    if len(known) == 1 and 0 < abs(largest - known[0]) <= SAME_KWH:
        run.share(largest)
        run.progress.bound = run.fleet.bound(run.progress.price, run.progress.peak)
    return largest


def _proof_price(problem: Problem, steep: float) -> float:
    """Price of missing energy in the proof; on bands what it is above the problem's own comes."""
    if problem.shortfall_band_price_per_kwh is None:
        return steep
    return problem.shortfall_price_per_kwh + (steep if problem.promise == "first" else 0.0)


def _mend(
    run: Coordination,
    problem: Problem,
    power: Floats,
    exactly: Plan,
    end_s: float,
) -> tuple[int, int]:
    try:
        forced = run.polish(power, end_s)
        run.let_go()
        return mend_shortfalls(problem, run.fleet, power, exactly, forced, end_s)
    except KeyboardInterrupt:
        run.progress.interrupted = True
        return 0, 0


def _bound_by(run: Coordination, *, drives_first: bool) -> str:
    """Name what the bound rests on beyond what worths of energy can prove."""
    stays = run.fleet.stays
    if stays.recover_price > 0 or drives_first or len(stays.beyond_kwh):
        return "order of wishes"
    price, peak = run.progress.price, run.progress.peak
    seen = seen_prices(run.fleet.book, price + peak)
    buy, sell = seen.min(axis=1), seen.min(axis=1)
    if run.fleet.book.plug_price.shape[0]:
        plug_in, plug_out = run.fleet.book.plug_price
        crossed = float((plug_out - plug_in).max())
        buy, sell = buy + plug_in.min(), buy + plug_in.min() + crossed
    # Some at a time: a million stays are many.
    for first in range(0, len(stays.each), PART):
        if _burns(stays, slice(first, first + PART), buy, sell):
            return "branch and bound"
    return "linear program" if len(stays.taper) else "duality"


def _burns(stays: Stays, which: slice, buy: Floats, sell: Floats) -> bool:
    """Whether burning energy may pay some stays, at the least prices that each path sees."""
    each = stays.each[which]
    worth = sell[each["path"]] - each["wear"]
    burns = buy[each["path"]] / each["gain"] < worth / each["draw"]
    burns &= (each["discharge_kw"] > 0) & (each["charge_kw"] > 0)
    if len(stays.law):
        # Of parts the worst may be taken first where energy is not worth its price.
        burns |= (buy[each["path"]] < 0) | ((worth < 0) & (each["discharge_kw"] > 0))
    return bool(burns.any())


def steep_price(problem: Problem) -> float:
    """Return a price at which no shortfall that limits do not force is worth its saving."""
    both = np.stack((problem.price_import_per_kwh, problem.price_export_per_kwh))
    energy = float(np.abs(both).max(initial=0.0))
    if problem.carbon_kg_per_kwh is not None:
        carbon = np.abs(problem.carbon_kg_per_kwh) * problem.carbon_price_per_kg
        energy += float(carbon.max(initial=0.0))
    demand = float(problem.demand_charge_per_kw.max(initial=0.0)) / float(np.median(problem.step_h))
    energy += _steepest_square(problem)
    worth = 0.0
    if problem.end_value_per_kwh is not None:
        worth = float(problem.end_value_per_kwh.max(initial=0.0))
    usual = energy + demand + steepest_wear_per_kwh(problem) + worth
    usual += 2.0 * problem.change_price_per_kwh + steepest_stored_per_kwh(problem)
    gain = float(loss_law(problem).gain.min(initial=1.0))
    return max(10.0 * usual / gain, problem.shortfall_price_per_kwh)


def _steepest_square(problem: Problem) -> float:
    """Most that the squares of load can add to the price of a kWh [currency/kWh]."""
    price = problem.load_square_price_per_kw2h
    if price is None:
        return 0.0
    reference = 0.0 if problem.load_reference_kw is None else problem.load_reference_kw
    able = float(problem.max_charge_kw.sum() + problem.max_discharge_kw.sum())
    away = np.abs(total_base_kw(problem) - reference).max(axis=1, initial=0.0) + able
    return float(np.sum(2.0 * price * away))


def _schedule(run: Coordination, problem: Problem, power: Floats) -> tuple[FleetSchedule, float]:
    """Price the powers as the problem does; also by how much the run priced them higher."""
    fleet, count = run.fleet, len(problem)
    stays = fleet.stays
    usual = usual_prices(stays, problem)
    net = fleet.net_of(power)
    steep = fleet.cost(power, net)
    cost = fleet.usual_cost(problem, power, net)
    end, en_route = np.zeros(count), np.zeros(count)
    end_energies(stays, fleet.everyone, power, end, en_route)
    short = np.subtract(stays.each["due_kwh"], end)
    np.maximum(short, 0.0, out=short)
    # What rounding left is no shortfall, and costs nothing.
    rounded = short <= ROUNDED_KWH[power.dtype.itemsize]
    cost -= float(usual.short_price[0] * np.sum(short, where=rounded))
    short[rounded] = 0.0
    schedule = FleetSchedule(
        stays=usual,
        plugged_kw=power,
        net_kw=net[: len(problem.limit_names)],
        stored_kwh=_by_limit(fleet.book, problem, net),
        objective=cost,
        violation_kw=float(excess_kw(fleet.book, net).max(initial=0.0)),
        end_kwh=end,
        shortfall_kwh=short,
        en_route_kwh=en_route,
    )
    return schedule, steep - cost


def _phase_price(run: Coordination, problem: Problem) -> Floats | None:
    if problem.phase_kw is None or run.progress.price is None:
        return None
    book, limits = run.fleet.book, len(problem.limit_names)
    prices = np.zeros((limits, 3, problem.steps))
    rows = np.flatnonzero(book.phase >= 0)
    prices[book.limit[rows], book.phase[rows]] = run.progress.price[rows]
    return prices


def _stored_price(run: Coordination, problem: Problem) -> Floats | None:
    if stored_bounds(problem) is None:
        return None
    return _by_limit(run.fleet.book, problem, run.progress.price)


def _by_limit(book: Book, problem: Problem, values: Floats) -> Floats:
    """Spread what rows of energy held together have over all limits, shape (m, T)."""
    spread = np.zeros((len(problem.limit_names), problem.steps))
    spread[book.limit[book.stored]] = values[book.stored]
    return spread


def _notes(
    run: Coordination,
    problem: Problem,
    schedule: FleetSchedule,
    gap: float,
    groups: tuple[int, int],
    largest_kwh: float,
) -> tuple[str, ...]:
    notes = [f"coordinated by price in {run.progress.sweeps} sweeps"]
    if groups[0]:
        notes.append(f"groups planned anew for a shortfall: {groups[0]}")
    if groups[1]:
        notes.append(f"groups in which others might have given way to a shortfall: {groups[1]}")
    if run.progress.interrupted:
        notes.append("interrupted: the best so far")
    elif not run.closed:
        notes.append(f"the gap of {gap:g} was not closed: time was up, or sweeps brought no more")
    if problem.standby_kw is not None and np.any(problem.standby_kw > 0):
        notes.append("standby loss taken as at full power (chord)")
    if problem.continues is not None:
        notes.append("after drives the bound can be loose")
    if problem.promise == "first" and schedule.shortfall_kwh.any():
        notes.append(_told_of_largest(run, largest_kwh))
    return tuple(notes)


def _told_of_largest(run: Coordination, largest_kwh: float) -> str:
    """Say what is known of the largest shortfall."""
    least = run.promise.least_kwh
    largest = f"the largest shortfall is {largest_kwh:.6g} kWh"
    if largest_kwh <= least + SAME_KWH:
        return f"{largest}, proven to be the least"
    return f"{largest}; no plan has less than {least:.6g}"
