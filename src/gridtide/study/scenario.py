"""The scenario file as typed tables."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gridtide.battery import Envelope, Thermal, WearTable
from gridtide.fleet import (
    ChargerTable,
    LimitChange,
    LimitGroupTable,
    LimitTable,
    Mix,
    SessionKind,
    VehicleTable,
)
from gridtide.fleet.tables import Archetype, Power
from gridtide.market import Contract
from gridtide.plan import OBJECTIVES
from gridtide.services import ServiceTable
from gridtide.signals import BaseLoad, Carbon, Pv, Tariff, Weather


class SiteTable(LimitTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grid connection: a limit with a meter, and what stands behind it beside chargers.

    No site stands below another, and the demand charges of all sites have the same billing
    periods.
    """

    archetype: Annotated[Archetype, Meta(description="What kind of place it is")] = "campus"
    tariff: Annotated[str, Meta(description="Name of the tariff of this meter")]
    latitude_deg: Annotated[
        float, Meta(ge=-90, le=90, description="For the sun's position [°]")
    ] = 37.77
    longitude_deg: Annotated[
        float, Meta(ge=-180, le=180, description="East positive, for the sun's position [°]")
    ] = -122.42
    base_load: Annotated[
        BaseLoad | None, Meta(description="What the building uses; none: nothing")
    ] = None
    pv: Annotated[Pv | None, Meta(description="Sun power behind the meter; none: nothing")] = None


class SessionsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where sessions come from."""

    source: Annotated[
        Literal["sample", "acn", "trondheim", "csv"],
        Meta(description="sample: drawn from fitted distributions; the others: read from a file"),
    ]
    kind: Annotated[
        SessionKind | None,
        Meta(description="What is sampled; none: what suits the first site's archetype"),
    ] = None
    file: Annotated[
        str | None,
        Meta(description="File beside the scenario; in ${GRIDTIDE_DATA}/… for published data"),
    ] = None
    garage: Annotated[
        str | None, Meta(description="One garage of the Trondheim data; none: all")
    ] = None
    ready_by: Annotated[
        Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None,
        Meta(
            description='Standing departure "HH:MM", local, where the driver stated none; '
            "none: departure unknown, charged at once",
        ),
    ] = None
    capacity_mix: Annotated[
        Mix, Meta(description="Mix of cars that unknown battery capacities are drawn from")
    ] = "california_2019"
    capacity_scale: Annotated[
        float, Meta(gt=0, description="Factor on drawn battery capacities, for sensitivity")
    ] = 1.0
    sensitivity: Annotated[
        list[Annotated[float, Meta(gt=0)]],
        Meta(
            description="Factors on drawn capacities for which v1g and v2g are run again, to "
            "show how the result moves; empty: none"
        ),
    ] = msgspec.field(default_factory=lambda: [0.8, 1.25])


def _weight(name: str) -> Meta:
    known = OBJECTIVES[name]
    return Meta(description=f"{known.told} [{known.weight_unit}]", ge=0)


class ObjectiveTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plan minimises beside energy, demand and wear."""

    carbon_price_per_kg: Annotated[
        Power, Meta(description="Weight of marginal emissions [currency/kg CO2]")
    ] = 0.0
    stored_value_per_kwh: Annotated[
        float | None,
        Meta(
            description="Worth of energy left in batteries [currency/kWh]; none: the mean "
            "import price of the run"
        ),
    ] = None
    variance: Annotated[float, _weight("variance")] = 0.0
    valley: Annotated[float, _weight("valley")] = 0.0
    self_consumption: Annotated[float, _weight("self_consumption")] = 0.0
    fairness: Annotated[float, _weight("fairness")] = 0.0

    def weights(self) -> dict[str, float]:
        """Return weights beside the cost's, by the names of ``gridtide.plan.OBJECTIVES``."""
        names = ("variance", "valley", "self_consumption", "fairness")
        return {name: weight for name in names if (weight := getattr(self, name))}


class StrategyTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is compared, and how the plan is made."""

    run: Annotated[
        list[str],
        Meta(
            min_length=1,
            description="uncontrolled, v1g, v2g, edf, llf, or module:Class for your own; "
            "v2g+PRODUCT sells one of the services alone",
        ),
    ] = msgspec.field(default_factory=lambda: ["uncontrolled", "v1g", "v2g"])
    replan_minutes: Annotated[
        int, Meta(ge=1, le=60, description="Longest time that a plan is followed [min]")
    ] = 60
    keep_plan_minutes: Annotated[
        Annotated[int, Meta(ge=0, le=60)] | None,
        Meta(
            description="Shortest time that a plan is followed though vehicles come and leave; "
            "none: 0 up to 2,000 chargers, 30 up to 20,000, 60 beyond [min]"
        ),
    ] = None
    horizon_hours: Annotated[
        float, Meta(gt=0, le=24, description="How far a plan looks ahead at most [h]")
    ] = 24.0
    ready_before_minutes: Annotated[
        int,
        Meta(
            ge=0,
            le=720,
            description="Plans have vehicles ready so long before the stated departure, for those "
            "who leave early [min]",
        ),
    ] = 0
    change_price_per_kwh: Annotated[
        float,
        Meta(
            ge=0,
            description="What each kWh by which a plan differs from the one before costs in it: "
            "of plans that are as good, the one that changes least [currency/kWh]",
        ),
    ] = 0.001
    record_decisions: Annotated[
        bool, Meta(description="Keep every setpoint with its reason; switch off for large fleets")
    ] = True
    record_schedules: Annotated[
        Literal["whole", "followed"] | None,
        Meta(
            description="Keep every plan up to its horizon, or only the steps that were followed "
            "until the next plan; none: whole up to 2,000 chargers"
        ),
    ] = None


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A study: time, sites, chargers, vehicles, sessions, tariff, strategies."""

    version: Annotated[Literal[1], Meta(description="Version of this file format")]
    name: Annotated[str, Meta(min_length=1, description="Title of the study")]
    description: Annotated[str, Meta(description="One sentence for the report")] = ""
    start: Annotated[
        str,
        Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="First local day, such as 2026-06-02"),
    ]
    days: Annotated[int, Meta(ge=1, le=400, description="Local days, of 23 to 25 hours")]
    timezone: Annotated[str, Meta(description="IANA time zone, such as Europe/Oslo")]
    step_minutes: Annotated[
        Literal[1, 3, 5, 15, 30, 60], Meta(description="Length of a control step [min]")
    ] = 15
    seed: Annotated[int, Meta(ge=0, description="Seed of everything drawn")] = 1
    site: Annotated[list[SiteTable], Meta(min_length=1, description="Grid connections")]
    limit: Annotated[list[LimitGroupTable], Meta(description="Panels, cables, feeders")] = (
        msgspec.field(default_factory=list)
    )
    change: Annotated[list[LimitChange], Meta(description="Limits that change in the run")] = (
        msgspec.field(default_factory=list)
    )
    charger: Annotated[list[ChargerTable], Meta(min_length=1, description="Charger groups")]
    vehicle: Annotated[list[VehicleTable], Meta(min_length=1, description="Vehicle groups")] = (
        msgspec.field(default_factory=lambda: [VehicleTable()])
    )
    sessions: Annotated[SessionsTable, Meta(description="Where sessions come from")]
    tariff: Annotated[list[Tariff], Meta(min_length=1, description="Tariffs")]
    carbon: Annotated[Carbon | None, Meta(description="Marginal emission")] = None
    weather: Annotated[
        Weather | None,
        Meta(description="Air around the vehicles; none: packs have no temperature"),
    ] = None
    thermal: Annotated[
        Thermal | None,
        Meta(description="How packs warm and cool in the weather; none: as the defaults say"),
    ] = None
    envelope: Annotated[
        Envelope | None,
        Meta(description="Limits that the batteries themselves set; none: charger and vehicle's"),
    ] = None
    strategy: Annotated[StrategyTable, Meta(description="What is compared")] = msgspec.field(
        default_factory=StrategyTable
    )
    objective: Annotated[
        ObjectiveTable, Meta(description="What a plan minimises beside energy, demand, wear")
    ] = msgspec.field(default_factory=ObjectiveTable)
    wear: Annotated[
        WearTable, Meta(description="How the ageing of vehicles with a cell_model is priced")
    ] = msgspec.field(default_factory=WearTable)
    services: Annotated[
        dict[str, ServiceTable],
        Meta(
            description="Grid services by the names of `gridtide service list`; v1g and v2g are "
            "then run a second time, selling them"
        ),
    ] = msgspec.field(default_factory=dict)
    contract: Annotated[Contract | None, Meta(description="What the driver gets")] = None


def scenario_schema() -> dict[str, object]:
    """JSON Schema of the scenario file."""
    return msgspec.json.schema(Scenario)
