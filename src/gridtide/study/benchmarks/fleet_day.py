"""The synthetic fleet and day that the loop's benchmarks share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.control import Image, Schedule, Wish
from gridtide.core import TimeGrid, stream
from gridtide.fleet import Chargers, LimitTree, Sessions, Vehicles
from gridtide.sim import World

Floats = npt.NDArray[np.float64]

STEP_S = 900
STEPS = 96
START_S = 1_780_272_000  # 2026-06-01 00:00 UTC
PANEL = 100


def make_world(vehicles: int, seed: int) -> World:
    """Vehicles that stay for 8 to 60 steps each, on panels of 100, below one site.

    Everybody arrives within the first half of the day. Limits bind for nobody on average:
    each panel carries two thirds of its chargers at full power.
    """
    rng = stream(seed, "benchmark fleet")
    n, panels = vehicles, -(-vehicles // PANEL)
    capacity = rng.uniform(40.0, 90.0, n)
    arrive = np.sort(rng.integers(0, STEPS // 2, n))
    depart = np.minimum(arrive + rng.integers(8, 61, n), STEPS)
    full = np.full(n, 11.0)

    def same(value: float) -> Floats:
        """One value for all vehicles, held once."""
        return np.broadcast_to(np.float64(value), (n,))

    sessions = Sessions(
        ids=tuple(str(i) for i in range(n)),
        vehicle=np.arange(n),
        charger=np.arange(n),
        arrival_s=START_S + arrive * STEP_S,
        departure_s=START_S + depart * STEP_S,
        stated_departure_s=(START_S + depart * STEP_S).astype(float),
        arrival_kwh=rng.uniform(0.2, 0.5, n) * capacity,
        trip_kwh=np.full(n, np.nan),
        target_kwh=rng.uniform(0.6, 0.85, n) * capacity,
        need_known=np.ones(n, dtype=np.bool_),
    )
    parent = np.concatenate([[-1], np.zeros(panels, dtype=np.int64)])
    limits = LimitTree(
        names=("site", *(f"panel {i}" for i in range(panels))),
        parent=parent,
        site=np.zeros(panels + 1, dtype=np.int64),
        is_meter=np.arange(panels + 1) == 0,
        import_kw=np.concatenate([[8.0 * n], np.full(panels, 11.0 * PANEL * 2 / 3)]),
        export_kw=np.concatenate([[8.0 * n], np.full(panels, 11.0 * PANEL * 2 / 3)]),
        phase_kw=np.full((panels + 1, 3), np.inf),
    )
    base = np.zeros((STEPS, panels + 1))
    base[:, 0] = 0.5 * n
    return World(
        grid=TimeGrid(START_S, STEP_S, STEPS),
        vehicles=Vehicles(
            ids=sessions.ids,
            capacity_kwh=capacity,
            soc_min=same(0.05),
            soc_max=same(1.0),
            soc_floor=same(0.3),
            max_charge_kw=same(11.0),
            max_discharge_kw=same(11.0),
            taper_soc=same(0.8),
            taper_end=same(0.2),
            wear_price_per_kwh=same(0.03),
            bidirectional=np.ones(n, dtype=np.bool_),
            participates=np.ones(n, dtype=np.bool_),
            cell_model=("",) * n,
            pack_price_per_kwh=np.zeros(n),
            chemistry=("nmc",) * n,
        ),
        chargers=Chargers(
            ids=sessions.ids,
            limit=1 + np.arange(n) // PANEL,
            max_charge_kw=full,
            max_discharge_kw=full,
            min_power_kw=np.full(n, 1.38),
            power_step_kw=np.zeros(n),
            phase_share=np.full((n, 3), 1 / 3),
            charge_loss=np.tile([0.232, 0.06, 0.0], (n, 1)),
            discharge_loss=np.tile([0.232, 0.06, 0.0], (n, 1)),
        ),
        sessions=sessions,
        limits=limits,
        building_kw=base,
        pv_kw=np.zeros_like(base),
        import_kw=np.tile(limits.import_kw, (STEPS, 1)),
        export_kw=np.tile(limits.export_kw, (STEPS, 1)),
        billing_period=np.zeros(STEPS, dtype=np.int64),
        peak_so_far_kw=np.zeros(panels + 1),
    )


class GivenPlan:
    """A planner with a plan made beforehand: each vehicle gives first, then charges in time.

    Half of the fleet discharges at 3 to 9 kW in the second quarter of its stay; everybody then
    charges at the power that reaches the target by departure.
    """

    def __init__(self, world: World, seed: int) -> None:
        rng = stream(seed, "benchmark plan")
        sessions, n = world.sessions, len(world.sessions)
        first = (sessions.arrival_s - START_S) // STEP_S
        stay = (sessions.departure_s - sessions.arrival_s) // STEP_S
        give = np.where(rng.random(n) < 0.5, rng.uniform(3.0, 9.0, n), 0.0)
        missing = sessions.target_kwh - sessions.arrival_kwh
        hours = np.maximum((stay // 2) * STEP_S / 3600.0, 0.25)
        given = give * 1.1 * np.maximum(stay // 4, 0) * STEP_S / 3600.0
        take = np.clip((missing + given) / hours / 0.92, 0.0, 11.0)
        # Short types: a million vehicles' plan must not weigh on the memory benchmark.
        self._first, self._stay = first.astype(np.int16), stay.astype(np.int16)
        self._give, self._take = give.astype(np.float32), take.astype(np.float32)
        self._power: Floats | None = None

    def row(self, step: int) -> Floats:
        """Planned powers of one step [kW], shape (vehicles,)."""
        since = np.int16(step) - self._first
        inside = (since >= 0) & (since < self._stay)
        giving = inside & (since >= self._stay // 4) & (since < self._stay // 2)
        taking = inside & (since >= self._stay // 2)
        power = np.where(giving, -self._give, np.where(taking, self._take, np.float32(0.0)))
        return power.astype(np.float64)

    def decide(self, image: Image) -> Wish:
        """Wish the planned powers without holding the whole plan in memory."""
        return Wish.of(self.row(image.step))

    def plan(self, image: Image) -> Schedule:
        """Return the given plan, for whatever is plugged in now."""
        if self._power is None:
            self._power = np.stack([self.row(step) for step in range(STEPS)])
        edges = START_S + STEP_S * np.arange(STEPS + 1.0)
        return Schedule(edges_s=edges, session=image.session.copy(), power_kw=self._power)
