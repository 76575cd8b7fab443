"""The most that anyone could have sold and delivered who had known everything beforehand.

A linear problem that knows every arrival, real departure and need, and the signal. The promise
holds for it too, at every moment: what was asked for stays within reach until the stated departure
and stays aboard after it, for the driver may come. So does the product: full power must be
sustained in either direction for its duration from every step on. Beyond that it bounds from above:
vehicles share the energy of the response freely within five minutes, converters have no fixed loss,
a nearly full battery takes what its mean energy of five minutes lets it, and whoever is plugged in
for a part of five minutes counts for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.battery import charge_step
from gridtide.core import SolverError
from gridtide.plan.linear._linear import Builder
from gridtide.plan.linear._solver import Solver
from gridtide.plan.problem import Floats, Ints
from gridtide.sim import World

STEP_S = 300
LIMIT_S = 600.0
ROOM_KWH = 0.1
"""A promise counts as kept within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Five minutes: what the signal did in them, and hours of the step; arrays of shape (steps,).

    Parameters
    ----------
    mean
        Of the signal.
    block
        Block that each step belongs to, -1 for none.
    """

    mean: Floats
    block: Ints

    @classmethod
    def of(cls, signal: Floats, tick_s: float, block_s: int) -> Steps:
        """Sum a signal up whose first sample is at the start of the first step."""
        per = round(STEP_S / tick_s)
        rows = signal[: signal.size // per * per].reshape(-1, per)
        block = np.arange(len(rows)) * STEP_S // block_s
        return cls(mean=rows.mean(axis=1), block=block)


def most_sold_kw(
    world: World, steps: Steps, *, duration_h: float, up: bool = True, down: bool = True
) -> Floats:
    """Return the capacity of every block that sums to the most possible [kW], shape (blocks,).

    Parameters
    ----------
    world
        With its sessions; steps begin with its grid.
    steps
        What the signal does.
    duration_h
        How long full power must be sustained in each direction [h].
    up, down
        Directions that are sold.

    Raises
    ------
    SolverError
        Where the promises could not be kept without any service, or time is over.
    """
    if not len(world.sessions):
        return np.zeros(int(steps.block.max()) + 1)
    build = Builder()
    count = len(steps.mean)
    blocks = int(steps.block.max()) + 1
    offer = build.columns(blocks, 0.0, 1e6, -1.0)
    base = build.columns(count, -1e6, 1e6)
    here, hours = _plugged(world, count)
    # The whole fleet: what flows in the mean is the baseline less the response.
    balance = build.rows(count, 0.0, 0.0)
    build.entries(balance, base, -1.0)
    build.entries(balance, offer[steps.block], steps.mean)
    rows = _sums(build, offer, steps, (up, down))
    _batteries(build, world, balance, rows, here, hours, duration_h)
    linear = build.finish()
    solver = Solver(linear)
    solver.start_inside()  # the simplex method takes minutes where this takes seconds
    solution = solver.minimise(linear.cost, LIMIT_S)
    if solution is None:
        raise SolverError(f"no clairvoyant can keep the promises of the day, or {LIMIT_S:g} s over")
    return np.asarray(solution.x[offer])


def _sums(build: Builder, offer: Ints, steps: Steps, sold: tuple[bool, bool]) -> tuple[Ints, Ints]:
    """Rows that make all shares together cover what is sold: giving, taking, shape (steps,)."""
    giving, taking = (build.rows(len(steps.mean), 0.0, np.inf) for _ in range(2))
    for sums, this in zip((giving, taking), sold, strict=True):
        if this:
            build.entries(sums, offer[steps.block], -1.0)
    return giving, taking


def _plugged(world: World, count: int) -> tuple[Floats, Floats]:
    """Who is there in each step (1 or 0), and for how many hours, shape (sessions, steps)."""
    edges = world.grid.start_s + STEP_S * np.arange(count + 1)
    begin = np.maximum(world.sessions.arrival_s[:, None], edges[:-1])
    end = np.minimum(world.sessions.departure_s[:, None], edges[1:])
    hours = np.maximum(end - begin, 0) / 3600.0
    return (hours > 0).astype(float), hours


def _powers(world: World) -> tuple[Floats, Floats]:
    """Most that each session can take and give [kW]."""
    session, vehicles = world.sessions, world.vehicles
    charger, vehicle = session.charger, session.vehicle
    charge = np.minimum(world.chargers.max_charge_kw[charger], vehicles.max_charge_kw[vehicle])
    give = np.minimum(world.chargers.max_discharge_kw[charger], vehicles.max_discharge_kw[vehicle])
    return charge, np.where(vehicles.bidirectional[vehicle], give, 0.0)


def _batteries(
    build: Builder, world: World, balance: Ints, sums: tuple[Ints, Ints], here: Floats,
    hours: Floats, duration_h: float,
) -> None:  # fmt: skip
    """Add every session's battery: energy within its window, the promise at departure."""
    session, step = np.nonzero(here)
    h = hours[session, step]
    charge_kw, give_kw = _powers(world)
    share = h * 3600.0 / STEP_S
    charge = build.columns(len(h), 0.0, charge_kw[session] * share)
    give = build.columns(len(h), 0.0, give_kw[session] * share)
    build.entries(balance[step], charge, 1.0)
    build.entries(balance[step], give, -1.0)
    sessions, vehicles = world.sessions, world.vehicles
    capacity = vehicles.capacity_kwh[sessions.vehicle]
    arrival = sessions.arrival_kwh
    low = np.minimum(
        np.maximum(vehicles.soc_min, vehicles.soc_floor)[sessions.vehicle] * capacity, arrival
    )
    full = np.maximum(vehicles.soc_max[sessions.vehicle] * capacity, arrival)
    law = (
        world.chargers.charge_loss[sessions.charger],
        world.chargers.discharge_loss[sessions.charger],
    )
    last = np.append(session[1:] != session[:-1], True)
    first = np.append(True, last[:-1])
    goal = np.minimum(_promised_kwh(world), full)
    end_s = world.grid.start_s + STEP_S * (step + 1)
    end_s = np.minimum(end_s, sessions.departure_s[session])
    left_h = np.maximum(sessions.stated_departure_s[session] - end_s, 0.0) / 3600.0
    pace = charge_kw * (1.0 - law[0][:, 1])
    due = goal[session] - pace[session] * left_h - ROOM_KWH
    least = np.clip(due, low[session], full[session])
    energy = build.columns(len(h), least, full[session])
    rows = build.rows(
        len(h), np.where(first, arrival[session], 0.0), np.where(first, arrival[session], 0.0)
    )
    build.entries(rows, energy, 1.0)
    build.entries(rows[~first], energy[:-1][~last[:-1]], -1.0)
    able = build.columns(len(h), 0.0, charge_kw[session])
    reach_kw = charge_kw[session] + give_kw[session]
    up = build.columns(len(h), 0.0, reach_kw)
    down = build.columns(len(h), 0.0, reach_kw)
    build.entries(sums[0][step], up, 1.0)
    build.entries(sums[1][step], down, 1.0)
    giving = build.rows(len(h), -np.inf, give_kw[session])
    taking = build.rows(len(h), -np.inf, 0.0)
    # Power is a mean of the part of the step that the vehicle is there for.
    for rows_, share_, sign in ((giving, up, -1.0), (taking, down, 1.0)):
        build.entries(rows_, charge, sign / share)
        build.entries(rows_, give, -sign / share)
        build.entries(rows_, share_, 1.0)
    build.entries(taking, able, -1.0)
    _calls(build, up, down, energy, (least, full[session]), session, h, duration_h, law)
    _taper(build, world, session, able, energy, first, arrival)
    _taper(build, world, session, charge, energy, first, arrival)
    hour = STEP_S / 3600.0
    build.entries(rows, charge, -hour * (1.0 - law[0][session, 1]))
    build.entries(rows, give, hour * (1.0 + law[1][session, 1]))


