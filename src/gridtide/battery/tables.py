"""The battery's table of a scenario file: how wear is priced."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class WearTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the ageing of the cells becomes a price; for vehicles with a cell_model."""

    life_years: Annotated[
        float, Meta(ge=1, le=50, description="Life over which loss by time is spread [years]")
    ] = 10.0
    life_efc: Annotated[
        float,
        Meta(ge=1, le=100_000, description="Life over which loss by use is spread [full cycles]"),
    ] = 1500.0
    depth_segments: Annotated[
        int,
        Meta(
            ge=0,
            le=32,
            description="Segments of depth that plans price; 0: one price per kWh, refreshed from "
            "the rainflow cycles of the plan",
        ),
    ] = 8
    holding_pieces: Annotated[
        int,
        Meta(ge=0, le=32, description="Pieces of the price of holding energy; 0: not priced"),
    ] = 8
    temperature_c: Annotated[
        float,
        Meta(ge=-40, le=80, description="Of the cells where no weather is modelled [°C]"),
    ] = 25.0
