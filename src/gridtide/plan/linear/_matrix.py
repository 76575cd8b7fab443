"""The rows and columns of a plan, equation by equation.

For each pair (vehicle, step) with powers c, d ≥ 0 at the plug and the energy e at its end, for
each limit that may bind the net power y of the vehicles below it, for each meter the export x,
for each demand charge the peak P:

    energy      e - e_before - dt·η_c·c + dt·d/η_d (+ dt·a·on) = 0
    limit       Σ (c - d) + Σ y_below - y = 0,  lower ≤ y ≤ upper
    demand      y + base ≤ P,  P ≥ peak so far
    meter       x ≥ -(y + base);  cost dt·(p_in·(y + base) + (p_in - p_out)·x)
    target      e_end + short ≥ due
    taper       η_c·c - a·on + slope·e ≤ full + slope·taper_from
    phase       |Σ share·(c - d)| ≤ room
    end value   w ≤ e_end,  w ≤ up_to;  earns value·w
    direction   c ≤ Pc·z,  d ≤ Pd·(1 - z), only where ``Modes`` asks for it
    square      u ≥ tangents of (y + base - reference)², see ``_squares``
    parts       losses that grow with power, see ``_parts``
    drive       from stay to stay, see ``_trips``
    running     on and off, smallest powers, phases: see ``_integrality``
    wear        by depth and by holding, see ``_wear``
    stored      what vehicles hold together, see ``_stored``
    reserve     what is held free for calls, see ``_reserves``
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridtide.plan._chains import continuing
from gridtide.plan._layout import Layout, demand_periods, phase_share, taper_line
from gridtide.plan.linear._ahead import Ahead, add_relief
from gridtide.plan.linear._bands import add_bands
from gridtide.plan.linear._beyond import add_beyond
from gridtide.plan.linear._changes import add_changes
from gridtide.plan.linear._duals import PricedRows
from gridtide.plan.linear._integrality import Running, add_running, phase_entries
from gridtide.plan.linear._linear import Builder, Linear
from gridtide.plan.linear._parts import Parts, add_order, add_parts
from gridtide.plan.linear._phases import Missing, Phases, add_phases
from gridtide.plan.linear._reserves import ReserveColumns, add_reserves
from gridtide.plan.linear._squares import Squares, fixed_square_cost, square_places
from gridtide.plan.linear._stored import add_stored
from gridtide.plan.linear._trips import Drives, add_drives, add_modes
from gridtide.plan.linear._wear import Levels, add_driving, add_holding, add_levels, add_shallowest
from gridtide.plan.problem import Bools, Ints

NONE: Ints = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """Where the direction of power is a decision of its own.

    Parameters
    ----------
    plugs
        Pairs that get a binary, shape (N,).
    meters
        Meters and steps that get a binary, shape (k, T).
    drives
        Stays that get one for the drive before them, shape (n,).
    parts
        Pairs that get one for each further part of their losses, shape (N,).
    """

    plugs: Bools
    meters: Bools
    drives: Bools
    parts: Bools

    def __bool__(self) -> bool:
        """Tell whether there is any binary."""
        asked = (self.plugs, self.meters, self.drives, self.parts)
        return any(bool(places.any()) for places in asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A linear problem and where its columns stand.

    Parameters
    ----------
    linear
        The problem; its cost is that of the last phase.
    offset
        Cost that no decision changes.
    charge, energy
        Columns of each pair, shape (N,).
    discharge
        Columns of each pair, -1 where it cannot discharge, shape (N,).
    short
        Columns and vehicles of the shortfall beyond what the stay itself makes unavoidable.
    short_vehicle
        Vehicles of these columns.
    drives
        Columns of the drives between stays.
    parts
        Columns of the losses' further parts.
    plug_modes, meter_modes, drive_modes
        Columns of the binaries, shape of the places asked for.
    running
        Columns of what is on and off.
    part_modes, moded_part
        Columns of the binaries of further parts, and which parts these are.
    phases
        What is minimised before the cost.
    reserve
        Columns of reserve.
    basic, tight_rows
        Columns that equations determine, energies and net powers, and the rows that do so.
    priced
        Rows whose duals are the certificate's prices.
    """

    linear: Linear
    offset: float
    charge: Ints
    discharge: Ints
    energy: Ints
    short: Ints
    short_vehicle: Ints
    drives: Drives
    parts: Parts
    plug_modes: Ints
    running: Running
    meter_modes: Ints
    drive_modes: Ints
    part_modes: Ints
    moded_part: Ints
    phases: Phases
    reserve: ReserveColumns
    basic: Ints
    tight_rows: Ints
    priced: PricedRows


