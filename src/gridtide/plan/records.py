"""The records of the planning problem as a JSON document."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gridtide.plan.objectives import OBJECTIVES

Series = float | list[float]
Share = Annotated[float, Meta(ge=0, le=1)]
Step = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
Kilowatts = Annotated[float, Meta(ge=0)]
Efficiency = Annotated[float, Meta(gt=0, le=1)]


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
    stored_least_kwh: Annotated[
        Series | None,
        Meta(
            description="Energy that the vehicles plugged in below are to hold together at the "
            "end of each step, at least [kWh], a series; absent is any"
        ),
    ] = None
    stored_most_kwh: Annotated[
        Series | None,
        Meta(description="The same, at most [kWh], a series; absent is any"),
    ] = None
    line_loss_per_kw: Annotated[
        float,
        Meta(
            description="Share of the net power that the line above loses, per kW of it [1/kW]; "
            "a balanced line of R ohm at 400 V: R / 160",
            ge=0,
        ),
    ] = 0.0


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


class TripRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A trip between two stays, and the charger that it leads to."""

    depart_step: Annotated[
        int, Meta(description="The stay before ends when this step starts", ge=0)
    ]
    return_step: Annotated[
        int, Meta(description="First step plugged in again, there or elsewhere", ge=0)
    ]
    driven_kwh: Annotated[float, Meta(description="Energy that the drive takes [kWh]", ge=0)]
    soc_target: Annotated[
        float,
        Meta(description="Wanted on this departure, 0 to 1; 0 is what the drive takes", ge=0, le=1),
    ] = 0.0
    at: Annotated[
        str | None,
        Meta(description="Limit that the next charger is below; absent: that of the vehicle"),
    ] = None
    max_charge_kw: Annotated[
        Kilowatts | None,
        Meta(description="Limit of charging there [kW]; absent: that of the vehicle"),
    ] = None
    max_discharge_kw: Annotated[
        Kilowatts | None,
        Meta(description="Limit of discharging there [kW]; absent: that of the vehicle"),
    ] = None


class VehicleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle and its stay; with trips its first stay, and where it is at home."""

    id: Annotated[str, Meta(min_length=1, description="Name, unique among all")]
    capacity_kwh: Annotated[float, Meta(description="Usable energy of the battery [kWh]", gt=0)]
    soc_arrival: Annotated[float, Meta(description="Share held on arrival, 0 to 1", ge=0, le=1)]
    soc_target: Annotated[float, Meta(description="Wanted on departure, 0 to 1", ge=0, le=1)]
    soc_min: Annotated[float, Meta(description="Lower end of the window, 0 to 1", ge=0, le=1)] = 0.0
    soc_max: Annotated[float, Meta(description="Upper end of the window, 0 to 1", ge=0, le=1)] = 1.0
    soc_floor: Annotated[
        Share | list[Share],
        Meta(
            description="Share wanted at least at the end of each step while plugged in, one or "
            "one per step; what is missing is made as small as the limits allow before all else"
        ),
    ] = 0.0
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
    charge_part_kw: Annotated[
        list[Kilowatts] | None,
        Meta(
            description="Widths of parts of the charging power, filled in order [kW]; the last "
            "goes on"
        ),
    ] = None
    charge_part_efficiency: Annotated[
        list[Efficiency] | None,
        Meta(
            description="Energy stored per energy at the plug in each part, never rising; instead "
            "of charge_efficiency"
        ),
    ] = None
    discharge_part_kw: Annotated[
        list[Kilowatts] | None,
        Meta(description="Widths of parts of the discharging power [kW], likewise"),
    ] = None
    discharge_part_efficiency: Annotated[
        list[Efficiency] | None,
        Meta(
            description="Energy at the plug per energy taken in each part, never rising; "
            "discharge_efficiency then only turns prices of wear by depth"
        ),
    ] = None
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
    availability: Annotated[
        Share,
        Meta(
            description="Probability that it is there as planned, independent of the others; "
            "reserve at a confidence below 1 asks for it"
        ),
    ] = 1.0
    planned_kw: Annotated[
        list[float | None] | None,
        Meta(
            description="Power at the plug that an earlier plan said for each step [kW], null "
            "where it said nothing; differing from it costs change_price_per_kwh"
        ),
    ] = None
    trips: Annotated[
        list[TripRecord],
        Meta(
            description="Trips between arrive_step and depart_step, in their order: the vehicle "
            "leaves, drives and plugs in again. Energy missing for a drive, down to soc_min, is "
            "charged on the way at shortfall_price_per_kwh"
        ),
    ] = []


class ReserveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A block of reserve that may be offered: the same capacity in all of its steps."""

    name: Annotated[str, Meta(min_length=1, description="Name, unique among the blocks")]
    direction: Annotated[
        Literal["up", "down"],
        Meta(description="up: less import or more export when called; down: more import"),
    ]
    from_step: Annotated[int, Meta(description="First step", ge=0)]
    to_step: Annotated[int, Meta(description="The block ends where this step starts", ge=1)]
    price_per_kw_h: Annotated[
        float, Meta(description="Paid for each kW offered and hour of the block [currency/kW/h]")
    ]
    duration_h: Annotated[
        float, Meta(description="How long a call must be sustained at full power [h]", gt=0)
    ]
    opposite_share: Annotated[
        float,
        Meta(description="Share of the capacity to keep free in the other direction", ge=0),
    ] = 0.0
    confidence: Annotated[
        float,
        Meta(
            description="Probability at which the capacity is there; below 1 vehicles count by "
            "their availability, at 1 only those that are certain",
            ge=0.5,
            le=1,
        ),
    ] = 1.0
    most_kw: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="Largest offer [kW]; absent is unlimited"),
    ] = None
    least_kw: Annotated[
        float, Meta(description="Smallest offer [kW]; below it nothing is offered", ge=0)
    ] = 0.0
    step_kw: Annotated[
        float, Meta(description="Offers are whole multiples of it [kW]; 0 for any", ge=0)
    ] = 0.0
    limit: Annotated[
        str | None, Meta(description="Limit below which it is offered; absent: all vehicles")
    ] = None
    activation_share: Annotated[
        Share, Meta(description="Share of the capacity that is called in the mean")
    ] = 0.0
    committed_kw: Annotated[float, Meta(description="Already sold [kW]", ge=0)] = 0.0
    penalty_per_kw_h: Annotated[
        float,
        Meta(description="What a committed kW that is not kept costs [currency/kW/h]", ge=0),
    ] = 10.0
    sold_with: Annotated[
        str | None,
        Meta(description="Name of the block that is sold with this one: both offer the same"),
    ] = None
    shares: Annotated[
        bool, Meta(description="Answer with each vehicle's share of a call from each step")
    ] = False