def _calls(
    build: Builder, up: Ints, down: Ints, energy: Ints, within: tuple[Floats, Floats],
    session: Ints, hours: Floats, duration_h: float, law: tuple[Floats, Floats],
) -> None:  # fmt: skip
    """Let every battery sustain its share from every step on, as planned charging goes on.

    A call that outlasts the stay ends with it; what is over at the last step's end is left out.
    """
    n, length = len(session), round(duration_h * 3600.0 / STEP_S)
    end = np.searchsorted(session, session, side="right") - 1
    over = np.minimum(np.arange(n) + max(length - 1, 0), end)
    before = np.cumsum(hours) - hours
    call_h = np.minimum(before[over] + hours[over] - before, duration_h)
    enough = build.rows(n, within[0][over], np.inf)
    build.entries(enough, energy[over], 1.0)
    build.entries(enough, up, -call_h * (1.0 + law[1][session, 1]))
    room = build.rows(n, -np.inf, within[1][over])
    build.entries(room, energy[over], 1.0)
    build.entries(room, down, call_h * (1.0 - law[0][session, 1]))


def _taper(
    build: Builder, world: World, session: Ints, power: Ints, energy: Ints,
    first: np.ndarray, arrival_kwh: Floats,
) -> None:  # fmt: skip
    """Bound power by the mean energy of the step: above the knee a battery takes less."""
    sessions, vehicles = world.sessions, world.vehicles
    v = sessions.vehicle
    full = vehicles.soc_max[v] * vehicles.capacity_kwh[v]
    knee = np.minimum(vehicles.taper_soc[v] * vehicles.capacity_kwh[v], full)
    gain = 1.0 - world.chargers.charge_loss[sessions.charger, 1]
    flow = _powers(world)[0] * gain
    bent = knee < full - 1e-9
    slope = np.where(
        bent, flow * (1.0 - vehicles.taper_end[v]) / np.where(bent, full - knee, 1.0), 0.0
    )
    at = np.flatnonzero(slope[session] > 0)
    i = session[at]
    known = np.where(first[at], 0.5 * slope[i] * arrival_kwh[i], 0.0)
    rows = build.rows(len(at), -np.inf, flow[i] + slope[i] * knee[i] - known)
    build.entries(rows, power[at], gain[i])
    build.entries(rows, energy[at], 0.5 * slope[i])
    later = ~first[at]
    build.entries(rows[later], energy[at[later] - 1], 0.5 * slope[i[later]])


def _promised_kwh(world: World) -> Floats:
    """Return what was asked for, or all that full power gives until the stated departure [kWh]."""
    sessions, vehicles, chargers = world.sessions, world.vehicles, world.chargers
    v, power = sessions.vehicle, _powers(world)[0]
    capacity = vehicles.capacity_kwh[v]
    full = vehicles.soc_max[v] * capacity
    knee = np.minimum(vehicles.taper_soc[v] * capacity, full)
    a, b, c = chargers.charge_loss[sessions.charger].T
    flow = power - (a + power * (b + c * power))
    slope = flow * (1.0 - vehicles.taper_end[v]) / np.maximum(full - knee, 1e-9)
    hours = np.maximum(sessions.stated_departure_s - sessions.arrival_s, 0.0) / 3600.0
    target, promised = np.minimum(sessions.target_kwh, full), np.empty(len(v))
    for k in range(len(v)):
        promised[k] = charge_step(
            power[k], hours[k], sessions.arrival_kwh[k], target[k], knee[k],
            slope[k] if knee[k] < full[k] else 0.0, flow[k], a[k], b[k], c[k],
        )[0]  # fmt: skip
    return np.minimum(promised, target)
