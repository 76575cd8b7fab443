"""Run strategies on a case: operate, meter, settle, sum up."""

from __future__ import annotations

import dataclasses
import importlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from types import FrameType

import numpy as np
import numpy.typing as npt

from gridtide.control import (
    EarliestDeadlineFirst,
    Image,
    LeastLaxityFirst,
    Planned,
    RollingPlanner,
    Setpoints,
    Strategy,
    Uncontrolled,
    run_loop,
)
from gridtide.core import Finding, InputError, cpu_s
from gridtide.sim import SimPlant
from gridtide.study._report_words import clock
from gridtide.study.accounts import settle
from gridtide.study.case import Case
from gridtide.study.plan_tape import PlanTape
from gridtide.study.progress import Moment, Progress
from gridtide.study.record import Columns, DecisionTape, Tape
from gridtide.study.result import EARLY_BY_S, Result, StrategyResult, departures, peak_kw
from gridtide.study.sensitivity import Moved, scaled_case
from gridtide.study.serve import LINGERS_S, Desk, heeded, open_desk
from gridtide.study.serve_told import service_columns, tell
from gridtide.study.wear import wear_columns

Floats = npt.NDArray[np.float64]

PLANNED = ("v1g", "v2g")
SERVING = "+services"
"""A planned strategy with this after its name sells all services of the scenario; with + and the
name of a product it sells that one alone."""

# Up to so many chargers a plan is followed for so long at least [min]; beyond, for an hour.
KEEP_PLAN_MINUTES = ((2_000, 0.0), (20_000, 30.0))
# Schedules of larger fleets would fill the disk: a plan an hour, a day ahead, for everyone.
WHOLE_SCHEDULES_UP_TO = 2_000

BASELINES: dict[str, Callable[[], Strategy]] = {
    "uncontrolled": Uncontrolled,
    "edf": EarliestDeadlineFirst,
    "llf": LeastLaxityFirst,
}


def run(case: Case, progress: Progress | None = None) -> Result:
    """Run every strategy of a case.

    Parameters
    ----------
    case
        A loaded scenario.
    progress
        Called with where the run stands when a strategy, or one with scaled capacities,
        begins, and in every control step.

    Returns
    -------
    Result
        Interrupted with Ctrl-C it holds what was recorded until then and is marked partial.
    """
    check_strategies(case)
    result = Result(case)
    for name in strategies(case):
        outcome = run_strategy(case, name, progress)
        result.strategies[name] = outcome
        if outcome.partial:
            break
    settle(result)
    if case.capacities_drawn and not result.partial:
        _add_sensitivity(result, progress)
    return result


def strategies(case: Case) -> list[str]:
    """Names of all that is run: with services, the planned strategies again, serving."""
    names = list(case.scenario.strategy.run)
    if case.scenario.services:
        again = [name + SERVING for name in names if name in PLANNED]
        names += [name for name in again if name not in names]
    return names


def _add_sensitivity(result: Result, progress: Progress | None) -> None:
    """Add the rows of every scale; after Ctrl-C those of the scales that ran to the end."""
    try:
        for scale in result.case.scenario.sessions.sensitivity:
            result.sensitivity += _moved(result.case, scale, progress)
    except KeyboardInterrupt:
        result.sensitivity_partial = True


def _moved(case: Case, scale: float, progress: Progress | None) -> list[Moved]:
    """Run the planned strategies again with drawn capacities scaled.

    Raises
    ------
    KeyboardInterrupt
        If one of them was interrupted: a part of a run is no row.
    """
    other = scaled_case(case, scale)
    again = Result(other)
    for name in case.scenario.strategy.run:
        if name in PLANNED:
            again.strategies[name] = run_strategy(other, name, _with_scale(progress, scale))
            if again.partial:
                raise KeyboardInterrupt
    settle(again)
    keys = ("net_cost", "energy_out_kwh", "peak_kw", "departures_met")
    return [
        Moved(scale=scale, strategy=name, **{key: s.summary[key] for key in keys})
        for name, s in again.strategies.items()
    ]


