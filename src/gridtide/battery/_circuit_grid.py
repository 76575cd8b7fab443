"""Equivalent circuits on one grid of SOC, as compiled code reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_telemetry_state import GRID, CircuitGrid
from gridtide.battery.circuit import GAS_CONSTANT, Circuit

Floats = npt.NDArray[np.float64]


def grid_of(circuits: Sequence[Circuit]) -> CircuitGrid:
    """Bring circuits to one grid, equally spaced in SOC; resistances are those of 1 Ah."""
    grid = np.linspace(0.0, 1.0, GRID)

    def rows(name: str) -> Floats:
        tables = [np.interp(grid, circuit.soc, getattr(circuit, name)) for circuit in circuits]
        return np.array(tables, dtype=np.float64).reshape(len(circuits), GRID)

    def each(name: str) -> Floats:
        return np.array([getattr(circuit, name) for circuit in circuits], dtype=np.float64)

    size = each("capacity_ah")[:, None]
    ocv = rows("ocv_v")
    return CircuitGrid(
        ocv_v=ocv,
        r0_ohm_ah=rows("r0_ohm") * size,
        r1_ohm_ah=rows("r1_ohm") * size,
        tau_s=each("tau_s"),
        activation_k=each("activation_j_per_mol") / GAS_CONSTANT,
        min_v=each("min_v"),
        max_v=each("max_v"),
        mean_v=ocv.mean(axis=1) if len(circuits) else np.zeros(0),
    )
