"""From the linear problem to a schedule that nothing simultaneous is left in.

The LP is solved first. It is not convexity that fails where it does, but the choice of a
direction: at negative or crossed prices, or where export is limited, taking and giving at once
burns energy and pays. A pair gets a binary only where that happens, until it no longer does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from gridtide.plan._accounts import Schedule, judge, net_kw
from gridtide.plan._layout import Layout
from gridtide.plan._objective_accounts import steepest_stored_per_kwh
from gridtide.plan._power_range import power_range
from gridtide.plan._wear_prices import shallowest_price_per_kwh, steepest_wear_per_kwh
from gridtide.plan.certificate import Certificate
from gridtide.plan.concentrate import concentrate
from gridtide.plan.linear._ahead import Ahead
from gridtide.plan.linear._duals import certificate
from gridtide.plan.linear._integrality import running_as
from gridtide.plan.linear._matrix import Model, Modes, assemble
from gridtide.plan.linear._parts import lost_kw, wasteful
from gridtide.plan.linear._solver import Deadline, Solution, Solver
from gridtide.plan.linear._squares import Squares, steepest_square_per_kwh
from gridtide.plan.linear._trips import charged_too_much
from gridtide.plan.linear._wear import find_levels
from gridtide.plan.linear._wear_cuts import DepthCuts
from gridtide.plan.problem import Bools, Floats

STANDBY_BINARIES = 600
"""Up to so many on/off binaries the standby loss goes to the MILP, beyond it is rounded."""
RANGE_BINARIES = 6_000
"""The same where chargers have a smallest power."""
INSIDE_ROWS = 20_000
"""With reserve and so many rows the interior-point method is faster."""
VIOLATION_KW = 1e-6
SAME = 1e-7
ROUNDS = 8
CUT_ROUNDS = 300
TOWARDS_RELAXED = 0.3
"""How far from the best schedule so far towards the relaxation cuts are drawn."""


@dataclass(slots=True, kw_only=True)
class Found:
    """The best schedule so far and what is proven about it."""

    schedule: Schedule
    bound: float
    certificate: Certificate | None = None
    bound_by: str = "duality"
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Candidate:
    rank: tuple[float, ...]
    schedule: Schedule
    x: Floats


class Search:
    """Solves one laid-out problem."""

    def __init__(
        self, layout: Layout, limit_s: float, *, exact: bool = True, ahead: Ahead | None = None
    ) -> None:
        self._layout = layout
        self._ahead = ahead
        self._exact = exact
        self._deadline = Deadline(limit_s)
        self._lexical = _conflicted(layout)
        self._short_price = layout.problem.shortfall_price_per_kwh
        self._levels = find_levels(layout)
        self._ranged = bool(power_range(layout.problem).gapped.any())
        self._squares = Squares(layout)

    def find(self) -> Found:
        """Return a schedule with its bound; there always is one."""
        if len(self._layout.vehicle) == 0:
            return self._idle("nobody is plugged in")
        if self._layout.problem.promise == "first" and not self._lexical:
            found = self._hopeful()
            if found is not None:
                return found
            self._lexical = True
        return self._find()

    def _hopeful(self) -> Found | None:
        """Try whether everyone gets all that the stay allows: then the promise is kept at once."""
        usual = self._short_price
        self._short_price = _steep_price(self._layout)
        found = self._find()
        self._short_price = usual
        missing = _missing_kwh(found.schedule) - _unavoidable(self._layout)
        return found if missing <= 1e-6 else None

    def _find(self) -> Found:
        modes = rewarded(self._layout)
        model = self._model(modes)
        solver = self._solver(model, whole=False)
        relaxed = self._run(model, solver)
        if relaxed is None:
            return self._idle("the linear problem was not solved in the time given")
        best, relaxed = self._cut(model, solver, relaxed)
        bound = model.offset + relaxed.bound
        mixed = bool(modes) or bool(self._layout.switched.any())
        if not mixed and self._same(best.schedule, model, relaxed):
            return self._found(best.schedule, bound, model, relaxed)
        twofold = self._widened(_no_modes(self._layout), model, relaxed.x)
        cut = self._levels is not None or bool(self._squares)
        if cut and not mixed and not twofold:
            over = "wear by depth or squares: the time given ended before the gap was closed"
            notes = [over] if self._deadline.over() else []
            return self._found(best.schedule, bound, model, relaxed, notes)
        return self._mixed(modes, model, relaxed, bound)

    def _found(
        self,
        schedule: Schedule,
        bound: float,
        model: Model,
        relaxed: Solution | None,
        notes: list[str] | None = None,
    ) -> Found:
        """Put an answer together with the prices that prove its bound; without duals, with 0."""
        duals = None if relaxed is None else relaxed.duals
        if duals is None:
            duals = np.zeros(len(model.linear.row_lower))
        return Found(
            schedule=schedule,
            bound=bound,
            certificate=self._proof(model, duals),
            bound_by=self._bound_by(model),
            notes=notes or [],
        )

    def _proof(self, model: Model, duals: Floats) -> Certificate:
        """Read the prices; those on phases prove nothing where chargers change their phases."""
        proof = certificate(self._layout, model.priced, duals, self._short_price)
        switching = self._layout.problem.one_phase_kw is not None
        return replace(proof, phase_price=None) if switching else proof

    def _bound_by(self, model: Model) -> str:
        """Name what the bound rests on beyond what the certificate's prices can say."""
        if self._levels is not None:
            return "segments"
        if model.phases:
            return "order of wishes"
        return "linear program" if self._layout.problem.taper_from_kwh is not None else "duality"

    def _cut(self, model: Model, solver: Solver, relaxed: Solution) -> tuple[_Candidate, Solution]:
        """Add the rows of wear and squares that are broken until the plan costs what it claims."""
        best, count = self._candidate(model, relaxed.x), len(model.linear.cost)
        cuts: list[DepthCuts | Squares] = [self._squares] if self._squares else []
        if self._levels is not None:
            columns = self._levels.nodes.columns(model.energy, model.drives.start)
            cuts.append(DepthCuts(self._levels, columns))
        if not cuts:
            return best, relaxed
        for _ in range(CUT_ROUNDS):
            if self._same(best.schedule, model, relaxed) or self._deadline.over():
                break
            between = best.x + TOWARDS_RELAXED * (relaxed.x[:count] - best.x)
            x = relaxed.x
            if not sum(c.add(solver, between, x) or c.add(solver, x, x) for c in cuts):
                break
            found = solver.minimise(solver.cost, self._deadline.left_s())
            if found is None:
                break
            relaxed = found
            for x in (between, relaxed.x[:count]):
                other = self._candidate(model, x)
                best = other if other.rank < best.rank else best
        return best, relaxed

    def _model(self, modes: Modes, *, deep: bool = False) -> Model:
        """Build the rows; those of wear by depth only where they are not left to cuts."""
        return assemble(
            self._layout,
            modes,
            short_price=self._short_price,
            lexical=self._lexical,
            levels=self._levels if deep else None,
            squares=self._squares,
            ahead=self._ahead,
        )

    def relaxed_model(self) -> Model:
        """Build all rows at once and no choice of direction; what comes before the cost does."""
        self._lexical |= self._layout.problem.promise == "first"
        return self._model(_no_modes(self._layout), deep=True)

    def _solver(self, model: Model, *, whole: bool, start: Floats | None = None) -> Solver:
        solver = Solver(model.linear, whole=whole)
        if start is not None:
            solver.start_from(start)
        elif not whole:
            solver.start_basis(model.basic, model.tight_rows)
        if len(model.reserve.offer) and len(model.linear.row_lower) > INSIDE_ROWS:
            solver.start_inside()
        return solver

    def _run(self, model: Model, solver: Solver) -> Solution | None:
        """Minimise phase after phase, each held at what it has reached."""
        for phase in model.phases:
            cost = np.zeros(len(model.linear.cost))
            cost[phase.columns] = phase.weights
            reached = solver.minimise(cost, self._deadline.left_s())
            if reached is None:
                return None
            solver.hold(phase.row, max(reached.value, 0.0) + SAME * (1 + abs(reached.value)))
        return solver.minimise(model.linear.cost, self._deadline.left_s())

    def _mixed(self, modes: Modes, model: Model, relaxed: Solution, bound: float) -> Found:
        best: _Candidate | None = None
        notes: list[str] = []
        first, x = model, relaxed.x
        for _ in range(ROUNDS):
            modes = self._widened(modes, model, x)
            model = self._model(modes, deep=True)
            for pattern in self._patterns(model, x):
                best = _better(best, self._rounded(model, pattern))
            if self._too_many(model):
                notes.append(self._rounding())
                break
            start = None if best is None or len(best.x) != len(model.linear.cost) else best.x
            whole = self._run(model, self._solver(model, whole=True, start=start))
            if whole is None:
                notes.append("no mixed-integer solution in the time given")
                break
            bound = max(bound, model.offset + whole.bound) if not self._lexical else bound
            candidate = self._candidate(model, whole.x)
            best = _better(best, candidate)
            if self._ranged:  # decisions whole to 1e-6 leave powers that far below the smallest
                decided = np.where(model.linear.integer, np.round(whole.x), 0.0)
                best = _better(best, self._rounded(model, decided))
            if self._lexical:
                bound = model.offset + whole.bound
            x = whole.x
            self._squares.note(x)
            if self._same(candidate.schedule, model, whole) or self._deadline.over():
                break
        if best is None:
            return self._idle("no schedule with directions was found in the time given")
        found = self._found(best.schedule, bound, first, relaxed, notes)
        return replace(found, bound_by="branch and bound")

    def netted(self, model: Model, x: Floats) -> Floats:
        """Power at each plug with the same change of store and one direction, shape (n, T)."""
        layout = self._layout
        charge, discharge = _columns(model, x)
        power = np.zeros((len(layout.problem), layout.problem.steps))
        gain, draw = layout.gain[layout.vehicle], layout.draw[layout.vehicle]
        flow = gain * charge - draw * discharge - lost_kw(layout, model.parts, x)
        both = (charge > 0) & (discharge > 0)
        both |= wasteful(layout, model.parts, x)
        if both.any():
            at = np.flatnonzero(both)
            single = layout.law.of(layout.vehicle[at]).plug_kw(flow[at])
            charge[at], discharge[at] = np.maximum(single, 0.0), np.maximum(-single, 0.0)
        power[layout.vehicle, layout.step] = charge - discharge
        return power

    def _same(self, schedule: Schedule, model: Model, solution: Solution) -> bool:
        """Whether the schedule is as good as the solution it was read from, and keeps limits."""
        steep = self._short_price - self._layout.problem.shortfall_price_per_kwh
        missing = solution.x[model.short].sum() + solution.x[model.drives.en_route].sum()
        extra = steep * float(missing)
        cost = model.offset + solution.value - extra
        near = schedule.objective <= cost + SAME * max(1.0, abs(cost))
        return near and schedule.violation_kw <= VIOLATION_KW

    def _candidate(self, model: Model, x: Floats) -> _Candidate:
        schedule = _with_reserve(self._layout, judge(self._layout, self.netted(model, x)), model, x)
        ranks = [round(float(phase.weights @ x[phase.columns]), 5) for phase in model.phases]
        broken = float(schedule.violation_kw > VIOLATION_KW)
        steep = self._short_price - self._layout.problem.shortfall_price_per_kwh
        cost = schedule.objective + steep * _missing_kwh(schedule)
        return _Candidate((broken, *ranks, cost), schedule, x)

    def _widened(self, modes: Modes, model: Model, x: Floats) -> Modes:
        """Add binaries where power flows both ways at once, or where waste of any kind paid."""
        loose = charged_too_much(self._layout, model.drives, x)
        waste = wasteful(self._layout, model.parts, x)
        twofold = self._twofold(model, x) & ~self._layout.switched[self._layout.vehicle]
        modes = replace(modes, drives=modes.drives | loose, parts=modes.parts | waste)
        return replace(modes, plugs=modes.plugs | twofold)

    def _too_many(self, model: Model) -> bool:
        if not self._layout.switched.any():
            return False
        most = RANGE_BINARIES if self._ranged else STANDBY_BINARIES
        return not self._exact or int(model.linear.integer.sum()) > most

    def _rounding(self) -> str:
        what = "smallest powers" if self._ranged else "standby loss"
        why = ": too many vehicles and steps for the MILP" if self._exact else ""
        return f"{what} rounded{why}"

    def _twofold(self, model: Model, x: Floats) -> Bools:
        """Pairs whose power flows both ways at once, shape (N,)."""
        charge, discharge = _columns(model, x)
        both: Bools = (charge > 1e-6) & (discharge > 1e-6)
        return both

    def _patterns(self, model: Model, x: Floats) -> list[Floats]:
        """Directions to try: as the relaxation goes, then no discharge in doubt, then rest."""
        power = self.netted(model, x) if len(x) else np.zeros(0)
        layout = self._layout
        pair = power[layout.vehicle, layout.step]
        site = layout.base_kw + net_kw(layout, power)
        idle, rest = np.zeros(len(pair)), layout.base_kw
        no_discharge = np.maximum(pair, 0.0)
        if self._ranged:
            held = concentrate(layout.problem, power).power_kw
            pair = held[layout.vehicle, layout.step]
            site = layout.base_kw + net_kw(layout, held)
        return [
            _pattern(model, layout, p, s)
            for p, s in ((pair, site), (no_discharge, site), (no_discharge, rest), (idle, rest))
        ]

    def _rounded(self, model: Model, pattern: Floats) -> _Candidate | None:
        """Solve with the directions given; where standby is on for nothing, switch it off."""
        fixed = model.linear.integer
        lower = np.where(fixed, pattern, model.linear.lower)
        upper = np.where(fixed, pattern, model.linear.upper)
        rows = model.linear.row_upper.copy()
        held = replace(model.linear, lower=lower, upper=upper, row_upper=rows)
        held_model = replace(model, linear=held)
        found = self._run(held_model, self._solver(held_model, whole=False))
        return None if found is None else self._candidate(model, found.x)

    def _idle(self, why: str) -> Found:
        """Everyone at rest: feasible always, best hardly ever."""
        layout = self._layout
        schedule = judge(layout, np.zeros((len(layout.problem), layout.problem.steps)))
        if len(layout.vehicle) == 0:
            return Found(schedule=schedule, bound=schedule.objective)
        model = self._model(_no_modes(layout))
        duals = np.zeros(len(model.linear.row_lower))
        bound = model.offset + model.linear.bound(model.linear.cost, duals)
        return replace(self._found(schedule, bound, model, None, [why]), bound_by="duality")