def _with_scale(progress: Progress | None, scale: float) -> Progress | None:
    """Tell progress under the strategy's name and the scale of the capacities."""
    if progress is None:
        return None
    return lambda moment: progress(
        dataclasses.replace(moment, run=f"{moment.run}, capacities × {scale:g}")
    )


def check_strategies(case: Case) -> None:
    """Make every strategy once: what cannot be made is told before anything runs.

    Raises
    ------
    InputError
        With a finding for each strategy that cannot be made.
    """
    findings: list[Finding] = []
    for name in strategies(case):
        try:
            make_strategy(case, name, desk=desk_of(case, name))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(list(dict.fromkeys(findings)))


def desk_of(case: Case, name: str) -> Desk | None:
    """Return the desk of a strategy that serves; None for all others.

    Raises
    ------
    InputError
        If a product cannot be operated, or its signal cannot be read.
    """
    plain, plus, product = name.partition("+")
    services = case.scenario.services
    if plain not in PLANNED or not plus:
        return None
    if name.endswith(SERVING) and services:
        return open_desk(case, services)
    return open_desk(case, {product: services[product]})


def make_strategy(
    case: Case, name: str, plans: PlanTape | None = None, desk: Desk | None = None
) -> Strategy:
    """Return a strategy by name; its plans, if it makes any, go onto the tape.

    With a desk it serves what the desk sells from these plans.

    Raises
    ------
    InputError
        If there is no strategy of that name.
    """
    if name in BASELINES:
        return BASELINES[name]()
    plain = name.partition("+")[0] if desk is not None else name
    if plain in PLANNED:
        options = case.scenario.strategy
        expects = None if desk is None else desk.expects
        steps = round(options.horizon_hours * 3600 / case.world.grid.step_s)
        planner = RollingPlanner(
            case.outlook,
            bidirectional=plain == "v2g",
            horizon_steps=max(steps, 1),
            ready_before_s=60.0 * options.ready_before_minutes,
            change_price_per_kwh=options.change_price_per_kwh,
            watch=plans if desk is None else heeded(desk, plans),
            reserves=None if desk is None else desk.reserves,
            lingers_s=LINGERS_S if expects is not None else 0.0,
            expects=expects,
        )
        replan_s, keep_s = 60.0 * options.replan_minutes, 60.0 * _keep_plan_minutes(case)
        planned = Planned(planner, replan_s, keep_s)
        return planned if desk is None else desk.wrap(planned, bidirectional=plain == "v2g")
    return _own_strategy(name, case)


def _keep_plan_minutes(case: Case) -> float:
    """Shortest time that a plan is followed: the more vehicles, the longer a plan takes."""
    stated = case.scenario.strategy.keep_plan_minutes
    if stated is not None:
        return stated
    chargers = len(case.world.chargers)
    return next((minutes for most, minutes in KEEP_PLAN_MINUTES if chargers <= most), 60.0)


def _plan_tape(case: Case) -> PlanTape:
    kept = case.scenario.strategy.record_schedules
    small = len(case.world.chargers) <= WHOLE_SCHEDULES_UP_TO
    whole = small if kept is None else kept == "whole"
    return PlanTape(case.world.sessions.vehicle, len(case.world.vehicles), whole=whole)


def _own_strategy(name: str, case: Case) -> Strategy:
    """Import ``module:Class``; modules beside the scenario are found too."""
    module, _, attribute = name.partition(":")
    folder, where = str(case.folder), case.place("strategy.run")
    sys.path.insert(0, folder)
    try:
        strategy: Strategy = getattr(importlib.import_module(module), attribute)()
    # Whatever its module does when it is imported, the user wants to know where.
    except (Exception, SystemExit) as error:
        mend = f"Use {', '.join([*BASELINES, 'v1g', 'v2g'])}, or module:Class of your own"
        raise InputError([Finding(where, f"no strategy {name}: {_told(error)}", mend)]) from error
    finally:
        sys.path.remove(folder)
    if not callable(getattr(strategy, "decide", None)):
        mend = "Give it the method decide(self, image) -> Wish"
        raise InputError([Finding(where, f"{name} has no method decide", mend)])
    return strategy


