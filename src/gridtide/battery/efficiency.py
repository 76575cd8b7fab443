"""Three efficiencies of a battery that must not be mixed up, each with its boundary.

All three compare what leaves with what enters over one full cycle: charged from ``soc_min`` to
``soc_max`` at constant power and discharged back at the same power, so that the battery ends as
it began.

==================  ========  =============================================================
quantity            boundary  what is counted
==================  ========  =============================================================
coulombic           cells     Ah out / Ah in. Charge that side reactions take; no voltage
energy efficiency   dc        kWh out / kWh in at the DC terminals of the pack: charge, and
                              the overvoltage of the circuit both ways
round trip          plug      kWh out / kWh in at the plug: all that, and the conversion loss
                              of charger and vehicle both ways (:mod:`gridtide.battery.losses`)
==================  ========  =============================================================

The RC pair counts as settled (``R = R0 + R1``): it answers within minutes, a cycle takes hours.
The temperature of the cells is held; heat does not warm them. Nothing is lost at standstill:
time in which the vehicle waits awake between charging and discharging is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_circuit import circuit_current
from gridtide.battery.circuit import (
    CIRCUITS,
    Circuit,
    cells_in,
    check_ranges,
    open_circuit_v,
    raise_findings,
    resistances_ohm,
    turn_sign,
)
from gridtide.battery.losses import DEFAULT_LAW, cells_kw
from gridtide.core import Finding

Floats = npt.NDArray[np.float64]

Boundary = Literal["cells", "dc", "plug"]

# Midpoints of the window of state of charge at which voltages are taken; with 400 the
# efficiency of every circuit is within 1e-6 of its limit.
_POINTS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """A cycle between two states of charge, whose efficiencies are asked for.

    Parameters
    ----------
    circuit
        Parameters of a cell.
    capacity_kwh
        Energy of the pack from SOC 0 to 1 at open-circuit voltage [kWh].
    temperature_c
        Temperature of the cells [degC].
    soc_min, soc_max
        Ends of the cycle [-].
    growth
        Relative resistance by ageing, 1 when new [-].
    coulombic
        Share of a charged Ah that is stored [-]; between 0.99 and 0.9999 in healthy cells.
    law
        Conversion loss at the plug, ``a [kW], b [-], c [1/kW]``.

    Raises
    ------
    InputError
        With a finding for every value outside its range.
    """

    circuit: Circuit = field(default_factory=lambda: CIRCUITS["nmc"])
    capacity_kwh: float = 60.0
    temperature_c: float = 25.0
    soc_min: float = 0.25
    soc_max: float = 0.75
    growth: float = 1.0
    coulombic: float = 1.0
    law: tuple[float, float, float] = DEFAULT_LAW

    def __post_init__(self) -> None:
        findings = check_ranges(
            capacity_kwh=self.capacity_kwh, temperature_c=self.temperature_c,
            soc_min=self.soc_min, soc_max=self.soc_max, growth=self.growth,
            coulombic=self.coulombic,
        )  # fmt: skip
        if not self.soc_min < self.soc_max:
            what = f"{self.soc_min:g} is not below soc_max, {self.soc_max:g}"
            findings.append(Finding("soc_min", what, "Write the lower state of charge here"))
        raise_findings(findings)


def coulombic_efficiency(cycle: RoundTrip, power_kw: npt.ArrayLike) -> Floats:
    """Ah that leave the cells over Ah that enter them, boundary "cells" [-].

    Counted over the cycle; in this model it depends on ``cycle.coulombic`` alone, and not on
    power, temperature or ageing. NaN where the circuit cannot carry the power.
    """
    charge, discharge = (_passes(cycle, power) for power in _both(power_kw))
    return np.asarray(discharge.ah / charge.ah)


def energy_efficiency(cycle: RoundTrip, power_kw: npt.ArrayLike) -> Floats:
    """Energy [kWh] that leaves the DC terminals over kWh that enter them, boundary "dc" [-].

    Parameters
    ----------
    cycle
        The cycle.
    power_kw
        Power at the DC terminals, the same both ways [kW], > 0, any shape. NaN in the answer
        where the circuit cannot carry it within the voltage window.
    """
    charge, discharge = (_passes(cycle, power) for power in _both(power_kw))
    return np.asarray(discharge.kwh / charge.kwh)


def round_trip_efficiency(cycle: RoundTrip, power_kw: npt.ArrayLike) -> Floats:
    """Energy [kWh] given at the plug over kWh taken at the plug, boundary "plug" [-].

    Parameters
    ----------
    cycle
        The cycle with its loss law.
    power_kw
        Power at the plug, the same both ways [kW], > 0, any shape. 0 in the answer where
        charging loses all it takes; NaN where the circuit cannot carry the power.
    """
    plug = np.abs(np.asarray(power_kw, float))
    into, out_of = (cells_kw(sign * plug.ravel(), cycle.law) for sign in (1.0, -1.0))
    charge = _passes(cycle, into.reshape(plug.shape))
    discharge = _passes(cycle, out_of.reshape(plug.shape))
    # Time at constant power is energy over power, at either boundary.
    with np.errstate(divide="ignore", invalid="ignore"):
        taken = charge.kwh * plug / np.abs(charge.power_kw)
        given = discharge.kwh * plug / np.abs(discharge.power_kw)
        share = given / taken
    return np.asarray(np.where(charge.power_kw > 0.0, share, 0.0))


def cycle_efficiency(cycle: RoundTrip, power_kw: npt.ArrayLike, boundary: Boundary) -> Floats:
    """Efficiency of the cycle at a boundary: "cells" in Ah, "dc" and "plug" in kWh [-]."""
    by_boundary = {
        "cells": coulombic_efficiency,
        "dc": energy_efficiency,
        "plug": round_trip_efficiency,
    }
    return by_boundary[boundary](cycle, power_kw)


@dataclass(frozen=True, slots=True)
class _Pass:
    """One way through the window: power at the DC terminals, energy and charge, positive."""

    power_kw: Floats
    kwh: Floats
    ah: Floats


def _both(power_kw: npt.ArrayLike) -> tuple[Floats, Floats]:
    size = np.abs(np.asarray(power_kw, float))
    return size, -size


def _passes(cycle: RoundTrip, power_kw: Floats) -> _Pass:
    """Go once through the window of state of charge at constant power at the DC terminals.

    Per unit of state of charge, Q ampere-hours pass at the terminal voltage
    ``V = OCV - I*(R0 + R1)``; while charging, Q/coulombic of them.
    """
    circuit = cycle.circuit
    edges = np.linspace(cycle.soc_min, cycle.soc_max, _POINTS + 1)
    soc = 0.5 * (edges[1:] + edges[:-1])
    resistance = sum(resistances_ohm(circuit, soc, cycle.temperature_c, cycle.growth))
    ocv = open_circuit_v(circuit, soc)
    cells = float(cells_in(circuit, cycle.capacity_kwh))
    power = power_kw[..., None]
    current = _currents(turn_sign(1000.0 * power / cells), ocv, np.asarray(resistance))
    voltage = ocv - current * resistance
    inside = (voltage >= circuit.min_v) & (voltage <= circuit.max_v)
    charging = power_kw > 0.0
    stored_ah = (cycle.soc_max - cycle.soc_min) * circuit.capacity_ah * cells
    ah = np.where(charging, stored_ah / cycle.coulombic, stored_ah)
    ah = np.where(inside.all(axis=-1), ah, np.nan)
    return _Pass(power_kw, ah * voltage.mean(axis=-1) / 1000.0, ah)


def _currents(power_w: Floats, ocv: Floats, resistance: Floats) -> Floats:
    each = np.vectorize(circuit_current, otypes=[float])
    return np.asarray(each(power_w, ocv, resistance))
