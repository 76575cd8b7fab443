"""The simulated plant: vehicles come and go, batteries fill and empty, meters count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery import cells_kw
from gridtide.control import Image, Setpoints
from gridtide.sim._kernel_step import reach_each, step_all
from gridtide.sim.meters import Meters, Sink
from gridtide.sim.world import World

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STATE = (
    "arrival_s",
    "departure_s",
    "energy_kwh",
    "floor_kwh",
    "full_kwh",
    "target_kwh",
    "arrival_kwh",
    "max_charge_kw",
    "max_discharge_kw",
    "knee_kwh",
    "taper_per_h",
    "full_power_dc_kw",
    "wear_price_per_kwh",
)


@dataclass(slots=True)
class Outcomes:
    """What became of each session; arrays of shape (sessions,), energies in kWh.

    ``taken``, ``given`` and ``lost`` are at the plug; ``arrival`` and ``departure`` are in the
    battery; ``reach`` is what full power from arrival could have stored at most;
    ``elsewhere`` is what must have been charged elsewhere before this session.
    ``state`` is 0 not begun, 1 plugged in at the end, 2 departed.
    """

    taken: Floats
    given: Floats
    lost: Floats
    arrival: Floats
    departure: Floats
    reach: Floats
    elsewhere: Floats
    state: npt.NDArray[np.int8]

    @classmethod
    def of(cls, sessions: int) -> Outcomes:
        """Outcomes of sessions that have not begun."""
        taken, given, lost, arrival, departure, reach, elsewhere = np.zeros((7, sessions))
        state = np.zeros(sessions, dtype=np.int8)
        return cls(taken, given, lost, arrival, departure, reach, elsewhere, state)


@dataclass(slots=True)
class Extremes:
    """Largest values seen in a run.

    ``violation_kw`` is by how much vehicles exceeded a limit beyond what the base load alone
    did, as a mean over a control step; ``residual_kwh`` is the largest energy imbalance of a
    session.
    """

    violation_kw: float = 0.0
    residual_kwh: float = 0.0


@dataclass(slots=True)
class _Events:
    """Departures and arrivals in the order of time; at one instant departures come first."""

    time_s: Ints
    session: Ints
    arrives: npt.NDArray[np.bool_]
    next: int = field(default=0)


class SimPlant:
    """A world that obeys setpoints exactly.

    Parameters
    ----------
    world
        What is simulated.
    charger_rows, site_rows
        Called with every meter reading; see :class:`gridtide.sim.meters.Meters`.
    """

    def __init__(self, world: World, charger_rows: Sink, site_rows: Sink) -> None:
        self.world = world
        self.outcomes = Outcomes.of(len(world.sessions))
        self.extremes = Extremes()
        n, limits = len(world.chargers), world.limits
        self._time_s = float(world.grid.start_s)
        self._state = {name: np.zeros(n) for name in _STATE}
        self._session = np.full(n, -1, dtype=np.int64)
        self._participates = np.zeros(n, dtype=np.bool_)
        self._doubt = np.zeros(n, dtype=np.bool_)
        self._taken, self._given, self._lost = (np.zeros(n) for _ in range(3))
        self._at_plug = np.zeros((n, 3))
        self._vehicle_kwh = np.full(len(world.vehicles), np.nan)
        self._table, self._law = _loss_classes(world)
        self._base_kw = limits.add_up(world.building_kw - world.pv_kw)
        self._meter_nodes = np.flatnonzero(limits.is_meter)
        self._register = np.zeros((self._meter_nodes.size, 4))
        self._peak_kw = np.array(world.peak_so_far_kw, dtype=np.float64)
        self._net_at_interval = np.zeros(self._meter_nodes.size)
        self._net_kwh = np.zeros((len(limits), 4))
        self._phases = bool(np.isfinite(limits.phase_kw).any())
        self._meters = Meters(n, self._meter_nodes.size, charger_rows, site_rows)
        self._events = _order_events(world)
        self._image: Image | None = None

    def observe(self) -> Image:
        """Let vehicles leave and come, then freeze what is known now."""
        self._pass_events()
        grid, limits, chargers = self.world.grid, self.world.limits, self.world.chargers
        step = grid.step_at(self._time_s)
        row = min(step, grid.n - 1)
        self._image = Image(
            time_s=self._time_s,
            until_s=float(grid.start_s + (step + 1) * grid.step_s),
            step=step,
            session=_frozen(self._session),
            **{name: _frozen(values) for name, values in self._state.items()},
            participates=_frozen(self._participates),
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
        )
        return self._image

    def apply(self, setpoints: Setpoints) -> None:
        """Hold the setpoints until the next control step or event."""
        image = self._image
        if image is None:
            raise RuntimeError("observe before apply")
        events, until = self._events, image.until_s
        if events.next < events.time_s.size:
            until = min(until, float(events.time_s[events.next]))
        h = (until - self._time_s) / 3600.0
        state = self._state
        step_all(
            h,
            setpoints.power_kw,
            setpoints.stop_kwh,
            state["energy_kwh"],
            state["floor_kwh"],
            state["full_kwh"],
            state["knee_kwh"],
            state["taper_per_h"],
            state["full_power_dc_kw"],
            self._law,
            self._table,
            image.limit,
            image.phase_share,
            self._phases,
            self._taken,
            self._given,
            self._lost,
            self._net_kwh,
        )
        self._count(image, h)
        self._time_s = until
        if (until - self.world.grid.start_s) % self.world.meter_interval_s == 0:
            self._read(np.flatnonzero(self._session >= 0))
            self._meters.read_sites(self._interval_start(), self._register)
            self._note_peak(image.step)

    def close(self) -> None:
        """End the run: read all meters and note where sessions stand that are plugged in."""
        if (self._time_s - self.world.grid.start_s) % self.world.meter_interval_s:
            self._read(np.flatnonzero(self._session >= 0))
            self._meters.read_sites(self._interval_start(), self._register)
        self._settle(np.flatnonzero(self._session >= 0), state=1)

    def _interval_start(self) -> int:
        """Start of the meter interval that ends now or is running."""
        start, length = self.world.grid.start_s, self.world.meter_interval_s
        return start + int((self._time_s - start - 1e-6) // length) * length

    def _read(self, which: Ints) -> None:
        self._meters.read_chargers(
            self._interval_start(),
            which,
            self._session,
            self._taken,
            self._given,
            self._state["energy_kwh"],
        )

    def _count(self, image: Image, h: float) -> None:
        """Add this step to the sites' registers and compare it with the limits."""
        net = self.world.limits.add_up(self._net_kwh.T).T / h
        base = np.column_stack([image.base_kw] + [image.base_kw / 3] * 3)
        caps = np.column_stack([image.import_kw, image.phase_kw])
        caps_out = np.column_stack([image.export_kw, image.phase_kw])
        over_in = np.minimum(net, net + base - caps)
        over_out = np.minimum(-net, -net - base - caps_out)
        worst = float(np.maximum(over_in, over_out).max(initial=0.0))
        self.extremes.violation_kw = max(self.extremes.violation_kw, worst)
        row = min(image.step, self.world.grid.n - 1)
        nodes = self._meter_nodes
        total = net[nodes, 0] + image.base_kw[nodes]
        self._register[:, 0] += np.maximum(total, 0.0) * h
        self._register[:, 1] += np.maximum(-total, 0.0) * h
        self._register[:, 2] += self.world.building_kw[row, nodes] * h
        self._register[:, 3] += self.world.pv_kw[row, nodes] * h

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
        end = int(np.searchsorted(events.time_s, self._time_s, side="right"))
        due = slice(events.next, end)
        session, arrives = events.session[due], events.arrives[due]
        if session.size:
            self._unplug(session[~arrives])
            self._plug_in(session[arrives])
        events.next = end

    def _plug_in(self, session: Ints) -> None:
        world, sessions, state = self.world, self.world.sessions, self._state
        vehicles, chargers = world.vehicles, world.chargers
        i, v = sessions.charger[session], sessions.vehicle[session]
        capacity = vehicles.capacity_kwh[v]
        full = vehicles.soc_max[v] * capacity
        charge = np.minimum(chargers.max_charge_kw[i], vehicles.max_charge_kw[v])
        discharge = np.minimum(chargers.max_discharge_kw[i], vehicles.max_discharge_kw[v])
        able = vehicles.bidirectional[v] & vehicles.participates[v]
        dc_full = cells_kw(charge, chargers.charge_loss[i])
        knee = np.minimum(vehicles.taper_soc[v] * capacity, full)
        tapering = np.where(knee < full, full - knee, np.inf)
        energy, elsewhere = self._energy_on_arrival(session)
        state["arrival_s"][i] = sessions.arrival_s[session]
        state["departure_s"][i] = sessions.stated_departure_s[session]
        state["energy_kwh"][i] = state["arrival_kwh"][i] = energy
        state["floor_kwh"][i] = np.maximum(vehicles.soc_floor[v], vehicles.soc_min[v]) * capacity
        state["full_kwh"][i] = full
        state["target_kwh"][i] = np.where(
            sessions.need_known[session], sessions.target_kwh[session], np.nan
        )
        state["max_charge_kw"][i] = charge
        state["max_discharge_kw"][i] = np.where(able, discharge, 0.0)
        state["knee_kwh"][i] = knee
        state["taper_per_h"][i] = dc_full * (1 - vehicles.taper_end[v]) / tapering
        state["full_power_dc_kw"][i] = dc_full
        state["wear_price_per_kwh"][i] = vehicles.wear_price_per_kwh[v]
        self._session[i] = session
        self._participates[i] = vehicles.participates[v]
        self._at_plug[i] = np.column_stack([self._taken[i], self._given[i], self._lost[i]])
        out = self.outcomes
        out.arrival[session], out.elsewhere[session], out.state[session] = energy, elsewhere, 1
        begun = np.maximum(sessions.arrival_s[session], world.grid.start_s)
        out.reach[session] = reach_each(
            (sessions.departure_s[session] - begun) / 3600.0,
            charge,
            energy,
            np.minimum(sessions.target_kwh[session], full),
            knee,
            state["taper_per_h"][i],
            dc_full,
            self._law[i],
            self._table,
        )

    def _energy_on_arrival(self, session: Ints) -> tuple[Floats, Floats]:
        """Energy on arrival, and what must have been charged on the way [kWh]."""
        sessions, vehicles = self.world.sessions, self.world.vehicles
        v = sessions.vehicle[session]
        before, trip = self._vehicle_kwh[v], sessions.trip_kwh[session]
        capacity = vehicles.capacity_kwh[v]
        least = np.minimum(vehicles.soc_min[v] * capacity, before)
        after = np.clip(before - trip, least, np.maximum(vehicles.soc_max[v] * capacity, before))
        fresh = np.isnan(after)
        energy = np.where(fresh, sessions.arrival_kwh[session], after)
        driven = np.maximum(trip, 0.0)
        return energy, np.where(fresh, 0.0, energy - (before - driven))

    def _unplug(self, session: Ints) -> None:
        if session.size == 0:
            return
        i = self.world.sessions.charger[session]
        if (self._time_s - self.world.grid.start_s) % self.world.meter_interval_s:
            self._read(i)
        self._settle(i, state=2)
        self._session[i] = -1

    def _settle(self, i: Ints, state: int) -> None:
        session, out = self._session[i], self.outcomes
        energy = self._state["energy_kwh"][i]
        out.taken[session] = self._taken[i] - self._at_plug[i, 0]
        out.given[session] = self._given[i] - self._at_plug[i, 1]
        out.lost[session] = self._lost[i] - self._at_plug[i, 2]
        out.departure[session] = energy
        out.state[session] = state
        self._vehicle_kwh[self.world.sessions.vehicle[session]] = energy
        balance = (
            out.taken[session]
            - out.given[session]
            - out.lost[session]
            - (energy - out.arrival[session])
        )
        worst = float(np.abs(balance).max(initial=0.0))
        self.extremes.residual_kwh = max(self.extremes.residual_kwh, worst)


def _loss_classes(world: World) -> tuple[Floats, npt.NDArray[np.int16]]:
    """Distinct loss laws, and which of them each charger has.

    Each column is numbered first: comparing whole rows would be slow for many chargers.
    """
    laws = np.column_stack([world.chargers.charge_loss, world.chargers.discharge_loss])
    code = np.zeros(len(laws), dtype=np.int64)
    for column in laws.T:
        values, index = np.unique(column, return_inverse=True)
        _, code = np.unique(code * values.size + index, return_inverse=True)
    _, first = np.unique(code, return_index=True)
    return laws[first], code.astype(np.int16)


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
