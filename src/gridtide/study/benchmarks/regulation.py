"""Regulation by a workplace with real sessions, against the most that foresight could have sold.

Vehicles of working days of ACN-Data (June 2019) are pooled and drawn onto one day; batteries are
drawn, the fast signal is synthetic. Blocks of an hour are sold as they begin. What is expected of
vehicles that are yet to come is learned from May 2019; nothing of June is known beforehand.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from gridtide.control import Expectation, Planned, RollingPlanner, run_loop
from gridtide.core import cpu_s
from gridtide.fleet import Habits
from gridtide.services import Product, ServiceTable, product_named, score
from gridtide.signals import Samples
from gridtide.sim import SimPlant, World
from gridtide.study.benchmarks import data_folder
from gridtide.study.benchmarks.clairvoyant import Steps, most_sold_kw
from gridtide.study.result import MET_WITHIN_KWH
from gridtide.study.serve import LINGERS_S, desk_of_books, keep_book
from gridtide.study.serve_told import AFTER_S, Told, tell
from gridtide.study.workplace import (
    ZONE,
    draw_day,
    local_midnight_s,
    outlook,
    pooled_sessions,
    workplace,
)

DAY = (2019, 7, 10)
PAST_VEHICLES = 1_000
HORIZON_STEPS = 40
REPLAN_S = 900.0
EARLY_BY_S = 60.0
QUALIFICATION_S = 2_400.0
"""A qualification run lasts 40 minutes."""
TABLE = ServiceTable(
    price_per_kw_h=1.0, pooled=True, gate_minutes=0.0, confidence=0.5, firm_share=0.9
)
"""Capacity is dear, so that everything that can be sold is; a tenth beyond what is proven."""


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Sell and deliver a day of fast regulation."""
    n = size or 100
    day = local_midnight_s(*DAY)
    june, may = (_pool(month) for month in (6, 5))
    world = workplace(draw_day(june, n, day, seed), day, seed)
    product = product_named("pjm-2012-regd")
    book = keep_book(product, TABLE, world, seed, Path)
    past_day = local_midnight_s(2019, 5, 1)
    past = workplace(draw_day(may, PAST_VEHICLES, past_day, seed), past_day, seed)
    expects = Expectation(
        habits=Habits.of(past.sessions, past.vehicles, past_day, 1),
        midnight_s=day,
        scale=n / PAST_VEHICLES,
    )
    desk = desk_of_books([book], n, expects)
    planner = RollingPlanner(
        outlook(world),
        bidirectional=True,
        horizon_steps=HORIZON_STEPS,
        time_limit_s=20.0,
        watch=desk.heed,
        reserves=desk.reserves,
        lingers_s=LINGERS_S,
        expects=expects,
    )
    plant = SimPlant(
        world,
        _ignore,
        _ignore,
        tick_s=desk.tick_s,
        stations=desk.stations,
        flowed=lambda _begin, end, net: desk.ticks.flowed(end, float(net.sum())),
    )
    began = cpu_s()
    serving = desk.wrap(Planned(planner, REPLAN_S, REPLAN_S), bidirectional=True)
    run_loop(plant, serving, float(world.grid.end_s))
    took = cpu_s() - began
    plant.close()
    told = tell(desk)[0]
    figures = told.figures
    assert book.samples is not None
    steps = Steps.of(book.samples.value, desk.tick_s, book.seller.terms.block_s)
    most = most_sold_kw(world, steps, duration_h=book.seller.terms.duration_h)
    hours = book.seller.terms.block_s / 3600.0
    offered, best = figures["offered_kw_h"], float(most.sum()) * hours
    return {
        "vehicles": n,
        "product": product.name,
        "note": "real sessions; batteries drawn, signal synthetic",
        "score": figures["score"],
        **{f"score_{name}": value for name, value in figures["score_parts"].items()},
        "score_40_min": _qualification(product, told),
        "offered_kw_h": offered,
        "clairvoyant_kw_h": best,
        "offered_share": offered / best if best else None,
        "requested_kwh": figures["requested_kwh"],
        "shortfall_kwh": figures["shortfall_kwh"],
        **_departures(world, plant),
        "cpu_s": took,
    }


def _qualification(product: Product, told: Told) -> float | None:
    """Score the first 40 minutes of the block with the largest offer, as a qualification run."""
    if not len(told.requested):
        return None
    best = int(np.argmax(told.blocks["offered_kw"]))
    begin = float(told.blocks["from_s"][best])
    asked = _between(told.requested, begin, begin + QUALIFICATION_S)
    given = _between(told.delivered, begin, begin + QUALIFICATION_S + AFTER_S)
    if not np.abs(asked.value).any():
        return None
    return float(score(product, asked, given)["score"])


def _between(samples: Samples, begin_s: float, end_s: float) -> Samples:
    at = (samples.time_s >= begin_s) & (samples.time_s <= end_s)
    return Samples(source=samples.source, time_s=samples.time_s[at], value=samples.value[at])


def _ignore(_rows: object) -> None:
    """Keep no meter readings."""


def _pool(month: int) -> Any:
    zone = ZoneInfo(ZONE)
    first, last = (datetime(2019, m, 1, tzinfo=zone) for m in (month, month + 1))
    return pooled_sessions(data_folder(), first, last)


def _departures(world: World, plant: SimPlant) -> dict[str, int]:
    """Count who was due and left with what was asked, or what full power could have given."""
    sessions, out = world.sessions, plant.outcomes
    due = (out.state == 2) & (sessions.departure_s >= sessions.stated_departure_s - EARLY_BY_S)
    short = np.minimum(sessions.target_kwh, out.reach) - out.departure
    return {
        "departures": int(due.sum()),
        "departures_met": int((due & (short <= MET_WITHIN_KWH)).sum()),
    }
