"""Equivalent circuits on a common grid of SOC, and the one that stands in where none is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gridtide.battery._kernel_telemetry_state import GRID, Circuits

Floats = npt.NDArray[np.float64]

GAS_J_PER_MOL_K = 8.3144


class CellCircuit(Protocol):
    """A resistance in series and one RC pair, of a cell, over SOC.

    ``soc`` and the tables ``ocv_v``, ``r0_ohm``, ``r1_ohm`` have one shape; resistances are those
    of a cell of ``capacity_ah`` at 25 °C and fall with ``activation_j_per_mol`` after Arrhenius.
    """

    @property
    def soc(self) -> Floats: ...
    @property
    def ocv_v(self) -> Floats: ...
    @property
    def r0_ohm(self) -> Floats: ...
    @property
    def r1_ohm(self) -> Floats: ...
    @property
    def tau_s(self) -> float: ...
    @property
    def activation_j_per_mol(self) -> float: ...
    @property
    def min_v(self) -> float: ...
    @property
    def max_v(self) -> float: ...
    @property
    def capacity_ah(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCircuit:
    """A circuit as plain arrays; fields as in :class:`CellCircuit`."""

    soc: Floats
    ocv_v: Floats
    r0_ohm: Floats
    r1_ohm: Floats
    tau_s: float
    activation_j_per_mol: float
    min_v: float
    max_v: float
    capacity_ah: float


# Open-circuit voltage of the Sanyo UR18650E NMC/graphite cell: Schmalstieg et al., J. Power
# Sources 257 (2014) 325, doi 10.1016/j.jpowsour.2014.02.012, digitised by BLAST-Lite.
_NMC_OCV = (
    (0.0000, 3.3310),
    (0.0086, 3.3450),
    (0.0268, 3.3792),
    (0.0449, 3.4116),
    (0.0631, 3.4406),
    (0.0812, 3.4663),
    (0.0993, 3.4903),
    (0.1175, 3.5113),
    (0.1356, 3.5299),
    (0.1538, 3.5472),
    (0.1719, 3.5617),
    (0.1901, 3.5750),
    (0.2082, 3.5864),
    (0.2263, 3.5971),
    (0.2445, 3.6055),
    (0.2626, 3.6134),
    (0.2808, 3.6203),
    (0.2989, 3.6264),
    (0.3171, 3.6321),
    (0.3352, 3.6369),
    (0.3533, 3.6421),
    (0.3715, 3.6469),
    (0.3896, 3.6521),
    (0.4078, 3.6576),
    (0.4259, 3.6635),
    (0.4441, 3.6702),
    (0.4622, 3.6774),
    (0.4803, 3.6868),
    (0.4985, 3.6964),
    (0.5166, 3.7083),
    (0.5348, 3.7206),
    (0.5529, 3.7344),
    (0.5711, 3.7496),
    (0.5892, 3.7653),
    (0.6073, 3.7811),
    (0.6255, 3.7979),
    (0.6436, 3.8146),
    (0.6618, 3.8325),
    (0.6799, 3.8498),
    (0.6980, 3.8669),
    (0.7162, 3.8845),
    (0.7343, 3.9008),
    (0.7525, 3.9178),
    (0.7706, 3.9348),
    (0.7888, 3.9535),
    (0.8069, 3.9719),
    (0.8250, 3.9914),
    (0.8432, 4.0118),
    (0.8613, 4.0320),
    (0.8795, 4.0520),
    (0.8976, 4.0708),
    (0.9158, 4.0878),
    (0.9339, 4.1042),
    (0.9520, 4.1201),
    (0.9702, 4.1360),
    (0.9883, 4.1525),
    (0.9982, 4.1606),
    (1.0000, 4.1620),
)


def _nmc() -> ReferenceCircuit:
    soc, ocv = np.array(_NMC_OCV).T
    return ReferenceCircuit(
        soc=soc,
        ocv_v=ocv,
        # Resistances of 0.06 and 0.03 ohm of an ampere-hour, 60 s and 20 kJ/mol are the authors'
        # assumption of the usual size for large automotive cells (unverified).
        r0_ohm=np.full(soc.size, 0.06),
        r1_ohm=np.full(soc.size, 0.03),
        tau_s=60.0,
        activation_j_per_mol=20_000.0,
        min_v=3.0,
        max_v=4.2,
        capacity_ah=1.0,
    )


REFERENCE_CIRCUITS: Mapping[str, CellCircuit] = {"nmc": _nmc()}
"""Circuits by chemistry that the detector uses where it is given none."""


def tables_of(circuits: Sequence[CellCircuit]) -> Circuits:
    """Bring circuits to one grid, equally spaced in SOC."""
    grid = np.linspace(0.0, 1.0, GRID)

    def rows(name: str) -> Floats:
        tables = [np.interp(grid, c.soc, np.broadcast_to(getattr(c, name), np.shape(c.soc)))
                  for c in circuits]  # fmt: skip
        return np.array(tables, dtype=np.float64).reshape(len(circuits), GRID)

    def each(name: str) -> Floats:
        values: list[Any] = [getattr(c, name) for c in circuits]
        return np.array(values, dtype=np.float64)

    size = each("capacity_ah")[:, None]
    ocv = rows("ocv_v")
    return Circuits(
        ocv_v=ocv,
        r0_ohm_ah=rows("r0_ohm") * size,
        r1_ohm_ah=rows("r1_ohm") * size,
        tau_s=each("tau_s"),
        activation_k=each("activation_j_per_mol") / GAS_J_PER_MOL_K,
        min_v=each("min_v"),
        max_v=each("max_v"),
        mean_v=ocv.mean(axis=1) if len(circuits) else np.zeros(0),
    )
