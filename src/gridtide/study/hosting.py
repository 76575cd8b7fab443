"""How many vehicles a feeder bears: uncontrolled, V1G, V2G, V2G with volt-var.

Vehicles are synthetic: home in the evening, off in the morning, one at a connection point. Plans
minimise the energy cost of a tariff with a peak; what a full power flow of the planned day finds
beyond a limit is fed back as smaller limits at the points that help most, by their sensitivities,
until the planned day has none. The promise is planned first: what limits take from it is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.core import CollapseError, Finding, InputError, stream
from gridtide.grid import (
    KINDS,
    Feeder,
    FeederLimits,
    Flow,
    FlowModel,
    Inverters,
    answers,
    curve_named,
    excess,
    settle_reactive,
    standstill_loss_kw,
    violations,
)
from gridtide.plan import Plan, Problem, solve

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEPS = 96
FIRST_MINUTE = 720
"""Days are planned from noon to noon, so that a night is whole."""
HOME_H, LEAVES_H = (18.0, 2.0), (7.5, 1.0)
NEED_KWH, LEAST_NEED_KWH = (12.0, 5.0), 2.0
CAPACITY_KWH, ARRIVAL_KWH = 60.0, 30.0
EFFICIENCY = 0.94
PRICES = ((17.0, 21.0, 0.34), (0.0, 6.0, 0.09))
OTHER_PRICE = 0.18
"""A tariff with an evening peak and a cheap night [currency/kWh]: assumed."""
WEAR_PER_KWH = 0.04
VOLT_VAR = "volt-var-b"
OVERSIZED = 1.12
"""Apparent over active power: full power fits beside the most that the curve asks for."""
LOSS = (0.05, 0.05, 0.0)
"""Loss law of an inverter of some kW by apparent power: a [kW], b, c [1/kW]; assumed."""
STILL_KW = 1e-6
MARGIN = 0.02
"""Limits are drawn in by so much while limits at points are sought."""
ROUNDS = 25
WAYS = ("uncontrolled", "v1g by price", "v1g", "v2g", "v2g + volt-var")
PLANNED = WAYS[2:]
MET_KWH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Vehicles of a night; arrays of shape (v,).

    Parameters
    ----------
    point
        Connection point of each.
    arrive, depart
        Steps in which they come and leave.
    need_kwh
        Wanted in the battery beyond what is in it [kWh].
    """

    point: Ints
    arrive: Ints
    depart: Ints
    need_kwh: Floats

    def __len__(self) -> int:
        """Return the number of vehicles."""
        return self.point.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What one way to charge came to.

    Parameters
    ----------
    power_kw
        Of the vehicles, shape (v, T).
    reactive_kvar
        Absorbed at every connection point, shape (T, m).
    standstill_kwh
        What converters lost that gave reactive power alone [kWh].
    flow
        Of the whole feeder.
    missing_kwh
        What vehicles lack when they leave, in all [kWh].
    rounds
        How often limits were fed back to the plan.
    """

    power_kw: Floats
    reactive_kvar: Floats
    standstill_kwh: float
    flow: Flow
    missing_kwh: float
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """A feeder with its loads from noon to noon, and what must be kept."""

    model: FlowModel
    load_kw: Floats
    load_kvar: Floats
    limits: FeederLimits
    charger_kw: float

    @classmethod
    def of(cls, feeder: Feeder, charger_kw: float, limits: FeederLimits | None = None) -> Street:
        """Read the loads of a feeder."""
        minute = (FIRST_MINUTE + np.arange(STEPS) * 1440 // STEPS) % 1440
        profile = feeder.profiles(minute)
        return cls(
            model=FlowModel(feeder),
            load_kw=profile * feeder.load_kw,
            load_kvar=profile * feeder.load_kvar,
            limits=limits or FeederLimits(),
            charger_kw=charger_kw,
        )


def park(feeder: Feeder, share: float, seed: int) -> Parked:
    """Draw vehicles at a share of the connection points; a larger share has the smaller one's."""
    m = len(feeder)
    order = stream(seed, "who has a vehicle").permutation(m)
    rng = stream(seed, "nights at home")
    home, leaves = rng.normal(*HOME_H, m), rng.normal(*LEAVES_H, m)
    need = np.maximum(rng.normal(*NEED_KWH, m), LEAST_NEED_KWH)
    at = np.sort(order[: round(share * m)])
    per_h = STEPS / 24.0
    arrive = np.clip(np.ceil((home[at] - 12.0) * per_h), 0, STEPS - 2).astype(np.int64)
    depart = np.floor((leaves[at] + 12.0) * per_h).astype(np.int64)
    depart = np.clip(depart, arrive + 1, STEPS)
    full = np.minimum(need[at], (CAPACITY_KWH - ARRIVAL_KWH))
    return Parked(point=at, arrive=arrive, depart=depart, need_kwh=full)