def _better(best: _Candidate | None, other: _Candidate | None) -> _Candidate | None:
    if best is None or (other is not None and other.rank < best.rank):
        return other
    return best


def _with_reserve(layout: Layout, schedule: Schedule, model: Model, x: Floats) -> Schedule:
    """Add what reserve was planned with it, and its value."""
    reserve = model.reserve
    if len(reserve.offer) == 0:
        return schedule
    blocks, shares = layout.problem.reserves, []
    for block, column, pair in zip(blocks, reserve.share, reserve.pair, strict=True):
        share = np.zeros((len(layout.problem), block.to_step - block.from_step))
        place = layout.vehicle[pair], layout.step[pair] - block.from_step
        share[place] = np.maximum(x[column], 0.0)
        shares.append(share)
    recovery, pair = np.zeros_like(schedule.power_kw), reserve.recovery_pair
    recovery[layout.vehicle[pair], layout.step[pair]] = np.maximum(x[reserve.recovery], 0.0)
    return replace(
        schedule,
        objective=schedule.objective + float(model.linear.cost[reserve.all] @ x[reserve.all]),
        reserve_kw=np.maximum(x[reserve.offer], 0.0),
        reserve_share_kw=tuple(shares),
        reserve_recovery_kw=recovery,
    )


def _columns(model: Model, x: Floats) -> tuple[Floats, Floats]:
    able = model.discharge >= 0
    discharge = np.where(able, x[model.discharge], 0.0)
    return np.maximum(x[model.charge], 0.0), np.maximum(discharge, 0.0)


