"""Settle a product: what each kind of pay needs to know, and its lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from gridtide.core import Finding, InputError, read_record
from gridtide.services.imbalance import (
    ORDER_890,
    ORDER_890_INTERMITTENT,
    dual_price_cost,
    single_price_cost,
    split_mwh,
)
from gridtide.services.product import Product
from gridtide.services.settle import (
    Line,
    capacity_line,
    demand_charge_line,
    energy_line,
    exact,
    line,
    payment_factor,
    reactive_lines,
    regulation_lines,
    response_lines,
    spin_lines,
)


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is paid."""


class Regulation(msgspec.Struct, frozen=True, kw_only=True):
    """An hour of regulation with a capability and a performance price."""

    mw: Annotated[float, Meta(ge=0, description="Assigned [MW]")]
    score: Annotated[float, Meta(ge=0, le=1, description="Score of the hour")]
    capability_price: Annotated[float, Meta(description="RMCCP [currency/MW/h]")]
    performance_price: Annotated[float, Meta(description="RMPCP [currency/MW/h]")]
    mileage_ratio: Annotated[float, Meta(ge=0, description="Mileage over the slow signal's")] = 1.0
    hours: Annotated[float, Meta(gt=0, description="For how long [h]")] = 1.0


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """Capacity, and energy that was called."""

    mw: Annotated[float, Meta(ge=0, description="Sold [MW]")]
    price: Annotated[float, Meta(description="Of capacity [currency/MW/h]")]
    hours: Annotated[float, Meta(gt=0, description="For how long [h]")] = 1.0
    score: Annotated[float, Meta(ge=0, le=1, description="Where the product is scored")] = 1.0
    energy_mwh: Annotated[float, Meta(description="Delivered when called [MWh]")] = 0.0
    energy_price: Annotated[float, Meta(description="Of that energy [currency/MWh]")] = 0.0


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Capacity, less what an error outside the envelope costs."""

    mw: Annotated[float, Meta(ge=0, description="Sold [MW]")]
    price: Annotated[float, Meta(description="Of capacity [currency/MW/h]")]
    error: Annotated[float, Meta(ge=0, description="Worst error outside, parts of the offer")]
    hours: Annotated[float, Meta(gt=0, description="For how long [h]")] = 0.5


class Spin(msgspec.Struct, frozen=True, kw_only=True):
    """Reserve of the intervals since the last event."""

    assigned_mw: Annotated[list[float], Meta(description="By interval [MW]")]
    prices: Annotated[list[float], Meta(description="By interval [currency/MWh]")]
    hours: Annotated[float, Meta(gt=0, description="Length of an interval [h]")] = 1.0
    shortfall_mw: Annotated[float, Meta(ge=0, description="Not delivered in the event")] = 0.0


class Tiers(msgspec.Struct, frozen=True, kw_only=True):
    """Deviations by hour, priced by band."""

    deviation_mwh: Annotated[
        list[float], Meta(description="Delivered less scheduled by hour, below 0 is short [MWh]")
    ]
    scheduled_mwh: Annotated[list[float], Meta(description="By hour [MWh]")]
    incremental_cost: Annotated[list[float], Meta(description="By hour [currency/MWh]")]
    decremental_cost: Annotated[list[float], Meta(description="By hour [currency/MWh]")]


class SinglePrice(msgspec.Struct, frozen=True, kw_only=True):
    """Deviations by interval, at one price."""

    metered_mwh: Annotated[list[float], Meta(description="Delivered into the grid [MWh]")]
    scheduled_mwh: Annotated[list[float], Meta(description="Scheduled delivery [MWh]")]
    activated_mwh: Annotated[list[float], Meta(description="Asked for as a service [MWh]")]
    price: Annotated[list[float], Meta(description="Of imbalance [currency/MWh]")]


class DualPrice(msgspec.Struct, frozen=True, kw_only=True):
    """Deviations by interval, dearer where they worsen the system's own."""

    deviation_mwh: Annotated[list[float], Meta(description="Below 0 is short [MWh]")]
    day_ahead: Annotated[list[float], Meta(description="[currency/MWh]")]
    up: Annotated[list[float], Meta(description="Of balancing up [currency/MWh]")]
    down: Annotated[list[float], Meta(description="Of balancing down [currency/MWh]")]
    system_short: Annotated[list[bool], Meta(description="Whether the system lacked energy")]