@dataclass(slots=True)
class _Draft:
    layout: Layout
    build: Builder
    charge: Ints
    discharge: Ints
    energy: Ints
    priced: PricedRows
    offset: float = 0.0


def assemble(
    layout: Layout,
    modes: Modes,
    *,
    short_price: float,
    lexical: bool,
    levels: Levels | None = None,
    squares: Squares | None = None,
    ahead: Ahead | None = None,
) -> Model:
    """Build the matrix of a plan.

    Parameters
    ----------
    layout
        What is to be planned.
    modes
        Where binaries are wanted.
    short_price
        Price of shortfall beyond the unavoidable [currency/kWh].
    lexical
        Whether the phases before the cost are to be solved, and get their columns and rows.
    levels
        Levels of wear by depth that get all their rows; None leaves them to cuts.
    squares
        Squares of load with the tangents found so far; None where there are none.
    ahead
        Prices of what comes before the cost; None for none.
    """
    draft = _powers(layout)
    drives = add_drives(layout, draft.build, draft.energy, short_price)
    draft.priced.energy[:] = energy_rows = _energy_rows(draft, drives)
    draft.priced.drive[continuing(layout.problem)] = drives.rows
    running = add_running(layout, draft.build, draft.charge, draft.discharge, energy_rows)
    parts = add_parts(layout, draft.build, (draft.charge, draft.discharge), energy_rows)
    add_shallowest(layout, draft.build, draft.discharge, running.on_discharge, parts)
    if levels is not None:
        add_levels(draft.build, levels.nodes.columns(draft.energy, drives.start), levels)
    add_driving(layout, draft.build, drives)
    add_changes(layout, draft.build, draft.charge, draft.discharge)
    draft.offset += add_holding(layout, draft.build, draft.energy)
    least, most = draft.priced.stored_least, draft.priced.stored_most
    price = layout.problem.stored_price_per_kwh_h
    draft.offset += add_stored(layout, draft.build, draft.energy, least, most, price)
    net, net_rows = _limit_rows(draft)
    if squares is not None:
        squares.assemble(draft.build, net)
        draft.offset += fixed_square_cost(layout)
    meter_modes = _meter_costs(draft, net, modes)
    _demand(draft, net)
    _phase_rows(draft, running)
    _taper(draft, running, parts)
    _end_value(draft, drives.end)
    short_vehicle, short = _targets(draft, short_price, drives.end)
    draft.offset += add_bands(layout, draft.build, short_vehicle, short)
    if ahead is not None and ahead.beyond is not None:
        add_beyond(layout, draft.build, short_vehicle, short, drives, ahead.beyond)
    if ahead is not None and ahead.relief is not None:
        add_relief(layout, draft.build, net, ahead.relief)
    reserve = add_reserves(
        layout,
        draft.build,
        charge=draft.charge,
        discharge=draft.discharge,
        energy=draft.energy,
        net=net,
        short=short,
        short_vehicle=short_vehicle,
        start=drives.start,
    )
    plug_modes = _plug_modes(draft, modes.plugs)
    part_modes, moded_part = add_order(draft.build, parts, modes.parts)
    drive_modes = add_modes(layout, draft.build, drives, modes.drives)
    missing = Missing(short, short_vehicle, drives.en_route)
    phases = add_phases(layout, draft.build, net, draft.energy, missing, lexical)
    return Model(
        linear=draft.build.finish(),
        offset=draft.offset,
        charge=draft.charge,
        discharge=draft.discharge,
        energy=draft.energy,
        short=short,
        short_vehicle=short_vehicle,
        drives=drives,
        parts=parts,
        plug_modes=plug_modes,
        running=running,
        meter_modes=meter_modes,
        drive_modes=drive_modes,
        part_modes=part_modes,
        moded_part=moded_part,
        phases=phases,
        reserve=reserve,
        basic=np.concatenate((draft.energy, drives.start[drives.start >= 0], net[net >= 0])),
        tight_rows=np.concatenate((energy_rows, drives.rows, net_rows)),
        priced=draft.priced,
    )


