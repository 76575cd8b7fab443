"""The rolling plan: from the image and what is known ahead to a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.control.enclosing import enclose
from gridtide.control.expecting import Expectation
from gridtide.control.image import Image
from gridtide.control.strategies import Schedule
from gridtide.control.wearing import SegmentBook, WearOutlook, holding_prices
from gridtide.core import TimeGrid
from gridtide.plan import (
    Plan,
    Problem,
    Reserve,
    Start,
    churn_kwh,
    hold_to,
    solve,
    warm_start,
    weigh,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# A vehicle that says nothing is expected to draw full power until the next plan.
UNKNOWN_NEED_H = 1.0
# A plan that time cut short leaves vehicles without energy: large fleets get more of it [s].
TIME_PER_VEHICLE_S = 0.05
# Relative gap at which plans of large fleets are good enough: the next plan goes on from there.
GAP = 5e-4
# A vehicle that misses less holds its target.
READY_KWH = 1e-6
# Where it costs nothing, charge sooner: drivers leave early more often than late. The plan sees
# prices that rise by this much per hour [currency/kWh/h]; bills do not.
SOONER_PER_KWH_H = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known ahead, on the control steps of the run and beyond its end.

    Parameters
    ----------
    grid
        Steps; it begins with the run.
    meters
        Indices of the limits with a meter, shape (meters,).
    price_import_per_kwh, price_export_per_kwh
        Energy prices [currency/kWh], shape (meters, n).
    carbon_kg_per_kwh, carbon_price_per_kg
        Marginal emission, shape (n,), and what the objective pays for it [currency/kg].
    base_forecast_kw
        Forecast of each limit's own base load minus PV [kW], shape (n, limits).
    base_margin_kw
        Room kept free below import limits for errors of that forecast [kW], shape (n, limits).
    demand_charge_per_kw
        Per limit and billing period [currency/kW], shape (limits, periods).
    demand_period
        Billing period of each step, shape (n,).
    stored_value_per_kwh
        Worth of energy that stays in a battery [currency/kWh].
    wear
        How the ageing of cells is priced; None where no vehicle has a cell model.
    weights
        What plans minimise, by the names of ``gridtide.plan.OBJECTIVES``; None for the cost.
    """

    grid: TimeGrid
    meters: Ints
    price_import_per_kwh: Floats
    price_export_per_kwh: Floats
    carbon_kg_per_kwh: Floats
    carbon_price_per_kg: float
    base_forecast_kw: Floats
    base_margin_kw: Floats
    demand_charge_per_kw: Floats
    demand_period: Ints
    stored_value_per_kwh: float
    wear: WearOutlook | None = None
    weights: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """One plan of a run, with its certificate; ``schedule.edges_s[0]`` is when it was made.

    ``churn_kwh`` is by how much energy it differs from the plan before in the steps of both,
    ``expected_kw`` the net power of all vehicles in its steps, those included that are expected to
    come [kW], shape (steps,). Rows of the plan beyond ``chargers`` are such vehicles.
    """

    schedule: Schedule
    chargers: Ints
    plan: Plan
    churn_kwh: float
    expected_kw: Floats


@dataclass(frozen=True, slots=True)
class _Last:
    """The last plan, with its problem and the edges of its steps."""

    plan: Plan
    problem: Problem
    edges_s: Floats

    def steps(self, edges_s: Floats) -> Ints:
        """Step of the last plan that each step of a later one falls into, -1 for none."""
        step = np.searchsorted(self.edges_s, edges_s[:-1] + 1e-6, side="right") - 1
        later: Ints = np.where(step < self.edges_s.size - 1, step, -1)
        return later


