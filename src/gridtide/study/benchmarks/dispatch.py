"""Fast dispatch: all that a large fleet can regulate, asked for every two seconds.

The signal is synthetic (docs/models/regulation-signal.md). What is timed is the decision: follow
the plan, find the envelopes, share the target, narrow. The world's own step is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gridtide.control import (
    Floats,
    Image,
    Planned,
    Served,
    Service,
    Serving,
    Sold,
    Wish,
    able_kw,
    narrow,
)
from gridtide.core import cpu_s, stream
from gridtide.signals import fast_regulation
from gridtide.sim import SimPlant
from gridtide.study.benchmarks import peak_memory_mb
from gridtide.study.benchmarks.fleet_day import STEP_S, GivenPlan, make_world

TICK_S = 2.0
TICKS = 450
LEAST_KW = 1e-3
MIDDAY = 44
"""Control steps before the signal begins: by then most vehicles are there."""


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Follow the signal for a quarter of an hour; compiling is done before."""
    n = size or 100_000
    _follow(min(n, 1000), seed)
    seconds, moved, off, told = _follow(n, seed)
    milliseconds = 1000.0 * seconds
    return {
        "vehicles": n,
        **told,
        "ticks": TICKS,
        "tick_s": TICK_S,
        "signal": "synthetic",
        "cpu_per_tick_ms": float(np.median(milliseconds)),
        "cpu_per_tick_p99_ms": float(np.percentile(milliseconds, 99)),
        "moved_share_median": float(np.median(moved)),
        "moved_share_mean": float(moved.mean()),
        "error_share_p99": float(np.percentile(off, 99)),
        "error_share_largest": float(off.max()),
        "peak_memory_mb": peak_memory_mb(),
    }


class _Sold:
    """One block that has been sold whole."""

    def __init__(self, baseline_kw: float, offer_kw: float) -> None:
        self._sold = Sold(
            from_s=-np.inf,
            to_s=np.inf,
            offered_kw=offer_kw,
            proven_kw=offer_kw,
            edges_s=np.array([-np.inf, np.inf]),
            baseline_kw=np.array([baseline_kw]),
        )

    def at(self, _time_s: float) -> Sold:
        return self._sold


def _follow(n: int, seed: int) -> tuple[Floats, Floats, Floats, dict[str, Any]]:
    """Return CPU seconds, share moved and error of each tick, and what was followed."""
    plant, planned = _at_midday(n, seed)
    image = plant.observe()
    baseline, offer = _offer(image, planned)
    signal = fast_regulation(TICKS, TICK_S, stream(seed, "regulation"))
    begins, there = image.time_s, int(image.connected.sum())
    served: list[Served] = []
    serving = Serving(
        planned,
        [
            Service(
                sales=_Sold(baseline, offer),
                response=lambda time_s: float(signal[round((time_s - begins) / TICK_S)]),
            )
        ],
        watch=served.append,
    )
    rows = []
    for _ in range(TICKS):
        image = plant.observe()
        began = cpu_s()
        setpoints = narrow(image, serving.decide(image))
        took = cpu_s() - began
        plant.apply(setpoints)
        last = served.pop()
        error = abs(float(setpoints.power_kw.sum()) - last.target_kw) / offer
        rows.append((took, last.shared.moved / there, error))
    seconds, moved, off = np.array(rows[1:]).T  # the first tick brings everybody to the signal
    violation = plant.extremes.violation_kw
    told = {"connected": there, "offer_kw": offer, "hard_violation_kw": violation}
    return seconds, moved, off, told


def _at_midday(n: int, seed: int) -> tuple[SimPlant, Planned]:
    """Run the day along its plan until most vehicles are there; then in ticks."""
    world = make_world(n, seed)
    strategy = Planned(GivenPlan(world, seed), replan_s=float(STEP_S))
    plant = SimPlant(world, lambda _: None, lambda _: None)
    for _ in range(MIDDAY):
        image = plant.observe()
        plant.apply(narrow(image, strategy.decide(image)))
    plant.tick_s = TICK_S
    return plant, strategy


def _offer(image: Image, strategy: Planned) -> tuple[float, float]:
    """Baseline, and the most that the fleet as it stands can do both ways below its limits [kW]."""
    power = strategy.decide(image).power_kw
    least, most = (float(narrow(image, Wish.of(edge)).power_kw.sum()) for edge in able_kw(image))
    baseline = float(power.sum())
    # Of a handful nobody may be free to move: then next to nothing is offered.
    return baseline, max(min(baseline - least, most - baseline), LEAST_KW)
