"""The fleet's tables of a scenario file: sites, limits, chargers, vehicles."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Power = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Archetype = Literal["home", "building", "depot", "campus", "hub", "city"]


class LimitTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit between chargers and the grid: a cable, a panel, a transformer, a feeder."""

    name: Annotated[str, Meta(min_length=1, description="Name, unique among limits and sites")]
    below: Annotated[
        str | None, Meta(description="The limit or site right above; none for a feeder at the top")
    ] = None
    import_kw: Annotated[
        Power | None, Meta(description="Largest net power drawn [kW]; none: unlimited")
    ] = None
    export_kw: Annotated[
        Power | None, Meta(description="Largest net power fed back [kW]; none: unlimited")
    ] = None
    phase_current_a: Annotated[
        Power | None, Meta(description="Largest current of each phase, both ways [A]")
    ] = None
    voltage_v: Annotated[
        float, Meta(gt=0, description="Phase voltage to turn currents into powers [V]")
    ] = 230.0


class LimitGroupTable(LimitTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit, or with a count a group of equal limits that share what stands below them evenly.

    Members of a group are named like chargers are. What names a group as ``below`` is spread
    over its members in order: of 1000 chargers below 4 feeders the first 250 are below the
    first one. A member can be named too.
    """

    count: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="How many; what stands below the group is spread evenly over them",
        ),
    ] = 1


class LimitChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit that changes during the run; planning learns of it only when it happens."""

    limit: Annotated[str, Meta(description="Name of the limit, group of limits, or site")]
    at: Annotated[str, Meta(description='Local time of the change, such as "2026-06-02T14:00"')]
    import_kw: Annotated[
        Power | None, Meta(description="New import limit [kW]; none: as before")
    ] = None
    export_kw: Annotated[
        Power | None, Meta(description="New export limit [kW]; none: as before")
    ] = None


class ChargerTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of equal chargers, one plug each."""

    name: Annotated[str, Meta(min_length=1, description="Name; with a count, its prefix")]
    count: Annotated[int, Meta(ge=1, le=1_000_000, description="How many")] = 1
    ids: Annotated[list[str] | None, Meta(description="Names one by one, in place of a count")] = (
        None
    )
    match: Annotated[
        str | None,
        Meta(description='Stations of the session file whose name fits, such as "CA-*"'),
    ] = None
    below: Annotated[
        str,
        Meta(description="The limit or site right above, or a group of limits to be spread over"),
    ]
    max_charge_kw: Annotated[Power, Meta(description="Largest charging power at the plug [kW]")]
    max_discharge_kw: Annotated[
        Power, Meta(description="Largest discharging power at the plug [kW]; 0: unidirectional")
    ] = 0.0
    phases: Annotated[Literal[1, 3], Meta(description="Phases in use")] = 3
    phase: Annotated[
        Literal["L1", "L2", "L3", "rotate"],
        Meta(description="Phase of a single-phase charger; rotate: L1, L2, L3 in turn"),
    ] = "rotate"
    voltage_v: Annotated[float, Meta(gt=0, description="Voltage of each phase [V]")] = 230.0
    min_current_a: Annotated[
        Power, Meta(description="Smallest current per phase (IEC 61851-1: 6 A) [A]; 0: none")
    ] = 6.0
    current_step_a: Annotated[
        Power, Meta(description="Currents are multiples of this [A]; 0: any value")
    ] = 0.0
    charge_loss: Annotated[
        list[Power],
        Meta(
            min_length=3,
            max_length=3,
            description="Loss law a [kW], b, c [1/kW]: P_loss = a + b*P + c*P² while charging",
        ),
    ] = msgspec.field(default_factory=lambda: [0.232, 0.060, 0.0])
    discharge_loss: Annotated[
        Annotated[list[Power], Meta(min_length=3, max_length=3)] | None,
        Meta(description="The same a [kW], b, c [1/kW] while discharging; none: as charging"),
    ] = None


class VehicleTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of equal vehicles, or the traits of vehicles whose capacity is drawn."""

    name: Annotated[str, Meta(min_length=1, description="Name; with a count, its prefix")] = "ev"
    count: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="How many; not given where sessions bring the vehicles"),
    ] = None
    capacity_kwh: Annotated[
        Annotated[float, Meta(gt=0, le=100_000)] | None,
        Meta(description="Usable battery energy [kWh]; none: drawn"),
    ] = None
    soc_min: Annotated[Share, Meta(description="Lowest state of charge of the battery [0..1]")] = (
        0.05
    )
    soc_max: Annotated[Share, Meta(description="Highest state of charge [0..1]")] = 1.0
    soc_floor: Annotated[
        Share, Meta(description="The driver's floor: no discharge below it [0..1]")
    ] = 0.3
    soc_target: Annotated[
        Share, Meta(description="Wanted at departure where sessions say nothing else [0..1]")
    ] = 0.8
    max_charge_kw: Annotated[
        Power | None, Meta(description="The vehicle's charging limit at the plug [kW]; none: any")
    ] = None
    max_discharge_kw: Annotated[
        Power | None, Meta(description="The vehicle's discharging limit [kW]; none: any")
    ] = None
    taper_soc: Annotated[
        Share, Meta(description="State of charge above which charging slows down [0..1]; 1: never")
    ] = 0.8
    taper_end: Annotated[
        float, Meta(gt=0, le=1, description="Share of full charging power left at soc_max")
    ] = 0.2
    wear_price_per_kwh: Annotated[
        Power,
        Meta(
            description="Price of battery wear per kWh discharged at the plug, on top of the "
            "cell model where there is one [currency/kWh]"
        ),
    ] = 0.0
    bidirectional: Annotated[bool, Meta(description="Whether the vehicles can discharge")] = True
    opted_out: Annotated[
        Share, Meta(description="Share of drivers who opted out: charged at once, never discharged")
    ] = 0.0
    cell_model: Annotated[
        str | None,
        Meta(
            description="Ageing model of the cells, which prices and accounts wear; `gridtide "
            "battery models` lists them; none: only wear_price_per_kwh"
        ),
    ] = None
    pack_price_per_kwh: Annotated[
        Power,
        Meta(
            description="Value of the pack that is lost with 20 % of its capacity, per kWh of "
            "capacity; the default is an assumption [currency/kWh]"
        ),
    ] = 120.0
    chemistry: Annotated[str, Meta(description="Cell family, for voltages and resistance")] = "nmc"