def _pattern(model: Model, layout: Layout, pair_kw: Floats, site_kw: Floats) -> Floats:
    """Values of the binaries that go with powers, zero for the other columns."""
    pattern = np.zeros(len(model.linear.cost))
    places = model.plug_modes >= 0
    pattern[model.plug_modes[places]] = pair_kw[places] >= 0
    meters = model.meter_modes >= 0
    if meters.any():
        pattern[model.meter_modes[meters]] = site_kw[layout.problem.meters][meters] >= 0
    running_as(layout, model.running, pair_kw, pattern)
    at, parts = model.moded_part, model.parts
    used_kw = np.where(parts.charging, pair_kw[parts.pair], -pair_kw[parts.pair])
    pattern[model.part_modes] = (used_kw > parts.from_kw)[at]
    drives = model.drive_modes >= 0
    if drives.any():
        power = np.zeros((len(layout.problem), layout.problem.steps))
        power[layout.vehicle, layout.step] = pair_kw
        pattern[model.drive_modes[drives]] = judge(layout, power).en_route_kwh[drives] > 0
    return pattern


def _missing_kwh(schedule: Schedule) -> float:
    return float(schedule.shortfall_kwh.sum() + schedule.en_route_kwh.sum())


def _no_modes(layout: Layout) -> Modes:
    return Modes(
        plugs=np.zeros(len(layout.vehicle), dtype=bool),
        meters=np.zeros((len(layout.problem.meters), layout.problem.steps), dtype=bool),
        drives=np.zeros(len(layout.problem), dtype=bool),
        parts=np.zeros(len(layout.vehicle), dtype=bool),
    )


