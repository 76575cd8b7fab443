"""What a controller sees and what it says: the process image, the wish, the setpoints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.battery import Envelope
from gridtide.core import Reason
from gridtide.fleet import LimitTree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The world at one instant, frozen while a decision is made.

    Arrays of shape (chargers,) hold what is plugged in there; where ``session`` is -1 the
    other values mean nothing. Arrays are read-only views of the plant's own and hold until
    setpoints are applied: copy what you keep longer.

    Parameters
    ----------
    time_s, until_s
        Now, and when setpoints are next decided unless an event comes first [s].
    step, step_end_s
        Number of the control step, counted from the start of the run, and when it ends [s]: plans
        are made of such steps. Where setpoints are decided more often, ``until_s`` comes before.
    session
        Running number of the session at each charger; -1 where nothing is plugged in.
    arrival_s, departure_s
        When the vehicle came, when its driver said it leaves (NaN: unknown) [s].
    energy_kwh
        Energy in the battery now.
    capacity_kwh
        Usable energy of the battery [kWh].
    floor_kwh, full_kwh
        Energy below which it never discharges, and above which it never charges [kWh].
    target_kwh
        Energy that the driver asked for; NaN where unknown [kWh].
    arrival_kwh
        Energy on arrival [kWh].
    max_charge_kw, max_discharge_kw
        What charger and vehicle allow together, at the plug [kW]; both >= 0.
    knee_kwh, taper_per_h, full_power_dc_kw
        Above ``knee_kwh`` the cells take ``full_power_dc_kw - taper_per_h*(e - knee)`` [kW].
    wear_price_per_kwh
        Wear per kWh discharged at the plug [currency/kWh].
    participates
        False where the driver opted out.
    in_doubt
        True where data about the vehicle are in doubt; it then never discharges.
    min_power_kw, power_step_kw, phase_share, limit
        Of the charger, as in :class:`gridtide.fleet.Chargers`.
    loss_law, loss_table
        Index into ``loss_table``, whose rows are ``a, b, c`` charging, ``a, b, c`` discharging.
    limits
        The tree of limits.
    base_kw
        Net load below each limit that is not ours (base load minus PV) [kW], shape (limits,).
    import_kw, export_kw, phase_kw
        Limits in force now [kW], shapes (limits,), (limits,), (limits, 3).
    peak_kw
        Largest interval mean that each meter has seen in this billing period [kW],
        shape (limits,).
    temperature_c
        Of the pack [°C]; NaN where unknown or not modelled.
    auxiliary_kw
        What heating or cooling of the pack draws at the plug beside the setpoint, until the next
        decision [kW]; None where no vehicle does so.
    discharged_kwh
        Energy that left the cells through the plug in this year of operation [kWh]; None where
        nobody counts.
    direction, direction_since_s
        1 where power last flowed in, -1 out, 0 not yet in this session, and since when it has
        been that direction [s]; None where nobody keeps it.
    declared_s
        When the vehicle last said what holds for it [s], NaN for never; None: just now.
    wear_class
        Place of the cell model in :attr:`gridtide.control.Outlook.wear`, -1 for none; None where
        no vehicle has one.
    pack_price_per_kwh
        Value of the pack per kWh of capacity [currency/kWh]; None with ``wear_class``.
    open_kwh
        Depth of the discharge that was open on arrival, driving as a rule [kWh]; None with
        ``wear_class``.
    chemistry
        Place in :data:`gridtide.battery.CHEMISTRIES`, -1 for none; None where nobody keeps it.
    envelope
        Limits of the batteries themselves, which narrow before anything else; None for none.
    """

    time_s: float
    until_s: float
    step: int
    step_end_s: float
    session: Ints
    arrival_s: Floats
    departure_s: Floats
    energy_kwh: Floats
    capacity_kwh: Floats
    floor_kwh: Floats
    full_kwh: Floats
    target_kwh: Floats
    arrival_kwh: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    knee_kwh: Floats
    taper_per_h: Floats
    full_power_dc_kw: Floats
    wear_price_per_kwh: Floats
    participates: Bools
    in_doubt: Bools
    min_power_kw: Floats
    power_step_kw: Floats
    phase_share: Floats
    limit: Ints
    loss_law: npt.NDArray[np.int32]
    loss_table: Floats
    limits: LimitTree
    base_kw: Floats
    import_kw: Floats
    export_kw: Floats
    phase_kw: Floats
    peak_kw: Floats
    temperature_c: Floats
    auxiliary_kw: Floats | None = None
    discharged_kwh: Floats | None = None
    direction: npt.NDArray[np.int8] | None = None
    direction_since_s: Floats | None = None
    declared_s: Floats | None = None
    wear_class: Ints | None = None
    pack_price_per_kwh: Floats | None = None
    open_kwh: Floats | None = None
    chemistry: npt.NDArray[np.int8] | None = None
    envelope: Envelope | None = None

    @property
    def connected(self) -> Bools:
        """Where something is plugged in, shape (chargers,)."""
        return self.session >= 0

    @property
    def goal_kwh(self) -> Floats:
        """What to charge to: the target, or full where no target is known [kWh]."""
        return np.where(np.isnan(self.target_kwh), self.full_kwh, self.target_kwh)

    @property
    def unsteered_kw(self) -> Floats:
        """Net load below each limit beside the setpoints [kW], shape (limits,)."""
        if self.auxiliary_kw is None:
            return self.base_kw
        own = np.zeros(len(self.limits))
        np.add.at(own, self.limit, self.auxiliary_kw)
        return self.base_kw + self.limits.add_up(own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a strategy would like, before limits; arrays of shape (chargers,).

    Parameters
    ----------
    power_kw
        Power at the plug [kW], positive while charging.
    stop_kwh
        Charging stops at this energy [kWh]; ``inf`` for the battery's own limit.
    priority
        Who is served first where a limit binds: lowest first. None: those with the least
        time to spare.
    reason
        Code of :class:`gridtide.core.Reason` for each power.
    peak_kw
        Net import that planned charging should stay below at each limit [kW], shape (limits,);
        what a promise needs goes before. None: no such wish.
    """

    power_kw: Floats
    stop_kwh: Floats
    reason: Codes
    priority: Floats | None = None
    peak_kw: Floats | None = None

    @classmethod
    def of(cls, power_kw: Floats, priority: Floats | None = None) -> Wish:
        """Wish powers only."""
        n = power_kw.size
        return cls(
            power_kw=power_kw,
            stop_kwh=np.full(n, np.inf),
            reason=np.full(n, Reason.STRATEGY, dtype=np.uint8),
            priority=priority,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setpoints:
    """What each charger is told, with the reason; arrays of shape (chargers,).

    Parameters
    ----------
    power_kw
        Power at the plug [kW], positive while charging.
    stop_kwh
        Charging stops at this energy [kWh].
    reason
        Code of :class:`gridtide.core.Reason`.
    binding
        Index of the limit that held the power back; -1 for none.
    """

    power_kw: Floats
    stop_kwh: Floats
    reason: Codes
    binding: npt.NDArray[np.int32]