def _powers(layout: Layout) -> _Draft:
    problem, build, v = layout.problem, Builder(), layout.vehicle
    wear = problem.wear_price_per_kwh[v] * layout.hours
    price_in, price_out = np.zeros(len(v)), np.zeros(len(v))
    if len(problem.meters) == 0:
        price_in = layout.price_in[0, layout.step] * layout.hours
        price_out = layout.price_out[0, layout.step] * layout.hours
    charge = build.columns(len(v), 0.0, problem.max_charge_kw[v], price_in)
    able = problem.max_discharge_kw[v] > 0
    discharge = np.full(len(v), -1)
    limit = problem.max_discharge_kw[v[able]]
    discharge[able] = build.columns(int(able.sum()), 0.0, limit, (wear - price_out)[able])
    energy = build.columns(len(v), layout.low_kwh, layout.high_kwh)
    return _Draft(layout, build, charge, discharge, energy, PricedRows.none(layout))


def _energy_rows(draft: _Draft, drives: Drives) -> Ints:
    layout, build = draft.layout, draft.build
    v, hours, first = layout.vehicle, layout.hours, layout.first
    known = drives.start < 0
    start = np.where(first & known[v], layout.problem.arrival_kwh[v], 0.0)
    rows = build.rows(len(v), start, start)
    build.entries(rows, draft.energy, 1.0)
    later = np.flatnonzero(~first)
    build.entries(rows[later], draft.energy[later - 1], -1.0)
    back = np.flatnonzero(first & ~known[v])
    build.entries(rows[back], drives.start[v[back]], -1.0)
    build.entries(rows, draft.charge, -hours * layout.gain[v])
    able = draft.discharge >= 0
    build.entries(rows[able], draft.discharge[able], (hours * layout.draw[v])[able])
    return rows


def _limit_rows(draft: _Draft) -> tuple[Ints, Ints]:
    """Add the net power of each limit and step that matters: columns, -1 elsewhere, and rows."""
    layout, build, problem = draft.layout, draft.build, draft.layout.problem
    busy = (layout.most_kw > 0) | (layout.least_kw < 0)
    wanted = (layout.upper_kw < layout.most_kw) | (layout.lower_kw > layout.least_kw)
    charged = np.sum(demand_periods(problem)[1] > 0, axis=1) > 0
    wanted |= charged[:, None] | square_places(layout)
    if len(problem.meters):
        wanted[problem.meters] = True
    wanted &= busy
    net = np.full(wanted.shape, -1)
    limit, step = np.nonzero(wanted)
    lower = np.maximum(layout.lower_kw, layout.least_kw)[limit, step]
    upper = np.minimum(layout.upper_kw, layout.most_kw)[limit, step]
    net[limit, step] = build.columns(len(limit), lower, upper)
    row_of = np.full(wanted.shape, -1)
    rows = build.rows(len(limit), 0.0, 0.0)
    row_of[limit, step] = draft.priced.net[limit, step] = rows
    build.entries(rows, net[limit, step], -1.0)
    above = _nearest(problem.limit_parent, wanted, problem.limit_parent[limit], step)
    held = above >= 0
    build.entries(row_of[above[held], step[held]], net[limit[held], step[held]], 1.0)
    above = _nearest(problem.limit_parent, wanted, problem.limit[layout.vehicle], layout.step)
    held = above >= 0
    into = row_of[above[held], layout.step[held]]
    build.entries(into, draft.charge[held], 1.0)
    able = draft.discharge[held] >= 0
    build.entries(into[able], draft.discharge[held][able], -1.0)
    return net, rows


def _nearest(parent: Ints, wanted: Bools, limit: Ints, step: Ints) -> Ints:
    """Climb from each limit to the first one that has a row in the step; -1 for none."""
    at = limit.copy()
    while True:
        climb = np.flatnonzero((at >= 0) & ~wanted[at, step]) if len(wanted) else NONE
        if len(climb) == 0:
            return at
        at[climb] = parent[at[climb]]


