"""A low-voltage feeder as arrays: nodes, lines, one transformer, one source, connection points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

THREE_PHASE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """A radial or meshed feeder with n nodes, l lines and m connection points.

    Parameters
    ----------
    source
        Where it was read, or how it was drawn, for people.
    nodes, rated_v
        Names, and rated line-to-line voltage [V], shape (n,).
    x_m, y_m
        Coordinates [m], NaN where unknown, shape (n,).
    lines, from_node, to_node, length_m
        Names, ends as places among the nodes, and length, shape (l,).
    r1_ohm, x1_ohm, r0_ohm, x0_ohm
        Impedance of the whole line, positive and zero sequence [ohm], shape (l,).
    c1_f, c0_f
        Capacitance of the whole line [F], shape (l,).
    rated_a
        Rated current [A], shape (l,).
    supply_node, feeding_node
        Where the source is, and the transformer's low side, places among the nodes.
    transformer_va, short_circuit, loss_w
        Rating [VA], relative short-circuit voltage, load loss [W].
    source_pu, source_va, source_rx
        Voltage [pu], short-circuit power [VA] and ratio R/X of the source.
    points, node, phase
        Names of the connection points, their node, and 0, 1, 2 for L1, L2, L3 or
        ``THREE_PHASE``, shape (m,).
    load_kw, power_factor, profile
        Stated load at each point [kW], its power factor, and its profile's file; shape (m,).
    """

    source: str
    nodes: tuple[str, ...]
    rated_v: Floats
    x_m: Floats
    y_m: Floats
    lines: tuple[str, ...]
    from_node: Ints
    to_node: Ints
    length_m: Floats
    r1_ohm: Floats
    x1_ohm: Floats
    r0_ohm: Floats
    x0_ohm: Floats
    c1_f: Floats
    c0_f: Floats
    rated_a: Floats
    supply_node: int
    feeding_node: int
    transformer_va: float
    short_circuit: float
    loss_w: float
    source_pu: float
    source_va: float
    source_rx: float
    points: tuple[str, ...]
    node: Ints
    phase: Ints
    load_kw: Floats
    power_factor: Floats
    profile: tuple[Path | None, ...]

    def __len__(self) -> int:
        """Return the number of connection points."""
        return len(self.points)

    @property
    def load_kvar(self) -> Floats:
        """Reactive power that goes with the stated load [kvar], shape (m,)."""
        return np.asarray(self.load_kw * np.tan(np.arccos(self.power_factor)))

    def profiles(self, steps: Ints) -> Floats:
        """Read the stated profiles at the given minutes of the day [pu], shape (steps, m).

        Points without a profile are 1 all day.
        """
        rows = [
            np.ones(len(steps)) if file is None else np.loadtxt(file)[steps]
            for file in self.profile
        ]
        return np.column_stack(rows) if rows else np.zeros((len(steps), 0))

    def islanded(self) -> Ints:
        """Nodes that no line joins to the transformer, places among the nodes."""
        reached = np.zeros(len(self.nodes), dtype=bool)
        reached[[self.supply_node, self.feeding_node]] = True
        while True:
            one, other = reached[self.from_node], reached[self.to_node]
            grown = one != other
            if not grown.any():
                return np.flatnonzero(~reached)
            reached[self.from_node[grown]] = True
            reached[self.to_node[grown]] = True
