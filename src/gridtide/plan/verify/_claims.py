"""What a plan claims beside what was found."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np

from gridtide.plan.problem import Floats, Problem
from gridtide.plan.stored_plan import Head, StoredPlan, problem_digest, vehicles_digest
from gridtide.plan.verify._checks import ALLOWED_KW, ALLOWED_KWH
from gridtide.plan.verify._limits import Flows, Room
from gridtide.plan.verify.verdict import Check

RELATIVE = {"float64": 1e-9, "float32": 1e-6}
GAP_CLOSED = 1e-6


KNOWN = frozenset((
    "ids", "step_h", "arrive", "depart", "arrival_kwh", "target_kwh", "min_kwh", "max_kwh",
    "max_charge_kw", "max_discharge_kw", "charge_efficiency", "discharge_efficiency",
    "wear_price_per_kwh", "limit", "limit_names", "limit_parent", "import_kw", "export_kw",
    "base_load_kw", "demand_charge_per_kw", "meters", "price_import_per_kwh",
    "price_export_per_kwh", "shortfall_price_per_kwh", "promise", "standby_kw", "taper_from_kwh",
    "taper_end", "end_value_per_kwh", "end_value_up_to_kwh", "horizon_floor_kwh", "phase_share",
    "phase_kw", "demand_period", "demand_peak_so_far_kw", "carbon_kg_per_kwh",
    "carbon_price_per_kg", "wear_depth_price_per_kwh", "wear_capacity_kwh", "wear_segment_kwh",
    "holding_edges_kwh", "holding_price_per_kwh_h", "holding_base_per_h", "wear_model",
    "continues", "driven_kwh", "min_charge_kw", "min_discharge_kw", "load_square_price_per_kw2h",
    "load_reference_kw", "shortfall_band_price_per_kwh", "line_loss_per_kw", "stated",
    "one_phase_kw", "one_phase_line", "charge_part_kw", "charge_part_efficiency",
    "discharge_part_kw", "discharge_part_efficiency", "floor_kwh", "planned_kw",
    "change_price_per_kwh", "stored_least_kwh", "stored_most_kwh", "stored_price_per_kwh_h",
    "reserves", "availability",
))  # fmt: skip
"""What of a problem is understood here; more than that would be passed over without a word."""


def check_understood(problem: Problem) -> Check:
    """Whether all that the problem asks for is known here."""
    fields = {field.name: field.default for field in dataclasses.fields(problem)}
    strange = [name for name in fields.keys() - KNOWN if getattr(problem, name) is not fields[name]]
    said = "all of the problem is understood"
    if strange:
        said = f"the problem has {', '.join(sorted(strange))}, which is not understood here"
    return _check("understood", not strange, float(len(strange)), 0.0, "", said)


def check_origin(plan: StoredPlan, problem: Problem) -> Check:
    """Whether the plan is of this problem."""
    same_vehicles = plan.head.vehicles == vehicles_digest(problem)
    same = same_vehicles and plan.head.problem == problem_digest(problem)
    said = "the plan is of this problem"
    if not same:
        what = "numbers, if of the same vehicles" if same_vehicles else "vehicles"
        said = f"the plan is of a problem with other {what}"
    return _check("problem", same, float(not same), 0.0, "", said)


def check_rows(wrong: str, found: int, expected: int) -> Check:
    """Whether there is exactly one row per plugged stay and step."""
    said = wrong or f"{found} rows, one for each step that a stay is plugged in"
    return _check("rows", not wrong, float(found), float(expected), "rows", said)


def check_limits(problem: Problem, room: Room, flows: Flows) -> list[Check]:
    """Whether vehicles keep all limits, and those by phase."""
    net = np.maximum(flows.net_kw - room.upper_kw, room.lower_kw - flows.net_kw)
    checks = [_limit_check("limits", problem, net)]
    if len(flows.phase_kw):
        phase = flows.phase_kw
        over = np.maximum(phase - room.phase_upper_kw, room.phase_lower_kw - phase)
        checks.append(_limit_check("phases", problem, over.max(axis=1)))
    return checks


def _limit_check(name: str, problem: Problem, over: Floats) -> Check:
    excess = np.inf if np.isnan(over).any() else max(float(over.max(initial=0.0)), 0.0)
    passed = excess <= ALLOWED_KW
    said = "vehicles exceed no limit" + (" of a phase" if name == "phases" else "")
    if not passed:
        j, t = np.unravel_index(int(np.argmax(over)), over.shape)
        said = f"exceeded by {excess:.3g} kW: {problem.limit_names[j]} in step {t}"
    return _check(name, passed, excess, ALLOWED_KW, "kW", said)


def check_violation(head: Head, hard: list[Check]) -> Check:
    """Whether the claimed violation is what was found at limits and chargers."""
    found = max(check.figure for check in hard)
    wrong = abs(head.claims.hard_violation_kw - found)
    said = f"claimed {head.claims.hard_violation_kw:.3g} kW, found {found:.3g}"
    return _check("violation", wrong <= ALLOWED_KW, wrong, ALLOWED_KW, "kW", said)


def check_slacks(head: Head, problem: Problem, missing_kwh: dict[int, float]) -> Check:
    """Whether exactly those who miss energy are named, with what they miss."""
    named: dict[str, float] = defaultdict(float)
    found: dict[str, float] = defaultdict(float)
    for slack in head.claims.slacks:
        if slack.name == "shortfall":
            named[slack.entity] += slack.amount
    for stay, short in missing_kwh.items():
        found[problem.ids[stay]] += short
    wrong = {vehicle: abs(named[vehicle] - found[vehicle]) for vehicle in {*named, *found}}
    worst = max(wrong, key=lambda vehicle: wrong[vehicle], default="")
    excess = wrong.get(worst, 0.0)
    # What rounding to single precision leaves is no shortfall.
    allowed = 2 * ALLOWED_KWH if head.precision == "float64" else 1e-4
    passed = excess <= allowed
    said = f"{len(found)} of {len(problem)} miss energy, all named"
    if not passed:
        said = f"{worst} misses {found[worst]:.6g} kWh, named are {named[worst]:.6g}"
    return _check("slacks", passed, excess, allowed, "kWh", said)


def check_floors(head: Head, problem: Problem, below_kwh: dict[int, float]) -> Check:
    """Whether exactly those below the energy wanted at least are named, with how far they are."""
    named: dict[str, float] = defaultdict(float)
    found: dict[str, float] = defaultdict(float)
    for slack in head.claims.slacks:
        if slack.name == "soc_below_minimum":
            named[slack.entity] = max(named[slack.entity], slack.amount)
    for stay, depth in below_kwh.items():
        found[problem.ids[stay]] = max(found[problem.ids[stay]], depth)
    wrong = {vehicle: abs(named[vehicle] - found[vehicle]) for vehicle in {*named, *found}}
    worst = max(wrong, key=lambda vehicle: wrong[vehicle], default="")
    excess, allowed = wrong.get(worst, 0.0), 2 * ALLOWED_KWH
    if head.precision != "float64":
        allowed = 1e-4
    passed = excess <= allowed
    said = f"{len(found)} of {len(problem)} are below their minimum or floor, all named"
    if not passed:
        said = f"{worst} is {found[worst]:.6g} kWh below, named are {named[worst]:.6g}"
    return _check("floors", passed, excess, allowed, "kWh", said)


def check_status(head: Head, found_gap: float) -> Check:
    """Whether the status says what slacks and gap do."""
    claims = head.claims
    status = "best_effort" if claims.slacks else "optimal_with_gap"
    good = claims.status == status or (claims.status == "optimal" and not claims.slacks)
    if claims.status == "optimal":
        good = good and found_gap <= 2 * GAP_CLOSED
    said = f"{claims.status}, with {len(claims.slacks)} slacks and a gap of {found_gap:.2g}"
    return _check("status", good, found_gap, GAP_CLOSED, "", said)


def check_cost(head: Head, cost: float) -> Check:
    """Whether the plan costs what it claims."""
    claimed = head.claims.objective
    allowed = _allowed(head, claimed)
    wrong = abs(claimed - cost)
    said = f"costs {cost:.9g}, claimed {claimed:.9g}"
    return _check("cost", wrong <= allowed, wrong, allowed, "currency", said)


def check_model(plan: StoredPlan) -> Check:
    """Whether cost and bound are those of the problem itself, or of what the plan took for it."""
    told = []
    if plan.head.claims.standby_chord:
        told.append("standby loss is spread over the power, as it is at full power")
    if plan.linear_wear_per_kwh is not None:
        told.append("wear by depth is taken at the linear price that the plan holds")
    said = "cost and bound are those of the problem"
    if told:
        said = f"cost and bound are of a simpler problem: {'; '.join(told)}"
    return _check("model", None if told else True, float(len(told)), 0.0, "", said)


def _beyond_prices(bound_by: str, problem: Problem) -> bool:
    """Whether a bound can rest on more than prices in the way that it says."""
    outside = problem.arrival_kwh < problem.min_kwh - 1e-9
    outside |= problem.arrival_kwh > problem.max_kwh + 1e-9
    can = {
        "branch and bound": True,
        "segments": problem.wear_depth_price_per_kwh is not None,
        "linear program": problem.taper_from_kwh is not None,
        "reserve": bool(problem.reserves),
        "order of wishes": problem.promise == "first"
        or problem.floor_kwh is not None
        or bool(outside.any()),
    }
    return can.get(bound_by, False)


def check_bound(head: Head, bound: float, problem: Problem) -> Check:
    """Whether the claimed bound is proven; where it rests on more than prices, how much is."""
    claims = head.claims
    allowed = _allowed(head, claims.lower_bound)
    excess = claims.lower_bound - bound
    said = f"proven at least {bound:.9g}, claimed {claims.lower_bound:.9g}"
    passed: bool | None = bool(excess <= allowed)
    if not passed and np.isfinite(bound) and _beyond_prices(claims.bound_by, problem):
        passed, said = None, f"{said} by {claims.bound_by}, which is not proven here"
    return _check("bound", passed, excess, allowed, "currency", said)


def check_gap(head: Head) -> Check:
    """Whether the claimed bound is below the claimed cost, and the gap between them as claimed."""
    claims = head.claims
    apart = claims.objective - claims.lower_bound
    gap = apart / max(1.0, abs(claims.objective), claims.uncontrolled_cost)
    wrong = abs(gap - claims.gap)
    good = apart >= -_allowed(head, claims.objective) and wrong <= RELATIVE["float64"]
    said = f"{gap:.3g} between claimed cost and claimed bound, claimed {claims.gap:.3g}"
    return _check("gap", good, wrong, RELATIVE["float64"], "", said)


def _allowed(head: Head, claimed: float) -> float:
    """Return what a figure may be off: of what is claimed, as what is found may be infinite."""
    return RELATIVE[head.precision] * max(1.0, abs(claimed))


def _check(
    name: str, passed: bool | None, figure: float, allowed: float, unit: str, said: str
) -> Check:
    told = None if passed is None else bool(passed)
    return Check(name=name, passed=told, figure=figure, allowed=allowed, unit=unit, said=said)