def rewarded(layout: Layout) -> Modes:
    """Where prices alone reward both directions at once.

    Burning one kWh of discharge more, with c raised to hold the store, changes the cost by
    p_in·(draw/gain) - p_out + wear per kWh at the plug; at a meter both are at one price.
    """
    problem, v = layout.problem, layout.vehicle
    price_in = layout.price_in[layout.meter[v], layout.step]
    price_out = layout.price_out[layout.meter[v], layout.step]
    ratio = (layout.draw / layout.gain)[v]
    if len(problem.meters):
        price_in = price_out = np.minimum(price_in, price_out)
    # Of a wear by depth only the shallowest price falls on power that leaves no trace in store.
    wear = problem.wear_price_per_kwh + (
        shallowest_price_per_kwh(problem) * problem.discharge_efficiency * layout.draw
    )
    pays = price_in * ratio - price_out + wear[v] < -1e-12
    plugs: Bools = pays & (problem.max_discharge_kw[v] > 0) & (problem.max_charge_kw[v] > 0)
    plugs &= ~layout.switched[v]
    meters = np.zeros((len(problem.meters), problem.steps), dtype=bool)
    if len(problem.meters):
        meters = layout.price_out > layout.price_in
    return replace(_no_modes(layout), plugs=plugs, meters=meters)


