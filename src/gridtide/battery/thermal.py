"""The pack's temperature: one lumped thermal mass (docs/models/thermal.md).

The scenario's ``[thermal]`` table; the steps themselves are compiled.

References
----------
.. [1] T. L. Bergman et al., "Fundamentals of Heat and Mass Transfer", 7th ed., Wiley, 2011,
   section 5.1: the lumped capacitance method.
.. [2] D. Bernardi, E. Pawlikowski, J. Newman, "A general energy balance for battery systems",
   J. Electrochem. Soc. 132, 5, 1985, doi:10.1149/1.2113792: heat of a cell, of which the
   irreversible part is kept here.
.. [3] Zheng et al., IEEE/ASME Trans. Mechatronics, 2024, doi:10.1109/TMECH.2024.3367291: a
   cell of 50 Ah with 1.25 and 1.65 mΩ (ohmic, RC pair) at 3.7 V, 0.039 h.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from gridtide.core import Finding

Warmth = Annotated[float, Meta(ge=-60, le=100)]
Positive = Annotated[float, Meta(gt=0)]


class Thermal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How packs warm and cool: the scenario's ``[thermal]`` table; the same for all vehicles.

    Each pack is one thermal mass [1]_ heated by its resistance [2]_ [3]_. Defaults are carded
    assumptions (unverified).
    """

    time_constant_h: Annotated[
        Positive,
        Meta(description="Time in which a pack left alone comes to 1/e of its distance [h]"),
    ] = 8.0
    heat_capacity_wh_per_k_kwh: Annotated[
        Positive,
        Meta(description="Thermal mass for each kWh of capacity [Wh/K/kWh]"),
    ] = 1.8
    relative_resistance_h: Annotated[
        Annotated[float, Meta(ge=0)],
        Meta(description="Internal resistance × charge / voltage at 25 °C [h]"),
    ] = 0.04
    activation_j_per_mol: Annotated[
        Annotated[float, Meta(ge=0, le=100_000)],
        Meta(description="Arrhenius energy of the resistance [J/mol]"),
    ] = 15_000.0
    heat_below_c: Annotated[
        Warmth | None,
        Meta(description="A plugged-in pack is heated below this [°C]; none: no heater"),
    ] = None
    cool_above_c: Annotated[
        Warmth | None,
        Meta(description="A plugged-in pack is cooled above this [°C]; none: no cooler"),
    ] = None
    conditioning_kw: Annotated[
        Annotated[float, Meta(ge=0)],
        Meta(description="Largest power of heater or cooler, drawn at the plug [kW]"),
    ] = 3.0
    heat_cop: Annotated[
        Positive, Meta(description="Heat into the pack for each kWh heating draws [-]")
    ] = 1.0
    cool_cop: Annotated[
        Positive, Meta(description="Heat out of the pack for each kWh cooling draws [-]")
    ] = 2.0

    @property
    def conditions(self) -> bool:
        """Whether packs are heated or cooled at all."""
        some = self.heat_below_c is not None or self.cool_above_c is not None
        return some and self.conditioning_kw > 0.0


class ThermalLaw(NamedTuple):
    """A :class:`Thermal` as compiled code takes it; ``mass`` in kWh/K for each kWh of capacity."""

    tau_h: float
    mass: float
    resistance_h: float
    activation: float
    heat_below: float
    cool_above: float
    most_kw: float
    heat_cop: float
    cool_cop: float

    @classmethod
    def of(cls, thermal: Thermal) -> ThermalLaw:
        """Read a table; a band that is not there is NaN."""
        return cls(
            tau_h=thermal.time_constant_h,
            mass=thermal.heat_capacity_wh_per_k_kwh / 1000.0,
            resistance_h=thermal.relative_resistance_h,
            activation=thermal.activation_j_per_mol,
            heat_below=_or_nan(thermal.heat_below_c),
            cool_above=_or_nan(thermal.cool_above_c),
            most_kw=thermal.conditioning_kw,
            heat_cop=thermal.heat_cop,
            cool_cop=thermal.cool_cop,
        )


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def check_thermal(thermal: Thermal, where: str) -> list[Finding]:
    """Return what a ``[thermal]`` table contradicts in itself."""
    low, high = thermal.heat_below_c, thermal.cool_above_c
    if low is None or high is None or low < high:
        return []
    what = f"it is heated below {low:g} °C and cooled above {high:g} °C"
    return [Finding(where, what, "Let heat_below_c be lower than cool_above_c")]