def _told(error: BaseException) -> str:
    """Say what is wrong, with the line of the user's file where it came from."""
    ours = (__file__, importlib.__file__)
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename not in ours]
    frames = [frame for frame in frames if not frame.filename.startswith("<frozen")]
    if not frames:
        return str(error)
    place = f"{Path(frames[0].filename).name}, line {frames[0].lineno}"
    return f"{type(error).__name__}: {error} ({place})"


def run_strategy(case: Case, name: str, progress: Progress | None = None) -> StrategyResult:
    """Run one strategy; costs are filled in when the run is settled."""
    began = cpu_s()
    plans = _plan_tape(case)
    desk = desk_of(case, name)
    strategy = make_strategy(case, name, plans, desk)
    warmth = ("temperature_c",) if case.world.models_temperature else ()
    chargers, site = Tape((*_CHARGER_COLUMNS, *warmth)), Tape(_SITE_COLUMNS)
    decisions = DecisionTape(len(case.world.chargers))
    plant = _plant(case, chargers, site, desk)
    grid, seen, decided = case.world.grid, -1, 0

    def watch(image: Image, setpoints: Setpoints) -> None:
        nonlocal seen, decided
        heed()
        decided += 1
        if desk is not None and image.step == seen:
            return  # of the ticks of a control step, its first stands for all
        seen = image.step
        if case.scenario.strategy.record_decisions:
            decisions(image, setpoints)
        if progress is not None:
            here = int(np.count_nonzero(image.connected))
            progress(_moment(case, name, image.until_s, here, len(plans)))

    partial = False
    try:
        with _interrupts_between_steps() as heed:
            if progress is not None:
                progress(_moment(case, name, grid.start_s, 0, 0))
            run_loop(plant, strategy, grid.end_s, watch)
    except KeyboardInterrupt:
        partial = True
    plant.close()
    plans.close(grid.end_s)
    columns = {
        "intervals": chargers.columns(),
        "site": site.columns(),
        "decisions": decisions.columns(),
        "sessions": session_columns(case, plant),
        "plans": plans.plans(),
        "schedule": plans.schedules(),
    }
    if desk is not None:
        told = tell(desk)
        columns |= service_columns(told)
    columns["wear"] = wear_columns(case, columns, plans.wear)
    summary = _physical_summary(case, plant, columns)
    took = cpu_s() - began
    summary["cpu_s"] = took
    if desk is not None:
        planning_s = float(columns["plans"]["cpu_s"].sum())
        summary["cpu_per_tick_ms"] = 1000.0 * (took - planning_s) / max(decided, 1)
    served = [] if desk is None else told
    return StrategyResult(name, summary, columns, partial, served)


def _plant(case: Case, chargers: Tape, site: Tape, desk: Desk | None) -> SimPlant:
    """Return the plant; where services are sold, in ticks and with stations that answer late."""
    if desk is None:
        return SimPlant(case.world, chargers, site)
    roots = case.world.limits.parent < 0

    def flowed(_begin_s: float, end_s: float, net_kw: Floats) -> None:
        desk.ticks.flowed(end_s, float(net_kw[roots].sum()))

    return SimPlant(
        case.world, chargers, site, tick_s=desk.tick_s, stations=desk.stations, flowed=flowed
    )


def _moment(case: Case, name: str, time_s: float, vehicles: int, plans: int) -> Moment:
    grid = case.world.grid
    share = (time_s - grid.start_s) / (grid.end_s - grid.start_s)
    told = clock(time_s, case.zone)
    return Moment(run=name, share=share, clock=told, vehicles=vehicles, plans=plans)


