"""The answer to a planning problem with scenarios, as it is printed."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from gridtide.plan._chains import by_vehicle
from gridtide.plan._layout import lay_out
from gridtide.plan._scenario_records import scenario_name, with_scenario
from gridtide.plan.document import series, to_problem
from gridtide.plan.made import GAP_CLOSED, wear_model
from gridtide.plan.problem import Floats
from gridtide.plan.records import BidRecord, ProblemRecord
from gridtide.plan.slacks import name_slacks
from gridtide.plan.stochastic import (
    Bid,
    Outcome,
    Scenarios,
    foresee,
    mean_problem,
    plan_bid,
    quantity_bid,
    worth,
)


def to_scenarios(record: ProblemRecord) -> Scenarios:
    """Turn a checked document with scenarios into arrays."""
    bid = record.bid or BidRecord()
    problems = [to_problem(with_scenario(record, scenario)) for scenario in record.scenarios]
    return Scenarios.of(
        problems,
        weight=np.array([scenario.weight for scenario in record.scenarios]),
        shortage_spread_per_kwh=series(bid.shortage_spread_per_kwh, record.steps),
        surplus_spread_per_kwh=series(bid.surplus_spread_per_kwh, record.steps),
        period=np.arange(record.steps) // bid.period_steps,
    )


def answer_bid(record: ProblemRecord, *, time_limit_s: float = 120.0) -> dict[str, Any]:
    """Plan the bid that a document with scenarios asks for and return the documented answer.

    Powers are at the plug and at the meter [kW], positive is charging and bought; money in
    currency; energies in kWh.
    """
    bid, scenarios = record.bid or BidRecord(), to_scenarios(record)
    plan = plan_bid(
        scenarios,
        form=bid.form,
        price_levels=bid.price_levels,
        risk_weight=bid.risk_weight,
        risk_level=bid.risk_level,
        time_limit_s=time_limit_s,
    )
    value = worth(scenarios, plan, _mean_bid(scenarios))
    days = [_day(record, scenarios, k, outcome) for k, outcome in enumerate(plan.outcomes)]
    short = any(day["slacks"] for day in days)
    status = "optimal" if plan.gap <= GAP_CLOSED else "optimal_with_gap"
    price = scenarios.weight @ scenarios.price_per_kwh
    return {
        "status": "best_effort" if short else status,
        "objective": plan.objective,
        "lower_bound": plan.lower_bound,
        "gap": plan.gap,
        "hard_violation_kw": max(o.schedule.violation_kw for o in plan.outcomes),
        "expected_cost": plan.expected_cost,
        "cvar": plan.cvar,
        "evpi": value.evpi,
        "vss": value.vss,
        "bid": {
            "period_minutes": record.step_minutes * bid.period_steps,
            "quantity_kw": plan.bid.at(price).tolist(),
            "curve": curve_steps(plan.bid),
        },
        "scenarios": days,
        "slacks": [slack for day in days for slack in day["slacks"]],
        "cpu_s": plan.cpu_s,
        "notes": list(plan.notes),
        "wear_model": wear_model(scenarios.problems[0]),
    }


def curve_steps(bid: Bid) -> list[list[dict[str, float | None]]]:
    """Return each market period's curve as a market takes it: rising prices, equal steps joined.

    The last step has no price: its quantity is wanted at any price.
    """
    curves = []
    for up_to, quantity in zip(bid.up_to_price_per_kwh, bid.quantity_kw, strict=True):
        kept = np.append(np.abs(np.diff(quantity)) > 1e-6, True)
        steps = zip(up_to[kept].tolist(), quantity[kept].tolist(), strict=True)
        curves.append(
            [
                {"up_to_price_per_kwh": p if math.isfinite(p) else None, "quantity_kw": q}
                for p, q in steps
            ]
        )
    return curves


def _mean_bid(scenarios: Scenarios) -> Bid:
    """Return the quantity that a plan for the mean day would bid."""
    mean = Scenarios.of(
        [mean_problem(scenarios)],
        shortage_spread_per_kwh=scenarios.weight @ scenarios.shortage_spread_per_kwh,
        surplus_spread_per_kwh=scenarios.weight @ scenarios.surplus_spread_per_kwh,
        period=scenarios.period,
    )
    position: Floats = foresee(mean)[0].position_kw
    first = np.searchsorted(scenarios.period, np.arange(scenarios.periods))
    return quantity_bid(position[first])


def _day(record: ProblemRecord, scenarios: Scenarios, k: int, outcome: Outcome) -> dict[str, Any]:
    problem = scenarios.problems[k]
    layout, schedule = lay_out(problem, relax_standby=True), outcome.schedule
    name = scenario_name(record, k)
    return {
        "name": name,
        "weight": float(scenarios.weight[k]),
        "cost": outcome.cost,
        "imbalance_cost": outcome.imbalance_cost,
        "position_kw": outcome.position_kw.tolist(),
        "net_kw": outcome.net_kw.tolist(),
        "shortfall_kwh": by_vehicle(problem, schedule.shortfall_kwh),
        "schedule_kw": by_vehicle(problem, schedule.power_kw),
        "slacks": [{"scenario": name, **asdict(s)} for s in name_slacks(layout, schedule)],
    }
