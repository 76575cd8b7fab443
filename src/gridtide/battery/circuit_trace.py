"""A pack that follows a series of powers at its DC terminals, through the equivalent circuit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_circuit import (
    NO_LIMIT,
    POWER_LIMIT,
    SOC_LIMIT,
    VOLTAGE_LIMIT,
    circuit_each,
)
from gridtide.battery.circuit import (
    Circuit,
    cells_in,
    check_ranges,
    mean_open_circuit_v,
    raise_findings,
    resistance_factor,
    turn_sign,
)
from gridtide.core import Finding

Floats = npt.NDArray[np.float64]


class CircuitLimit(IntEnum):
    """What cut the power of a step."""

    NONE = NO_LIMIT
    POWER = POWER_LIMIT
    VOLTAGE = VOLTAGE_LIMIT
    SOC = SOC_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a pack did, step by step. Positive is charging; n vehicles, or none of that axis.

    Parameters
    ----------
    step_s
        Length of a step [s].
    soc
        State of charge at the edges of the steps, shape (n, steps + 1).
    power_kw
        Mean power at the DC terminals that was held [kW], shape (n, steps).
    cell_v
        Terminal voltage of a cell at the end of each step [V], shape (n, steps).
    relative_voltage
        The same over the mean open-circuit voltage of the circuit [-]: times the nominal
        voltage of a pack, whatever its cells in series, it is that pack's voltage.
    current_c
        Current over the capacity, the C-rate [1/h], shape (n, steps).
    heat_kw
        Heat in the pack [kW], shape (n, steps).
    limit
        :class:`CircuitLimit` of each step, shape (n, steps).
    """

    step_s: float
    soc: Floats
    power_kw: Floats
    cell_v: Floats
    relative_voltage: Floats
    current_c: Floats
    heat_kw: Floats
    limit: npt.NDArray[np.int8]


def simulate(
    circuit: Circuit,
    power_kw: npt.ArrayLike,
    step_s: float,
    *,
    capacity_kwh: npt.ArrayLike,
    soc0: npt.ArrayLike,
    temperature_c: npt.ArrayLike,
    growth: npt.ArrayLike = 1.0,
    coulombic: npt.ArrayLike = 1.0,
) -> Trace:
    """Let packs follow a series of powers, cut where voltage, charge or the circuit end.

    The current is constant in a step, of the size whose mean power is the one asked for;
    resistances are those of the step's start. At constant current the answer does not depend
    on the length of a step but for that.

    Parameters
    ----------
    circuit
        Parameters of a cell.
    power_kw
        Power at the DC terminals [kW], positive while charging, shape (steps,) or (n, steps).
    step_s
        Length of a step [s].
    capacity_kwh
        Energy of the pack from SOC 0 to 1 at open-circuit voltage [kWh], shape (n,) or a number.
    soc0
        State of charge at the start [-], shape (n,) or a number. The RC pair is at rest.
    temperature_c
        Temperature of the cells [degC], held, shape (n,) or a number.
    growth
        Relative resistance by ageing, 1 when new, shape (n,) or a number.
    coulombic
        Coulombic efficiency [-]: the share of a charged Ah that is stored.

    Raises
    ------
    InputError
        With a finding for every input outside its range or of the wrong shape.
    """
    findings = check_ranges(
        power_kw=power_kw, step_s=step_s, capacity_kwh=capacity_kwh, soc0=soc0,
        temperature_c=temperature_c, growth=growth, coulombic=coulombic,
    )  # fmt: skip
    asked = np.asarray(power_kw, float)
    findings += _check_shapes(
        asked, capacity_kwh=capacity_kwh, soc0=soc0, temperature_c=temperature_c,
        growth=growth, coulombic=coulombic,
    )  # fmt: skip
    raise_findings(findings)
    rows = np.atleast_2d(asked)
    n, steps = rows.shape
    cells = np.broadcast_to(cells_in(circuit, capacity_kwh), n)
    start, factor, eta = (
        np.ascontiguousarray(np.broadcast_to(value, n), float)
        for value in (soc0, resistance_factor(circuit, temperature_c, growth), coulombic)
    )
    soc = np.empty((n, steps + 1))
    voltage, current, heat, held = np.empty((4, n, steps))
    limit = np.zeros((n, steps), np.int8)
    circuit_each(
        turn_sign(1000.0 * rows / cells[:, None]), float(step_s), np.ascontiguousarray(cells),
        start, factor, eta, circuit.soc, circuit.ocv_v, circuit.r0_ohm, circuit.r1_ohm,
        circuit.tau_s, circuit.capacity_ah, circuit.min_v, circuit.max_v,
        soc, voltage, current, heat, held, limit,
    )  # fmt: skip
    flat = asked.ndim == 1
    return Trace(
        step_s=float(step_s),
        soc=soc[0] if flat else soc,
        power_kw=_shaped(turn_sign(held * cells[:, None] / 1000.0), flat),
        cell_v=_shaped(voltage, flat),
        relative_voltage=_shaped(voltage / mean_open_circuit_v(circuit), flat),
        current_c=_shaped(turn_sign(current) / circuit.capacity_ah, flat),
        heat_kw=_shaped(heat / 1000.0, flat),
        limit=limit[0] if flat else limit,
    )


def _check_shapes(power_kw: Floats, **each: npt.ArrayLike) -> list[Finding]:
    """Return a finding for every input that has neither one value nor one for each row."""
    if power_kw.ndim not in (1, 2):
        mend = "Write one row of powers, or one for each vehicle"
        return [Finding("power_kw", f"{power_kw.ndim} axes are not allowed", mend)]
    n = 1 if power_kw.ndim == 1 else power_kw.shape[0]
    mend = f"Write a number, or {n} of them"
    shapes = {name: np.shape(value) for name, value in each.items()}
    return [
        Finding(name, f"the shape {shape} does not fit {n} rows of power", mend)
        for name, shape in shapes.items()
        if shape not in {(), (1,), (n,)}
    ]


def _shaped(rows: Floats, flat: bool) -> Floats:
    return rows[0] if flat else rows