def _weight(name: str) -> Meta:
    known = OBJECTIVES[name]
    return Meta(description=f"{known.told} [{known.weight_unit}]", ge=0)


class ObjectiveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is minimised: weight × value, summed. What has no weight does not count."""

    cost: Annotated[float, _weight("cost")] = 0.0
    profit: Annotated[float, _weight("profit")] = 0.0
    carbon: Annotated[float, _weight("carbon")] = 0.0
    peak: Annotated[float, _weight("peak")] = 0.0
    variance: Annotated[float, _weight("variance")] = 0.0
    valley: Annotated[float, _weight("valley")] = 0.0
    losses: Annotated[float, _weight("losses")] = 0.0
    self_consumption: Annotated[float, _weight("self_consumption")] = 0.0
    fairness: Annotated[float, _weight("fairness")] = 0.0


class ScenarioVehicleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is different about a vehicle on a day that may come."""

    id: Annotated[str, Meta(min_length=1, description="One of the vehicles of the problem")]
    absent: Annotated[bool, Meta(description="Stays away that day")] = False
    arrive_step: Annotated[Step | None, Meta(description="First step plugged in")] = None
    depart_step: Annotated[
        Step | None, Meta(description="The target is due when this step starts")
    ] = None
    soc_arrival: Annotated[Share | None, Meta(description="Share held on arrival, 0 to 1")] = None
    soc_target: Annotated[Share | None, Meta(description="Wanted on departure, 0 to 1")] = None


class ScenarioRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A day that may come: what of the problem is different on it."""

    weight: Annotated[float, Meta(description="Probability; all together 1", gt=0, le=1)]
    name: Annotated[str, Meta(description="Name for the answer; absent: its number")] = ""
    vehicles: Annotated[
        list[ScenarioVehicleRecord], Meta(description="Vehicles that are different")
    ] = []
    price_import_per_kwh: Annotated[
        Series | None, Meta(description="Import price [currency/kWh], a series; absent: as stated")
    ] = None
    price_export_per_kwh: Annotated[
        Series | None,
        Meta(description="Price paid for export [currency/kWh], a series; absent: as stated"),
    ] = None


class BidRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The day-ahead market that is bid to, and what is minimised."""

    form: Annotated[
        Literal["curve", "quantity"],
        Meta(description="curve: a quantity per import price; quantity: the same at any price"),
    ] = "curve"
    price_levels: Annotated[
        Count | None,
        Meta(description="Most steps of a curve; absent: one per price of the scenarios"),
    ] = None
    period_steps: Annotated[
        int, Meta(description="Steps of a market period, one quantity each", ge=1)
    ] = 1
    shortage_spread_per_kwh: Annotated[
        Series,
        Meta(description="Shortage costs so much above the import price [currency/kWh], a series"),
    ] = 0.0
    surplus_spread_per_kwh: Annotated[
        Series,
        Meta(description="Surplus sells so much below the import price [currency/kWh], a series"),
    ] = 0.0
    risk_weight: Annotated[
        float, Meta(description="Of the mean of the dearest days, beside the expected cost", ge=0)
    ] = 0.0
    risk_level: Annotated[
        float, Meta(description="Share of days that are not among the dearest", ge=0, lt=1)
    ] = 0.9


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
    stored_price_per_kwh_h: Annotated[
        float,
        Meta(
            description="What each kWh costs by which limits miss their stored_least_kwh or are "
            "beyond their stored_most_kwh [currency/kWh/h]",
            ge=0,
        ),
    ] = 1.0
    change_price_per_kwh: Annotated[
        float,
        Meta(
            description="What each kWh costs by which vehicles differ from their planned_kw "
            "[currency/kWh]: little is enough to change only what is worth it",
            ge=0,
        ),
    ] = 0.0
    reserves: Annotated[
        list[ReserveRecord], Meta(description="Blocks of reserve that may be offered")
    ] = []
    promise: Annotated[
        Literal["priced", "first"],
        Meta(description="priced: shortfall has its price; first: it is made smallest first"),
    ] = "priced"
    objective: Annotated[
        ObjectiveRecord | None,
        Meta(description="Weights of objectives by name; absent: the cost alone"),
    ] = None
    discharge: Annotated[
        bool, Meta(description="false: nobody discharges, whatever the vehicles could (V1G)")
    ] = True
    wear_model: Annotated[
        str, Meta(description="Name of the model behind the prices of wear; the answer repeats it")
    ] = ""
    scenarios: Annotated[
        list[ScenarioRecord],
        Meta(description="Days that may come; with them the answer is a day-ahead bid"),
    ] = []
    bid: Annotated[
        BidRecord | None, Meta(description="The market that is bid to; goes with scenarios")
    ] = None