def run_night(street: Street, parked: Parked, way: str) -> Night:
    """Charge for a night in one way.

    Raises
    ------
    CollapseError
        If no step has a solution, or volt-var does not come to rest.
    """
    if way == "uncontrolled":
        return _flowed(street, parked, _at_once_kw(street, parked), way, 0.0, 0)
    high = np.full((len(parked), STEPS), street.charger_kw)
    low = np.zeros_like(high) if way.startswith("v1g") else -high
    for round_ in range(ROUNDS):
        plan = _plan(parked, low, high)
        night = _flowed(street, parked, plan.power_kw, way, _missing(plan), round_)
        if way not in PLANNED or not _feed_back(street, parked, night, low, high):
            break
    return night


def _at_once_kw(street: Street, parked: Parked) -> Floats:
    """Full power from arrival on, until the need is met or the vehicle leaves."""
    step_h = 24.0 / STEPS
    t = np.arange(STEPS)
    since = t - parked.arrive[:, None]
    need_kwh = parked.need_kwh[:, None] / EFFICIENCY
    left = np.clip(need_kwh - since * step_h * street.charger_kw, 0.0, street.charger_kw * step_h)
    here = (since >= 0) & (t < parked.depart[:, None])
    return np.where(here, left / step_h, 0.0)


def _flowed(
    street: Street, parked: Parked, power_kw: Floats, way: str, missing_kwh: float, rounds: int
) -> Night:
    """Solve the whole feeder with the vehicles' powers."""
    model, point_kw = street.model, np.zeros_like(street.load_kw)
    point_kw[:, parked.point] = power_kw.T
    kvar, loads = np.zeros_like(point_kw), street.load_kw
    if way.endswith("volt-var"):
        rated = np.zeros_like(point_kw)
        t = np.arange(STEPS)
        here = (t >= parked.arrive[:, None]) & (t < parked.depart[:, None])
        rated[:, parked.point] = np.where(here, OVERSIZED * street.charger_kw, 0.0).T
        inverters = Inverters(
            curve=curve_named(VOLT_VAR), rated_kva=rated, nominal_v=street.limits.nominal_v
        )
        _, kvar, point_kw = settle_reactive(
            model, point_kw, street.load_kw, street.load_kvar, inverters
        )
        # Whoever only gives reactive power draws what the converter loses, from the grid.
        still = np.where(np.abs(point_kw) < STILL_KW, kvar, 0.0)
        lost = standstill_loss_kw(still.ravel(), np.tile(LOSS, (still.size, 1)))
        loads = loads + lost.reshape(still.shape)
    flow = model.solve(loads + point_kw, street.load_kvar + kvar, unbalance=True)
    return Night(
        power_kw=point_kw[:, parked.point].T,
        reactive_kvar=kvar,
        standstill_kwh=float((loads - street.load_kw).sum()) * 24.0 / STEPS,
        flow=flow,
        missing_kwh=missing_kwh,
        rounds=rounds,
    )


def _missing(plan: Plan) -> float:
    return float(np.maximum(plan.shortfall_kwh, 0.0).sum())


