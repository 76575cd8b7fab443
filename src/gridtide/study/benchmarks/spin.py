"""Real events of PJM's synchronised reserve, replayed on car parks that have sold it.

Events from 2017 on, each on its own date and time of day, at a depot, at homes and at a workplace;
sessions are sampled (synthetic). Blocks of an hour are sold as they begin, for half an hour at full
power, with a confidence that past days give. Foresight knows every session and the events.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from gridtide.core import cpu_s
from gridtide.services import product_named
from gridtide.signals import SpinEvent, read_spin_events
from gridtide.study.benchmarks import data_folder
from gridtide.study.benchmarks.clairvoyant import STEP_S, Steps, most_sold_kw
from gridtide.study.case import Case
from gridtide.study.operate import SERVING, run_strategy
from gridtide.study.result import StrategyResult
from gridtide.study.service_day import PLACES, service_case, service_scenario

EVENTS = Path("market") / "historical-spin-events.xls"
SINCE = datetime(2017, 1, 1)  # noqa: DTZ001 the table's own local times
CONFIDENCE = 0.99


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Replay all events at both places."""
    n, began = size or 20, cpu_s()
    events = [e for e in read_spin_events(data_folder() / EVENTS) if e.start >= SINCE]
    rows = [_replay(event, place, n, seed) for event in events for place in PLACES]
    called = [row for row in rows if row["committed_kw"] > 0]
    return {
        "vehicles": n,
        "note": "real events; sessions are synthetic",
        "events": len(events),
        "calls_with_commitment": len(called),
        "least_delivered_share": min((row["delivered_share"] for row in called), default=None),
        **{f"offered_share_{place}": _share(rows, place) for place in PLACES},
        "departures": sum(row["departures"] for row in rows),
        "departures_met": sum(row["departures_met"] for row in rows),
        "table": rows,
        "cpu_s": cpu_s() - began,
    }


def _replay(event: SpinEvent, place: str, n: int, seed: int) -> dict[str, Any]:
    """Run the day of an event."""
    with tempfile.TemporaryDirectory() as folder:
        calls = _write_calls(event, Path(folder))
        product = product_named("pjm-spin")
        text = service_scenario(
            product,
            vehicles=n,
            signal=calls,
            price_per_kw_h=1.0,
            pooled=True,
            seed=seed,
            kind=PLACES[place],
            gate_minutes=0.0,
            confidence=CONFIDENCE,
        )
        case = service_case(text)
        served = run_strategy(case, "v2g" + SERVING)
    told = served.services[0]
    asked, given = told.requested, told.delivered
    event_on = asked.value > 0
    committed = float(asked.value.max(initial=0.0))
    # Stations need half a second: the product allows ten minutes, here it is one.
    due = event_on & np.append(False, event_on[:-1])
    kept = np.minimum(given.value, asked.value)[due].sum() / max(asked.value[due].sum(), 1e-9)
    return {
        "event": f"{event.start:%Y-%m-%d %H:%M}",
        "minutes": event.minutes,
        "place": place,
        "committed_kw": committed,
        "delivered_share": float(kept) if due.any() else None,
        "market_ratio": told.figures["score_parts"].get("ratio"),
        "offered_kw_h": told.figures["offered_kw_h"],
        "foresight_kw_h": _most(case, event),
        **_departures(served),
    }


def _share(rows: list[dict[str, Any]], place: str) -> float | None:
    """Return what was offered at a place, in parts of what foresight could have."""
    here = [row for row in rows if row["place"] == place]
    most = sum(row["foresight_kw_h"] for row in here)
    return sum(row["offered_kw_h"] for row in here) / most if most else None


def _departures(served: StrategyResult) -> dict[str, int]:
    return {key: served.summary[key] for key in ("departures", "departures_met")}


def _write_calls(event: SpinEvent, folder: Path) -> Path:
    """Write a day of calls, minute by minute; the table's clock stands for that of the run."""
    day = event.start.replace(hour=0, minute=0, second=0, microsecond=0)
    lines = ["time,share"]
    for minute in range(24 * 60):
        at = day + timedelta(minutes=minute)
        on = int(event.start <= at < event.end)
        lines.append(f"{at.replace(tzinfo=UTC).isoformat()},{on}")
    path = folder / "calls.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def _most(case: Case, event: SpinEvent) -> float:
    """Most that foresight could have sold in the day [kW·h]."""
    world, product = case.world, product_named("pjm-spin")
    count = (world.grid.end_s - world.grid.start_s) // STEP_S
    begin, end = ((t.replace(tzinfo=UTC)).timestamp() for t in (event.start, event.end))
    edges = world.grid.start_s + STEP_S * np.arange(count + 1)
    on = np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin), 0.0, None) / STEP_S
    block = np.arange(count) * STEP_S // round(60 * product.block_minutes)
    steps = Steps(mean=on, block=block)
    hours = product.block_minutes / 60.0
    most = most_sold_kw(world, steps, duration_h=product.sustain_minutes / 60.0, down=False)
    return float(most.sum()) * hours
