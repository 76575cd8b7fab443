"""Limits that a battery management system would set: the scenario's ``[envelope]`` table.

Defaults are conservative and configurable; none of them was checked against a maker's data
(unverified). The card is docs/models/envelope.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from gridtide.battery._kernel_arrays import limits_each
from gridtide.battery._kernel_envelope import EnvelopeLaw
from gridtide.core import Finding

Floats = npt.NDArray[np.float64]
Share = Annotated[float, Meta(ge=0, le=1)]
Warmth = Annotated[float, Meta(ge=-60, le=100)]
Rate = Annotated[float, Meta(ge=0, le=20)]
Amount = Annotated[float, Meta(ge=0)]


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a battery allows beyond charger and vehicle: the scenario's ``[envelope]`` table.

    The same for all vehicles. Every default is conservative and not checked against a maker's
    data (unverified).
    """

    soc_min: Annotated[
        Share, Meta(description="Lowest state of charge of V2G: no discharge below it [0..1]")
    ] = 0.2
    soc_max: Annotated[
        Share,
        Meta(description="Highest state of charge of V2G; above it only for the driver [0..1]"),
    ] = 0.8
    floor_soc: Annotated[
        Share, Meta(description="Least driver's floor; a vehicle's own may be higher [0..1]")
    ] = 0.3
    hard_soc_min: Annotated[
        Share, Meta(description="Never discharged below this, whatever the other floors [0..1]")
    ] = 0.05
    hard_soc_max: Annotated[
        Share, Meta(description="Never charged above this, not even for the driver [0..1]")
    ] = 0.95
    charge_rate_per_h: Annotated[
        Rate | None, Meta(description="Largest C-rate of charging [1/h]; none: any")
    ] = None
    discharge_rate_per_h: Annotated[
        Rate | None, Meta(description="Largest C-rate of discharging [1/h]; none: any")
    ] = 0.3
    by_temperature: Annotated[
        bool,
        Meta(description="Whether the temperature limits below hold; they need a weather table"),
    ] = True
    discharge_off_below_c: Annotated[
        Warmth, Meta(description="No discharge below this pack temperature [°C]")
    ] = -10.0
    cold_c: Annotated[Warmth, Meta(description="Below this the two cold C-rates hold [°C]")] = 0.0
    cold_charge_rate_per_h: Annotated[
        Rate, Meta(description="Largest C-rate of charging a cold pack [1/h]")
    ] = 0.1
    cold_discharge_rate_per_h: Annotated[
        Rate, Meta(description="Largest C-rate of discharging a cold pack [1/h]")
    ] = 0.3
    mild_c: Annotated[
        Warmth, Meta(description="From cold_c up to this charging rises to full power [°C]")
    ] = 10.0
    hot_c: Annotated[
        Warmth, Meta(description="Above this both powers fall, to nothing at off_above_c [°C]")
    ] = 45.0
    off_above_c: Annotated[
        Warmth, Meta(description="Neither charge nor discharge above this [°C]")
    ] = 55.0
    by_voltage: Annotated[
        bool,
        Meta(description="Whether cell voltages stay within the window of their chemistry"),
    ] = True
    voltage_margin_v: Annotated[
        Annotated[float, Meta(ge=0, le=0.3)],
        Meta(description="Distance that cell voltages keep to their window [V]"),
    ] = 0.05
    yearly_throughput_kwh: Annotated[
        Amount | None,
        Meta(description="Energy out of the cells in a year of operation [kWh]; none: any"),
    ] = None
    yearly_cycles: Annotated[
        Amount | None,
        Meta(description="Full cycles of discharge in a year of operation [-]; none: any"),
    ] = None
    dwell_s: Annotated[
        Annotated[float, Meta(ge=0, le=86_400)],
        Meta(description="A direction of power is kept this long before it turns [s]"),
    ] = 60.0
    stale_after_s: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="No discharge on what was declared longer ago [s]; none: any age"),
    ] = 120.0


def envelope_law(envelope: Envelope) -> EnvelopeLaw:
    """Return the table as compiled code takes it."""
    return EnvelopeLaw(
        charge_rate=_or_inf(envelope.charge_rate_per_h),
        discharge_rate=_or_inf(envelope.discharge_rate_per_h),
        by_temperature=envelope.by_temperature,
        discharge_off_below=envelope.discharge_off_below_c,
        cold=envelope.cold_c,
        cold_charge_rate=envelope.cold_charge_rate_per_h,
        cold_discharge_rate=envelope.cold_discharge_rate_per_h,
        mild=envelope.mild_c,
        hot=envelope.hot_c,
        off_above=envelope.off_above_c,
        floor_soc=max(envelope.floor_soc, envelope.soc_min, envelope.hard_soc_min),
        top_soc=min(envelope.soc_max, envelope.hard_soc_max),
        hard_top_soc=envelope.hard_soc_max,
        yearly_kwh=_or_inf(envelope.yearly_throughput_kwh),
        yearly_cycles=_or_inf(envelope.yearly_cycles),
        dwell_s=envelope.dwell_s,
        stale_s=_or_inf(envelope.stale_after_s),
    )


def _or_inf(value: float | None) -> float:
    return inf if value is None else float(value)


def check_envelope(
    envelope: Envelope, place: Callable[[str], str], path: str = "envelope"
) -> list[Finding]:
    """Return what an ``[envelope]`` table contradicts in itself.

    ``place`` turns a dotted path into a place that a person finds.
    """
    rising = (
        ("hard_soc_min", "soc_min", "soc_max", "hard_soc_max"),
        ("discharge_off_below_c", "cold_c", "mild_c", "hot_c", "off_above_c"),
    )
    findings = []
    for names in rising:
        for low, high in pairwise(names):
            below, above = getattr(envelope, low), getattr(envelope, high)
            if below > above or (below == above and (low, high) == ("soc_min", "soc_max")):
                what = f"{low} {below:g} is not below {high} {above:g}"
                findings.append(Finding(place(f"{path}.{low}"), what, f"Let {' ≤ '.join(names)}"))
    return findings


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLimits:
    """Power that cells may take and give [kW], both >= 0, and the reason code of each cut.

    Arrays of shape (packs,); the code is that of ``NOT_CONNECTED`` where nothing is cut.
    """

    charge_kw: Floats
    discharge_kw: Floats
    charge_reason: npt.NDArray[np.uint8]
    discharge_reason: npt.NDArray[np.uint8]


def cell_limits(
    envelope: Envelope,
    temperature_c: Floats,
    capacity_kwh: Floats,
    charge_kw: Floats,
    discharge_kw: Floats,
) -> CellLimits:
    """Limit powers at the cells by C-rate and temperature.

    Parameters
    ----------
    envelope
        The table.
    temperature_c
        Pack temperatures [°C]; NaN where unknown: nothing is discharged then, and charging is
        limited by the C-rate alone, shape (packs,).
    capacity_kwh
        Capacity [kWh], shape (packs,).
    charge_kw, discharge_kw
        What charger and vehicle allow at the cells [kW], both >= 0, shape (packs,).
    """
    n = np.size(temperature_c)
    columns = [
        np.ascontiguousarray(np.broadcast_to(values, n), dtype=np.float64)
        for values in (temperature_c, capacity_kwh, charge_kw, discharge_kw)
    ]
    out, why = np.empty((2, n)), np.empty((2, n), dtype=np.uint8)
    limits_each(*columns, envelope_law(envelope), out, why)
    return CellLimits(
        charge_kw=out[0], discharge_kw=out[1], charge_reason=why[0], discharge_reason=why[1]
    )