class Reactive(msgspec.Struct, frozen=True, kw_only=True):
    """Reactive power that was available, and active power that it displaced."""

    kvar: Annotated[float, Meta(ge=0, description="Available [kvar]")]
    hours: Annotated[float, Meta(gt=0, description="For how long [h]")]
    price: Annotated[float, Meta(description="[currency/kvar/h]")]
    lost_kwh: Annotated[float, Meta(ge=0, description="Energy kept from flowing [kWh]")] = 0.0
    energy_price: Annotated[float, Meta(description="[currency/kWh]")] = 0.0


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """Demand response by interval."""

    baseline_kwh: Annotated[list[float], Meta(description="By interval [kWh]")]
    metered_kwh: Annotated[list[float], Meta(description="By interval, below 0 given [kWh]")]
    price: Annotated[float, Meta(description="[currency/kWh]")]
    counts_injection: Annotated[bool, Meta(description="Whether energy given counts")] = False


class DemandCharge(msgspec.Struct, frozen=True, kw_only=True):
    """A month's peak without and with shaving."""

    peak_before_kw: Annotated[float, Meta(ge=0, description="Without [kW]")]
    peak_kw: Annotated[float, Meta(ge=0, description="With [kW]")]
    price: Annotated[float, Meta(description="[currency/kW] of the month")]
    ratchet_share: Annotated[float, Meta(ge=0, le=1, description="Of past peaks")] = 0.0
    past_peak_kw: Annotated[float, Meta(ge=0, description="Largest of past months [kW]")] = 0.0


Settle = Callable[[Product, Any], list[Line]]


def _regulation(p: Product, x: Regulation) -> list[Line]:
    return regulation_lines(
        p.name,
        x.mw,
        x.score,
        capability_price=x.capability_price,
        performance_price=x.performance_price,
        mileage_ratio=p.settle_values.get("mileage_ratio", x.mileage_ratio),
        hours=x.hours,
        least_score=p.settle_values.get("least_score", 0.0),
    )


def _capacity(p: Product, x: Capacity) -> list[Line]:
    least = p.settle_values.get("least_score", 0.0)
    lines = [capacity_line(p.name, x.mw, x.hours, x.price, score=x.score, least_score=least)]
    return lines + ([energy_line(p.name, x.energy_mwh, x.energy_price)] if x.energy_mwh else [])


def _envelope(p: Product, x: Envelope) -> list[Line]:
    kept = payment_factor(x.error, free=p.score_values["free"], lost=p.score_values["lost"])
    return [capacity_line(p.name, x.mw, x.hours, x.price, score=kept)]


def _spin(p: Product, x: Spin) -> list[Line]:
    _same_length(x, "assigned_mw", "prices")
    return spin_lines(p.name, x.assigned_mw, x.prices, x.hours, shortfall_mw=x.shortfall_mw)


def _imbalance(p: Product, cost: np.ndarray, deviation: list[float]) -> list[Line]:
    return [
        line(p.name, "imbalance", 1, "interval", -amount, note=f"deviation {mwh:+g} MWh")
        for amount, mwh in zip(cost.tolist(), deviation, strict=True)
    ]