def _feed_back(street: Street, parked: Parked, night: Night, low: Floats, high: Floats) -> bool:
    """Draw in what points may take and give where a limit is exceeded; False where none is.

    The change of power that mends the excess with the least squares is shared out; only charging
    and discharging that is there is taken back. ``low`` and ``high`` are changed.
    """
    feeder, model = street.model.feeder, street.model
    beyond = excess(feeder, night.flow, street.limits, MARGIN)
    steps = np.flatnonzero(beyond.any_step)
    if steps.size == 0:
        return False
    point_kw = street.load_kw.copy()
    point_kw[:, parked.point] += night.power_kw.T
    kvar = street.load_kvar + night.reactive_kvar
    found, slopes = answers(model, steps, point_kw, kvar, parked.point, street.limits, MARGIN)
    changed = False
    for kind in KINDS:
        amount, slope = getattr(found, kind), slopes[kind]
        for row in np.flatnonzero(amount > 0):
            changed |= _take_back(
                amount[row], slope[row], night.power_kw[:, steps[row]], low, high, int(steps[row])
            )
    return changed


def _take_back(
    amount: float, slope: Floats, power_kw: Floats, low: Floats, high: Floats, step: int
) -> bool:
    """Take power back in one step, along the slopes, so far as it mends an amount."""
    helps = np.where(power_kw > 0, np.maximum(slope, 0.0), np.minimum(slope, 0.0))
    helps = np.where(np.abs(power_kw) > 1e-6, helps, 0.0)
    left, power = amount, power_kw.copy()
    for _ in range(8):
        norm = float((helps**2).sum())
        if norm <= 0 or left <= 1e-12:
            break
        change = -left * helps / norm
        after = np.where(
            power > 0, np.maximum(power + change, 0.0), np.minimum(power + change, 0.0)
        )
        left += float(slope @ (after - power))
        power = after
        helps = np.where(np.abs(power) > 1e-9, helps, 0.0)
    up, down = power_kw > 0, power_kw < 0
    tighter = (up & (power < high[:, step] - 1e-6)) | (down & (power > low[:, step] + 1e-6))
    high[:, step] = np.where(up, np.minimum(high[:, step], power), high[:, step])
    low[:, step] = np.where(down, np.maximum(low[:, step], power), low[:, step])
    return bool(tighter.any())


def _plan(parked: Parked, low: Floats, high: Floats) -> Plan:
    """Plan the night within limits at every point, the promise first, then the energy cost."""
    n = len(parked)
    hour = (12.0 + 24.0 * np.arange(STEPS) / STEPS) % 24.0
    price = np.full(STEPS, OTHER_PRICE)
    for first, last, value in PRICES:
        price[(hour >= first) & (hour < last)] = value
    problem = Problem(
        ids=tuple(f"vehicle {k}" for k in range(n)),
        step_h=np.full(STEPS, 24.0 / STEPS),
        arrive=parked.arrive,
        depart=parked.depart,
        arrival_kwh=np.full(n, ARRIVAL_KWH),
        target_kwh=ARRIVAL_KWH + parked.need_kwh,
        min_kwh=np.full(n, 0.2 * CAPACITY_KWH),
        max_kwh=np.full(n, CAPACITY_KWH),
        max_charge_kw=high.max(axis=1, initial=0.0),
        max_discharge_kw=-low.min(axis=1, initial=0.0),
        charge_efficiency=np.full(n, EFFICIENCY),
        discharge_efficiency=np.full(n, EFFICIENCY),
        wear_price_per_kwh=np.full(n, WEAR_PER_KWH),
        limit=np.arange(n),
        limit_names=tuple(f"point {k}" for k in parked.point),
        limit_parent=np.full(n, -1),
        import_kw=high,
        export_kw=-low,
        base_load_kw=np.zeros((n, STEPS)),
        demand_charge_per_kw=np.zeros(n),
        meters=np.arange(n),
        price_import_per_kwh=np.tile(price, (n, 1)),
        price_export_per_kwh=np.tile(price, (n, 1)),
        shortfall_price_per_kwh=10.0,
        promise="first",
    )
    return solve(problem, time_limit_s=30.0)


