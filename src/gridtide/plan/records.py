"""The records of the planning problem as a JSON document."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Series = float | list[float]
Share = Annotated[float, Meta(ge=0, le=1)]


class LimitRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on net power: its own base load plus the net power of its members."""

    name: Annotated[str, Meta(min_length=1, description="Name, unique among all")]
    members: Annotated[
        list[str], Meta(description="Vehicles or limits, each a member once at most")
    ]
    import_kw: Annotated[
        Series | None, Meta(description="Largest net import [kW], a series; absent is unlimited")
    ] = None
    export_kw: Annotated[
        Series | None, Meta(description="Largest net export [kW], a series; absent is unlimited")
    ] = None
    base_load_kw: Annotated[Series, Meta(description="Own load less generation [kW], a series")] = (
        0.0
    )
    demand_charge_per_kw: Annotated[
        float, Meta(description="On max(0, peak so far, highest net import) [currency/kW]", ge=0)
    ] = 0.0
    demand_peak_so_far_kw: Annotated[
        float, Meta(description="Peak already set in this billing period [kW]", ge=0)
    ] = 0.0
    phase_kw: Annotated[
        list[float] | None,
        Meta(description="Largest net power each way on L1, L2, L3 [kW]; base load is balanced"),
    ] = None


class HoldingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The price of holding energy, convex over bands: what the battery ages while it waits."""

    edges_kwh: Annotated[list[float], Meta(description="Rising edges of the bands [kWh]")]
    price_per_kwh_h: Annotated[
        list[Series],
        Meta(
            description="Price in each band [currency/kWh/h], never falling from band to band, "
            "each a series. The energy at the end of a step counts, while plugged in; the first "
            "and the last band go on beyond their edges"
        ),
    ]
    base_per_h: Annotated[
        Series, Meta(description="Cost of holding the lowest edge [currency/h], a series")
    ] = 0.0


class VehicleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that stays once."""

    id: Annotated[str, Meta(min_length=1, description="Name, unique among all")]
    capacity_kwh: Annotated[float, Meta(description="Usable energy of the battery [kWh]", gt=0)]
    soc_arrival: Annotated[float, Meta(description="Share held on arrival, 0 to 1", ge=0, le=1)]
    soc_target: Annotated[float, Meta(description="Wanted on departure, 0 to 1", ge=0, le=1)]
    soc_min: Annotated[float, Meta(description="Lower end of the window, 0 to 1", ge=0, le=1)] = 0.0
    soc_max: Annotated[float, Meta(description="Upper end of the window, 0 to 1", ge=0, le=1)] = 1.0
    arrive_step: Annotated[int, Meta(description="First step plugged in", ge=0)]
    depart_step: Annotated[
        int,
        Meta(description="The target is due when this step starts; none beyond `steps`", ge=0),
    ]
    max_charge_kw: Annotated[float, Meta(description="Limit of charging at the plug [kW]", ge=0)]
    max_discharge_kw: Annotated[
        float, Meta(description="Largest discharging power at the plug [kW]; 0 is V1G", ge=0)
    ] = 0.0
    min_charge_kw: Annotated[
        float,
        Meta(description="Smallest charging power; between it and 0 nothing [kW]", ge=0),
    ] = 0.0
    min_discharge_kw: Annotated[
        float,
        Meta(description="Smallest discharging power; between it and 0 nothing [kW]", ge=0),
    ] = 0.0
    one_phase_kw: Annotated[
        list[float] | None,
        Meta(
            description="Smallest and largest charging power on one phase [kW], used below "
            "min_charge_kw; absent where the charger does not switch phases"
        ),
    ] = None
    one_phase_line: Annotated[
        Literal[1, 2, 3], Meta(description="The phase that is used then: L1, L2 or L3")
    ] = 1
    charge_efficiency: Annotated[
        float, Meta(description="Energy stored per energy at the plug, above 0 to 1", gt=0, le=1)
    ] = 1.0
    discharge_efficiency: Annotated[
        float, Meta(description="Energy at the plug per energy taken, above 0 to 1", gt=0, le=1)
    ] = 1.0
    wear_price_per_kwh: Annotated[
        float, Meta(description="Wear per kWh discharged at the plug [currency/kWh]", ge=0)
    ] = 0.0
    wear_depth_price_per_kwh: Annotated[
        list[float] | None,
        Meta(
            description="Further wear per kWh discharged at the plug from each of equal segments "
            "of the battery [currency/kWh], shallowest first, never falling; as many for all"
        ),
    ] = None
    wear_segment_kwh: Annotated[
        list[float] | None,
        Meta(
            description="Energy in each segment on arrival [kWh], shallowest first, together the "
            "energy held; absent: no cycle is open, the shallowest are filled"
        ),
    ] = None
    holding: Annotated[
        HoldingRecord | None, Meta(description="Price of holding energy; absent is none")
    ] = None
    standby_kw: Annotated[float, Meta(description="Loss while power flows [kW]", ge=0)] = 0.0
    taper_soc: Annotated[
        float, Meta(description="Above this the battery takes less; 1 is no taper", ge=0, le=1)
    ] = 1.0
    taper_end: Annotated[
        float, Meta(description="Share of the full charging power left at soc_max", gt=0, le=1)
    ] = 1.0
    end_value_per_kwh: Annotated[
        float,
        Meta(description="Worth of energy held at the end [currency/kWh]", ge=0),
    ] = 0.0
    end_value_up_to_soc: Annotated[
        float, Meta(description="Energy above this level is worth nothing, 0 to 1", ge=0, le=1)
    ] = 1.0
    phases: Annotated[
        list[Share] | None, Meta(description="Shares of the power on L1, L2, L3, together 1")
    ] = None


class ProblemRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A planning problem without any scenario around it."""

    version: Annotated[Literal[1], Meta(description="Version of this format")]
    start: Annotated[str, Meta(description="Start of step 0, ISO 8601 with its offset")]
    step_minutes: Annotated[float, Meta(description="Length of a step [min]", gt=0, le=1440)]
    steps: Annotated[int, Meta(description="Number of steps", ge=1, le=100_000)]
    price_import_per_kwh: Annotated[
        Series, Meta(description="Import price [currency/kWh], a series")
    ]
    price_export_per_kwh: Annotated[
        Series, Meta(description="Price paid for export [currency/kWh], a series")
    ]
    shortfall_price_per_kwh: Annotated[
        float,
        Meta(description="On energy missing on departure [currency/kWh]", ge=0),
    ]
    vehicles: Annotated[list[VehicleRecord], Meta(description="The vehicles")]
    limits: Annotated[list[LimitRecord], Meta(description="The limits, a tree")] = []
    billing: Annotated[
        str | None,
        Meta(description="Limit whose net power is billed; absent: each plug is billed for itself"),
    ] = None
    carbon_kg_per_kwh: Annotated[
        Series, Meta(description="Marginal emission of the grid [kg/kWh], a series")
    ] = 0.0
    carbon_price_per_kg: Annotated[
        float, Meta(description="Added to both energy prices by the emission [currency/kg]", ge=0)
    ] = 0.0
    promise: Annotated[
        Literal["priced", "first"],
        Meta(description="priced: shortfall has its price; first: it is made smallest first"),
    ] = "priced"
    wear_model: Annotated[
        str, Meta(description="Name of the model behind the prices of wear; the answer repeats it")
    ] = ""