class RollingPlanner:
    """Plans every connected vehicle whose departure and need are known.

    Parameters
    ----------
    outlook
        What is known ahead.
    bidirectional
        False closes discharging: V1G.
    horizon_steps
        Steps that a plan looks ahead at most.
    time_limit_s
        Time for one plan [s]; ``TIME_PER_VEHICLE_S`` for each vehicle where that is more.
    ready_before_s
        Plans have vehicles ready so long before the stated departure, as far as full power
        allows, for those who leave early [s].
    change_price_per_kwh
        What each kWh by which a plan differs from the one before costs [currency/kWh]: of plans
        that are as good, that which changes least.
    watch
        Called with every plan, right after it was made; None: nobody looks.
    reserves
        Called with the edges of a plan's steps [s]; returns the blocks of reserve that the plan is
        asked for. None: none.
    lingers_s
        For how long a vehicle that is past its stated departure, and holds its target, is planned
        for [s]; it never falls below the target. 0: such vehicles are left alone.
    expects
        What past days say of who is yet to come, or stays beyond what was said; None: nothing.
    """

    def __init__(
        self,
        outlook: Outlook,
        *,
        bidirectional: bool,
        horizon_steps: int = 96,
        time_limit_s: float = 5.0,
        ready_before_s: float = 0.0,
        change_price_per_kwh: float = 0.0,
        watch: Callable[[PlanRecord], None] | None = None,
        reserves: Callable[[Floats], tuple[Reserve, ...]] | None = None,
        lingers_s: float = 0.0,
        expects: Expectation | None = None,
    ) -> None:
        self._outlook = outlook
        self._bidirectional = bidirectional
        self._horizon = horizon_steps
        self._time_limit_s = time_limit_s
        self._ready_before_s = ready_before_s
        self._change_price = change_price_per_kwh
        self._book = SegmentBook()
        self._watch = watch
        self._reserves = reserves
        self._lingers_s = lingers_s
        self._expects = expects
        self._last: _Last | None = None

    def plan(self, image: Image) -> Schedule:
        """Plan from this image on; the promise first, then the cost.

        The batteries' own limits hold over the whole plan as they do now.
        """
        image = enclose(image).image
        at, depart, overdue = self._plannable(image)
        edges = self._edges(image, depart)
        power = np.zeros((edges.size - 1, image.session.size))
        if at.size == 0:
            return Schedule(edges_s=edges, session=image.session.copy(), power_kw=power)
        problem = self._problem(image, at, depart, overdue, edges)
        if self._expects is not None:
            problem = self._expects.widen(problem, image, at, edges)
        if self._outlook.weights is not None:
            problem = weigh(problem, self._outlook.weights)
        problem = self._held(problem, edges)
        if self._reserves is not None:
            problem = replace(problem, reserves=self._reserves(edges))
        start = self._start(problem, edges)
        plan = solve(
            problem,
            time_limit_s=max(self._time_limit_s, _patience_s(at.size)),
            relax_standby=True,
            wear=self._outlook.wear.solver if self._outlook.wear is not None else "auto",
            gap=GAP,
            start=start,
        )
        churn = self._churn(problem, edges, plan)
        self._last = _Last(plan, problem, edges)
        power[:, at] = plan.power_kw[: at.size].T
        schedule = Schedule(
            edges_s=edges,
            session=image.session.copy(),
            power_kw=power,
            peak_kw=self._planned_peak(image, problem, plan),
        )
        if self._watch is not None:
            self._watch(
                PlanRecord(
                    schedule=schedule,
                    chargers=at,
                    plan=plan,
                    churn_kwh=churn,
                    expected_kw=plan.power_kw.sum(axis=0),
                )
            )
        return schedule

    def _held(self, problem: Problem, edges: Floats) -> Problem:
        """Price changes of what the last plan said, where that is asked for."""
        last = self._last
        if last is None or self._change_price <= 0:
            return problem
        return hold_to(problem, last.plan, last.problem, last.steps(edges), self._change_price)

    def _start(self, problem: Problem, edges: Floats) -> Start | None:
        """Begin where the last plan was, where that was coordinated by price."""
        last = self._last
        if last is None or (last.plan.sweeps == 0 and last.plan.uncontrolled_cost == 0):
            return None
        return warm_start(last.plan, last.problem, problem, last.steps(edges))

    def _churn(self, problem: Problem, edges: Floats, plan: Plan) -> float:
        """Energy by which this plan differs from the last in the steps of both [kWh]."""
        last = self._last
        if last is None:
            return 0.0
        steps = last.steps(edges)
        return churn_kwh(last.plan, last.problem, problem, steps, plan.plugged_kw)

    def _plannable(self, image: Image) -> tuple[Ints, Ints, Bools]:
        """Chargers whose vehicle can be planned, the step at whose start it should be ready.

        Also who is past the stated departure, and ready.
        """
        step_s = self._outlook.grid.step_s
        known = image.connected & image.participates & ~np.isnan(image.target_kwh)
        with np.errstate(invalid="ignore"):
            steps = 1 + np.floor((image.departure_s - image.step_end_s) / step_s + 1e-9)
            ahead = known & (steps >= 1)
            ready = image.energy_kwh >= image.goal_kwh - READY_KWH
            overdue = known & ~ahead & ready & (self._lingers_s > 0)
        at = np.flatnonzero(ahead | overdue)
        early = np.ceil(self._ready_before_s / step_s)
        due = np.where(overdue[at], self._lingers_s // step_s, steps[at] - early)
        return at, np.maximum(due, 1).astype(np.int64), overdue[at]

    def _edges(self, image: Image, depart: Ints) -> Floats:
        """Edges of the plan's steps: the rest of the running control step, then whole ones."""
        ahead = self._outlook.grid.n - image.step
        steps = int(max(1, min(self._horizon, ahead, depart.max(initial=1))))
        whole = image.step_end_s + self._outlook.grid.step_s * np.arange(steps)
        return np.concatenate([[image.time_s], whole])

    def _planned_peak(self, image: Image, problem: Problem, plan: Plan) -> Floats:
        """Highest net import of the running billing period that the plan counts on [kW]."""
        own = problem.base_load_kw.copy()
        np.add.at(own, problem.limit, plan.power_kw)
        period = self._outlook.demand_period[image.step : image.step + problem.steps]
        now = period == period[0]
        peak = image.limits.add_up(own.T)[now].max(axis=0)
        paid = self._outlook.demand_charge_per_kw[:, period[0]] > 0
        planned: Floats = np.where(paid, np.maximum(peak, image.peak_kw), np.inf)
        return planned

    def _problem(
        self, image: Image, at: Ints, depart: Ints, overdue: Bools, edges: Floats
    ) -> Problem:
        outlook, limits, steps = self._outlook, image.limits, edges.size - 1
        ahead = slice(image.step, image.step + steps)
        charge, discharge = image.max_charge_kw[at], image.max_discharge_kw[at]
        energy, floor = image.energy_kwh[at], image.floor_kwh[at]
        if not self._bidirectional:
            discharge = np.zeros_like(discharge)
        discharge = np.where((energy <= floor) | image.in_doubt[at], 0.0, discharge)
        full = np.maximum(image.full_kwh[at], energy)
        # What full power could not give by the stated departure is no shortfall of the plan.
        dc_full, hours = image.full_power_dc_kw[at], (image.departure_s[at] - edges[0]) / 3600.0
        reach = energy + dc_full * np.minimum(hours, _hours_before(depart, edges))
        target = np.minimum(np.minimum(image.target_kwh[at], full), np.maximum(reach, energy))
        eta_c, eta_d, standby = _efficiencies(image, at, charge, discharge)
        stays_on = np.maximum(hours - (edges[-1] - edges[0]) / 3600.0, 0.0)
        later = np.where(depart > steps, target - stays_on * dc_full, -np.inf)
        periods = slice(
            int(outlook.demand_period[ahead].min()), int(outlook.demand_period[ahead].max()) + 1
        )
        sooner = SOONER_PER_KWH_H * (edges[:-1] - edges[0]) / 3600.0
        base = self._base(image, edges)
        names = tuple(str(session) for session in image.session[at])
        return Problem(
            ids=names,
            step_h=np.diff(edges) / 3600.0,
            arrive=np.zeros(at.size, dtype=np.int64),
            depart=depart,
            arrival_kwh=energy,
            target_kwh=target,
            min_kwh=np.minimum(np.where(overdue, target, floor), energy),
            max_kwh=full,
            max_charge_kw=charge,
            max_discharge_kw=discharge,
            charge_efficiency=eta_c,
            discharge_efficiency=eta_d,
            standby_kw=standby,
            wear_price_per_kwh=image.wear_price_per_kwh[at],
            limit=image.limit[at],
            limit_names=limits.names,
            limit_parent=limits.parent,
            import_kw=self._import_kw(image, base),
            export_kw=np.repeat(image.export_kw[:, None], steps, axis=1),
            base_load_kw=base,
            demand_charge_per_kw=outlook.demand_charge_per_kw[:, periods],
            demand_period=outlook.demand_period[ahead] - periods.start,
            demand_peak_so_far_kw=_peaks(image, outlook, steps)[:, periods],
            meters=outlook.meters,
            price_import_per_kwh=outlook.price_import_per_kwh[:, ahead] + sooner,
            price_export_per_kwh=outlook.price_export_per_kwh[:, ahead] + sooner,
            shortfall_price_per_kwh=10.0,
            promise="first",
            taper_from_kwh=image.knee_kwh[at],
            taper_end=_taper_end(image, at),
            end_value_per_kwh=np.full(at.size, outlook.stored_value_per_kwh),
            end_value_up_to_kwh=np.maximum(target, image.arrival_kwh[at]),
            horizon_floor_kwh=np.minimum(later, full),
            phase_share=image.phase_share[at],
            phase_kw=image.phase_kw,
            carbon_kg_per_kwh=outlook.carbon_kg_per_kwh[ahead],
            carbon_price_per_kg=outlook.carbon_price_per_kg,
            **self._wear(image, at, eta_d),
        )

    def _wear(self, image: Image, at: Ints, discharge_efficiency: Floats) -> dict[str, Any]:
        """Price cycling by depth, and holding energy, where vehicles have a cell model."""
        wear = self._outlook.wear
        if wear is None or image.wear_class is None:
            return {}
        told: dict[str, Any] = {"wear_model": wear.name}
        if self._bidirectional:
            told |= self._book.depth_prices(image, at, wear, discharge_efficiency)
        lowest = image.energy_kwh[at]
        if self._bidirectional:
            lowest = np.minimum(lowest, image.floor_kwh[at])
        return told | holding_prices(image, at, wear, lowest)

    def _import_kw(self, image: Image, base: Floats) -> Floats:
        """Import limits with room kept free for forecast errors, shape (limits, steps).

        The running step is measured and keeps none; nowhere does the margin alone ask
        vehicles to relieve the base load.
        """
        steps = base.shape[1]
        margin = self._outlook.base_margin_kw[image.step : image.step + steps]
        margin = image.limits.add_up(margin).T.copy()
        margin[:, 0] = 0.0
        limit = image.import_kw[:, None]
        below = image.limits.add_up(base.T).T
        return np.maximum(limit - margin, np.minimum(limit, below))

    def _base(self, image: Image, edges: Floats) -> Floats:
        """Own base load of each limit: forecast, measured now, and vehicles we cannot plan."""
        base = self._outlook.base_forecast_kw[image.step : image.step + edges.size - 1].T.copy()
        base[:, 0] += np.where(
            image.limits.is_meter, image.base_kw - image.limits.add_up(base[:, 0]), 0.0
        )
        if image.auxiliary_kw is not None:  # what heats a pack now may end with this step
            np.add.at(base[:, 0], image.limit, image.auxiliary_kw)
        planned = self._plannable(image)[0]
        fixed = np.setdiff1d(np.flatnonzero(image.connected), planned)
        known = ~np.isnan(image.target_kwh[fixed])
        missing = np.maximum(image.goal_kwh[fixed] - image.energy_kwh[fixed], 0.0)
        hours = missing / np.maximum(image.full_power_dc_kw[fixed], 1e-9)
        hours = np.where(known, hours, np.minimum(hours, UNKNOWN_NEED_H))
        on_h = hours[:, None] - (edges[:-1] - edges[0]) / 3600.0
        share = np.clip(on_h / (np.diff(edges) / 3600.0), 0.0, 1.0)
        np.add.at(base, image.limit[fixed], image.max_charge_kw[fixed, None] * share)
        return base


def _patience_s(vehicles: int) -> float:
    """Time for one plan [s]: HiGHS needs it by vehicle, coordination by price far less."""
    return min(TIME_PER_VEHICLE_S * vehicles, 20.0 + vehicles / 2000.0)


def _hours_before(depart: Ints, edges: Floats) -> Floats:
    """Hours from now to the step at whose start the vehicle should be ready."""
    whole_h = (edges[-1] - edges[-2]) / 3600.0
    first_h = (edges[1] - edges[0]) / 3600.0
    hours: Floats = first_h + (depart - 1) * whole_h
    return hours


def _efficiencies(
    image: Image, at: Ints, charge: Floats, discharge: Floats
) -> tuple[Floats, Floats, Floats]:
    """One-way efficiencies beside a standby loss that reproduce the loss law at full power."""
    a, b, c, da, db, dc = image.loss_table[image.loss_law[at]].T
    eta_c = 1.0 - b - c * charge
    more = np.divide(da - a, discharge, out=np.zeros_like(discharge), where=discharge > 0)
    return eta_c, 1.0 / (1.0 + db + dc * discharge + more), a


def _taper_end(image: Image, at: Ints) -> Floats:
    lost = image.taper_per_h[at] * (image.full_kwh[at] - image.knee_kwh[at])
    return 1.0 - lost / np.maximum(image.full_power_dc_kw[at], 1e-9)


def _peaks(image: Image, outlook: Outlook, steps: int) -> Floats:
    """Peak of each billing period that this plan cannot undo [kW], shape (limits, periods).

    What the meter has seen, and what the base load alone is forecast to draw between the end
    of the plan and this time tomorrow: shaving below that earns nothing.
    """
    later = slice(image.step + steps, image.step + round(86_400 / outlook.grid.step_s))
    base = image.limits.add_up(outlook.base_forecast_kw[later])
    period = outlook.demand_period[later]
    peaks = np.zeros_like(outlook.demand_charge_per_kw)
    for k in np.unique(period):
        peaks[:, k] = np.maximum(base[period == k].max(axis=0), 0.0)
    now = outlook.demand_period[image.step]
    peaks[:, now] = np.maximum(peaks[:, now], image.peak_kw)
    return peaks
