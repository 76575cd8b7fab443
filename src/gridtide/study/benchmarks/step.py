"""A step of the frequency: how soon the whole of a fleet answers, by the delay of its link.

The loop that follows a sold block decides ten times a second on the frequency as measured; stations
hear it late and move at a limited pace. What is timed is power at the plugs. The fleet stands at
rest and has sold all that it can give. Latency and pace are assumptions, stated in the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gridtide.control import (
    Floats,
    Image,
    Service,
    Serving,
    Sold,
    Wish,
    able_kw,
    narrow,
    run_loop,
)
from gridtide.services import Product, droop, knee, product_named
from gridtide.services.score import Step, step_response
from gridtide.sim import SimPlant, Stations
from gridtide.study.benchmarks.fleet_day import START_S, make_world

DELAYS_S = (0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
TICK_S = 0.1
PACE_KW_PER_S = 40.0
"""How fast a charger's power moves once it begins: that of a direct-current charger."""
MEETS = {"fcr-ce": 2.0, "gb-dc-low": 1.0}
"""Time for full activation that is asked of a fleet with a link of 0.2 s [s]."""
STEPS_HZ = {"fcr-ce": 0.2, "gb-dc-low": 0.5}
BEFORE_S, AFTER_S = 1.0, 14.0
MORNING_S = 6 * 3600


class _AtRest:
    """A plan in which everybody stands."""

    def decide(self, image: Image) -> Wish:
        return Wish.of(np.zeros(image.session.size))


class _AllSold:
    """Everything that the fleet could give at rest, sold for ever."""

    def __init__(self) -> None:
        self.offered_kw = 0.0

    def at(self, _time_s: float) -> Sold:
        return Sold(
            from_s=-np.inf,
            to_s=np.inf,
            offered_kw=self.offered_kw,
            proven_kw=self.offered_kw,
            edges_s=np.array([-np.inf, np.inf]),
            baseline_kw=np.zeros(1),
        )


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Step the frequency for two products at several delays."""
    n = size or 1_000
    rows = [
        _row(product_named(name), delay, *_answer(product_named(name), n, seed, delay))
        for name in STEPS_HZ
        for delay in DELAYS_S
    ]
    quick = [row for row in rows if row["delay_s"] == DELAYS_S[0]]
    return {
        "vehicles": n,
        "decision_s": TICK_S,
        "pace_kw_per_s": PACE_KW_PER_S,
        "full_in_time": all(
            row["full_s"] is not None and row["full_s"] <= MEETS[row["product"]] for row in quick
        ),
        "table": rows,
    }


def _row(product: Product, delay_s: float, found: Step, offered_kw: float) -> dict[str, Any]:
    """One line: what was measured, and whether the product's times are kept."""
    times = {"start_s": found.start_s, "half_s": found.half_s, "full_s": found.full_s}
    late = [
        name.removesuffix("_s")
        for name, value in times.items()
        if (most := getattr(product, name)) is not None and (value is None or value > most + 1e-9)
    ]
    return {
        "product": product.name,
        "delay_s": delay_s,
        "offered_kw": offered_kw,
        **times,
        "may_be_offered": "yes" if not late else f"no: {' and '.join(late)} too late",
    }


def _answer(product: Product, n: int, seed: int, delay_s: float) -> tuple[Step, float]:
    """Run the loop through one step; return what the plugs did and what was sold."""
    world = make_world(n, seed)
    stations = Stations(np.full(n, delay_s), np.full(n, PACE_KW_PER_S), TICK_S)
    plant = SimPlant(world, _ignore, _ignore, tick_s=float(MORNING_S))
    image = plant.observe()
    while image.time_s < START_S + MORNING_S:
        plant.apply(_still(image))
        image = plant.observe()
    plant.tick_s, plant.stations = TICK_S, stations
    sold, steps_at = _AllSold(), image.time_s + BEFORE_S
    low, _ = able_kw(image)
    sold.offered_kw = -float(low.sum())
    if sold.offered_kw <= 0.0:  # of a handful, nobody may be free to give
        return Step(start_s=None, half_s=None, full_s=None), 0.0
    times, flows = [], []

    def response(time_s: float) -> float:
        hz = 50.0 - (STEPS_HZ[product.name] if time_s >= steps_at - 1e-6 else 0.0)
        return float(_asked(product, np.array([hz]))[0])

    def watch(image: Image, _setpoints: object) -> None:
        times.append(image.time_s)
        flows.append(float(stations.power_kw.sum()))

    serving = Serving(_AtRest(), [Service(sales=sold, response=response)])
    run_loop(plant, serving, steps_at + AFTER_S, watch)
    time_s, flow_kw = np.array(times), np.array(flows)
    after = time_s >= steps_at - 1e-6
    return step_response(time_s[after], flow_kw[after], -sold.offered_kw), sold.offered_kw


def _asked(product: Product, frequency_hz: Floats) -> Floats:
    values = product.activation_values
    curve = knee if product.activation == "knee" else droop
    return curve(frequency_hz, **values)


def _still(image: Image) -> Any:
    return narrow(image, Wish.of(np.zeros(image.session.size)))


def _ignore(_rows: object) -> None:
    return None