def hosting_document(
    feeder: Feeder,
    *,
    share: float,
    charger_kw: float,
    seed: int,
    ways: tuple[str, ...] = WAYS,
    capacity: bool = True,
    watch: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Run every way at one share of vehicles, and find the largest share each way bears.

    Raises
    ------
    InputError
        If the share is not between 0 and 1, or the power is none.
    """
    findings = []
    if not 0.0 <= share <= 1.0:
        findings.append(Finding("share", f"{share:g}", "Write 0 to 1"))
    if not 0.0 < charger_kw <= 50.0:
        findings.append(Finding("ev-kw", f"{charger_kw:g}", "Write above 0, up to 50"))
    if findings:
        raise InputError(findings)
    street = Street.of(feeder, charger_kw)
    parked = park(feeder, share, seed)
    rows = []
    for way in ways:
        if watch is not None:
            watch(f"{way}, {len(parked)} vehicles")
        row = _row(street, parked, way)
        if capacity:
            row |= {"bears": _bears(street, seed, way, watch)}
        rows.append(row)
    return {
        "feeder": feeder.source,
        "connection_points": len(feeder),
        "source_pu": feeder.source_pu,
        "share": share,
        "vehicles": len(parked),
        "ev_kw": charger_kw,
        "limits_v": [
            street.limits.low * street.limits.nominal_v,
            street.limits.high * street.limits.nominal_v,
        ],
        "note": "vehicles are synthetic; the tariff is assumed",
        "without_vehicles": _counted(street, run_night(street, park(feeder, 0.0, seed), WAYS[0])),
        "ways": rows,
    }


def _row(street: Street, parked: Parked, way: str) -> dict[str, Any]:
    try:
        night = run_night(street, parked, way)
    except CollapseError as error:
        return {"way": way, "collapse": str(error)}
    assert night.flow.unbalance is not None  # asked for
    volts = (
        night.flow.voltage_pu[:, street.model.feeder.node]
        * (street.model.feeder.rated_v[street.model.feeder.node] / np.sqrt(3.0))[:, None]
    )
    return {
        "way": way,
        "violations": _counted(street, night),
        "lowest_v": float(np.nanmin(volts)),
        "highest_v": float(np.nanmax(volts)),
        "line_loading": float(np.nanmax(night.flow.line_loading)),
        "transformer_loading": float(np.nanmax(night.flow.transformer_loading)),
        "unbalance": float(np.nanmax(night.flow.unbalance)),
        "missing_kwh": night.missing_kwh,
        "standstill_loss_kwh": night.standstill_kwh,
        "rounds": night.rounds,
        "loss_kwh": float(np.nansum(night.flow.loss_kw)) * 24.0 / STEPS,
        "lowest_v_by_step": np.nanmin(volts, axis=(1, 2)).tolist(),
        "highest_v_by_step": np.nanmax(volts, axis=(1, 2)).tolist(),
    }


def _counted(street: Street, night: Night) -> int:
    """Count what is beyond a limit: steps, nodes, phases, lines."""
    return violations(street.model.feeder, night.flow, street.limits).total


def _bears(
    street: Street, seed: int, way: str, watch: Callable[[str], None] | None
) -> float | None:
    """Largest share of points with a vehicle at which nothing is beyond a limit or missing.

    Shares are tried by halving, down to one vehicle; None where even without vehicles a limit is
    exceeded.
    """
    m = len(street.model.feeder)
    good, bad = 0, m + 1
    if not _is_good(street, seed, way, 0):
        return None
    while bad - good > 1:
        middle = m if bad == m + 1 and good == 0 else (good + bad) // 2
        if watch is not None:
            watch(f"{way}, {middle} of {m}")
        if _is_good(street, seed, way, middle):
            good = middle
        else:
            bad = middle
    return good / m


def _is_good(street: Street, seed: int, way: str, vehicles: int) -> bool:
    parked = park(street.model.feeder, vehicles / len(street.model.feeder), seed)
    way = WAYS[0] if vehicles == 0 else way
    try:
        night = run_night(street, parked, way)
    except CollapseError:
        return False
    return _counted(street, night) == 0 and night.missing_kwh <= MET_KWH * max(vehicles, 1)
