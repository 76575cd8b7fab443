"""Voltage windows of cell families, and the circuits behind them, as compiled code takes them.

Windows are those of common data sheets (unverified); a circuit whose own window is narrower keeps
its own.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_voltage import VoltageLaw
from gridtide.battery.circuit import CIRCUITS, Circuit, mean_open_circuit_v

CHEMISTRIES = tuple(CIRCUITS)
"""Names of cell families; their places are the codes of ``Image.chemistry``."""
CELL_WINDOW_V = {"nmc": (3.0, 4.2), "nca": (3.0, 4.2), "lfp": (2.5, 3.65), "lmo": (3.0, 4.2)}
"""Lowest and highest voltage of a cell [V] (unverified)."""
_GRID = np.linspace(0.0, 1.0, 101)


def chemistry_codes(chemistry: tuple[str, ...]) -> npt.NDArray[np.int8]:
    """Place of each name in ``CHEMISTRIES``; -1 for one that has no circuit."""
    places = {name: i for i, name in enumerate(CHEMISTRIES)}
    return np.array([places.get(name.lower(), -1) for name in chemistry], dtype=np.int8)


@cache
def voltage_law(margin_v: float) -> VoltageLaw:
    """Circuits of all chemistries with their windows, each side narrowed by a margin [V]."""
    circuits = [CIRCUITS[name] for name in CHEMISTRIES]
    open_v = np.array([np.interp(_GRID, c.soc, c.ocv_v) for c in circuits])
    ohm = np.array([np.interp(_GRID, c.soc, c.r0_ohm + c.r1_ohm) for c in circuits])
    cell = np.array([_cell(name, CIRCUITS[name], margin_v) for name in CHEMISTRIES])
    return VoltageLaw(grid=_GRID, open_v=open_v, ohm=ohm, cell=cell)


def _cell(name: str, circuit: Circuit, margin_v: float) -> tuple[float, float, float, float]:
    low, high = CELL_WINDOW_V[name]
    energy_kwh = circuit.capacity_ah * mean_open_circuit_v(circuit) / 1000.0
    return (
        energy_kwh,
        circuit.activation_j_per_mol,
        max(low, circuit.min_v) + margin_v,
        min(high, circuit.max_v) - margin_v,
    )