@contextmanager
def _interrupts_between_steps() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until ``heed`` is called, so that no step is left half counted.

    A second Ctrl-C is obeyed at once: a strategy of the user's may never come back.
    """
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    def heed() -> None:
        if asked:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only it hears signals
        yield heed
        return
    usual = signal.signal(signal.SIGINT, note)
    try:
        yield heed
        heed()
    finally:
        signal.signal(signal.SIGINT, usual)


_CHARGER_COLUMNS = ("interval_s", "charger", "session", "import_wh", "export_wh", "energy_kwh")
_SITE_COLUMNS = ("interval_s", "site", "import_wh", "export_wh", "building_wh", "pv_wh")


def session_columns(case: Case, plant: SimPlant) -> Columns:
    """One row per session that began: what was asked, what was given."""
    world, out = case.world, plant.outcomes
    sessions, vehicles = world.sessions, world.vehicles
    at = np.flatnonzero(out.state > 0)
    vehicle = sessions.vehicle[at]
    asked = np.minimum(sessions.target_kwh[at], out.reach[at])
    stated = sessions.stated_departure_s[at]
    with np.errstate(invalid="ignore"):
        early = sessions.departure_s[at] < stated - EARLY_BY_S
    return {
        "session": at,
        "charger": sessions.charger[at].astype(np.int32),
        "session_id": np.array(sessions.ids, dtype=object)[at],
        "vehicle_id": np.array(vehicles.ids, dtype=object)[vehicle],
        "charger_id": np.array(world.chargers.ids, dtype=object)[sessions.charger[at]],
        "arrival_s": sessions.arrival_s[at],
        "departure_s": sessions.departure_s[at],
        "stated_departure_s": stated,
        "capacity_kwh": vehicles.capacity_kwh[vehicle],
        "arrival_kwh": out.arrival[at],
        "departure_kwh": out.departure[at],
        "target_kwh": sessions.target_kwh[at],
        "reach_kwh": out.reach[at],
        "energy_in_kwh": out.taken[at],
        "energy_out_kwh": out.given[at],
        "loss_kwh": out.lost[at],
        "elsewhere_kwh": out.elsewhere[at],
        "wear_price_per_kwh": vehicles.wear_price_per_kwh[vehicle],
        "departed": out.state[at] == 2,
        "left_early": early,
        "shortfall_kwh": np.where(
            out.state[at] == 2, np.maximum(asked - out.departure[at], 0.0), 0.0
        ),
    }


def _physical_summary(
    case: Case, plant: SimPlant, columns: dict[str, Columns]
) -> dict[str, object]:
    sessions, site = columns["sessions"], columns["site"]
    interval_h = case.world.meter_interval_s / 3600.0
    violation = plant.extremes.violation_kw
    return {
        "energy_in_kwh": float(sessions["energy_in_kwh"].sum()),
        "energy_out_kwh": float(sessions["energy_out_kwh"].sum()),
        "loss_kwh": float(sessions["loss_kwh"].sum()),
        "stored_change_kwh": float((sessions["departure_kwh"] - sessions["arrival_kwh"]).sum()),
        "carbon_kg": case.carbon_kg(site),
        "peak_kw": peak_kw(site, interval_h),
        **departures(sessions),
        # Sums of floats carry rounding errors; a milliwatt is none of the vehicles' doing.
        "hard_violation_kw": violation if violation > 1e-6 else 0.0,
        "energy_residual_kwh": plant.extremes.residual_kwh,
        **_pack_summary(case, plant),
    }


def _pack_summary(case: Case, plant: SimPlant) -> dict[str, object]:
    """Figures that only runs with weather or an envelope have."""
    told: dict[str, object] = {}
    if case.world.models_temperature:
        told["conditioning_kwh"] = plant.conditioning_kwh
    if case.world.envelope is not None:
        over = plant.extremes.envelope_kw
        told["envelope_violation_kw"] = over if over > 1e-6 else 0.0
    return told
