"""A block is sold from a plan, followed tick by tick, and nobody's promise is broken."""

from __future__ import annotations

import numpy as np
import pytest

from gridtide.control import (
    Planned,
    RollingPlanner,
    Seller,
    Service,
    Serving,
    Terms,
    run_loop,
)
from gridtide.core import stream
from gridtide.signals import fast_regulation
from gridtide.sim import SimPlant, Stations
from worlds import START_S, outlook, tree, world

TICK_S = 10.0


def serve(made, response, *, terms=None, stations=None, blocks=3):
    """Run with a service; return the plant, what was sold, and the rows of each tick."""
    terms = terms or Terms(block_s=3600, gate_s=0, duration_h=0.25, price_per_kw_h=1.0)
    seller = Seller(terms, START_S, START_S + 3600 * blocks)
    served, flows = [], []
    planner = RollingPlanner(
        outlook(made), bidirectional=True, watch=seller.heed, reserves=seller.reserves
    )
    serving = Serving(
        Planned(planner, 900.0),
        [Service(sales=seller, response=response)],
        watch=served.append,
    )
    plant = SimPlant(made, lambda _: None, lambda _: None, tick_s=TICK_S, stations=stations)
    run_loop(
        plant,
        serving,
        START_S + 4 * 3600.0,
        lambda image, setpoints: flows.append((image.time_s, float(setpoints.power_kw.sum()))),
    )
    plant.close()
    return plant, seller, served, dict(flows)


SIGNAL = fast_regulation(2000, TICK_S, stream(1, "serving"))


def signal(time_s):
    return float(SIGNAL[int((time_s - START_S) / TICK_S)])


def fleet(**other):
    stays = [(0, 16, 0.5, 0.6 + 0.01 * k) for k in range(8)]
    return world(stays, law=(0.05, 0.05, 0.0), **other)


def test_what_is_sold_is_delivered_and_everybody_is_ready():
    plant, seller, served, flows = serve(fleet(), signal)
    first = seller.sold[float(START_S)]
    assert first.offered_kw == first.proven_kw > 8 * 5.0
    assert len(seller.sold) == 3
    off = [abs(flows[s.time_s] - s.target_kw) for s in served]
    assert max(off) < 1e-6 and len(served) == 3 * 360
    assert max(abs(s.target_kw - s.baseline_kw) for s in served) > 40.0
    short = np.minimum(plant.world.sessions.target_kwh, plant.outcomes.reach)
    assert (plant.outcomes.departure >= short - 0.1).all()


def test_a_lost_signal_returns_the_fleet_to_its_baseline():
    _, seller, served, flows = serve(fleet(), lambda _t: np.nan, blocks=1)
    sold = seller.sold[float(START_S)]
    assert sold.offered_kw > 0
    for s in served:
        assert s.asked[0].response == 0.0
        assert flows[s.time_s] == pytest.approx(sold.baseline_at(s.time_s), abs=1e-6)


def test_a_response_beyond_what_was_sold_is_cut():
    _, seller, served, _ = serve(fleet(), lambda _t: 7.0, blocks=1)
    sold = seller.sold[float(START_S)]
    assert served[0].target_kw == pytest.approx(sold.baseline_kw[0] - sold.offered_kw)


def test_limits_are_kept_and_others_give_what_a_limit_cuts():
    made = fleet(limits=tree(import_kw=40.0, export_kw=30.0))
    plant, seller, served, flows = serve(made, signal)
    assert plant.extremes.violation_kw < 1e-6
    assert 0 < seller.sold[float(START_S)].offered_kw <= 35.0
    assert max(abs(flows[s.time_s] - s.target_kw) for s in served) < 1e-6


def test_stations_that_answer_late_deliver_late():
    stations = Stations(np.full(8, 3.0), np.full(8, np.inf), TICK_S)
    plant, _, served, _ = serve(fleet(), signal, stations=stations, blocks=1)
    assert len(served) == 360
    assert plant.extremes.residual_kwh < 1e-9


def test_blocks_are_sold_before_their_gate_closes_and_in_whole_steps():
    terms = Terms(
        block_s=3600, gate_s=3600, duration_h=0.25, price_per_kw_h=1.0, step_kw=10.0, least_kw=20.0
    )
    _, seller, _, _ = serve(fleet(), signal, terms=terms)
    sold = [s.offered_kw for _, s in sorted(seller.sold.items())]
    assert all(kw % 10.0 == 0.0 for kw in sold) and max(sold) >= 20.0
    # Nothing is sold to be there for certain of a vehicle that is yet to come.
    later = world([(0, 16, 0.5, 0.6), (6, 16, 0.5, 0.6)], law=(0.05, 0.05, 0.0))
    _, seller, _, _ = serve(later, signal)
    assert seller.sold[START_S + 3600.0].offered_kw <= 11.0


def test_without_anybody_nothing_is_sold():
    late = world([(14, 16, 0.5, 0.6)])
    _, seller, served, _ = serve(late, signal)
    assert served == [] and all(s.offered_kw == 0.0 for s in seller.sold.values())