def _conflicted(layout: Layout) -> bool:
    """Whether something stands before the cost: recovery, or in a run overload to relieve."""
    problem = layout.problem
    low = layout.wanted_kwh > layout.low_kwh + 1e-9
    recovery = bool(low.any() or layout.overfull.any())
    if problem.promise == "priced":
        return recovery
    over = (layout.base_kw > problem.import_kw) & (layout.least_kw < 0)
    over |= (-layout.base_kw > problem.export_kw) & (layout.most_kw > 0)
    return recovery or bool(over.any())


def _unavoidable(layout: Layout) -> float:
    due = np.isfinite(layout.due_kwh)
    short = np.maximum(layout.due_kwh[due] - layout.starts.end_high_kwh[due], 0.0).sum()
    return float(short + layout.starts.en_route_least_kwh.sum())


def _steep_price(layout: Layout) -> float:
    """Return a price at which no shortfall that limits do not force is worth its saving."""
    problem = layout.problem
    energy = float(np.abs(np.stack((layout.price_in, layout.price_out))).max(initial=0.0))
    demand = float(problem.demand_charge_per_kw.max(initial=0.0)) / float(problem.step_h.min())
    worth = 0.0
    if problem.end_value_per_kwh is not None:
        worth = float(problem.end_value_per_kwh.max(initial=0.0))
    usual = energy + demand + steepest_wear_per_kwh(problem) + worth
    usual += steepest_square_per_kwh(layout) + 2.0 * problem.change_price_per_kwh
    usual += steepest_stored_per_kwh(problem)
    return max(
        10.0 * usual / float(layout.law.gain.min(initial=1.0)), problem.shortfall_price_per_kwh
    )