def _tiers(p: Product, x: Tiers) -> list[Line]:
    _same_length(x, "deviation_mwh", "scheduled_mwh", "incremental_cost", "decremental_cost")
    tiers = ORDER_890_INTERMITTENT if p.settle_values.get("intermittent") else ORDER_890
    columns = (x.deviation_mwh, x.scheduled_mwh, x.incremental_cost, x.decremental_cost)
    lines: list[Line] = []
    for hour, (mwh, scheduled, up, down) in enumerate(zip(*columns, strict=True)):
        for band, part in enumerate(split_mwh(mwh, scheduled, tiers)):
            tier, short = tiers[band], mwh < 0
            factor = exact(tier.short_percent if short else tier.long_percent) / 100
            quantity, price = exact(-part if short else part), up if short else down
            if part:
                note = f"hour {hour + 1}, band {band + 1}"
                lines.append(
                    line(p.name, "imbalance", quantity, "MWh", price, factor=factor, note=note)
                )
    return lines


def _single(p: Product, x: SinglePrice) -> list[Line]:
    _same_length(x, "metered_mwh", "scheduled_mwh", "activated_mwh", "price")
    columns = [np.array(c) for c in (x.metered_mwh, x.scheduled_mwh, x.activated_mwh, x.price)]
    off = columns[0] - columns[1] - columns[2]
    return _imbalance(p, single_price_cost(*columns), off.tolist())


def _dual(p: Product, x: DualPrice) -> list[Line]:
    _same_length(x, "deviation_mwh", "day_ahead", "up", "down", "system_short")
    columns = (x.deviation_mwh, x.day_ahead, x.up, x.down, x.system_short)
    return _imbalance(p, dual_price_cost(*map(np.array, columns)), x.deviation_mwh)


def _reactive(p: Product, x: Reactive) -> list[Line]:
    return reactive_lines(p.name, x.kvar, x.hours, x.price, x.lost_kwh, x.energy_price)


def _response(p: Product, x: Response) -> list[Line]:
    _same_length(x, "baseline_kwh", "metered_kwh")
    return response_lines(
        p.name, x.baseline_kwh, x.metered_kwh, x.price, counts_injection=x.counts_injection
    )


def _demand(p: Product, x: DemandCharge) -> list[Line]:
    saved = demand_charge_line(
        p.name, x.peak_before_kw, x.peak_kw, x.price,
        ratchet_share=x.ratchet_share, past_peak_kw=x.past_peak_kw,
    )  # fmt: skip
    return [saved]


SETTLERS: dict[str, tuple[type[msgspec.Struct], Settle]] = {
    "pjm_regulation": (Regulation, _regulation),
    "capacity_score": (Capacity, _capacity),
    "capacity": (Capacity, _capacity),
    "spin": (Spin, _spin),
    "envelope": (Envelope, _envelope),
    "tiers": (Tiers, _tiers),
    "single_price": (SinglePrice, _single),
    "dual_price": (DualPrice, _dual),
    "reactive": (Reactive, _reactive),
    "demand_response": (Response, _response),
    "demand_charge": (DemandCharge, _demand),
    "none": (Nothing, lambda _p, _x: []),
}


def settle(product: Product, given: Mapping[str, Any]) -> list[Line]:
    """Settle a product by what is given, by the names that :func:`inputs_of` tells.

    Raises
    ------
    InputError
        With every finding: what is missing, unknown or out of range.
    """
    kind, make = SETTLERS[product.settler]
    record, findings = read_record(kind, given, lambda path: f"{product.name} {path}".strip())
    if findings or record is None:
        raise InputError(findings)
    return make(product, record)


def inputs_of(product: Product) -> dict[str, str]:
    """Tell what settling a product asks for: names, with what they mean."""
    kind = SETTLERS[product.settler][0]
    schema = msgspec.json.schema(kind)
    fields = schema["$defs"][kind.__name__]["properties"]
    return {name: field["description"] for name, field in fields.items()}


def _same_length(record: msgspec.Struct, *names: str) -> None:
    sizes = {name: len(getattr(record, name)) for name in names}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise InputError([Finding(names[0], told, "Give one value for each interval to all")])
