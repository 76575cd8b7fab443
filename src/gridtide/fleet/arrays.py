"""The fleet as equally long arrays: vehicles, chargers, sessions and the tree of limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.fleet._kernel_tree import up_the_tree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

UNLIMITED = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicles:
    """Vehicles; every array has shape (vehicles,).

    Parameters
    ----------
    ids
        Names, unique.
    capacity_kwh
        Usable energy of the battery [kWh].
    soc_min, soc_max
        Window that the battery allows, as fractions of the capacity.
    soc_floor
        The driver's floor: below it the vehicle never discharges.
    max_charge_kw, max_discharge_kw
        The vehicle's own limits at the plug [kW]; both >= 0.
    taper_soc
        State of charge above which the battery takes less and less; 1 means no taper.
    taper_end
        Share of the full charging power that is left at ``soc_max``; in (0, 1].
    wear_price_per_kwh
        Battery wear per kWh discharged at the plug [currency/kWh].
    bidirectional
        Whether the vehicle can discharge.
    participates
        False for a driver who opted out: charged at once, never discharged.
    cell_model
        Name of the ageing model of the cells; empty for none.
    pack_price_per_kwh
        Value of the pack per kWh of capacity, lost with 20 % of it [currency/kWh].
    chemistry
        Cell family by name, for voltages and resistance.
    """

    ids: tuple[str, ...]
    capacity_kwh: Floats
    soc_min: Floats
    soc_max: Floats
    soc_floor: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    taper_soc: Floats
    taper_end: Floats
    wear_price_per_kwh: Floats
    bidirectional: Bools
    participates: Bools
    cell_model: tuple[str, ...]
    pack_price_per_kwh: Floats
    chemistry: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of vehicles."""
        return len(self.ids)

    @property
    def cell_models(self) -> tuple[str, ...]:
        """Cell models in use, each once, in alphabetical order."""
        return tuple(sorted(set(self.cell_model) - {""}))

    @property
    def wear_class(self) -> Ints:
        """Place of each vehicle's cell model in ``cell_models``; -1 for none."""
        place = {name: k for k, name in enumerate(self.cell_models)} | {"": -1}
        return np.array([place[name] for name in self.cell_model], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chargers:
    """Charging points, one plug each; every array has shape (chargers,) unless said otherwise.

    Parameters
    ----------
    ids
        Names, unique.
    limit
        Index of the limit right above the charger in :class:`LimitTree`.
    max_charge_kw, max_discharge_kw
        Limits of the charger at the plug [kW]; both >= 0.
    min_power_kw
        Smallest power at which the charger charges or discharges at all [kW]: 6 A on
        ``phase_share`` phases (IEC 61851-1); 0 for none.
    power_step_kw
        Setpoints are rounded down to multiples of this [kW]; 0 for any value.
    phase_share
        Share of the power on L1, L2, L3, shape (chargers, 3); rows sum to 1.
    charge_loss, discharge_loss
        Loss law ``a [kW], b [-], c [1/kW]`` each way, shape (chargers, 3):
        ``P_loss = a + b*|P| + c*P**2`` at the plug while power flows.
    """

    ids: tuple[str, ...]
    limit: Ints
    max_charge_kw: Floats
    max_discharge_kw: Floats
    min_power_kw: Floats
    power_step_kw: Floats
    phase_share: Floats
    charge_loss: Floats
    discharge_loss: Floats

    def __len__(self) -> int:
        """Return the number of chargers."""
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Stays of vehicles at chargers, sorted by arrival; every array has shape (sessions,).

    Parameters
    ----------
    ids
        Names, unique.
    vehicle, charger
        Indices into :class:`Vehicles` and :class:`Chargers`.
    arrival_s, departure_s
        When the vehicle really plugs in and really leaves [s since 1970-01-01 UTC].
    stated_departure_s
        What the driver said; NaN where nothing was said. This is all that planning sees.
    arrival_kwh
        Energy in the battery on arrival; for a vehicle seen before it holds only if
        ``trip_kwh`` is NaN [kWh].
    trip_kwh
        Energy driven since the vehicle's previous departure; NaN where unknown [kWh].
    target_kwh
        Energy in the battery that the driver asked for [kWh].
    need_known
        False where the driver stated no need: planning then does not see ``target_kwh``.
    """

    ids: tuple[str, ...]
    vehicle: Ints
    charger: Ints
    arrival_s: Ints
    departure_s: Ints
    stated_departure_s: Floats
    arrival_kwh: Floats
    trip_kwh: Floats
    target_kwh: Floats
    need_known: Bools

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTree:
    """Limits from the feeder down to the panels; a parent stands before its children.

    Parameters
    ----------
    names
        Names, unique.
    parent
        Index of the limit above; -1 at a root, shape (limits,).
    site
        Index of the site whose meter sits at or above this limit; -1 above all meters.
    is_meter
        True where the limit is the connection of a site, with its meter, base load and PV.
    import_kw, export_kw
        Largest net power each way [kW], ``inf`` where unlimited, shape (limits,).
    phase_kw
        Largest net power each way on L1, L2, L3 [kW], shape (limits, 3).
    """

    names: tuple[str, ...]
    parent: Ints
    site: Ints
    is_meter: Bools
    import_kw: Floats
    export_kw: Floats
    phase_kw: Floats

    def __len__(self) -> int:
        """Return the number of limits."""
        return len(self.names)

    def add_up(self, own: Floats) -> Floats:
        """Sum of what stands at each limit and at all limits under it, shape (…, limits)."""
        own = np.asarray(own, dtype=np.float64)
        total = np.array(own.reshape(-1, len(self)).T, order="C")
        up_the_tree(total, self.parent)
        return total.T.reshape(own.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSessions:
    """Sessions as a source tells them, before anything is drawn; arrays of shape (sessions,).

    Parameters
    ----------
    source
        What was read, for messages.
    session_ids, vehicle_ids, charger_ids
        Names.
    arrival_s, departure_s
        Real times [s since 1970-01-01 UTC].
    stated_departure_s
        What the driver said; NaN where nothing was said.
    requested_kwh
        Energy asked for, at the plug [kWh]; where the driver said nothing, what was delivered.
    delivered_kwh
        Energy delivered in the source's own world, at the plug [kWh]; NaN where unknown.
    need_known
        Whether the driver stated a need.
    arrival_soc, target_soc, capacity_kwh, trip_kwh
        Where the source has them; NaN elsewhere.
    dropped
        How many rows were unusable, by reason.
    """

    source: str
    session_ids: tuple[str, ...]
    vehicle_ids: tuple[str, ...]
    charger_ids: tuple[str, ...]
    arrival_s: Ints
    departure_s: Ints
    stated_departure_s: Floats
    requested_kwh: Floats
    delivered_kwh: Floats
    need_known: Bools
    arrival_soc: Floats
    target_soc: Floats
    capacity_kwh: Floats
    trip_kwh: Floats
    dropped: dict[str, int]

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self.session_ids)