def _meter_costs(draft: _Draft, net: Ints, modes: Modes) -> Ints:
    """Price the net power at each meter; split export from import where prices differ."""
    layout, build, problem = draft.layout, draft.build, draft.layout.problem
    binaries = np.full(modes.meters.shape, -1)
    for k, j in enumerate(problem.meters):
        hours, base = problem.step_h, layout.base_kw[j]
        price_in, price_out = layout.price_in[k] * hours, layout.price_out[k] * hours
        busy = net[j] >= 0
        lower = base + np.maximum(layout.lower_kw[j], layout.least_kw[j])
        upper = base + np.minimum(layout.upper_kw[j], layout.most_kw[j])
        price = np.where(upper <= 0, price_out, price_in)
        price = np.where(busy, price, np.where(base < 0, price_out, price_in))
        draft.offset += float(np.sum(price * base))
        t = np.flatnonzero(busy)
        build.price(net[j, t], price[t])
        split = np.flatnonzero(busy & (lower < 0) & (upper > 0) & (price_in != price_out))
        export = build.columns(len(split), 0.0, -lower[split], (price_in - price_out)[split])
        rows = build.rows(len(split), -base[split], np.inf)
        build.entries(rows, net[j, split], 1.0)
        build.entries(rows, export, 1.0)
        chosen = modes.meters[k, split]
        t, out = split[chosen], export[chosen]
        z = build.columns(len(t), 0.0, 1.0, integer=True)
        binaries[k, t] = z
        rows = build.rows(len(t), -np.inf, -lower[t])
        build.entries(rows, out, 1.0)
        build.entries(rows, z, -lower[t])
        rows = build.rows(len(t), -np.inf, -base[t])
        build.entries(rows, net[j, t], 1.0)
        build.entries(rows, out, 1.0)
        build.entries(rows, z, -upper[t])
    return binaries


def _demand(draft: _Draft, net: Ints) -> None:
    layout, build, problem = draft.layout, draft.build, draft.layout.problem
    period, rate, before = demand_periods(problem)
    for j, q in np.argwhere(rate > 0):
        inside = period == q
        base, t = layout.base_kw[j], np.flatnonzero(inside & (net[j] >= 0))
        fixed = base[inside & (net[j] < 0)]
        least = max(float(before[j, q]), float(fixed.max(initial=0.0)))
        upper = base + np.minimum(layout.upper_kw[j], layout.most_kw[j])
        lower = base + np.maximum(layout.lower_kw[j], layout.least_kw[j])
        least = max(least, float(lower[t].max(initial=0.0)))
        most = max(least, float(upper[t].max(initial=0.0)))
        peak = build.columns(1, least, most, float(rate[j, q]))
        t = t[upper[t] > least]
        rows = build.rows(len(t), -np.inf, -base[t])
        build.entries(rows, net[j, t], 1.0)
        build.entries(rows, np.repeat(peak, len(t)), -1.0)
        draft.priced.peak[j, t] = rows


def _phase_rows(draft: _Draft, running: Running) -> None:
    layout, build, problem = draft.layout, draft.build, draft.layout.problem
    if problem.phase_kw is None:
        return
    share = phase_share(layout)
    for j in np.flatnonzero(np.isfinite(problem.phase_kw).any(axis=1)):
        pairs = np.flatnonzero(layout.below[j][layout.vehicle])
        steps, row = np.unique(layout.step[pairs], return_inverse=True)
        base = layout.base_kw[j, steps] / 3.0
        for phase in range(3):
            room = float(problem.phase_kw[j, phase])
            rows = build.rows(
                len(steps), np.minimum(-room - base, 0.0), np.maximum(room - base, 0.0)
            )
            draft.priced.phase[j, phase, steps] = rows
            weight = share[layout.vehicle[pairs], phase]
            build.entries(rows[row], draft.charge[pairs], weight)
            able = draft.discharge[pairs] >= 0
            build.entries(rows[row][able], draft.discharge[pairs][able], -weight[able])
            at, change = phase_entries(layout, running, pairs, phase)
            build.entries(rows[row][at], running.one_phase[pairs][at], change)


