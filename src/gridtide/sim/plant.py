"""The simulated plant: vehicles come and go, batteries fill and empty, meters count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.control import Image, Plugs, Setpoints, room_kw
from gridtide.fleet import up_the_tree
from gridtide.sim._kernel_plugs import (
    Outcomes,
    Packs,
    Registers,
    Stays,
    plug_in,
    settle,
    step_all,
)
from gridtide.sim.doubts import Doubts
from gridtide.sim.meters import Meters, Sink
from gridtide.sim.packs import PackKeeper
from gridtide.sim.stations import Stations
from gridtide.sim.world import World

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Extremes:
    """Largest values seen in a run.

    ``violation_kw`` is by how much vehicles exceeded a limit beyond what the base load alone
    did, as a mean over a control step; ``residual_kwh`` is the largest energy imbalance of a
    session; ``envelope_kw`` is by how much a battery was charged or discharged beyond its
    envelope, as a mean over a control step at the cells.
    """

    violation_kw: float = 0.0
    residual_kwh: float = 0.0
    envelope_kw: float = 0.0


@dataclass(slots=True)
class _Events:
    """Departures and arrivals in the order of time; at one instant departures come first."""

    time_s: Ints
    session: Ints
    arrives: npt.NDArray[np.bool_]
    next: int = field(default=0)


class SimPlant:
    """A world that obeys setpoints, at once or as late as its stations are.

    Parameters
    ----------
    world
        What is simulated.
    charger_rows, site_rows
        Called with every meter reading; see :class:`gridtide.sim.meters.Meters`.
    doubts
        Asked at every observation which vehicles' data are in doubt; None: nobody's are.
    tick_s
        Time between decisions [s], a whole part of a control step; None: a control step. It may be
        changed between decisions.
    stations
        How late and how fast stations answer; None: at once. It may be changed too.
    flowed
        Called after every step with its begin and end [s] and the mean net power of the vehicles
        below each limit [kW], shape (limits,); None: nobody looks.
    """

    def __init__(
        self,
        world: World,
        charger_rows: Sink,
        site_rows: Sink,
        doubts: Doubts | None = None,
        *,
        tick_s: float | None = None,
        stations: Stations | None = None,
        flowed: Callable[[float, float, Floats], None] | None = None,
    ) -> None:
        self.world = world
        self.outcomes = Outcomes.of(len(world.sessions))
        self.extremes = Extremes()
        n, limits = len(world.chargers), world.limits
        self._time_s = float(world.grid.start_s)
        self._plugs = Plugs.empty(n)
        self._registers = Registers(*(np.zeros(n) for _ in range(3)))
        self._doubt = np.zeros(n, dtype=np.bool_)
        self._doubts = doubts
        self._stays = Stays(*(getattr(world.sessions, name) for name in Stays._fields))
        self._packs = Packs(*(getattr(world.vehicles, name) for name in Packs._fields))
        self._vehicle_kwh = np.full(len(world.vehicles), np.nan)
        self._table, self._law = _loss_classes(world)
        self._has_cells = bool(world.vehicles.cell_models)
        self._wear_class = world.vehicles.wear_class
        self._unknown_c = np.full(n, np.nan)
        self._keeper = PackKeeper.of(world, self._law, self._table)
        self._base_kw = limits.add_up(world.building_kw - world.pv_kw)
        self._meter_nodes = np.flatnonzero(limits.is_meter)
        self._register = np.zeros((self._meter_nodes.size, 4))
        self._peak_kw = np.array(world.peak_so_far_kw, dtype=np.float64)
        self._net_at_interval = np.zeros(self._meter_nodes.size)
        self._net_kwh = np.zeros((len(limits), 4))
        self._phases = bool(np.isfinite(limits.phase_kw).any())
        self._meters = Meters(n, self._meter_nodes.size, charger_rows, site_rows)
        self._events = _order_events(world)
        self.tick_s = float(world.grid.step_s if tick_s is None else tick_s)
        self.stations = stations
        self._flowed = flowed
        self._image: Image | None = None

    def observe(self) -> Image:
        """Let vehicles leave and come, then freeze what is known now."""
        self._pass_events()
        grid, limits, chargers = self.world.grid, self.world.limits, self.world.chargers
        step = grid.step_at(self._time_s)
        row = min(step, grid.n - 1)
        step_end = float(grid.start_s + (step + 1) * grid.step_s)
        until = min(step_end, self._next_tick())
        if self._doubts is not None:
            self._doubt = self._doubts(self._time_s, self._plugs, self._registers)
        self._image = Image(
            time_s=self._time_s,
            until_s=until,
            step=step,
            step_end_s=step_end,
            **{name: _frozen(values) for name, values in self._plugs._asdict().items()},
            in_doubt=_frozen(self._doubt),
            min_power_kw=chargers.min_power_kw,
            power_step_kw=chargers.power_step_kw,
            phase_share=chargers.phase_share,
            limit=chargers.limit,
            loss_law=self._law,
            loss_table=self._table,
            limits=limits,
            base_kw=self._base_kw[row],
            import_kw=self.world.import_kw[row],
            export_kw=self.world.export_kw[row],
            phase_kw=limits.phase_kw,
            peak_kw=self._peak_kw.copy(),
            envelope=self.world.envelope,
            **self._look_at_packs(until),
            **self._look_at_wear(),
        )
        return self._image

    def _next_tick(self) -> float:
        """First instant of a decision after now [s]; ticks are counted, so that none drifts."""
        start = self.world.grid.start_s
        passed = int((self._time_s - start) / self.tick_s + 1e-6)
        return round(start + (passed + 1) * self.tick_s, 6)

    @property
    def conditioning_kwh(self) -> float:
        """Energy that heated and cooled packs, at the plugs [kWh]."""
        return 0.0 if self._keeper is None else self._keeper.conditioning_kwh

    def _look_at_packs(self, until_s: float) -> dict[str, Any]:
        """Tell what the image says of packs beside their energy."""
        if self._keeper is None:
            return {"temperature_c": self._unknown_c}
        told = self._keeper.look(self._time_s, until_s, self._plugs)
        return {key: None if value is None else _frozen(value) for key, value in told.items()}

    def _look_at_wear(self) -> dict[str, Any]:
        """Tell what planning needs to price wear; nothing where nobody with a cell model comes."""
        if not self._has_cells or not len(self.world.sessions):
            return {}
        session, stays = self._plugs.session, self._stays
        vehicle = stays.vehicle[session]
        asked = np.maximum(stays.target_kwh[session] - self._plugs.arrival_kwh, 0.0)
        trip = stays.trip_kwh[session]
        # What was driven is the open discharge; where it is unknown, what was asked for stands in.
        return {
            "wear_class": np.where(session >= 0, self._wear_class[vehicle], -1),
            "pack_price_per_kwh": self.world.vehicles.pack_price_per_kwh[vehicle],
            "open_kwh": np.where(np.isnan(trip), asked, np.maximum(trip, 0.0)),
        }

    def apply(self, setpoints: Setpoints) -> None:
        """Hold the setpoints until the next control step or event."""
        image = self._image
        if image is None:
            raise RuntimeError("observe before apply")
        events, until = self._events, image.until_s
        if events.next < events.time_s.size:
            until = min(until, float(events.time_s[events.next]))
        h = (until - self._time_s) / 3600.0
        power_kw = setpoints.power_kw
        if self.stations is not None:
            power_kw = self.stations.answer(
                self._time_s, until, power_kw, self._plugs.session, self._plugs.arrival_s
            )
        if self._keeper is not None:
            self._keeper.begin(image, self._plugs, self._registers)
        step_all(
            h,
            power_kw,
            setpoints.stop_kwh,
            self._plugs,
            self._law,
            self._table,
            image.limit,
            image.phase_share,
            self._phases,
            self._registers,
            self._net_kwh,
        )
        if self._keeper is not None:
            over = self._keeper.follow(h, power_kw, self._plugs, self._registers)
            self.extremes.envelope_kw = max(self.extremes.envelope_kw, over)
        net = self._count(image, h)
        if self._flowed is not None:
            self._flowed(self._time_s, until, net)
        self._time_s = until
        if self._at_interval_edge():
            self._read_all()
            self._note_peak(image.step)

    def close(self) -> None:
        """End the run: read all meters and note where sessions stand that are plugged in."""
        if not self._at_interval_edge():
            self._read_all()
        self._settle(np.flatnonzero(self._plugs.session >= 0), state=1)

    def _at_interval_edge(self) -> bool:
        return (self._time_s - self.world.grid.start_s) % self.world.meter_interval_s == 0

    def _read_all(self) -> None:
        self._read(np.flatnonzero(self._plugs.session >= 0))
        self._meters.read_sites(self._interval_start(), self._register)

    def _interval_start(self) -> int:
        """Start of the meter interval that ends now or is running."""
        start, length = self.world.grid.start_s, self.world.meter_interval_s
        return start + int((self._time_s - start - 1e-6) // length) * length

    def _read(self, which: Ints) -> None:
        warmth = None
        if self._keeper is not None and self.world.models_temperature:
            warmth = self._keeper.states.temperature
        self._meters.read_chargers(
            self._interval_start(), which, self._plugs, self._registers, warmth
        )

    def _count(self, image: Image, h: float) -> Floats:
        """Add this step to the sites' registers and compare it with the limits.

        Return the vehicles' net power below each limit [kW], shape (limits,).
        """
        net = self._net_kwh / h
        up_the_tree(net, self.world.limits.parent)
        room_in, room_out = room_kw(image, margin_kw=0.0)
        over = np.maximum(net - room_in, -net - room_out)
        self.extremes.violation_kw = max(self.extremes.violation_kw, float(over.max(initial=0.0)))
        row = min(image.step, self.world.grid.n - 1)
        nodes = self._meter_nodes
        total = net[nodes, 0] + image.unsteered_kw[nodes]
        self._register[:, 0] += np.maximum(total, 0.0) * h
        self._register[:, 1] += np.maximum(-total, 0.0) * h
        self._register[:, 2] += self.world.building_kw[row, nodes] * h
        self._register[:, 3] += self.world.pv_kw[row, nodes] * h
        return np.asarray(net[:, 0])

    def _note_peak(self, step: int) -> None:
        """Keep the largest interval mean of the billing period, as the meter does."""
        net = self._register[:, 0] - self._register[:, 1]
        mean = (net - self._net_at_interval) * 3600.0 / self.world.meter_interval_s
        self._net_at_interval = net
        nodes, period = self._meter_nodes, self.world.billing_period
        self._peak_kw[nodes] = np.maximum(self._peak_kw[nodes], mean)
        if step + 1 < self.world.grid.n and period[step + 1] != period[step]:
            self._peak_kw[:] = 0.0

    def _pass_events(self) -> None:
        """Unplug, then plug in, everyone whose time has come."""
        events = self._events
        end = int(np.searchsorted(events.time_s, int(self._time_s), side="right"))
        due = slice(events.next, end)
        session, arrives = events.session[due], events.arrives[due]
        if session.size:
            self._unplug(self._stays.charger[session[~arrives]])
            self._plug_in(session[arrives])
        events.next = end

    def _plug_in(self, session: Ints) -> None:
        plug_in(
            session,
            self.world.grid.start_s,
            self._stays,
            self._packs,
            self.world.chargers.max_charge_kw,
            self.world.chargers.max_discharge_kw,
            self.world.chargers.power_step_kw,
            self._law,
            self._table,
            self._vehicle_kwh,
            self._registers,
            self._plugs,
            self.outcomes,
        )
        if self._keeper is not None:
            self._keeper.plug_in(self._time_s, session)

    def _unplug(self, at: Ints) -> None:
        if at.size == 0:
            return
        if not self._at_interval_edge():
            self._read(at)
        self._settle(at, state=2)
        if self._keeper is not None:
            vehicle = self._stays.vehicle[self._plugs.session[at]]
            self._keeper.unplug(self._time_s, at, vehicle)
        self._plugs.session[at] = -1

    def _settle(self, at: Ints, state: int) -> None:
        residual = settle(
            at,
            state,
            self._stays,
            self._vehicle_kwh,
            self._registers,
            self._plugs,
            self.outcomes,
        )
        self.extremes.residual_kwh = max(self.extremes.residual_kwh, residual)


def _loss_classes(world: World) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Distinct loss laws, and which of them each charger has.

    Each column is numbered first: comparing whole rows would be slow for many chargers.
    """
    laws = np.column_stack([world.chargers.charge_loss, world.chargers.discharge_loss])
    code = np.zeros(len(laws), dtype=np.int64)
    for column in laws.T:
        values, index = np.unique(column, return_inverse=True)
        _, code = np.unique(code * values.size + index, return_inverse=True)
    _, first = np.unique(code, return_index=True)
    return laws[first], code.astype(np.int32)


def _order_events(world: World) -> _Events:
    sessions = world.sessions
    n = len(sessions)
    times = np.concatenate([sessions.departure_s, sessions.arrival_s])
    arrives = np.repeat([False, True], n)
    order = np.lexsort((arrives, times))
    return _Events(times[order], np.tile(np.arange(n), 2)[order], arrives[order])


def _frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = values.view()
    view.flags.writeable = False
    return view
