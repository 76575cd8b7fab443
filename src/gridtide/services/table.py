"""A product's table in a scenario file: `[services.PRODUCT]`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class ServiceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grid service that the fleet sells: its prices, and what activates it."""

    price_per_kw_h: Annotated[
        float,
        Meta(ge=0, description="What capacity earns, as expected [currency/kW/h]"),
    ]
    performance_price_per_kw_h: Annotated[
        float, Meta(ge=0, description="The same for performance, where the product pays it")
    ] = 0.0
    energy_price_per_kwh: Annotated[
        float, Meta(ge=0, description="Paid for energy that is called [currency/kWh]")
    ] = 0.0
    signal: Annotated[
        str,
        Meta(
            min_length=1,
            description="CSV beside the scenario with columns time and signal, hz or share; "
            "generated: drawn, synthetic; none: never activated",
        ),
    ] = "generated"
    signal_begins: Annotated[
        str,
        Meta(
            pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
            description="Where the file counts in seconds, the time of the first day from which",
        ),
    ] = "00:00"
    pooled: Annotated[
        bool,
        Meta(
            description="The fleet is a part of a larger offer: smallest offer and steps of the "
            "product do not count"
        ),
    ] = False
    site: Annotated[str | None, Meta(description="Only vehicles of this site serve; none: all")] = (
        None
    )
    gate_minutes: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(
            description="How long before a block its offer is final [min]; none: as the product "
            "has it"
        ),
    ] = None
    confidence: Annotated[
        Annotated[float, Meta(ge=0.5, le=1)] | None,
        Meta(
            description="Probability with which what is sold must be there, vehicles yet to come "
            "counted by past days; 1 counts on none of them; none: what the product asks"
        ),
    ] = None
    firm_share: Annotated[
        float,
        Meta(
            gt=0,
            le=2,
            description="What plans must prove, in parts of an offer: below 1 a product that is "
            "scored by its mean error is sold beyond, for signals that seldom ask for all; above "
            "1 something is held back for those who leave unannounced",
        ),
    ] = 1.0
    most_kw: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Largest offer [kW]; none: all that plans prove"),
    ] = None
    area_mw: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(
            description="Demand of the area whose frequency is answered: no droop is offered "
            "that would be unstable with the stations' delay [MW]; none: large enough"
        ),
    ] = None
    latency_s: Annotated[
        float, Meta(ge=0, le=30, description="Time until a station begins to answer [s]")
    ] = 0.5
    pace_kw_per_s: Annotated[
        float, Meta(gt=0, description="How fast a station's power moves then [kW/s]")
    ] = 5.0