def _taper(draft: _Draft, running: Running, parts: Parts) -> None:
    layout, build, problem = draft.layout, draft.build, draft.layout.problem
    if problem.taper_from_kwh is None:
        return
    v = layout.vehicle
    high = np.maximum(problem.max_kwh, layout.starts.high_kwh)
    full, slope = taper_line(problem, high)
    since = layout.step - np.maximum(problem.arrive, 0)[v] + 1
    hours = float(problem.step_h.max(initial=0.0))
    ahead = layout.starts.high_kwh[v] + since * hours * (layout.gain * problem.max_charge_kw)[v]
    pairs = np.flatnonzero((slope[v] > 0) & (ahead > problem.taper_from_kwh[v]))
    v = v[pairs]
    rows = build.rows(len(pairs), -np.inf, full[v] + slope[v] * problem.taper_from_kwh[v])
    build.entries(rows, draft.charge[pairs], layout.gain[v])
    build.entries(rows, draft.energy[pairs], slope[v])
    for on in (running.on_charge[pairs], running.on_one_phase[pairs]):
        lossy = (on >= 0) & (layout.standby_kw[v] > 0)
        build.entries(rows[lossy], on[lossy], -layout.standby_kw[v[lossy]])
    row_of = np.full(len(layout.vehicle), -1)
    row_of[pairs] = rows
    held = parts.charging & (row_of[parts.pair] >= 0)
    build.entries(row_of[parts.pair[held]], parts.beyond[held], -parts.loss[held])


def _end_value(draft: _Draft, end: Ints) -> None:
    build, problem = draft.build, draft.layout.problem
    if problem.end_value_per_kwh is None:
        return
    level = problem.max_kwh
    if problem.end_value_up_to_kwh is not None:
        level = np.minimum(problem.end_value_up_to_kwh, level)
    level = np.maximum(level, 0.0)
    away = end < 0
    held = np.minimum(problem.arrival_kwh, level)
    draft.offset -= float(np.sum((problem.end_value_per_kwh * held)[away]))
    v = np.flatnonzero(~away & (problem.end_value_per_kwh > 0))
    worth = build.columns(len(v), 0.0, level[v], -problem.end_value_per_kwh[v])
    rows = build.rows(len(v), -np.inf, 0.0)
    build.entries(rows, worth, 1.0)
    build.entries(rows, end[v], -1.0)


def _targets(draft: _Draft, price: float, end: Ints) -> tuple[Ints, Ints]:
    layout, build, problem = draft.layout, draft.build, draft.layout.problem
    wanted = np.isfinite(layout.due_kwh)
    missing = np.where(wanted, layout.due_kwh - layout.starts.end_high_kwh, 0.0)
    draft.offset += problem.shortfall_price_per_kwh * float(np.maximum(missing, 0.0).sum())
    low = np.minimum(problem.min_kwh, layout.starts.low_kwh)
    v = np.flatnonzero((end >= 0) & (layout.within_reach_kwh > low))
    due = layout.within_reach_kwh[v]
    short = build.columns(len(v), 0.0, due - low[v], price)
    rows = build.rows(len(v), due, np.inf)
    build.entries(rows, end[v], 1.0)
    build.entries(rows, short, 1.0)
    return v, short


def _plug_modes(draft: _Draft, places: Bools) -> Ints:
    layout, build, problem = draft.layout, draft.build, draft.layout.problem
    pairs = np.flatnonzero(places & (draft.discharge >= 0))
    columns = np.full(len(places), -1)
    v = layout.vehicle[pairs]
    columns[pairs] = z = build.columns(len(pairs), 0.0, 1.0, integer=True)
    rows = build.rows(len(pairs), -np.inf, 0.0)
    build.entries(rows, draft.charge[pairs], 1.0)
    build.entries(rows, z, -problem.max_charge_kw[v])
    rows = build.rows(len(pairs), -np.inf, problem.max_discharge_kw[v])
    build.entries(rows, draft.discharge[pairs], 1.0)
    build.entries(rows, z, problem.max_discharge_kw[v])
    return columns
